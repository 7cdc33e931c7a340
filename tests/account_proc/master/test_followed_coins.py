"""A coin that the journal counts is known under its new name, also by a later process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from krakencopy.account_proc.contract.errors import LedgerFault
from krakencopy.account_proc.domain.pair_table import PairTable
from krakencopy.account_proc.kraken.pair_rows import pair_table
from krakencopy.account_proc.master.followed_coins import COIN_IDS, FollowedCoins
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.account_proc.trading.portfolio import Portfolio
from tests.support.copying import NOW
from tests.support.scripted_kraken import ASSETS, PAIRS, TABLE, ScriptedKraken, run, until


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with closing(Ledger(tmp_path / "master.db", "master")) as opened:
        yield opened


def portfolio() -> Portfolio:
    made = Portfolio(ScriptedKraken().exchange, lambda: None, lambda: NOW, 0.0)
    made.pairs.latest = TABLE
    made.wallet.replace({"ETH": Decimal(2)})
    return made


def renamed(old: str, new: str) -> PairTable:
    """The tables in which a coin has another name."""
    assets = {key: {"altname": asset["altname"].replace(old, new)} for key, asset in ASSETS.items()}
    pairs = {
        key: pair | {name: pair[name].replace(old, new) for name in ("altname", "wsname")}
        for key, pair in PAIRS.items()
    }
    return pair_table(pairs, assets)


def test_a_coin_of_the_journal_is_renamed_once(ledger: Ledger) -> None:
    held = portfolio()
    coins = FollowedCoins(ledger, held)
    coins.begin_with(["ETH", "USD"])
    assert coins.apply_renames() == []
    held.pairs.latest = renamed("ETH", "NEW")
    assert coins.apply_renames() == [("ETH", "NEW")]
    assert held.wallet.balances() == {"NEW": 2}
    assert coins.apply_renames() == []


def test_the_id_of_a_coin_outlives_the_process(ledger: Ledger) -> None:
    before = FollowedCoins(ledger, portfolio())
    before.begin_with(["ETH"])
    before.apply_renames()
    before.save_ids()
    held = portfolio()
    held.pairs.latest = renamed("ETH", "NEW")
    after = FollowedCoins(ledger, held)
    after.begin_with(["ETH"])
    assert after.apply_renames() == [("ETH", "NEW")]


def test_a_coin_is_followed_from_its_first_trade_on(ledger: Ledger) -> None:
    async def steps() -> None:
        held = portfolio()
        coins = FollowedCoins(ledger, held)
        coins.begin_with([])
        coins.follow_traded(["ETH", "USD"])
        await until(lambda: coins._ids.to_json() != "{}")
        held.pairs.latest = renamed("ETH", "NEW")
        assert coins.apply_renames() == [("ETH", "NEW")]

    run(steps())


def test_what_cannot_be_read_is_a_fault_of_the_ledger(ledger: Ledger) -> None:
    ledger.keep_value(COIN_IDS, "[1]")
    with pytest.raises(LedgerFault, match="the coins in it cannot be read"):
        FollowedCoins(ledger, portfolio())
