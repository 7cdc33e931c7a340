"""One connection to a supervisor, for asyncio: the same calls by the same rules as sdk/connection.py.

A task that is cancelled cancels the call that it waits for. Belongs to the loop in which it makes its first
call.
"""

from __future__ import annotations

import asyncio
import time
import weakref
from contextlib import suppress
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message

from krakencopy.client.sdk.access import Access
from krakencopy.client.sdk.async_streams import AsyncItems, AsyncLines
from krakencopy.client.sdk.async_watch import AsyncWatch
from krakencopy.client.sdk.call import Ask, Follow, Listing, Stream, method_of
from krakencopy.client.sdk.calls.status_calls import get_status
from krakencopy.client.sdk.connection import CHANNEL_OPTIONS, metadata_of, run_of, tls_of
from krakencopy.client.sdk.endpoint import Endpoint
from krakencopy.client.sdk.errors import BadInput, KrakenCopyError, NotAllowed
from krakencopy.client.sdk.grpc_errors import fault
from krakencopy.client.sdk.retries import Attempts, Run

A = TypeVar("A", bound=Message)
T = TypeVar("T")


class AsyncConnection:
    """Opened with the first call. Its methods raise KrakenCopyError."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        timeout_s: float,
        patience_s: float,
        channel: grpc.aio.Channel | None,
        access: Access,
        retries: bool,
    ) -> None:
        """As of ``Connection``."""
        self.endpoint = endpoint
        self._timeout_s = timeout_s
        self._patience_s = patience_s
        self._retries = retries
        #: To end them with the connection, while someone still holds them.
        self._streams: weakref.WeakSet[Any] = weakref.WeakSet()
        self._given = channel
        self._tls = tls_of(access) if endpoint.is_remote and channel is None else None
        self._metadata = metadata_of(access)
        self._owned: grpc.aio.Channel | None = None
        self._is_closed = False
        self._was_up = False
        self._run: Run | None = None

    async def close(self) -> None:
        """End the connection, and every call and watch on it."""
        self._is_closed = True
        for stream in list(self._streams):
            await stream.close()
        if self._owned is not None:
            await self._owned.close()

    def _channel(self) -> grpc.aio.Channel:
        if self._given is not None:
            return self._given
        if self._is_closed:
            raise BadInput("this client is closed")
        if self._owned is None:  # in the loop that asks, which need not run where the client is made
            target = self.endpoint.target
            if self._tls is None:
                self._owned = grpc.aio.insecure_channel(target, CHANNEL_OPTIONS)
            else:
                self._owned = grpc.aio.secure_channel(target, self._tls, CHANNEL_OPTIONS)
        return self._owned

    async def ask(self, call: Ask[A, T]) -> T:
        """One call. Raises KrakenCopyError."""
        limit_s = self._timeout_s if call.timeout_s is None else call.timeout_s
        if not self._retries:
            return await self._send(call, limit_s)
        attempts = Attempts(call.request_id, limit_s, time.monotonic(), once_for_ever=call.once_for_ever)
        while True:
            was_sent = False
            try:
                if attempts.needs_run(self._run):
                    self._run = await self._ask_run(attempts.left_s(time.monotonic()))
                if attempts.may_be_sent_to(self._run):
                    was_sent = True
                    return await self._send(call, attempts.left_s(time.monotonic()))
            except KrakenCopyError as error:
                now_s = time.monotonic()
                delay_s = attempts.delay_s(error, now_s, was_up=self._was_up, was_sent=was_sent)
                if delay_s is None:
                    raise attempts.outcome(error) from None
            else:
                raise attempts.lost()
            await asyncio.sleep(delay_s)

    async def _ask_run(self, limit_s: float) -> Run | None:
        """Which run answers; None for a caller that may not see it."""
        try:
            return await self._send(get_status().giving(run_of), limit_s)
        except NotAllowed:
            return None

    async def _send(self, call: Ask[A, T], limit_s: float) -> T:
        rpc = self._channel().unary_unary(
            method_of(call.request),
            request_serializer=type(call.request).SerializeToString,
            response_deserializer=call.answer.FromString,
        )
        try:
            answer = await rpc(call.request, timeout=limit_s, metadata=self._metadata)
        except grpc.RpcError as error:
            raise fault(error, self.endpoint, call.request_id) from error
        self._was_up = True
        return call.read(answer)

    def items(self, call: Listing[A, T]) -> AsyncItems[T]:
        """All items of a list, page by page as they are taken."""
        return AsyncItems(lambda token: self.ask(call.page(token)), call.limit)

    def stream(self, call: Stream[A, T]) -> AsyncLines[A, T]:
        """What a call streams. Raises Unavailable when the connection is lost, and does not go on then."""
        limit_s = None if call.is_endless else self._timeout_s
        stream = AsyncLines(
            lambda: self._open(call.request, call.answer, limit_s),
            call.read,
            lambda error: fault(error, self.endpoint),
        )
        self._streams.add(stream)
        return stream

    def watch(self, call: Follow[A, T]) -> AsyncWatch[A, T]:
        """A stream that goes on after its position when the connection was lost."""
        watch = AsyncWatch(
            check=self._check,
            open_stream=lambda after: self._open(call.request(after), call.answer, None),
            read=call.read,
            fault=lambda error: fault(error, self.endpoint),
            after=call.after,
            patience_s=self._patience_s,
        )
        self._streams.add(watch)
        return watch

    async def _check(self) -> None:
        """As of ``Connection``."""
        with suppress(NotAllowed):
            await self._send(get_status(), self._timeout_s)

    def _open(self, request: Message, answer: type[A], limit_s: float | None) -> Any:
        rpc = self._channel().unary_stream(
            method_of(request),
            request_serializer=type(request).SerializeToString,
            response_deserializer=answer.FromString,
        )
        return rpc(request, timeout=limit_s, metadata=self._metadata)
