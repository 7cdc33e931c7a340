"""The front's end of the channel to the supervisor: calls go out, answers come in, each to the one who waits
for it.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable

from google.rpc import status_pb2
from grpclib.const import Status
from grpclib.exceptions import GRPCError

from krakencopy.supervisor.control.call_frames import (
    TAKEN_BYTES_MIN,
    Frame,
    Kind,
    call_body,
    read_frame,
    taken_body,
)
from krakencopy.supervisor.control.principals import Principal

#: The supervisor pings every two seconds. Clients must not wait for one that is stopped: their own pings are
#: answered here. In seconds.
SILENCE_S = 30.0


class Upstream:
    """The supervisor, to those who pass calls on to it."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter,
        use_access: Callable[[bytes], None] = lambda _: None,
    ) -> None:  # fmt: skip
        """``use_access`` is given who may call from elsewhere, each time that this changes."""
        self._reader, self._writer = reader, writer
        self._use_access = use_access
        self._numbers = itertools.count(1)
        #: What came for each call, in order.
        self._arrived: dict[int, asyncio.Queue[Frame]] = {}
        self._idle = asyncio.Event()
        self._idle.set()

    async def run(self) -> None:
        """Until the supervisor is gone, or says nothing. Then every call has ended."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(SILENCE_S) as limit:
                while frame := await read_frame(self._reader):
                    limit.reschedule(loop.time() + SILENCE_S)
                    if frame.kind is Kind.PING:
                        self._send(Frame(Kind.PONG, 0))
                    elif frame.kind is Kind.ACCESS:
                        self._use_access(frame.body)
                    elif frame.call in self._arrived:
                        self._arrived[frame.call].put_nowait(frame)
        except (ConnectionError, TimeoutError):
            return
        finally:
            self._writer.close()
            words = "the supervisor ends, or does not answer"
            gone = status_pb2.Status(code=Status.UNAVAILABLE.value, message=words).SerializeToString()
            for number, arrived in self._arrived.items():
                arrived.put_nowait(Frame(Kind.END, number, gone))

    async def wait_idle(self) -> None:
        """Until nobody waits for anything."""
        await self._idle.wait()

    async def answers(self, method: int, principal: Principal, request: bytes) -> AsyncGenerator[bytes, None]:
        """The messages of the answer; the next one is asked for when the one before has left. Closing this
        early cancels the call. Raises GRPCError as the supervisor has refused it.
        """
        number = next(self._numbers)
        arrived = self._arrived[number] = asyncio.Queue()
        self._idle.clear()
        self._send(Frame(Kind.CALL, number, call_body(method, principal, request)))
        taken, has_ended = 0, False
        try:
            while (frame := await arrived.get()).kind is Kind.ANSWER:
                yield frame.body
                taken += len(frame.body)
                if taken >= TAKEN_BYTES_MIN:
                    self._send(Frame(Kind.TAKEN, number, taken_body(taken)))
                    taken = 0
            has_ended = True
        finally:
            del self._arrived[number]
            if not self._arrived:
                self._idle.set()
            if not has_ended:
                self._send(Frame(Kind.CANCEL, number))
        if frame.body:
            raise _error(frame.body)

    def _send(self, frame: Frame) -> None:
        if not self._writer.is_closing():
            self._writer.write(frame.encoded())


def _error(encoded: bytes) -> GRPCError:
    status = status_pb2.Status.FromString(encoded)
    return GRPCError(Status(status.code), status.message, list(status.details))
