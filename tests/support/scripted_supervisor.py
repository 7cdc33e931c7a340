"""A ControlService that answers what a test asks it to, on a real gRPC server behind a Unix socket."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1.control_pb2_grpc import add_ControlServiceServicer_to_server

SERVICE = pb.DESCRIPTOR.services_by_name["ControlService"]

#: What a test gives for one RPC: request and context in; a message, or messages for a stream, out.
Answer = Callable[[Any, grpc.ServicerContext], Any]


class Scripted:
    """``on["ListFills"] = lambda request, context: ...`` answers that RPC; all others give empty messages."""

    def __init__(self) -> None:
        self.on: dict[str, Answer] = {}
        self.asked: list[Any] = []

    def requests(self, kind: type[Message]) -> list[Any]:
        """The requests of one kind, in their order."""
        return [request for request in self.asked if isinstance(request, kind)]

    def handle(self, name: str, empty: Any, request: Message, context: grpc.ServicerContext) -> Any:
        self.asked.append(request)
        answer = self.on.get(name)
        return empty if answer is None else answer(request, context)


def _handler(method: Any) -> Callable[..., Any]:
    response = GetMessageClass(method.output_type)

    def unary(self: Scripted, request: Message, context: grpc.ServicerContext) -> Any:
        return self.handle(method.name, response(), request, context)

    def stream(self: Scripted, request: Message, context: grpc.ServicerContext) -> Iterator[Any]:
        yield from self.handle(method.name, (), request, context)

    return stream if method.server_streaming else unary


for _method in SERVICE.methods:
    setattr(Scripted, _method.name, _handler(_method))


def refusal(
    code: grpc.StatusCode, reason: str, message: str, domain: str = "krakencopy",
    metadata: Mapping[str, str] | None = None, violations: Mapping[str, str] | None = None,
) -> grpc.Status:  # fmt: skip
    """What the supervisor sends when it refuses; ``violations``: fields and what is wrong with them."""
    info, fields = AnyMessage(), AnyMessage()
    info.Pack(error_details_pb2.ErrorInfo(reason=reason, domain=domain, metadata=metadata))
    found = error_details_pb2.BadRequest.FieldViolation
    bad = [found(field=field, description=words) for field, words in (violations or {}).items()]
    fields.Pack(error_details_pb2.BadRequest(field_violations=bad))
    status: grpc.Status = rpc_status.to_status(
        status_pb2.Status(code=code.value[0], message=message, details=[fields, info] if bad else [info])
    )
    return status


def refuse(code: grpc.StatusCode, reason: str, message: str) -> Answer:
    """An answer that refuses."""

    def answer(_request: Message, context: grpc.ServicerContext) -> None:
        context.abort_with_status(refusal(code, reason, message))

    return answer


class Live:
    """A stream that stays open: gives ``first``, then what ``put`` brings, until the call ends."""

    def __init__(self, *first: Message) -> None:
        self._first = first
        self._queues: list[queue.SimpleQueue[Message | None]] = []
        #: Counts the calls, so that a test can wait for one.
        self.opened: queue.SimpleQueue[Message] = queue.SimpleQueue()

    def put(self, message: Message) -> None:
        for waiting in self._queues:
            waiting.put(message)

    def end(self) -> None:
        """End all open calls with OK."""
        for waiting in self._queues:
            waiting.put(None)

    def __call__(self, request: Message, context: grpc.ServicerContext) -> Iterator[Any]:
        waiting: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._queues.append(waiting)
        if not context.add_callback(lambda: waiting.put(None)):
            return  # the call ended before this began: nobody would wake us
        self.opened.put(request)
        yield from self._first
        while (message := waiting.get()) is not None:
            yield message


@contextmanager
def serve(
    servicer: Scripted, socket: Path | None, credentials: grpc.ServerCredentials | None = None
) -> Iterator[str]:
    """Serve it, with ``credentials`` by TLS on a port; gives the endpoint. At the end the socket is gone and
    every call has ended.
    """
    with ThreadPoolExecutor(16) as pool:
        server = grpc.server(pool)
        add_ControlServiceServicer_to_server(servicer, server)  # type: ignore[arg-type]  # its methods are made above
        if credentials is None:
            server.add_insecure_port(f"unix:{socket}")
            endpoint = f"unix:{socket}"
        else:
            endpoint = f"https://127.0.0.1:{server.add_secure_port('127.0.0.1:0', credentials)}"
        server.start()
        try:
            yield endpoint
        finally:
            server.stop(0).wait()


def then_compacted(*messages: Any) -> Any:
    """A stream that ends with an error, so that a command that follows it ends as well."""

    def answer(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        yield from messages
        refuse(grpc.StatusCode.OUT_OF_RANGE, "COMPACTED", "the end")(request, context)

    return answer
