"""The check of every request to the control API, before anything is done about it (bounds.proto), and what is
answered where the supervisor fails at one: no call ends without a reason.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NoReturn

import grpc
from google.protobuf.message import DecodeError

from krakencopy.account_proc.contract.refusals import INTERNAL_FAULT, REQUEST_UNREADABLE, violations_text
from krakencopy.account_proc.contract.request_bounds import FIELD_INVALID, Unreadable, violations
from krakencopy.supervisor.control.refusals import Context, refuse

log = logging.getLogger(__name__)

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
        read = _reader(handler.request_deserializer)
        if handler.response_streaming:
            return grpc.unary_stream_rpc_method_handler(
                _before_stream(handler.unary_stream), read, handler.response_serializer
            )
        return grpc.unary_unary_rpc_method_handler(
            _before_answer(handler.unary_unary), read, handler.response_serializer
        )


def _reader(read: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    """As ``read``, but bytes that are no message are Unreadable: gRPC would answer them without a reason."""

    def read_or_not(request: bytes) -> Any:
        try:
            return read(request)
        except DecodeError:
            return Unreadable()

    return read_or_not


async def _check(request: Any, context: Context) -> None:
    if isinstance(request, Unreadable):
        message = "the request cannot be read: its bytes are no message of this call, or a text is not UTF-8"
        await refuse(context, grpc.StatusCode.INVALID_ARGUMENT, REQUEST_UNREADABLE, message)
    if found := list(violations(request)):
        code = grpc.StatusCode.INVALID_ARGUMENT
        await refuse(context, code, FIELD_INVALID, violations_text(found), violations=found)


def _before_answer(answer: Any) -> Any:
    async def checked(request: Any, context: Context) -> Any:
        await _check(request, context)
        try:
            return await answer(request, context)
        except grpc.aio.AbortError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, no call ends without a reason
            await _refuse_fault(error, context)

    return checked


def _before_stream(answers: Any) -> Any:
    async def checked(request: Any, context: Context) -> AsyncIterator[Any]:
        await _check(request, context)
        try:
            async for answer in answers(request, context):
                yield answer
        except grpc.aio.AbortError:
            raise
        except Exception as error:  # noqa: BLE001 - as above
            await _refuse_fault(error, context)

    return checked


async def _refuse_fault(error: Exception, context: Context) -> NoReturn:
    log.error("the supervisor failed at a call", exc_info=error)
    message = "the supervisor failed at this call; its log says where. What became of it is not known"
    await refuse(context, grpc.StatusCode.INTERNAL, INTERNAL_FAULT, message)
