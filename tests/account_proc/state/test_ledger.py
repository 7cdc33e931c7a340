"""The ledger gives back what was put in, once and in order."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from krakencopy.account_proc.contract.copied_coins import Exchanged
from krakencopy.account_proc.contract.copy_state import MAY_BE_LIVE, CopyState
from krakencopy.account_proc.contract.errors import LedgerFault
from krakencopy.account_proc.contract.trading_states import FlattenBy
from krakencopy.account_proc.domain.copy_book import CopyBook
from krakencopy.account_proc.domain.copy_plan import OrderPlan, Slice
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.domain.quantities import BaseVolume, QuoteAmount, Side
from krakencopy.account_proc.domain.requested_order import OwnPosition, RequestedOrder
from krakencopy.account_proc.state.ledger import PLANS_IN_MEMORY
from tests.support.ledger_any import bases, copies, ids, plans, quotes, requested_orders, slices
from tests.support.ledger_samples import copy, opened, plan

one_ledger = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


# -- what is put in comes out ------------------------------------------------------------------------------


def test_a_new_ledger_knows_nothing(tmp_path: Path) -> None:
    with opened(tmp_path / "accounts" / "tania.db") as ledger:
        assert (ledger.cursor, ledger.journal_id, ledger.revision) == (None, None, 0)
        assert ledger.pending_fills() == []
        assert [*ledger.open_copies(), *ledger.copies_after(0, 10)] == []
        assert [ledger.get_plan("O1"), ledger.copy("c1"), ledger.requested_order("r1")] == [None, None, None]
        assert list(ledger.load_book().coins) == []


@one_ledger
@given(st.lists(copies, min_size=1, max_size=4, unique_by=lambda copy: copy.copy_id))
def test_copies_come_back_as_they_were(tmp_path: Path, records: list[CopyRecord]) -> None:
    path = tmp_path / "copies.db"
    with opened(path) as ledger:
        before = ledger.revision
        ledger.commit(copies=records)
    with opened(path) as ledger:
        assert ledger.copies_after(before, 10) == records
        assert [ledger.copy(record.copy_id) for record in records] == records
        assert [record.revision for record in records] == [
            before + 1 + index for index in range(len(records))
        ]
        live = [record for record in records if record.state in MAY_BE_LIVE]
        assert [found for found in ledger.open_copies() if found.revision > before] == live


@one_ledger
@given(st.lists(plans, min_size=1, max_size=4, unique_by=lambda plan: plan.order_id))
def test_plans_come_back_as_they_were(tmp_path: Path, kept: list[OrderPlan]) -> None:
    path = tmp_path / "plans.db"
    with opened(path) as ledger:
        for each in kept:
            ledger.put_plan(each)
        ledger.commit()
    with opened(path) as ledger:
        assert [ledger.get_plan(each.order_id) for each in kept] == kept


@one_ledger
@given(ids, bases, quotes, slices, slices)
def test_the_book_comes_back_as_it_was(
    tmp_path: Path, pair: str, volume: BaseVolume, cost: QuoteAmount, buys: list[Slice], sells: list[Slice]
) -> None:
    path = tmp_path / "book.db"
    with opened(path) as ledger:
        book = CopyBook(ledger)
        book.coins.bought(Exchanged(base=pair, quote="USD", volume=volume.amount, cost=cost.amount))
        position = book.coins.position(pair)
        for side, pieces in ((Side.BUY, buys), (Side.SELL, sells)):
            for piece in pieces:
                book.carry(pair, side, [piece], piece.copy_id)
        ledger.commit(book=book)
    with opened(path) as ledger:
        found = ledger.load_book()
        assert found.coins.position(pair) == position
        assert found.carried.get((pair, Side.BUY), []) == buys
        assert found.carried.get((pair, Side.SELL), []) == sells


def test_coins_that_the_master_has_left_and_what_was_flattened_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "book.db"
    with opened(path) as ledger:
        assert ledger.flattened(FlattenBy.SAID) == 0
        book = ledger.load_book()
        book.left = {"BTC": "BTC/USD"}
        ledger.commit(book=book, beside=ledger.whole_flatten(FlattenBy.SAID, 3))
        ledger.commit(book=book)
    with opened(path) as ledger:
        book = ledger.load_book()
        assert (book.left, ledger.flattened(FlattenBy.SAID)) == ({"BTC": "BTC/USD"}, 3)
        book.left.clear()
        ledger.commit(book=book)
    with opened(path) as ledger:
        assert (ledger.load_book().left, ledger.flattened(FlattenBy.SAID)) == ({}, 3)


@one_ledger
@given(requested_orders)
def test_orders_that_were_asked_for_come_back_as_they_were(tmp_path: Path, order: RequestedOrder) -> None:
    path = tmp_path / "own.db"
    with opened(path) as ledger:
        ledger.put_requested_order(replace(order, error="an earlier state"))
        ledger.put_requested_order(order)
    with opened(path) as ledger:
        assert ledger.requested_order(order.request_id) == order


def test_fills_wait_in_order_until_they_are_answered(tmp_path: Path) -> None:
    with opened(tmp_path / "tania.db") as ledger:
        ledger.join("journal", 4)
        for seq in (5, 6, 7):
            ledger.commit(cursor=(seq, f"T{seq}"), add_pending=[(seq, b"fill %d\0" % seq)])
        ledger.commit(drop_pending=[6])
    with opened(tmp_path / "tania.db") as ledger:
        assert ledger.pending_fills() == [(5, b"fill 5\0"), (7, b"fill 7\0")]
        assert (ledger.cursor, ledger.cursor_exec_id, ledger.journal_id) == (7, "T7", "journal")


def test_a_copy_that_changes_gets_a_new_revision_and_is_told_once_more(tmp_path: Path) -> None:
    with opened(tmp_path / "tania.db") as ledger:
        first, second = copy("c1", CopyState.INTENT), copy("c2", CopyState.UNKNOWN)
        ledger.commit(copies=(first, second))
        assert [found.copy_id for found in ledger.open_copies()] == ["c1", "c2"]
        first.state = CopyState.FILLED
        ledger.commit(copies=(first,))
        assert [(found.copy_id, found.revision) for found in ledger.copies_after(1, 10)] == [
            ("c2", 2),
            ("c1", 3),
        ]
        assert [found.copy_id for found in ledger.copies_after(0, 1)] == ["c2"]
        assert [found.copy_id for found in ledger.open_copies()] == ["c2"]


def test_entries_of_a_time_are_found_and_each_copy_that_is_durable_is_told(tmp_path: Path) -> None:
    with opened(tmp_path / "tania.db") as ledger:
        told: list[str] = []
        ledger.on_copy = lambda copy: told.append(copy.copy_id)
        early, late, sold = (
            replace(copy(name, CopyState.FILLED), decided_at=9.5) for name in ("c1", "c2", "c3")
        )
        early.decided_at, sold.side = 9.4, Side.SELL
        ledger.commit(copies=(each for each in (early, late, sold)))
        assert [found.copy_id for found in ledger.entries_since(9.5)] == ["c2"]
        assert told == ["c1", "c2", "c3"]


def test_plans_and_copies_of_an_earlier_version_are_read(tmp_path: Path) -> None:
    with opened(tmp_path / "tania.db") as ledger:
        ledger.put_plan(plan("O1"))
        ledger.commit(copies=[copy("c1", CopyState.FILLED)])
        for change in (
            "UPDATE plans SET body = json_remove(body, '$.cap_key', '$.too_small')",
            "UPDATE copies SET body = json_remove(body, '$.cap')",
        ):
            ledger._db.execute(change)
    with opened(tmp_path / "tania.db") as ledger:
        found = ledger.get_plan("O1")
        assert found is not None
        assert (found.cap_key, found.too_small) == ("max_user_risk", False)
        assert [each.cap for each in ledger.copies_after(0, 9)] == [""]


def test_plans_that_do_not_stay_in_memory_are_read_again(tmp_path: Path) -> None:
    many = PLANS_IN_MEMORY + 10
    with opened(tmp_path / "tania.db") as ledger:
        for number in range(many):
            ledger.put_plan(replace(plan(f"O{number}"), master_volume=BaseVolume(Decimal(number))))
        ledger.commit()
        assert len(ledger._plans) == PLANS_IN_MEMORY
        for number in range(many):
            found = ledger.get_plan(f"O{number}")
            assert found is not None
            assert found.master_volume.amount == number
        late = ledger.get_plan("O0")
        assert late is not None
        late.master_volume = BaseVolume(Decimal(-1))
        ledger.put_plan(late)
        ledger.commit()
        assert len(ledger._plans) == PLANS_IN_MEMORY
    with opened(tmp_path / "tania.db") as ledger:
        assert ledger.get_plan("O0") == late


# -- orders of a strategy ----------------------------------------------------------------------------------


def of_strategy(
    request_id: str, side: Side, state: CopyState, filled: str, fee_base: str = "0"
) -> RequestedOrder:
    return RequestedOrder(
        request_id=request_id,
        cl_ord_id=request_id,
        pair="BTC/USD",
        side=side,
        volume=Decimal(2),
        limit_price=None,
        state=state,
        deadline=5.0,
        strategy="sma",
        filled=Decimal(filled),
        cost=Decimal(filled) * 100,
        fee_base=Decimal(fee_base),
    )


def test_orders_that_were_asked_for_are_found_by_their_client_order_ids(tmp_path: Path) -> None:
    with opened(tmp_path / "tania.db") as ledger:
        orders = [of_strategy(name, Side.BUY, CopyState.INTENT, "0") for name in "ab"]
        for order in orders:
            ledger.put_requested_order(order)
        first = orders[0]
        assert ledger.requested_orders_of([first.cl_ord_id, "another"]) == {first.cl_ord_id: first}
        assert ledger.requested_orders_of([]) == {}


def test_a_strategys_order_is_live_until_its_end_and_then_counts_once_into_its_position(
    tmp_path: Path,
) -> None:
    path = tmp_path / "tania.db"
    with opened(path) as ledger:
        ledger.put_requested_order(of_strategy("a", Side.BUY, CopyState.INTENT, "0"))
        ledger.put_requested_order(of_strategy("b", Side.BUY, CopyState.INTENT, "0"))
    with opened(path) as ledger:
        assert [order.request_id for order in ledger.live_requested_orders()] == ["a", "b"]
        for _ in range(2):  # told twice, counted once
            ledger.put_requested_order(
                of_strategy("a", Side.BUY, CopyState.PART_FILLED, "1.5", fee_base="0.1")
            )
        ledger.put_requested_order(of_strategy("b", Side.BUY, CopyState.REJECTED, "0"))
        assert ledger.own_positions() == {"BTC/USD": OwnPosition(Decimal("1.4"), Decimal(150))}
        assert ledger.live_requested_orders() == []
    with opened(path) as ledger:
        ledger.put_requested_order(of_strategy("c", Side.SELL, CopyState.INTENT, "0"))
        ledger.put_requested_order(of_strategy("c", Side.SELL, CopyState.FILLED, "0.7"))
        assert ledger.own_positions() == {"BTC/USD": OwnPosition(Decimal("0.7"), Decimal(75))}


def test_an_order_that_an_operator_asked_for_is_never_a_strategys(tmp_path: Path) -> None:
    with opened(tmp_path / "tania.db") as ledger:
        for state in (CopyState.INTENT, CopyState.ACKNOWLEDGED):
            ledger.put_requested_order(replace(of_strategy("a", Side.BUY, state, "1"), strategy=""))
        assert (ledger.live_requested_orders(), ledger.own_positions()) == ([], {})


def test_a_row_that_cannot_be_read_is_a_fault_of_the_ledger(tmp_path: Path) -> None:
    with opened(tmp_path / "tania.db") as ledger:
        ledger._db.execute("INSERT INTO carried VALUES ('BTC/USD', '{')")
        with pytest.raises(LedgerFault):
            ledger.load_book()
