"""How a copy begins: its record, by what the rules decided about fills or about an owed exit. Nothing here is
durable yet; the caller that commits the record makes it so.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from krakencopy.account_proc.contract.copy_state import CopyState, Reason
from krakencopy.account_proc.copying.copy_context import CopyContext
from krakencopy.account_proc.copying.copy_execution import CopyExecution
from krakencopy.account_proc.copying.copy_steps import CopySteps
from krakencopy.account_proc.domain.copy_plan import Carry, Decision, Order, Skip
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.domain.entry_sizing import copied_at
from krakencopy.account_proc.domain.pairs import PairRules
from krakencopy.account_proc.domain.quantities import Price, Side
from krakencopy.account_proc.domain.sync_sizing import SyncItem


class NewCopies:
    """Makes the records of one user's copies."""

    def __init__(self, context: CopyContext, steps: CopySteps, execution: CopyExecution) -> None:
        self._context = context
        self._steps = steps
        self._execution = execution

    def of_decision(self, decision: Decision, received_at: float, now: float) -> CopyRecord:
        """The copy of fills that came at ``received_at`` and are decided about ``now`` (Unix seconds): an
        order is an intent afterwards, everything else is at its end.
        """
        first = decision.fills[0]
        copy = CopyRecord(
            copy_id=first.copy_id, fill_seqs=tuple(fill.seq for fill in decision.fills), pair=first.pair,
            side=first.side, state=CopyState.RECEIVED, reason=decision.reason,
            detail="; ".join(filter(None, (first.words, decision.detail))),
            received_at=received_at, decided_at=now, executed_at=first.executed_at,
            master_price=copied_at(decision.fills).amount, cap=decision.cap, master_pair=first.master_pair,
        )  # fmt: skip
        match decision:
            case Skip():
                copy.move(CopyState.SKIPPED, now)
            case Carry():
                copy.planned, copy.slices = decision.planned.amount, decision.slices
                copy.move(CopyState.CARRIED, now)
            case Order():
                self._intend(copy, decision, now)
        return copy

    def of_sync(
        self, item: SyncItem, pair: str, decision: Order | Skip, price: Price | None, now: float
    ) -> CopyRecord:
        """The copy of a coin of a sync, ``price`` being what it cost then: no fill stands behind it."""
        copy = CopyRecord(
            copy_id=item.copy_id, fill_seqs=(), pair=pair, side=Side.BUY, state=CopyState.RECEIVED,
            reason=decision.reason, detail=decision.detail, received_at=item.taken_at, decided_at=now,
            executed_at=now, master_price=Decimal(0) if price is None else price.amount, cap=decision.cap,
            source=item.source, master_pair=item.master_pair, as_of_seq=item.as_of_seq,
        )  # fmt: skip
        if isinstance(decision, Skip):
            copy.move(CopyState.SKIPPED, now)
        else:
            self._intend(copy, decision, now)
        return copy

    def of_owed_exit(self, order: Order, pair: PairRules, price: Price) -> CopyRecord:
        """The copy of an exit that earlier ones owe, as an intent. No fill stands behind it, so its id comes
        from the revision that it will have.
        """
        now = self._context.now()
        copy = CopyRecord(
            copy_id=f"x{self._context.ledger.revision + 1}", fill_seqs=(), pair=pair.name, side=Side.SELL,
            state=CopyState.RECEIVED, reason=order.reason, detail=order.detail, received_at=now,
            decided_at=now, executed_at=now, master_price=price.amount,
        )  # fmt: skip
        self._intend(copy, order, now)
        return copy

    def _intend(self, copy: CopyRecord, order: Order, now: float) -> None:
        """Takes an order into its record and makes it the first intent."""
        copy.planned, copy.ordered = order.planned.amount, order.volume.amount
        copy.slices, copy.sweep, copy.carried_in = order.slices, order.sweep, order.carried_in
        copy.limit_price = order.limit_price.amount if order.limit_price else None
        if copy.side is Side.SELL:
            self._execution.shape_exit(copy)
        copy.move(CopyState.PLANNED, now)
        self._steps.intend(copy)

    def joined_by(self, order: Order, copy_id: str) -> list[CopyRecord]:
        """Earlier copies whose carried volume goes with an order, which is that of ``copy_id``."""
        joined = self._carried_copies(order.carried_in)
        for carried in joined:
            carried.joined_copy_id = copy_id
        return joined

    def exited(self, copy_ids: Iterable[str]) -> list[CopyRecord]:
        """Earlier copies whose carried volume the master's exit has made pointless."""
        exited = self._carried_copies(copy_ids)
        for carried in exited:
            carried.reason = Reason.CARRY_EXITED
            carried.detail += "; the master left the position before it was large enough to be ordered"
        return exited

    def _carried_copies(self, copy_ids: Iterable[str]) -> list[CopyRecord]:
        found = map(self._context.ledger.copy, copy_ids)
        return [copy for copy in found if copy is not None]
