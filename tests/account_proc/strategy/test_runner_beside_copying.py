"""A strategy and copying never trade at the same time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import pytest

from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.v1 import account_pb2, types_pb2
from tests.support.scripted_kraken import run, until
from tests.support.strategy_user import (
    Wants,
    round_trips,
    trading,
)


@pytest.mark.parametrize("seed", range(2))
def test_through_hundreds_of_flaps_copying_and_the_strategy_never_trade_at_the_same_time(
    ledger: Ledger, seed: int
) -> None:
    dice = random.Random(seed)  # noqa: S311 - a test's

    async def steps() -> None:
        endless = Wants(round_trips())
        async with trading(ledger, endless) as user:
            user.kraken.dice, user.kraken.refuses = dice, 0.4
            #: Of each request in the supervisor's stream: what was taken, and which orders had begun by then.
            taken: list[tuple[str, int]] = []

            async def requests() -> AsyncIterator[account_pb2.CopyFillsRequest]:
                for _ in range(150):
                    yield account_pb2.CopyFillsRequest(trading_mode=types_pb2.TRADING_MODE_OWN)
                    taken.append(("own", len(user.kraken.log)))
                    for _ in range(dice.choice((0, 1, 5, 300))):
                        await asyncio.sleep(0)
                    yield account_pb2.CopyFillsRequest(trading_mode=types_pb2.TRADING_MODE_COPYING)
                    taken.append(("copying", len(user.kraken.log)))
                    for _ in range(dice.choice((0, 0, 1, 2))):
                        side = dice.choice((Side.BUY, Side.SELL))
                        yield account_pb2.CopyFillsRequest(fills=[user.fill(side)])
                        for _ in range(dice.choice((0, 3, 20))):
                            await asyncio.sleep(0)

            converging = asyncio.create_task(user.copier.sell_owed_exits(user.change_signal))
            await user.servicer._read_requests(user.copier, requests())
            await until(lambda: not user.copier.copies_open)
            converging.cancel()
            assert user.failures == []
            own, under_way = user.own(), set[str]()
            kinds = set()
            for what, cl_ord_id in user.kraken.log:
                if what == "begin":
                    assert not under_way, "two orders at the same time"
                    under_way.add(cl_ord_id)
                    kinds.add(cl_ord_id in own)
                else:
                    under_way.remove(cl_ord_id)
            assert kinds == {True, False}, "a test in which only one of them trades proves nothing"
            # After the switch to copying was taken, no order of the strategy begins until the next switch
            # back.
            for (mode, begin), (_, end) in zip(taken, [*taken[1:], ("", len(user.kraken.log))], strict=True):
                if mode == "copying":
                    begun = [id_ for what, id_ in user.kraken.log[begin:end] if what == "begin"]
                    assert not own.intersection(begun)

    run(steps())


def test_switching_off_waits_for_the_order_that_is_under_way_but_not_for_ever(ledger: Ledger) -> None:
    async def steps() -> None:
        async with trading(ledger, Wants(round_trips(1))) as user:
            held = user.kraken.held["AddOrder"] = asyncio.Event()
            user.loop.switch_on()
            await until(lambda: user.loop.under_way)
            switching = asyncio.create_task(user.loop.off())
            await asyncio.sleep(0.01)
            assert not switching.done()
            user.clock += 1000.0  # its deadline is over, and the exchange may not act on it any more
            user.change_signal.notify()
            await until(switching.done)
            held.set()

    run(steps())
