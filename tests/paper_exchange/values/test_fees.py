"""The fee schedule: a volume reaches the highest tier whose bound it has met."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.paper_exchange.values.fees import SCHEDULE, rate, tier_index

VOLUMES = st.decimals(min_value=0, max_value=20_000_000, places=2)


@pytest.mark.parametrize("index", range(len(SCHEDULE)))
def test_a_tier_begins_at_its_volume(index: int) -> None:
    bound = SCHEDULE[index].volume
    assert tier_index(bound) == index
    if bound:
        assert tier_index(bound - Decimal("0.01")) == index - 1


def test_a_rate_is_a_fraction_of_the_cost() -> None:
    assert rate(Decimal(0), maker=False) == Decimal("0.008")
    assert rate(Decimal(0), maker=True) == Decimal("0.004")
    assert rate(Decimal(10_000_000), maker=True) == 0


@given(VOLUMES, VOLUMES)
def test_who_trades_more_pays_no_more_and_a_maker_less_than_a_taker(one: Decimal, other: Decimal) -> None:
    less, more = sorted((one, other))
    for maker in (True, False):
        assert rate(more, maker=maker) <= rate(less, maker=maker)
    assert rate(one, maker=True) < rate(one, maker=False)
