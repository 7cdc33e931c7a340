"""The prices of an order, from their text to what the engine waits for and pays. Pure; the last price is
passed in.

What `price` and `price2` mean depends on the order's kind: a limit, a level to wait for, or a distance that
trails.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from krakencopy.paper_exchange.accounts.orders import Order, OrderRequest, Trigger
from krakencopy.paper_exchange.values.decimals import decimals_of, parse_plain
from krakencopy.paper_exchange.values.errors import KrakenError, invalid_arguments
from krakencopy.paper_exchange.values.pairs import Pair
from krakencopy.paper_exchange.values.relative_price import Offset, goes_up, is_offset, on_grid, parse_offset
from krakencopy.paper_exchange.values.sides import OrderType, Side

NO_PRICE: Final = "0"


@dataclass(frozen=True, slots=True)
class Grid:
    """A pair's numbers: its tick and its lots now, and the last price that relative ones are measured
    from.
    """

    pair: Pair
    tick: Decimal
    last: Decimal
    lot_decimals: int


@dataclass(frozen=True, slots=True)
class PriceTerms:
    """What an order's prices come to; fields as in OrderRequest."""

    price: Decimal | None = None
    trigger: Trigger | None = None
    limit_offset: Offset | None = None


def read_terms(
    kind: OrderType,
    side: Side,
    grid: Grid,
    price: str,
    price2: str,
    names: tuple[str, str] = ("price", "price2"),
) -> PriceTerms:
    """Read the two prices of an order; `names` are what its owner calls them. Raises KrakenError."""
    if kind is OrderType.MARKET:
        return PriceTerms()
    up = goes_up(kind, side)
    if not kind.is_triggered:
        return PriceTerms(read_price(price, names[0], grid, grid.last, upwards=up))
    limited = kind.executes_as is OrderType.LIMIT
    if not limited and price2 not in {"", "0"}:
        raise invalid_arguments(names[1])
    if kind.trails:
        trail = _offset(price, names[0])
        # Kraken: a trailing stop's distance is written with a plus, whatever its side.
        if trail.sign != "+" or not trail.amount:
            raise invalid_arguments(names[0])
        return PriceTerms(None, Trigger(trail=trail), _offset(price2, names[1]) if limited else None)
    level = read_price(price, names[0], grid, grid.last, upwards=up)
    # Into the market, so that the order trades once it is triggered.
    limit = read_price(price2, names[1], grid, level, upwards=side is Side.BUY) if limited else None
    return PriceTerms(limit, Trigger(level))


def read_price(text: str, name: str, grid: Grid, reference: Decimal, *, upwards: bool) -> Decimal:
    """A price as it was sent: on the grid if it is a plain one, brought onto it if it is relative to
    `reference`.
    """
    if is_offset(text):
        return on_grid(_offset(text, name).from_price(reference, upwards=upwards), grid.tick, grid.pair)
    price = parse_plain(text)
    if not price:
        raise invalid_arguments(name)
    return check_grid(price, grid)


def check_grid(price: Decimal, grid: Grid) -> Decimal:
    """A price must have no more decimals than its pair shows and be a multiple of the tick; it is printed
    with all of them.
    """
    pair = grid.pair
    if decimals_of(price) > pair.pair_decimals:
        raise KrakenError(
            f"EOrder:Invalid price: {pair.symbol} price can only be specified up to {pair.pair_decimals} "
            "decimals"
        )
    if price % grid.tick:
        raise KrakenError("EOrder:Tick size check failed")
    return price.quantize(pair.price_step)


def _offset(text: str, name: str) -> Offset:
    offset = parse_offset(text)
    if offset is None:
        raise invalid_arguments(name)
    return offset


def is_reached(order: Order, last: Decimal) -> bool:
    """Whether the last price fires an order's trigger: a stop at a worse price, a take-profit at a better
    one.
    """
    level = order.stop_price
    assert level is not None, "an order that waits has a level"
    rises = (order.side is Side.BUY) != order.request.ordertype.takes_profit
    return last >= level if rises else last <= level


def trail(order: Order, last: Decimal) -> bool:
    """Let a trailing stop follow the last price; whether its level moved."""
    trigger, side = order.request.trigger, order.side
    assert trigger is not None, "the caller looked first"
    assert trigger.trail is not None, "as above"
    peak = last if order.peak is None else (min if side is Side.BUY else max)(order.peak, last)
    order.peak = peak
    distance, tick = trigger.trail.distance(peak), order.pair.tick_size
    level = on_grid(peak + distance if side is Side.BUY else peak - distance, tick, order.pair)
    moved, order.stop_price = level != order.stop_price, level
    return moved


def limit_after(order: Order) -> Decimal:
    """The limit of a trailing limit order, at its distance from the level that it has just reached."""
    offset, level = order.request.limit_offset, order.stop_price
    assert offset is not None, "the caller looked first"
    assert level is not None, "an order that waited has a level"
    price = offset.from_price(level, upwards=order.side is Side.BUY)
    return on_grid(price, order.pair.tick_size, order.pair)


def price_texts(request: OrderRequest) -> tuple[str, str]:
    """An order's `price` and `price2` as Kraken prints them; `0` where it has none."""
    trigger = request.trigger
    limit = NO_PRICE if request.price is None else f"{request.price:f}"
    if trigger is None:
        return limit, NO_PRICE
    first = str(trigger.trail) if trigger.price is None else f"{trigger.price:f}"
    return first, limit if request.limit_offset is None else str(request.limit_offset)
