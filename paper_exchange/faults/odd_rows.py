"""A fault: among the rows of an answer is one that no client expects. Pure."""

from typing import Any, Final

from krakencopy.paper_exchange.faults.table import FaultSpec

# Under which name of its result a method has its rows; None where the result is the rows.
PLACES: Final[dict[str, str | None]] = {
    "OpenOrders": "open",
    "ClosedOrders": "closed",
    "QueryOrders": None,
    "TradesHistory": "trades",
    "QueryTrades": None,
    "Ledgers": "ledger",
    "Balance": None,
    "BalanceEx": None,
    "Ticker": None,
    "AssetPairs": None,
    "Assets": None,
    "executions": None,
}
# Such as no order, pair or asset has.
_KEY: Final = "ODDROW-ODDRO-ODDROW"


def with_odd_row(method: str, result: dict[str, Any], spec: FaultSpec) -> dict[str, Any]:
    """A result with the row in it, before the others; in the place of the one that has its key."""
    place = PLACES[method]
    rows = result if place is None else result[place]
    odd = {spec.key or _KEY: spec.row}
    rows = {**odd, **rows, **odd}
    return rows if place is None else result | {place: rows}
