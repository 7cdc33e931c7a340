"""The socket to a feed: why it ends is told, and pauses never have this address banned."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
from aiohttp import WSCloseCode, web
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.paper_exchange.live import client as module
from krakencopy.paper_exchange.live.client import LiveClient, pause_s
from krakencopy.paper_exchange.live.live_market import LiveMarket
from krakencopy.paper_exchange.venue.exchange import Exchange
from tests.support.live_feed import STATUS
from tests.support.paper_venue import START_US

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
#: Where nobody is wanted, the longest pause follows.
UNWANTED = 16


@given(st.integers(1, 10**6), st.floats(0, 1))
def test_pauses_are_spread_grow_and_have_a_bound(failures: int, share: float) -> None:
    assert 0.25 <= pause_s(failures, share) <= 30
    assert pause_s(failures, share) <= pause_s(failures + 1, share)


def test_a_feed_that_ends_as_soon_as_it_begins_never_has_this_address_banned() -> None:
    connects, spent_s = 0, 0.0
    shortest: Callable[[int], float] = lambda failures: pause_s(failures, 0.0)  # noqa: E731 - the worst draw each time
    while spent_s < 600:
        connects += 1
        spent_s += shortest(connects)
    # Kraken: about 150 in 10 minutes.
    assert connects < 50


def test_a_clock_of_pauses_never_goes_back() -> None:
    assert module.now_s() <= module.now_s()


# -- why a connection ends ---------------------------------------------------------------------------------


async def refuse(_: web.Request) -> web.StreamResponse:
    raise web.HTTPForbidden


async def hang_up(request: web.Request) -> web.StreamResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    await socket.send_bytes(b"not for us")
    await socket.close(code=WSCloseCode.POLICY_VIOLATION)
    return socket


async def go_away(request: web.Request) -> web.StreamResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    await socket.close(code=WSCloseCode.GOING_AWAY)
    return socket


async def say_nothing(request: web.Request) -> web.StreamResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    await socket.send_str(STATUS)
    async for _ in socket:
        continue
    return socket


async def never_answer(_: web.Request) -> web.StreamResponse:
    await asyncio.sleep(60)
    raise AssertionError


async def followed(handler: Handler | None, pauses: int) -> tuple[list[str], list[int]]:
    """What is told of the first connections to such a feed, and how many failures each pause counted."""
    app = web.Application()
    if handler is not None:
        app.router.add_get("/v2", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    if handler is None:
        await runner.cleanup()
    told: list[str] = []
    counted: list[int] = []
    enough = asyncio.Event()

    def pause(failures: int, _: float) -> float:
        counted.append(failures)
        if len(counted) == pauses:
            enough.set()
        return 0.0

    exchange = Exchange(seed=1, replay=None, ids=random.Random(1), now_us=START_US)  # noqa: S311 - no secret
    live = LiveClient(exchange, f"ws://{host}:{port}/v2", silence_s=0.3)
    lost = live.market.lost

    def hear(why: str, now: float, at_us: int) -> None:
        told.append(why)
        lost(why, now, at_us)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, "pause_s", pause)
        patched.setattr(module, "_CONNECT_S", 0.3)
        patched.setattr(live.market, "lost", hear)
        running = asyncio.create_task(live.run())
        async with asyncio.timeout(20):
            await enough.wait()
        await live.first_prices(0.01)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
    await runner.cleanup()
    return told, counted


@pytest.mark.parametrize(
    ("handler", "why", "counted"),
    [
        (refuse, "answers with HTTP 403", [UNWANTED, UNWANTED]),
        (hang_up, "closed (1008)", [UNWANTED, UNWANTED]),
        (go_away, "closed (1001)", [1, 2]),
        (say_nothing, "nothing received for 0.3 s", [1, 2]),
        (never_answer, "does not answer", [1, 2]),
        (None, "Cannot connect to host", [1, 2]),
    ],
)
def test_why_a_connection_ended_is_told_and_counts_towards_the_next_pause(
    handler: Handler | None, why: str, counted: list[int]
) -> None:
    told, pauses = asyncio.run(followed(handler, 2))
    assert why in told[0]
    assert pauses[:2] == counted


def test_what_is_to_be_asked_anew_is_sent_while_there_is_a_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard: list[str] = []

    async def listen(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_bytes(b"not for us")
        await socket.send_str(STATUS)
        async for message in socket:
            heard.append(message.data)
            if message.data == "again":
                await socket.close()
        return socket

    def due(*_: object) -> list[str]:
        return ["again"]

    monkeypatch.setattr(LiveMarket, "requests_due", due)
    told, _ = asyncio.run(followed(listen, 1))
    assert "again" in heard
    assert told[0].startswith("closed (1000")


def test_after_maintenance_the_pauses_are_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LiveMarket, "in_maintenance", True)
    _, counted = asyncio.run(followed(go_away, 2))
    assert counted[:2] == [6, 7]
