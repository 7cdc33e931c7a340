"""The socket to another exchange's public feed, and the clocks around it. What comes in is read in
`live_market`.

Linux: times are of the clock that goes on while the machine sleeps, or prices of before its sleep would pass
for new ones.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

import aiohttp

from krakencopy.paper_exchange.live.live_market import LiveMarket
from krakencopy.paper_exchange.venue.exchange import Exchange

log = logging.getLogger(__name__)

# Kraken: the snapshot of the instrument channel has some 1,500 pairs and 600 assets, near 1 MB.
_MESSAGE_BYTES_MOST: Final = 16 * 1024 * 1024
_CONNECT_S: Final = 10.0
_CLOSE_S: Final = 1.0
# How often silence is looked for.
_WATCH_S: Final = 0.1
# Kraken: reconnect at once a handful of times, and 150 connects of an address in 10 minutes have it banned
# for 10. Doubling from half a second, a feed that ends as soon as it begins is asked some 30 times in 10
# minutes.
_PAUSE_LEAST_S: Final = 0.5
_PAUSE_MOST_S: Final = 30.0
# Kraken: at least 5 s apart after maintenance; these are 8 to 16.
_FAILURES_OF_MAINTENANCE: Final = 6
# A connection that has lasted so long was a good one: the pauses begin anew.
_STEADY_S: Final = 60.0
# Where we are not wanted, the longest pause follows. (The official client takes close code 1008 for final.)
_UNWANTED: Final = frozenset({403, 429, int(aiohttp.WSCloseCode.POLICY_VIOLATION)})
_FAILURES_MOST: Final = 16


def pause_s(failures: int, share: float) -> float:
    """How long to wait after so many failures in a row; `share` (0 to 1) is drawn: many clients must not
    come back at once.
    """
    longest_s: float = min(_PAUSE_MOST_S, _PAUSE_LEAST_S * 2 ** (min(failures, _FAILURES_MOST) - 1))
    return longest_s * (0.5 + share / 2)


class LiveClient:
    """Follows a feed at `url` for ever."""

    def __init__(self, exchange: Exchange, url: str, silence_s: float) -> None:
        self._exchange = exchange
        self._url = url
        self._silence_s = silence_s
        # Each change has a line, whatever else is logged.
        log.setLevel(logging.INFO)
        self.market: Final = LiveMarket(exchange, silence_s, lambda line: log.info("live prices: %s", line))
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._sending: set[asyncio.Task[None]] = set()
        self._settled: Final = asyncio.Event()

    async def run(self) -> None:
        """Connect, listen, and connect again, until cancelled."""
        self._watch()
        failures = 0
        async with aiohttp.ClientSession() as session:
            while True:
                began_s = now_s()
                why, code = await self._follow(session)
                self._update_market(partial(self.market.lost, why))
                failures = 1 if now_s() - began_s >= _STEADY_S else failures + 1
                if self.market.in_maintenance:
                    failures = max(failures, _FAILURES_OF_MAINTENANCE)
                if code in _UNWANTED:
                    failures = _FAILURES_MOST
                await asyncio.sleep(pause_s(failures, random.random()))  # noqa: S311 - spreads clients, hides nothing

    async def first_prices(self, limit_s: float) -> None:
        """Wait until every pair has its first message, but no longer than that."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._settled.wait(), limit_s)

    async def _follow(self, session: aiohttp.ClientSession) -> tuple[str, int | None]:
        """One connection, from its handshake to its end: why it ended, and the code of HTTP or of closing
        that says so.
        """
        try:
            async with asyncio.timeout(_CONNECT_S):
                socket = await session.ws_connect(
                    self._url,
                    max_msg_size=_MESSAGE_BYTES_MOST,
                    timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSE_S),
                )
        except TimeoutError:
            return f"{self._url} does not answer", None
        except aiohttp.WSServerHandshakeError as error:
            return f"{self._url} answers with HTTP {error.status}", error.status
        except (aiohttp.ClientError, OSError) as error:
            return f"{self._url}: {error}", None
        async with socket:
            self._socket = socket
            try:
                for request in self.market.connected(now_s()):
                    await socket.send_str(request)
                return await self._listen(socket)
            except aiohttp.ClientError as error:
                return str(error), None
            finally:
                self._socket = None

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse) -> tuple[str, int | None]:
        while True:
            try:
                message = await socket.receive(self._silence_s)
            except TimeoutError:
                return f"nothing received for {self._silence_s:g} s", None
            if message.type is aiohttp.WSMsgType.TEXT:
                text: str = message.data
                self._update_market(partial(self.market.receive_message, text))
            elif message.type is not aiohttp.WSMsgType.BINARY:
                return f"closed ({socket.close_code or 'no close frame'})", socket.close_code

    def _update_market(self, update: Callable[[float, int], None]) -> None:
        update(now_s(), self._exchange.wall_us(time.time_ns() // 1000))
        if self.market.settled:
            self._settled.set()

    def _watch(self) -> None:
        """Look for silence, again and again.

        By a timer, not by a task that sleeps: after a standstill of this process a timer that is due runs
        before the requests that came in meanwhile, so none of them meets a price that has become too old.
        """
        asyncio.get_running_loop().call_later(_WATCH_S, self._watch)
        self._update_market(self.market.review)
        for request in self.market.requests_due(now_s()):
            if self._socket is not None:
                self._send(self._socket, request)

    def _send(self, socket: aiohttp.ClientWebSocketResponse, request: str) -> None:
        async def send() -> None:
            # Where the connection has just ended, who listens to it finds out.
            with suppress(aiohttp.ClientError):
                await socket.send_str(request)

        task = asyncio.get_running_loop().create_task(send())
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)


def now_s() -> float:
    """Seconds of a clock that never goes back and does not stand still."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
