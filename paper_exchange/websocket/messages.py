"""The form of WebSocket v2 requests and answers: reading arguments, acknowledging, refusing. Knows no
channel and no order.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final

from krakencopy.paper_exchange.values import exact_json as wire_json
from krakencopy.paper_exchange.values.catalogue import Catalogue
from krakencopy.paper_exchange.values.pairs import Pair
from krakencopy.paper_exchange.values.time_format import rfc3339

Fields = Mapping[str, Any]

# Kraken: the words for what is wrong with a symbol depend on whether it looks like one.
_NOT_A_SYMBOL: Final = "Currency pair not in ISO 4217-A3 format"
_NO_SUCH_SYMBOL: Final = "Currency pair not supported"


class MessageRefusal(Exception):
    """A request is refused with this text; `about` are further fields of the answer, such as the one bad
    symbol of several.
    """

    def __init__(self, text: str, **about: str) -> None:
        super().__init__(text)
        self.text: Final = text
        self.about: Final = about


def ack(request: Fields, result: Any, now_us: int, **about: Any) -> str:
    """A request was carried out."""
    return stamped(about | {"method": request["method"], "result": result, "success": True}, request, now_us)


def refused(request: Fields, refusal: MessageRefusal, now_us: int) -> str:
    """A request was not carried out. Kraken: one string, no result."""
    method = request.get("method")
    answer = {"error": refusal.text, "method": method if isinstance(method, str) else "", "success": False}
    return stamped(answer | refusal.about, request, now_us)


def stamped(answer: dict[str, Any], request: Fields, now_us: int) -> str:
    """An answer with the client's req_id. Kraken: any integer, not looked at."""
    # The answer is ready at the instant that the request is read: nothing here waits.
    req_id = {"req_id": request["req_id"]} if is_integer(request.get("req_id")) else {}
    at = rfc3339(now_us)
    return wire_json.dumps(answer | req_id | {"time_in": at, "time_out": at})


def message(channel: str, kind: str, rows: Any, **about: Any) -> str:
    """A snapshot or an update of a channel. `about` comes before the data, as Kraken has it."""
    return wire_json.dumps({"channel": channel, "type": kind, **about, "data": rows})


def unsupported(name: str, method: str) -> MessageRefusal:
    """A field that the method does not have, or whose value is none that it may have. Kraken: `add order`,
    without the dash.
    """
    return MessageRefusal(f"Unsupported field: '{name}' for the given msg type: {method.replace('_', ' ')}")


def check_names(params: Fields, known: Collection[str], method: str) -> None:
    """Refuse fields that there are not. Kraken names the first one. Raises MessageRefusal."""
    for name in params:
        if name not in known:
            raise unsupported(name, method)


def flag(params: Fields, name: str, method: str, *, default: bool) -> bool:
    """A boolean; JSON knows them, so no other spelling is taken. Raises MessageRefusal."""
    value = params.get(name, default)
    if not isinstance(value, bool):
        raise unsupported(name, method)
    return value


def choice(params: Fields, name: str, method: str, known: Collection[Any], default: Any) -> Any:
    """One of a few values. Raises MessageRefusal."""
    value = params.get(name, default)
    # `True` is no 1 here, and what cannot be hashed is no choice.
    if isinstance(value, bool) or not isinstance(value, str | int) or value not in known:
        raise unsupported(name, method)
    return value


def symbols(params: Fields, method: str) -> list[str]:
    """The symbols of a subscription, each once. Raises MessageRefusal."""
    found = params.get("symbol")
    if not isinstance(found, list) or not found or not all(isinstance(item, str) for item in found):
        raise unsupported("symbol", method)
    return list(dict.fromkeys(found))


def pair_of(catalogue: Catalogue, symbol: str) -> Pair:
    """The pair with a v2 symbol; `XBT/USD` is none. Raises MessageRefusal."""
    pair = catalogue.find_symbol(symbol)
    if pair is None:
        words = _NO_SUCH_SYMBOL if "/" in symbol else _NOT_A_SYMBOL
        raise MessageRefusal(f"{words} {symbol}", symbol=symbol)
    return pair


def is_integer(value: Any) -> bool:
    """Whether a JSON value is a whole number; `true` is not."""
    return isinstance(value, int) and not isinstance(value, bool)
