"""What was made owed in one user of a replay, or given up, by others than its rules about fills: flattens of
operators and of limits, and coins of syncs that were too many. Of what the replay holds, not of what really
was held.
"""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal

from krakencopy.account_proc.contract.copy_state import Reason
from krakencopy.account_proc.copying.copy_context import CopyContext
from krakencopy.account_proc.copying.sales import Sales
from krakencopy.account_proc.copying.turns import coin_of, quote_of
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.domain.quantities import BaseVolume, Side


class ReplayedOwing:
    """Of one user."""

    def __init__(self, context: CopyContext) -> None:
        self._ledger, self._book = context.ledger, context.book
        self._sales = Sales(context)

    def flatten(self, real: CopyRecord) -> None:
        """All that is held of a coin is owed, and no entry waits any more."""
        for pair, side in list(self._book.carried):
            if side is Side.BUY:
                self._give_up(pair, {piece.copy_id for piece in self._book.carried[pair, side]})
        self.owe(real, None)

    def give_up(self, copy_id: str) -> None:
        """What a copy carried of an entry is bought no more."""
        for pair, side in list(self._book.carried):
            if side is Side.BUY:
                self._give_up(pair, {copy_id})

    def _give_up(self, pair: str, ids: Collection[str]) -> None:
        there = {piece.copy_id for piece in self._book.carried[pair, Side.BUY]}
        copies = list(filter(None, map(self._ledger.copy, sorted(there & set(ids)))))
        self._book.give_up_entries(pair, ids)
        for copy in copies:
            copy.reason = Reason.FLATTEN
        self._ledger.commit(copies=copies, book=self._book)

    def owe(self, real: CopyRecord, volume: Decimal | None) -> None:
        """So much of a coin is owed from now on; None for all that is held."""
        pair = self._book.names.current_pair(real.pair)
        paid_in = self._book.coins.position(coin_of(pair)).costs
        if paid_in and quote_of(pair) not in paid_in:
            pair = self._sales.pair_of(coin_of(pair))  # here it was bought in another one
        left = self._book.held(coin_of(pair)) - self._book.owed(coin_of(pair))
        if volume is not None:
            left = min(left, BaseVolume(volume))
        if left.amount > 0:
            reason = Reason(real.reason)
            copy = self._sales.owe(real.copy_id, pair, left, reason, real.detail, source=real.source)
            self._ledger.commit(copies=[copy], book=self._book)
