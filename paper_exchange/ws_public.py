"""The public WebSocket channels ticker, trade and instrument: what their messages say, and what is new since the last ones.

What accounts trade joins the tape at once but is told to subscribers with the next move of the market, all of it
in one message a pair: 300 orders of one instant must not become 300 messages to everyone.
"""

from collections.abc import Container, Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from paper_exchange import wire_json
from paper_exchange.conditions import Conditions
from paper_exchange.market import Market, PairMarket, Quote
from paper_exchange.money import rounded, unit
from paper_exchange.symbols import ASSETS, PAIRS, Pair
from paper_exchange.tape import PublicTrade
from paper_exchange.timefmt import rfc3339

# Kraken: the snapshot of the trade channel is the last 50 trades.
_SNAPSHOT_TRADES: Final = 50
_PERCENT: Final = unit(2)


class Channel(StrEnum):
    """The public channels that move."""

    TICKER_TRADES = "ticker/trades"
    TICKER_BBO = "ticker/bbo"
    TRADE = "trade"


@dataclass(frozen=True, slots=True)
class PublicUpdate:
    """A message for the subscribers of one channel and pair."""

    channel: Channel
    pair: Pair
    text: str


class PublicFeed:
    """Remembers what subscribers were told last."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._told_trade = {pair: market.of(pair).tape.last.trade_id for pair in PAIRS}
        self._told_quote: dict[Pair, Quote] = {pair: market.of(pair).quote for pair in PAIRS}

    def updates(self, now_us: int, wanted: Container[object]) -> Iterator[PublicUpdate]:
        """What is new for the channels and pairs that anyone subscribed to; told only once."""
        for pair in PAIRS:
            market = self._market.of(pair)
            traded = market.tape.last.trade_id > self._told_trade[pair]
            moved = market.quote != self._told_quote[pair]
            if not traded and not moved:
                continue
            fresh = self._fresh(market) if traded and (Channel.TRADE, pair) in wanted else []
            self._told_trade[pair] = market.tape.last.trade_id
            self._told_quote[pair] = market.quote
            if fresh:
                rows = [trade_row(pair, trade) for trade in fresh]
                yield PublicUpdate(Channel.TRADE, pair, message("trade", "update", rows))
            for channel, due in ((Channel.TICKER_TRADES, traded), (Channel.TICKER_BBO, moved)):
                if due and (channel, pair) in wanted:
                    text = message("ticker", "update", [ticker_row(market, now_us)])
                    yield PublicUpdate(channel, pair, text)

    def ticker_snapshot(self, pair: Pair, now_us: int) -> str:
        """The first message of a ticker subscription."""
        return message("ticker", "snapshot", [ticker_row(self._market.of(pair), now_us)])

    def trade_snapshot(self, pair: Pair) -> str:
        """The first message of a trade subscription: nothing that will be told again."""
        told = [t for t in self._market.of(pair).tape.trades if t.trade_id <= self._told_trade[pair]]
        return message("trade", "snapshot", [trade_row(pair, trade) for trade in told[-_SNAPSHOT_TRADES:]])

    def _fresh(self, market: PairMarket) -> list[PublicTrade]:
        told = self._told_trade[market.pair]
        fresh: list[PublicTrade] = []
        for trade in reversed(market.tape.trades):
            if trade.trade_id <= told:
                break
            fresh.append(trade)
        return fresh[::-1]


def message(channel: str, kind: str, rows: Any) -> str:
    """A data message of a public channel."""
    return wire_json.dumps({"channel": channel, "type": kind, "data": rows})


def ticker_row(market: PairMarket, now_us: int) -> dict[str, Any]:
    """The ticker of a pair; statistics over the last 24 hours."""
    pair, quote, last = market.pair, market.quote, market.tape.last
    day = market.tape.last_24_hours(now_us)
    change = last.price - day.open
    return {
        "symbol": pair.symbol,
        "bid": quote.bid,
        "bid_qty": quote.shown_depth,
        "ask": quote.ask,
        "ask_qty": quote.shown_depth,
        "last": last.price,
        "volume": day.volume,
        "vwap": rounded(day.vwap, pair.price_step),
        "low": day.low,
        "high": day.high,
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


def instrument_snapshot(conditions: Conditions) -> str:
    """All assets and pairs."""
    assets = [
        {
            "id": asset.name,
            "status": "enabled",
            "precision": asset.decimals,
            "precision_display": asset.display_decimals,
            "borrowable": False,
            "collateral_value": Decimal(asset.collateral_value or 0),
            "margin_rate": Decimal("0.0"),
        }
        for asset in ASSETS
    ]
    pairs = [
        {
            "symbol": pair.symbol,
            "base": pair.base.name,
            "quote": pair.quote.name,
            "status": str(conditions.mode),
            "qty_precision": pair.lot_decimals,
            "qty_increment": pair.lot_step,
            "qty_min": conditions.minima_shown(pair).ordermin,
            "price_precision": pair.pair_decimals,
            "price_increment": pair.tick_size,
            "tick_size": pair.tick_size,
            "cost_precision": pair.cost_decimals,
            "cost_min": conditions.minima_shown(pair).costmin,
            "marginable": False,
            "has_index": False,
        }
        for pair in PAIRS
    ]
    return message("instrument", "snapshot", {"assets": assets, "pairs": pairs})
