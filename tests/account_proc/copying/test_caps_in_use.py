"""What a day's entries have cost is counted from the copies in the ledger: the same after a restart, at
whatever durable step the process before it ended.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from krakencopy.account_proc.contract.copy_state import CopyState
from krakencopy.account_proc.contract.errors import ExchangeRefused, RateLimited
from krakencopy.account_proc.contract.money import Money
from krakencopy.account_proc.contract.spec import CopyRules
from krakencopy.account_proc.copying.caps_in_use import CapsInUse
from krakencopy.account_proc.domain.caps import caps_of
from krakencopy.account_proc.domain.entries_made import EntriesMade, day_of
from krakencopy.account_proc.domain.quantities import QuoteAmount, Side
from krakencopy.account_proc.state.ledger import Ledger
from tests.support.copying_user import User, copying
from tests.support.scripted_kraken import NOWHERE, run

D = Decimal


def capped(**caps: Any) -> CopyRules:
    return replace(CopyRules(), **caps)


#: Of a tenth of the master's 50 USD each time; one more is below the exchange's minimum of 2.5.
TWO_A_DAY = capped(max_daily_notional=Money(D(12), "USD"))


def reasons(user: User) -> list[tuple[str, str]]:
    return [(copy.reason, copy.cap) for copy in user.copies]


async def buys(user: User, times: int = 1) -> None:
    for _ in range(times):
        user.fill()
        await user.done()


@pytest.mark.parametrize(
    ("rules", "cap"),
    [(TWO_A_DAY, "max_daily_notional"), (capped(max_orders_per_day=2), "max_orders_per_day")],
)
def test_a_day_that_is_used_up_stays_so_after_a_restart_and_ends_at_midnight(
    ledger: Ledger, rules: CopyRules, cap: str
) -> None:
    async def steps() -> None:
        async with copying(ledger, rules=rules) as user:
            await buys(user, 3)
            assert reasons(user) == [("SCALED", ""), ("SCALED", ""), ("CAP_EXHAUSTED", cap)]
        async with copying(ledger, rules=rules) as again:
            again.seq = 3
            await buys(again)
            assert reasons(again)[-1] == ("CAP_EXHAUSTED", cap)
            again.fill(Side.SELL)
            await again.done()
            assert reasons(again)[-1] == ("EXIT_FULL", "")
            again.now += 86_400
            await buys(again)
            assert reasons(again)[-1] == ("SCALED", "")

    run(steps())


def test_a_cap_of_a_day_that_is_set_at_noon_counts_the_whole_day(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            await buys(user, 2)
        async with copying(ledger, rules=TWO_A_DAY) as again:
            again.seq = 2
            await buys(again)
            assert reasons(again)[-1] == ("CAP_EXHAUSTED", "max_daily_notional")

    run(steps())


def test_an_order_that_an_earlier_process_left_on_its_way_counts_at_the_most_that_it_may_cost(
    ledger: Ledger,
) -> None:
    async def steps() -> None:
        async with copying(ledger, rules=TWO_A_DAY) as user:
            await buys(user)
            left = replace(user.copy(), copy_id="c9", state=CopyState.INTENT, cl_ord_id="another", cost=D(0))
            ledger.commit(copies=[left])
        in_use = CapsInUse(user.context, user.context.by_pair.cap_keys)
        state = in_use.state(caps_of(TWO_A_DAY), "BTC/USD", QuoteAmount(D(100)), lambda _: D(1), user.now)
        (spent,) = state.made.spent(state.day)
        assert left.limit_price is not None
        assert spent == ("BTC/USD", user.copy().cost + left.ordered * left.limit_price)
        assert list(state.made.on_way()) == [("BTC/USD", left.ordered * left.limit_price)]

    run(steps())


def test_at_each_durable_step_a_new_process_would_count_what_this_one_counts(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def counted(user: User) -> tuple[Any, ...]:
        """By a process that starts now, which follows the ledger in the place of the one that runs."""
        running = ledger.on_copy
        made = CapsInUse(user.context, user.context.by_pair.cap_keys)._made
        ledger.on_copy = running
        return figures(made, day_of(user.now))

    def figures(made: EntriesMade, day: int) -> tuple[Any, ...]:
        return sorted(made.spent(day)), made.orders(day), sorted(made.on_way())

    async def steps() -> None:
        async with copying(ledger, rules=capped(max_daily_notional=Money(D(1000), "USD"))) as user:
            commit, seen = ledger.commit, []

            def commits(**step: Any) -> None:
                commit(**step)
                in_use = user.copier._answers._holdings._caps_in_use
                assert in_use is not None
                now = counted(user)
                assert figures(in_use._made, day_of(user.now)) == now
                seen.append(now)

            monkeypatch.setattr(ledger, "commit", commits)
            user.kraken.next["AddOrder"] = [
                RateLimited("AddOrder", ("EOrder:Rate limit exceeded",)),
                ExchangeRefused("AddOrder", ("EOrder:Cost minimum not met",)),
            ]
            for side in (Side.BUY, Side.BUY, Side.SELL, Side.BUY):
                user.fill(side)
                await user.done()
            assert len({repr(one) for one in seen}) > 4

    run(steps())


def test_no_cap_asks_the_ledger_for_nothing_on_the_way_of_an_order(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            await buys(user)
            assert ledger.on_copy is None

    run(steps())


def test_the_minimum_of_the_pair_says_what_is_dust(ledger: Ledger) -> None:
    async def steps() -> None:
        rules = capped(max_open_pairs=1)
        async with copying(ledger, rules=rules) as user:
            state = CapsInUse(user.context, user.context.by_pair.cap_keys).state(
                caps_of(rules), "BTC/USD", QuoteAmount(D(100)), lambda _: D(1), user.now
            )
            assert state.ordermin("BTC/USD") > 0
            assert state.ordermin("NO/SUCH") == 0

    run(steps())


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        (
            capped(max_daily_notional=Money(D(5), "USD")),
            "max_daily_notional = 5 USD (0 USD were spent today) leaves 5 for 5.025",
        ),
        (capped(max_orders_per_day=1), ""),
        (capped(max_open_pairs=1), ""),
        (capped(max_daily_notional=Money(D(6), "USD")), ""),
        (
            capped(max_gross_exposure=Money(D(6), "EUR")),
            "what max_gross_exposure = 6 EUR leaves is not known, as EUR has no known price",
        ),
    ],
)
def test_an_entry_that_never_arrived_is_held_against_the_caps_of_now_before_it_is_sent_again(
    ledger: Ledger, rules: CopyRules, words: str
) -> None:
    patient = replace(rules, max_entry_age_s=86_400.0)

    async def steps() -> None:
        async with copying(ledger) as user:
            await user.lose_order()
        async with copying(ledger, rules=patient) as again:
            again.kraken.always |= NOWHERE
            again.now += 1000.0
            again.copier.recover_unfinished()
            await again.done()
            copy = again.copy()
            if words:
                assert (copy.state, copy.reason) == (CopyState.REJECTED, "NEVER_ARRIVED")
                assert words in copy.detail
                assert again.kraken.sent == []
            else:
                assert copy.state is CopyState.FILLED
                assert len(again.kraken.sent) == 1

    run(steps())
