"""What the ledger keeps of limits: durable before it holds, unreadable never taken for nothing."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from krakencopy.account_proc.contract.errors import LedgerFault
from krakencopy.account_proc.contract.ledger_file import LIMITS
from krakencopy.account_proc.contract.loss_counting import Hit
from krakencopy.account_proc.contract.loss_limits import Action
from krakencopy.account_proc.contract.trading_states import FlattenBy, TradingState
from krakencopy.account_proc.copying import limit_book
from krakencopy.account_proc.copying.limit_book import REALISED, LimitBook, RealisedCount
from krakencopy.account_proc.state.ledger import Ledger
from tests.support.account_specs import guard_in
from tests.support.limited_user import limit_of, usd


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "anna.db", "anna")


DAY, WEEK = limit_of(usd("10")), limit_of(usd("20"), Action.FLATTEN, name="week")


def was_hit(book: LimitBook, name: str, number: int) -> None:
    book.states[name].since = 5.0
    book.states[name].hit = Hit(number=number, at=6.0, loss=Decimal(11), words=f"{name} was hit")
    book.hits = number
    book.write()


def test_a_hit_is_there_in_the_next_book_and_holds(ledger: Ledger, tmp_path: Path) -> None:
    book = LimitBook((DAY, WEEK), ledger)
    was_hit(book, "day", 1)
    was_hit(book, "week", 2)
    again = LimitBook((DAY,), ledger)
    assert set(again.hits_now()) == {"day", "week"}
    assert again.hits == 2
    assert set(again.configured) == {"day"}
    guard = guard_in(tmp_path, "anna")
    again.hold(guard)
    assert guard.state is TradingState.REDUCING
    orders = [guard.last_flatten(FlattenBy.LIMIT)]
    again.reset(["week"], "r1")
    again.hold(guard)
    orders.append(guard.last_flatten(FlattenBy.LIMIT))
    assert [order and (order.number, order.by) for order in orders] == [(2, "limit week"), None]
    assert set(LimitBook((DAY,), ledger).states) == {"day"}


def test_a_hit_stays_as_it_was_until_it_is_reset(ledger: Ledger) -> None:
    was_hit(LimitBook((DAY,), ledger), "day", 1)
    changed = limit_of(usd("99"), Action.HALTED)
    book = LimitBook((changed,), ledger)
    assert book.states["day"].limit == DAY
    assert book.reset(["day"], "r1") == ["day"]
    assert book.states["day"].limit == changed
    assert LimitBook((changed,), ledger).reset_by("r1") == ["day"]


def test_of_resets_so_many_are_remembered(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limit_book, "RESETS_MAX", 2)
    book = LimitBook((DAY,), ledger)
    for number in range(3):
        book.reset(["day"], f"r{number}")
    assert [book.reset_by(f"r{number}") for number in range(3)] == [None, ["day"], ["day"]]


def test_it_is_written_only_where_it_has_changed(ledger: Ledger) -> None:
    book = LimitBook((DAY,), ledger)
    book.write()
    ledger.close()  # a further write would raise
    book.write()


@pytest.mark.parametrize("text", ["{}", "[]", '{"states": {"day": {}}, "hits": 0}', "1", "not JSON"])
def test_what_cannot_be_read_is_a_fault_of_the_ledger(ledger: Ledger, text: str) -> None:
    ledger.keep_value(LIMITS, text)
    with pytest.raises(LedgerFault, match="what it keeps of limits cannot be read"):
        LimitBook((DAY,), ledger)
    ledger.keep_value(REALISED, text)
    with pytest.raises(LedgerFault, match="what was realised cannot be read"):
        RealisedCount(ledger, ledger.load_book())


def test_what_was_realised_follows_a_coin_to_its_new_name(ledger: Ledger) -> None:
    book = ledger.load_book()
    count = RealisedCount(ledger, book)
    assert count.count([]) == {}
    count.realised.totals["MATIC"] = Decimal(3)
    book.names.rename("MATIC", "POL")
    assert count.totals() == {"POL": 3}
