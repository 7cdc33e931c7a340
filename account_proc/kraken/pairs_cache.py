"""What the exchange lists, read once for all processes of one supervisor: a small file in its state folder.

A process that needs pairs younger than the file's asks the exchange, one process at a time, and writes the
file anew; the others read that. A file that is damaged, from elsewhere or too old is as good as none, and a
process that can neither read, lock nor write it asks the exchange by itself. It knows neither what a pair is
nor who asks.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from krakencopy.account_proc.domain.pair_table import PairTable
from krakencopy.account_proc.kraken.shared_file import SharedFile
from krakencopy.account_proc.runtime.machine import boot_id
from krakencopy.account_proc.runtime.steady_clock import steady_s

log = logging.getLogger(__name__)

#: How long another process's turn is waited for: Kraken needs about a second for both calls. After that it is
#: a slow or stopped one.
TURN_S = 3.0
#: Kraken's 1,500 pairs and 600 assets make 0.4 MB.
FILE_BYTES_MAX = 16 * 1024 * 1024
LINE_BYTES_MAX = 4096
FORM = "krakencopy listing 2"

#: Asks the exchange. Raises ExchangeError.
Ask = Callable[[], Awaitable[PairTable]]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a pair table must be from."""

    rest_url: str
    #: The supervisor's run.
    run: int
    #: Times are counted from the machine's start, so a file is of no use after the next one.
    boot: str

    @classmethod
    def of(cls, rest_url: str, run: int) -> Origin:
        """For this boot of the machine."""
        return cls(rest_url, run, boot_id().hex())


def encode(table: PairTable, origin: Origin, asked_at: float) -> bytes:
    """The file's content: a checksum of all that follows, where from and when it is, and the table. Pure."""
    header = {
        "form": FORM,
        "rest_url": origin.rest_url,
        "run": origin.run,
        "boot": origin.boot,
        "asked_at": asked_at,
    }
    body = json.dumps(header).encode("ascii") + b"\n" + table.text
    return _checksum(body) + body


def asked_at_of(header: bytes, origin: Origin) -> float | None:
    """When the exchange was asked, by a file's second line; None if it is not from there. Pure."""
    try:
        fields = json.loads(header)
        form, found = fields["form"], Origin(fields["rest_url"], fields["run"], fields["boot"])
        asked_at = float(fields["asked_at"])
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
    return asked_at if form == FORM and found == origin else None


def _checksum(*parts: bytes) -> bytes:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest().encode("ascii") + b"\n"


class PairsCache:
    """One process's view of the file."""

    def __init__(
        self, path: Path, account_id: str, origin: Origin,
        *, clock: Callable[[], float] = steady_s,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:  # fmt: skip
        """As of SharedFile."""
        self._file = SharedFile(path, account_id, "pairs", TURN_S, clock=clock, pause=pause)
        self._origin = origin

    async def get(self, ask: Ask, age_max_s: float) -> tuple[PairTable, float]:
        """A table that the exchange was asked for at most ``age_max_s`` ago, and how long ago (seconds).

        With 0 it was asked after this call began. Raises what ``ask`` raises.
        """
        since = self._file.clock() - age_max_s
        return await self._file.get(lambda: self._read(since), lambda _: self._ask(ask))

    async def _ask(self, ask: Ask) -> tuple[PairTable, float]:
        asked_at = self._file.clock()
        table = await ask()
        self._file.write(encode(table, self._origin, asked_at))
        return table, self._file.clock() - asked_at

    def _read(self, since: float) -> tuple[PairTable, float] | None:
        """The file's table and its age, if it is to be believed and was asked for after ``since``."""
        try:
            with self._file.open() as file:
                checksum, header = file.readline(LINE_BYTES_MAX), file.readline(LINE_BYTES_MAX)
                asked_at = asked_at_of(header, self._origin)
                now = self._file.clock()
                if asked_at is None or not since < asked_at <= now:
                    return None
                text = file.read(FILE_BYTES_MAX)
        except FileNotFoundError:
            return None
        except OSError as error:
            log.warning("%s cannot be read: %s", self._file.path, error)
            return None
        if checksum != _checksum(header, text):
            log.warning("%s is damaged; the exchange is asked", self._file.path)
            return None
        return PairTable(text), now - asked_at
