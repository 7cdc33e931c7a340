"""The documented arithmetic of Kraken's rate limits."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.paper_exchange.accounts import rate_limits as limits
from krakencopy.paper_exchange.accounts.rate_limits import Action, Counter, RestCounter, Tier, TradingCounters
from tests.support.paper_venue import SECOND_US, START_US, XBTUSD, pair_named


def seconds(count: float) -> int:
    return START_US + int(count * SECOND_US)


def test_add_amend_after_7_s_and_cancel_after_36_s_cost_8_in_all() -> None:
    add = limits.FIXED_COST
    amend = limits.fixed_cost(Action.AMEND) + limits.age_cost(Action.AMEND, 7 * SECOND_US)
    cancel = limits.fixed_cost(Action.CANCEL) + limits.age_cost(Action.CANCEL, 36 * SECOND_US)
    assert (add, amend, cancel) == (1, 3, 4)
    assert add + amend + cancel == 8


def test_50_orders_at_once_are_26_6_after_10_s_of_intermediate() -> None:
    counters = TradingCounters()
    for _ in range(50):
        counters.charge(Tier.INTERMEDIATE, XBTUSD, limits.FIXED_COST, START_US)
    assert counters.level(Tier.INTERMEDIATE, XBTUSD, seconds(10)) == Decimal("26.60")


@pytest.mark.parametrize(
    ("action", "ages", "costs"),
    [
        (Action.AMEND, (0, 4.9, 5, 10, 15), (3, 3, 2, 1, 0)),
        (Action.EDIT, (0, 5, 10, 15, 45, 90), (6, 5, 4, 2, 1, 0)),
        (Action.CANCEL, (0, 5, 10, 15, 45, 90, 300), (8, 6, 5, 4, 2, 1, 0)),
    ],
)
def test_a_young_order_costs_more(action: Action, ages: tuple[float, ...], costs: tuple[int, ...]) -> None:
    assert tuple(limits.age_cost(action, int(age * SECOND_US)) for age in ages) == costs


def test_a_batch_of_new_orders_costs_half() -> None:
    assert limits.batch_cost(15) == Decimal("7.5")


def test_a_batch_of_cancels_costs_what_its_orders_cost_in_each_pair() -> None:
    other = pair_named("ETHUSD")
    orders = [(XBTUSD, 0), (XBTUSD, 7 * SECOND_US), (other, 100 * SECOND_US)]
    assert limits.cancel_costs(orders) == {XBTUSD: 14, other: 1}


@pytest.mark.parametrize(
    ("tier", "most", "a_second"),
    [
        (Tier.STARTER, 60, "1"),
        (Tier.INTERMEDIATE, 125, "2.34"),
        (Tier.PRO, 180, "3.75"),
    ],
)
def test_a_tier_has_a_threshold_and_a_decay(tier: Tier, most: int, a_second: str) -> None:
    counters = TradingCounters()
    assert counters.fits(tier, XBTUSD, most, START_US)
    assert not counters.fits(tier, XBTUSD, most + 1, START_US)
    counters.charge(tier, XBTUSD, most, START_US)
    assert not counters.fits(tier, XBTUSD, 1, START_US)
    assert counters.level(tier, XBTUSD, seconds(1)) == most - Decimal(a_second)
    assert counters.fits(tier, pair_named("ETHUSD"), most, START_US), "each pair has its own"
    assert tier.max_rate_count == most


@pytest.mark.parametrize(
    ("tier", "most", "one_comes_back_after_s"),
    [
        (Tier.STARTER, 15, 3.031),
        (Tier.INTERMEDIATE, 20, 2),
        (Tier.PRO, 20, 1),
    ],
)
def test_a_key_has_so_many_rest_calls_and_one_more_when_the_counter_has_decayed(
    tier: Tier, most: int, one_comes_back_after_s: float
) -> None:
    counter = RestCounter()
    assert all(counter.count_call(tier, 1, START_US) for _ in range(most))
    after = seconds(one_comes_back_after_s)
    assert counter.level(tier, after - SECOND_US // 10) > most - 1
    assert counter.count_call(tier, 1, after)
    assert not counter.count_call(tier, 1, after)


def test_calls_beyond_the_limit_prolong_the_block_to_a_bound() -> None:
    counter = RestCounter()
    for _ in range(1000):
        counter.count_call(Tier.PRO, 1, START_US)
    assert counter.level(Tier.PRO, START_US) == 40
    assert not counter.count_call(Tier.PRO, 1, seconds(20))
    assert counter.count_call(Tier.PRO, 1, seconds(23))


def test_refused_calls_may_cost_nothing() -> None:
    counter = RestCounter()
    for _ in range(1000):
        counter.count_call(Tier.PRO, 1, START_US, refusals_count=False)
    assert counter.level(Tier.PRO, START_US) == 20
    assert counter.count_call(Tier.PRO, 1, seconds(1), refusals_count=False)


def test_what_is_free_passes_a_full_counter() -> None:
    counter = RestCounter()
    for _ in range(30):
        counter.count_call(Tier.PRO, 1, START_US)
    assert counter.count_call(Tier.PRO, 0, START_US)


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(-5_000_000, 5_000_000)), max_size=30))
def test_a_counter_is_never_negative_and_never_above_what_was_added(steps: list[tuple[int, int]]) -> None:
    counter, now_us, added = Counter(), START_US, 0
    for units, moved_us in steps:
        now_us += moved_us
        counter.add_units(units, 1, now_us)
        added += units
        assert 0 <= counter.level(1, now_us) <= added


@given(st.integers(0, 10**9), st.integers(1, 400), st.integers(0, 10**7), st.integers(0, 10**7))
def test_a_counter_decays_the_same_in_one_step_or_two(units: int, decay: int, first: int, then: int) -> None:
    straight, stopped = Counter(), Counter()
    for counter in (straight, stopped):
        counter.add_units(units, decay, START_US)
    stopped.add_units(0, decay, START_US + first)
    end = START_US + first + then
    assert straight.level(decay, end) == stopped.level(decay, end)
