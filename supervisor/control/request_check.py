"""The check of every request to the control API, before anything is done about it (bounds.proto)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc

from krakencopy.account_proc.contract.refusals import violations_text
from krakencopy.account_proc.contract.request_bounds import FIELD_INVALID, violations
from krakencopy.supervisor.control.refusals import Context, refuse

Handler = Any  # a grpc.RpcMethodHandler, whose type parameters only its stubs have


class RequestCheck(grpc.aio.ServerInterceptor):
    """Refuses requests to one service with a field that is outside its bounds (bounds.proto)."""

    def __init__(self, service: str) -> None:
        """``service``: its full name. What others are asked is passed on as it is."""
        self._prefix = f"/{service}/"

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
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
        await refuse(context, code, FIELD_INVALID, violations_text(found), violations=found)


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
