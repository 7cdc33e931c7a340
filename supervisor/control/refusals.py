"""How a call of the control API is refused: by a status that carries a stable reason."""

from __future__ import annotations

from typing import Any, NoReturn

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status
from grpclib.const import Status

#: Of google.rpc.ErrorInfo.
ERROR_DOMAIN = "krakencopy"
#: grpc's name of a status of grpclib's.
CODES = {status: next(code for code in grpc.StatusCode if code.value[0] == status.value) for status in Status}

Context = grpc.aio.ServicerContext[Any, Any]


async def refuse(context: Context, code: grpc.StatusCode, reason: str, message: str) -> NoReturn:
    """Ends a call with a status that carries google.rpc.ErrorInfo. Never returns."""
    detail = any_pb2.Any()
    detail.Pack(error_details_pb2.ErrorInfo(reason=reason, domain=ERROR_DOMAIN))
    status = status_pb2.Status(code=code.value[0], message=message, details=[detail])
    await context.abort_with_status(rpc_status.to_status(status))
    raise AssertionError("abort returned")


async def check_request_id(request_id: str, context: Context) -> None:
    """Refuses an action without an id of its own."""
    if not request_id:
        await refuse(
            context, grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_ID_MISSING",
            "request_id is empty; give each action an id of its own, so that repeating it is safe",
        )  # fmt: skip
