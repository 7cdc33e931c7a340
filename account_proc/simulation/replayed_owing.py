"""What was made owed in one user of a replay, or given up, by others than its rules about fills: flattens of
operators and of limits, and coins of syncs that were too many. Of what the replay holds, not of what really
was held.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from krakencopy.account_proc.contract.copy_state import Reason
from krakencopy.account_proc.copying.copy_context import CopyContext
from krakencopy.account_proc.copying.sales import Sales
from krakencopy.account_proc.copying.turns import coin_of, quote_of
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.domain.quantities import BaseVolume


class ReplayedOwing:
    """Of one user."""

    def __init__(self, context: CopyContext) -> None:
        self._ledger, self._book = context.ledger, context.book
        self._sales = Sales(context)

    def flatten(self, real: CopyRecord) -> None:
        """All that is held of a coin is owed, and no entry waits any more."""
        self._give_up(lambda _: True)
        self.owe(real, None)

    def give_up(self, copy_id: str) -> None:
        """What a copy carried of an entry is bought no more."""
        self._give_up(lambda each: each == copy_id)

    def _give_up(self, is_meant: Callable[[str], bool]) -> None:
        gone: list[str] = []
        for pair, copy_ids in self._book.carried_entries().items():
            meant = list(filter(is_meant, copy_ids))
            self._book.give_up_entries(pair, meant)
            gone += meant
        copies = list(filter(None, map(self._ledger.copy, dict.fromkeys(gone))))
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
