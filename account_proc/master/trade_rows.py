"""The master's trades as the executions feed and as the trade history tell them. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from krakencopy.account_proc.domain.counted_trades import Trade
from krakencopy.account_proc.domain.pair_table import PairTable
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.kraken.feed.executions import TRADE, Execution, Incomplete
from krakencopy.account_proc.kraken.rest.messages import TradeRow
from krakencopy.v1 import types_pb2 as pb


def from_feed(rows: Iterable[Execution | Incomplete]) -> list[Trade]:
    """The trades among rows of the feed that are whole."""
    return [
        Trade(
            exec_id=row.exec_id, order_id=row.order_id, pair=row.pair, side=Side(row.side),
            price=row.last_price, volume=row.last_qty, cost=row.cost or row.last_qty * row.last_price,
            fees=row.fees, margin=row.margin, executed_at=row.timestamp.timestamp(),
            source=pb.FILL_SOURCE_FEED, cl_ord_id=row.cl_ord_id or "",
        )
        for row in rows
        if isinstance(row, Execution) and row.exec_type == TRADE
    ]  # fmt: skip


def from_history(row: TradeRow, table: PairTable) -> Trade:
    """Kraken tells fees in quote, whatever that is in a pair that is not listed."""
    pair = table.find(row.pair)
    fees = ((pair.quote, row.fee),) if pair is not None and row.fee else ()
    return Trade(
        exec_id=row.txid,
        order_id=row.ordertxid,
        pair=pair.name if pair else row.pair,
        side=Side(row.side),
        price=row.price,
        volume=row.vol,
        cost=row.cost,
        fees=fees,
        margin=row.margin,
        executed_at=float(row.time),
        source=pb.FILL_SOURCE_HISTORY,
    )
