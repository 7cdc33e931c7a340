"""The gateway in the test's own process and loop, before a stand-in for the supervisor's front that checks
tokens: real sockets on both of its sides.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import requests
from google.protobuf.json_format import MessageToDict
from google.protobuf.message_factory import GetMessageClass
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from grpc_health.v1 import health_pb2

from krakencopy.account_proc.contract.request_bounds import Violation
from krakencopy.client.gateway.options import Options, read_options
from krakencopy.client.gateway.server import Gateway
from krakencopy.client.gateway.upstream import SERVICE
from krakencopy.supervisor.control.refusals import refuse
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2

#: Tokens that the stand-in knows.
TOKEN, OTHER = "kct_one", "kct_other"
#: Bytes of a fill's pair: a watch that is not read lies in some buffers.
WIDE = "x" * 4_000


class StandIn(grpc.GenericRpcHandler):
    """Answers ControlService to who brings a token that it knows, as the front does."""

    def __init__(self, *, checks: bool = True) -> None:
        self.checks = checks
        #: Of each call that was let in: its method, metadata and time that is left, in seconds.
        self.seen: list[tuple[str, dict[str, str], float | None]] = []
        self.watching = self.made = self.waiting = 0
        self.go_on = asyncio.Event()
        self.endless = False

    def service(self, handler_call_details: Any) -> Any:
        _, service, name = handler_call_details.method.split("/")
        if service == "grpc.health.v1.Health":
            return grpc.unary_unary_rpc_method_handler(self._health)
        method = SERVICE.methods_by_name[name]
        request = GetMessageClass(method.input_type)

        async def refuse_stranger(context: Any) -> None:
            metadata = {key: str(value) for key, value in context.invocation_metadata()}
            known = metadata.get("authorization") in {f"Bearer {TOKEN}", f"Bearer {OTHER}"}
            if self.checks and not known:
                await refuse(context, grpc.StatusCode.UNAUTHENTICATED, "TOKEN_UNKNOWN", "no such token")
            self.seen.append((name, metadata, context.time_remaining()))

        async def answer(asked: bytes, context: Any) -> bytes:
            await refuse_stranger(context)
            found: bytes = (await getattr(self, name)(request.FromString(asked), context)).SerializeToString()
            return found

        async def answers(asked: bytes, context: Any) -> AsyncIterator[bytes]:
            await refuse_stranger(context)
            async for each in getattr(self, name)(request.FromString(asked), context):
                yield each.SerializeToString()

        if method.server_streaming:
            return grpc.unary_stream_rpc_method_handler(answers)
        return grpc.unary_unary_rpc_method_handler(answer)

    async def _health(self, _asked: bytes, _context: Any) -> bytes:
        serving = health_pb2.HealthCheckResponse.SERVING
        encoded: bytes = health_pb2.HealthCheckResponse(status=serving).SerializeToString()
        return encoded

    async def GetStatus(self, _request: Any, _context: Any) -> Any:  # noqa: N802 - gRPC\'s
        return pb.GetStatusResponse(ready=True, version="0.1.0", head_seq=1 << 60)

    async def GetAccount(self, request: Any, context: Any) -> Any:  # noqa: N802 - gRPC\'s
        if not request.account_id:
            await refuse(
                context, grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID", "account_id is empty",
                violations=[Violation("account_id", "is empty")],
            )  # fmt: skip
        if request.account_id == "broken":
            raise RuntimeError("a secret of the stand-in")
        await refuse(context, grpc.StatusCode.NOT_FOUND, "ACCOUNT_NOT_FOUND", "ü: there is no such account")

    async def GetReport(self, _request: Any, _context: Any) -> Any:  # noqa: N802 - gRPC\'s
        self.waiting += 1
        try:
            await self.go_on.wait()
        finally:
            self.waiting -= 1
        return pb.GetReportResponse()

    async def WatchFills(self, request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802 - gRPC\'s
        if request.after_seq > 1_000_000:
            await refuse(context, grpc.StatusCode.OUT_OF_RANGE, "AFTER_HEAD", "fills end before")
        self.watching += 1
        try:
            for seq in range(request.after_seq + 1, 4 if not self.endless else 1 << 30):
                self.made = seq
                pair = WIDE if self.endless else "BTC/USD"
                yield pb.WatchFillsResponse(fill=types_pb2.Fill(seq=seq, pair=pair))
            await self.go_on.wait()
        finally:
            self.watching -= 1


@asynccontextmanager
async def stand_in(path: Path, servicer: StandIn) -> AsyncIterator[str]:
    """What gRPC dials."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((servicer,))
    server.add_insecure_port(f"unix:{path}")
    await server.start()
    try:
        yield f"unix:{path}"
    finally:
        await server.stop(None)


@asynccontextmanager
async def gateway(
    folder: Path, servicer: StandIn | None = None, options: Options | None = None
) -> AsyncIterator[Gateway]:
    """One that takes calls."""
    async with stand_in(folder / "s", servicer or StandIn()) as target:
        found = Gateway(options or read_options("127.0.0.1:0", (), (), None, None), target)
        listens = asyncio.Event()
        task = asyncio.create_task(found.run(lambda _: listens.set()))
        waiting = asyncio.create_task(listens.wait())
        try:
            await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                await task
            yield found
        finally:
            waiting.cancel()
            found.end()
            await task


async def post(
    gateway: Gateway | str, method: str, body: Any = None, *, token: str = TOKEN, **headers: str
) -> requests.Response:
    """As curl would. ``headers``: with _ for -."""
    url = gateway if isinstance(gateway, str) else gateway.url
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    if token:
        given["authorization"] = f"Bearer {token}"
    given.setdefault("content-type", "application/json")
    data = body if isinstance(body, bytes) else json.dumps(body or {}).encode()

    def ask() -> requests.Response:
        return requests.post(f"{url}/{SERVICE.full_name}/{method}", data=data, headers=given, timeout=30)

    return await asyncio.to_thread(ask)


async def until_answered(gateway: Gateway) -> None:
    """Until the supervisor is found."""
    for _ in range(600):
        if (await post(gateway, "GetStatus")).ok:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("no supervisor was found")


def details_of(error: Mapping[str, Any]) -> list[Any]:
    """The details of an error of Connect's: each as it was packed, read by the real messages."""
    found: list[Any] = []
    for detail in error.get("details", ()):
        kind = {"google.rpc.ErrorInfo": ErrorInfo, "google.rpc.BadRequest": BadRequest}[detail["type"]]
        message = kind.FromString(base64.b64decode(detail["value"] + "==="))
        assert detail["debug"] == MessageToDict(message)
        found.append(message)
    return found
