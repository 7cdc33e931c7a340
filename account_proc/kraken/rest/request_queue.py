"""The calls of one account, one after another in one thread: orders first, over a line of their own where
there is one.

Decides what goes next by weight and by the room in the account's limits. It knows neither what a call means
nor how it is sent.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from enum import IntEnum
from functools import partial
from math import inf
from typing import Any, Protocol

from krakencopy.account_proc.contract.errors import AccountError, OutcomeUnknown
from krakencopy.account_proc.kraken.errors import NotSent
from krakencopy.account_proc.kraken.rest.client import READ_PATIENCE_S, TIMEOUT_S, KrakenRest
from krakencopy.account_proc.kraken.rest.rate_limits import RateStatus, rest_cost
from krakencopy.account_proc.kraken.rest.signing import SignedCall

log = logging.getLogger(__name__)

#: How often the idle thread looks after the nonce reservation, which lasts for 5 minutes.
TOP_UP_S = 60.0
#: Calls of one priority that may wait. At one call each 50 ms this is a queue of 25 s.
WAITING_MAX = 500


class Priority(IntEnum):
    """Which calls go first."""

    ORDER = 0
    #: What an order's fate hangs on: the feed's token, and looking for an order that nobody knows about.
    URGENT = 1
    READ = 2
    BACKGROUND = 3


#: How much of the REST counter each leaves to those before it. A token (1) and one look among open and closed
#: orders (2 + 4) are always paid for; so is, for the work in the background, a page of history (4). Of the 15
#: of Kraken's lowest tier that leaves 8 for reads at once, and one page of history at a time for the
#: background. The steps are larger than calls differ in cost, so that whenever one may go, all of more weight
#: may: no small call keeps a large one waiting.
RESERVES = {Priority.ORDER: 0.0, Priority.URGENT: 0.0, Priority.READ: 7.0, Priority.BACKGROUND: 11.0}


class Line(Protocol):
    """Another way for orders (kraken/rest/order_connection.py)."""

    @property
    def ready(self) -> bool:
        """Whether an order may take it now."""
        ...

    async def send(self, call: SignedCall, timeout_s: float) -> tuple[int, bytes]:
        """HTTP status and body of the answer. Raises OutcomeUnknown."""
        ...

    def hurry(self) -> None:
        """Somebody waits for the answer to an order that is on its way."""
        ...


class _Call:
    """A call and the future that its caller waits for."""

    def __init__(self, name: str, function: Callable[[], Any], *, is_public: bool = False) -> None:
        #: Its method; and whether it is nobody's.
        self.name = name
        self.is_public = is_public
        self._function = function
        self._loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self._loop.create_future()

    def run(self) -> None:
        """In the thread: do it, unless nobody waited any more before it began."""
        if self.future.cancelled():
            return
        result, error = None, None
        try:
            result = self._function()
        except BaseException as raised:  # noqa: BLE001 - it belongs to the waiter, whatever it is
            error = raised
        self._end(result, error)

    def give_up(self, why: str) -> None:
        """In the thread: it will not be done."""
        self._end(None, NotSent(self.name, why))

    def _end(self, result: object, error: BaseException | None) -> None:
        try:
            self._loop.call_soon_threadsafe(self._settle, result, error)
        except RuntimeError:
            log.warning("a call ended after its event loop: %s", error or "done")

    def _settle(self, result: object, error: BaseException | None) -> None:
        if self.future.cancelled():
            log.warning("a call that was waited for no more ended: %s", error or "done")
        elif error is not None:
            self.future.set_exception(error)
        else:
            self.future.set_result(result)


class RequestQueue:
    """Runs the calls of one KrakenRest in one thread: orders first, then reads, then the rest, each in order
    of arrival.

    A call that the REST counter has no room for waits in the queue and not in the thread, and only those wait
    behind it that need room there as well.
    """

    def __init__(self, rest: KrakenRest, line: Line | None = None) -> None:
        """Takes over ``rest``: ``close`` closes it. Orders go over ``line`` while that is ready."""
        self.limits, self.health = rest.limits, rest.health
        self._rest = rest
        self._line = line
        self._free: dict[Priority, deque[_Call]] = {priority: deque() for priority in Priority}
        #: Those that the REST counter counts.
        self._counted: dict[Priority, deque[_Call]] = {priority: deque() for priority in Priority}
        self._changed = threading.Condition()
        self._closing = False
        self._topped_up_at = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="kraken-rest", daemon=True)
        self._thread.start()

    async def public(
        self, method: str, params: Mapping[str, str] | None = None, *, priority: Priority
    ) -> Any:
        """The result of a public method, from the thread. Raises as ``private``."""
        call = _Call(method, partial(self._rest.public, method, params), is_public=True)
        return await self._result_of(call, self._free[priority])

    async def private(
        self, method: str, params: Mapping[str, str] | None = None, *, priority: Priority,
        timeout_s: float = TIMEOUT_S,
    ) -> Any:  # fmt: skip
        """The result of a private method, from the thread; it waits for its room in the REST counter.

        A waiter that is cancelled takes back a call that has not begun; one that has begun runs to its end,
        so a cancelled order may have been placed. Raises as ``KrakenRest.private``, and NotSent if the queue
        is full or closed.
        """
        call = _Call(method, partial(self._rest.private, method, params, timeout_s=timeout_s))
        waiting = self._counted if rest_cost(method) else self._free
        return await self._result_of(call, waiting[priority])

    async def order(self, method: str, params: Mapping[str, str], *, timeout_s: float) -> Any:
        """The result of an order, which goes before all other calls: at once over the line, if that is ready
        and no signed call is on its way; else through the thread. Raises as ``private``. A waiter that is
        cancelled may have placed it.
        """
        if (line := self._line) is None:
            return await self.private(method, params, priority=Priority.ORDER, timeout_s=timeout_s)
        if line.ready and not self._closing:
            with self._rest.turn(method, params, timeout_s) as signed:
                if signed is not None:
                    return await self._send_at_once(line, signed, timeout_s)
        # Its turn comes when the answer to an order before it has been read.
        line.hurry()
        return await self._order_behind(line, method, params, timeout_s)

    async def _order_behind(
        self, line: Line, method: str, params: Mapping[str, str], timeout_s: float
    ) -> Any:
        """Through the thread, after the call that is on its way; over the line, where that is a read which is
        not answered.
        """
        call = _Call(method, partial(self._rest.private, method, params, timeout_s=timeout_s))
        waiting = (self._counted if rest_cost(method) else self._free)[Priority.ORDER]
        self._put(call, waiting)
        try:
            while not (await asyncio.wait([call.future], timeout=READ_PATIENCE_S / 4))[0]:
                if not line.ready:
                    continue
                taken = False
                try:
                    with self._rest.turn(method, params, timeout_s, overtakes=True) as signed:
                        taken = signed is not None and self._take_back(call, waiting)
                        if signed is not None and taken:
                            return await self._send_at_once(line, signed, timeout_s)
                except AccountError:
                    # What must not leave here must not leave through the thread later, unseen. Has that begun
                    # with it, its own answer counts.
                    if taken or self._take_back(call, waiting):
                        raise
            return call.future.result()
        except asyncio.CancelledError:
            call.future.cancel()
            raise

    def _take_back(self, call: _Call, waiting: deque[_Call]) -> bool:
        """Whether a call has not begun; it will not."""
        with self._changed:
            if call not in waiting:
                return False
            waiting.remove(call)
            return True

    async def _send_at_once(self, line: Line, signed: SignedCall, timeout_s: float) -> Any:
        was_refused = self.limits.front.refusals
        try:
            status, body = await self._sent(line, signed, timeout_s)
            return self._rest.result(signed.method, status, body)
        finally:
            if was_refused:
                with self._changed:
                    self._changed.notify()  # the others need not wait any longer, or have to

    async def _sent(self, line: Line, signed: SignedCall, timeout_s: float) -> tuple[int, bytes]:
        try:
            return await line.send(signed, timeout_s)
        except OutcomeUnknown as error:
            self.health.note_failure(signed.method, error, time.monotonic())
            raise

    def _put(self, call: _Call, waiting: deque[_Call]) -> None:
        """Raises NotSent if the queue is full or closed."""
        with self._changed:
            if self._closing:
                raise NotSent(call.name, "the account is shutting down")
            if len(waiting) >= WAITING_MAX:
                raise NotSent(call.name, f"{WAITING_MAX} calls wait already")
            waiting.append(call)
            self._changed.notify()

    async def _result_of(self, call: _Call, waiting: deque[_Call]) -> Any:
        self._put(call, waiting)
        try:
            return await call.future
        except asyncio.CancelledError:
            with self._changed:
                self._changed.notify()  # one behind it may need less room
            raise

    @property
    def nonce_trouble(self) -> str:
        """Why nonces could not be reserved ahead; empty while they can."""
        return self._rest.nonce_trouble

    def rate_status(self) -> RateStatus:
        """How much of the account's limits is used, by its own count."""
        with self._changed:
            waiting = sum(not call.future.cancelled() for calls in self._counted.values() for call in calls)
        return self.limits.status(time.monotonic(), waiting)

    def close(self) -> None:
        """Take no new calls, finish those that can go now, then close the connection. Not an error if done
        twice.

        Blocks until then. Calls whose waiters were cancelled are not begun, and those that would have to wait
        end with NotSent.
        """
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while (call := self._next_call()) is not None:
            call.run()
        self._rest.close()

    def _next_call(self) -> _Call | None:
        """The next call, once it may go; None when the queue is closed and empty."""
        while True:
            with self._changed:
                call, goes_at = self._ready_call(time.monotonic())
                if call is not None:
                    return call
                if self._closing:
                    self._give_up()
                    return None
                self._changed.wait(max(min(goes_at, self._topped_up_at + TOP_UP_S) - time.monotonic(), 0.0))
                is_idle = time.monotonic() >= self._topped_up_at + TOP_UP_S
            if is_idle:
                self._rest.top_up_nonces()
                self._topped_up_at = time.monotonic()

    def _ready_call(self, now: float) -> tuple[_Call | None, float]:
        """The call that goes now, if any; else when one may go."""
        may_go_at = inf
        for priority in Priority:
            free, counted = self._free[priority], self._counted[priority]
            # An order does not wait: it is sent, or refused here, and its caller knows what to do then.
            if free:
                is_urgent = not RESERVES[priority]
                closed_until = self.limits.closed_until(is_urgent=is_urgent, is_public=free[0].is_public)
                if priority is Priority.ORDER or closed_until <= now:
                    return free.popleft(), now
                may_go_at = min(may_go_at, closed_until)
            while counted and counted[0].future.cancelled():
                counted.popleft()
            if counted:
                goes_at = self.limits.goes_at(counted[0].name, RESERVES[priority], now)
                if goes_at <= now:
                    return counted.popleft(), now
                may_go_at = min(may_go_at, goes_at)
        return None, may_go_at

    def _give_up(self) -> None:
        for calls in (*self._counted.values(), *self._free.values()):
            while calls:
                calls.popleft().give_up("the account is shutting down")
