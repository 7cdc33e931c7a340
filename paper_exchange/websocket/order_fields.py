"""Trading requests of the WebSocket in the words of REST, which are those of the common order entry. Pure.

Every value becomes the text that REST would carry, so that there is one reader of orders and one set of
checks. Only what REST has no word for is refused here, and values whose JSON type is wrong.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from krakencopy.paper_exchange.values.errors import invalid_arguments
from krakencopy.paper_exchange.websocket.messages import (
    Fields,
    MessageRefusal,
    check_names,
    is_integer,
    unsupported,
)

# Kraken: the fields of an order.
ORDER: Final = frozenset(
    {
        "order_type",
        "side",
        "order_qty",
        "cash_order_qty",
        "limit_price",
        "limit_price_type",
        "triggers",
        "time_in_force",
        "margin",
        "post_only",
        "reduce_only",
        "effective_time",
        "expire_time",
        "cl_ord_id",
        "order_userref",
        "conditional",
        "display_qty",
        "fee_preference",
        "no_mpp",
        "stp_type",
        "sender_sub_id",
    }
)
_TRIGGERS: Final = frozenset({"reference", "price", "price_type"})
_CONDITIONAL: Final = frozenset(
    {"order_type", "limit_price", "limit_price_type", "trigger_price", "trigger_price_type", "stop_price"}
)
_PRICE_TYPES: Final = frozenset({"static", "pct", "quote"})
# Kraken's numbers have at most 18 digits on either side of the point; beyond this one would only cost memory
# as plain digits.
_EXPONENT_MOST: Final = 40


def amendment(params: Fields) -> dict[str, Any]:
    """An amend in the words of AmendOrder. Raises MessageRefusal, KrakenError."""
    fields = {
        "txid": _optional(params, "order_id"),
        "cl_ord_id": _optional(params, "cl_ord_id"),
        "order_qty": _number(params, "order_qty"),
        "display_qty": _number(params, "display_qty"),
        "limit_price": _price(params, "limit_price", "limit_price_type"),
        "trigger_price": _price(params, "trigger_price", "trigger_price_type"),
        "post_only": _boolean(params, "post_only"),
        "pair": _optional(params, "symbol"),
        "deadline": _optional(params, "deadline"),
    }
    return _given(fields)


def edit(params: Fields, *, triggered: bool) -> dict[str, Any]:
    """An edit in the words of EditOrder; `triggered` is whether the order has a trigger. Raises
    MessageRefusal, KrakenError.
    """
    first, second = _prices(params)
    if triggered and "triggers" not in params:
        first, second = None, first
    fields = {
        "txid": _text(params.get("order_id"), "order_id"),
        "pair": _optional(params, "symbol"),
        "volume": _number(params, "order_qty"),
        "displayvol": _number(params, "display_qty"),
        "price": first,
        "price2": second,
        "oflags": _oflags(params),
        "userref": _whole(params, "order_userref"),
        "reduce_only": _boolean(params, "reduce_only"),
        "deadline": _optional(params, "deadline"),
        "validate": _boolean(params, "validate"),
    }
    return _given(fields)


def batch(params: Fields, method: str) -> dict[str, Any]:
    """Orders of one pair in the words of AddOrderBatch. Raises MessageRefusal, KrakenError."""
    orders = params.get("orders")
    if not isinstance(orders, list) or not all(isinstance(order, dict) for order in orders):
        raise unsupported("orders", method)
    for order in orders:
        check_names(order, ORDER, method)
    fields = {
        "pair": _optional(params, "symbol"),
        "orders": [new_order(order, method) for order in orders],
        "deadline": _optional(params, "deadline"),
        "validate": _boolean(params, "validate"),
    }
    return _given(fields)


def cancels(params: Fields, method: str) -> dict[str, Any]:
    """Ids in the words of CancelOrderBatch: order ids and userrefs in one list. Raises MessageRefusal,
    KrakenError.
    """
    orders = params.get("orders", [])
    if not isinstance(orders, list) or not all(isinstance(item, str) or is_integer(item) for item in orders):
        raise unsupported("orders", method)
    return {"orders": [str(item) for item in orders], "cl_ord_ids": texts(params, "cl_ord_id")}


def timeout(params: Fields) -> dict[str, Any]:
    """The seconds of CancelAllOrdersAfter. Raises KrakenError."""
    return _given({"timeout": _whole(params, "timeout")})


def new_order(params: Fields, method: str) -> dict[str, Any]:
    """A new order in the words of AddOrder. Raises MessageRefusal, KrakenError."""
    first, second = _prices(params)
    oflags = _oflags(params)
    cash = _number(params, "cash_order_qty")
    if cash is not None:
        oflags = ",".join(filter(None, (oflags, "viqc")))
    if params.get("margin", False) is not False:
        # There is no margin here; REST's word for it is a leverage.
        raise unsupported("margin", method)
    fields = {
        "pair": _optional(params, "symbol"),
        "type": _optional(params, "side"),
        "ordertype": _optional(params, "order_type"),
        "volume": _number(params, "order_qty") if cash is None else cash,
        "price": first,
        "price2": second,
        "timeinforce": _optional(params, "time_in_force"),
        "oflags": oflags,
        "starttm": _optional(params, "effective_time"),
        "expiretm": _optional(params, "expire_time"),
        "displayvol": _number(params, "display_qty"),
        "cl_ord_id": _optional(params, "cl_ord_id"),
        "userref": _whole(params, "order_userref"),
        "reduce_only": _boolean(params, "reduce_only"),
        "stptype": None
        if "stp_type" not in params
        else _text(params["stp_type"], "stp_type").replace("_", "-"),
        "trigger": _reference(params),
        "close": _close(params, method),
        "deadline": _optional(params, "deadline"),
        "validate": _boolean(params, "validate"),
    }
    return _given(fields)


def _prices(params: Fields) -> tuple[str | None, str | None]:
    """REST's price and price2: the trigger's and the limit where there is a trigger, else the limit alone."""
    limit = _price(params, "limit_price", "limit_price_type")
    triggers = _triggers(params)
    if triggers is None:
        return limit, None
    trigger = _price(triggers, "price", "price_type", trails=_trails(params))
    if limit is not None and _trails(params) and params.get("limit_price_type", "quote") == "quote":
        limit = _signed(limit)
    return trigger, limit


def _triggers(params: Fields) -> Fields | None:
    triggers = params.get("triggers")
    if triggers is None:
        return None
    if not isinstance(triggers, dict) or not triggers.keys() <= _TRIGGERS:
        raise invalid_arguments("triggers")
    return triggers


def _reference(params: Fields) -> str | None:
    triggers = _triggers(params)
    return None if triggers is None else _optional(triggers, "reference")


def _trails(params: Fields) -> bool:
    return str(params.get("order_type", "")).startswith("trailing-stop")


def _price(params: Fields, name: str, type_name: str, *, trails: bool = False) -> str | None:
    """A price as REST writes it: `5` as it is, `+5` or `-5` in quote, `+5%` in percent of the reference."""
    kind = _optional(params, type_name) or "static"
    if kind not in _PRICE_TYPES:
        raise invalid_arguments(type_name)
    text = _number(params, name)
    if text is None:
        return None
    if kind == "static":
        # Kraken: a trailing stop's price is always a distance.
        return _signed(text) if trails else text
    return _signed(text) + ("%" if kind == "pct" else "")


def _signed(text: str) -> str:
    return text if text.startswith(("+", "-")) else f"+{text}"


def _oflags(params: Fields) -> str | None:
    flags = []
    if _boolean(params, "post_only") == "true":
        flags.append("post")
    preference = _optional(params, "fee_preference")
    if preference is not None:
        if preference not in {"base", "quote"}:
            raise invalid_arguments("fee_preference")
        flags.append("fcib" if preference == "base" else "fciq")
    if _boolean(params, "no_mpp") == "true":
        flags.append("nompp")
    return ",".join(flags) or None


def _close(params: Fields, method: str) -> dict[str, Any] | None:
    """The conditional close order in REST's words."""
    close = params.get("conditional")
    if close is None:
        return None
    if not isinstance(close, dict):
        raise unsupported("conditional", method)
    check_names(close, _CONDITIONAL, method)
    limit = _price(close, "limit_price", "limit_price_type")
    trigger = _price(close, "trigger_price", "trigger_price_type", trails=_trails(close))
    if trigger is None:
        trigger = _number(close, "stop_price")  # the old name
    first, second = (limit, None) if trigger is None else (trigger, limit)
    return _given(
        {"ordertype": _text(close.get("order_type"), "order_type"), "price": first, "price2": second}
    )


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Without those that the client left out."""
    return {name: value for name, value in fields.items() if value is not None}


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise invalid_arguments(name)
    return value


def _optional(params: Fields, name: str) -> str | None:
    value = params.get(name)
    return None if value is None else _text(value, name)


def _number(params: Fields, name: str) -> str | None:
    """A number as plain digits. Kraken: JSON numbers, at whatever precision the client's JSON gives them;
    text is refused in these words.
    """
    value = params.get(name)
    if value is None:
        return None
    if not is_integer(value) and not isinstance(value, Decimal):
        raise MessageRefusal(f"{name.capitalize()} field must be a number_float")
    number = Decimal(value)
    if number and abs(number.adjusted()) > _EXPONENT_MOST:
        raise invalid_arguments(name)
    return f"{number:f}"


def _whole(params: Fields, name: str) -> str | None:
    value = params.get(name)
    if value is None:
        return None
    if not is_integer(value):
        raise invalid_arguments(name)
    return str(value)


def _boolean(params: Fields, name: str) -> str | None:
    value = params.get(name)
    if value is None:
        return None
    if not isinstance(value, bool):
        raise invalid_arguments(name)
    return "true" if value else "false"


def texts(params: Fields, name: str) -> list[str]:
    """A list of ids; one id alone is taken too. Raises KrakenError."""
    value = params.get(name, [])
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise invalid_arguments(name)
    return found


def integers(params: Fields, name: str) -> list[int]:
    """A list of whole numbers; one alone is taken too. Raises KrakenError."""
    value = params.get(name, [])
    found = [value] if is_integer(value) else value
    if not isinstance(found, list) or not all(is_integer(item) for item in found):
        raise invalid_arguments(name)
    return found


def recorded(value: Any) -> Any:
    """Numbers as text, as the log of requests has them everywhere."""
    if isinstance(value, dict):
        return {name: recorded(item) for name, item in value.items()}
    if isinstance(value, list):
        return [recorded(item) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    return str(value)
