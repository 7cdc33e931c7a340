"""What one user's entries are held against, and what of it is used: counted from the copies in the ledger, so
that it is right after a crash at any step and costs no write of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from decimal import Decimal

from krakencopy.account_proc.copying.copy_context import CopyContext
from krakencopy.account_proc.copying.trial import Trial
from krakencopy.account_proc.domain.caps import Cap, CapState
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.domain.entries_made import DAY_S, EntriesMade, day_of
from krakencopy.account_proc.domain.quantities import QuoteAmount

#: Caps that are held against what the day's entries have cost, or how many they are.
OF_A_DAY = frozenset({"max_daily_notional", "max_orders_per_day"})


class CapsInUse:
    """The caps of one user."""

    def __init__(self, context: CopyContext, keys: frozenset[str]) -> None:
        """``keys``: those of all caps that may be asked for. Follows the ledger from here on."""
        self._context = context
        self._made = EntriesMade(context.book.names)
        ledger = context.ledger
        since = (day_of(context.now()) - 1) * DAY_S
        of_a_day = keys & OF_A_DAY
        for copy in (*ledger.open_copies(), *(ledger.entries_since(since) if of_a_day else ())):
            self._made.take(copy)
        ledger.on_copy = self._made.take

    def state(
        self, caps: tuple[Cap, ...], pair: str, equity: QuoteAmount, rate: Callable[[str], Decimal | None],
        now: float, trial: Trial | None = None,
    ) -> CapState:  # fmt: skip
        """For an entry in a pair that is decided about ``now`` (Unix seconds): it is of that day then.
        ``equity`` and ``rate``: in its quote. ``trial``: what is held and made if some entries were.
        """
        return CapState(
            caps=caps, pair=pair, equity=equity, book=self._context.book if trial is None else trial.book,
            made=self._made if trial is None or trial.made is None else trial.made,
            day=day_of(now), rate=rate, ordermin=self._ordermin,
        )  # fmt: skip

    @contextmanager
    def without(self, copy: CopyRecord) -> Iterator[None]:
        """While this lasts, a copy counts for nothing: it is asked whether there is room for it."""
        self._made.forget(copy.copy_id)
        try:
            yield
        finally:
            self._made.take(copy)

    def made_copy(self) -> EntriesMade:
        """What was ordered, to be counted on without being kept."""
        return deepcopy(self._made)

    def _ordermin(self, pair: str) -> Decimal:
        rules = self._context.portfolio.pairs.table.find(pair)
        return Decimal(0) if rules is None else rules.ordermin
