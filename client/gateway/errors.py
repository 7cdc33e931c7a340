"""What a supervisor's refusal is over HTTP: Connect's error, with the same details."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, cast

import grpc
from connectrpc.code import Code
from connectrpc.errors import ConnectError, ErrorDetail
from google.protobuf import any_pb2
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from protobuf import wkt

from krakencopy.account_proc.contract.refusals import cut_text, error_details

#: Reasons of the gateway's own; docs/api/reasons.md explains them.
TOKEN_MISSING = "TOKEN_MISSING"  # noqa: S105 - a reason
TOKENS_NOT_CHECKED = "TOKENS_NOT_CHECKED"
GATEWAY_ENDS = "GATEWAY_ENDS"
#: And those that the front has, too.
TOO_MANY_CALLS = "TOO_MANY_CALLS"
TOO_MANY_WATCHES = "TOO_MANY_WATCHES"
NO_SUPERVISOR = "no supervisor answers behind the gateway; what became of the call is not known"

CODES: dict[grpc.StatusCode, Code] = {
    status: Code("canceled" if status is grpc.StatusCode.CANCELLED else status.name.lower())
    for status in grpc.StatusCode
    if status is not grpc.StatusCode.OK
}
#: What of a refusal's details is also written as JSON.
_SHOWN: tuple[type[Message], ...] = (error_details_pb2.ErrorInfo, error_details_pb2.BadRequest)


class ShownDetail(ErrorDetail):
    """A detail that is also shown as JSON, for people with curl ("debug" in Connect's errors)."""

    def __init__(self, packed: any_pb2.Any) -> None:
        super().__init__(cast("Any", wkt.Any(type_url=packed.type_url, value=packed.value)))
        self._shown: Any = None
        for kind in _SHOWN:
            message = kind()
            if packed.Unpack(message):
                # connectrpc shows messages of protobuf-py alone; a Struct is as its JSON is.
                self._shown = wkt.Struct.from_json(json.dumps(MessageToDict(message)))

    def value(self, *given: Any) -> Any:
        """See ``ErrorDetail``."""
        return super().value(*given) if given else self._shown


def refusal(code: Code, reason: str, message: str) -> ConnectError:
    """An error of the gateway's own."""
    packed = []
    for detail in error_details(reason):
        each = any_pb2.Any()
        each.Pack(detail)
        packed.append(each)
    return ConnectError(code, cut_text(message), _details(packed))


def of_supervisor(error: grpc.aio.AioRpcError) -> ConnectError:
    """What the supervisor has refused, or that nobody answers."""
    try:
        # The error of a finished call has what a call has, which its type does not say.
        status = rpc_status.from_call(cast("grpc.Call", error))
    except ValueError:  # the details contradict the status: not written by our front
        status = None
    code = error.code()
    if status is None and code is grpc.StatusCode.UNAVAILABLE:
        # gRPC's own words name the socket's path.
        return ConnectError(Code.UNAVAILABLE, NO_SUPERVISOR)
    details = _details(status.details) if status is not None else ()
    return ConnectError(CODES[code], error.details() or "", details)


def _details(packed: Iterable[any_pb2.Any]) -> list[ErrorDetail]:
    return [ShownDetail(each) for each in packed]
