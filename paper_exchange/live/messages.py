"""What Kraken's public WebSocket v2 feed says, read into values, and what is asked of it. Pure: text in,
values out.

Knows no exchange and no time. Numbers are read as the digits that were sent: Kraken sends JSON numbers, and
text at times.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from krakencopy.paper_exchange.values import exact_json as wire_json
from krakencopy.paper_exchange.values.pairs import PAIRS, Pair
from krakencopy.paper_exchange.values.sides import Side
from krakencopy.paper_exchange.values.trading_mode import PairStatus

# Exponents are no form of Kraken's REST; whether its JSON numbers ever have one is not documented.
_NUMBER: Final = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,20})?(?:[eE][-+]?[0-9]{1,2})?", re.ASCII)
# Bounds of what the exchange can reckon with: far beyond every price and volume that there is.
_LEAST: Final = Decimal("1e-18")
_BELOW: Final = Decimal("1e10")
_DECIMALS_MOST: Final = 18
# What is followed: the currencies of the table.
_PAIRS: Final = {pair.symbol: pair for pair in PAIRS}
# Of a message that is not understood, enough to recognise it.
_SHOWN: Final = 120


@dataclass(frozen=True, slots=True)
class BestPrices:
    """Best bid and ask of a pair with their volumes, and the price of the last trade."""

    pair: Pair
    bid: Decimal
    ask: Decimal
    bid_size: Decimal
    ask_size: Decimal
    last: Decimal


@dataclass(frozen=True, slots=True)
class NoPrices:
    """A pair's ticker from which no price can be taken, and why."""

    pair: Pair
    why: str


@dataclass(frozen=True, slots=True)
class FeedTrade:
    """A trade. Kraken numbers those of a pair one by one."""

    trade_id: int
    price: Decimal
    volume: Decimal
    side: Side


@dataclass(frozen=True, slots=True)
class Trades:
    """Trades of a pair by their numbers. `past`: they come from the snapshot of a subscription."""

    pair: Pair
    trades: tuple[FeedTrade, ...]
    past: bool


@dataclass(frozen=True, slots=True)
class PairTerms:
    """What a pair's orders must keep to; None for what was not sent in a form that can be used."""

    pair: Pair
    ordermin: Decimal | None
    costmin: Decimal | None
    tick_size: Decimal | None
    lot_decimals: int | None
    status: PairStatus


@dataclass(frozen=True, slots=True)
class SystemStatus:
    """The state of the whole exchange; only `online` matches orders."""

    system: str


@dataclass(frozen=True, slots=True)
class SubscriptionRefused:
    """A subscription was refused; `pair` is None where the refusal names none."""

    pair: Pair | None
    why: str


@dataclass(frozen=True, slots=True)
class NotUnderstood:
    """A message, or a row of one, that says nothing that is known here."""

    what: str


FeedMessage = BestPrices | NoPrices | Trades | PairTerms | SystemStatus | SubscriptionRefused | NotUnderstood


def requests(pairs: Iterable[Pair]) -> list[str]:
    """What is sent on every new connection. Kraken: subscriptions don't outlive their connection."""
    symbols = [pair.symbol for pair in pairs]
    return [
        _request("subscribe", {"channel": "instrument", "snapshot": True}),
        # Kraken: `bbo` is sent at each change of the best prices, the default (`trades`) only when something
        # trades.
        _request("subscribe", _ticker(symbols)),
        _request("subscribe", {"channel": "trade", "symbol": symbols, "snapshot": True}),
    ]


def requests_anew(pairs: Iterable[Pair]) -> list[str]:
    """What is sent where the tickers of some pairs have fallen silent on a connection that lives."""
    symbols = [pair.symbol for pair in pairs]
    return [
        _request("unsubscribe", {"channel": "ticker", "symbol": symbols, "event_trigger": "bbo"}),
        _request("subscribe", _ticker(symbols)),
    ]


def _ticker(symbols: list[str]) -> dict[str, Any]:
    return {"channel": "ticker", "symbol": symbols, "event_trigger": "bbo", "snapshot": True}


def _request(method: str, params: dict[str, Any]) -> str:
    return wire_json.dumps({"method": method, "params": params})


def read(text: str) -> list[FeedMessage]:
    """What a message says, in its order; nothing for heartbeats, acknowledgements and pairs that are not
    ours.
    """
    try:
        found = wire_json.loads_as_text(text)
    except (ValueError, RecursionError):
        return [NotUnderstood(text[:_SHOWN])]
    if not isinstance(found, dict):
        return [NotUnderstood(text[:_SHOWN])]
    if "method" in found:
        return _answer(found)
    channel, rows = found.get("channel"), found.get("data")
    if channel == "heartbeat":
        return []
    if channel == "instrument" and isinstance(rows, dict):
        rows = rows.get("pairs")
    if not isinstance(channel, str) or not isinstance(rows, list):
        # Such as {"Error":"Exceeded msg rate"}.
        return [NotUnderstood(text[:_SHOWN])]
    if channel == "trade":
        return _read_trades(rows, past=found.get("type") == "snapshot")
    reader = _READERS.get(channel)
    if reader is None:
        return [NotUnderstood(text[:_SHOWN])]
    return [message for row in rows for message in _read_row(reader, row)]


def _answer(answer: dict[str, Any]) -> list[FeedMessage]:
    """Kraken: a subscription is answered for each symbol."""
    if answer.get("method") != "subscribe" or answer.get("success") is True:
        return []
    why, symbol = answer.get("error"), answer.get("symbol")
    # A ticker that is asked for anew may not have ended in time.
    if why == "Already subscribed":
        return []
    pair = _PAIRS.get(symbol) if isinstance(symbol, str) else None
    return [SubscriptionRefused(pair, str(why)[:_SHOWN])]


_Row = dict[str, Any]


def _read_row(reader: Callable[[_Row], FeedMessage | None], row: Any) -> Iterator[FeedMessage]:
    message = reader(row) if isinstance(row, dict) else NotUnderstood(str(row)[:_SHOWN])
    if message is not None:
        yield message


def _pair_of(row: _Row) -> Pair | None:
    symbol = row.get("symbol")
    return _PAIRS.get(symbol) if isinstance(symbol, str) else None


def _read_prices(row: _Row) -> FeedMessage | None:
    pair = _pair_of(row)
    if pair is None:
        return None
    bid, ask, last = (_amount(row.get(name)) for name in ("bid", "ask", "last"))
    bid_size, ask_size = (_amount(row.get(name)) for name in ("bid_qty", "ask_qty"))
    if bid is None or ask is None or bid_size is None or ask_size is None:
        return NoPrices(pair, "one side of the book is empty or cannot be read")
    if bid > ask:
        return NoPrices(pair, f"the bid {bid:f} is above the ask {ask:f}")
    # A pair that never traded has no last price.
    return BestPrices(pair, bid, ask, bid_size, ask_size, last or bid)


def _read_trades(rows: list[Any], *, past: bool) -> list[FeedMessage]:
    strange: list[FeedMessage] = []
    by_pair: dict[Pair, list[FeedTrade]] = {}
    for row in rows:
        pair = _pair_of(row) if isinstance(row, dict) else None
        trade = _read_trade(row) if isinstance(row, dict) else None
        if pair is not None and trade is not None:
            by_pair.setdefault(pair, []).append(trade)
        elif pair is not None or not isinstance(row, dict):
            strange.append(NotUnderstood(str(row)[:_SHOWN]))
    traded = [
        Trades(pair, tuple(sorted(trades, key=lambda trade: trade.trade_id)), past)
        for pair, trades in by_pair.items()
    ]
    return [*strange, *traded]


def _read_trade(row: _Row) -> FeedTrade | None:
    price, volume = _amount(row.get("price")), _amount(row.get("qty"))
    number = _whole(row.get("trade_id"), 2**63)
    side = {"buy": Side.BUY, "sell": Side.SELL}.get(str(row.get("side")))
    if price is None or volume is None or number is None or side is None:
        return None
    return FeedTrade(number, price, volume, side)


def _read_terms(row: _Row) -> FeedMessage | None:
    pair = _pair_of(row)
    if pair is None:
        return None
    try:
        status = PairStatus(str(row.get("status")))
    except ValueError:
        # delisted, maintenance, work_in_progress: no order comes in.
        status = PairStatus.CANCEL_ONLY
    return PairTerms(
        pair,
        ordermin=_amount(row.get("qty_min")),
        costmin=_amount(row.get("cost_min")),
        # Kraken: tick_size is deprecated.
        tick_size=_amount(row.get("price_increment")) or _amount(row.get("tick_size")),
        lot_decimals=_whole(row.get("qty_precision"), _DECIMALS_MOST),
        status=status,
    )


def _read_status(row: _Row) -> FeedMessage | None:
    system = row.get("system")
    return SystemStatus(system) if isinstance(system, str) else NotUnderstood(str(row)[:_SHOWN])


_READERS: Final[dict[str, Callable[[_Row], FeedMessage | None]]] = {
    "ticker": _read_prices,
    "instrument": _read_terms,
    "status": _read_status,
}


def _amount(value: object) -> Decimal | None:
    """A number above 0 that can be reckoned with."""
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        return None
    amount = Decimal(value)
    return amount if _LEAST <= amount < _BELOW else None


def _whole(value: object, most: int) -> int | None:
    if not (isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20):
        return None
    return int(value) if int(value) <= most else None
