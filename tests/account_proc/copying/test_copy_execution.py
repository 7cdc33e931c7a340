"""A copy's order from its intent to its end: where limits stand in its way it waits, or is given up, and says
so.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from krakencopy.account_proc.contract.copy_state import CopyState
from krakencopy.account_proc.contract.errors import ExchangeError, RateLimited
from krakencopy.account_proc.contract.spec import Tier
from krakencopy.account_proc.contract.trading_states import TradingState
from krakencopy.account_proc.domain.quantities import NO_VOLUME, Side
from krakencopy.account_proc.kraken.errors import LockedOut, NotSent
from krakencopy.account_proc.kraken.order_entry import NO_SUCH_PAIR, PairNotListed
from krakencopy.account_proc.kraken.order_gate import TradingHalted
from krakencopy.account_proc.kraken.rest import rate_limits as limits_module
from krakencopy.account_proc.kraken.rest.rate_limits import TierLimits
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.account_proc.trading.kraken_broker import KrakenBroker
from krakencopy.account_proc.trading.requested_orders import OrderAsked, OrderRefused, RequestedOrders
from tests.support.copying import NOW
from tests.support.copying_user import TIMING, User, copying, one_order_each
from tests.support.scripted_kraken import run, until
from tests.support.trading_states import say_state


def test_what_an_order_has_traded_is_counted_also_when_the_clock_was_set_back(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            held = user.portfolio.wallet["BTC"]
            user.now -= 5.0
            user.fill()
            await user.done()
            assert user.portfolio.wallet["BTC"] - held == user.copy().filled > 0

    run(steps())


def test_an_order_waits_until_its_pairs_counter_has_room_and_says_so(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_order_each(monkeypatch, wait_s=1.0)

    async def steps() -> None:
        async with copying(ledger) as user:
            for _ in range(2):
                user.fill()
                # The clock has gone on when the order leaves: a deadline of before the wait would be over.
                user.now += 10.0
                await user.done()
            assert [copy.state for copy in user.copies] == [CopyState.FILLED] * 2
            assert "waits" not in user.copy(1).detail
            assert "as the exchange's limits let no order in BTC/USD in before" in user.copy(2).detail
            assert user.copy(2).attempts == 1

    run(steps())


def test_the_deadline_that_is_sent_after_a_wait_is_durable_before(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_order_each(monkeypatch, wait_s=0.5)
    durable: list[bool] = []

    async def steps() -> None:
        async with copying(ledger) as user:

            def look(params: dict[str, str]) -> Any:
                (copy,) = ledger.open_copies()
                durable.append(datetime.fromisoformat(params["deadline"]).timestamp() == copy.deadline)
                return user.kraken._fill(params)

            user.kraken.always["AddOrder"] = look
            user.fill()
            await user.done()
            user.fill()
            user.now += 20.0
            await user.done()

    run(steps())
    assert durable == [True, True]


def test_an_entry_that_would_be_too_old_by_then_is_not_sent_and_an_exit_waits(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_order_each(monkeypatch, wait_s=100.0)

    async def steps() -> None:
        async with copying(ledger) as user:
            user.fill()
            await user.done()
            user.fill()
            await user.done()
            entry = user.copy(2)
            assert (entry.state, entry.reason) == (CopyState.REJECTED, "EOrder:Rate limit exceeded")
            assert "not sent: the entry would be 100 s old" in entry.detail
            assert entry.sent_at == 0
            user.fill(Side.SELL)
            await until(lambda: "waits" in user.copy(3).detail)
            assert user.copy(3).state is CopyState.INTENT
            assert len(user.kraken.sent) == 1

    run(steps())


@pytest.mark.parametrize(
    "error",
    [
        NotSent("AddOrder", "connection refused"),
        LockedOut("AddOrder", 900.0),
        PairNotListed("AddOrder", (NO_SUCH_PAIR,)),
    ],
    ids=["no connection", "locked out", "not listed"],
)
def test_an_order_that_never_left_has_no_time_at_which_it_left(ledger: Ledger, error: ExchangeError) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:

            async def not_sent(*_: Any, **__: Any) -> Any:
                user.now += 20.0  # so that an entry is not tried for ever
                raise error

            user.copier._execution._gateway.send = not_sent  # type: ignore[method-assign]
            user.fill()
            await user.done()
            copy = user.copy()
            assert (copy.state, copy.sent_at, copy.order_id) == (CopyState.REJECTED, 0.0, "")
            assert not copy.to_proto("anna").HasField("sent_at")

    run(steps())


def test_fills_that_come_while_an_order_waits_are_one_order_afterwards(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_order_each(monkeypatch, wait_s=0.1)

    async def steps() -> None:
        async with copying(ledger) as user:
            for _ in range(10):
                user.fill()
            await user.done()
            assert len(user.kraken.sent) == 2
            assert sum(Decimal(order["volume"]) for order in user.kraken.sent) == Decimal("0.001")

    run(steps())


def test_a_pair_whose_counter_is_fuller_than_was_counted_is_given_time_and_the_order_is_sent_again(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    tier = TierLimits(rest_limit=15.0, rest_decay=0.33, order_limit=60.0, order_decay=2.0)
    monkeypatch.setitem(limits_module.TIERS, Tier.STARTER, tier)

    async def steps() -> None:
        async with copying(ledger) as user:
            user.kraken.next["AddOrder"] = [RateLimited("AddOrder", ("EOrder:Rate limit exceeded",))]
            user.fill()
            await user.done()
            assert (user.copy().state, user.copy().attempts) == (CopyState.FILLED, 2)
            assert "waits 0." in user.copy().detail

    run(steps())


# -- orders that somebody asks for -------------------------------------------------------------------------

ASKED = OrderAsked(request_id="r1", pair="BTC/USD", side=Side.BUY, volume=Decimal("0.001"))


def requested_orders(user: User) -> RequestedOrders:
    broker = KrakenBroker(user.gateway, user.portfolio, user.copier.positions.held)
    return RequestedOrders("anna", user.ledger, broker, lambda: user.now)


def test_an_order_that_somebody_asks_for_waits_a_little_for_its_pairs_counter(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_order_each(monkeypatch, wait_s=0.05)

    async def steps() -> None:
        async with copying(ledger) as user:
            user.fill()
            await user.done()
            assert (await requested_orders(user).place(ASKED)).order_id == "O2"

    run(steps())


def test_an_order_that_somebody_asks_for_is_refused_where_that_would_take_long_and_may_be_asked_for_again(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_order_each(monkeypatch, wait_s=100.0)

    async def steps() -> None:
        async with copying(ledger) as user:
            user.fill()
            await user.done()
            orders = requested_orders(user)
            with pytest.raises(OrderRefused, match="EOrder:Rate limit exceeded: not sent"):
                await orders.place(ASKED)
            user.kraken.limits._orders.clear()
            assert (await orders.place(ASKED)).order_id == "O2"

    run(steps())


def test_a_fill_from_the_future_says_that_the_exchanges_clock_is_ahead(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.copier.take_fills([user.made(Side.BUY, executed_at=NOW + 40)])
            await user.done()
            (sent,) = user.kraken.sent
            deadline = datetime.fromisoformat(sent["deadline"]).timestamp()
            assert deadline == pytest.approx(NOW + 40 + TIMING.deadline, abs=1)

    run(steps())


def halting_once_decided(user: User) -> None:
    """It is halted after the next answer to a fill is durable, and before its order leaves."""
    send = user.gateway.send

    async def halted(*args: Any, **more: Any) -> Any:
        user.gateway.send = send  # type: ignore[method-assign]
        say_state(user.states_path, TradingState.HALTED)
        return await send(*args, **more)

    user.gateway.send = halted  # type: ignore[method-assign]


def test_an_entry_that_a_halt_meets_on_its_way_ends_and_is_never_sent(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            halting_once_decided(user)
            user.fill()
            await user.done()
            copy = user.copy()
            assert (copy.state, copy.reason, copy.sent_at) == (CopyState.REJECTED, "TRADING_HALTED", 0.0)
            assert "by operator root: a test" in copy.detail
            say_state(user.states_path, TradingState.ACTIVE)
            user.start_selling()
            user.guard.look()
            await asyncio.sleep(5 * TIMING.retry)
            assert (user.kraken.sent, user.book.held("BTC")) == ([], NO_VOLUME)

    run(steps())


def test_an_exit_that_a_halt_meets_on_its_way_is_owed_and_sold_once_that_is_lifted(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.fill()
            await user.done()
            user.start_selling()
            halting_once_decided(user)
            user.fill(Side.SELL)
            await user.done()
            copy = user.copy(2)
            assert (copy.state, copy.reason) == (CopyState.REJECTED, "TRADING_HALTED")
            assert user.book.owed("BTC") == user.book.held("BTC") > NO_VOLUME
            user.guard.look()
            await asyncio.sleep(5 * TIMING.retry)
            assert len(user.kraken.sent) == 1
            say_state(user.states_path, TradingState.ACTIVE)
            # Nothing else wakes it.
            user.guard.look()
            await until(lambda: len(user.kraken.sent) == 2)
            await user.done()
            assert user.book.held("BTC") == NO_VOLUME

    run(steps())


@pytest.mark.parametrize("side", [Side.BUY, Side.SELL])
def test_what_is_proven_not_to_exist_is_not_sent_again_while_trading_is_halted(
    ledger: Ledger, side: Side
) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            if side is Side.SELL:
                user.fill()
                await user.done()
            sent = len(user.kraken.sent)
            await user.lose_order(side)
            say_state(user.states_path, TradingState.HALTED)
            user.now += 1000.0
            await user.done()
            copy = user.copies[-1]
            assert copy.state is CopyState.REJECTED
            assert copy.reason == ("NEVER_ARRIVED" if side is Side.BUY else "TRADING_HALTED")
            assert "by operator root: a test" in copy.detail
            assert len(user.kraken.sent) == sent
            assert user.book.owed("BTC") == user.book.held("BTC")

    run(steps())


def test_an_order_that_waits_for_room_passes_the_same_gate(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_order_each(monkeypatch, wait_s=0.2)

    async def steps() -> None:
        async with copying(ledger) as user:
            user.fill()
            await user.done()
            user.fill()
            await until(lambda: "waits" in user.copy(2).detail)
            say_state(user.states_path, TradingState.REDUCING)
            await user.done()
            assert (user.copy(2).state, user.copy(2).reason) == (CopyState.REJECTED, "TRADING_REDUCING")
            assert len(user.kraken.sent) == 1

    run(steps())


def test_an_operators_order_is_not_taken_while_trading_is_halted_and_may_be_asked_for_again(
    ledger: Ledger,
) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            broker = KrakenBroker(user.gateway, user.portfolio, lambda _: Decimal(0))
            orders = RequestedOrders(
                "anna", ledger, broker, lambda: user.now, may_leave=user.guard.gate.check
            )
            asked = OrderAsked(request_id="r1", pair="BTC/USD", side=Side.SELL, volume=Decimal("0.001"))
            say_state(user.states_path, TradingState.HALTED)
            with pytest.raises(TradingHalted, match="by operator root: a test"):
                await orders.place(asked)
            assert ledger.requested_order("r1") is None
            say_state(user.states_path, TradingState.ACTIVE)
            assert (await orders.place(asked)).state is CopyState.ACKNOWLEDGED
            # Said after it was planned, and before it left.
            orders._may_leave = lambda _side: None
            say_state(user.states_path, TradingState.HALTED)
            with pytest.raises(TradingHalted):
                await orders.place(replace(asked, request_id="r2"))
            with pytest.raises(OrderRefused, match="is HALTED"):
                await orders.place(replace(asked, request_id="r2"))
            assert len(user.kraken.sent) == 1

    run(steps())
