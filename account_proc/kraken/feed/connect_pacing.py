"""Paces the WebSocket connections that all processes of this machine make to one exchange. It knows nothing
about what they are for.

Kraken: some 150 connections from one address in any 10 minutes, and then none for 10 minutes, for nobody on
that address. The processes share a small file with the times of the last connections. It is written in place
under an exclusive lock that is held for microseconds; a process that has to wait does so without it.
"""

from __future__ import annotations

import asyncio
import logging
import random
import re
import struct
import zlib
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from krakencopy.account_proc.contract.errors import LockHeld
from krakencopy.account_proc.runtime.file_lock import LockedFile
from krakencopy.account_proc.runtime.machine import boot_id, is_loopback
from krakencopy.account_proc.runtime.steady_clock import steady_s

log = logging.getLogger(__name__)

#: Kraken allows about 150; other programs on the same address want some, too.
CONNECTS_MAX = 120
WINDOW_S = 600.0
#: Of those, only the master may use: without its feed nobody receives anything.
MASTER_RESERVE = 20

#: The lock is held for microseconds. A process that meets it tries again after this, and after so long it is
#: a process that was stopped while it held it: better to connect uncounted than not at all.
BUSY_S, BUSY_S_MAX = 0.02, 5.0
#: Those who wait for the same slot try one after another, in seconds.
SPREAD_S = 0.5

#: Magic, boot, the times of the last connections in seconds since boot (0 for none), checksum of all before.
_FORM = struct.Struct(f">8s16s{CONNECTS_MAX}d")
_MAGIC = b"KCCONN1\n"
_CHECKSUM = struct.Struct(">I")


def decode(content: bytes, boot: bytes, now: float) -> list[float]:
    """The times in a file's content, the oldest first; none where it is not whole or was written before
    this boot. Pure.
    """
    if len(content) != _FORM.size + _CHECKSUM.size:
        return []
    body = content[: _FORM.size]
    magic, written_in, *times = _FORM.unpack(body)
    whole = _CHECKSUM.unpack(content[_FORM.size :])[0] == zlib.crc32(body)
    if not whole or magic != _MAGIC or written_in != boot or not all(0.0 <= at <= now for at in times):
        return []
    return sorted(at for at in times if at)


def encode(times: Sequence[float], boot: bytes) -> bytes:
    """The file's content with the last of these times. Pure."""
    last = sorted(times)[-CONNECTS_MAX:]
    body = _FORM.pack(_MAGIC, boot, *last, *[0.0] * (CONNECTS_MAX - len(last)))
    return body + _CHECKSUM.pack(zlib.crc32(body))


def free_at(times: Sequence[float], now: float, most: int, window_s: float = WINDOW_S) -> float:
    """From when on there are fewer than ``most`` of these times in the window before. Pure."""
    recent = sorted(at for at in times if at > now - window_s)
    return now if len(recent) < most else recent[len(recent) - most] + window_s


class Unpaced:
    """No pace: for an exchange on this machine."""

    async def wait_for_turn(self) -> None:
        """Returns at once."""


class ConnectPace:
    """One process's share of the pace."""

    def __init__(
        self, path: Path, *, is_master: bool, boot: bytes | None = None,
        clock: Callable[[], float] = steady_s,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:  # fmt: skip
        """``clock``: seconds since boot, the same for all processes and never set; ``boot``: which boot
        that was (16 bytes).
        """
        self._path = path
        self._most = CONNECTS_MAX if is_master else CONNECTS_MAX - MASTER_RESERVE
        self._boot = boot_id() if boot is None else boot
        self._clock = clock
        self._pause = pause

    async def wait_for_turn(self) -> None:
        """Returns when one more connection may be made, and counts it. A pace that cannot be kept is said,
        and not kept.
        """
        busy_s = 0.0
        is_logged = False
        while True:
            try:
                wait_s = self._try()
            except LockHeld:
                if busy_s >= BUSY_S_MAX:
                    log.warning("%s has been locked for %g s; connecting uncounted", self._path, busy_s)
                    return
                busy_s += BUSY_S
                await self._pause(BUSY_S)
                continue
            except OSError as error:
                log.warning(
                    "connections cannot be counted in %s (%s); connecting uncounted", self._path, error
                )
                return
            if not wait_s:
                return
            if not is_logged:
                log.warning(
                    "%d connections in %g s are used up; connecting in %.1f s", self._most, WINDOW_S, wait_s
                )
                is_logged = True
            await self._pause(wait_s + random.uniform(0.0, SPREAD_S))  # noqa: S311 - spreads load, guards nothing

    def _try(self) -> float:
        """Counts one more connection, or says how long there is no room for it. Raises LockHeld or
        OSError.
        """
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = LockedFile(self._path, "the pace of connections")
        try:
            now = self._clock()
            content = file.read()
            times = decode(content, self._boot, now)
            wait_s = max(free_at(times, now, self._most) - now, 0.0)
            if not wait_s:
                whole = encode([*times, now], self._boot)
                file.write(0, whole)
                if len(content) > len(whole):
                    file.truncate(len(whole))
            return wait_s
        finally:
            file.close()


def pace_of(
    ws_url: str, folder: Path, *, is_master: bool, pace_loopback: bool = False
) -> ConnectPace | Unpaced:
    """The pace of connections to this exchange; ``folder`` is the same for all processes of this machine's
    user.

    An exchange on this machine bans nobody: ``pace_loopback`` paces it all the same.
    """
    host = (urlsplit(ws_url).hostname or "").lower()
    if is_loopback(host) and not pace_loopback:
        return Unpaced()
    name = re.sub(r"[^a-z0-9.-]", "_", host)
    return ConnectPace(folder / f"connects-{name}.bin", is_master=is_master)
