"""A strategy's orders: within its limits and exactly once. Never at the same time as copying:
test_runner_beside_copying.py.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from krakencopy.account_proc.contract.errors import ExchangeRefused, OutcomeUnknown
from krakencopy.account_proc.contract.trading_states import TradingState
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.account_proc.strategy.api import OrderIntent, StopReason, Tick
from tests.support.account_specs import guard_in, states_file_in
from tests.support.scripted_kraken import order_row, run, until
from tests.support.strategy_user import (
    AT_ONCE,
    BUY,
    PAIR,
    SELL,
    Wants,
    round_trips,
    trading,
)
from tests.support.trading_states import say_state


def on_record(order_id: str, **more: Any) -> dict[str, Any]:
    """That ``BUY`` was filled, as ClosedOrders has it."""
    volume = str(BUY.volume)
    return {"closed": {order_id: order_row("closed", volume, volume, fee="0", **more)}, "count": 1}


def test_a_loop_trades_only_while_it_is_switched_on_and_tells_its_strategy(ledger: Ledger) -> None:
    async def steps() -> None:
        async with trading(ledger, Wants(round_trips(1))) as user:
            await asyncio.sleep(0.01)
            assert (user.kraken.sent, user.strategy.told) == ([], [])
            user.loop.switch_on()
            await until(lambda: len(user.strategy.told) == 3)
            start, bought, sold = user.strategy.told
            assert (start, bought.side, bought.volume, sold.side) == (
                "start",
                Side.BUY,
                BUY.volume,
                Side.SELL,
            )
            assert user.orders.positions() == {}
            await user.loop.off()
            assert not user.loop.on
            await until(lambda: user.strategy.told[3:] == [StopReason.COPYING])

    run(steps())


def test_a_strategy_that_raises_is_off_for_good_and_says_why(ledger: Ledger) -> None:
    def raising(_: Tick) -> Iterable[OrderIntent]:
        raise ZeroDivisionError("an average of nothing")

    async def steps() -> None:
        async with trading(ledger, Wants(raising)) as user:
            user.loop.switch_on()
            await until(lambda: bool(user.loop.failure))
            assert "an average of nothing" in user.loop.to_proto().failure
            await user.loop.off()
            user.loop.switch_on()
            await asyncio.sleep(0.01)
            assert (user.strategy.told, user.loop.on) == (["start"], False)

    run(steps())


def test_a_pair_that_is_not_listed_switches_the_strategy_off_and_names_it(ledger: Ledger) -> None:
    async def steps() -> None:
        async with trading(ledger, Wants(pairs=("NO/PE",))) as user:
            user.loop.switch_on()
            await until(lambda: "NO/PE" in user.loop.failure)

    run(steps())


def test_an_order_that_is_refused_is_told_and_the_strategy_goes_on(ledger: Ledger) -> None:
    async def steps() -> None:
        async with trading(ledger, Wants(round_trips(2))) as user:
            user.kraken.next["AddOrder"] = [ExchangeRefused("AddOrder", ("EOrder:Insufficient funds",))]
            user.loop.switch_on()
            await until(
                lambda: len([told for told in user.strategy.told if told != "start"]) == 2
            )  # the second trip
            assert user.loop.orders_sent == 3

    run(steps())


def test_an_order_whose_answer_was_lost_is_looked_for_and_never_sent_again(ledger: Ledger) -> None:
    async def steps() -> None:
        once = iter([BUY])
        async with trading(ledger, Wants(lambda _: itertools.islice(once, 1)), AT_ONCE) as user:
            user.kraken.next["AddOrder"] = [OutcomeUnknown("AddOrder", "timeout")]
            user.kraken.always["ClosedOrders"] = on_record("O9")
            user.loop.switch_on()
            await until(lambda: user.orders.position(PAIR).volume == BUY.volume)
            assert (user.kraken.times_asked("AddOrder"), user.loop.orders_sent) == (1, 1)

    run(steps())


def test_a_live_order_of_an_earlier_process_is_settled_before_the_strategy_begins(ledger: Ledger) -> None:
    async def steps() -> None:
        async with trading(ledger, Wants(round_trips(1))) as user:
            user.kraken.held["AddOrder"] = asyncio.Event()
            user.loop.switch_on()
            await until(lambda: bool(ledger.live_requested_orders()))
        (left,) = ledger.live_requested_orders()
        # Until its deadline is over, nobody may copy.
        async with trading(ledger, Wants()) as user:
            switching = asyncio.create_task(user.loop.off())
            await asyncio.sleep(0.01)
            assert not switching.done()
            user.clock = 100.0
            user.change_signal.notify()
            await until(switching.done)
        # It had reached the exchange all the same, and the next process asks for it.
        async with trading(ledger, Wants()) as user:
            user.kraken.always["ClosedOrders"] = on_record("O1", cl_ord_id=left.cl_ord_id)
            user.clock = 1000.0
            user.loop.switch_on()
            await until(lambda: "start" in user.strategy.told)
            assert user.orders.position(PAIR).volume == Decimal("0.0001")
            assert ledger.live_requested_orders() == []

    run(steps())


def test_what_a_strategy_wants_at_an_orderly_end_is_ordered_and_at_the_masters_return_it_is_not(
    ledger: Ledger,
) -> None:
    async def steps() -> None:
        for stops, orders in ((True, ["buy", "sell"]), (False, ["buy"])):
            once = iter([BUY])
            strategy = Wants(lambda _, once=once: list(itertools.islice(once, 1)), at_stop=(SELL,))  # type: ignore[misc]  # a default
            async with trading(ledger, strategy) as user:
                user.loop.switch_on()
                await until(lambda user=user: not user.loop.under_way and user.orders.positions())  # type: ignore[misc]  # a default
                await (user.loop.stop() if stops else user.loop.off())
                why = StopReason.SHUTDOWN if stops else StopReason.COPYING
                await until(lambda user=user, why=why: why in user.strategy.told)  # type: ignore[misc]  # defaults
                assert [order["type"] for order in user.kraken.sent] == orders

    run(steps())


def test_an_order_that_trading_states_refuse_is_told_and_not_asked_for_again_and_again(
    ledger: Ledger,
) -> None:
    async def steps() -> None:
        async with trading(ledger, Wants(round_trips())) as user:
            path = states_file_in(ledger.path.parent)
            user.orders._may_leave = guard_in(ledger.path.parent, "anna").gate.check
            say_state(path, TradingState.HALTED)
            user.loop.switch_on()
            await until(lambda: "is HALTED since" in user.loop.last)
            assert user.loop.orders_sent >= 1
            assert (user.kraken.sent, user.loop.failure) == ([], "")
            say_state(path, TradingState.ACTIVE)
            await until(lambda: len(user.kraken.sent) > 0)

    run(steps())
