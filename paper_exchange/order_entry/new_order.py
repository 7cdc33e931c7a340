"""From AddOrder's arguments to an OrderRequest: everything that can be refused without looking at an account.

The order of the checks: arguments, then precision and tick, then the pair's minima (the engine checks funds).
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum, auto
from typing import Final, Protocol

from krakencopy.paper_exchange.accounts.orders import OrderRequest, SelfTrade, TimeInForce
from krakencopy.paper_exchange.order_entry.conditional_close import check_close, read_close_terms
from krakencopy.paper_exchange.order_entry.order_prices import Grid, PriceTerms, read_terms
from krakencopy.paper_exchange.order_entry.trading_conditions import Conditions, Minima
from krakencopy.paper_exchange.values.assumptions import FeeFlag, MinimumWords
from krakencopy.paper_exchange.values.decimals import decimals_of
from krakencopy.paper_exchange.values.errors import KrakenError, invalid_arguments
from krakencopy.paper_exchange.values.ids import client_order_key
from krakencopy.paper_exchange.values.pairs import Pair
from krakencopy.paper_exchange.values.params import Params, choice_of
from krakencopy.paper_exchange.values.sides import OrderType, Side
from krakencopy.paper_exchange.values.time_format import US_PER_S, parse_rfc3339

# Kraken: an iceberg shows at least a fifteenth of itself.
DISPLAY_PARTS_MOST: Final = 15
# Kraken: an order expires 5 seconds from now at the earliest, and a month from now at the latest.
EXPIRY_LEAST_US: Final = 5 * US_PER_S
EXPIRY_MOST_US: Final = 31 * 24 * 3600 * US_PER_S

_USERREF_BOUND: Final = 2**31
_OFLAGS: Final = frozenset({"post", "fcib", "fciq", "nompp", "viqc"})  # Kraken: nompp is taken and ignored
_LIMITS: Final = frozenset({OrderType.LIMIT, OrderType.ICEBERG})
_OF_MARGIN: Final = frozenset({"leverage", "reduce_only", "trigger"})


@dataclass(frozen=True, slots=True)
class DeadlineRule:
    """How far ahead a deadline may lie, and where it lies when none is given."""

    least_us: int
    most_us: int
    default_us: int | None


# Kraken: 2 to 60 seconds over REST; half a second to 60 over the WebSocket, where 5 are the default.
REST_DEADLINE: Final = DeadlineRule(2 * US_PER_S, 60 * US_PER_S, None)
WS_DEADLINE: Final = DeadlineRule(US_PER_S // 2, 60 * US_PER_S, 5 * US_PER_S)


class Prices(Protocol):
    """What order entry asks about the market."""

    def best_price(self, pair: Pair, side: Side) -> Decimal:
        """What the next unit costs a buyer, or brings a seller."""

    def last_price(self, pair: Pair) -> Decimal:
        """The price of the last trade."""

    def bought_for(self, pair: Pair, cash: Decimal) -> Decimal:
        """The base volume that a buyer gets for an amount of quote."""


class TooSmall(StrEnum):
    """What of an order is below its pair's minimum."""

    VOLUME = auto()
    COST = auto()


# As logged in 2025 and 2026, and as documented.
_WORDS: Final = {
    MinimumWords.ARGUMENTS: {
        TooSmall.VOLUME: "EGeneral:Invalid arguments:volume minimum not met",
        TooSmall.COST: "EGeneral:Invalid arguments:cost minimum not met",
    },
    MinimumWords.ORDER: {
        TooSmall.VOLUME: "EOrder:Order minimum not met",
        TooSmall.COST: "EOrder:Cost minimum not met",
    },
}


class BelowMinimum(KrakenError):
    """An order of this pair is too small."""

    def __init__(self, what: TooSmall, pair: Pair, words: MinimumWords = MinimumWords.ARGUMENTS) -> None:
        super().__init__(_WORDS[words][what])
        self.what: Final = what
        self.pair: Final = pair


def parse_order(
    params: Params,
    now_us: int,
    prices: Prices,
    conditions: Conditions,
    rule: DeadlineRule = REST_DEADLINE,
    sell_fee: FeeFlag = FeeFlag.QUOTE,
) -> OrderRequest:
    """Read and check AddOrder's arguments. Raises KrakenError.

    `now_us` is when the request arrived: from then on a deadline is measured. `sell_fee` is what a sell means
    by no flag.
    """
    pair = parse_pair(params, conditions)
    grid = grid_of(pair, prices, conditions)
    request = _read(params, now_us, grid, rule, sell_fee)
    if request.cash is not None:
        request = replace(request, volume=prices.bought_for(pair, request.cash))
    if request.close is not None:
        check_close(request, request.close, grid)
    check_minima(request, prices, conditions.minima(pair))
    return request


def grid_of(pair: Pair, prices: Prices, conditions: Conditions) -> Grid:
    """What a pair's prices and volumes must keep to now."""
    return Grid(pair, conditions.tick_of(pair), prices.last_price(pair), conditions.lot_decimals_of(pair))


def parse_pair(params: Params, conditions: Conditions) -> Pair:
    """The pair that is named, in any spelling. Raises KrakenError."""
    pair = conditions.catalogue.find_pair(params.required("pair"))
    if pair is None:
        raise KrakenError("EQuery:Unknown asset pair")
    return pair


def check_minima(request: OrderRequest, prices: Prices, minima: Minima) -> None:
    """Kraken checks the volume against ordermin and the cost against costmin."""
    if request.volume < minima.ordermin:
        raise BelowMinimum(TooSmall.VOLUME, request.pair)
    price = request.price
    if price is None and request.trigger is not None:
        price = request.trigger.price
    if price is None:
        price = prices.best_price(request.pair, request.side)
    if request.volume * price < minima.costmin:
        raise BelowMinimum(TooSmall.COST, request.pair)


def _read(params: Params, now_us: int, grid: Grid, rule: DeadlineRule, sell_fee: FeeFlag) -> OrderRequest:
    pair = grid.pair
    side = choice_of(Side, params.required("type"), "type")
    ordertype = choice_of(OrderType, params.required("ordertype"), "ordertype")
    time_in_force = _time_in_force(params, ordertype)
    _refuse_margin(params)
    self_trade = choice_of(SelfTrade, params.text("stptype") or SelfTrade.CANCEL_NEWEST, "stptype")
    oflags = _oflags(params, ordertype, time_in_force)
    cash = _cash(params, pair, ordertype, side) if "viqc" in oflags else None
    volume = Decimal(1) if cash is not None else read_volume(params, grid)
    terms = _terms(params, ordertype, side, grid)
    return OrderRequest(
        pair=pair,
        side=side,
        ordertype=ordertype,
        volume=volume.quantize(pair.lot_step),
        price=terms.price,
        time_in_force=time_in_force,
        post_only="post" in oflags,
        fee_in_base=FeeFlag.BASE in _fee_flags(oflags, side, sell_fee),
        userref=read_userref(params),
        cl_ord_id=read_client_id(params),
        deadline_us=read_deadline(params, now_us, rule),
        trigger=terms.trigger,
        limit_offset=terms.limit_offset,
        cash=cash,
        display=_display(params, grid, ordertype, volume),
        start_us=_start(params, now_us),
        expire_us=_expiry(params, time_in_force, now_us),
        self_trade=self_trade,
        close=read_close_terms(params),
    )


def _time_in_force(params: Params, ordertype: OrderType) -> TimeInForce:
    """Kraken: fill-or-kill is for limit orders; an expiry goes with good-till-date, and means it where
    none is named.
    """
    text = params.text("timeinforce").lower()
    if not text:
        return TimeInForce.GTD if params.text("expiretm") not in {"", "0"} else TimeInForce.GTC
    time_in_force = choice_of(TimeInForce, text, "timeinforce")
    limited = ordertype.executes_as is OrderType.LIMIT
    if time_in_force is TimeInForce.FOK and ordertype is not OrderType.LIMIT:
        raise invalid_arguments("timeinforce")
    if time_in_force is TimeInForce.GTD and not (limited or ordertype.is_triggered):
        raise invalid_arguments("timeinforce")
    return time_in_force


def _refuse_margin(params: Params) -> None:
    """What needs margin: its neutral values are taken, all others refused rather than ignored."""
    if _OF_MARGIN.isdisjoint(params.values):
        return
    if params.text("leverage") not in {"", "none", "0"}:
        raise invalid_arguments("leverage")
    if params.flag("reduce_only"):
        raise KrakenError("EOrder:Reduce only:No position exists")
    if params.text("trigger", "last") == "index":
        raise invalid_arguments("Index unavailable")
    if params.text("trigger", "last") not in {"", "last"}:
        raise invalid_arguments("trigger")


def read_volume(params: Params, grid: Grid, name: str = "volume") -> Decimal:
    """A base volume above 0 with no more decimals than the pair's lots."""
    volume = params.decimal(name)
    if not volume or decimals_of(volume) > grid.lot_decimals:
        raise invalid_arguments(name)
    return volume.quantize(grid.pair.lot_step)


def _cash(params: Params, pair: Pair, ordertype: OrderType, side: Side) -> Decimal:
    """Kraken: volume in quote currency is for market buys alone."""
    if ordertype is not OrderType.MARKET or side is not Side.BUY:
        raise invalid_arguments("viqc")
    cash = params.decimal("volume")
    if not cash or decimals_of(cash) > pair.cost_decimals:
        raise invalid_arguments("volume")
    return cash


def _terms(params: Params, ordertype: OrderType, side: Side, grid: Grid) -> PriceTerms:
    price2 = params.text("price2")
    if not ordertype.is_triggered and price2 not in {"", "0"}:
        raise invalid_arguments("price2")
    return read_terms(ordertype, side, grid, params.text("price"), price2)


def _oflags(params: Params, ordertype: OrderType, time_in_force: TimeInForce) -> frozenset[str]:
    oflags = read_oflags(params)
    if "post" in oflags and not (ordertype in _LIMITS and time_in_force.rests):
        raise invalid_arguments("oflags")
    return oflags


def _fee_flags(oflags: frozenset[str], side: Side, sell_fee: FeeFlag) -> frozenset[str]:
    """The flags with the one of the fee's currency. Kraken: a buy without it pays in quote."""
    default = sell_fee if side is Side.SELL else FeeFlag.QUOTE
    return oflags if oflags & set(FeeFlag) else oflags | {default}


def read_oflags(params: Params) -> frozenset[str]:
    """The flags that were sent; they must be known, and name one fee currency at most."""
    oflags = frozenset(flag.strip() for flag in params.text("oflags").split(",") if flag.strip())
    if not oflags <= _OFLAGS or {"fcib", "fciq"} <= oflags:
        raise invalid_arguments("oflags")
    return oflags


def read_userref(params: Params) -> int | None:
    """A signed 32-bit number. Kraken: a client gives a userref or a cl_ord_id, never both."""
    userref = params.integer("userref")
    if userref is not None and not -_USERREF_BOUND <= userref < _USERREF_BOUND:
        raise invalid_arguments("userref")
    if userref is not None and "cl_ord_id" in params.values:
        raise invalid_arguments()
    return userref


def read_client_id(params: Params) -> str | None:
    """A client order id in one of its three forms."""
    cl_ord_id = params.optional("cl_ord_id")
    if cl_ord_id is not None and client_order_key(cl_ord_id) is None:
        raise invalid_arguments("cl_ord_id")
    return cl_ord_id


def read_deadline(params: Params, now_us: int, rule: DeadlineRule) -> int | None:
    """The instant after which the engine must not act any more."""
    text = params.optional("deadline")
    if text is None:
        return None if rule.default_us is None else now_us + rule.default_us
    deadline_us = parse_rfc3339(text)
    if deadline_us is None:
        raise invalid_arguments("deadline")
    if deadline_us <= now_us:
        raise KrakenError("EService:Deadline elapsed")
    if not rule.least_us <= deadline_us - now_us <= rule.most_us:
        raise invalid_arguments("deadline")
    return deadline_us


def _time(params: Params, name: str, now_us: int) -> int | None:
    """A time as unix seconds, as `+seconds` from now, or as RFC 3339 (the WebSocket's form); None for 0 or
    nothing.
    """
    text = params.text(name)
    if text in {"", "0"}:
        return None
    at_us = parse_rfc3339(text)
    if at_us is not None:
        return at_us
    if text.startswith("+"):
        return now_us + int(Params({name: text[1:]}).decimal(name) * US_PER_S)
    return params.unix_us(name)


def _start(params: Params, now_us: int) -> int | None:
    start_us = _time(params, "starttm", now_us)
    if start_us is not None and not now_us < start_us <= now_us + EXPIRY_MOST_US:
        raise invalid_arguments("starttm")
    return start_us


def _expiry(params: Params, time_in_force: TimeInForce, now_us: int) -> int | None:
    expire_us = _time(params, "expiretm", now_us)
    if (expire_us is not None) != (time_in_force is TimeInForce.GTD):
        raise invalid_arguments("expiretm")
    if expire_us is not None and not EXPIRY_LEAST_US <= expire_us - now_us <= EXPIRY_MOST_US:
        raise invalid_arguments("expiretm")
    return expire_us


def _display(params: Params, grid: Grid, ordertype: OrderType, volume: Decimal) -> Decimal | None:
    if ordertype is not OrderType.ICEBERG:
        if params.text("displayvol") not in {"", "0"}:
            raise invalid_arguments("displayvol")
        return None
    return check_display(read_volume(params, grid, "displayvol"), volume, "displayvol")


def check_display(display: Decimal, volume: Decimal, name: str) -> Decimal:
    """Kraken: what an iceberg shows is a fifteenth of it or more, and not more than all."""
    if not volume <= display * DISPLAY_PARTS_MOST or display > volume:
        raise invalid_arguments(name)
    return display
