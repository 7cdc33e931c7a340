"""Kraken's ``executions`` messages as whole executions. Pure: takes decoded messages, keeps what later rows
leave out.

Kraken: rows are sparse. ``pending_new`` tells an order in full; later rows of it may have nothing but its id,
a status and a time. Volume is counted from ``trade`` rows only, once for each exec_id; ``filled`` is a marker
that may come, or not.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.domain.sent_values import (
    NAME_LENGTH_MAX,
    UNREADABLE,
    amount,
    instant,
    name,
    number,
    positive,
    price,
    shown,
    whole,
)

#: Kraken: after these nothing more happens to an order, but rows of it may still trail in.
ENDED_EXECUTIONS = frozenset({"filled", "canceled", "expired"})
#: Ended orders that are remembered for such rows.
ENDED_ORDERS_MAX = 1_000
#: Kraken: at most 225 open orders for each pair. An order forgotten too early shows as Incomplete, not as
#: nothing.
OPEN_ORDERS_MAX = 10_000

TRADE = "trade"
#: Trades of a pair are counted from 1.
TRADE_ID_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One event in the life of an order. What is about a trade is empty or 0 unless ``exec_type`` is
    trade.
    """

    #: Kraken: pending_new, new, trade, filled, iceberg_refill, canceled, expired, amended, restated, status.
    exec_type: str
    order_id: str
    cl_ord_id: str | None
    #: E.g. BTC/USD.
    pair: str
    side: Side
    order_type: str
    #: Kraken: pending_new, new, partially_filled, filled, canceled, expired. A trade that fills an order may
    #: still say partially_filled.
    order_status: str
    #: In base; None for an order sized in quote, or never sent.
    order_qty: Decimal | None
    #: The key of a trade: the same as in the trade history.
    exec_id: str
    #: The pair's public trade number.
    trade_id: int
    #: In base.
    last_qty: Decimal
    last_price: Decimal
    #: In quote.
    cost: Decimal
    #: (asset, amount), assets by display name.
    fees: tuple[tuple[str, Decimal], ...]
    #: m or t.
    liquidity: str
    #: As the exchange last sent it; not to be counted with.
    cum_qty: Decimal | None
    margin: bool
    reason: str
    timestamp: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Incomplete:
    """A row that lacks what an execution must have, and whose order was never seen in full. The trade
    history has the rest.
    """

    exec_type: str
    order_id: str
    exec_id: str
    #: Names of the fields that are missing or cannot be read.
    missing: tuple[str, ...]


@dataclass(slots=True)
class _Order:
    """What was sent of an order so far."""

    symbol: str = ""
    side: Side | None = None
    order_type: str = ""
    order_status: str = ""
    order_qty: Decimal | None = None
    cl_ord_id: str | None = None
    cum_qty: Decimal | None = None
    margin: bool = False

    def learn(self, row: Mapping[str, Any]) -> None:
        """Take over what a row tells; a field that cannot be read tells nothing."""
        for each in ("symbol", "order_type", "order_status", "cl_ord_id"):
            if text := _text(row, each):
                setattr(self, each, text)
        # Kraken: "margin" on an order, "margin_borrow" and "position_status" on its trades.
        if row.get("margin") is True or row.get("margin_borrow") is True or row.get("position_status"):
            self.margin = True
        with suppress(*UNREADABLE):
            self.side = Side(row.get("side"))  # type: ignore[arg-type]  # anything else raises
        for each in ("order_qty", "cum_qty"):
            with suppress(*UNREADABLE):
                setattr(self, each, amount(row.get(each)))


class ExecutionsMerge:
    """Remembers orders for as long as rows of them may come."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, _Order] = OrderedDict()
        self._ended: OrderedDict[str, _Order] = OrderedDict()

    def __len__(self) -> int:
        return len(self._open) + len(self._ended)

    def parse(self, rows: Iterable[Any]) -> list[Execution | Incomplete]:
        """The rows (``data``) of a snapshot or an update, in order; none is left out, whatever it is."""
        return [self._row(row if isinstance(row, Mapping) else {}) for row in rows]

    def _row(self, row: Mapping[str, Any]) -> Execution | Incomplete:
        order_id, exec_type = _text(row, "order_id"), _text(row, "exec_type")
        missing = [each for each in ("order_id", "exec_type") if not _text(row, each)]
        order = self._order(order_id) if order_id else _Order()
        order.learn(row)
        if exec_type in ENDED_EXECUTIONS or order.order_status in ENDED_EXECUTIONS:
            self._end(order_id)
        missing += [each for each in ("symbol", "side") if not getattr(order, each)]
        own = _own_fields(row, missing)
        if order.side is None or missing:
            exec_id = _text(row, "exec_id")
            return Incomplete(exec_type=exec_type, order_id=order_id, exec_id=exec_id, missing=tuple(missing))
        return Execution(
            exec_type=exec_type,
            order_id=order_id,
            cl_ord_id=order.cl_ord_id,
            pair=order.symbol,
            side=order.side,
            order_type=order.order_type,
            order_status=order.order_status,
            order_qty=order.order_qty,
            cum_qty=order.cum_qty,
            margin=order.margin,
            reason=shown(row.get("reason") or row.get("cancel_reason") or ""),
            **own,
        )

    def _order(self, order_id: str) -> _Order:
        order = self._open.get(order_id) or self._ended.get(order_id)
        if order is None:
            order = self._open[order_id] = _Order()
            while len(self._open) > OPEN_ORDERS_MAX:
                self._open.popitem(last=False)
        return order

    def _end(self, order_id: str) -> None:
        order = self._open.pop(order_id, None)
        if order is not None:
            self._ended[order_id] = order
            while len(self._ended) > ENDED_ORDERS_MAX:
                self._ended.popitem(last=False)


def _own_fields(row: Mapping[str, Any], missing: list[str]) -> dict[str, Any]:
    """What belongs to this row alone. Names what a trade must have and has not in ``missing``."""
    own: dict[str, Any] = {
        "exec_id": "",
        "trade_id": 0,
        "last_qty": Decimal(0),
        "last_price": Decimal(0),
        "cost": Decimal(0),
        "fees": (),
        "liquidity": "",
    }
    own["timestamp"] = _read(missing, "timestamp", lambda: instant(row["timestamp"]))
    if row.get("exec_type") != TRADE:
        return own
    own["exec_id"] = _text(row, "exec_id")
    if not own["exec_id"]:
        missing.append("exec_id")
    with suppress(*UNREADABLE):
        own["trade_id"] = whole(row.get("trade_id"), TRADE_ID_MAX)
    own["last_qty"] = _read(missing, "last_qty", lambda: positive(row["last_qty"]))
    own["last_price"] = _read(missing, "last_price", lambda: price(row["last_price"]))
    if row.get("cost") is not None:
        own["cost"] = _read(missing, "cost", lambda: amount(row["cost"]))
    elif own["last_qty"] is not None and own["last_price"] is not None:
        own["cost"] = own["last_qty"] * own["last_price"]
    own["fees"] = _read(missing, "fees", lambda: _fees(row.get("fees") or []))
    own["liquidity"] = shown(row.get("liquidity_ind") or "", NAME_LENGTH_MAX)
    return own


def _text(row: Mapping[str, Any], field: str) -> str:
    """A field that is a name; empty for anything else."""
    value = row.get(field)
    if not isinstance(value, str) or len(value) > NAME_LENGTH_MAX:
        return ""
    return value if value.isprintable() else ""


def _read(missing: list[str], field: str, read: Any) -> Any:
    try:
        return read()
    except UNREADABLE:
        missing.append(field)
        return None


def _fees(rows: list[Mapping[str, Any]]) -> tuple[tuple[str, Decimal], ...]:
    return tuple((name(row["asset"]), number(row["qty"])) for row in rows)
