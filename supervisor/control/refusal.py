"""How the control API refuses a call, and what it checks of a request before anything is done about it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any, NoReturn

import grpc
from google.protobuf import any_pb2
from google.rpc import status_pb2
from grpc_status import rpc_status

from krakencopy.account_proc.contract.refusals import TEXT_MAX, cut_text, error_details, violations_text
from krakencopy.account_proc.contract.request_bounds import FIELD_INVALID, Violation, violations

Context = grpc.aio.ServicerContext[Any, Any]
Handler = grpc.RpcMethodHandler[Any, Any]


async def refuse(
    context: Context,
    code: grpc.StatusCode,
    reason: str,
    message: str,
    *,
    metadata: dict[str, str] | None = None,
    wrong: Iterable[Violation] = (),
) -> NoReturn:
    """Ends a call with a status that carries google.rpc.ErrorInfo. Never returns."""
    status = status_pb2.Status(code=code.value[0], message=cut_text(message, TEXT_MAX))
    for part in error_details(reason, metadata, wrong):
        packed = any_pb2.Any()
        packed.Pack(part)
        status.details.append(packed)
    await context.abort_with_status(rpc_status.to_status(status))
    raise AssertionError("abort returned")


class RequestCheck(grpc.aio.ServerInterceptor):
    """Refuses requests to one service with a field that is outside its bounds (bounds.proto)."""

    def __init__(self, service: str) -> None:
        """``service``: its full name. What others are asked is passed on as it is."""
        self._prefix = f"/{service}/"

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """The handler, with the check before it."""
        handler = await continuation(handler_call_details)
        if handler is None or not handler_call_details.method.startswith(self._prefix):
            return handler
        if handler.response_streaming:
            return grpc.unary_stream_rpc_method_handler(
                _before_stream(handler.unary_stream),
                handler.request_deserializer,
                handler.response_serializer,
            )
        return grpc.unary_unary_rpc_method_handler(
            _before_answer(handler.unary_unary), handler.request_deserializer, handler.response_serializer
        )


async def _check(request: Any, context: Context) -> None:
    if found := list(violations(request)):
        code = grpc.StatusCode.INVALID_ARGUMENT
        await refuse(context, code, FIELD_INVALID, violations_text(found), wrong=found)


def _before_answer(answer: Any) -> Any:
    async def checked(request: Any, context: Context) -> Any:
        await _check(request, context)
        return await answer(request, context)

    return checked


def _before_stream(answers: Any) -> Any:
    async def checked(request: Any, context: Context) -> AsyncIterator[Any]:
        await _check(request, context)
        async for answer in answers(request, context):
            yield answer

    return checked
