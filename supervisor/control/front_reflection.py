"""Reflection: what tools such as grpcurl, buf and evans ask a server that they have no protos of.

grpc.reflection.v1 came after v1alpha and is the same but for the package's name; tools ask v1 first, and some
of them only that. grpcio-reflection has v1alpha alone, so v1's messages and answers are v1alpha's, byte by
byte, and only its descriptor is made here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cache, partial
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, text_format
from google.protobuf.message import DecodeError
from grpc_reflection.v1alpha import reflection_pb2
from grpclib.const import Handler, Status
from grpclib.exceptions import GRPCError
from grpclib.server import Stream

from krakencopy.account_proc.contract.grpc_methods import HEALTH_SERVICE, signature
from krakencopy.account_proc.contract.refusals import REQUEST_UNREADABLE, error_details
from krakencopy.supervisor.control.call_frames import SERVICE
from krakencopy.supervisor.control.front_clients import Client

ALPHA, V1 = "grpc.reflection.v1alpha", "grpc.reflection.v1"
_ALPHA: Any = reflection_pb2.DESCRIPTOR.services_by_name["ServerReflection"]
NAMES = (
    SERVICE.full_name, HEALTH_SERVICE.full_name, f"{V1}.{_ALPHA.name}", f"{ALPHA}.{_ALPHA.name}",
)  # fmt: skip

#: Reads the next request of a call. Raises EOFError at its end, GRPCError for what is none.
ReadRequest = Callable[[Stream[Any, Any]], Awaitable[bytes]]
#: By whose limits a call goes. Raises GRPCError for one of nobody who is known.
FindCaller = Callable[[Stream[Any, Any]], Awaitable[Client]]


def reflection_handlers(caller: FindCaller, read: ReadRequest) -> dict[str, Handler]:
    """Those of both versions, by path. ``read`` takes no longer message than a request may be."""
    (method,) = _ALPHA.methods
    path, cardinality, request, answer = signature(method)
    handler = Handler(partial(_reflect, caller, read), cardinality, request, answer)
    return dict.fromkeys((path, path.replace(ALPHA, V1)), handler)


async def _reflect(caller: FindCaller, read: ReadRequest, call: Stream[Any, Any]) -> None:
    with (await caller(call)).call(watches=True):
        while True:
            try:
                request = reflection_pb2.ServerReflectionRequest.FromString(await read(call))
            except EOFError:
                return
            except DecodeError as error:
                words = "the request is no ServerReflectionRequest"
                raise GRPCError(Status.INVALID_ARGUMENT, words, error_details(REQUEST_UNREADABLE)) from error
            await call.send_message(answer_to(request))


def answer_to(request: reflection_pb2.ServerReflectionRequest) -> reflection_pb2.ServerReflectionResponse:
    """What is asked about our services, and about v1 itself."""
    found = reflection_pb2.ServerReflectionResponse()
    for servicer in _servicers():
        (found,) = servicer.ServerReflectionInfo(iter([request]), None)
        if not found.HasField("error_response"):
            break
    return found


@cache
def _servicers() -> tuple[Any, ...]:
    """Who answers: of all that this process knows, then of v1, whose descriptor others may have too."""
    # Only now: it brings gRPC's core with it, which this process needs for nothing else.
    from grpc_reflection.v1alpha import reflection

    file = descriptor_pb2.FileDescriptorProto()
    reflection_pb2.DESCRIPTOR.CopyToProto(file)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(text_format.Parse(text_format.MessageToString(file).replace("v1alpha", "v1"), type(file)()))
    return reflection.ReflectionServicer(NAMES), reflection.ReflectionServicer(NAMES, pool=pool)
