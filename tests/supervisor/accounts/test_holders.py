"""Who holds a coin by copying is read from the users' ledgers, whoever runs."""

from __future__ import annotations

import asyncio
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from krakencopy.account_proc.contract.copied_coins import Exchanged
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.supervisor.accounts.holders import HoldersLog, holders, holders_text
from krakencopy.supervisor.journal.event_log import EventLog
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.v1 import types_pb2 as pb


def bought(ledger: Ledger, volume: str) -> None:
    book = ledger.load_book()
    trade = Exchanged(base="BTC", quote="USD", volume=Decimal(volume), cost=Decimal(100), fees={})
    book.coins.bought(trade)
    ledger.commit(book=book)


@pytest.mark.parametrize("runs", [True, False])
def test_what_ledgers_say_of_users_that_run_and_that_do_not(tmp_path: Path, runs: bool) -> None:
    path = tmp_path / "anna.db"
    with closing(Ledger(path, "anna")) as ledger:
        bought(ledger, "0.002")
        if runs:
            assert holders({"anna": path}, "BTC") == {"anna": Decimal("0.002")}
    files = sorted(tmp_path.iterdir())
    assert holders({"anna": path, "ben": tmp_path / "ben.db"}, "BTC") == {"anna": Decimal("0.002")}
    assert holders({"anna": path}, "ETH") == {}
    assert sorted(tmp_path.iterdir()) == files


def test_a_ledger_that_cannot_be_read_is_said_to_be_so(tmp_path: Path) -> None:
    path = tmp_path / "anna.db"
    path.write_bytes(b"no database")
    assert holders({"anna": path}, "BTC") == {"anna": None}


def test_people_read_who_holds_it_and_how_many_more_do() -> None:
    assert holders_text({}) == "no user holds any of it by copying"
    assert (
        holders_text({"anna": Decimal("0.0020"), "ben": None})
        == "by copying users still hold: anna 0.002, ben an unknown amount"
    )
    many = {f"u{number:02}": Decimal(1) for number in range(12)}
    assert holders_text(many).endswith("u09 1 and 2 more users")


def test_an_event_says_who_holds_the_coin(tmp_path: Path) -> None:
    async def play(journal: Journal) -> pb.Event:
        events = EventLog(journal)
        log = HoldersLog(events, lambda: {"anna": tmp_path / "anna.db"})
        log.record_with_holders(pb.SEVERITY_WARNING, "master", "SPLIT", "BTC was split", "BTC")
        await events.change_signal.wait(0)
        return journal.events_after(0, 1)[0]

    with closing(Ledger(tmp_path / "anna.db", "anna")) as ledger, closing(Journal(tmp_path / "j.db")) as j:
        bought(ledger, "0.002")
        event = asyncio.run(play(j))
    assert (event.account_id, event.code) == ("master", "SPLIT")
    assert event.message == "BTC was split; by copying users still hold: anna 0.002"
