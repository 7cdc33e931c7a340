"""Prices that processes of one supervisor ask for together: a small file in its state folder.

Each user with limits to its losses needs prices every few seconds, and Kraken counts public calls by address,
not by account. A process that needs prices younger than the file's asks for all that any process has lately
wanted, one process at a time, and writes them; the others read those. A file that is damaged, from elsewhere
or too old is as good as none, and a process that can neither read, lock nor write it asks by itself. It knows
neither what prices are for nor whether they are right.
"""

from __future__ import annotations

import asyncio
import json
import logging
import zlib
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from krakencopy.account_proc.domain.order import Quote
from krakencopy.account_proc.kraken.pairs_cache import Origin
from krakencopy.account_proc.kraken.shared_file import SharedFile
from krakencopy.account_proc.runtime.steady_clock import steady_s

log = logging.getLogger(__name__)

#: Prices of others are taken up to this age, in seconds.
FRESH_S = 4.0
#: A pair that nobody has wanted for so long is not asked for any more, in seconds.
WANTED_S = 60.0
#: How long another process's turn is waited for, in seconds.
TURN_S = 2.0
#: A thousand pairs make 0.1 MB.
FILE_BYTES_MAX = 4 * 2**20
FORM = "krakencopy quotes 1"

#: Asks the exchange for pairs by name. Raises ExchangeError.
Ask = Callable[[Sequence[str]], Awaitable[Mapping[str, Quote]]]


@dataclass(slots=True)
class _Content:
    """What the file says: prices, and of each pair when it was asked for and wanted last."""

    quotes: dict[str, Quote] = field(default_factory=dict)
    asked_at: dict[str, float] = field(default_factory=dict)
    wanted_at: dict[str, float] = field(default_factory=dict)

    def to_text(self, origin: Origin) -> str:
        body = json.dumps(
            {
                "form": FORM,
                "origin": asdict(origin),
                "quotes": {
                    name: [str(quote.bid), str(quote.ask), str(quote.last), quote.one_sided]
                    for name, quote in self.quotes.items()
                },
                "asked_at": self.asked_at,
                "wanted_at": self.wanted_at,
            }
        )
        return f"{zlib.crc32(body.encode()):08x}\n{body}"

    @classmethod
    def from_text(cls, text: str, origin: Origin) -> _Content:
        """Raises ValueError, KeyError, TypeError or ArithmeticError for what is damaged or from elsewhere."""
        checksum, _, body = text.partition("\n")
        if checksum != f"{zlib.crc32(body.encode()):08x}":
            raise ValueError("its checksum is wrong")
        raw: Any = json.loads(body)
        if raw["form"] != FORM or raw["origin"] != asdict(origin):
            raise ValueError("it is from elsewhere")
        quotes = {
            name: Quote(bid=Decimal(bid), ask=Decimal(ask), last=Decimal(last), one_sided=bool(one_sided))
            for name, (bid, ask, last, one_sided) in raw["quotes"].items()
        }
        return cls(quotes, dict(raw["asked_at"]), dict(raw["wanted_at"]))


class SharedQuotes:
    """One process's view of the file."""

    def __init__(
        self, path: Path, account_id: str, origin: Origin,
        *, clock: Callable[[], float] = steady_s,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:  # fmt: skip
        """As of SharedFile."""
        self._file = SharedFile(path, account_id, "prices", TURN_S, clock=clock, pause=pause)
        self._origin = origin

    async def get(
        self, names: Sequence[str], ask: Ask, newer_than: float
    ) -> tuple[Mapping[str, Quote], float]:
        """Prices of pairs, all asked for after this (seconds of the clock), and when the oldest of them was.
        Raises what ``ask`` raises.
        """
        return await self._file.get(
            lambda: self._fresh(self._read(), names, newer_than),
            lambda has_turn: self._ask(self._read() if has_turn else _Content(), names, ask),
        )

    def _fresh(
        self, content: _Content, names: Iterable[str], newer_than: float
    ) -> tuple[Mapping[str, Quote], float] | None:
        now, asked = self._file.clock(), [content.asked_at.get(name, float("-inf")) for name in names]
        oldest = min(asked, default=now)
        if not max(newer_than, now - FRESH_S) < oldest <= now:
            return None
        return {name: content.quotes[name] for name in names if name in content.quotes}, oldest

    async def _ask(
        self, content: _Content, names: Sequence[str], ask: Ask
    ) -> tuple[Mapping[str, Quote], float]:
        now = self._file.clock()
        wanted = {name: at for name, at in content.wanted_at.items() if now - at <= WANTED_S}
        wanted |= dict.fromkeys(names, now)
        quotes = dict(await ask(tuple(wanted)))
        text = _Content(quotes, dict.fromkeys(wanted, now), wanted).to_text(self._origin)
        self._file.write(text.encode())
        return {name: quotes[name] for name in names if name in quotes}, now

    def _read(self) -> _Content:
        try:
            with self._file.open() as file:
                return _Content.from_text(file.read(FILE_BYTES_MAX).decode(), self._origin)
        except FileNotFoundError:
            return _Content()
        except (OSError, ValueError, KeyError, TypeError, ArithmeticError, AttributeError) as error:
            log.warning("%s is not used: %s", self._file.path, error)
            return _Content()
