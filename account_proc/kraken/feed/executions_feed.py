"""Keeps the subscription to an account's executions alive for ever. The shell around kraken/feed/session.py.

It tells its sink what came, when it is connected and when not; what was missed meanwhile is the sink's to
fetch. A silent stream is the worst of failures, as everything looks well, so silence is measured here and
nowhere else.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import NoReturn, Protocol

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from krakencopy.account_proc.contract.errors import FINAL_EXIT_CODES, ExchangeError, RateLimited
from krakencopy.account_proc.domain.sent_values import shown
from krakencopy.account_proc.kraken.errors import FRONT_STATUS, LockedOut
from krakencopy.account_proc.kraken.exchange_clock import ExchangeClock
from krakencopy.account_proc.kraken.feed.coalescing_connection import CoalescingConnection
from krakencopy.account_proc.kraken.feed.connect_pacing import Unpaced
from krakencopy.account_proc.kraken.feed.executions import Execution, ExecutionsMerge, Incomplete
from krakencopy.account_proc.kraken.feed.session import (
    BalanceChanged,
    Connected,
    Event,
    Executed,
    FeedCut,
    FeedSession,
    TimeTold,
    balances_subscription,
    subscription,
)
from krakencopy.account_proc.kraken.tls import EXCHANGE_TLS
from krakencopy.account_proc.runtime.pauses import doubled_s
from krakencopy.account_proc.runtime.read_deferral import ReadDeferral
from krakencopy.account_proc.runtime.steady_clock import steady_s

log = logging.getLogger(__name__)
#: websockets logs whole frames at DEBUG, and one of them holds the token.
_wire_log = logging.getLogger(f"{__name__}.wire")
_wire_log.setLevel(logging.INFO)

Rows = Sequence[Execution | Incomplete]

#: Kraken: a heartbeat each second while nothing else is sent.
SILENCE_S = 5.0
#: The other side is asked after half of that; where nobody waits for news
#: (kraken/feed/coalescing_connection.py) after this share, which is later than its heartbeats are read
#: together.
COALESCING_SHARE = 0.95
#: For a token, which is a REST call that may wait behind others.
TOKEN_TIMEOUT_S = 30.0
CONNECT_TIMEOUT_S = 10.0
#: From the subscription to its first answer. Pings are answered by a connection whose subscription was lost,
#: too.
SUBSCRIPTION_S = 10.0
#: What time it is is asked for no more often: two machines of the exchange's may disagree for long.
TIME_ASKED_S = 1.0
#: The exchange is given this long to say goodbye.
CLOSE_TIMEOUT_S = 1.0
#: The largest frame is the snapshot: 50 trades and all open orders.
FRAME_BYTES_MAX = 8 * 1024 * 1024

#: Full jitter between 0 and this, doubled with each failure.
BACKOFF_S = 0.5
BACKOFF_S_MAX = 10.0
#: After being live for so long a connection counts as healthy, and the next loss is a first one.
HEALTHY_S = 5.0
#: Kraken: at least 5 s between tries after maintenance.
MAINTENANCE_S = 5.0
#: Kraken: some 150 connections from one address in 10 minutes, then none for 10 minutes. Doubled with each
#: refusal in a row.
BLOCKED_S, BLOCKED_S_MAX = 30.0, 300.0

#: WebSocket close codes: against a policy; the service restarts, or asks to try again later.
_POLICY = 1008
_RESTARTING = frozenset({1012, 1013})


class Sink(Protocol):
    """Who is notified. Called in the event loop; must not block."""

    def connected(self, snapshot: Rows) -> None:
        """The feed is live from here on. What happened before may be in the snapshot, or not."""
        ...

    def executed(self, executions: Rows) -> None:
        """What happened, in order."""
        ...

    def disconnected(self, reason: str) -> None:
        """The feed is not live; called after each try that failed, too."""
        ...

    def balance_changed(self, change: BalanceChanged) -> None:
        """A balance changed, by a trade or without one; only where balances are asked for."""
        ...


class Pace(Protocol):
    """Lets one connection after another through."""

    async def wait_for_turn(self) -> None:
        """Returns when a connection may be made, and counts it."""
        ...


class _ConnectThere(connect):
    """Connects to the address that it was given, and to no other: a redirect is a refusal. By itself
    websockets follows ten of them, to other hosts as well (its ``process_redirect``), and has no option
    against it; what is sent first holds a token that tells all of the account.
    """

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class ExecutionsFeed:
    """One account's executions, from now on."""

    def __init__(
        self,
        url: str,
        token: Callable[[], Awaitable[str]],
        sink: Sink,
        *,
        silence_s: float = SILENCE_S,
        pace: Pace | None = None,
        read_deferral: ReadDeferral | None = None,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        is_idle: Callable[[], bool] | None = None,
        balances: bool = False,
        clock: ExchangeClock | None = None,
    ) -> None:
        """``token`` fetches a new WebSocket token; ``pace`` is asked before each connection, and each joins
        ``read_deferral``; ``pause`` waits for so many seconds; ``clock`` is given the time at the
        exchange.

        ``is_idle``: whether nobody waits for news just now, so that heartbeats may lie unread
        (kraken/feed/coalescing_connection.py); without it they never do. A caller that begins to wait calls
        ``wake``. ``balances``: whether changes of balances are wanted as well.
        """
        self._balances = balances
        self._url = url
        self._token = token
        self._sink = sink
        self._silence_s = silence_s
        self._pace: Pace = Unpaced() if pace is None else pace
        self._pause = pause
        self._merge = ExecutionsMerge()
        self._is_idle = is_idle
        self._socket: CoalescingConnection | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._time_wanted = asyncio.Event()
        self._live_since: float | None = None
        self._system_status = ""
        self._read_deferral = read_deferral
        self._clock = ExchangeClock() if clock is None else clock
        self._clock.doubted = self._doubted
        #: That a front refuses its connections, and when the next is tried; empty while none does.
        self.blocked = ""
        #: Why it is not connected, and when the next try is; empty while it is, and before the first try.
        self.trouble = self.next_try = ""

    @property
    def fresh(self) -> bool:
        """Whether the feed is live and something was received within the time of silence."""
        if self._live_since is None or self._socket is None:
            return False
        return time.monotonic() - self._socket.heard_at < self._silence_s

    @property
    def connected(self) -> bool:
        """Whether its subscription was answered, and the connection is not known to be lost."""
        return self._live_since is not None

    @property
    def system_status(self) -> str:
        """Kraken: online, maintenance, cancel_only, post_only, limit_only. Empty until sent for the first
        time.
        """
        return self._system_status

    def wake(self) -> None:
        """Somebody waits for news from here on."""
        if self._socket is not None:
            self._socket.wake()

    async def run(self) -> NoReturn:
        """Connect and connect again, for ever. Raises what makes further tries useless: KeyRefused,
        InvalidNonce, NonceFault.
        """
        failures = policy_closes = blocks = 0
        self._loop = asyncio.get_running_loop()
        while True:
            try:
                await self._follow()
            except (ExchangeError, WebSocketException, OSError) as error:  # TimeoutError is an OSError
                cut = error
            was_healthy = self._live_since is not None and time.monotonic() - self._live_since >= HEALTHY_S
            self._live_since = None
            self.trouble = _reason(cut)
            self._sink.disconnected(_reason(cut))
            if (
                isinstance(cut, ExchangeError)
                and cut.exit_code in FINAL_EXIT_CODES
                and not isinstance(cut, LockedOut)
            ):
                raise cut
            failures = 0 if was_healthy else failures
            policy_closes = policy_closes + 1 if _close_code(cut) == _POLICY else 0
            blocks = blocks + 1 if policy_closes > 1 or _status(cut) in FRONT_STATUS else 0
            floor_s = _least_pause_s(cut, self._system_status, blocks)
            delay_s = reconnect_delay_s(failures, floor_s, random.random())  # noqa: S311 - spreads load, guards nothing
            if isinstance(cut, LockedOut):
                delay_s += cut.retry_after_s
            log.warning("executions feed lost (%s), next try in %.1f s", _reason(cut), delay_s)
            next_at = datetime.fromtimestamp(self._clock.now() + delay_s, UTC)
            self.next_try = f"{next_at:%H:%M:%S} UTC"
            self.blocked = f"the feed: {_reason(cut)}, next try at {self.next_try}" if blocks else ""
            failures += 1
            await self._pause(delay_s)

    async def _follow(self) -> NoReturn:
        """One connection from its token to its end. Always ends by an error."""
        async with asyncio.timeout(TOKEN_TIMEOUT_S):
            token = await self._token()
        # After the token: one that cannot be had costs no connection, and it lives for longer than the pace
        # ever holds up.
        await self._pace.wait_for_turn()
        async with _ConnectThere(
            self._url,
            # Else it reads all root certificates for each connection.
            ssl=EXCHANGE_TLS if self._url.startswith("wss:") else None,
            compression=None,
            proxy=None,
            ping_interval=None,
            open_timeout=CONNECT_TIMEOUT_S,
            close_timeout=CLOSE_TIMEOUT_S,
            max_size=FRAME_BYTES_MAX,
            logger=_wire_log,
            create_connection=CoalescingConnection,
        ) as socket:
            assert isinstance(socket, CoalescingConnection)
            self._socket = socket
            held = socket.transport.get_extra_info("socket")
            if self._read_deferral is not None:
                self._read_deferral.join(held)
            try:
                session = FeedSession(self._merge)
                session.subscribes(steady_s())
                with contextlib.suppress(ConnectionClosed):
                    # If it is closed already, listening still gives what was said before: the market's
                    # status.
                    await socket.send(subscription(token))
                    if self._balances:
                        await socket.send(balances_subscription(token))
                asking = asyncio.create_task(self._ask_for_the_time(socket, session))
                try:
                    await self._listen(socket, session)
                finally:
                    asking.cancel()
            except Exception:
                # A polite goodbye to someone who does not answer would keep the sink waiting for the news.
                socket.transport.abort()
                raise
            finally:
                if self._read_deferral is not None:
                    self._read_deferral.leave(held)
                self._socket = None

    async def _listen(self, socket: CoalescingConnection, session: FeedSession) -> NoReturn:
        asked_at = 0.0
        began = time.monotonic()
        while True:
            if not session.live and time.monotonic() - began > SUBSCRIPTION_S:
                raise FeedCut(f"no answer to the subscription within {SUBSCRIPTION_S:g} s")
            try:
                frame = await socket.frame(self._silence_s / 2, COALESCING_SHARE * self._silence_s)
            except TimeoutError:
                if asked_at > socket.heard_at:
                    raise FeedCut(f"silent for {self._silence_s:g} s, also when asked") from None
                await socket.send(session.ping(steady_s()))
                asked_at = time.monotonic()
                continue
            for event in session.receive(frame, socket.heard_at):
                self._take(event, socket)
            self._system_status = session.system_status or self._system_status

    def _take(self, event: Event, socket: CoalescingConnection) -> None:
        match event:
            case TimeTold():
                self._clock.hear_span(event.time_in, event.time_out, event.sent_at, steady_s())
            case BalanceChanged():
                self._sink.balance_changed(event)
            case Connected():
                self._live_since, self.trouble, self.blocked, self.next_try = socket.heard_at, "", "", ""
                if self._is_idle is not None:
                    socket.coalesce_while(self._is_idle)
                self._sink.connected(event.rows)
                self._hear_times(event.rows)
            case Executed():
                self._sink.executed(event.rows)
                # After the fills, which users wait for.
                self._hear_times(event.rows)

    def _doubted(self) -> None:
        """What time it is at the exchange is not certain. Called in any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._time_wanted.set)

    async def _ask_for_the_time(self, socket: CoalescingConnection, session: FeedSession) -> NoReturn:
        """An answer to a ping tells it to the microsecond, where a Date has whole seconds and an execution
        may be of any age.
        """
        while True:
            await self._time_wanted.wait()
            self._time_wanted.clear()
            socket.wake()
            with contextlib.suppress(ConnectionClosed):  # who listens is about to hear of it
                await socket.send(session.ping(steady_s()))
            await asyncio.sleep(TIME_ASKED_S)

    def _hear_times(self, rows: Rows) -> None:
        times = [row.timestamp.timestamp() for row in rows if isinstance(row, Execution)]
        if times:
            self._clock.hear_event(max(times))


def reconnect_delay_s(failures: int, floor_s: float, spread: float) -> float:
    """How long to wait after so many failures in a row before this one: at once at first, then full jitter.

    ``spread`` is a random number from 0 to 1. A floor is spread upwards: accounts that were thrown out
    together come back one by one.
    """
    bound_s = 0.0 if failures == 0 else doubled_s(failures, BACKOFF_S, BACKOFF_S_MAX)
    return max(floor_s * (1 + spread), bound_s * spread)


def _close_code(cut: Exception) -> int | None:
    return cut.rcvd.code if isinstance(cut, ConnectionClosed) and cut.rcvd is not None else None


def _status(cut: Exception) -> int | None:
    return cut.response.status_code if isinstance(cut, InvalidStatus) else None


def _least_pause_s(cut: Exception, system_status: str, blocks: int) -> float:
    """``blocks``: how often in a row it was refused by a front, or by a policy. The first time that a policy
    closes a connection it may only be its token that has died: a new one costs one try.
    """
    code = _close_code(cut)
    if blocks:
        return doubled_s(blocks - 1, BLOCKED_S, BLOCKED_S_MAX)
    if code in _RESTARTING or isinstance(cut, RateLimited) or system_status not in {"", "online"}:
        return MAINTENANCE_S
    return 0.0


def _reason(cut: Exception) -> str:
    if isinstance(cut, ConnectionClosed) and cut.rcvd is not None:
        return shown(f"closed by the exchange: {cut.rcvd.code} {cut.rcvd.reason}".rstrip())
    return shown(cut) or type(cut).__name__
