"""How a call of the control API is refused: by a status that carries a stable reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

import grpc
from google.protobuf import any_pb2
from google.rpc import status_pb2
from grpc_status import rpc_status
from grpclib.const import Status

from krakencopy.account_proc.contract.refusals import cut_text, error_details
from krakencopy.account_proc.contract.request_bounds import FIELD_INVALID, Violation

#: grpc's name of a status of grpclib's.
CODES = {status: next(code for code in grpc.StatusCode if code.value[0] == status.value) for status in Status}

Context = grpc.aio.ServicerContext[Any, Any]


async def refuse(
    context: Context,
    code: grpc.StatusCode,
    reason: str,
    message: str,
    *,
    metadata: Mapping[str, str] | None = None,
    violations: Iterable[Violation] = (),
    lines: bool = False,
) -> NoReturn:
    """Ends a call with a status that carries google.rpc.ErrorInfo, and google.rpc.BadRequest for fields that
    are outside their bounds. A message is one line and cut to TEXT_MAX; with ``lines`` its caller has seen
    to its length. Never returns.
    """
    text = message if lines else cut_text(message)
    status = status_pb2.Status(code=code.value[0], message=text)
    for part in error_details(reason, metadata, violations):
        packed = any_pb2.Any()
        packed.Pack(part)
        status.details.append(packed)
    await context.abort_with_status(rpc_status.to_status(status))
    raise AssertionError("abort returned")


async def refuse_field(context: Context, field: str, words: str, reason: str = FIELD_INVALID) -> NoReturn:
    """Refuses a request for what one of its fields is."""
    wrong = Violation(field, words)
    await refuse(context, grpc.StatusCode.INVALID_ARGUMENT, reason, str(wrong), violations=[wrong])


async def check_request_id(request_id: str, context: Context) -> None:
    """Refuses an action without an id of its own."""
    if not request_id:
        await refuse(
            context, grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_ID_MISSING",
            "request_id is empty; give each action an id of its own, so that repeating it is safe",
            violations=[Violation("request_id", "is empty")],
        )  # fmt: skip
