"""What copying would hold and have spent after entries that are only planned: a copy of the book that nothing
is kept of. No exchange, no files.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from decimal import Decimal

from krakencopy.account_proc.contract.copied_coins import CopiedCoins, Exchanged
from krakencopy.account_proc.domain.copy_book import CopyBook
from krakencopy.account_proc.domain.copy_plan import OrderPlan, PlanStore
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.domain.entries_made import EntriesMade
from krakencopy.account_proc.domain.quantities import QuoteAmount


class TrialPlans:
    """The plans of a store, and what is changed of them here alone."""

    def __init__(self, plans: PlanStore) -> None:
        self._plans = plans
        self._changed: dict[str, OrderPlan] = {}

    def get_plan(self, order_id: str) -> OrderPlan | None:
        """The plan, or None."""
        if order_id not in self._changed and (plan := self._plans.get_plan(order_id)) is not None:
            self._changed[order_id] = deepcopy(plan)
        return self._changed.get(order_id)

    def put_plan(self, plan: OrderPlan) -> None:
        """Keeps the plan."""
        self._changed[plan.order_id] = plan


@dataclass(slots=True)
class Trial:
    """One plan's state."""

    book: CopyBook
    made: EntriesMade | None
    #: Money that the entries would take, by currency.
    spent: dict[str, Decimal] = field(default_factory=dict)

    @classmethod
    def of(cls, book: CopyBook, made: EntriesMade | None) -> Trial:
        """Before the first entry; ``made`` is changed by this from then on."""
        trial = CopyBook(TrialPlans(book.plans))
        trial.names, trial.left = book.names, dict(book.left)
        trial.coins = CopiedCoins({coin: deepcopy(position) for coin, position in book.coins})
        trial.carried = {key: list(pieces) for key, pieces in book.carried.items()}
        return cls(trial, made)

    def count_entry(self, copy: CopyRecord, cost: QuoteAmount) -> None:
        """An entry is made as if all of it was bought at its worst price."""
        base, _, quote = copy.pair.partition("/")
        self.spent[quote] = self.spent.get(quote, Decimal(0)) + cost.amount
        trade = Exchanged(base=base, quote=quote, volume=copy.ordered, cost=cost.amount)
        self.book.coins.bought(trade)
        if self.made is not None:
            self.made.take(copy)
