"""The HTTP shell: one process, one port for REST, WebSocket and control; and the clocks that move the
market.
"""

import asyncio
import json
import logging
import os
import random
import secrets
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from email.utils import formatdate
from typing import Any, Final

from aiohttp import web

from krakencopy.paper_exchange.accounts import auth
from krakencopy.paper_exchange.control.api import Control
from krakencopy.paper_exchange.control.rows import market_row
from krakencopy.paper_exchange.live.client import LiveClient, now_s
from krakencopy.paper_exchange.market.replay import Replay
from krakencopy.paper_exchange.options import Options
from krakencopy.paper_exchange.rest import envelope
from krakencopy.paper_exchange.rest import public as rest_public
from krakencopy.paper_exchange.rest.request_faults import FaultyRequests
from krakencopy.paper_exchange.values.errors import KrakenError
from krakencopy.paper_exchange.values.params import Params
from krakencopy.paper_exchange.values.time_format import US_PER_S
from krakencopy.paper_exchange.venue.admission import SignedRequest
from krakencopy.paper_exchange.venue.exchange import Exchange
from krakencopy.paper_exchange.websocket.hub import Hub

_log = logging.getLogger(__name__)

# Connections that may wait to be accepted: hundreds of clients start in the same instant.
_BACKLOG: Final = 4096
# Made-up methods that are noted, and how much of their path.
_UNKNOWN_MOST: Final = 1_000
_PATH_SHOWN: Final = 100
_REQUEST_BYTES_MOST: Final = 1024 * 1024
_SHUTDOWN_S: Final = 1.0
# A replay is looked at no more often than this, however fast it is played.
_REPLAY_PAUSE_LEAST_US: Final = 1_000
# How long a start waits for a live feed's first prices: orders that come before them are refused.
_FIRST_PRICES_S: Final = 5.0
# However far the next trade is, or while its pair is pinned, the replay is looked at this often.
_REPLAY_PAUSE_MOST_US: Final = 250_000


class Rest:
    """The handlers of Kraken's REST methods: bytes in, envelope out. Logical errors have HTTP status 200."""

    def __init__(self, exchange: Exchange, latency_s: float) -> None:
        self._exchange = exchange
        self._latency_s = latency_s
        # How many requests of each key wait for their answer.
        self._under_way: dict[str, int] = {}
        self.faulty: Final = FaultyRequests(exchange, self._now_us)

    def _now_us(self) -> int:
        return self._exchange.wall_us(_true_us())

    async def public(self, request: web.Request) -> web.Response:
        """Answer GET /0/public/<Method>."""
        method = request.match_info["method"]
        self._count(request, known=method in rest_public.methods())
        page = self.faulty.front_page(method)
        if page is not None:
            return page
        try:
            if request.method != "GET":
                # Kraken: public methods are GET only since 2024.
                raise KrakenError("EGeneral:Unknown method")  # noqa: TRY301 - one envelope for all refusals
            params = Params(dict(request.query))
            return envelope.answered(rest_public.call(self._exchange, method, params, self._now_us()))
        except KrakenError as error:
            return envelope.refused(error.text)

    async def private(self, request: web.Request) -> web.StreamResponse:
        """Answer POST /0/private/<Method>: the engine acts at once, the answer leaves after the latency."""
        received_ns = time.monotonic_ns()
        self._count(request, known=request.match_info["method"] in auth.methods())
        if request.method != "POST":
            return envelope.refused("EGeneral:Unknown method")
        signed = SignedRequest(
            method=request.match_info["method"],
            path=request.rel_url.raw_path,
            api_key=request.headers.get("API-Key", ""),
            api_sign=request.headers.get("API-Sign", ""),
            body=await request.read(),
            content_type=request.content_type,
            received_ns=received_ns,
            remote=request.remote,
        )
        page = self.faulty.front_page(signed.method, signed)
        if page is not None:
            return page
        under_way = self._under_way[signed.api_key] = self._under_way.get(signed.api_key, 0) + 1
        try:
            if 0 < self._exchange.rules.requests_at_once < under_way:
                return self.faulty.throttle(signed)
            if self.faulty.expected:
                response: web.StreamResponse = await self.faulty.answer(request, signed)
            else:
                response = self.faulty.handle(signed)
            left_s = self._latency_s - (time.monotonic_ns() - received_ns) / 1e9
            if left_s > 0:
                await asyncio.sleep(left_s)
            return response
        finally:
            self._leave(signed.api_key)

    def _leave(self, api_key: str) -> None:
        """A request of a key is answered."""
        self._under_way[api_key] -= 1
        if not self._under_way[api_key]:
            del self._under_way[api_key]

    def _count(self, request: web.Request, *, known: bool) -> None:
        """Note which methods clients call. Those that don't exist are bounded: anyone may make them up."""
        name = f"{request.method} {request.path[:_PATH_SHOWN]}"
        called, unknown = self._exchange.called, self._exchange.unknown
        if known or name in unknown or len(unknown) < _UNKNOWN_MOST:
            called[name] += 1
            unknown.update(() if known else (name,))


def _true_us() -> int:
    return time.time_ns() // 1000


def application(
    exchange: Exchange, hub: Hub, rest: Rest, market: Callable[[], dict[str, Any]]
) -> web.Application:
    """All routes of the exchange."""

    async def date(_request: web.Request, response: web.StreamResponse) -> None:
        # The one time that is not written by us.
        if not exchange.conditions.clock.is_true:
            response.headers["Date"] = formatdate(exchange.wall_us(_true_us()) / US_PER_S, usegmt=True)

    app = web.Application(client_max_size=_REQUEST_BYTES_MOST)
    app.on_response_prepare.append(date)
    app.router.add_route("*", "/0/private/{method:.*}", rest.private)
    app.router.add_route("*", "/0/public/{method:.*}", rest.public)
    app.router.add_get("/v2", hub.serve)
    app.add_routes(Control(exchange, market).routes())
    return app


async def run(options: Options, replay: Replay | None) -> None:
    """Serve until SIGTERM, SIGINT or the end of the lifeline. Raises OSError where the port cannot be had."""
    # Ids must differ from those of an earlier run, whatever the seed of the market.
    ids = random.Random(secrets.randbits(256))  # noqa: S311 - unique, not secret
    followed = options.market == "live"
    exchange = Exchange(seed=options.seed, replay=replay, ids=ids, now_us=_true_us(), live=followed)
    live = LiveClient(exchange, options.live_url, options.live_silence_s) if followed else None
    hub = Hub(exchange, options.latency_ms / 1000)
    stop = asyncio.Event()
    _watch(stop, options.lifeline_fd)
    rest = Rest(exchange, options.latency_ms / 1000)

    def market() -> dict[str, Any]:
        return market_row(options.market, exchange, None if live is None else live.market, now_s())

    app = application(exchange, hub, rest, market)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_S)
    async with AsyncExitStack() as stack:
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, options.host, options.port, backlog=_BACKLOG)
        await site.start()
        stack.push_async_callback(hub.close)
        stack.callback(rest.faulty.stop)
        clocks = [hub.beat(), _tick(exchange, options.tick_ms), _alarms(exchange)]
        if replay is not None:
            clocks.append(_play(exchange, replay))
        if live is None:
            _announce(runner, options.host)
        else:
            clocks += [live.run(), _announce_late(live, runner, options.host)]
        await _until_stopped(stop, clocks)


async def _until_stopped(stop: asyncio.Event, clocks: list[Coroutine[Any, Any, None]]) -> None:
    """Run the clocks until the exchange is to stop; a clock that fails stops it with its error."""
    tasks = [asyncio.create_task(clock) for clock in clocks]
    stopped = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
    for task in (stopped, *tasks):
        task.cancel()
    await asyncio.gather(stopped, *tasks, return_exceptions=True)
    for task in done:
        task.result()


def _announce(runner: web.AppRunner, host: str) -> None:
    """Print in one line where the exchange listens."""
    port = runner.addresses[0][1]
    shown = f"[{host}]" if ":" in host else host
    urls = {"rest_url": f"http://{shown}:{port}", "ws_url": f"ws://{shown}:{port}/v2"}
    sys.stdout.write(json.dumps(urls) + "\n")
    sys.stdout.flush()


async def _announce_late(live: LiveClient, runner: web.AppRunner, host: str) -> None:
    """Print where the exchange listens once its first prices are there; like the clocks it has no end."""
    await live.first_prices(_FIRST_PRICES_S)
    _announce(runner, host)
    await asyncio.get_running_loop().create_future()


def _watch(stop: asyncio.Event, lifeline_fd: int | None) -> None:
    """Let signals and the end of the lifeline stop the exchange."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if lifeline_fd is None:
        return

    def read_lifeline() -> None:
        # Nothing is ever written into it: it ends when the last holder of the other side is gone.
        if not os.read(lifeline_fd, 1024):
            loop.remove_reader(lifeline_fd)
            stop.set()

    loop.add_reader(lifeline_fd, read_lifeline)


async def _tick(exchange: Exchange, tick_ms: int) -> None:
    """Move the synthetic pairs at a steady pace; ticks that were missed are not made up for."""
    while True:
        await asyncio.sleep(tick_ms / 1000)
        exchange.tick(exchange.wall_us(_true_us()))


async def _alarms(exchange: Exchange) -> None:
    """Let expiries, scheduled starts and dead-man timers happen at their times."""
    set_anew = asyncio.Event()
    exchange.on_alarm = set_anew.set
    while True:
        due_us = exchange.next_alarm_us()
        wait_s = None if due_us is None else max(0, due_us - _true_us()) / US_PER_S
        with suppress(TimeoutError):
            await asyncio.wait_for(set_anew.wait(), wait_s)
        set_anew.clear()
        exchange.advance(exchange.wall_us(_true_us()))


async def _play(exchange: Exchange, replay: Replay) -> None:
    """Let the replay's trades fall due in real time."""
    market = exchange.market.of(replay.pair)
    last_ns = time.monotonic_ns()
    while True:
        due_us = _REPLAY_PAUSE_MOST_US if market.pinned else replay.next_due_us()
        await asyncio.sleep(min(max(due_us, _REPLAY_PAUSE_LEAST_US), _REPLAY_PAUSE_MOST_US) / 1e6)
        now_ns = time.monotonic_ns()
        exchange.play((now_ns - last_ns) // 1000, exchange.wall_us(_true_us()))
        last_ns = now_ns
