"""The feed against the real paper exchange, and against servers that fall silent, skip, refuse and hang
up.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from krakencopy.account_proc.contract.errors import KeyRefused, NonceFault, OutcomeUnknown, RateLimited
from krakencopy.account_proc.contract.spec import Credentials
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.kraken.answers import LockedOut
from krakencopy.account_proc.kraken.api import KrakenExchange
from krakencopy.account_proc.kraken.exchange_clock import DISAGREE_S, ExchangeClock
from krakencopy.account_proc.kraken.feed import executions_feed as feed_module
from krakencopy.account_proc.kraken.feed.executions import Execution
from krakencopy.account_proc.kraken.feed.executions_feed import (
    BACKOFF_S_MAX,
    BLOCKED_S,
    MAINTENANCE_S,
    ExecutionsFeed,
    Rows,
    reconnect_delay_s,
)
from krakencopy.account_proc.kraken.feed.session import BalanceChanged
from krakencopy.account_proc.kraken.rest.client import KrakenRest
from krakencopy.account_proc.kraken.rest.order_request import OrderRequest
from krakencopy.account_proc.kraken.rest.request_queue import RequestQueue
from krakencopy.account_proc.state.nonce_custody import NonceCustody
from tests.support.odd_exchange import SECRET, Paper, paper_exchange, roomy_limits

LIMIT_S = 30
#: A feed that reads all, and one that leaves heartbeats unread.
WAKEFUL_AND_DROWSY = pytest.mark.parametrize("is_idle", [None, lambda: True])


@dataclass
class Heard:
    """A sink that remembers, and can be waited for."""

    snapshots: list[Rows] = field(default_factory=list)
    rows: list[Any] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    telling: set[asyncio.Task[None]] = field(default_factory=set)

    def connected(self, snapshot: Rows) -> None:
        self.snapshots.append(snapshot)
        self._tell()

    def executed(self, executions: Rows) -> None:
        self.rows.extend(executions)
        self._tell()

    def disconnected(self, reason: str) -> None:
        self.reasons.append(reason)
        self._tell()

    def balance_changed(self, change: BalanceChanged) -> None:
        self.rows.append(change)
        self._tell()

    def _tell(self) -> None:
        async def tell() -> None:
            async with self.changed:
                self.changed.notify_all()

        task = asyncio.get_running_loop().create_task(tell())
        self.telling.add(task)
        task.add_done_callback(self.telling.discard)

    async def until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(LIMIT_S), self.changed:
            await self.changed.wait_for(is_so)

    @property
    def trades(self) -> list[Execution]:
        return [row for row in self.rows if isinstance(row, Execution) and row.exec_type == "trade"]


@contextlib.asynccontextmanager
async def running(feed: ExecutionsFeed) -> AsyncIterator[asyncio.Task[Any]]:
    task = asyncio.create_task(feed.run())
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, KeyRefused, NonceFault):
            await task


# -- the real paper exchange -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def paper() -> Iterator[Paper]:
    with paper_exchange("--seed", "1") as exchange:
        exchange.control("POST", "markets/XBTUSD", {"price": "50000"})
        yield exchange


@contextlib.asynccontextmanager
async def client(paper: Paper, name: str, folder: Path) -> AsyncIterator[KrakenExchange]:
    custody = NonceCustody.open(folder / name, account_id=name, now_us=lambda: time.time_ns() // 1000)
    queue = RequestQueue(KrakenRest(paper.rest_url, Credentials(name, SECRET), custody, roomy_limits()))
    try:
        yield KrakenExchange(queue)
    finally:
        await asyncio.to_thread(queue.close)
        custody.close()


def test_a_trade_is_told_in_full_with_the_id_that_the_history_gives_it(paper: Paper, tmp_path: Path) -> None:
    paper.account("trader", {"ZUSD": "10000"})

    async def run() -> None:
        heard = Heard()
        async with client(paper, "trader", tmp_path) as exchange:
            feed = ExecutionsFeed(paper.ws_url, exchange.account.websocket_token, heard)
            assert not feed.fresh
            async with running(feed):
                await heard.until(lambda: len(heard.snapshots) == 1 and feed.fresh)
                assert feed.system_status == "online"
                ack = await exchange.orders.add_order(
                    OrderRequest(pair="BTC/USD", side=Side.BUY, volume=Decimal("0.01"), cl_ord_id="mine")
                )
                await heard.until(lambda: len(heard.trades) == 1)
            history = await exchange.record.trades_since(time.time() - 60)
        trade = heard.trades[0]
        assert trade.exec_id == history[0].txid
        assert (trade.order_id, trade.cl_ord_id, trade.side) == (ack.order_id, "mine", Side.BUY)
        assert (trade.pair, trade.last_qty, trade.last_price) == (
            "BTC/USD",
            Decimal("0.01"),
            Decimal(50000),
        )
        assert trade.fees == (("USD", history[0].fee),)
        assert trade.cost == history[0].cost
        assert not trade.margin
        assert heard.reasons == []

    asyncio.run(run())


def test_what_happened_before_is_in_the_snapshot(paper: Paper, tmp_path: Path) -> None:
    paper.account("earlier", {"ZUSD": "10000"})

    async def run() -> None:
        heard = Heard()
        async with client(paper, "earlier", tmp_path) as exchange:
            filled = await exchange.orders.add_order(
                OrderRequest(pair="BTC/USD", side=Side.BUY, volume=Decimal("0.01"))
            )
            resting = await exchange.orders.add_order(
                OrderRequest(
                    pair="BTC/USD", side=Side.BUY, volume=Decimal("0.01"), limit_price=Decimal(40000)
                )
            )
            async with running(ExecutionsFeed(paper.ws_url, exchange.account.websocket_token, heard)):
                await heard.until(lambda: bool(heard.snapshots))
                await exchange.orders.cancel_order(resting.order_id)
                await heard.until(lambda: any(row.exec_type == "canceled" for row in heard.rows))
        assert {row.order_id for row in heard.snapshots[0]} == {filled.order_id, resting.order_id}
        cancelled = next(row for row in heard.rows if row.exec_type == "canceled")
        assert isinstance(cancelled, Execution)
        assert (cancelled.pair, cancelled.order_id) == ("BTC/USD", resting.order_id)

    asyncio.run(run())


@WAKEFUL_AND_DROWSY
@pytest.mark.parametrize("step", ["0.7", "-0.7", "30"])
def test_a_step_of_the_exchanges_clock_is_measured_to_a_fraction_of_a_second_as_soon_as_anything_tells_of_it(
    tmp_path: Path, is_idle: Callable[[], bool] | None, step: str
) -> None:
    async def run(paper: Paper) -> None:
        clock = ExchangeClock()
        heard = Heard()
        async with client(paper, "stepping", tmp_path) as exchange:
            feed = ExecutionsFeed(
                paper.ws_url, exchange.account.websocket_token, heard, is_idle=is_idle, clock=clock
            )
            async with running(feed):
                await heard.until(lambda: len(heard.snapshots) == 1)
                assert (reading := clock.reading()) is not None
                assert abs(reading.offset) <= DISAGREE_S + reading.doubt
                paper.control("POST", "faults", {"kind": "clock_skew", "seconds": step})
                # A Date has whole seconds, so that one may agree with both, and another bounds by a second.
                async with asyncio.timeout(LIMIT_S):
                    while abs(clock.now() - time.time() - float(step)) > 2 * DISAGREE_S:
                        sent_at = clock.steady()
                        second = await exchange.market.server_time()
                        clock.hear_second(second, sent_at, clock.steady())
                        await asyncio.sleep(0.05)
                assert (reading := clock.reading()) is not None
                assert reading.doubt < 0.3, "a Date alone leaves half a second"
        assert heard.reasons == []

    with paper_exchange() as exchange:
        exchange.account("stepping", {"ZUSD": "1"})
        asyncio.run(run(exchange))


@WAKEFUL_AND_DROWSY
def test_an_exchange_that_stands_still_is_noticed_and_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_idle: Callable[[], bool] | None
) -> None:
    # Nobody waits for its goodbye.
    monkeypatch.setattr(feed_module, "CLOSE_TIMEOUT_S", 3600.0)

    async def run(paper: Paper) -> None:
        heard = Heard()
        async with client(paper, "frozen", tmp_path) as exchange:
            feed = ExecutionsFeed(
                paper.ws_url, exchange.account.websocket_token, heard, silence_s=0.4, is_idle=is_idle
            )
            async with running(feed):
                await heard.until(lambda: len(heard.snapshots) == 1)
                paper.process.send_signal(signal.SIGSTOP)
                await heard.until(lambda: bool(heard.reasons))
                assert not feed.fresh
                paper.process.send_signal(signal.SIGCONT)
                await heard.until(lambda: len(heard.snapshots) == 2)
        assert "silent" in heard.reasons[0]

    with paper_exchange() as exchange:
        exchange.account("frozen", {"ZUSD": "1"})
        asyncio.run(run(exchange))


def test_a_key_without_the_permission_ends_the_feed(paper: Paper, tmp_path: Path) -> None:
    paper.account("forbidden", {"ZUSD": "1"}, permissions=["query-funds"])

    async def run() -> None:
        heard = Heard()
        async with client(paper, "forbidden", tmp_path) as exchange:
            with pytest.raises(KeyRefused, match="Permission denied"):
                await ExecutionsFeed(paper.ws_url, exchange.account.websocket_token, heard).run()
        assert len(heard.reasons) == 1

    asyncio.run(run())


# -- servers that misbehave --------------------------------------------------------------------------------

Behaviour = Callable[[ServerConnection], Awaitable[None]]
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


def test_a_gap_in_the_count_reconnects_with_a_new_token() -> None:
    async def skip(socket: ServerConnection) -> None:
        await accept(socket)
        await socket.send(json.dumps({"channel": "executions", "type": "update", "data": [], "sequence": 3}))
        await socket.wait_closed()

    server = odd(skip)
    assert server.heard.reasons == ["message 3 came after message 1"]
    assert server.tokens == 2
    assert server.pauses == [0.0]


@WAKEFUL_AND_DROWSY
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


@WAKEFUL_AND_DROWSY
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


@WAKEFUL_AND_DROWSY
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
