"""A WebSocket connection whose heartbeats need not wake the process while nobody waits for news.

Kraken sends a heartbeat each second, and reading one costs more than all else that an idle account does. So
while its owner allows it, heartbeats lie unread in the socket: the kernel reports the socket only when as
many bytes are there as an execution has (SO_RCVLOWAT), which some heartbeats together have as well, or its
end. Before it is called silent, the kernel is asked when anything came in last. It must not know what frames
mean.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

from websockets.asyncio.client import ClientConnection

from krakencopy.account_proc.kraken.feed.session import HEARTBEAT

#: RFC 6455: a whole text frame, and its longest payload with a header of two bytes.
_TEXT_FRAME, _SHORT_BYTES_MAX = 0x81, 125
#: The socket is reported from so many unread bytes on. Less than any execution has with its channel, order
#: and time (some 160); four heartbeats of 25 bytes, or three of 47 over TLS.
COALESCED_BYTES = 96
#: linux/tcp.h, struct tcp_info: ``tcpi_last_data_recv``, in ms.
_LAST_DATA = struct.Struct("=52xI")


class CoalescingConnection(ClientConnection):
    """What ``connect(create_connection=...)`` makes. It is awake until ``coalesce_while`` is called."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: When anything was last received, on the monotonic clock; while it coalesces, as far as was looked.
        self.heard_at = time.monotonic()
        self._is_idle: Callable[[], bool] | None = None
        self._is_coalescing = False
        self._silence: asyncio.Timeout | None = None
        self._silence_s = self._coalescing_s = math.inf
        #: When the connection will be silent, on the monotonic clock.
        self._silent_at = 0.0
        self._look: asyncio.TimerHandle | None = None

    def coalesce_while(self, is_idle: Callable[[], bool]) -> None:
        """From here on heartbeats that come alone are no frames any more, and lie unread while
        ``is_idle`` says so.
        """
        self._is_idle = is_idle

    def wake(self) -> None:
        """Reads at once whatever comes, from now until the next heartbeat for which ``is_idle`` says
        yes.
        """
        if self._is_coalescing:
            self._is_coalescing = False
            self._report_from(1)

    async def frame(self, silence_s: float, coalescing_s: float | None = None) -> bytes:
        """The next frame. Raises TimeoutError when nothing at all was received for so many seconds,
        ``coalescing_s`` while it coalesces (by default the same), and ConnectionClosed.
        """
        try:
            async with asyncio.timeout(None) as self._silence:
                self._silence_s, self._coalescing_s = (
                    silence_s,
                    silence_s if coalescing_s is None else coalescing_s,
                )
                self._silent_at = time.monotonic() + silence_s
                self._look_in_time()
                frame = await self.recv(decode=False)
            self.heard_at = time.monotonic()
            return frame
        finally:
            self._silence = None
            if self._look is not None:
                self._look.cancel()

    def data_received(self, data: bytes) -> None:
        """Called by the transport, with what was decrypted."""
        if self._is_idle is None or self.protocol.reader.buffer or not only_heartbeats(data):
            self.wake()
            super().data_received(data)
            return
        self._listen_to_kernel()
        # Not by what lay there while it fell silent: the answer to what is asked now is waited for.
        is_news = time.monotonic() - self.heard_at < self._silence_s
        if is_news and not self._is_coalescing and self._is_idle():
            self._report_from(COALESCED_BYTES)
            self._is_coalescing = True

    # -- silence --------------------------------------------------------------------------------------------

    def _listen_to_kernel(self) -> None:
        """Something came in when the kernel says so, and not when it was read."""
        self.heard_at = max(self.heard_at, time.monotonic() - self._data_age_s())
        if self._silence is not None:
            self._silent_at = self.heard_at + (self._coalescing_s if self._is_coalescing else self._silence_s)
            self._look_in_time()

    def _look_in_time(self) -> None:
        if self._look is not None:
            self._look.cancel()
        # asyncio's clock is the monotonic one, and may not go on for the same time.
        self._look = self.loop.call_later(max(self._silent_at - time.monotonic(), 0.0), self._look_for_news)

    def _look_for_news(self) -> None:
        if self._is_coalescing:
            self._listen_to_kernel()
            if self._silent_at > time.monotonic():
                return
            self.wake()  # the next thing that comes in is waited for
        if self._silence is not None and not self._silence.expired():
            self._silence.reschedule(self.loop.time())

    # -- the socket -----------------------------------------------------------------------------------------

    def _report_from(self, unread_bytes: int) -> None:
        held: socket.socket = self.transport.get_extra_info("socket")
        with contextlib.suppress(OSError):  # it was closed just now, and its reader is about to notice
            held.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, unread_bytes)

    def _data_age_s(self) -> float:
        """How long ago the last data came in, read or not."""
        held: socket.socket = self.transport.get_extra_info("socket")
        (age_ms,) = _LAST_DATA.unpack(held.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _LAST_DATA.size))
        return float(age_ms) / 1000


def only_heartbeats(data: bytes) -> bool:
    """Whether these are whole heartbeats and nothing else."""
    at = 0
    while at < len(data):
        if (
            data[at] != _TEXT_FRAME
            or not data.startswith(HEARTBEAT, at + 2)
            or data[at + 1] > _SHORT_BYTES_MAX
        ):
            return False
        at += 2 + data[at + 1]
    return at == len(data)
