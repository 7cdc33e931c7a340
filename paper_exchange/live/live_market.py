"""A market that follows another exchange's public feed: which messages move which pair, and when a pair must
not trade.

A pair takes orders while its prices are known to be right: it has some, the connection that they came over
has sent something within the silence limit (quiet pairs are silent for long, the connection never is:
Kraken's heartbeat comes every second), and the exchange that is followed matches. Otherwise the pair is
closed: `EService:Market in cancel_only mode`, nothing fills.

No sockets, no clocks: messages and times are passed in. Seconds are of a clock that never goes back.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from krakencopy.paper_exchange.live import messages as live_wire
from krakencopy.paper_exchange.live.messages import (
    BestPrices,
    FeedMessage,
    FeedTrade,
    NoPrices,
    NotUnderstood,
    PairTerms,
    SubscriptionRefused,
    SystemStatus,
    Trades,
)
from krakencopy.paper_exchange.market.market import LEVEL_STEP, MarketTrade, Quote
from krakencopy.paper_exchange.order_entry.trading_conditions import Minima, PairRules, pair_rules_of
from krakencopy.paper_exchange.values.decimals import decimals_of, rounded, rounded_down, rounded_up
from krakencopy.paper_exchange.values.pairs import PAIRS, Pair
from krakencopy.paper_exchange.values.trading_mode import MarketMode
from krakencopy.paper_exchange.venue.exchange import Exchange

# A ticker that has fallen silent is asked for anew no more often than this.
ASK_ANEW_S: Final = 10.0
# Messages that are not understood are logged so often, then only counted.
_STRANGE_LOGGED_MOST: Final = 10


class PairState(StrEnum):
    """Whether a pair trades; all but `open` are closed."""

    OPEN = "open"
    WAITING = "waiting"  # for its first price
    STALE = "stale"  # its price is no longer known to be right
    NO_PRICE = "no_price"  # the feed shows none that can be used
    HALTED = "halted"  # the exchange that is followed does not match
    REFUSED = "refused"  # the feed does not have the pair


@dataclass(slots=True)
class _Followed:
    """One pair, as the feed has shown it."""

    pair: Pair
    state: PairState = PairState.WAITING
    problem: str | None = None
    refused: str | None = None
    # The connection over which the prices came (0: none), and until when they were right if that has ended.
    connection: int = 0
    right_until_s: float = 0.0
    quote: Quote | None = None
    # When a trade was outside of it: it must follow.
    contradicted_s: float | None = None
    asked_s: float = 0.0
    trade_id: int | None = None
    trades_missed: int = 0
    terms: PairTerms | None = None


class LiveMarket:
    """Moves an exchange's market by what a feed says. `log_line` gets a sentence about each
    change.
    """

    def __init__(self, exchange: Exchange, silence_s: float, log_line: Callable[[str], None]) -> None:
        self._exchange = exchange
        self._silence_s = silence_s
        self._log_line = log_line
        self._pairs: Final = {pair: _Followed(pair) for pair in PAIRS}
        self._connection = 0
        self._connected = False
        self._received_s = 0.0
        self._trouble: str | None = None
        self._system = MarketMode.ONLINE.value
        self._strange = 0
        exchange.close_pairs(frozenset(self._pairs), exchange.started_us)

    @property
    def settled(self) -> bool:
        """Whether each pair has had a message of its own since the start."""
        return all(followed.state is not PairState.WAITING for followed in self._pairs.values())

    @property
    def in_maintenance(self) -> bool:
        """Whether the exchange that is followed has sent so last."""
        return self._system == MarketMode.MAINTENANCE.value

    # --- the connection

    def connected(self, now_s: float) -> list[str]:
        """A connection is there; what to send over it."""
        self._connection += 1
        self._connected, self._received_s, self._trouble = True, now_s, None
        for followed in self._pairs.values():
            followed.asked_s, followed.refused = now_s, None
        self._log_line("connected")
        return live_wire.requests(self._pairs)

    def lost(self, why: str, now_s: float, now_us: int) -> None:
        """The connection has ended, or there was none to be had."""
        if self._connected or why != self._trouble:
            self._log_line(f"no connection: {why}")
        self._doubt()
        self._connected, self._trouble = False, why
        self.review(now_s, now_us)

    def _doubt(self) -> None:
        """What was sent over this connection was right until its last message; from now on it must be sent
        anew.
        """
        for followed in self._pairs.values():
            if self._is_current(followed):
                followed.connection, followed.right_until_s = 0, self._received_s

    def receive_message(self, text: str, now_s: float, now_us: int) -> None:
        """A message came in; whatever is in it, the connection lives."""
        if now_s - self._received_s > self._silence_s:
            self._doubt()
        self._received_s = now_s
        messages = live_wire.read(text)
        for message in messages:
            self._apply(message, now_s, now_us)
        if messages:
            self.review(now_s, now_us)

    def requests_due(self, now_s: float) -> list[str]:
        """What to send because tickers are silent on a connection that lives: seen at Kraken, though it
        had acknowledged them.
        """
        silent = [
            followed
            for followed in self._pairs.values()
            if self._connected
            and followed.refused is None
            and now_s - followed.asked_s > ASK_ANEW_S
            # Early enough for the answer to come before the pair is closed.
            and (not self._is_current(followed) or self._contradicted(followed, now_s, self._silence_s / 2))
        ]
        for followed in silent:
            followed.asked_s = now_s
        return live_wire.requests_anew(followed.pair for followed in silent) if silent else []

    # --- what comes in

    def _apply(self, message: FeedMessage, now_s: float, now_us: int) -> None:
        match message:
            case BestPrices():
                self._priced(message, now_us)
            case NoPrices():
                followed = self._pairs[message.pair]
                followed.problem, followed.connection = message.why, self._connection
            case Trades():
                self._traded(message, now_s, now_us)
            case PairTerms():
                self._listed(message, now_us)
            case SystemStatus():
                self._system = message.system
            case SubscriptionRefused():
                self._refused(message)
            case NotUnderstood():
                self._strange += 1
                if self._strange <= _STRANGE_LOGGED_MOST:
                    self._log_line(f"not understood: {message.what}")

    def _priced(self, prices: BestPrices, now_us: int) -> None:
        followed, pair = self._pairs[prices.pair], prices.pair
        followed.connection, followed.contradicted_s, followed.refused = self._connection, None, None
        quote = quote_from(prices, self._exchange.conditions.tick_of(pair))
        followed.problem = None if quote.bid else f"the bid {prices.bid:f} is below the smallest price"
        if quote.bid:
            followed.quote = quote
            self._exchange.feed(pair, quote, rounded(prices.last, pair.price_step), now_us)

    def _traded(self, message: Trades, now_s: float, now_us: int) -> None:
        followed, before = self._pairs[message.pair], self._pairs[message.pair].trade_id
        newest = message.trades[-1].trade_id
        if message.past and (before is None or newest < before):
            # What was traded before the first connection is of no concern, nor where an exchange counts anew.
            followed.trade_id = newest
            return
        # Snapshots repeat what was sent.
        fresh = [trade for trade in message.trades if before is None or trade.trade_id > before]
        if not fresh:
            return
        if before is not None and fresh[0].trade_id > before + 1:
            missed = fresh[0].trade_id - before - 1
            followed.trades_missed += missed
            self._log_line(f"{message.pair.symbol}: {missed} trades were not sent")
        followed.trade_id = newest
        for trade in fresh:
            self._trade(followed, trade, now_s, now_us, past=message.past)

    def _trade(self, followed: _Followed, trade: FeedTrade, now_s: float, now_us: int, *, past: bool) -> None:
        pair, quote = followed.pair, followed.quote
        price, volume = rounded(trade.price, pair.price_step), rounded_down(trade.volume, pair.lot_step)
        if not price or not volume:
            return
        outside = quote is not None and not quote.bid <= price <= quote.ask
        if outside and not past and followed.contradicted_s is None:
            followed.contradicted_s = now_s
        self._exchange.feed_trade(MarketTrade(pair, price, volume, trade.side), now_us, past=past)

    def _listed(self, terms: PairTerms, now_us: int) -> None:
        """Take a pair's terms, where they are others than before: what an operator changed since then
        stays.
        """
        followed, pair = self._pairs[terms.pair], terms.pair
        if terms == followed.terms:
            return
        followed.terms = terms
        pair_rules = pair_rules_from(terms)
        if terms.tick_size is not None and pair_rules.tick_size != terms.tick_size:
            self._log_line(
                f"{pair.symbol}: ticks of {terms.tick_size:f} are too fine here; "
                f"{pair_rules.tick_size:f} stays"
            )
        if terms.lot_decimals is not None and pair_rules.lot_decimals != terms.lot_decimals:
            self._log_line(f"{pair.symbol}: lots of {terms.lot_decimals} decimals are too fine here")
        if pair_rules != self._exchange.conditions.pair_rules(pair):
            self._exchange.list_pair(pair, pair_rules, now_us)

    def _refused(self, refusal: SubscriptionRefused) -> None:
        self._log_line(f"refused: {refusal.why}")
        if refusal.pair is not None and self._pairs[refusal.pair].connection != self._connection:
            self._pairs[refusal.pair].refused = refusal.why

    # --- which pairs trade

    def review(self, now_s: float, now_us: int) -> None:
        """Close and open pairs by what is known now. Must be called often: silence says nothing by itself."""
        changed: dict[PairState, list[_Followed]] = {}
        for followed in self._pairs.values():
            state = self._state(followed, now_s)
            if state is not followed.state:
                followed.state = state
                changed.setdefault(state, []).append(followed)
        if not changed:
            return
        for state, group in changed.items():
            whys = sorted({why for followed in group if (why := self._why(followed)) is not None})
            names = ", ".join(followed.pair.symbol for followed in group)
            self._log_line(f"{state}: {names}" + (f" ({'; '.join(whys)})" if whys else ""))
        closed = (followed.pair for followed in self._pairs.values() if followed.state is not PairState.OPEN)
        self._exchange.close_pairs(frozenset(closed), now_us)

    def _state(self, followed: _Followed, now_s: float) -> PairState:
        if followed.refused is not None:
            return PairState.REFUSED
        if followed.problem is not None:
            return PairState.NO_PRICE
        if not self._exchange.market.of(followed.pair).priced:
            return PairState.WAITING
        received_s = self._received_s if self._is_current(followed) else followed.right_until_s
        if now_s - received_s > self._silence_s or self._contradicted(followed, now_s, self._silence_s):
            return PairState.STALE
        return PairState.OPEN if self._system == MarketMode.ONLINE.value else PairState.HALTED

    def _is_current(self, followed: _Followed) -> bool:
        return self._connected and followed.connection == self._connection

    def _contradicted(self, followed: _Followed, now_s: float, limit_s: float) -> bool:
        return followed.contradicted_s is not None and now_s - followed.contradicted_s > limit_s

    def _why(self, followed: _Followed) -> str | None:
        match followed.state:
            case PairState.REFUSED:
                return followed.refused
            case PairState.NO_PRICE:
                return followed.problem
            case PairState.HALTED:
                return f"the exchange is in {self._system} mode"
            case PairState.STALE if followed.contradicted_s is not None and self._is_current(followed):
                return "trades outside the best prices"
            case PairState.STALE:
                return f"nothing received for {self._silence_s:g} s"
            case _:
                return None

    def row(self, now_s: float) -> dict[str, Any]:
        """How the feed does, for the control API."""
        return {
            "connected": self._connected,
            "connections": self._connection,
            "trouble": self._trouble,
            "heard_s_ago": round(now_s - self._received_s, 3) if self._connection else None,
            "silence_limit_s": self._silence_s,
            "system": self._system,
            "not_understood": self._strange,
        }

    def follows(self, pair: Pair) -> bool:
        """Whether a pair is moved by the feed."""
        return pair in self._pairs

    def state_of(self, pair: Pair) -> dict[str, Any]:
        """How a pair does, for the control API."""
        followed = self._pairs[pair]
        return {
            "state": str(followed.state),
            "why": self._why(followed),
            "trades_missed": followed.trades_missed,
        }


def quote_from(prices: BestPrices, tick: Decimal) -> Quote:
    """The best levels as they were sent. Behind them the book is a model: a basis point a level, with the
    table's depth.

    Prices that are finer than the pair's are rounded against who takes them.
    """
    pair = prices.pair
    bid, ask = rounded_down(prices.bid, pair.price_step), rounded_up(prices.ask, pair.price_step)
    step = rounded_up(ask * LEVEL_STEP / tick, Decimal(1)) * tick
    bid_size, ask_size = (
        max(rounded_down(size, pair.lot_step), pair.lot_step) for size in (prices.bid_size, prices.ask_size)
    )
    depth = pair.depth.quantize(pair.lot_step)
    return Quote(bid, ask, depth, max(step, tick).quantize(pair.price_step), bid_size, ask_size)


def pair_rules_from(terms: PairTerms) -> PairRules:
    """What the terms make of a pair's rules. What was not sent, or is finer than the pair's digits, is
    the table's.
    """
    pair, table = terms.pair, pair_rules_of(terms.pair)
    minima = Minima(terms.ordermin or table.minima.ordermin, terms.costmin or table.minima.costmin)
    tick, lots = terms.tick_size, terms.lot_decimals
    return PairRules(
        minima,
        table.tick_size if tick is None or decimals_of(tick) > pair.pair_decimals else tick,
        table.lot_decimals if lots is None else min(lots, table.lot_decimals),
        terms.status,
    )
