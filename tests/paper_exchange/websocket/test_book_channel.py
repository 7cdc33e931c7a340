"""The book channel's pure part: Kraken's own checksums, and updates that lead every client to the same
book.
"""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.paper_exchange.market.market import Quote
from krakencopy.paper_exchange.values import exact_json as wire_json
from krakencopy.paper_exchange.values.pairs import PAIRS, Asset, Pair
from krakencopy.paper_exchange.websocket.book_channel import (
    DEPTHS,
    Book,
    Level,
    book_of,
    checksum,
    snapshot,
    update,
)
from tests.support.paper_venue import CATALOGUE

NOW_US = 1_700_000_000_000_000
D = Decimal
BTC_USD = PAIRS[0]
_COIN, _USD = Asset("MATIC", "MATIC", "MATIC", 10, 5), Asset("ZUSD", "USD", "USD", 4, 2)
MATIC_USD = Pair(
    "MATICUSD",
    "MATICUSD",
    "MATIC/USD",
    "MATIC/USD",
    _COIN,
    _USD,
    D("0.0001"),
    D(10),
    D("0.5"),
    D("0.56"),
    D(1),
)


def levels(text: str) -> list[Level]:
    """Levels from lines of price and volume."""
    numbers = [Decimal(word) for word in text.split()]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def test_the_checksum_is_that_of_krakens_guide() -> None:
    asks = levels(
        """45285.2 0.00100000  45286.4 1.54571953  45286.6 1.54571109  45289.6 1.54560911
           45290.2 0.15890660  45291.8 1.54553491  45294.7 0.04454749  45296.1 0.35380000
           45297.5 0.09945542  45299.5 0.18772827"""
    )
    bids = levels(
        """45283.5 0.10000000  45283.4 1.54582015  45282.1 0.10000000  45281.0 0.10000000
           45280.3 1.54592586  45279.0 0.07990000  45277.6 0.03310103  45277.5 0.30000000
           45277.3 1.54602737  45276.6 0.15445238"""
    )
    assert checksum(BTC_USD, Book(asks, bids)) == 3310070434


def test_the_checksum_pads_numbers_that_lost_their_zeros_as_in_krakens_reference() -> None:
    asks = levels(
        """0.5668 4410.79769741  0.5669 4655.40412487  0.567 49844.89424998  0.5671 24306.41678
           0.5672 29783.25223475  0.5673 57234.71239278  0.5674 45065.04744  0.5675 5912.76380354
           0.5676 42514.92434778  0.5677 36304.0847022"""
    )
    bids = levels(
        """0.5666 4831.75496356  0.5665 6658.22734739  0.5664 18724.91513344  0.5663 11563.92544914
           0.5662 14006.65365711  0.5661 17454.85679807  0.566 18097.1547  0.5659 33644.89175666
           0.5658 148.3464  0.5657 606.70854372"""
    )
    assert checksum(MATIC_USD, Book(asks, bids)) == 2439117997
    bids[-1] = (D("0.5657"), D("1098.3947558"))
    assert checksum(MATIC_USD, Book(asks, bids)) == 2114181697


def test_a_book_has_at_most_its_depth_and_the_models_levels() -> None:
    quote = Quote(D("50000.0"), D("50000.1"), D("0.5"), D("0.1"))
    assert [len(book_of(BTC_USD, quote, depth).asks) for depth in DEPTHS] == [10, 25, 100, 500, 500]
    book = book_of(BTC_USD, quote, 10)
    assert (book.asks[0], book.asks[1]) == ((D("50000.1"), D("0.5")), (D("50000.2"), D("0.5")))
    assert (book.bids[0], book.bids[9]) == ((D("50000.0"), D("0.5")), (D("49999.1"), D("0.5")))


def test_an_unbounded_quote_is_one_large_level() -> None:
    book = book_of(BTC_USD, Quote(D(50000), D(50000), None, D("0.1")), 10)
    assert book.asks == book.bids == [(D(50000), D(1_000_000))]


def test_a_quote_that_did_not_move_makes_no_update() -> None:
    book = book_of(BTC_USD, Quote(D("50000.0"), D("50000.1"), D("0.5"), D("0.1")), 10)
    assert update(BTC_USD, book, book, 10, NOW_US) is None


quotes = st.builds(
    lambda middle, spread, depth, step: Quote(
        D(middle) / 10, D(middle + spread) / 10, None if depth == 0 else D(depth) / 10, D(step) / 10
    ),
    st.integers(3, 400),
    st.integers(0, 3),
    st.integers(0, 3),
    st.integers(1, 3),
)


class Follower:
    """A client's book. Some clients cut it to the depth after every level, others after every message."""

    def __init__(self, depth: int, *, eager: bool) -> None:
        self.depth, self.eager = depth, eager
        self.asks: dict[Decimal, Decimal] = {}
        self.bids: dict[Decimal, Decimal] = {}

    def take(self, text: str | None) -> int | None:
        """Apply a message; its checksum."""
        if text is None:
            return None
        (row,) = wire_json.loads(text)["data"]
        for side, name in ((self.asks, "asks"), (self.bids, "bids")):
            for level in row[name]:
                price, volume = Decimal(level["price"]), Decimal(level["qty"])
                if volume:
                    side[price] = volume
                else:
                    del side[price]
                if self.eager:
                    self.cut()
        self.cut()
        assert isinstance(row["checksum"], int)
        return row["checksum"]

    def cut(self) -> None:
        for price in sorted(self.asks)[self.depth :]:
            del self.asks[price]
        for price in sorted(self.bids, reverse=True)[self.depth :]:
            del self.bids[price]

    def book(self) -> Book:
        return Book(sorted(self.asks.items()), sorted(self.bids.items(), reverse=True))


@given(st.lists(quotes, min_size=1, max_size=5), st.sampled_from([1, 2, 10, 25]), st.booleans())
def test_every_client_that_follows_the_updates_has_the_book_that_the_checksum_is_of(
    moves: list[Quote], depth: int, eager: bool
) -> None:
    follower = Follower(depth, eager=eager)
    told: Book | None = None
    for quote in moves:
        book = book_of(BTC_USD, quote, depth)
        text = snapshot(BTC_USD, book, NOW_US) if told is None else update(BTC_USD, told, book, depth, NOW_US)
        sent = follower.take(text)
        assert follower.book() == Book(list(book.asks), list(book.bids))
        assert sent in {None, checksum(BTC_USD, follower.book())}
        told = book


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.symbol)
def test_prices_and_volumes_are_sent_with_all_digits_of_their_pair(pair: Pair) -> None:
    assert CATALOGUE.find_symbol(pair.symbol) is pair
    book = book_of(pair, Quote(D(7), D(8), D(1), D(1)), 10)
    price, volume = book.asks[0]
    assert f"{price:f}" == f"{D(8).quantize(pair.price_step):f}"
    assert f"{volume:f}" == f"{D(1).quantize(pair.lot_step):f}"
