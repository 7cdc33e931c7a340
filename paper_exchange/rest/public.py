"""The public REST methods: each takes the exchange, the query and the time, and returns Kraken's `result`."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from krakencopy.paper_exchange.faults.odd_rows import with_odd_row
from krakencopy.paper_exchange.faults.odd_values import with_odd_values
from krakencopy.paper_exchange.faults.table import FaultKind, Occasion
from krakencopy.paper_exchange.market.market import UNBOUNDED_SHOWN, PairMarket
from krakencopy.paper_exchange.market.tape import Bar
from krakencopy.paper_exchange.order_entry.trading_conditions import Conditions
from krakencopy.paper_exchange.values import fees
from krakencopy.paper_exchange.values.catalogue import Catalogue
from krakencopy.paper_exchange.values.decimals import fixed
from krakencopy.paper_exchange.values.errors import KrakenError, invalid_arguments
from krakencopy.paper_exchange.values.pairs import CURRENCY, SUFFIXES, TOKENISED, Asset, Pair, form_of
from krakencopy.paper_exchange.values.params import Params
from krakencopy.paper_exchange.values.sides import OrderType, Side
from krakencopy.paper_exchange.values.time_format import US_PER_S, rfc1123, rfc3339_seconds, unix_seconds
from krakencopy.paper_exchange.venue.exchange import Exchange

Result = dict[str, Any]
_Method = Callable[[Exchange, Params, int], Result]

_OHLC_MINUTES: Final = frozenset({1, 5, 15, 30, 60, 240, 1440, 10080, 21600})
_OHLC_ROWS: Final = 720
_DEPTH_MOST: Final = 500
_TRADES_MOST: Final = 1000
# A `since` above this is in nanoseconds: as seconds it would be the year 5138.
_NS_FROM: Final = 10**11
_MARKET_OR_LIMIT: Final = {OrderType.MARKET: "m", OrderType.LIMIT: "l"}
_BUY_OR_SELL: Final = {Side.BUY: "b", Side.SELL: "s"}
_PERCENT_DIGITS: Final = 2


def call(exchange: Exchange, method: str, params: Params, now_us: int) -> Result:
    """Answer a public method. Raises KrakenError."""
    found = _METHODS.get(method)
    if found is None:
        raise KrakenError("EGeneral:Unknown method")
    result = found(exchange, params, now_us)
    fault = (
        exchange.faults.fire(Occasion.ROWS, method=method) if exchange.faults.armed(Occasion.ROWS) else None
    )
    if fault is None:
        return result
    if fault.spec.kind is FaultKind.ODD_VALUES:
        return with_odd_values(result, fault)
    return with_odd_row(method, result, fault.spec)


def methods() -> frozenset[str]:
    """The public methods that there are."""
    return _NAMES


def pair_key(pair: Pair, params: Params) -> str:
    """What keys a pair's row: the id, or the v2 symbol where assetVersion=1 asks for display names.

    Seen on the live exchange: who asks by a spelling with a slash is answered under that spelling.
    """
    if _display_names(params):
        return pair.symbol
    asked = params.text("pair")
    if "/" in asked:
        for spelling in asked.split(","):
            if "/" in spelling and spelling.strip() in {pair.wsname, pair.symbol}:
                return spelling.strip()
    return pair.id


def asset_key(asset: Asset, params: Params) -> str:
    """What keys an asset's row: the id, or the display name where assetVersion=1 asks for it."""
    return asset.name if _display_names(params) else asset.id


def _display_names(params: Params) -> bool:
    version = params.text("assetVersion") or "0"
    if version not in {"0", "1"}:
        raise invalid_arguments("assetVersion")
    return version == "1"


def requested_pairs(exchange: Exchange, params: Params, aclass: str | None = None) -> list[Pair]:
    """The listed pairs (of a class) of a comma list in any spelling; all of them where none is named. Raises
    KrakenError.

    Kraken: one that is unknown refuses the whole call.
    """
    text, conditions = params.text("pair"), exchange.conditions
    if text:
        return [_pair(exchange, spelling.strip(), aclass) for spelling in text.split(",")]
    return [
        pair
        for pair in exchange.catalogue.pairs
        if conditions.lists(pair) and aclass in {None, pair.base.aclass}
    ]


def _pair(exchange: Exchange, spelling: str, aclass: str | None) -> Pair:
    pair = exchange.catalogue.find_pair(spelling)
    if pair is None or not exchange.conditions.lists(pair) or aclass not in {None, pair.base.aclass}:
        raise KrakenError("EQuery:Unknown asset pair")
    return pair


def _aclass(params: Params, name: str) -> str:
    """Kraken: a tokenised stock is there only for those who ask for its class."""
    aclass = params.text(name, CURRENCY) or CURRENCY
    if aclass not in {CURRENCY, TOKENISED}:
        raise invalid_arguments(name)
    return aclass


def _one_pair(exchange: Exchange, params: Params) -> Pair:
    return _pair(exchange, params.required("pair"), _aclass(params, "asset_class"))


def _market(exchange: Exchange, pair: Pair) -> PairMarket:
    """The market of a pair that has a price; that of a live feed may still be waited for. Raises
    KrakenError.
    """
    market = exchange.market.of(pair)
    if not market.priced:
        raise KrakenError("EService:Unavailable")
    return market


def _time(_exchange: Exchange, _params: Params, now_us: int) -> Result:
    return {"unixtime": now_us // US_PER_S, "rfc1123": rfc1123(now_us)}


def _system_status(exchange: Exchange, _params: Params, now_us: int) -> Result:
    return {"status": exchange.conditions.mode.system, "timestamp": rfc3339_seconds(now_us)}


def _assets(exchange: Exchange, params: Params, _now_us: int) -> Result:
    aclass, catalogue = _aclass(params, "aclass"), exchange.catalogue
    wanted: list[Asset] = []
    for spelling in filter(None, params.text("asset").split(",")):
        asset = catalogue.find_asset(spelling.strip())
        if asset is None or asset.aclass != aclass:
            raise KrakenError("EQuery:Unknown asset")
        wanted.append(asset)
    rows = {}
    for asset in wanted or _all_assets(catalogue, aclass):
        row = rows[asset_key(asset, params)] = {
            "aclass": asset.aclass,
            "altname": asset.altname,
            "decimals": asset.decimals,
            "display_decimals": asset.display_decimals,
            "status": "enabled",
        }
        if asset.collateral_value is not None:
            row["collateral_value"] = float(asset.collateral_value)
    return rows


def _all_assets(catalogue: Catalogue, aclass: str) -> list[Asset]:
    """The assets of a class; money and coins with their forms, without those that have a bonding time."""
    plain = [asset for asset in catalogue.assets if asset.aclass == aclass]
    if aclass != CURRENCY:
        return plain
    return plain + [form_of(asset, suffix) for asset in plain for suffix in SUFFIXES]


def _asset_pairs(exchange: Exchange, params: Params, _now_us: int) -> Result:
    info = params.text("info") or "info"
    if info not in _PAIR_FIELDS:
        raise invalid_arguments("info")
    conditions = exchange.conditions
    pairs = requested_pairs(exchange, params, _aclass(params, "aclass_base"))
    return {pair_key(pair, params): _pair_row(pair, params, info, conditions) for pair in pairs}


# Which fields each `info` shows; None is all of them.
_PAIR_FIELDS: Final[dict[str, tuple[str, ...] | None]] = {
    "info": None,
    "leverage": ("leverage_buy", "leverage_sell"),
    "fees": ("fees", "fees_maker", "fee_volume_currency"),
    "margin": ("margin_call", "margin_stop"),
}
_FEES: Final = [[int(tier.volume), float(tier.taker)] for tier in fees.SCHEDULE]
_FEES_MAKER: Final = [[int(tier.volume), float(tier.maker)] for tier in fees.SCHEDULE]


def _pair_row(pair: Pair, params: Params, info: str, conditions: Conditions) -> Result:
    minima = conditions.minima_shown(pair)
    row: Result = {
        "altname": pair.altname,
        "wsname": pair.wsname,
        "aclass_base": pair.base.aclass,
        "base": asset_key(pair.base, params),
        "aclass_quote": pair.quote.aclass,
        "quote": asset_key(pair.quote, params),
        "lot": "unit",
        "cost_decimals": pair.cost_decimals,
        "pair_decimals": pair.pair_decimals,
        "lot_decimals": conditions.lot_decimals_of(pair),
        "lot_multiplier": 1,
        "leverage_buy": [],
        "leverage_sell": [],
        "fees": _FEES,
        "fees_maker": _FEES_MAKER,
        "fee_volume_currency": "USD" if _display_names(params) else "ZUSD",
        "margin_call": 80,
        "margin_stop": 40,
        "ordermin": f"{minima.ordermin:f}",
        "costmin": f"{minima.costmin:f}",
        "tick_size": f"{conditions.tick_of(pair):f}",
        "status": conditions.status_of(pair),
        "execution_venue": "international",
    }
    fields = _PAIR_FIELDS[info]
    return row if fields is None else {field: row[field] for field in fields}


def _ticker(exchange: Exchange, params: Params, now_us: int) -> Result:
    named = bool(params.text("pair"))
    pairs = requested_pairs(exchange, params, _aclass(params, "asset_class"))
    for pair in pairs if named else ():
        refusal = exchange.faults.market_refusal(pair, "Ticker")
        if refusal is not None:
            raise KrakenError(refusal)
    return {
        pair_key(pair, params): _ticker_row(_market(exchange, pair), now_us)
        for pair in pairs
        if named or exchange.market.of(pair).priced
    }


def _ticker_row(market: PairMarket, now_us: int) -> Result:
    pair, quote, last = market.pair, market.quote, market.tape.last
    windows = (market.tape.today(now_us), market.tape.last_24_hours(now_us))

    def price(amount: Decimal) -> str:
        return fixed(amount, pair.display_price_decimals)

    def volume(amount: Decimal) -> str:
        return fixed(amount, pair.lot_decimals)

    # Kraken: price, whole lots, lots.
    asked, bidden = quote.shown(Side.BUY), quote.shown(Side.SELL)
    return {
        "a": [price(quote.ask), str(int(asked)), fixed(asked, 3)],
        "b": [price(quote.bid), str(int(bidden)), fixed(bidden, 3)],
        "c": [price(last.price), volume(last.volume)],
        "v": [volume(window.volume) for window in windows],
        "p": [price(window.vwap) for window in windows],
        "t": [window.count for window in windows],
        "l": [price(window.low) for window in windows],
        "h": [price(window.high) for window in windows],
        "o": price(windows[0].open),
    }


def _depth(exchange: Exchange, params: Params, now_us: int) -> Result:
    pair = _one_pair(exchange, params)
    count = params.integer("count", 100)
    if count is None or not 1 <= count <= _DEPTH_MOST:
        raise invalid_arguments("count")
    market = _market(exchange, pair)

    def side(taker: Side) -> list[list[Any]]:
        rows: list[list[Any]] = []
        for price, volume in market.quote.levels(taker):
            shown = UNBOUNDED_SHOWN if volume is None else volume
            rows.append([fixed(price, pair.display_price_decimals), fixed(shown, 3), now_us // US_PER_S])
            if len(rows) == count:
                break
        return rows

    return {pair_key(pair, params): {"asks": side(Side.BUY), "bids": side(Side.SELL)}}


def _spread(exchange: Exchange, params: Params, _now_us: int) -> Result:
    pair = _one_pair(exchange, params)
    since_s = params.integer("since", 0) or 0
    quotes = _market(exchange, pair).quotes
    rows = [
        [
            at_us // US_PER_S,
            fixed(quote.bid, pair.display_price_decimals),
            fixed(quote.ask, pair.display_price_decimals),
        ]
        for at_us, quote in quotes
        if at_us // US_PER_S >= since_s
    ]
    return {pair_key(pair, params): rows, "last": quotes[-1][0] // US_PER_S}


def _trades(exchange: Exchange, params: Params, _now_us: int) -> Result:
    pair = _one_pair(exchange, params)
    count = params.integer("count", _TRADES_MOST)
    if count is None or not 1 <= count <= _TRADES_MOST:
        raise invalid_arguments("count")
    tape = _market(exchange, pair).tape
    since_us = _since_us(params)
    if since_us is None:
        trades = list(tape.trades)[-count:]
    else:
        trades = [trade for trade in tape.trades if trade.at_us > since_us][:count]
    rows = [
        [
            fixed(trade.price, pair.display_price_decimals),
            fixed(trade.volume, pair.lot_decimals),
            unix_seconds(trade.at_us),
            _BUY_OR_SELL[trade.side],
            _MARKET_OR_LIMIT[trade.ordertype],
            "",
            trade.trade_id,
        ]
        for trade in trades
    ]
    last_us = trades[-1].at_us if trades else tape.last.at_us
    return {pair_key(pair, params): rows, "last": str(last_us * 1000)}


def _since_us(params: Params) -> int | None:
    """`since` in microseconds: it is sent as seconds, or as the nanoseconds of an earlier `last`."""
    text = params.text("since")
    if text.isascii() and text.isdigit() and len(text) <= 20 and int(text) >= _NS_FROM:
        return int(text) // 1000
    return params.unix_us("since")


def _ohlc(exchange: Exchange, params: Params, _now_us: int) -> Result:
    pair = _one_pair(exchange, params)
    minutes = params.integer("interval", 1)
    if minutes is None or minutes not in _OHLC_MINUTES:
        raise invalid_arguments("interval")
    since = params.integer("since", 0) or 0
    bars = _market(exchange, pair).tape.bars(minutes)[-_OHLC_ROWS:]
    rows = [_bar_row(bar, pair) for bar in bars if bar.minute * 60 > since]
    # Kraken: the last row is a bar that is still open; `last` is the one before it.
    last = bars[-2].minute * 60 if len(bars) > 1 else bars[-1].minute * 60
    return {pair_key(pair, params): rows, "last": last}


def _bar_row(bar: Bar, pair: Pair) -> list[Any]:
    prices = [
        fixed(price, pair.display_price_decimals)
        for price in (bar.open, bar.high, bar.low, bar.close, bar.vwap)
    ]
    return [bar.minute * 60, *prices, fixed(bar.volume, pair.lot_decimals), bar.count]


_METHODS: Final[dict[str, _Method]] = {
    "Time": _time,
    "SystemStatus": _system_status,
    "Assets": _assets,
    "AssetPairs": _asset_pairs,
    "Ticker": _ticker,
    "Depth": _depth,
    "Trades": _trades,
    "OHLC": _ohlc,
    "Spread": _spread,
}
_NAMES: Final = frozenset(_METHODS)
