"""Orders of copying that are at the exchange and not in the ledger: each counts as a copy of its own.

Two come to light so: one that was proven not to exist, given up, and was there after all; and those that this
ledger made before it was brought back from a backup. An entry that is not attributed would stay when the
master leaves; an exit that is not, would be made again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from krakencopy.account_proc.contract.copy_state import CopyState, Reason
from krakencopy.account_proc.copying.copy_context import CopyContext
from krakencopy.account_proc.copying.turns import coin_of
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.domain.order import ENDED
from krakencopy.account_proc.domain.quantities import NO_AMOUNT, Side
from krakencopy.account_proc.kraken.rest.messages import OrderRow


class FoundOrders:
    """Takes such orders of one user into its ledger."""

    def __init__(self, context: CopyContext) -> None:
        self._context = context

    def claim_lost(self, rows: Sequence[OrderRow]) -> list[OrderRow]:
        """Makes durable that fills up to these orders were answered by them, and that their ids are given;
        the orders, in the names that coins have now. The oldest comes first. Raises LedgerFault.
        """
        names = self._context.book.names
        rows = [replace(row, pair=names.current_pair(row.pair)) for row in rows]
        # The oldest first, so that the last of each counts.
        answered = {row.pair: float(row.opentm) for row in rows}
        bought = {coin_of(row.pair): float(row.opentm) for row in rows if row.side is Side.BUY}
        cl_ord_ids = [row.cl_ord_id or "" for row in rows]
        self._context.ledger.take_over(cl_ord_ids, answered, bought, self._context.book)
        return rows

    def copy_of_lost(self, row: OrderRow) -> CopyRecord:
        """The copy that a lost order counts as, durable and not over yet. Raises LedgerFault."""
        words = (
            f"order {row.txid} was made before this ledger was brought back from a backup; it "
            "counts as copied"
        )
        return self._keep(self._new_copy(row, Reason.TAKEN_OVER, words))

    def copy_of_late(self, row: OrderRow, given_up: CopyRecord) -> CopyRecord:
        """The same for the order of a copy that had given it up. Raises LedgerFault."""
        words = (
            f"order {row.txid} of copy {given_up.copy_id} had been proven not to exist and was there "
            "after all"
        )
        copy = self._new_copy(row, Reason.FOUND_LATE, words)
        copy.executed_at, copy.master_price = given_up.executed_at, given_up.master_price
        copy.slices = tuple(replace(piece, cost=NO_AMOUNT) for piece in given_up.slices)
        return self._keep(copy)

    def _new_copy(self, row: OrderRow, reason: Reason, words: str) -> CopyRecord:
        now = self._context.now()
        copy = CopyRecord(
            copy_id=f"l{self._context.ledger.revision + 1}", fill_seqs=(), pair=row.pair, side=row.side,
            state=CopyState.RECEIVED, reason=reason, detail=words, received_at=now, decided_at=now,
            executed_at=float(row.opentm), master_price=row.price,
            ordered=row.vol_exec if row.status in ENDED else row.vol, order_id=row.txid,
            cl_ord_id=row.cl_ord_id or "",
        )  # fmt: skip
        for state in (CopyState.PLANNED, CopyState.INTENT, CopyState.UNKNOWN, CopyState.ACKNOWLEDGED):
            copy.move(state, now)
        return copy

    def _keep(self, copy: CopyRecord) -> CopyRecord:
        self._context.ledger.commit(copies=(copy,))
        self._context.changed()
        return copy
