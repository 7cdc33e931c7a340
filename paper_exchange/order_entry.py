"""From AddOrder's arguments to an OrderRequest: everything that can be refused without looking at an account.

The order of the checks: arguments, then precision and tick, then the pair's minima (the engine checks funds).
"""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Final, TypeVar

from paper_exchange.conditions import Minima, listed_minima
from paper_exchange.errors import KrakenError, invalid_arguments
from paper_exchange.ids import client_order_key
from paper_exchange.money import decimals_of
from paper_exchange.orders import OrderRequest, TimeInForce
from paper_exchange.params import Params
from paper_exchange.symbols import Pair, find_pair
from paper_exchange.tape import OrderType, Side
from paper_exchange.timefmt import US_PER_S, parse_rfc3339

# Kraken: a REST deadline lies 2 to 60 seconds ahead.
DEADLINE_LEAST_US: Final = 2 * US_PER_S
DEADLINE_MOST_US: Final = 60 * US_PER_S

_Choice = TypeVar("_Choice", Side, OrderType, TimeInForce)

_USERREF_BOUND: Final = 2**31
_OFLAGS: Final = frozenset({"post", "fcib", "fciq", "nompp"})  # Kraken: nompp is taken and ignored
_STP_TYPES: Final = frozenset({"cancel-newest", "cancel-oldest", "cancel-both"})
# Arguments of features that are not built; their neutral values are taken, all others refused rather than ignored.
_NOT_BUILT: Final = {
    "price2": ("", "0"),
    "leverage": ("", "none", "0"),
    "reduce_only": ("", "false", "False", "0"),
    "starttm": ("", "0"),
    "expiretm": ("", "0"),
    "displayvol": ("", "0"),
    "trigger": ("", "last"),
    "close[ordertype]": ("",),
    "close[price]": ("",),
    "close[price2]": ("",),
    "close": (),
}


class BelowMinimum(KrakenError):
    """An order of this pair is too small."""

    def __init__(self, text: str, pair: Pair) -> None:
        super().__init__(text)
        self.pair: Final = pair


def parse_order(
    params: Params,
    now_us: int,
    best_price: Callable[[Pair, Side], Decimal],
    minima: Callable[[Pair], Minima] = listed_minima,
) -> OrderRequest:
    """Read and check AddOrder's arguments. `best_price` values a market order. Raises KrakenError.

    `now_us` is when the request arrived: from then on a deadline is measured.
    """
    request = check_precision(_read(params, now_us))
    check_minima(request, best_price, minima(request.pair))
    return request


def check_precision(request: OrderRequest) -> OrderRequest:
    """The price must have no more decimals than the pair shows and lie on its tick grid; it is printed with all of them."""
    pair, price = request.pair, request.price
    if price is None:
        return request
    if decimals_of(price) > pair.pair_decimals:
        raise KrakenError(
            f"EOrder:Invalid price: {pair.symbol} price can only be specified up to {pair.pair_decimals} decimals"
        )
    if price % pair.tick_size:
        raise KrakenError("EOrder:Tick size check failed")
    return replace(request, price=price.quantize(pair.price_step))


def check_minima(request: OrderRequest, best_price: Callable[[Pair, Side], Decimal], minima: Minima) -> None:
    """Kraken checks the volume against ordermin and the cost against costmin."""
    if request.volume < minima.ordermin:
        raise BelowMinimum("EOrder:Order minimum not met", request.pair)
    price = request.price if request.price is not None else best_price(request.pair, request.side)
    if request.volume * price < minima.costmin:
        raise BelowMinimum("EOrder:Cost minimum not met", request.pair)


def _read(params: Params, now_us: int) -> OrderRequest:
    pair = find_pair(params.required("pair"))
    if pair is None:
        raise KrakenError("EQuery:Unknown asset pair")
    side = _choice(Side, params.required("type"), "type")
    ordertype = _choice(OrderType, params.required("ordertype"), "ordertype")
    time_in_force = _choice(TimeInForce, params.text("timeinforce", "GTC").lower() or "gtc", "timeinforce")
    for name, neutral in _NOT_BUILT.items():
        if name in params.values and params.values[name] not in neutral:
            raise invalid_arguments(name)
    if params.text("stptype", "cancel-newest") not in _STP_TYPES:
        raise invalid_arguments("stptype")
    volume = params.decimal("volume")
    if not volume or decimals_of(volume) > pair.lot_decimals:
        raise invalid_arguments("volume")
    price = _limit_price(params) if ordertype is OrderType.LIMIT else None
    oflags = _oflags(params, ordertype, time_in_force)
    return OrderRequest(
        pair=pair,
        side=side,
        ordertype=ordertype,
        volume=volume.quantize(pair.lot_step),
        price=price,
        time_in_force=time_in_force,
        post_only="post" in oflags,
        fee_in_base="fcib" in oflags,
        userref=_userref(params),
        cl_ord_id=_cl_ord_id(params),
        deadline_us=_deadline(params, now_us),
    )


def _choice(kind: type[_Choice], text: str, field: str) -> _Choice:
    try:
        return kind(text)
    except ValueError:
        raise invalid_arguments(field) from None


def _limit_price(params: Params) -> Decimal:
    price = params.decimal("price")
    if not price:
        raise invalid_arguments("price")
    return price


def _oflags(params: Params, ordertype: OrderType, time_in_force: TimeInForce) -> frozenset[str]:
    oflags = frozenset(flag.strip() for flag in params.text("oflags").split(",") if flag.strip())
    if not oflags <= _OFLAGS or {"fcib", "fciq"} <= oflags:
        raise invalid_arguments("oflags")
    if "post" in oflags and (ordertype is not OrderType.LIMIT or time_in_force is not TimeInForce.GTC):
        raise invalid_arguments("oflags")
    return oflags


def _userref(params: Params) -> int | None:
    userref = params.integer("userref")
    if userref is not None and not -_USERREF_BOUND <= userref < _USERREF_BOUND:
        raise invalid_arguments("userref")
    # Kraken: a client gives a userref or a cl_ord_id, never both.
    if userref is not None and "cl_ord_id" in params.values:
        raise invalid_arguments()
    return userref


def _cl_ord_id(params: Params) -> str | None:
    cl_ord_id = params.optional("cl_ord_id")
    if cl_ord_id is not None and client_order_key(cl_ord_id) is None:
        raise invalid_arguments("cl_ord_id")
    return cl_ord_id


def _deadline(params: Params, now_us: int) -> int | None:
    text = params.optional("deadline")
    if text is None:
        return None
    deadline_us = parse_rfc3339(text)
    if deadline_us is None:
        raise invalid_arguments("deadline")
    if deadline_us <= now_us:
        raise KrakenError("EService:Deadline elapsed")
    if not DEADLINE_LEAST_US <= deadline_us - now_us <= DEADLINE_MOST_US:
        raise invalid_arguments("deadline")
    return deadline_us
