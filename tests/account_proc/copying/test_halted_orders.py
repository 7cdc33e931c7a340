"""Orders of copying that are open when trading is halted are cancelled; what they left is owed, or over."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from krakencopy.account_proc.contract.copy_state import CopyState
from krakencopy.account_proc.contract.errors import (
    ExchangeError,
    ExchangeRefused,
    KeyRefused,
    OutcomeUnknown,
    RateLimited,
)
from krakencopy.account_proc.contract.trading_states import TradingState
from krakencopy.account_proc.domain.quantities import BaseVolume, Side
from krakencopy.account_proc.kraken.errors import LockedOut
from krakencopy.account_proc.state.ledger import Ledger
from tests.support.copying_user import User, copying
from tests.support.flattened_user import bought
from tests.support.scripted_kraken import execution, order_row, run, until
from tests.support.trading_states import say_state

HALF = "0.00005"


def rests(user: User, order_id: str = "O9", filled: str = "") -> list[dict[str, str]]:
    """The next order of the user is taken and rests, filled so far; it ends when it is cancelled. What is
    asked to be cancelled.
    """
    cancels: list[dict[str, str]] = []
    sent: list[dict[str, str]] = []

    def take(params: dict[str, str]) -> Any:
        sent.append(params)
        if filled:
            told = execution(
                order_id=order_id, cl_ord_id=params["cl_ord_id"], exec_id="T9", qty=filled,
                side=Side(params["type"]),
            )  # fmt: skip
            asyncio.get_running_loop().call_soon(user.gateway.count_executions, [told])
        return {"descr": {"order": "an order"}, "txid": [order_id]}

    def cancel(params: dict[str, str]) -> Any:
        cancels.append(params)
        row = order_row("canceled", sent[0]["volume"], filled or "0", reason="User requested")
        user.kraken.always["QueryOrders"] = {order_id: row}
        told = execution("canceled", order_id, cl_ord_id=sent[0]["cl_ord_id"])
        asyncio.get_running_loop().call_soon(user.gateway.count_executions, [told])
        return {"count": 1}

    user.kraken.next["AddOrder"] = [take]
    user.kraken.always["CancelOrder"] = cancel
    user.kraken.always["QueryOrders"] = {}
    return cancels


def halt(user: User) -> None:
    say_state(user.states_path, TradingState.HALTED)
    user.guard.look()


async def halted_on_its_way(user: User) -> None:
    """An entry is acknowledged, and trading is halted."""
    user.fill()
    await until(lambda: user.copy().state is CopyState.ACKNOWLEDGED)
    halt(user)


async def filled_all_the_same(user: User) -> None:
    """The order of the entry is filled, as the feed tells."""
    cl_ord_id = user.copy().cl_ord_id
    user.gateway.count_executions([execution(order_id="O9", cl_ord_id=cl_ord_id, qty="0.0001")])
    await user.done()


def test_an_open_exit_is_cancelled_and_what_it_left_is_owed_and_sold_later(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.start_asking()
            await bought(user)
            cancels = rests(user, filled=HALF)
            user.fill(Side.SELL)
            await until(lambda: user.copy(2).state is CopyState.ACKNOWLEDGED)
            halt(user)
            await user.done()
            copy = user.copy(2)
            assert [cancel["txid"] for cancel in cancels] == ["O9"]
            assert (copy.state, copy.reason, copy.filled) == (
                CopyState.PART_FILLED, "TRADING_HALTED", Decimal(HALF),
            )  # fmt: skip
            assert "; cancelled: trading of all accounts is HALTED since" in copy.detail
            assert user.book.owed("BTC") == user.book.held("BTC") == BaseVolume(Decimal(HALF))
            # Nothing is known to be in its way, so that it leaves as soon as it may.
            assert user.exits.not_before("BTC/USD") == 0.0

    run(steps())


def test_an_open_entry_is_cancelled_and_over(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.start_asking()
            cancels = rests(user)
            await halted_on_its_way(user)
            # Whatever else is said meanwhile, it is cancelled once.
            say_state(user.states_path, TradingState.HALTED, "account:bea")
            user.guard.look()
            await user.done()
            assert len(cancels) == 1
            assert (user.copy().state, user.copy().reason) == (CopyState.REJECTED, "TRADING_HALTED")

    run(steps())


def test_in_reducing_nothing_is_cancelled(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            cancels = rests(user)
            user.fill()
            await until(lambda: user.copy().state is CopyState.ACKNOWLEDGED)
            say_state(user.states_path, TradingState.REDUCING)
            user.guard.look()
            await asyncio.sleep(0.01)
            assert cancels == []

    run(steps())


def test_an_order_whose_outcome_is_unknown_is_cancelled_once_it_is_found_open(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.start_asking()
            await bought(user)
            cancels = rests(user, order_id="OLOST")
            take = user.kraken.next["AddOrder"].pop()

            def lost(params: dict[str, str]) -> Any:
                take(params)
                row = order_row("open", params["volume"], "0")
                user.kraken.always["OpenOrders"] = {"open": {"OLOST": row}}
                user.kraken.always["ClosedOrders"] = {"closed": {}, "count": 0}
                return OutcomeUnknown("AddOrder", "cut")

            user.kraken.next["AddOrder"] = [lost]
            user.fill(Side.SELL)
            await until(lambda: user.copy(2).state is CopyState.UNKNOWN)
            halt(user)
            assert cancels == []
            user.now += 1000.0
            await user.done()
            assert [cancel["txid"] for cancel in cancels] == ["OLOST"]
            assert (user.copy(2).state, user.copy(2).reason) == (CopyState.REJECTED, "TRADING_HALTED")
            assert user.book.owed("BTC") == user.book.held("BTC")

    run(steps())


@pytest.mark.parametrize(
    "error",
    [
        OutcomeUnknown("CancelOrder", "cut"),
        RateLimited("CancelOrder", ("EAPI:Rate limit exceeded",)),
        KeyRefused("CancelOrder", ("EGeneral:Temporary lockout",)),
        LockedOut("CancelOrder", 600.0, "EAPI:Invalid key"),
    ],
)
def test_a_cancel_without_an_answer_is_sent_again(ledger: Ledger, error: ExchangeError) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.start_asking()
            cancels = rests(user)
            user.kraken.next["CancelOrder"] = [error, error]
            await halted_on_its_way(user)
            await user.done()
            assert (len(cancels), user.kraken.times_asked("CancelOrder")) == (1, 3)

    run(steps())


def test_a_key_that_may_not_cancel_is_said_once_and_the_order_goes_on(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            rests(user)
            user.kraken.always["CancelOrder"] = KeyRefused("CancelOrder", ("EGeneral:Permission denied",))
            await halted_on_its_way(user)
            await until(lambda: len(list(user.announcements)) > 0)
            (told,) = user.announcements
            assert told.code == "HALTED_ORDER_OPEN"
            assert "order O9 of copying to buy BTC/USD is still open" in told.message
            await filled_all_the_same(user)
            assert (user.copy().state, user.copy().reason) == (CopyState.FILLED, "SCALED")

    run(steps())


def test_an_order_that_was_over_before_its_cancel_came_needs_no_words(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            rests(user)
            user.kraken.always["CancelOrder"] = ExchangeRefused("CancelOrder", ("EOrder:Unknown order",))
            await halted_on_its_way(user)
            await until(lambda: user.kraken.times_asked("CancelOrder") == 1)
            await filled_all_the_same(user)
            assert list(user.announcements) == []
            assert user.copy().state is CopyState.FILLED

    run(steps())
