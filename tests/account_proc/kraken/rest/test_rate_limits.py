"""What Kraken would count, counted here: its documented examples, and never more than the limit for
whoever asks first.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.contract.errors import ExchangeRefused, KeyRefused, RateLimited
from krakencopy.account_proc.contract.spec import Tier
from krakencopy.account_proc.kraken.rest.rate_limits import (
    KEY_TRIES,
    TIERS,
    AccountLimits,
    DecayingCounter,
    cancel_cost,
    rest_cost,
)

#: A time that any clock may show, in seconds.
NOW = 86_400.0
#: What floating point loses at such a time.
DUST = 1e-6
#: Kraken: what its lowest tier may use at once, and gets back each second.
STARTER_REST, STARTER_DECAY = 15.0, 0.33

pauses = st.floats(0.0, 30.0)
costs = st.floats(0.1, 20.0)
#: Those of Kraken; the one without limits has none to be exact about.
tiers = st.sampled_from([tier for tier in Tier if tier is not Tier.UNLIMITED])


def limited(error: str, method: str = "Balance") -> RateLimited:
    return RateLimited(method, (error,))


def starter() -> AccountLimits:
    return AccountLimits(Tier.STARTER, lockout_s=960.0)


# -- Kraken's examples -------------------------------------------------------------------------------------


def test_fifty_orders_have_decayed_to_26_6_after_10_s_in_the_intermediate_tier() -> None:
    tier = TIERS[Tier.INTERMEDIATE]
    counter = DecayingCounter(tier.order_limit, tier.order_decay)
    for _ in range(50):
        counter.charge(1.0, NOW)
    assert counter.level(NOW + 10) == pytest.approx(26.6)


@pytest.mark.parametrize(
    ("age_s", "cost"),
    [(0, 8), (4.9, 8), (5, 6), (10, 5), (15, 4), (45, 2), (90, 1), (299, 1), (300, 0)],
)
def test_cancelling_an_order_costs_less_the_older_it_is(age_s: float, cost: int) -> None:
    assert cancel_cost(age_s) == cost


def test_a_cancel_leaves_less_room_for_orders_of_its_pair() -> None:
    limits = starter()
    for _ in range(7):
        limits.charge_cancel("BTC/USD", 1.0, NOW)
    assert limits.order_wait_s("BTC/USD", NOW) == 0
    limits.charge_cancel("BTC/USD", 1.0, NOW)
    assert limits.order_wait_s("BTC/USD", NOW) == pytest.approx(5.0)
    assert limits.order_wait_s("ETH/USD", NOW) == 0


def test_orders_are_free_of_the_rest_counter_and_history_is_dear() -> None:
    assert rest_cost("AddOrder") == rest_cost("CancelOrder") == rest_cost("AmendOrder") == 0
    assert rest_cost("Balance") == rest_cost("GetWebSocketsToken") == rest_cost("CancelAll") == 1
    assert rest_cost("OpenOrders") == 2
    assert rest_cost("TradesHistory") == rest_cost("ClosedOrders") == rest_cost("Ledgers") == 4


# -- the counter -------------------------------------------------------------------------------------------


@given(tiers, st.lists(st.tuples(pauses, costs), max_size=60))
def test_whoever_asks_first_is_never_above_the_limit(tier: Tier, uses: Sequence[tuple[float, float]]) -> None:
    limits = TIERS[tier]
    counter = DecayingCounter(limits.rest_limit, limits.rest_decay)
    now = NOW
    for pause, cost in uses:
        now = max(now + pause, counter.room_at(cost))
        counter.charge(cost, now)
        assert counter.level(now) <= max(counter.limit, cost) + DUST


@given(
    tiers,
    st.lists(st.tuples(pauses, costs), min_size=1, max_size=20),
    st.floats(0.1, 15.0),
    st.floats(0.001, 60.0),
)
def test_a_wait_is_exact(
    tier: Tier, uses: Sequence[tuple[float, float]], cost: float, earlier: float
) -> None:  # fmt: skip
    limits = TIERS[tier]
    counter = DecayingCounter(limits.rest_limit, limits.rest_decay)
    now = NOW
    for pause, used in uses:
        now += pause
        counter.charge(used, now)
    at = counter.room_at(cost)
    assert counter.level(at) + cost <= counter.limit + DUST
    if at - earlier >= now:
        assert counter.level(at - earlier) + cost > counter.limit


@given(st.lists(st.tuples(pauses, st.floats(0.0, 5.0), costs), max_size=30))
def test_wherever_the_exchange_counts_between_sending_and_answer_it_never_counts_more_than_we_do(
    calls: Sequence[tuple[float, float, float]],
) -> None:
    ours, theirs = (DecayingCounter(STARTER_REST, STARTER_DECAY) for _ in range(2))
    now = NOW
    for pause, delay, cost in calls:
        now += pause
        ours.charge(cost, now)
        theirs.charge(cost, now + delay)
        now += delay
        ours.counted_by(cost, now)
        assert ours.level(now) >= theirs.level(now) - DUST


def test_a_cost_over_the_limit_waits_for_an_empty_counter_and_not_for_ever() -> None:
    counter = DecayingCounter(10.0, 1.0)
    counter.charge(4.0, NOW)
    assert counter.room_at(50.0) == NOW + 4


# -- what an account may send when -------------------------------------------------------------------------


def test_a_fresh_account_may_send_at_once() -> None:
    limits = starter()
    assert limits.goes_at("TradesHistory", 11.0, NOW) <= NOW
    assert limits.order_wait_s("BTC/USD", NOW) == 0
    assert limits.locked_s(NOW) == 0


def test_a_reserve_is_left_to_what_is_more_important() -> None:
    limits = starter()
    for _ in range(8):
        limits.charge("Balance", NOW)
    assert limits.goes_at("Balance", 7.0, NOW) == pytest.approx(NOW + 1 / STARTER_DECAY)
    assert limits.goes_at("Balance", 0.0, NOW) <= NOW
    assert limits.goes_at("ClosedOrders", 0.0, NOW) <= NOW


def test_a_burst_of_orders_waits_exactly_from_the_61st_on() -> None:
    limits = starter()
    for number in range(60):
        assert limits.order_wait_s("BTC/USD", NOW) == 0, number
        limits.charge_order("BTC/USD", NOW)
    assert limits.order_wait_s("BTC/USD", NOW) == pytest.approx(1.0)
    assert limits.order_wait_s("BTC/USD", NOW + 0.4) == pytest.approx(0.6)
    assert limits.order_wait_s("ETH/USD", NOW) == 0


def test_a_refusal_for_the_rate_takes_the_counter_as_full_until_half_has_decayed() -> None:
    limits = starter()
    limits.refused(limited("EAPI:Rate limit exceeded"), NOW, 0.0)
    assert limits.rest.level(NOW) >= STARTER_REST
    half = STARTER_REST / 2 / STARTER_DECAY
    assert limits.goes_at("Balance", 7.0, NOW) >= NOW + half
    # What an order's fate hangs on waits only for its own room.
    assert NOW < limits.goes_at("GetWebSocketsToken", 0.0, NOW) < NOW + half
    assert limits.order_wait_s("BTC/USD", NOW) == 0


def test_a_refused_order_fills_the_counter_of_its_pair_alone() -> None:
    limits = starter()
    for pair in ("BTC/USD", "ETH/USD"):
        limits.charge_order(pair, NOW)
    error = limited("EOrder:Rate limit exceeded", "AddOrder")
    limits.refused(error, NOW, 0.0)
    limits.order_refused("BTC/USD", error, NOW)
    assert limits.order_wait_s("BTC/USD", NOW) == pytest.approx(1.0)
    assert limits.order_wait_s("ETH/USD", NOW) == 0
    assert limits.rest.level(NOW) == 0


@pytest.mark.parametrize(
    ("said", "pause_s"),
    [
        ("EService:Throttled:1795336512", 12.0),
        ("EService:Throttled:1795339999", 60.0),
        ("EService:Throttled:1795336400", 1.0),
        ("EService:Throttled:soon", 1.0),
        ("EService:Throttled", 1.0),
    ],
)
def test_nothing_is_sent_before_the_time_that_the_exchange_names_within_bounds(
    said: str, pause_s: float
) -> None:
    limits = starter()
    limits.refused(limited(said), NOW, 1_795_336_500.0)
    assert limits.throttled_until == NOW + pause_s
    assert limits.goes_at("GetWebSocketsToken", 0.0, NOW) == NOW + pause_s
    assert limits.order_wait_s("BTC/USD", NOW) == pause_s
    assert limits.rest.level(NOW) == 0


def test_a_lockout_is_believed_at_once() -> None:
    limits = starter()
    limits.refused(KeyRefused("Balance", ("EGeneral:Temporary lockout",)), NOW, 0.0)
    assert limits.locked_s(NOW + 60) == 900
    assert limits.locked_s(NOW + 960) == 0


@pytest.mark.parametrize("error", ["EAPI:Invalid key", "EAPI:Invalid signature"])
def test_a_key_that_is_refused_again_and_again_is_left_alone_before_it_is_locked_out(error: str) -> None:
    limits = starter()
    refused = KeyRefused("Balance", (error,))
    for _ in range(KEY_TRIES - 1):
        limits.refused(refused, NOW, 0.0)
    limits.accepted()
    for _ in range(KEY_TRIES - 1):
        limits.refused(refused, NOW, 0.0)
    limits.refused(ExchangeRefused("AddOrder", ("EOrder:Insufficient funds",)), NOW, 0.0)
    for _ in range(KEY_TRIES - 1):
        limits.refused(refused, NOW, 0.0)
        assert limits.locked_s(NOW) == 0
    limits.refused(refused, NOW, 0.0)
    assert limits.locked_s(NOW) == 960


def test_the_first_refusal_of_a_key_is_kept_until_it_is_taken() -> None:
    limits = starter()
    for text in ("EAPI:Invalid key", "EAPI:Invalid signature", "EGeneral:Temporary lockout"):
        limits.refused(KeyRefused("Balance", (text,)), NOW, NOW)
    assert limits.key_refused_for == "EAPI:Invalid key"
    assert limits.locked_s(NOW)
    limits.accepted()
    assert not limits.key_refused_for


def test_a_missing_permission_locks_nothing() -> None:
    limits = starter()
    for _ in range(10):
        limits.refused(KeyRefused("Balance", ("EGeneral:Permission denied",)), NOW, 0.0)
    assert limits.locked_s(NOW) == 0


def test_the_status_shows_the_fullest_pair_and_counts_refusals() -> None:
    limits = AccountLimits(Tier.PRO)
    empty = limits.status(NOW, 0)
    assert (empty.tier, empty.order_pair, empty.order_counter, empty.refused) == ("pro", "", 0, 0)
    for pair in ("BTC/USD", "ETH/USD", "ETH/USD"):
        limits.charge_order(pair, NOW)
        limits.order_answered(pair, NOW)
    limits.charge("ClosedOrders", NOW)
    limits.answered("ClosedOrders", NOW)
    limits.refused(limited("EAPI:Rate limit exceeded"), NOW - 100, 0.0)
    shown = limits.status(NOW, 3)
    assert (shown.order_pair, shown.order_counter, shown.order_limit) == ("ETH/USD", 2, 180)
    assert (shown.rest_counter, shown.rest_limit, shown.waiting, shown.refused) == (4, 20, 3, 1)
