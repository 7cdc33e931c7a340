"""Orders that an older ledger has made and does not know count as copied before anything is sent, and what
they answered is not answered again.
"""

from __future__ import annotations

import asyncio
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from krakencopy.account_proc.contract.copy_state import CopyState
from krakencopy.account_proc.contract.order_ids import copy_order_id
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.kraken.rest.messages import OrderRow, order_row
from krakencopy.account_proc.state.ledger import Ledger
from tests.support.copying import NOW
from tests.support.copying_user import User, copying, fills
from tests.support.scripted_kraken import TABLE, execution, run, until
from tests.support.scripted_kraken import order_row as raw_row

BUY, SELL = Side.BUY, Side.SELL


def lost(number: int, side: Side, volume: str, *, copy_id: str = "", status: str = "closed") -> OrderRow:
    """An order of the lost days."""
    raw = raw_row(
        status, volume, volume, cl_ord_id=copy_order_id("a journal", "anna", copy_id or f"c{number}", 1)
    )
    raw |= {"opentm": NOW + number, "descr": raw["descr"] | {"type": side.value}}
    return order_row(f"OLD{number}", raw, TABLE)


async def take_over(user: User, *orders: OrderRow) -> None:
    await user.portfolio.load()
    user.now = NOW + 3600
    await user.copier.take_over_orders(orders)


def held(user: User) -> Decimal:
    return user.copier.positions.held("BTC")


def test_what_was_bought_and_sold_since_is_the_position(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            await take_over(user, lost(1, BUY, "0.003"), lost(2, SELL, "0.001"))
            assert held(user) == Decimal("0.002")
            assert [(copy.reason, copy.state, copy.order_id) for copy in user.copies] == [
                ("TAKEN_OVER", CopyState.FILLED, "OLD1"),
                ("TAKEN_OVER", CopyState.FILLED, "OLD2"),
            ]
            assert user.kraken.sent == []
            assert ledger.owner(lost(1, BUY, "1").cl_ord_id or "") == "l1"

    run(steps())


def test_fills_up_to_the_last_of_them_are_answered_in_their_pair_and_later_ones_are_not(
    ledger: Ledger,
) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            await take_over(user, lost(1, BUY, "0.003"))
            some = fills((BUY, "BTC/USD"), (SELL, "BTC/USD"), (SELL, "ETH/USD"))
            some[1].executed_at.FromMicroseconds(round((NOW + 2) * 1e6))
            some[1].master_position = "0.001"
            user.copier.take_fills(some)
            await user.done()
            assert user.copy(1).reason == "ANSWERED_BEFORE"
            assert user.copy(2).reason == "EXIT_FULL"
            assert user.copy(3).reason == "NO_COPIED_POSITION"
            assert [order["volume"] for order in user.kraken.sent] == ["0.003"]
            assert held(user) == 0

    run(steps())


@pytest.mark.parametrize(
    ("orders", "owed"),
    [
        # What the exit at NOW + 2 left: it was sent for 0.003, and part of it was held.
        ([(1, BUY, "0.003"), (3, SELL, "0.001")], "0.002"),
        ([(1, BUY, "0.003"), (3, SELL, "0.003")], "0"),
        # Bought after the exit: the master holds it.
        ([(1, BUY, "0.003"), (3, SELL, "0.003"), (4, BUY, "0.001")], "0"),
    ],
)
def test_what_an_exit_that_was_answered_before_has_left_stays_owed(
    ledger: Ledger, orders: list[tuple[int, Side, str]], owed: str
) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            await take_over(user, *(lost(*order) for order in orders))
            (left,) = fills((SELL, "BTC/USD"))
            left.executed_at.FromMicroseconds(round((NOW + 2) * 1e6))
            left.master_position = "0.001"
            user.copier.take_fills([left])
            await user.done()
            assert user.copy(1).reason == "ANSWERED_BEFORE"
            told = [Decimal(place.carried_sell or 0) for place in user.copier.positions.to_proto()]
            assert sum(told) == Decimal(owed)

    run(steps())


def test_both_survive_the_process_and_no_id_of_theirs_is_given_again(tmp_path: Path) -> None:
    path = tmp_path / "anna.db"

    async def steps() -> None:
        with closing(Ledger(path, "anna")) as ledger:
            async with copying(ledger) as user:
                await take_over(user, lost(1, BUY, "0.003", copy_id="c2"))
        with closing(Ledger(path, "anna")) as ledger:
            assert ledger.answered == {"BTC/USD": NOW + 1}
            async with copying(ledger) as user:
                user.now = NOW + 3600
                some = fills((BUY, "BTC/USD"), (SELL, "BTC/USD"))
                some[1].executed_at.FromMicroseconds(round((NOW + 2) * 1e6))
                user.copier.take_fills(some)
                await user.done()
                assert user.copy(1).reason == "ANSWERED_BEFORE"
                assert user.copy(2).cl_ord_id == copy_order_id("a journal", "anna", "c2", 2)

    run(steps())


def test_one_that_is_still_open_is_followed_to_its_end_before_anything_else(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            order = lost(1, BUY, "0.003", status="open")
            taking = asyncio.ensure_future(take_over(user, order))
            await until(lambda: not user.gateway.idle)
            assert not taking.done()
            told = execution(order_id="OLD1", cl_ord_id=order.cl_ord_id, exec_id="T1", qty="0.003", side=BUY)
            user.gateway.count_executions([told])
            await taking
            assert held(user) == Decimal("0.003")

    run(steps())


@pytest.mark.parametrize("busy_with", ["ETH/USD", "SOL/ETH", "BTC/USD"])
def test_a_late_order_waits_for_those_that_trade_its_coin_or_what_it_brings_in(
    ledger: Ledger, busy_with: str
) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.fill()
            await user.done()
            late = replace(lost(1, SELL, "0.01"), pair="ETH/BTC")
            user.copier._turns.begin_order("x9", busy_with)
            assert not user.copier.adopt_order(late, user.copy())
            user.copier._turns.end_order("x9")
            assert user.copier.adopt_order(late, user.copy())

    run(steps())
