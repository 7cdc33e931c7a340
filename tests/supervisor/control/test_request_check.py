"""A request with a field that is outside its bounds is refused before anything is done about it, over real
gRPC.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from krakencopy.supervisor.control.request_check import RequestCheck
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import control_pb2_grpc

#: What is generated answers UNIMPLEMENTED, and its type stub says that all of it must be written.
_Servicer: Any = control_pb2_grpc.ControlServiceServicer
SERVICE = pb.DESCRIPTOR.services_by_name["ControlService"].full_name
#: A watch from here on ends by a mistake.
BREAKS = 7


class Servicer(_Servicer):  # type: ignore[misc]  # as said above
    """Counts what reaches it."""

    def __init__(self) -> None:
        self.reached = 0

    async def GetAccount(self, request: pb.GetAccountRequest, context: Any) -> pb.GetAccountResponse:
        self.reached += 1
        if request.account_id == "break":
            raise ValueError("a mistake of ours")
        return pb.GetAccountResponse()

    async def WatchFills(
        self, request: pb.WatchFillsRequest, context: Any
    ) -> AsyncIterator[pb.WatchFillsResponse]:
        self.reached += 1
        yield pb.WatchFillsResponse()
        if request.after_seq == BREAKS:
            raise ValueError("a mistake of ours")


def _played(folder: Path, play: Callable[[Any, Servicer], Awaitable[None]]) -> None:
    async def whole() -> None:
        servicer, server = Servicer(), grpc.aio.server(interceptors=[RequestCheck(SERVICE)])
        control_pb2_grpc.add_ControlServiceServicer_to_server(servicer, server)
        server.add_insecure_port(f"unix:{folder}/s")
        await server.start()
        try:
            async with grpc.aio.insecure_channel(f"unix:{folder}/s") as channel:
                await play(control_pb2_grpc.ControlServiceStub(channel), servicer)
        finally:
            await server.stop(None)

    asyncio.run(whole())


def _check_refusal(error: Any, field: str, words: str) -> None:
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert error.details() == f"{field} {words}"
    status = rpc_status.from_call(error)
    assert status is not None
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    assert status.details[0].Unpack(info)
    assert (info.domain, info.reason) == ("krakencopy", "FIELD_INVALID")
    assert status.details[1].Unpack(bad)
    assert [(each.field, each.description) for each in bad.field_violations] == [(field, words)]


def test_what_is_outside_is_refused_and_reaches_nobody(tmp_path: Path) -> None:
    async def play(stub: Any, servicer: Servicer) -> None:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.GetAccount(pb.GetAccountRequest(account_id="x" * 65))
        _check_refusal(refused.value, "account_id", "has 65 characters; at most 64 are taken")
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await anext(aiter(stub.WatchFills(pb.WatchFillsRequest(after_seq=-1))))
        _check_refusal(refused.value, "after_seq", "must not be negative, and is -1")
        assert servicer.reached == 0

    _played(tmp_path, play)


def test_what_is_within_is_answered(tmp_path: Path) -> None:
    async def play(stub: Any, servicer: Servicer) -> None:
        assert await stub.GetAccount(pb.GetAccountRequest(account_id="x" * 64)) == pb.GetAccountResponse()
        assert [answer async for answer in stub.WatchFills(pb.WatchFillsRequest())] == [
            pb.WatchFillsResponse()
        ]
        assert servicer.reached == 2

    _played(tmp_path, play)


def test_a_text_of_megabytes_is_refused_in_few_words(tmp_path: Path) -> None:
    async def play(stub: Any, servicer: Servicer) -> None:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.GetAccount(pb.GetAccountRequest(account_id="x" * 3_900_000))
        _check_refusal(refused.value, "account_id", "has 3900000 characters; at most 64 are taken")
        assert servicer.reached == 0

    _played(tmp_path, play)


def _reason(error: grpc.aio.AioRpcError) -> tuple[grpc.StatusCode, str]:
    status, info = rpc_status.from_call(cast("Any", error)), error_details_pb2.ErrorInfo()
    assert status is not None
    assert status.details[0].Unpack(info)
    return error.code(), info.reason


@pytest.mark.parametrize("request_bytes", [b"\x0a\x03\xed\xa0\x80", b"\x0a\xff", b"\x0a\x05ab"])
def test_a_request_that_cannot_be_read_is_refused_with_a_reason(tmp_path: Path, request_bytes: bytes) -> None:
    async def play(_: Any, servicer: Servicer) -> None:
        async with grpc.aio.insecure_channel(f"unix:{tmp_path}/s") as channel:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await channel.unary_unary(f"/{SERVICE}/GetAccount", request_serializer=bytes)(request_bytes)
            assert _reason(refused.value) == (grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_UNREADABLE")
            watch: Any = channel.unary_stream(f"/{SERVICE}/WatchFills", request_serializer=bytes)
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await anext(aiter(watch(b"\x08")))
            assert _reason(refused.value) == (grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_UNREADABLE")
        assert servicer.reached == 0

    _played(tmp_path, play)


def test_a_mistake_of_ours_has_a_reason_and_nothing_of_it_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def play(stub: Any, _: Servicer) -> None:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.GetAccount(pb.GetAccountRequest(account_id="break"))
        assert _reason(refused.value) == (grpc.StatusCode.INTERNAL, "INTERNAL_FAULT")
        assert "a mistake of ours" not in str(refused.value.details())
        answers = aiter(stub.WatchFills(pb.WatchFillsRequest(after_seq=BREAKS)))
        await anext(answers)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await anext(answers)
        assert _reason(refused.value) == (grpc.StatusCode.INTERNAL, "INTERNAL_FAULT")
        assert caplog.text.count("ValueError: a mistake of ours") == 2

    _played(tmp_path, play)
