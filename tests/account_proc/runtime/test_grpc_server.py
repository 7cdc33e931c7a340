"""Both ends of an account's gRPC over a real socket: with each other, and with a stranger, who uses grpcio's
client.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpclib.const import Status

from krakencopy.account_proc.contract.errors import LedgerFault
from krakencopy.account_proc.contract.grpc_methods import ACCOUNT_SERVICE, HEALTH_SERVICE, health, signature
from krakencopy.account_proc.contract.request_bounds import Violation
from krakencopy.account_proc.runtime.grpc_server import GrpcServer, Health, refusal
from krakencopy.supervisor.accounts.grpc_client import ASKED_MAX, CallFailed, RpcClient
from krakencopy.v1 import account_pb2 as pb
from krakencopy.v1.types_pb2 import Fill
from tests.support.stand_in_served import Servicer

#: For what must happen on a busy machine, in seconds; nothing waits that long when it works.
LIMIT_S = 30
SERVICE = "krakencopy.v1.AccountService"
SECRET = "known to both ends"
SERVING, NOT_SERVING, UNKNOWN = 1, 2, 3
#: More than both windows of HTTP/2's flow control together, here and there.
LARGE = "x" * (9 << 20)


class Account(Servicer):
    """Answers what a test wants to see answered."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.go_on = asyncio.Event()
        self.cut_off = asyncio.Event()

    async def PlaceOrder(
        self, request: pb.AccountServicePlaceOrderRequest
    ) -> pb.AccountServicePlaceOrderResponse:
        self.asked.set()
        match request.request_id:
            case "refuse":
                raise refusal(Status.FAILED_PRECONDITION, "EOrder:Insufficient funds", "zu wenig € da, 100 %")
            case "field":
                wrong = Violation("pair", "is not listed")
                raise refusal(Status.INVALID_ARGUMENT, "BAD_ORDER", "no", violations=[wrong])
            case "fault":
                raise LedgerFault("the disk is full")
            case "break":
                raise ValueError("a mistake of ours")
            case "large":
                return pb.AccountServicePlaceOrderResponse(order_id=LARGE)
            case "wait":
                try:
                    await self.go_on.wait()
                finally:
                    self.cut_off.set()
        return pb.AccountServicePlaceOrderResponse(order_id=request.request_id)

    async def StreamFills(self, request: pb.StreamFillsRequest) -> AsyncIterator[pb.StreamFillsResponse]:
        yield pb.StreamFillsResponse(caught_up=pb.CaughtUp(from_history=request.epoch))
        self.asked.set()
        try:
            await self.go_on.wait()
        finally:
            self.cut_off.set()

    async def CopyFills(
        self, requests: AsyncIterator[pb.CopyFillsRequest]
    ) -> AsyncIterator[pb.CopyFillsResponse]:
        async for request in requests:
            if request.WhichOneof("item") == "start":
                raise refusal(Status.DATA_LOSS, "LEDGER_BEHIND_JOURNAL", "late")
            yield pb.CopyFillsResponse(report=pb.CopyReport(cursor_seq=request.fills[-1].seq))


class Scene:
    """A server and what is behind it, and a client."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket
        self.account = Account()
        self.health = Health(SERVICE)
        self.server = GrpcServer({ACCOUNT_SERVICE: self.account, HEALTH_SERVICE: self.health}, SECRET)
        self.client = RpcClient(socket, SECRET)

    async def place(self, request_id: str, timeout_s: float = LIMIT_S) -> str:
        request = pb.AccountServicePlaceOrderRequest(request_id=request_id)
        return str((await self.client.ask("PlaceOrder", request, timeout_s)).order_id)


@pytest.fixture
def socket() -> Iterator[Path]:
    # Short: paths of Unix sockets are at most 107 bytes long.
    folder = Path(tempfile.mkdtemp(prefix="kc"))
    yield folder / "anna.sock"
    shutil.rmtree(folder)


def played(socket: Path, play: Callable[[Scene], Awaitable[None]]) -> None:
    """One scene, from its beginning to its end."""

    async def whole() -> None:
        scene = Scene(socket)
        await scene.server.start(socket)
        try:
            async with asyncio.timeout(LIMIT_S):
                await play(scene)
        finally:
            scene.client.close()
            # An error that was caught keeps grpcio's connection until then, and a transport that the loop's
            # end finds open warns.
            gc.collect()
            async with asyncio.timeout(LIMIT_S):
                while not all(handler.closing for handler in scene.server._server._handlers):  # noqa: ASYNC110 - no event tells
                    await asyncio.sleep(0.001)
            await scene.server.stop(0.2)

    asyncio.run(whole())


def test_a_refusal_carries_its_reason_and_words(socket: Path) -> None:
    async def play(scene: Scene) -> None:
        with pytest.raises(CallFailed) as failed:
            await scene.place("refuse")
        assert failed.value.status is Status.FAILED_PRECONDITION
        assert failed.value.reason == "EXCHANGE_REFUSED"
        assert failed.value.metadata == {"exchange_error": "EOrder:Insufficient funds"}
        assert failed.value.message == str(failed.value) == "zu wenig € da, 100 %"

    played(socket, play)


def _empty_call(channel: grpc.aio.Channel, method: Any) -> Any:
    """A call of any method of a service, with an empty request."""
    path, _, request, answer = signature(method)
    kind = "_".join(
        "stream" if streams else "unary" for streams in (method.client_streaming, method.server_streaming)
    )
    ask = getattr(channel, kind)(
        path, request_serializer=request.SerializeToString, response_deserializer=answer.FromString
    )
    return ask(iter([request()]) if method.client_streaming else request())


@pytest.mark.parametrize(
    "method", [*ACCOUNT_SERVICE.methods, *HEALTH_SERVICE.methods], ids=lambda method: method.full_name
)
def test_a_process_of_the_same_user_that_is_not_the_supervisor_is_refused(socket: Path, method: Any) -> None:
    async def play(scene: Scene) -> None:
        async with grpc.aio.insecure_channel(f"unix:{socket}") as channel:
            call = _empty_call(channel, method)
            assert await call.code() is grpc.StatusCode.UNAUTHENTICATED
        assert not scene.account.asked.is_set()
        assert await scene.place("one") == "one"

    played(socket, play)


def test_whoever_has_another_secret_is_noticed_on_both_sides(socket: Path) -> None:
    async def play(scene: Scene) -> None:
        stranger = RpcClient(socket, "guessed")
        with pytest.raises(CallFailed) as failed:
            await stranger.ask("PlaceOrder", pb.AccountServicePlaceOrderRequest(request_id="one"), LIMIT_S)
        assert (failed.value.status, failed.value.reason) == (Status.UNAUTHENTICATED, "WRONG_PROCESS")
        assert f"process {os.getpid()} listens" in failed.value.message
        assert not scene.account.asked.is_set()
        stranger.close()

    played(socket, play)


def test_calls_that_wait_are_bounded_and_leave_room_for_streams(socket: Path) -> None:
    async def play(scene: Scene) -> None:
        waiting = [asyncio.create_task(scene.place("wait")) for _ in range(ASKED_MAX)]
        await scene.account.asked.wait()
        with pytest.raises(CallFailed) as failed:
            await scene.place("one")
        assert (failed.value.status, failed.value.reason) == (Status.RESOURCE_EXHAUSTED, "TOO_MANY_CALLS")
        watch = scene.client.watch("Watch", health.HealthCheckRequest(service=SERVICE))
        assert (await anext(watch)).status == NOT_SERVING
        await watch.aclose()  # type: ignore[attr-defined]
        await scene.client.ask("Drain", pb.DrainRequest(), LIMIT_S)
        for call in waiting:
            call.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert await scene.place("one") == "one"

    played(socket, play)


def test_answers_that_nobody_reads_do_not_stop_the_other_calls_of_a_connection(socket: Path) -> None:
    async def play(scene: Scene) -> None:
        async with AsyncExitStack() as opened:
            unread = []
            for _ in range(4):
                call = await opened.enter_async_context(scene.client.open("PlaceOrder"))
                request = pb.AccountServicePlaceOrderRequest(request_id="large")
                await call.send_message(request, end=True)
                unread.append(call)
            for _ in range(100):
                assert await scene.place("one") == "one"
            answer: Any = await unread[0].recv_message()
            assert answer.order_id == LARGE
            for call in unread[1:]:
                await call.cancel()

    played(socket, play)


def test_health_is_told_at_once_and_after_each_change(socket: Path) -> None:
    async def play(scene: Scene) -> None:
        watch = scene.client.watch("Watch", health.HealthCheckRequest(service=SERVICE))
        stranger = scene.client.watch("Watch", health.HealthCheckRequest(service="nobody"))
        assert (await anext(watch)).status == NOT_SERVING
        assert (await anext(stranger)).status == UNKNOWN
        for status in (SERVING, NOT_SERVING, SERVING):
            scene.health.set(serving=status == SERVING)
            scene.health.set(serving=status == SERVING)
            assert (await anext(watch)).status == status
        for name in (SERVICE, ""):
            asked = health.HealthCheckRequest(service=name)
            assert (await scene.client.ask("Check", asked, LIMIT_S)).status == SERVING
        with pytest.raises(CallFailed) as failed:
            await scene.client.ask("Check", health.HealthCheckRequest(service="nobody"), LIMIT_S)
        assert failed.value.status is Status.NOT_FOUND
        listed = await scene.client.ask("List", health.HealthListRequest(), LIMIT_S)
        assert {name: one.status for name, one in listed.statuses.items()} == {"": SERVING, SERVICE: SERVING}
        for stream in (watch, stranger):
            await stream.aclose()  # type: ignore[attr-defined]

    played(socket, play)


def test_what_was_encoded_before_is_sent_as_it_is_and_answers_come_between(socket: Path) -> None:
    async def play(scene: Scene) -> None:
        encoded = pb.CopyFillsRequest(fills=[Fill(seq=7)]).SerializeToString()
        async with scene.client.open("CopyFills") as call:
            for _ in range(2):
                await call.send_message(encoded)
                answer: Any = await call.recv_message()
                assert answer.report.cursor_seq == 7
            await call.end()
            assert await call.recv_message() is None

    played(socket, play)


def test_a_message_larger_than_the_windows_arrives_whole(socket: Path) -> None:
    async def play(scene: Scene) -> None:
        assert await scene.place("large") == LARGE
        async with scene.client.open("CopyFills") as call:
            await call.send_message(pb.CopyFillsRequest(fills=[Fill(seq=7, exec_id=LARGE)]), end=True)
            answer: Any = await call.recv_message()
            assert answer.report.cursor_seq == 7

    played(socket, play)


def test_a_stream_that_is_refused_in_the_middle_says_why(socket: Path) -> None:
    async def play(scene: Scene) -> None:
        async def talk() -> None:
            async with scene.client.open("CopyFills") as call:
                await call.send_message(pb.CopyFillsRequest(fills=[Fill(seq=1)]))
                answer: Any = await call.recv_message()
                assert answer.report.cursor_seq == 1
                await call.send_message(pb.CopyFillsRequest(start=pb.CopyStart()))
                if await call.recv_message() is None:
                    await call.end()

        with pytest.raises(CallFailed, match="late") as failed:
            await talk()
        assert (failed.value.status, failed.value.reason) == (Status.DATA_LOSS, "LEDGER_BEHIND_JOURNAL")

    played(socket, play)


def test_an_error_of_our_own_is_logged_and_not_told(socket: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def play(scene: Scene) -> None:
        with caplog.at_level(logging.ERROR), pytest.raises(CallFailed) as failed:
            await scene.place("break")
        assert (failed.value.status, failed.value.reason) == (Status.INTERNAL, "INTERNAL_FAULT")
        assert "a mistake of ours" not in str(failed.value)
        assert "a mistake of ours" in caplog.text

    played(socket, play)


def test_a_field_that_is_wrong_is_named_and_a_fault_has_its_reason(socket: Path) -> None:
    async def play(scene: Scene) -> None:
        with pytest.raises(CallFailed) as failed:
            await scene.place("field")
        assert failed.value.violations == (Violation("pair", "is not listed"),)
        with pytest.raises(CallFailed) as failed:
            await scene.place("fault")
        assert (failed.value.status, failed.value.reason) == (Status.ABORTED, "LEDGER_FAULT")

    played(socket, play)


#: A text with half of a character in it, a number where a text should be, and a text that is cut off.
UNREADABLE = (b"\x0a\x03\xed\xa0\x80", b"\x0a\xff", b"\x0a\x05ab")


@pytest.mark.parametrize("request_bytes", UNREADABLE)
def test_a_request_that_cannot_be_read_is_refused_with_a_reason(socket: Path, request_bytes: bytes) -> None:
    async def ask(scene: Scene, method: str) -> None:
        async with scene.client.open(method, LIMIT_S) as call:
            await call.send_message(request_bytes, end=True)
            await call.recv_message()

    async def play(scene: Scene) -> None:
        for method in ("PlaceOrder", "CopyFills"):
            with pytest.raises(CallFailed) as failed:
                await ask(scene, method)
            assert (failed.value.status, failed.value.reason) == (
                Status.INVALID_ARGUMENT, "REQUEST_UNREADABLE",
            )  # fmt: skip
        assert await scene.place("the next one") == "the next one"

    played(socket, play)


def test_who_does_not_answer_in_time_is_given_up_and_told_so(socket: Path) -> None:
    async def play(scene: Scene) -> None:
        with pytest.raises(CallFailed, match="in time") as failed:
            await scene.place("wait", timeout_s=0.05)
        assert failed.value.status is Status.DEADLINE_EXCEEDED
        await scene.account.cut_off.wait()
        assert await scene.place("next") == "next"

    played(socket, play)


def test_where_nobody_listens_a_call_fails_and_the_next_one_tries_again(socket: Path) -> None:
    async def play(scene: Scene) -> None:
        away = socket.with_name("away.sock")
        os.rename(socket, away)  # noqa: PTH104 - a path's own method would be refused here for blocking
        with pytest.raises(CallFailed) as failed:
            await scene.place("one")
        assert failed.value.status is Status.UNAVAILABLE
        os.rename(away, socket)  # noqa: PTH104 - as above
        assert await scene.place("one") == "one"

    played(socket, play)


def test_a_call_fails_when_its_process_dies(socket: Path) -> None:
    async def play(scene: Scene) -> None:
        calls = [asyncio.create_task(_all_of(scene.client.watch("StreamFills", pb.StreamFillsRequest()))),
                 asyncio.create_task(scene.place("wait"))]  # fmt: skip
        await scene.account.asked.wait()
        for handler in list(scene.server._server._handlers):
            for stream in list(handler._tasks):
                stream._transport.abort()
        for call in calls:
            with pytest.raises(CallFailed) as failed:
                await call
            assert failed.value.status is Status.UNAVAILABLE
        await scene.account.cut_off.wait()

    played(socket, play)


async def _all_of(stream: AsyncIterator[Any]) -> list[Any]:
    return [answer async for answer in stream]


def test_an_answer_that_is_due_leaves_before_the_end_and_streams_are_cut_off(socket: Path) -> None:
    async def play(scene: Scene) -> None:
        stream = asyncio.create_task(_all_of(scene.client.watch("StreamFills", pb.StreamFillsRequest())))
        await scene.account.asked.wait()
        scene.account.asked.clear()
        order = asyncio.create_task(scene.place("wait"))
        await scene.account.asked.wait()
        stop = asyncio.create_task(scene.server.stop(LIMIT_S))
        await asyncio.sleep(0)
        scene.account.go_on.set()
        assert await order == "wait"
        await stop
        assert scene.account.cut_off.is_set()
        stream.cancel()
        await asyncio.gather(stream, return_exceptions=True)

    played(socket, play)


def test_a_service_without_somebody_for_each_method_is_not_served(socket: Path) -> None:
    del socket
    with pytest.raises(AttributeError, match="StreamFills"):
        GrpcServer({ACCOUNT_SERVICE: object()}, SECRET)
