"""A copy begins as a record: over at once, or as the intent of an order."""

from __future__ import annotations

from decimal import Decimal

import pytest

from krakencopy.account_proc.contract.copy_state import CopyState, Reason
from krakencopy.account_proc.contract.order_ids import copy_order_id
from krakencopy.account_proc.copying.new_copies import NewCopies
from krakencopy.account_proc.domain.copy_plan import Carry, Order, Skip, Slice
from krakencopy.account_proc.domain.quantities import NO_AMOUNT, BaseVolume, Price
from krakencopy.account_proc.state.ledger import Ledger
from tests.support.copying import BTC, NOW, TradingMaster
from tests.support.copying_user import User, copying
from tests.support.scripted_kraken import run

#: A slice that was carried in an earlier copy, and one of this one.
CARRIED, FRESH = (
    Slice(order_id=order_id, volume=BaseVolume(Decimal("0.0001")), cost=NO_AMOUNT, copy_id=copy_id)
    for order_id, copy_id in (("M1", "c1"), ("M2", ""))
)
WHOLE = BaseVolume(Decimal("0.0002"))


@pytest.fixture
def master() -> TradingMaster:
    return TradingMaster()


def new_copies(user: User) -> NewCopies:
    copies = user.copier._answers._new_copies
    assert isinstance(copies, NewCopies)
    return copies


def test_what_is_skipped_or_carried_is_over(ledger: Ledger, master: TradingMaster) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            fills = (master.buy("M1", "0.001", "50000"), master.buy("M1", "0.001", "50100"))
            skipped = new_copies(user).of_decision(
                Skip(fills=fills, reason=Reason.STALE_ENTRY, detail="too old"), NOW, NOW + 1
            )
            assert (skipped.copy_id, skipped.fill_seqs, skipped.state) == ("c1", (1, 2), CopyState.SKIPPED)
            assert (skipped.received_at, skipped.decided_at, skipped.finished_at) == (NOW, NOW + 1, NOW + 1)
            carry = Carry(fills=fills, reason=Reason.SCALED, detail="", planned=WHOLE, slices=(FRESH,))
            carried = new_copies(user).of_decision(carry, NOW, NOW + 1)
            assert (carried.state, carried.slices) == (CopyState.CARRIED, (FRESH,))
            assert carried.cl_ord_id == ""

    run(steps())


def order(master: TradingMaster) -> Order:
    return Order(
        fills=(master.buy("M2", "0.001", "50000"),), reason=Reason.SCALED, detail="", planned=WHOLE,
        volume=WHOLE, slices=(CARRIED, FRESH), limit_price=Price(Decimal(50_250)),
    )  # fmt: skip


def test_an_order_is_an_intent_with_its_id_and_deadline(ledger: Ledger, master: TradingMaster) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            copy = new_copies(user).of_decision(order(master), NOW, NOW)
            assert (copy.state, copy.attempts) == (CopyState.INTENT, 1)
            assert copy.cl_ord_id == copy_order_id("a journal", "anna", "c1", 1)
            assert copy.deadline == NOW + user.gateway.timing.deadline
            assert (copy.ordered, copy.limit_price) == (WHOLE.amount, Decimal(50_250))
            assert copy.carried_in == ("c1",)
            assert ledger.copy("c1") is None, "it is not durable yet"

    run(steps())


def test_copies_that_an_order_takes_along_or_an_exit_makes_pointless_say_so(
    ledger: Ledger, master: TradingMaster
) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            earlier = Carry(
                fills=(master.buy("M1", "0.001", "50000"),), reason=Reason.SCALED, detail="small",
                planned=WHOLE, slices=(FRESH,),
            )  # fmt: skip
            ledger.commit(copies=[new_copies(user).of_decision(earlier, NOW, NOW)])
            (joined,) = new_copies(user).joined_by(order(master), "c2")
            assert (joined.copy_id, joined.joined_copy_id) == ("c1", "c2")
            (exited,) = new_copies(user).exited(["c1", "a copy that is not there"])
            assert (exited.reason, exited.joined_copy_id) == (Reason.CARRY_EXITED, "")
            assert exited.detail.startswith("small; the master left the position")

    run(steps())


def test_an_owed_exit_has_an_id_of_its_own_by_the_ledgers_revision(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            owed = Order(
                fills=(), reason=Reason.EXIT_OWED, detail="", planned=WHOLE, volume=WHOLE, slices=(CARRIED,),
                limit_price=None, sweep=True,
            )  # fmt: skip
            copy = new_copies(user).of_owed_exit(owed, BTC, Price(Decimal(50_000)))
            assert (copy.copy_id, copy.fill_seqs) == (f"x{ledger.revision + 1}", ())
            assert (copy.state, copy.sweep, copy.limit_price) == (CopyState.INTENT, True, None)
            assert copy.master_price == 50_000

    run(steps())
