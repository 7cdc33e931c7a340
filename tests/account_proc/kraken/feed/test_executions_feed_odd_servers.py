"""A feed holds on through servers that refuse, fall silent, redirect, close or lose frames."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from krakencopy.account_proc.contract.errors import NonceFault, OutcomeUnknown, RateLimited
from krakencopy.account_proc.kraken.errors import LockedOut
from krakencopy.account_proc.kraken.feed.executions_feed import (
    BACKOFF_S_MAX,
    BLOCKED_S,
    MAINTENANCE_S,
    ExecutionsFeed,
    reconnect_delay_s,
)
from tests.support.feed_sink import COALESCING_OR_NOT, Heard, running

SNAPSHOT = json.dumps({"channel": "executions", "type": "snapshot", "data": [], "sequence": 1})


ACK = json.dumps({"method": "subscribe", "success": True, "result": {"channel": "executions"}})


def status(system: str) -> str:
    return json.dumps({"channel": "status", "type": "update", "data": [{"system": system}]})


async def accept(socket: ServerConnection) -> None:
    await socket.recv()
    await socket.send(ACK)
    await socket.send(SNAPSHOT)


async def stay(socket: ServerConnection) -> None:
    await accept(socket)
    await socket.wait_closed()


# -- servers that misbehave --------------------------------------------------------------------------------

Behaviour = Callable[[ServerConnection], Awaitable[None]]


@dataclass
class Odd:
    """A server that behaves as told, one behaviour for each connection, and stays for ever after the last."""

    behaviours: list[Behaviour]
    heard: Heard = field(default_factory=Heard)
    pauses: list[float] = field(default_factory=list)
    tokens: int = 0
    frames: list[str] = field(default_factory=list)

    async def handle(self, socket: ServerConnection) -> None:
        behave = self.behaviours.pop(0) if self.behaviours else stay
        with contextlib.suppress(ConnectionClosed):
            await behave(socket)

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)

    async def token(self) -> str:
        self.tokens += 1
        return f"token-{self.tokens}"


def odd(
    *behaviours: Behaviour, silence_s: float = 5.0, connections: int | None = None,
    is_idle: Callable[[], bool] | None = None,
) -> Odd:  # fmt: skip
    """What a feed did until it was connected to a server that stays."""
    lives = len(behaviours) + 1 if connections is None else connections

    async def run() -> Odd:
        server = Odd(list(behaviours))
        async with serve(server.handle, "127.0.0.1", 0) as listening:
            port = next(iter(listening.sockets)).getsockname()[1]
            feed = ExecutionsFeed(
                f"ws://127.0.0.1:{port}/v2",
                server.token,
                server.heard,
                silence_s=silence_s,
                pause=server.pause,
                is_idle=is_idle,
            )
            async with running(feed):
                await server.heard.until(lambda: len(server.heard.snapshots) == lives and feed.fresh)
        return server

    return asyncio.run(run())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_never_followed_and_no_token_goes_to_another_address(status: int) -> None:
    async def run() -> tuple[Odd, list[str]]:
        server, asked, reached = Odd([]), list[str](), list[str]()

        async def elsewhere(socket: ServerConnection) -> None:
            reached.append(str(await socket.recv()))

        async with serve(elsewhere, "127.0.0.1", 0) as other:
            there = f"ws://127.0.0.1:{next(iter(other.sockets)).getsockname()[1]}/v2"

            def redirect(_: ServerConnection, request: Request) -> Response:
                asked.append(request.path)
                return Response(status, "Elsewhere", Headers(Location=there, Connection="close"))

            async with serve(server.handle, "127.0.0.1", 0, process_request=redirect) as listening:
                port = next(iter(listening.sockets)).getsockname()[1]
                feed = ExecutionsFeed(
                    f"ws://127.0.0.1:{port}/v2", server.token, server.heard, pause=server.pause
                )
                async with running(feed):
                    await server.heard.until(lambda: len(server.heard.reasons) == 2)
        assert reached == []
        return server, asked

    server, asked = asyncio.run(run())
    assert asked[:2] == ["/v2", "/v2"]
    assert f"HTTP {status}" in server.heard.reasons[0]


def test_what_the_exchange_says_as_it_closes_is_told_without_what_a_terminal_would_act_on() -> None:
    async def close(socket: ServerConnection) -> None:
        await accept(socket)
        await socket.close(1011, "\x1b[31m\u202ered")

    assert odd(close).heard.reasons == ["closed by the exchange: 1011  [31m red"]


def test_a_gap_in_the_count_reconnects_with_a_new_token() -> None:
    async def skip(socket: ServerConnection) -> None:
        await accept(socket)
        await socket.send(json.dumps({"channel": "executions", "type": "update", "data": [], "sequence": 3}))
        await socket.wait_closed()

    server = odd(skip)
    assert server.heard.reasons == ["message 3 came after message 1"]
    assert server.tokens == 2
    assert server.pauses == [0.0]


@COALESCING_OR_NOT
def test_silence_is_asked_about_and_then_cut(is_idle: Callable[[], bool] | None) -> None:
    frames: list[str] = []

    async def fall_silent(socket: ServerConnection) -> None:
        await accept(socket)
        await socket.send('{"channel":"heartbeat"}')
        async for frame in socket:
            frames.append(str(frame))  # noqa: PERF401 - the loop ends by an error, and what came before it counts

    server = odd(fall_silent, silence_s=0.1, is_idle=is_idle)
    assert [json.loads(frame)["method"] for frame in frames] == ["ping"]
    assert "silent for 0.1 s" in server.heard.reasons[0]


@COALESCING_OR_NOT
def test_a_quiet_exchange_that_answers_when_asked_is_not_cut(is_idle: Callable[[], bool] | None) -> None:
    pings = 0

    async def answer_pings(socket: ServerConnection) -> None:
        nonlocal pings
        await accept(socket)
        async for _ in socket:
            pings += 1
            await socket.send('{"method":"pong"}')
            if pings == 3:
                await socket.close(1000, "enough")

    server = odd(answer_pings, silence_s=0.1, is_idle=is_idle)
    assert pings == 3
    assert server.heard.reasons == ["closed by the exchange: 1000 enough"]


@COALESCING_OR_NOT
def test_heartbeats_keep_the_feed_fresh_and_tell_the_sink_nothing(
    is_idle: Callable[[], bool] | None,
) -> None:
    async def beat(socket: ServerConnection) -> None:
        await accept(socket)
        for _ in range(100):
            await socket.send('{"channel":"heartbeat"}')
        await socket.close()

    server = odd(beat, is_idle=is_idle)
    assert server.heard.rows == []
    assert len(server.heard.snapshots) == 2


def test_a_refused_subscription_is_tried_again_with_another_token() -> None:
    subscriptions: list[str] = []

    async def refuse(socket: ServerConnection) -> None:
        subscriptions.append(json.loads(await socket.recv())["params"]["token"])
        error = {"method": "subscribe", "success": False, "error": "ESession:Invalid session"}
        await socket.send(json.dumps(error))
        await socket.wait_closed()

    server = odd(refuse, refuse, connections=1)
    assert subscriptions == ["token-1", "token-2"]
    assert server.heard.reasons == ["refused: ESession:Invalid session"] * 2


def test_after_maintenance_tries_are_five_seconds_apart() -> None:
    async def maintain(socket: ServerConnection) -> None:
        await socket.send(status("maintenance"))
        await socket.close(1001)

    server = odd(maintain, maintain, connections=1)
    assert len(server.pauses) == 2
    assert min(server.pauses) >= MAINTENANCE_S


@pytest.mark.parametrize(("code", "least_s"), [(1012, MAINTENANCE_S), (1013, MAINTENANCE_S)])
def test_close_codes_tell_how_long_to_stay_away(code: int, least_s: float) -> None:
    async def close(socket: ServerConnection) -> None:
        await accept(socket)
        await socket.close(code, "told so")

    server = odd(close)
    assert server.heard.reasons == [f"closed by the exchange: {code} told so"]
    assert server.pauses[0] >= least_s


def test_a_connection_that_a_policy_closed_is_tried_at_once_with_a_new_token_and_then_left_alone() -> None:
    async def close(socket: ServerConnection) -> None:
        await accept(socket)
        await socket.close(1008, "policy")

    server = odd(close, close)
    assert server.pauses[0] < BLOCKED_S
    assert server.pauses[1] >= BLOCKED_S


def test_a_server_that_is_not_there_is_tried_for_ever() -> None:
    async def run() -> None:
        heard, tries = Heard(), 0

        async def token() -> str:
            return "token"

        async def pause(_: float) -> None:
            nonlocal tries
            tries += 1
            await asyncio.sleep(0)

        feed = ExecutionsFeed("ws://127.0.0.1:9/v2", token, heard, pause=pause)
        async with running(feed):
            await heard.until(lambda: len(heard.reasons) >= 5)
        assert tries >= 4
        assert heard.snapshots == []

    asyncio.run(run())


def test_a_token_that_is_refused_for_its_rate_waits_and_a_lost_nonce_ends_the_feed() -> None:
    async def run() -> None:
        heard, pauses = Heard(), []
        errors: list[Exception] = [
            RateLimited("GetWebSocketsToken", ("EAPI:Rate limit exceeded",)),
            NonceFault("gone"),
        ]

        async def token() -> str:
            raise errors.pop(0)

        async def pause(seconds: float) -> None:
            pauses.append(seconds)

        with pytest.raises(NonceFault):
            await ExecutionsFeed("ws://127.0.0.1:9/v2", token, heard, pause=pause).run()
        assert pauses[0] >= MAINTENANCE_S

    asyncio.run(run())


def test_a_feed_outlasts_a_lockout_of_the_key() -> None:
    async def run() -> None:
        heard, pauses = Heard(), []
        errors: list[Exception] = [LockedOut("GetWebSocketsToken", 700.0), NonceFault("gone")]

        async def token() -> str:
            raise errors.pop(0)

        async def pause(seconds: float) -> None:
            pauses.append(seconds)

        with pytest.raises(NonceFault):
            await ExecutionsFeed("ws://127.0.0.1:9/v2", token, heard, pause=pause).run()
        assert pauses == [700.0]

    asyncio.run(run())


def test_the_pace_is_asked_before_each_connection_and_not_where_there_is_no_token() -> None:
    async def close(socket: ServerConnection) -> None:
        await accept(socket)
        await socket.close(1011)

    class Pace:
        asked = 0

        async def wait_for_turn(self) -> None:
            self.asked += 1
            assert self.asked == len(server.heard.snapshots) + 1

    async def run() -> None:
        async with serve(server.handle, "127.0.0.1", 0) as listening:
            port = next(iter(listening.sockets)).getsockname()[1]
            tokens: list[str | OutcomeUnknown] = [
                "one",
                "two",
                OutcomeUnknown("GetWebSocketsToken", "timeout"),
                "three",
            ]

            async def token() -> str:
                given = tokens.pop(0)
                if isinstance(given, OutcomeUnknown):
                    raise given
                return given

            url = f"ws://127.0.0.1:{port}/v2"
            feed = ExecutionsFeed(url, token, server.heard, pace=pace, pause=server.pause)
            async with running(feed):
                await server.heard.until(lambda: len(server.heard.snapshots) == 3)

    server, pace = Odd([close, close]), Pace()
    asyncio.run(run())
    assert pace.asked == 3


def test_no_token_shows_in_logs(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    async def close(socket: ServerConnection) -> None:
        await accept(socket)
        await socket.close(1011)

    odd(close)
    ours = [record for record in caplog.records if record.name.startswith("krakencopy.account_proc")]
    assert ours
    # websockets shortens the frames that it logs, so part of a token would show.
    assert not [record for record in ours if "token" in record.getMessage() or "TEXT" in record.getMessage()]


@given(st.integers(0, 10_000), st.floats(0, 60), st.floats(0, 1))
def test_pauses_are_bounded_and_never_below_what_was_asked_for(
    failures: int, floor_s: float, spread: float
) -> None:
    delay_s = reconnect_delay_s(failures, floor_s, spread)
    assert floor_s <= delay_s <= max(2 * floor_s, BACKOFF_S_MAX)
    if failures == 0 and floor_s == 0:
        assert delay_s == 0
