"""An order as it is shown to people: all that a row of OpenOrders, ClosedOrders or QueryOrders tells of it.
Pure: knows no transport. What money hangs on reads ``OrderRow`` (kraken/rest/messages.py) instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

from krakencopy.account_proc.domain.order import ENDED
from krakencopy.account_proc.domain.pair_table import PairTable
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.domain.sent_values import (
    NAME_LENGTH_MAX,
    UNREADABLE,
    amount,
    moment,
    name,
    price_or_none,
    shown,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownOrder:
    """One order. Volumes in base, or in quote where ``in_quote`` says so."""

    txid: str
    #: Empty for none.
    cl_ord_id: str
    #: Our name of the pair, e.g. BTC/USD; as Kraken wrote it where it lists no such pair any more.
    pair: str
    side: Side
    #: Kraken's word, e.g. limit, stop-loss-limit.
    type: str
    #: Kraken: pending, open, closed (filled), canceled, expired.
    status: str
    #: In Kraken's words, as they may be relative ("+5%"); empty for none. Of a trigger its price, then its
    #: limit.
    price: str
    price2: str
    volume: Decimal
    filled: Decimal
    #: Average price of what was filled; 0 before.
    avg_price: Decimal
    opentm: Decimal
    #: None while open.
    closetm: Decimal | None
    #: None for an order without an end of its own.
    expiretm: Decimal | None
    reason: str
    description: str
    #: The order that Kraken places by itself for each fill of this one; empty for none.
    close: str
    in_quote: bool

    @property
    def is_over(self) -> bool:
        """Whether nothing more happens to it."""
        return self.status in ENDED


def shown_order(txid: str, row: Mapping[str, Any], table: PairTable) -> ShownOrder:
    """A row of OpenOrders, ClosedOrders or QueryOrders. Raises one of ``UNREADABLE`` where it lacks what the
    order is known by.
    """
    descr = row["descr"]
    pair = name(descr["pair"])
    listed = table.find(pair)
    return ShownOrder(
        txid=txid,
        cl_ord_id=_text(row, "cl_ord_id"),
        pair=listed.name if listed else pair,
        side=Side(descr["type"]),
        type=_text(descr, "ordertype"),
        status=name(row["status"]),
        price=_price(descr, "price"),
        price2=_price(descr, "price2"),
        volume=amount(row["vol"]),
        filled=amount(row["vol_exec"]),
        avg_price=_or(Decimal(0), lambda: price_or_none(row["price"])),
        opentm=moment(row["opentm"]),
        closetm=_or(None, lambda: moment(row["closetm"])),
        expiretm=_or(None, lambda: moment(row["expiretm"])),
        reason=_text(row, "reason"),
        description=_text(descr, "order"),
        close=_text(descr, "close"),
        in_quote="viqc" in str(row.get("oflags") or "").split(","),
    )


def _text(row: Mapping[str, Any], key: str) -> str:
    found = row.get(key)
    return shown(found) if found else ""


def _price(descr: Mapping[str, Any], key: str) -> str:
    found = shown(descr.get(key) or "", NAME_LENGTH_MAX)
    return "" if not found.strip("0.") else found


def _or(otherwise: T, read: Callable[[], T]) -> T:
    """What is read; where that cannot be, something else, as it is only shown."""
    with suppress(*UNREADABLE):
        return read()
    return otherwise
