"""Entries that are only planned use up money, caps and positions of a trial, and nothing of the book."""

from __future__ import annotations

from decimal import Decimal

from krakencopy.account_proc.contract.copied_coins import Exchanged
from krakencopy.account_proc.contract.copy_state import CopyState
from krakencopy.account_proc.copying.trial import Trial, TrialPlans
from krakencopy.account_proc.domain.copy_book import CopyBook
from krakencopy.account_proc.domain.copy_plan import OrderPlan
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.domain.entries_made import EntriesMade
from krakencopy.account_proc.domain.quantities import NO_AMOUNT, QuoteAmount, Ratio, Side
from tests.support.copying import NOW, MemoryPlans


def plan(order_id: str) -> OrderPlan:
    return OrderPlan(order_id=order_id, ratio=Ratio(Decimal(1)), cap=NO_AMOUNT, user_equity=NO_AMOUNT)


def test_plans_are_changed_here_alone() -> None:
    kept = MemoryPlans()
    kept.put_plan(plan("A"))
    plans = TrialPlans(kept)
    found = plans.get_plan("A")
    assert found is not None
    found.cost = QuoteAmount(Decimal(5))
    plans.put_plan(found)
    plans.put_plan(plan("B"))
    assert plans.get_plan("A") == found
    assert kept.get_plan("A") == plan("A")
    assert (kept.get_plan("B"), plans.get_plan("C")) == (None, None)


def test_an_entry_counts_as_bought_and_made() -> None:
    book = CopyBook(MemoryPlans())
    book.coins.bought(Exchanged(base="BTC", quote="USD", volume=Decimal(1), cost=Decimal(5)))
    trial = Trial.of(book, EntriesMade(book.names))
    copy = CopyRecord(
        copy_id="s0.1", fill_seqs=(), pair="BTC/USD", side=Side.BUY, state=CopyState.FILLED, reason="",
        detail="", ordered=Decimal(2), cost=Decimal(20), cl_ord_id="x", decided_at=NOW,
    )  # fmt: skip
    trial.count_entry(copy, QuoteAmount(Decimal(20)))
    assert trial.spent == {"USD": Decimal(20)}
    assert trial.book.held("BTC").amount == 3
    assert trial.made is not None
    assert trial.made.spent(int(NOW // 86_400)) == [("BTC/USD", Decimal(20))]
    assert book.held("BTC").amount == 1
    Trial.of(book, None).count_entry(copy, QuoteAmount(Decimal(20)))
