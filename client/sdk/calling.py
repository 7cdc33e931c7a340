"""How calls are made on a connection, and made again (sdk/retries.py): written once, as coroutines, for
threads and for asyncio.

What a kind of connection does in its own way, it defines: its channel, how an answer is waited for, and how
time is. ``sdk/connection.py`` blocks in these, so that what awaits them never has to wait, and ``at_once``
runs it to its end; ``sdk/async_connection.py`` awaits.
"""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message

from krakencopy.client.sdk.access import Access, choose_access
from krakencopy.client.sdk.call import Ask, Stream, method_of
from krakencopy.client.sdk.calls.status_calls import get_status
from krakencopy.client.sdk.channels import credentials_of, metadata_of
from krakencopy.client.sdk.endpoint import Endpoint, parse_endpoint
from krakencopy.client.sdk.errors import KrakenCopyError, NotAllowed
from krakencopy.client.sdk.grpc_errors import fault
from krakencopy.client.sdk.retries import Attempts, Run
from krakencopy.v1 import control_pb2 as pb

A = TypeVar("A", bound=Message)
T = TypeVar("T")


class Calling(ABC):
    """A connection, but for its kind. Its methods raise KrakenCopyError."""

    def __init__(
        self,
        endpoint: str | Endpoint,
        *,
        timeout_s: float,
        patience_s: float,
        channel: Any,
        access: Access | None,
        retries: bool,
    ) -> None:
        """``timeout_s``: of a call that brings none of its own. ``patience_s``: how long a watch tries to go
        on. ``channel`` replaces the connection; it belongs to the caller and stays open. ``retries``: whether
        calls are asked again where that is safe. Raises BadInput for an endpoint that cannot be one, and for
        files of ``access`` that cannot be used.
        """
        self.endpoint = endpoint if isinstance(endpoint, Endpoint) else parse_endpoint(endpoint)
        self.patience_s = patience_s
        self._timeout_s = timeout_s
        self._retries = retries
        access = choose_access(self.endpoint, access or Access(), os.environ)
        self._metadata = metadata_of(access)
        self._given = channel
        self._credentials = credentials_of(self.endpoint, access) if channel is None else None
        self._was_up = False
        self._run: Run | None = None

    @abstractmethod
    def _channel(self) -> Any:
        """The channel to call on. Raises BadInput where the connection is closed."""

    @abstractmethod
    async def _answer(self, sent: Any) -> Any:
        """The answer of what a channel's call gave."""

    @abstractmethod
    async def _sleep(self, delay_s: float) -> bool:
        """Wait before the next attempt; whether the connection was closed meanwhile."""

    def fault(self, error: grpc.RpcError, request_id: str = "") -> KrakenCopyError:
        """What a failed call means."""
        return fault(error, self.endpoint, request_id)

    async def make(self, call: Ask[A, T]) -> T:
        """One call, with all its attempts."""
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
                if delay_s is None or await self._sleep(delay_s):
                    raise attempts.outcome(error) from None
            else:
                raise attempts.lost()

    async def check(self) -> None:
        """Raises where nobody answers; who answers that the caller may not see it has answered."""
        with suppress(NotAllowed):
            await self._send(get_status(), self._timeout_s)

    def open_stream(self, request: Message, answer: type[A], limit_s: float | None) -> Any:
        """A call that streams its answers; without a limit it has no end."""
        rpc = self._channel().unary_stream(
            method_of(request),
            request_serializer=type(request).SerializeToString,
            response_deserializer=answer.FromString,
        )
        return rpc(request, timeout=limit_s, metadata=self._metadata)

    def open_lines(self, call: Stream[A, T]) -> Any:
        """The same of a call without numbers, which ends in time unless it is endless."""
        return self.open_stream(call.request, call.answer, None if call.is_endless else self._timeout_s)

    async def _send(self, call: Ask[A, T], limit_s: float) -> T:
        rpc = self._channel().unary_unary(
            method_of(call.request),
            request_serializer=type(call.request).SerializeToString,
            response_deserializer=call.answer.FromString,
        )
        try:
            answer = await self._answer(rpc(call.request, timeout=limit_s, metadata=self._metadata))
        except grpc.RpcError as error:
            raise self.fault(error, call.request_id) from error
        self._was_up = True
        return call.read(answer)

    async def _ask_run(self, limit_s: float) -> Run | None:
        """Which run answers; None for a caller that may not see it."""
        try:
            return await self._send(get_status().giving(_run_of), limit_s)
        except NotAllowed:
            return None


def _run_of(status: pb.GetStatusResponse) -> Run:
    return Run(status.epoch, status.started_at.ToNanoseconds())


def at_once(coroutine: Coroutine[Any, Any, T]) -> T:
    """What a coroutine gives that blocks and never waits."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        found: T = done.value
        return found
    raise AssertionError("it waits for something, and nobody will tell it")
