"""A request with a field that is outside its bounds is refused before anything is done about it, over real
gRPC.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

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


class Servicer(_Servicer):  # type: ignore[misc]  # as said above
    """Counts what reaches it."""

    def __init__(self) -> None:
        self.reached = 0

    async def GetAccount(self, request: pb.GetAccountRequest, context: Any) -> pb.GetAccountResponse:
        self.reached += 1
        return pb.GetAccountResponse()

    async def WatchFills(
        self, request: pb.WatchFillsRequest, context: Any
    ) -> AsyncIterator[pb.WatchFillsResponse]:
        self.reached += 1
        yield pb.WatchFillsResponse()


def _played(folder: Path, play: Callable[[Any, Servicer], Awaitable[None]]) -> None:
    async def whole() -> None:
        servicer, server = Servicer(), grpc.aio.server(interceptors=[RequestCheck(SERVICE)])
        control_pb2_grpc.add_ControlServiceServicer_to_server(servicer, server)
        server.add_insecure_port(f"unix:{folder}/s")
        await server.start()
        async with grpc.aio.insecure_channel(f"unix:{folder}/s") as channel:
            await play(control_pb2_grpc.ControlServiceStub(channel), servicer)
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
