"""The book channel: what a book of some depth shows, its checksum, and what changed since it was sent
last. Pure.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Any, Final
from zlib import crc32

from krakencopy.paper_exchange.market.market import UNBOUNDED_SHOWN, Quote
from krakencopy.paper_exchange.values.pairs import Pair
from krakencopy.paper_exchange.values.sides import Side
from krakencopy.paper_exchange.values.time_format import rfc3339
from krakencopy.paper_exchange.websocket.messages import message

# Kraken: levels on each side that a subscription may ask for, and the default.
DEPTHS: Final = (10, 25, 100, 500, 1000)
# Kraken: the checksum covers the best ten levels of each side, whatever the depth.
_CHECKED_LEVELS: Final = 10

Level = tuple[Decimal, Decimal]


@dataclass(frozen=True, slots=True)
class Book:
    """Price and volume of the levels of each side, best first."""

    asks: Sequence[Level]
    bids: Sequence[Level]


def book_of(pair: Pair, quote: Quote, depth: int) -> Book:
    """What a quote shows at a depth. The market model has at most 500 levels, so a book of 1000 is no
    deeper.
    """

    def side(taker: Side) -> list[Level]:
        shown = islice(quote.levels(taker), depth)
        return [
            (
                price.quantize(pair.price_step),
                (UNBOUNDED_SHOWN if volume is None else volume).quantize(pair.lot_step),
            )
            for price, volume in shown
        ]

    return Book(asks=side(Side.BUY), bids=side(Side.SELL))


def checksum(pair: Pair, book: Book) -> int:
    """Kraken: CRC32 over the best asks, then the best bids; of each level the digits of price and volume.

    The digits are those of the pair's full precision, without the point and without leading zeros.
    """
    levels = (*book.asks[:_CHECKED_LEVELS], *book.bids[:_CHECKED_LEVELS])
    text = "".join(
        _digits(price, pair.price_step) + _digits(volume, pair.lot_step) for price, volume in levels
    )
    return crc32(text.encode())


def _digits(number: Decimal, step: Decimal) -> str:
    return f"{number.quantize(step):f}".replace(".", "").lstrip("0")


def snapshot(pair: Pair, book: Book, now_us: int) -> str:
    """The first message of a subscription."""
    return message("book", "snapshot", [_row(pair, book, book, now_us)])


def update(pair: Pair, sent: Book, book: Book, depth: int, now_us: int) -> str | None:
    """What makes a client's copy of `sent` into `book`; None where nothing changed."""
    changed = Book(
        asks=list(_changes(sent.asks, book.asks, depth, ascending=True)),
        bids=list(_changes(sent.bids, book.bids, depth, ascending=False)),
    )
    if not changed.asks and not changed.bids:
        return None
    return message("book", "update", [_row(pair, changed, book, now_us)])


def _changes(
    sent: Sequence[Level], levels: Sequence[Level], depth: int, *, ascending: bool
) -> Iterator[Level]:
    """Levels that went, with volume 0, then levels that came or changed.

    In this order a client ends with the same levels whether it cuts its book to the depth after each level or
    after the message. A level that better ones push out of the depth is not sent: Kraken leaves that to
    the client.
    """
    now = dict(levels)
    full = len(levels) == depth
    for price, volume in sent:
        pushed_out = full and (price > levels[-1][0] if ascending else price < levels[-1][0])
        if price not in now and not pushed_out:
            yield price, volume * 0  # with the digits of a volume
    before = dict(sent)
    for price, volume in levels:
        if before.get(price) != volume:
            yield price, volume


def _row(pair: Pair, shown: Book, whole: Book, now_us: int) -> dict[str, Any]:
    return {
        "symbol": pair.symbol,
        "bids": [{"price": price, "qty": volume} for price, volume in shown.bids],
        "asks": [{"price": price, "qty": volume} for price, volume in shown.asks],
        "checksum": checksum(pair, whole),
        "timestamp": rfc3339(now_us),
    }
