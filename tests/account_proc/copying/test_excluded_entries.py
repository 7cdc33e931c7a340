"""A pair that is filtered away later: what is carried for it is given up, what is held is sold in full."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from krakencopy.account_proc.contract.copy_state import CopyState
from krakencopy.account_proc.contract.spec import CopyRules
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.state.ledger import Ledger
from tests.support.copying_user import User, copying
from tests.support.scripted_kraken import NOWHERE, run

#: A tenth of what a copy is without it: below the exchange's minimum.
SMALL = replace(CopyRules(), multiplier=Decimal("0.1"))
NO_BTC = replace(CopyRules(), exclude=("XBT/*",))


async def trades(user: User, *sides: Side) -> None:
    for side in sides:
        user.fill(side)
        await user.done()


def test_entries_are_skipped_and_exits_go_on(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            await trades(user, Side.BUY)
        async with copying(ledger, rules=NO_BTC) as again:
            again.seq = 1
            again.copier.recover_unfinished()
            await trades(again, Side.BUY, Side.SELL)
            assert [copy.reason for copy in again.copies] == ["SCALED", "PAIR_EXCLUDED", "EXIT_FULL"]
            assert again.copies[1].detail == 'entries in BTC/USD are not copied: exclude has "XBT/*"'
            assert again.copier.positions.held("BTC") == 0

    run(steps())


def test_what_is_carried_is_given_up_at_the_next_start_with_the_reason(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger, rules=SMALL) as user:
            await trades(user, Side.BUY)
            assert user.copy().reason == "BELOW_ORDERMIN"
        async with copying(ledger, rules=NO_BTC) as again:
            again.copier.recover_unfinished()
            assert again.book.carried == {}
            copy = again.copy()
            assert copy.reason == "PAIR_EXCLUDED"
            assert copy.detail.endswith('given up, as entries in BTC/USD are not copied: exclude has "XBT/*"')
            plan = ledger.get_plan("MO1")
            assert plan is not None
            assert plan.cost.amount == 0
        assert ledger.load_book().carried == {}

    run(steps())


def test_what_is_carried_of_other_pairs_waits_on(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger, rules=SMALL) as user:
            await trades(user, Side.BUY)
        async with copying(ledger, rules=replace(SMALL, exclude=("ETH/*",))) as again:
            again.copier.recover_unfinished()
            assert list(again.book.carried) == [("BTC/USD", Side.BUY)]

    run(steps())


def test_an_entry_that_never_arrived_is_not_sent_again_once_its_pair_is_left_out(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            await user.lose_order()
        async with copying(ledger, rules=replace(NO_BTC, max_entry_age_s=86_400.0)) as again:
            again.kraken.always |= NOWHERE
            again.now += 1000.0
            again.copier.recover_unfinished()
            await again.done()
            assert again.kraken.sent == []
            assert (again.copy().state, again.copy().reason) == (CopyState.REJECTED, "NEVER_ARRIVED")
            assert 'entries in BTC/USD are not copied: exclude has "XBT/*"' in again.copy().detail

    run(steps())
