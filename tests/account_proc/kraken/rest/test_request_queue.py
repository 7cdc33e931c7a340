"""Calls go out one after another, orders first, and as the account's limits let them; whoever waits gets the
result.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.contract.errors import ExchangeRefused, KeyRefused, RateLimited
from krakencopy.account_proc.contract.spec import Tier
from krakencopy.account_proc.kraken.errors import LockedOut, NotSent
from krakencopy.account_proc.kraken.rest import rate_limits as limits_module
from krakencopy.account_proc.kraken.rest import request_queue
from krakencopy.account_proc.kraken.rest.client import KrakenRest
from krakencopy.account_proc.kraken.rest.rate_limits import AccountLimits, DecayingCounter
from krakencopy.account_proc.kraken.rest.request_queue import RESERVES, Priority, RequestQueue
from tests.account_proc.kraken.rest.test_client import KEY, Counter, client
from tests.support.odd_exchange import HANG, OddExchange, answer, odd_exchange


def in_queue(
    exchange: OddExchange,
    steps: Callable[[RequestQueue], Coroutine[Any, Any, None]],
    limits: AccountLimits | None = None,
) -> None:
    async def run() -> None:
        queue = RequestQueue(client(exchange, limits))
        try:
            await steps(queue)
        finally:
            await asyncio.to_thread(queue.close)

    asyncio.run(run())


class Busy(KrakenRest):
    """Remembers public calls instead of sending them. One of them keeps the thread busy until it is told to
    go on.
    """

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1", KEY, Counter())
        self.done: list[str] = []
        self.started, self.release = threading.Event(), threading.Event()

    def public(self, method: str, params: Mapping[str, str] | None = None, *, timeout_s: float = 0.0) -> None:
        del params, timeout_s
        if method == "Wait":
            self.started.set()
            self.release.wait(30)
        else:
            self.done.append(method)


async def waiting(queue: RequestQueue, priority: Priority, method: str) -> asyncio.Task[Any]:
    task = asyncio.create_task(queue.public(method, priority=priority))
    await asyncio.sleep(0)  # until the task has put its call into the queue
    return task


def while_busy(
    steps: Callable[[RequestQueue, Busy, asyncio.Task[Any]], Coroutine[Any, Any, None]],
) -> list[str]:
    """Does the steps while the thread is busy with a call; which others were carried out, in this order."""
    rest = Busy()

    async def run() -> None:
        queue = RequestQueue(rest)
        try:
            busy = await waiting(queue, Priority.BACKGROUND, "Wait")
            await asyncio.to_thread(rest.started.wait, 30)
            await steps(queue, rest, busy)
        finally:
            rest.release.set()
            await asyncio.to_thread(queue.close)

    asyncio.run(run())
    return rest.done


def test_orders_go_first_then_what_is_urgent_then_reads_then_the_rest() -> None:
    async def steps(queue: RequestQueue, rest: Busy, busy: asyncio.Task[Any]) -> None:
        tasks = [
            await waiting(queue, priority, f"{priority.name}{number}")
            for number in range(2)
            for priority in reversed(Priority)
        ]
        rest.release.set()
        await asyncio.gather(busy, *tasks)

    assert while_busy(steps) == [f"{priority.name}{number}" for priority in Priority for number in range(2)]


def test_results_and_errors_reach_whoever_waits() -> None:
    async def steps(queue: RequestQueue) -> None:
        assert await queue.private("Balance", priority=Priority.READ) == {"ZUSD": "1"}
        with pytest.raises(ExchangeRefused, match="Insufficient"):
            await queue.private("AddOrder", {"volume": "1"}, priority=Priority.ORDER, timeout_s=5.0)

    with odd_exchange(answer({"ZUSD": "1"}), answer(None, "EOrder:Insufficient funds")) as exchange:
        in_queue(exchange, steps)


def test_a_cancelled_waiter_takes_back_only_a_call_that_has_not_begun() -> None:
    async def steps(queue: RequestQueue, rest: Busy, busy: asyncio.Task[Any]) -> None:
        not_begun = await waiting(queue, Priority.ORDER, "taken back")
        not_begun.cancel()
        busy.cancel()
        rest.release.set()
        await queue.public("later", priority=Priority.BACKGROUND)
        assert busy.cancelled()

    assert while_busy(steps) == ["later"]


def test_a_request_that_was_started_is_finished_although_nobody_waits() -> None:
    async def steps(queue: RequestQueue) -> None:
        task = asyncio.create_task(queue.private("AddOrder", priority=Priority.ORDER))
        await asyncio.to_thread(exchange.heard.wait, 30)
        task.cancel()
        exchange.released.set()
        assert await queue.private("Balance", priority=Priority.READ) == {"after": 1}

    with odd_exchange(HANG + answer({}), answer({"after": 1})) as exchange:
        in_queue(exchange, steps)
    assert [asked.connection for asked in exchange.asked] == [0, 0]


def test_a_full_queue_refuses_but_still_takes_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_queue, "WAITING_MAX", 3)

    async def steps(queue: RequestQueue, rest: Busy, busy: asyncio.Task[Any]) -> None:
        reads = [await waiting(queue, Priority.READ, "a read") for _ in range(3)]
        with pytest.raises(NotSent, match="3 calls wait"):
            await queue.public("another read", priority=Priority.READ)
        order = await waiting(queue, Priority.ORDER, "an order")
        rest.release.set()
        await asyncio.gather(busy, order, *reads)

    assert while_busy(steps) == ["an order", *["a read"] * 3]


def test_closing_finishes_what_waits_and_takes_nothing_new() -> None:
    async def steps(queue: RequestQueue, rest: Busy, busy: asyncio.Task[Any]) -> None:
        tasks = [await waiting(queue, Priority.BACKGROUND, str(number)) for number in range(5)]
        closing = asyncio.create_task(asyncio.to_thread(queue.close))
        while not queue._closing:  # noqa: ASYNC110 - a flag that another thread sets
            await asyncio.sleep(0)
        with pytest.raises(NotSent, match="shutting down"):
            await queue.private("AddOrder", priority=Priority.ORDER)
        rest.release.set()
        await asyncio.gather(closing, busy, *tasks)

    assert while_busy(steps) == ["0", "1", "2", "3", "4"]


def test_the_idle_thread_looks_after_the_nonces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_queue, "TOP_UP_S", 0.005)
    tended = threading.Event()

    class Watched(Counter):
        def top_up(self) -> None:
            tended.set()

    async def run() -> None:
        queue = RequestQueue(KrakenRest("http://127.0.0.1", KEY, Watched()))
        assert await asyncio.to_thread(tended.wait, 30)
        await asyncio.to_thread(queue.close)
        await asyncio.to_thread(queue.close)

    asyncio.run(run())


# -- limits ------------------------------------------------------------------------------------------------

#: So slow that nothing comes back while a test runs, and so fast that nobody has to wait for long.
HARDLY, SOON = 1e-4, 100.0


def limits_with(decay: float, level: float = 0.0, *, lockout_s: float = 960.0) -> AccountLimits:
    """Limits of Kraken's lowest tier, with another decay and something used already."""
    limits = AccountLimits(Tier.STARTER, lockout_s=lockout_s)
    limits.rest = DecayingCounter(15.0, decay)
    limits.rest.charge(level, time.monotonic())
    return limits


def targets(exchange: OddExchange) -> list[str]:
    return [asked.target.rpartition("/")[2] for asked in exchange.asked]


async def private(queue: RequestQueue, priority: Priority, method: str) -> Any:
    return await queue.private(method, priority=priority)


async def waiting_for_room(queue: RequestQueue, priority: Priority, method: str) -> asyncio.Task[Any]:
    before = queue.rate_status().waiting
    task = asyncio.create_task(private(queue, priority, method))
    while queue.rate_status().waiting == before:  # noqa: ASYNC110 - until the task has put its call into the queue
        await asyncio.sleep(0)
    return task


def test_an_order_leaves_while_reads_wait_for_the_counter() -> None:
    async def steps(queue: RequestQueue) -> None:
        reads = [await waiting_for_room(queue, Priority.READ, "Balance") for _ in range(3)]
        assert await private(queue, Priority.ORDER, "AddOrder") == {}
        assert not any(read.done() for read in reads)
        assert queue.rate_status().waiting == 3
        for read in reads:
            read.cancel()

    with odd_exchange() as exchange:
        in_queue(exchange, steps, limits_with(HARDLY, level=15.0))
    assert targets(exchange) == ["AddOrder"]


def test_reads_leave_room_for_what_is_urgent_and_the_background_for_reads() -> None:
    async def steps(queue: RequestQueue) -> None:
        for _ in range(4):
            await private(queue, Priority.BACKGROUND, "Balance")
        background = await waiting_for_room(queue, Priority.BACKGROUND, "Balance")
        for _ in range(4):
            await private(queue, Priority.READ, "Balance")
        read = await waiting_for_room(queue, Priority.READ, "Balance")
        for method in ("GetWebSocketsToken", "OpenOrders", "ClosedOrders"):
            await private(queue, Priority.URGENT, method)
        urgent = await waiting_for_room(queue, Priority.URGENT, "GetWebSocketsToken")
        for task in (background, read, urgent):
            assert not task.done()
            task.cancel()

    with odd_exchange() as exchange:
        in_queue(exchange, steps, limits_with(HARDLY))
    assert targets(exchange) == ["Balance"] * 8 + ["GetWebSocketsToken", "OpenOrders", "ClosedOrders"]


def test_no_call_goes_out_above_what_its_priority_may_use() -> None:
    class Watched(AccountLimits):
        def charge(self, method: str, now: float) -> None:
            super().charge(method, now)
            levels.append(self.rest.level(now))

    levels: list[float] = []
    limits = Watched(Tier.STARTER)
    limits.rest = DecayingCounter(15.0, SOON)

    async def steps(queue: RequestQueue) -> None:
        for priority in (Priority.BACKGROUND, Priority.READ, Priority.URGENT):
            levels.clear()
            calls = (
                private(queue, priority, method) for method in ("Balance", "ClosedOrders", "OpenOrders") * 5
            )
            await asyncio.gather(*calls)
            assert len(levels) == 15
            assert max(levels) <= 15.0 - RESERVES[priority] + 1e-6

    with odd_exchange() as exchange:
        in_queue(exchange, steps, limits)


@given(st.floats(0.0, 40.0), st.sampled_from(Tier))
def test_whenever_a_call_may_go_every_call_of_more_weight_may(level: float, tier: Tier) -> None:
    limits = AccountLimits(tier)
    limits.rest.charge(level, 0.0)
    for before, after in pairwise([Priority.URGENT, Priority.READ, Priority.BACKGROUND]):
        latest = max(limits.goes_at(method, RESERVES[before], 0.0) for method in ("Balance", "ClosedOrders"))
        assert latest <= min(
            limits.goes_at(method, RESERVES[after], 0.0) for method in ("Balance", "ClosedOrders")
        )


def test_a_waiter_that_is_cancelled_makes_way_for_whoever_needs_less_room() -> None:
    async def steps(queue: RequestQueue) -> None:
        large = await waiting_for_room(queue, Priority.READ, "ClosedOrders")
        small = await waiting_for_room(queue, Priority.READ, "Balance")
        await queue.public("Time", priority=Priority.BACKGROUND)
        assert not small.done()
        large.cancel()
        await small

    with odd_exchange() as exchange:
        in_queue(exchange, steps, limits_with(HARDLY, level=6.0))
    assert targets(exchange) == ["Time", "Balance"]


def test_a_call_that_would_have_to_wait_ends_when_the_queue_is_closed() -> None:
    async def steps(queue: RequestQueue) -> None:
        read = await waiting_for_room(queue, Priority.READ, "Balance")
        await asyncio.to_thread(queue.close)
        with pytest.raises(NotSent, match="shutting down"):
            await read

    with odd_exchange() as exchange:
        in_queue(exchange, steps, limits_with(HARDLY, level=15.0))
    assert exchange.asked == []


def test_a_refusal_for_the_rate_holds_back_what_can_wait_and_nothing_else() -> None:
    async def steps(queue: RequestQueue) -> None:
        with pytest.raises(RateLimited):
            await private(queue, Priority.READ, "Balance")
        read = await waiting_for_room(queue, Priority.READ, "Balance")
        await private(queue, Priority.ORDER, "AddOrder")
        await private(queue, Priority.URGENT, "GetWebSocketsToken")
        assert not read.done()
        assert queue.rate_status().refused == 1
        await read

    # 15 + 1 are down to 14 after 20 ms, and to half after 80 ms.
    with odd_exchange(answer(None, "EAPI:Rate limit exceeded")) as exchange:
        in_queue(exchange, steps, limits_with(SOON))
    assert targets(exchange) == ["Balance", "AddOrder", "GetWebSocketsToken", "Balance"]


def test_during_a_lockout_nothing_that_is_signed_is_sent_and_afterwards_everything() -> None:
    limits = limits_with(SOON)

    async def steps(queue: RequestQueue) -> None:
        with pytest.raises(KeyRefused):
            await private(queue, Priority.READ, "Balance")
        for priority, method in ((Priority.ORDER, "AddOrder"), (Priority.READ, "Balance")):
            with pytest.raises(LockedOut, match="not sent") as caught:
                await private(queue, priority, method)
            assert caught.value.errors == ("EGeneral:Temporary lockout",)
            assert 0 < caught.value.retry_after_s <= 960
        await queue.public("Time", priority=Priority.READ)
        limits._locked_until = time.monotonic()  # 16 minutes later
        await private(queue, Priority.ORDER, "AddOrder")

    with odd_exchange(answer(None, "EGeneral:Temporary lockout")) as exchange:
        in_queue(exchange, steps, limits)
    assert targets(exchange) == ["Balance", "Time", "AddOrder"]


def test_in_a_pause_that_kraken_asks_for_orders_are_given_back_and_the_rest_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits_module, "THROTTLE_S_MIN", 0.3)

    async def steps(queue: RequestQueue) -> None:
        with pytest.raises(RateLimited):
            await private(queue, Priority.ORDER, "AddOrder")
        with pytest.raises(NotSent, match="sent nothing"):
            await private(queue, Priority.ORDER, "AddOrder")
        await asyncio.gather(
            private(queue, Priority.READ, "Balance"), queue.public("Time", priority=Priority.READ)
        )
        assert queue.limits.throttled_until <= time.monotonic()
        await private(queue, Priority.ORDER, "AddOrder")

    with odd_exchange(answer(None, "EService:Throttled: 1")) as exchange:
        in_queue(exchange, steps)
    assert sorted(targets(exchange)[1:3]) == ["Balance", "Time"]
    assert [targets(exchange)[place] for place in (0, -1)] == ["AddOrder", "AddOrder"]
