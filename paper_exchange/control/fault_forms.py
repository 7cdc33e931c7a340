"""Faults as the control API takes and shows them: which fields each kind has, and what may stand in them.
Pure.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from krakencopy.paper_exchange.accounts import auth
from krakencopy.paper_exchange.accounts.as_of import READS
from krakencopy.paper_exchange.faults import odd_rows
from krakencopy.paper_exchange.faults.table import CutWhen, Fault, FaultKind, FaultSpec
from krakencopy.paper_exchange.rest import public as rest_public
from krakencopy.paper_exchange.values.decimals import parse_plain
from krakencopy.paper_exchange.values.pairs import Pair
from krakencopy.paper_exchange.values.sides import OrderType
from krakencopy.paper_exchange.values.trading_mode import MarketMode

# An hour: nobody waits longer for an answer.
DELAY_MS_MOST: Final = 3_600_000
# A day: clocks that are further off are not skewed but wrong.
SKEW_S_MOST: Final = 86_400
# A clock that goes at half or at one and a half of its pace.
DRIFT_MOST: Final = Decimal("0.5")

_COUNT_MOST: Final = 1_000_000_000
_SEED_BOUND: Final = 2**63
_WHOLE: Final = re.compile(r"[0-9]{1,19}", re.ASCII)
_KRAKEN_ERROR: Final = re.compile(r"[EW][A-Za-z]+:[ -~]{1,200}", re.ASCII)
_STATUS: Final = {
    FaultKind.HTML_5XX: (502, 503, 504, 520),
    FaultKind.FRONT_PAGE: (403, 429),
}

_COUNTED: Final = ("count", "after", "probability", "seed")
_OF_REQUESTS: Final = ("account", "method", *_COUNTED)
_OF_EVENTS: Final = ("account", *_COUNTED)

_FIELDS: Final[dict[FaultKind, tuple[str, ...]]] = {
    FaultKind.DROP_REQUEST: _OF_REQUESTS,
    FaultKind.DROP_REPLY: _OF_REQUESTS,
    FaultKind.HANG_REPLY: (*_OF_REQUESTS, "delay_ms", "never"),
    FaultKind.TRICKLE_REPLY: (*_OF_REQUESTS, "delay_ms"),
    FaultKind.HANG_REQUEST: (*_OF_REQUESTS, "delay_ms"),
    FaultKind.TRUNCATE_REPLY: _OF_REQUESTS,
    FaultKind.HTML_5XX: (*_OF_REQUESTS, "status", "executed"),
    FaultKind.ERROR: (*_OF_REQUESTS, "error", "executed"),
    FaultKind.WRONG_ORDER_ID: (*_OF_REQUESTS, "executed"),
    FaultKind.DUPLICATE_DELIVERY: _OF_REQUESTS,
    FaultKind.SWAP: (*_OF_REQUESTS, "delay_ms"),
    FaultKind.PARTIAL_CANCEL: (*_OF_EVENTS, "fraction", "cum_qty"),
    FaultKind.WS_CUT: (*_OF_EVENTS, "when"),
    FaultKind.WS_SILENCE: ("account", "delay_ms", "lose"),
    FaultKind.WS_REFUSE: _COUNTED,
    FaultKind.SEQUENCE_GAP: _OF_EVENTS,
    FaultKind.DUPLICATE_EVENT: _OF_EVENTS,
    FaultKind.NO_FILLED_MARKER: _OF_EVENTS,
    FaultKind.REORDER_EVENTS: _OF_EVENTS,
    FaultKind.EXPIRE_TOKEN: ("account", "close"),
    FaultKind.FRONT_PAGE: (*_OF_REQUESTS, "status"),
    FaultKind.MARKET_REFUSED: ("pair", "error", *_OF_REQUESTS, "ordertype"),
    FaultKind.ODD_ROW: (*_OF_REQUESTS, "row", "key"),
    FaultKind.ODD_VALUES: _OF_REQUESTS,
    FaultKind.MARKET_MODE: ("mode",),
    FaultKind.ORDERMIN: ("pair", "ordermin", "costmin", "stale"),
    FaultKind.CLOCK_SKEW: ("seconds", "drift"),
    FaultKind.VISIBILITY_LAG: ("account", "method", "delay_ms", "jitter_ms", "seed"),
}
_REQUIRED: Final = {
    FaultKind.ERROR: ("error",),
    FaultKind.WRONG_ORDER_ID: ("method",),
    FaultKind.MARKET_REFUSED: ("pair", "error"),
    FaultKind.ODD_ROW: ("method",),
    FaultKind.MARKET_MODE: ("mode",),
    FaultKind.ORDERMIN: ("pair",),
}
# Which methods a fault can be about, where that is not every private one.
_METHODS: Final = {
    FaultKind.FRONT_PAGE: auth.methods() | rest_public.methods(),
    FaultKind.WRONG_ORDER_ID: frozenset({"AddOrder"}),
    FaultKind.MARKET_REFUSED: frozenset({"AddOrder", "Ticker"}),
    FaultKind.ODD_ROW: frozenset(odd_rows.PLACES),
    FaultKind.ODD_VALUES: auth.methods() | rest_public.methods() | {"executions"},
    FaultKind.VISIBILITY_LAG: READS,
}
# Where a kind's default differs from that of FaultSpec.
_DEFAULTS: Final[dict[FaultKind, dict[str, Any]]] = {
    FaultKind.HANG_REPLY: {"delay_ms": 30_000},
    FaultKind.TRICKLE_REPLY: {"delay_ms": 1_000},
    FaultKind.HANG_REQUEST: {"delay_ms": 30_000},
    FaultKind.HTML_5XX: {"executed": True},
    FaultKind.WRONG_ORDER_ID: {"executed": True},
    FaultKind.SWAP: {"delay_ms": 1_000},
    FaultKind.FRONT_PAGE: {"status": 429},
    FaultKind.MARKET_REFUSED: {"count": 0},
    FaultKind.ODD_ROW: {"row": {"descr": {}}},
    FaultKind.PARTIAL_CANCEL: {"fraction": Decimal("0.5")},
    FaultKind.WS_SILENCE: {"delay_ms": 5_000},
    FaultKind.VISIBILITY_LAG: {"delay_ms": 1_000},
}


class FaultRefused(Exception):
    """A fault was described badly; `field` is what is bad about it."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(f"{field}: {text}")
        self.field: Final = field


def fields() -> set[str]:
    """Every field that some kind has."""
    return {"kind"}.union(*_FIELDS.values())


def parse_fault(
    body: dict[str, Any], is_account: Callable[[str], bool], find_pair: Callable[[str], Pair | None]
) -> FaultSpec:
    """Read a fault from JSON whose numbers are text. Raises FaultRefused."""
    kind = _kind(body.get("kind"))
    for name in body:
        if name != "kind" and name not in _FIELDS[kind]:
            raise FaultRefused(name, f"no field of {kind}, which has {', '.join(_FIELDS[kind])}")
    for name in _REQUIRED.get(kind, ()):
        if name not in body:
            raise FaultRefused(name, f"{kind} needs it")
    values: dict[str, Any] = dict(_DEFAULTS.get(kind, {}))
    for name in _FIELDS[kind]:
        if name in body:
            values[name] = _READERS[name](name, body[name])
    if "pair" in values:
        values["pair"] = find_pair(values["pair"])
        if values["pair"] is None:
            raise FaultRefused("pair", "no such pair")
    spec = FaultSpec(kind=kind, **values)
    if spec.account is not None and not is_account(spec.account):
        raise FaultRefused("account", f"no such account: {spec.account}")
    _check_together(spec, body)
    return spec


def fault_row(fault: Fault) -> dict[str, Any]:
    """A fault as the control API lists it: every field that it has, and how often it matched and fired."""
    spec = fault.spec
    row: dict[str, Any] = {"id": fault.id, "kind": str(spec.kind)}
    for name in _FIELDS[spec.kind]:
        if name not in _COUNTED or spec.counted or spec.kind is FaultKind.VISIBILITY_LAG:
            row[name] = _shown(getattr(spec, name))
    return row | {"matched": fault.matched, "fired": fault.fired}


def _shown(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.altname if isinstance(value, Pair) else value


def _check_together(spec: FaultSpec, body: dict[str, Any]) -> None:
    """What one field means for another."""
    if spec.never and "delay_ms" in body:
        raise FaultRefused("delay_ms", "has no meaning with never")
    if spec.kind is FaultKind.CLOCK_SKEW and body.keys().isdisjoint({"seconds", "drift"}):
        raise FaultRefused("seconds", "expected this or drift, or both")
    if spec.kind is FaultKind.ORDERMIN and spec.ordermin is None and spec.costmin is None:
        raise FaultRefused("ordermin", "expected this or costmin, or both")
    if spec.kind is FaultKind.WS_CUT and not spec.counted:
        for name in _COUNTED:
            if name in body:
                raise FaultRefused(name, "a cut now waits for no event")
    methods = _METHODS.get(spec.kind, auth.methods())
    if spec.method is not None and spec.method not in methods:
        raise FaultRefused("method", f"expected one of {', '.join(sorted(methods))}")
    statuses = _STATUS.get(spec.kind, ())
    if statuses and spec.status not in statuses:
        raise FaultRefused("status", f"expected one of {', '.join(map(str, statuses))}")


def _kind(value: Any) -> FaultKind:
    try:
        return FaultKind(value)
    except ValueError:
        raise FaultRefused("kind", f"expected one of {', '.join(FaultKind)}") from None


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise FaultRefused(name, "expected text")
    return value


def _whole(name: str, value: Any, most: int) -> int:
    number = int(value) if isinstance(value, str) and _WHOLE.fullmatch(value) else -1
    if not 0 <= number <= most:
        raise FaultRefused(name, f"expected a whole number from 0 to {most}")
    return number


def _count(name: str, value: Any) -> int:
    return _whole(name, value, _COUNT_MOST)


def _milliseconds(name: str, value: Any) -> int:
    return _whole(name, value, DELAY_MS_MOST)


def _seed(name: str, value: Any) -> int:
    text = value if isinstance(value, str) else ""
    return (-1 if text.startswith("-") else 1) * _whole(name, text.removeprefix("-"), _SEED_BOUND)


def _decimal(name: str, value: Any, expected: str) -> Decimal:
    amount = parse_plain(value) if isinstance(value, str) else None
    if amount is None:
        raise FaultRefused(name, f"expected {expected}")
    return amount


def _probability(name: str, value: Any) -> Decimal:
    probability = _decimal(name, value, "a plain decimal from 0 to 1")
    if probability > 1:
        raise FaultRefused(name, "expected a plain decimal from 0 to 1")
    return probability


def _fraction(name: str, value: Any) -> Decimal:
    fraction = _decimal(name, value, "a plain decimal from 0 to below 1")
    if fraction >= 1:
        raise FaultRefused(name, "expected a plain decimal from 0 to below 1")
    return fraction


def _minimum(name: str, value: Any) -> Decimal:
    return _decimal(name, value, "a plain decimal of at least 0")


def _seconds(name: str, value: Any) -> Decimal:
    text = value if isinstance(value, str) else ""
    seconds = _decimal(name, text.removeprefix("-"), "a plain decimal")
    if seconds > SKEW_S_MOST:
        raise FaultRefused(name, f"expected at most {SKEW_S_MOST} either way")
    return -seconds if text.startswith("-") else seconds


def _drift(name: str, value: Any) -> Decimal:
    text = value if isinstance(value, str) else ""
    drift = _decimal(name, text.removeprefix("-"), "a plain decimal")
    if drift > DRIFT_MOST:
        raise FaultRefused(name, f"expected at most {DRIFT_MOST} either way")
    return -drift if text.startswith("-") else drift


def _ordertype(name: str, value: Any) -> OrderType:
    try:
        return OrderType(value)
    except ValueError:
        raise FaultRefused(name, f"expected one of {', '.join(OrderType)}") from None


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise FaultRefused(name, "expected true or false")
    return value


def _status(name: str, value: Any) -> int:
    return _whole(name, value, 599)


def _anything(_name: str, value: Any) -> Any:
    return value


def _kraken_error(name: str, value: Any) -> str:
    text = _text(name, value)
    if not _KRAKEN_ERROR.fullmatch(text):
        raise FaultRefused(name, "expected an error of Kraken's, such as EService:Unavailable")
    return text


def _when(name: str, value: Any) -> CutWhen:
    try:
        return CutWhen(value)
    except ValueError:
        raise FaultRefused(name, f"expected one of {', '.join(CutWhen)}") from None


def _mode(name: str, value: Any) -> MarketMode:
    try:
        return MarketMode(value)
    except ValueError:
        raise FaultRefused(name, f"expected one of {', '.join(MarketMode)}") from None


_READERS: Final[dict[str, Callable[[str, Any], Any]]] = {
    "account": _text,
    "method": _text,
    "count": _count,
    "after": _count,
    "probability": _probability,
    "seed": _seed,
    "delay_ms": _milliseconds,
    "jitter_ms": _milliseconds,
    "never": _flag,
    "status": _status,
    "executed": _flag,
    "error": _kraken_error,
    "fraction": _fraction,
    "cum_qty": _flag,
    "when": _when,
    "lose": _flag,
    "close": _flag,
    "mode": _mode,
    "pair": _text,
    "ordermin": _minimum,
    "costmin": _minimum,
    "stale": _flag,
    "seconds": _seconds,
    "row": _anything,
    "key": _text,
    "drift": _drift,
    "ordertype": _ordertype,
}
assert _FIELDS.keys() == set(FaultKind), "every kind has its fields"
assert _READERS.keys() == fields() - {"kind"}, "every field can be read"
