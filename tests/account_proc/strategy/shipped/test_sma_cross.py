"""The cross of averages enters and leaves where they cross, and forgets what a pause cut off."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.strategy.shipped.sma_cross import SmaCross
from tests.support.strategies import Held, tick, wanted


def test_the_cross_enters_when_the_fast_average_rises_above_the_slow_one_and_leaves_when_it_falls_below() -> (
    None
):
    account = Held()
    cross = SmaCross({"fast": 2, "slow": 4, "share": "0.05"})
    assert list(cross.on_start(account)) == []
    assert wanted(cross, [100, 99, 98, 97, 96]) == []
    (entry,) = wanted(cross, [104])
    assert (entry.side, entry.share) == (Side.BUY, Decimal("0.05"))
    account.volumes["BTC/USD"] = Decimal("0.1")
    assert wanted(cross, [105, 106]) == []
    (leave,) = wanted(cross, [90])
    assert (leave.side, leave.share) == (Side.SELL, Decimal(1))


@given(st.lists(st.integers(1, 1000), max_size=60))
def test_the_cross_never_enters_twice_nor_without_a_cross_seen_since_its_start(prices: list[int]) -> None:
    account = Held()
    cross = SmaCross({"fast": 2, "slow": 5})
    cross.on_start(account)
    for number, price in enumerate(prices):
        for intent in cross.on_market(tick(price)):
            assert number >= 5, "an entry needs averages on two ticks"
            assert (intent.side is Side.BUY) == (account.position("BTC/USD") == 0)
            account.volumes["BTC/USD"] = Decimal(intent.side is Side.BUY)


def test_averages_from_before_a_pause_are_forgotten() -> None:
    cross = SmaCross({"fast": 1, "slow": 3})
    cross.on_start(Held())
    wanted(cross, [100, 90, 80, 70])
    cross.on_start(Held())
    assert wanted(cross, [200, 300]) == []
