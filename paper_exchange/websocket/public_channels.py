"""The public WebSocket channels ticker, trade, ohlc and book: what their messages say, and what is new since
the last ones.

What accounts trade joins the tape at once but is sent to subscribers with the next move of the market, all of
it in one message a pair: 300 orders of one instant must not become 300 messages to everyone.
"""

from collections.abc import Collection, Iterable, Iterator
from decimal import Decimal
from typing import Any, Final

from krakencopy.paper_exchange.market.market import Market, PairMarket, Quote
from krakencopy.paper_exchange.market.tape import Bar, PublicTrade
from krakencopy.paper_exchange.values.decimals import rounded, unit
from krakencopy.paper_exchange.values.pairs import Pair
from krakencopy.paper_exchange.values.sides import Side
from krakencopy.paper_exchange.values.time_format import US_PER_S, rfc3339
from krakencopy.paper_exchange.websocket import book_channel as ws_book
from krakencopy.paper_exchange.websocket.book_channel import Book
from krakencopy.paper_exchange.websocket.messages import message
from krakencopy.paper_exchange.websocket.topics import Channel, Topic

# Kraken: minutes of a bar.
INTERVALS: Final = (1, 5, 15, 30, 60, 240, 1440, 10080, 21600)
# Kraken: the snapshot of the trade channel is the last 50 trades.
_SNAPSHOT_TRADES: Final = 50
# How many bars a snapshot has is not documented; captured ones had about ten, without those in which nothing
# traded.
_SNAPSHOT_BARS: Final = 10
_PERCENT: Final = unit(2)
_MINUTE_US: Final = 60 * US_PER_S


class PublicFeed:
    """Remembers what subscribers were sent last."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._sent_trade: dict[Pair, int] = {}
        self._sent_quote: dict[Pair, Quote] = {}
        # Pairs of which nothing could be sent so far: a live feed has no price of them yet.
        self._unpriced: set[Pair] = set()
        for pair in market.catalogue.pairs:
            self.add_pair(pair)
        # Books that somebody follows, as they were sent.
        self._sent_books: dict[Topic, Book] = {}

    def add_pair(self, pair: Pair) -> None:
        """Take in a pair: what it is now need not be sent, snapshots show it."""
        market = self._market.of(pair)
        self._sent_trade[pair], self._sent_quote[pair] = market.tape.last.trade_id, market.quote
        if not market.priced:
            self._unpriced.add(pair)

    def updates(self, now_us: int, wanted: Collection[Topic]) -> Iterator[tuple[Topic, str]]:
        """What is new in the topics that anyone subscribed to; returned only once."""
        self._sent_books = {topic: book for topic, book in self._sent_books.items() if topic in wanted}
        by_pair: dict[Pair, list[Topic]] = {}
        for topic in wanted:
            if isinstance(topic.about, Pair):
                by_pair.setdefault(topic.about, []).append(topic)
        for pair in self._market.catalogue.pairs:
            market = self._market.of(pair)
            traded = market.tape.last.trade_id > self._sent_trade[pair]
            moved = market.quote != self._sent_quote[pair]
            if not traded and not moved:
                continue
            topics = by_pair.get(pair, ())
            if pair in self._unpriced:
                yield from self._first_sent(pair, topics, now_us)
                continue
            fresh = self._fresh(market) if any(topic.channel is Channel.TRADE for topic in topics) else []
            self._sent_trade[pair] = market.tape.last.trade_id
            self._sent_quote[pair] = market.quote
            for topic in topics:
                text = self._update(topic, market, fresh, now_us, traded=traded, moved=moved)
                if text is not None:
                    yield topic, text

    def _first_sent(self, pair: Pair, topics: Iterable[Topic], now_us: int) -> Iterator[tuple[Topic, str]]:
        """The pair has its first price: who subscribed before gets the snapshot now."""
        market = self._market.of(pair)
        if not market.priced:
            return
        self._unpriced.discard(pair)
        self._sent_trade[pair], self._sent_quote[pair] = market.tape.last.trade_id, market.quote
        for topic in topics:
            text = self.snapshot(topic, now_us)
            if text is not None:
                yield topic, text

    def _update(
        self,
        topic: Topic,
        market: PairMarket,
        fresh: list[PublicTrade],
        now_us: int,
        *,
        traded: bool,
        moved: bool,
    ) -> str | None:
        """What is new for one topic of a pair that traded or whose quote moved."""
        channel = topic.channel
        if channel is Channel.TRADE and fresh:
            return message("trade", "update", [trade_row(market.pair, trade) for trade in fresh])
        if (channel is Channel.TICKER_TRADES and traded) or (channel is Channel.TICKER_BBO and moved):
            return message("ticker", "update", [ticker_row(market, now_us)])
        if channel is Channel.OHLC and traded:
            return _bars_message("update", market, topic.size, 1, now_us)
        if channel is Channel.BOOK and moved:
            sent, book = self._book(topic), ws_book.book_of(market.pair, market.quote, topic.size)
            self._sent_books[topic] = book
            return ws_book.update(market.pair, sent, book, topic.size, now_us)
        return None

    def snapshot(self, topic: Topic, now_us: int) -> str | None:
        """The first message of a subscription: nothing that will be sent again. None where there is no
        price yet.
        """
        assert isinstance(topic.about, Pair), "these channels are about pairs"
        if topic.about in self._unpriced:
            return None
        market = self._market.of(topic.about)
        if topic.channel is Channel.TRADE:
            sent = [t for t in market.tape.trades if t.trade_id <= self._sent_trade[market.pair]]
            rows = [trade_row(market.pair, trade) for trade in sent[-_SNAPSHOT_TRADES:]]
            return message("trade", "snapshot", rows)
        if topic.channel is Channel.OHLC:
            return _bars_message("snapshot", market, topic.size, _SNAPSHOT_BARS, now_us)
        if topic.channel is Channel.BOOK:
            return ws_book.snapshot(market.pair, self._book(topic), now_us)
        return message("ticker", "snapshot", [ticker_row(market, now_us)])

    def _book(self, topic: Topic) -> Book:
        """The book as its followers know it, or would if they had been sent the last quote."""
        assert isinstance(topic.about, Pair), "books are of pairs"
        sent = self._sent_books.get(topic)
        if sent is None:
            sent = ws_book.book_of(topic.about, self._sent_quote[topic.about], topic.size)
            self._sent_books[topic] = sent
        return sent

    def _fresh(self, market: PairMarket) -> list[PublicTrade]:
        sent = self._sent_trade[market.pair]
        fresh: list[PublicTrade] = []
        for trade in reversed(market.tape.trades):
            if trade.trade_id <= sent:
                break
            fresh.append(trade)
        return fresh[::-1]


def ticker_row(market: PairMarket, now_us: int) -> dict[str, Any]:
    """The ticker of a pair; statistics over the last 24 hours."""
    pair, quote, last = market.pair, market.quote, market.tape.last
    day = market.tape.last_24_hours(now_us)
    change = last.price - day.open
    return {
        "symbol": pair.symbol,
        "bid": quote.bid,
        "bid_qty": quote.shown(Side.SELL),
        "ask": quote.ask,
        "ask_qty": quote.shown(Side.BUY),
        "last": last.price,
        "volume": day.volume,
        "vwap": rounded(day.vwap, pair.price_step),
        "low": day.low,
        "high": day.high,
        "trades": day.count,
        "change": change,
        "change_pct": rounded(change / day.open * 100, _PERCENT),
        "timestamp": rfc3339(now_us),
    }


def trade_row(pair: Pair, trade: PublicTrade) -> dict[str, Any]:
    """A printed trade."""
    return {
        "symbol": pair.symbol,
        "side": str(trade.side),
        "price": trade.price,
        "qty": trade.volume,
        "ord_type": str(trade.ordertype),
        "trade_id": trade.trade_id,
        "timestamp": rfc3339(trade.at_us),
    }


def _bars_message(kind: str, market: PairMarket, minutes: int, most: int, now_us: int) -> str:
    """The last bars; Kraken stamps the message itself, to the nanosecond."""
    rows = [_bar_row(market.pair, bar, minutes) for bar in market.tape.bars(minutes)[-most:]]
    return message("ohlc", kind, rows, timestamp=_nanoseconds(now_us))


def _bar_row(pair: Pair, bar: Bar, minutes: int) -> dict[str, Any]:
    """A bar. Kraken: `interval_begin` is its start, `timestamp` (deprecated) its end."""

    def price(amount: Decimal) -> Decimal:
        return rounded(amount, pair.price_step)

    begin_us = bar.minute * _MINUTE_US
    return {
        "symbol": pair.symbol,
        "open": price(bar.open),
        "high": price(bar.high),
        "low": price(bar.low),
        "close": price(bar.close),
        "trades": bar.count,
        "volume": bar.volume,
        "vwap": price(bar.vwap),
        "interval_begin": _nanoseconds(begin_us),
        "interval": minutes,
        "timestamp": rfc3339(begin_us + minutes * _MINUTE_US),
    }


def _nanoseconds(at_us: int) -> str:
    return rfc3339(at_us).replace("Z", "000Z")
