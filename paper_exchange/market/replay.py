"""Trades of the past, played again: Kraken's downloadable time-and-sales files (`unix_time,price,volume`).

`load` is the only function here that reads a file; the player is passed how much time has gone by.
"""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

from krakencopy.paper_exchange.values.catalogue import Catalogue
from krakencopy.paper_exchange.values.decimals import parse_plain, rounded
from krakencopy.paper_exchange.values.errors import ConfigurationError
from krakencopy.paper_exchange.values.pairs import Pair
from krakencopy.paper_exchange.values.sides import Side
from krakencopy.paper_exchange.values.time_format import US_PER_S

# The pause between the last trade and the first one of the next round.
LOOP_PAUSE_US: Final = US_PER_S


@dataclass(frozen=True, slots=True)
class PastTrade:
    """A trade `offset_us` after the first one of its file. The side is by tick rule: the files don't have
    it.
    """

    offset_us: int
    price: Decimal
    volume: Decimal
    side: Side


class Replay:
    """Plays a file's trades with their own spacing divided by `speed`, again and again."""

    def __init__(self, pair: Pair, trades: list[PastTrade], speed: float = 1.0) -> None:
        self.pair: Final = pair
        self._trades = trades
        self._speed = speed
        self._period_us = trades[-1].offset_us + LOOP_PAUSE_US
        self._next = 0
        self._clock_us = 0.0

    @property
    def first(self) -> PastTrade:
        """The trade that a quote can be built around before anything was played."""
        return self._trades[0]

    def advance(self, elapsed_us: int) -> list[PastTrade]:
        """Let `elapsed_us` of real time pass; the trades that fall due, in order."""
        self._clock_us += elapsed_us * self._speed
        due: list[PastTrade] = []
        while self._trades[self._next].offset_us <= self._clock_us:
            due.append(self._trades[self._next])
            self._next += 1
            if self._next == len(self._trades):
                self._next = 0
                self._clock_us -= self._period_us
        return due

    def next_due_us(self) -> int:
        """Real time until the next trade falls due, in microseconds, at least 0."""
        return max(0, int((self._trades[self._next].offset_us - self._clock_us) / self._speed))


def load(path: Path, speed: float = 1.0) -> Replay:
    """Read a file whose name is the pair (`XBTUSD.csv`).

    Raises ConfigurationError, naming the file and the line, for a file that is missing, empty or malformed.
    """
    pair = Catalogue().find_pair(path.stem)
    if pair is None:
        raise ConfigurationError(f"{path}: the file's name is not a pair: {path.stem}")
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path}: not a text file") from None
    trades: list[PastTrade] = []
    first_us = last_us = None
    side = Side.BUY
    for number, line in enumerate(lines, start=1):
        row = _parse_line(line)
        if row is None:
            raise ConfigurationError(f"{path}:{number}: expected unix_time,price,volume, got {line[:80]!r}")
        at_us, price, volume = row[0], rounded(row[1], pair.tick_size), row[2]
        if last_us is not None and at_us < last_us:
            raise ConfigurationError(f"{path}:{number}: the time is before that of the line above")
        first_us, last_us = at_us if first_us is None else first_us, at_us
        if trades and price != trades[-1].price:
            side = Side.BUY if price > trades[-1].price else Side.SELL
        trades.append(PastTrade(at_us - first_us, price, rounded(volume, pair.lot_step), side))
    if not trades:
        raise ConfigurationError(f"{path}: no trades in it")
    return Replay(pair, trades, speed)


def _parse_line(line: str) -> tuple[int, Decimal, Decimal] | None:
    fields = [parse_plain(field) for field in line.strip().split(",")]
    if len(fields) != 3:
        return None
    at, price, volume = fields
    if at is None or not price or not volume:
        return None
    return int(at * US_PER_S), price, volume
