"""How exits change their form: never the same order again at once, ever further while nobody buys, own
orders spared at first.
"""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.copying.exit_forms import (
    BOUNDS_BPS,
    SELF_TRADE_TRIES,
    ExitForm,
    Obstacle,
    Pauses,
    Standing,
    after,
    first_form,
    is_self_trade,
    obstacle_of_refusal,
)

PAUSES = Pauses(quick=2.0, first=5.0, longest=60.0)
#: What an exit may meet, one after another, and whether a part of it was sold.
meetings = st.lists(st.tuples(st.sampled_from(Obstacle), st.booleans()), max_size=40)


def standings(met: list[tuple[Obstacle, bool]]) -> list[Standing]:
    """Where exits stand after each of these."""
    found = [Standing()]
    for obstacle, sold in met:
        found.append(after(found[-1], obstacle, str(obstacle), PAUSES, sold=sold))
    return found


@given(meetings)
def test_what_follows_is_another_form_or_comes_later_and_later(met: list[tuple[Obstacle, bool]]) -> None:
    for before, now in pairwise(standings(met)):
        assert 0 < now.pause_s <= PAUSES.longest
        if now.form == before.form and now.met > 1:
            assert now.pause_s >= min(2 * before.pause_s, PAUSES.longest)


@given(st.sampled_from(Obstacle), st.booleans(), st.integers(30, 80))
def test_what_is_met_for_ever_is_tried_once_a_minute_at_last(
    obstacle: Obstacle, sold: bool, times: int
) -> None:
    last = standings([(obstacle, sold)] * times)[-1]
    assert last.pause_s == PAUSES.longest
    assert last.met == times


@given(meetings)
def test_an_exit_gives_way_to_own_orders_until_it_has_met_them_often_enough(
    met: list[tuple[Obstacle, bool]],
) -> None:
    for before, now in pairwise(standings(met)):
        if now.form.cancels_own and not before.form.cancels_own:
            assert (now.obstacle, now.met) == (Obstacle.SELF_TRADE, SELF_TRADE_TRIES)


def test_limit_orders_that_find_no_buyer_go_further_below_the_bid_up_to_the_last_bound() -> None:
    first = after(Standing(), Obstacle.FORM_REFUSED, "EOrder:no", PAUSES)
    found = [first]
    for _ in range(6):
        found.append(after(found[-1], Obstacle.NOT_ALL_SOLD, "", PAUSES))
    bounds = [standing.form.bound_bps for standing in found]
    assert bounds == [*BOUNDS_BPS, BOUNDS_BPS[-1], BOUNDS_BPS[-1]]
    assert [standing.pause_s for standing in found[:5]] == [PAUSES.quick] * 5


def test_a_market_order_that_sold_a_part_stays_one_and_one_that_sold_nothing_becomes_a_limit_order() -> None:
    assert after(Standing(), Obstacle.NOT_ALL_SOLD, "", PAUSES, sold=True).form == ExitForm()
    assert after(Standing(), Obstacle.NOT_ALL_SOLD, "", PAUSES).form == ExitForm(bound_bps=BOUNDS_BPS[0])


def test_where_both_kinds_of_order_are_refused_they_are_tried_in_turn_after_growing_pauses() -> None:
    found = standings([(Obstacle.FORM_REFUSED, False)] * 6)[1:]
    assert [standing.form.bound_bps for standing in found] == [BOUNDS_BPS[0], None] * 3
    assert [standing.pause_s for standing in found] == [2, 10, 20, 40, 60, 60]


def test_a_pair_that_takes_limit_orders_only_gets_one_before_anything_was_refused() -> None:
    assert first_form(Standing(), "limit_only") == ExitForm(bound_bps=BOUNDS_BPS[0])
    assert first_form(Standing(form=ExitForm(bound_bps=200)), "limit_only") == ExitForm(bound_bps=200)
    # What a status that is an hour old says of a closed market is not worth waiting for.
    assert first_form(Standing(), "cancel_only") == first_form(Standing(), "online") == ExitForm()


@pytest.mark.parametrize(
    ("error", "obstacle"),
    [
        ("EOrder:Insufficient funds", Obstacle.FUNDS),
        ("EGeneral:Invalid arguments:volume minimum not met", Obstacle.BELOW_MINIMUM),
        ("EOrder:Cost minimum not met", Obstacle.BELOW_MINIMUM),
        ("EService:Market in limit_only mode", Obstacle.FORM_REFUSED),
        ("EService:Market in post_only mode", Obstacle.MARKET_CLOSED),
        ("EService:Market in cancel_only mode", Obstacle.MARKET_CLOSED),
        ("EOrder:Self trade prevention", Obstacle.SELF_TRADE),
        ("EOrder:Invalid price", Obstacle.FORM_REFUSED),
        ("EGeneral:Invalid arguments:ordertype", Obstacle.FORM_REFUSED),
        ("EOrder:Orders limit exceeded", Obstacle.REFUSED),
        ("EGeneral:Permission denied", Obstacle.REFUSED),
        ("EQuery:Unknown asset pair", Obstacle.REFUSED),
    ],
)
def test_what_a_refusal_says_is_in_the_way(error: str, obstacle: Obstacle) -> None:
    assert obstacle_of_refusal(error) is obstacle


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("Self trade prevention", True),
        ("Canceled by STP", True),
        ("self-trade prevented", True),
        ("User requested", False),
        ("", False),
        ("stopped", False),
    ],
)
def test_an_order_that_met_one_of_the_accounts_own_is_known_by_its_reason(words: str, expected: bool) -> None:
    assert is_self_trade(words) == expected


def test_a_form_says_what_it_is() -> None:
    assert str(ExitForm()) == "a market order"
    assert str(ExitForm(bound_bps=50, cancels_own=True)) == (
        "a limit order 0.5 % below the bid that cancels the account's own orders in its way"
    )
