"""Conditional closes: the order that each fill of another one places on the other side of the market."""

from typing import Any, Final

from krakencopy.paper_exchange.accounts.orders import CloseTerms, Order, OrderRequest, Trade
from krakencopy.paper_exchange.order_entry.order_prices import Grid, read_terms
from krakencopy.paper_exchange.values.errors import invalid_arguments
from krakencopy.paper_exchange.values.params import Params, choice_of
from krakencopy.paper_exchange.values.sides import OrderType, Side

_FIELDS: Final = frozenset({"close", "close[ordertype]", "close[price]", "close[price2]"})
_PRICE_FIELDS: Final = ("close[price]", "close[price2]")
_KINDS: Final = frozenset(OrderType) - {OrderType.MARKET, OrderType.ICEBERG}


def read_close_terms(params: Params) -> CloseTerms | None:
    """The conditional close, as an object (JSON) or as `close[...]` fields (forms). Raises KrakenError."""
    if _FIELDS.isdisjoint(params.values):
        return None
    value: Any = params.values.get("close", "")
    if isinstance(value, dict):
        nested = Params.of_json(value)
    elif value == "":
        names = ("ordertype", "price", "price2")
        nested = Params({name: params.text(f"close[{name}]") for name in names})
    else:
        raise invalid_arguments("close")
    kind = nested.text("ordertype")
    if not kind and not nested.text("price"):
        return None
    ordertype = choice_of(OrderType, kind, "close[ordertype]")
    if ordertype not in _KINDS:
        raise invalid_arguments("close[ordertype]")
    return CloseTerms(ordertype, nested.text("price"), nested.text("price2"))


def check_close(request: OrderRequest, close: CloseTerms, grid: Grid) -> None:
    """Refuse at once what would be refused when the order fills. Raises KrakenError."""
    if request.cash is not None:
        raise invalid_arguments("close")
    read_terms(close.ordertype, _other(request.side), grid, close.price, close.price2, _PRICE_FIELDS)


def close_request(order: Order, trade: Trade) -> OrderRequest:
    """The order that a fill places on the other side: relative prices are measured from the fill's."""
    request, close = order.request, order.request.close
    assert close is not None, "the caller looked first"
    side, pair = _other(request.side), request.pair
    grid = Grid(pair, pair.tick_size, trade.price, pair.lot_decimals)
    terms = read_terms(close.ordertype, side, grid, close.price, close.price2, _PRICE_FIELDS)
    return OrderRequest(
        pair=pair,
        side=side,
        ordertype=close.ordertype,
        volume=trade.volume,
        price=terms.price,
        fee_in_base=request.fee_in_base,
        userref=request.userref,
        trigger=terms.trigger,
        limit_offset=terms.limit_offset,
        refid=order.txid,
    )


def _other(side: Side) -> Side:
    return Side.SELL if side is Side.BUY else Side.BUY
