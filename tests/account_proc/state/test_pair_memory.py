"""The rules of a pair that was traded outlive its listing, and the process."""

from __future__ import annotations

from pathlib import Path

from krakencopy.account_proc.contract.ledger_file import PAIRS as PAIRS_KEPT
from krakencopy.account_proc.domain.pairs import NOT_LISTED
from krakencopy.account_proc.kraken.pair_rows import pair_table
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.account_proc.state.pair_memory import PairMemory
from tests.support.scripted_kraken import ASSETS, PAIRS


def test_what_was_asked_for_is_known_to_the_next_process(tmp_path: Path) -> None:
    table = pair_table(PAIRS, ASSETS)
    known = table.pair("XBTUSD")
    ledger = Ledger(tmp_path / "anna.db", "anna")
    PairMemory(ledger).keep_asked(table)
    ledger.close()
    ledger = Ledger(tmp_path / "anna.db", "anna")
    later = PairMemory(ledger).join(pair_table({"XETHZUSD": PAIRS["XETHZUSD"]}, ASSETS))
    found = later.pair("BTC/USD")
    assert (found.altname, found.lot_decimals, found.ordermin) == (
        known.altname,
        known.lot_decimals,
        known.ordermin,
    )
    assert found.status == NOT_LISTED
    assert later.pair("ETH/USD").status == "online"
    # It is listed again.
    assert PairMemory(ledger).join(pair_table(PAIRS, ASSETS)).pair("BTC/USD") == known
    ledger.close()


def test_nothing_is_written_while_nothing_is_new(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "anna.db", "anna")
    memory, table = PairMemory(ledger), pair_table(PAIRS, ASSETS)
    table.pair("XBTUSD")
    memory.keep_asked(table)
    before = ledger.kept_value(PAIRS_KEPT)
    ledger.keep_value(PAIRS_KEPT, "written by nobody")
    memory.keep_asked(table)
    assert ledger.kept_value(PAIRS_KEPT) == "written by nobody"
    table.pair("ETHUSD")
    memory.keep_asked(table)
    assert ledger.kept_value(PAIRS_KEPT) != before
    ledger.close()


def test_rules_that_cannot_be_read_are_forgotten(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "anna.db", "anna")
    ledger.keep_value(PAIRS_KEPT, '[["XXBTZUSD"], 7]')
    table = pair_table(PAIRS, ASSETS)
    assert PairMemory(ledger).join(table) is table
    ledger.close()
