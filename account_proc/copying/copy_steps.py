"""The durable steps of one user's copies, and what they are counted with: a process that takes them up
after a crash finds one of these.

No decisions, and no questions to the exchange: those are copying/copy_execution.py's and
copying/order_refusals.py's.
"""

from __future__ import annotations

import logging
from decimal import Decimal

from krakencopy.account_proc.contract.copy_state import CopyState
from krakencopy.account_proc.contract.order_ids import copy_order_id
from krakencopy.account_proc.copying.copy_context import CopyContext
from krakencopy.account_proc.domain.copy_plan import SettledOrder, Slice
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.domain.quantities import NO_AMOUNT, BaseVolume, Price, QuoteAmount, Side
from krakencopy.account_proc.kraken.errors import is_below_minimum

log = logging.getLogger(__name__)

#: Tries of an order that the exchange refused for its rate or for its funds, before an entry is given up.
ENTRY_TRIES = 5


class CopySteps:
    """What copies are moved, written and counted with."""

    def __init__(self, context: CopyContext) -> None:
        self._context = context

    def is_given_up(self, copy: CopyRecord) -> bool:
        """Whether an entry that was refused is not worth another order: it is too old, or was tried often
        enough. Exits always are.
        """
        if copy.side is Side.SELL:
            return False
        return (
            self._context.now() - copy.executed_at > self._context.rules_of(copy.pair).max_entry_age_s
            or copy.attempts >= ENTRY_TRIES
        )

    def worst_price(self, copy: CopyRecord) -> Price:
        """The most that an entry may pay."""
        return Price(copy.master_price).worse(Side.BUY, self._context.rules_of(copy.pair).max_slippage_bps)

    def deadline_of(self, copy: CopyRecord) -> float:
        """Until when the exchange may act on an order that leaves now (Unix seconds, the exchange's clock).

        A fill cannot come from the future: then that clock is ahead of what we take it to be. Unless it was
        set back since: what is sent again has been answered, so that the time is known.
        """
        known = self._context.now() if copy.attempts > 1 else max(self._context.now(), copy.executed_at)
        return known + self._context.gateway.timing.deadline

    def intend(self, copy: CopyRecord) -> None:
        """Turns a plan (or an order that is proven not to exist) into the next attempt's intent; not
        durable yet.
        """
        now = self._context.now()
        while True:
            copy.attempts += 1
            copy.cl_ord_id = copy_order_id(
                self._context.ledger.journal_id or "", self._context.account_id, copy.copy_id, copy.attempts
            )
            # An id that an order at the exchange has already would be found there, and taken for this one.
            if copy.cl_ord_id not in self._context.ledger.taken_over:
                break
        copy.deadline = self.deadline_of(copy)
        copy.move(CopyState.INTENT, now)

    def send_again(self, copy: CopyRecord) -> None:
        """Nothing was done under the last intent: the next one, with what has been changed of the copy."""
        log.warning("copy %s is sent again: %s", copy.copy_id, copy.detail)
        self.intend(copy)
        self.commit(copy)

    def owe(self, copy: CopyRecord, volume: BaseVolume) -> None:
        """So much of an exit stays owed, beside what its order may leave; not durable yet."""
        self._context.book.carry(
            copy.pair, copy.side, [Slice(order_id="", volume=volume, cost=NO_AMOUNT)], copy.copy_id
        )

    def refused(self, copy: CopyRecord, reason: str, detail: str = "") -> None:
        """The end of a copy whose order does not exist; ``reason`` is Kraken's own error string, or ours.
        An exit stays owed.
        """
        if is_below_minimum(reason) and copy.side is Side.BUY:
            self._context.portfolio.pairs.rules_are_wrong()
            self._context.book.carry(copy.pair, copy.side, copy.slices, copy.copy_id)
            self.end_unsent(copy, CopyState.CARRIED, reason, "the exchange's minimum has grown")
            return
        self._context.book.settle(copy.pair, copy.side, settled(copy, Decimal(0)))
        self.end_unsent(copy, CopyState.REJECTED, reason, detail)

    def end_unsent(self, copy: CopyRecord, state: CopyState, reason: str, detail: str) -> None:
        """The end of a copy whose order does not exist, with what the book got of it."""
        copy.move(state, self._context.now(), reason=reason, detail=detail)
        log.warning("copy %s was refused: %s", copy.copy_id, reason)
        self.commit(copy)

    def commit(self, copy: CopyRecord) -> None:
        """Makes the copy durable, with its pair as the book has it."""
        self._context.ledger.commit(copies=(copy,), book=self._context.book)
        self._context.changed()

    def move(self, copy: CopyRecord, state: CopyState, detail: str = "") -> None:
        """To another state that is no end, durably."""
        copy.move(state, self._context.now(), detail=detail)
        self._context.ledger.commit(copies=(copy,))
        self._context.changed()


def settled(copy: CopyRecord, filled: Decimal) -> SettledOrder:
    """How a copy's order ended, for the book."""
    return SettledOrder(
        copy_id=copy.copy_id,
        slices=copy.slices,
        ordered=BaseVolume(copy.ordered),
        filled=BaseVolume(filled),
        cost=QuoteAmount(copy.cost),
        fees=copy.fees,
        sweep=copy.sweep,
    )
