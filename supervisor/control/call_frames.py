"""The channel between the front and the supervisor: calls one way, answers the other, as frames on one stream
socket.

    front       CALL    the method's number, who asks, the request supervisor
    front       TAKEN   so many bytes of answers have left        supervisor
    front       CANCEL  nobody waits for the answer any more      supervisor
    front  ◀──  ANSWER  one message of the answer                 supervisor
    front  ◀──  END     google.rpc.Status, empty where it is OK   supervisor
    front  ◀──  PING, answered by PONG                            supervisor
    front  ◀──  ACCESS  who may call from elsewhere, all of it    supervisor

A call is known by a number that the front gives it and never uses again. It must not know what a call is
about.
"""

from __future__ import annotations

import asyncio
import struct
from dataclasses import dataclass
from enum import IntEnum

from krakencopy.supervisor.control.principals import Principal
from krakencopy.v1 import control_pb2

SERVICE = control_pb2.DESCRIPTOR.services_by_name["ControlService"]
#: A method's number is its place here: both ends are of one installation.
METHODS = tuple(SERVICE.methods)
#: What stops trading waits behind nothing that others ask.
URGENT = frozenset({"SetTradingState", "FlattenAccounts"})
#: Which listening socket is given to the front.
LOCAL, REMOTE = b"l", b"t"
#: Length of what follows, kind, number of the call.
_HEAD = struct.Struct(">IBI")
_NUMBER = struct.Struct(">I")
#: The method's number, and the length of who asks.
_CALL_HEAD = struct.Struct(">IH")
#: Of one answer; clients take 4 MiB.
FRAME_BYTES_MAX = 8 << 20
#: Answers of one call that have not left yet, in bytes: beyond that the supervisor makes no more of them.
UNTAKEN_BYTES_MAX = 32_768
#: The front says so when as many have left, and not for each answer.
TAKEN_BYTES_MIN = UNTAKEN_BYTES_MAX // 4


class Kind(IntEnum):
    """What a frame is."""

    CALL = 1
    TAKEN = 2
    CANCEL = 3
    ANSWER = 4
    END = 5
    PING = 6
    PONG = 7
    ACCESS = 8


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame."""

    kind: Kind
    call: int
    body: bytes = b""

    def encoded(self) -> bytes:
        """As it travels."""
        return _HEAD.pack(len(self.body), self.kind, self.call) + self.body


def call_body(method: int, principal: Principal, request: bytes) -> bytes:
    """What a CALL carries."""
    asks = principal.encoded()
    return _CALL_HEAD.pack(method, len(asks)) + asks + request


def read_call(body: bytes) -> tuple[int, Principal, bytes]:
    """The method's number, who asks, and the request. Raises ConnectionError for what is none."""
    try:
        method, length = _CALL_HEAD.unpack_from(body)
        start = _CALL_HEAD.size + length
        return method, Principal.of(body[_CALL_HEAD.size : start]), body[start:]
    except (struct.error, ValueError) as error:
        raise ConnectionError(f"no call: {error}") from error


def taken_body(size: int) -> bytes:
    """What TAKEN carries."""
    return _NUMBER.pack(size)


def read_taken(body: bytes) -> int:
    """How many bytes have left."""
    (size,) = _NUMBER.unpack(body)
    return int(size)


async def read_frame(reader: asyncio.StreamReader) -> Frame | None:
    """The next frame; None at the end. Raises ConnectionError for what is none."""
    try:
        length, kind, call = _HEAD.unpack(await reader.readexactly(_HEAD.size))
        if length > FRAME_BYTES_MAX:
            raise ConnectionError(f"a frame of {length} bytes")
        return Frame(Kind(kind), call, await reader.readexactly(length))
    except (asyncio.IncompleteReadError, ConnectionResetError, BrokenPipeError):
        return None
    except ValueError as error:
        raise ConnectionError(str(error)) from error
