"""Calls of clients, over real gRPC: read within bounds, checked before anything is done, answered as the
supervisor answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_status import rpc_status

from krakencopy.supervisor.control import front_calls
from krakencopy.supervisor.control.call_frames import UNTAKEN_BYTES_MAX
from krakencopy.supervisor.control.front_calls import REQUEST_BYTES_MAX, RawDetails
from krakencopy.supervisor.control.front_clients import ASKED_MAX, OF_ONE
from krakencopy.supervisor.control.refusals import refuse
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import control_pb2_grpc, types_pb2
from tests.support.front import SMALL_WINDOW, front, run, stub_of, until

#: What is generated answers UNIMPLEMENTED, and its type stub says that all of it must be written.
_Servicer: Any = control_pb2_grpc.ControlServiceServicer
SERVICE = pb.DESCRIPTOR.services_by_name["ControlService"].full_name


class Servicer(_Servicer):  # type: ignore[misc]  # as said above
    """Counts what reaches it."""

    def __init__(self) -> None:
        self.reached = self.made = self.waiting = 0
        self.go_on = asyncio.Event()

    async def GetAccount(self, request: pb.GetAccountRequest, context: Any) -> pb.GetAccountResponse:
        self.reached += 1
        if request.account_id == "nobody":
            await refuse(context, grpc.StatusCode.NOT_FOUND, "ACCOUNT_NOT_FOUND", "there is none")
        return pb.GetAccountResponse()

    async def GetStatus(self, request: pb.GetStatusRequest, context: Any) -> pb.GetStatusResponse:
        return pb.GetStatusResponse(message="x" * 1_000_000)

    async def GetReport(self, request: pb.GetReportRequest, context: Any) -> pb.GetReportResponse:
        self.waiting += 1
        try:
            await self.go_on.wait()
        finally:
            self.waiting -= 1
        return pb.GetReportResponse()

    async def SetTradingState(
        self, request: pb.SetTradingStateRequest, context: Any
    ) -> pb.SetTradingStateResponse:
        return pb.SetTradingStateResponse(version=8)

    async def WatchFills(
        self, request: pb.WatchFillsRequest, context: Any
    ) -> AsyncIterator[pb.WatchFillsResponse]:
        self.reached += 1
        while self.made < 5_000:
            self.made += 1
            yield pb.WatchFillsResponse(fill=types_pb2.Fill(seq=self.made, pair="x" * 990))


def played(folder: Path, play: Callable[[Any, Servicer, Path], Awaitable[None]]) -> None:
    async def whole() -> None:
        servicer, path = Servicer(), folder / "s"
        async with front(path, servicer), stub_of(path) as stub:
            await play(stub, servicer, path)

    run(whole())


async def refused(call: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as found:
        await call
    return found.value


def details(error: Any) -> tuple[error_details_pb2.ErrorInfo, error_details_pb2.BadRequest]:
    status = rpc_status.from_call(error)
    assert status is not None
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    assert status.details[0].Unpack(info)
    for detail in status.details[1:]:
        assert detail.Unpack(bad)
    return info, bad


def check_violation(error: Any, field: str, words: str) -> None:
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert error.details() == f"{field} {words}"
    info, bad = details(error)
    assert (info.domain, info.reason) == ("krakencopy", "FIELD_INVALID")
    assert [(each.field, each.description) for each in bad.field_violations] == [(field, words)]


def test_what_is_outside_its_bounds_is_refused_and_reaches_nobody(tmp_path: Path) -> None:
    async def play(stub: Any, servicer: Servicer, _: Path) -> None:
        error = await refused(stub.GetAccount(pb.GetAccountRequest(account_id="x" * 65)))
        check_violation(error, "account_id", "has 65 characters; at most 64 are taken")
        error = await refused(anext(aiter(stub.WatchFills(pb.WatchFillsRequest(after_seq=-1)))))
        check_violation(error, "after_seq", "must not be negative, and is -1")
        assert servicer.reached == 0

    played(tmp_path, play)


def test_what_is_within_is_answered(tmp_path: Path) -> None:
    async def play(stub: Any, _: Servicer, __: Path) -> None:
        assert await stub.GetAccount(pb.GetAccountRequest(account_id="x" * 64)) == pb.GetAccountResponse()
        watched = [answer.fill.seq async for answer in stub.WatchFills(pb.WatchFillsRequest())]
        assert watched == list(range(1, 5_001))
        assert len((await stub.GetStatus(pb.GetStatusRequest())).message) == 1_000_000

    played(tmp_path, play)


def test_a_refusal_of_the_supervisor_arrives_with_its_details(tmp_path: Path) -> None:
    async def play(stub: Any, _: Servicer, __: Path) -> None:
        error = await refused(stub.GetAccount(pb.GetAccountRequest(account_id="nobody")))
        assert (error.code(), error.details()) == (grpc.StatusCode.NOT_FOUND, "there is none")
        assert details(error)[0].reason == "ACCOUNT_NOT_FOUND"

    played(tmp_path, play)


def test_a_request_that_is_too_large_is_refused_before_it_is_read(tmp_path: Path) -> None:
    async def play(stub: Any, servicer: Servicer, _: Path) -> None:
        error = await refused(stub.GetAccount(pb.GetAccountRequest(account_id="x" * 3_900_000)))
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert f"at most {REQUEST_BYTES_MAX} are taken" in (error.details() or "")
        assert details(error)[0].reason == "REQUEST_TOO_LARGE"
        assert servicer.reached == 0
        assert await stub.GetAccount(pb.GetAccountRequest()) == pb.GetAccountResponse()

    played(tmp_path, play)


def test_what_is_no_request_is_refused(tmp_path: Path) -> None:
    async def play(_: Any, servicer: Servicer, path: Path) -> None:
        async with grpc.aio.insecure_channel(f"unix:{path}", SMALL_WINDOW) as channel:
            ask: Any = channel.unary_unary(f"/{SERVICE}/GetAccount")
            error = await refused(ask(b"\xff\xff"))
            assert (error.code(), details(error)[0].reason) == (
                grpc.StatusCode.INVALID_ARGUMENT,
                "REQUEST_UNREADABLE",
            )
            missing: Any = channel.unary_unary(f"/{SERVICE}/NoSuchMethod")
            error = await refused(missing(b""))
            assert error.code() is grpc.StatusCode.UNIMPLEMENTED
            nothing: Any = channel.stream_unary(f"/{SERVICE}/GetAccount")
            error = await refused(nothing(iter([])))
            assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
            packed: Any = channel.unary_unary(f"/{SERVICE}/GetAccount")
            error = await refused(packed(b"x" * 500, compression=grpc.Compression.Gzip))
            assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
            assert servicer.reached == 0

    played(tmp_path, play)


def test_deadlines_and_cancellations_are_passed_on(tmp_path: Path) -> None:
    async def play(stub: Any, servicer: Servicer, _: Path) -> None:
        error = await refused(stub.GetReport(pb.GetReportRequest(), timeout=0.2))
        assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        await until("its end", lambda: not servicer.waiting)
        call = stub.GetReport(pb.GetReportRequest())
        waiting = asyncio.ensure_future(call)
        await until("its beginning", lambda: servicer.waiting)
        waiting.cancel()
        await until("its end", lambda: not servicer.waiting)

    played(tmp_path, play)


def test_slow_calls_of_one_client_are_asked_a_few_at_a_time_and_refused_beyond_its_limit(
    tmp_path: Path,
) -> None:
    async def play(stub: Any, servicer: Servicer, path: Path) -> None:
        async with stub_of(path) as other_connection:
            slow = [stub.GetReport(pb.GetReportRequest()) for _ in range(OF_ONE.calls - 1)]
            slow.append(other_connection.GetReport(pb.GetReportRequest()))
            await until("the first ones", lambda: servicer.waiting == ASKED_MAX)
            while True:
                error = await refused(other_connection.GetReport(pb.GetReportRequest(), timeout=0.5))
                if error.code() is not grpc.StatusCode.DEADLINE_EXCEEDED:
                    break  # now all of the others have come in
            assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert details(error)[0].reason == "TOO_MANY_CALLS"
            assert servicer.waiting == ASKED_MAX
            servicer.go_on.set()
            assert await asyncio.gather(*slow) == [pb.GetReportResponse()] * OF_ONE.calls

    played(tmp_path, play)


def test_what_stops_trading_waits_behind_no_other_call(tmp_path: Path) -> None:
    async def play(stub: Any, servicer: Servicer, _: Path) -> None:
        slow = [stub.GetReport(pb.GetReportRequest()) for _ in range(ASKED_MAX + 1)]
        await until("the first ones", lambda: servicer.waiting == ASKED_MAX)
        assert (await stub.SetTradingState(pb.SetTradingStateRequest(), timeout=30)).version == 8
        assert servicer.waiting == ASKED_MAX
        servicer.go_on.set()
        await asyncio.gather(*slow)

    played(tmp_path, play)


def test_a_watch_that_is_not_read_costs_what_lies_in_its_windows(tmp_path: Path) -> None:
    async def play(stub: Any, servicer: Servicer, path: Path) -> None:
        watch = stub.WatchFills(pb.WatchFillsRequest())
        assert (await watch.read()).fill.seq == 1
        seen = -1
        while servicer.made != seen:
            seen = servicer.made
            # Others are answered meanwhile, on the same connection and on another one.
            await stub.GetAccount(pb.GetAccountRequest())
            async with stub_of(path) as other:
                await other.GetAccount(pb.GetAccountRequest())
        # The client's window, and what may lie in the front; a kilobyte each.
        assert servicer.made < 5_000
        assert servicer.made * 1_000 < 1_000_000 + UNTAKEN_BYTES_MAX
        watch.cancel()

    played(tmp_path, play)


def test_who_takes_no_answer_loses_the_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front_calls, "TAKEN_S", 0.2)

    async def play(stub: Any, _: Servicer, path: Path) -> None:
        reader, writer = await asyncio.open_unix_connection(str(path))
        # By hand: a client whose window is never opened again.
        from h2.config import H2Configuration
        from h2.connection import H2Connection

        http = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        http.initiate_connection()
        headers = [
            (":method", "POST"), (":scheme", "http"), (":authority", "x"), (":path", f"/{SERVICE}/GetStatus"),
            ("te", "trailers"), ("content-type", "application/grpc"),
        ]  # fmt: skip
        http.send_headers(1, headers)
        http.send_data(1, bytes(5), end_stream=True)
        writer.write(http.data_to_send())
        while await reader.read(65_536):
            pass
        writer.close()
        assert await stub.GetAccount(pb.GetAccountRequest()) == pb.GetAccountResponse()

    played(tmp_path, play)


def test_health_and_reflection_are_served(tmp_path: Path) -> None:
    async def play(_: Any, __: Servicer, path: Path) -> None:
        async with grpc.aio.insecure_channel(f"unix:{path}", SMALL_WINDOW) as channel:
            health: Any = health_pb2_grpc.HealthStub(channel)
            serving = health_pb2.HealthCheckResponse.SERVING
            assert (await health.Check(health_pb2.HealthCheckRequest(service=SERVICE))).status == serving
            assert (await health.Check(health_pb2.HealthCheckRequest())).status == serving
            error = await refused(health.Check(health_pb2.HealthCheckRequest(service="anna")))
            assert error.code() is grpc.StatusCode.NOT_FOUND
            watch = health.Watch(health_pb2.HealthCheckRequest(service="anna"))
            assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
            watch.cancel()
            watch = health.Watch(health_pb2.HealthCheckRequest(service=SERVICE))
            assert (await watch.read()).status == serving
            watch.cancel()
            reflection: Any = reflection_pb2_grpc.ServerReflectionStub(cast("Any", channel))
            asked = reflection_pb2.ServerReflectionRequest
            questions = [asked(list_services=""), asked(file_containing_symbol=SERVICE)]
            answers = [answer async for answer in reflection.ServerReflectionInfo(iter(questions))]
            names = {service.name for service in answers[0].list_services_response.service}
            assert {SERVICE, "grpc.health.v1.Health"} <= names
            assert answers[1].file_descriptor_response.file_descriptor_proto

    played(tmp_path, play)


def test_a_server_decodes_no_details() -> None:
    with pytest.raises(NotImplementedError):
        RawDetails().decode(None, None, b"")  # type: ignore[arg-type]  # nothing is looked at
