"""When a limit would have been hit first: by the counting of losses of an account's process, held against
numbers by hand.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.contract.loss_limits import Action, LossLimit, Metric, Window
from krakencopy.account_proc.contract.money import Money
from krakencopy.account_proc.contract.proto_time import seconds
from krakencopy.account_proc.contract.spec import CopyRules, Sizing
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.simulation.estimated_limits import EstimatedLimits
from krakencopy.account_proc.simulation.history import MasterHistory
from krakencopy.account_proc.simulation.outcome import Outcomes
from krakencopy.account_proc.simulation.performance import Performance
from krakencopy.account_proc.simulation.replay import Account, replay
from krakencopy.v1 import simulation_pb2, types_pb2
from tests.support.copying import LOTS, NOW
from tests.support.copying_user import streamed_fill
from tests.support.replayed_lives import past_of

D = Decimal
DAY_S = 86_400
TEN_DOLLARS = LossLimit("day", Metric.EQUITY, Window.DAY, Money(D(10), "USD"), D("0.8"), Action.REDUCING)
TENTH = TEN_DOLLARS._replace(name="tenth", window=Window.TRAILING, max_loss=D("0.1"))


def dollars(asset: str, currency: str) -> Decimal | None:
    return D(1) if asset == currency else None


def judged(limit: LossLimit, *won: tuple[float, int], equity: int = 100) -> types_pb2.LossLimit:
    """By what was won at times, all of it by coins that are still held."""
    performance = Performance(lambda _: D(1))
    limits = EstimatedLimits([limit], "USD", dollars)
    limits.take_equity(NOW, D(equity), performance)
    for at, amount in won:
        performance.realised = D(amount)
        limits.look(at, performance)
    (shown,) = limits.to_proto("anna")
    return shown


def test_a_limit_in_money_is_hit_by_the_first_fall_that_is_deep_enough() -> None:
    shown = judged(TEN_DOLLARS, (NOW, 0), (NOW + 1, -9), (NOW + 2, -12), (NOW + 3, -30))
    assert (shown.state, shown.loss, seconds(shown.hit_at)) == (
        types_pb2.LIMIT_STATE_HIT, "12 USD", NOW + 2
    )  # fmt: skip
    assert shown.configured


def test_one_that_is_not_hit_says_how_near_it_was() -> None:
    shown = judged(TEN_DOLLARS, (NOW, 0), (NOW + 1, -9), (NOW + 2, 5))
    assert (shown.state == types_pb2.LIMIT_STATE_HIT, shown.loss, shown.used_percent) == (
        False,
        "9 USD",
        "90",
    )


def test_a_day_begins_with_what_there_was_last() -> None:
    shown = judged(TEN_DOLLARS, (NOW, 0), (NOW + 1, -9), (NOW + DAY_S, -18), (NOW + DAY_S + 1, -20))
    assert (shown.loss, seconds(shown.hit_at)) == ("11 USD", NOW + DAY_S + 1)


def test_a_trailing_limit_in_percent_counts_from_the_highest() -> None:
    shown = judged(TENTH, (NOW, 0), (NOW + 1, 100), (NOW + 2, 81), (NOW + 3, 79))
    assert (shown.loss, seconds(shown.hit_at)) == ("10.5%", NOW + 3)


def test_what_comes_in_or_goes_out_is_no_loss_and_hides_none() -> None:
    performance = Performance(lambda _: D(1))
    limits = EstimatedLimits([TEN_DOLLARS], "USD", dollars)
    limits.take_equity(NOW, D(100), performance)
    limits.look(NOW, performance)
    limits.take_equity(NOW + 1, D(20), performance)  # 80 went out
    limits.look(NOW + 1, performance)
    performance.realised = D(-8)
    limits.take_equity(NOW + 2, D(512), performance)  # 8 were lost, 500 came in
    limits.look(NOW + 2, performance)
    (shown,) = limits.to_proto("anna")
    assert (shown.loss, shown.state == types_pb2.LIMIT_STATE_HIT) == ("8 USD", False)


@pytest.mark.parametrize("limit", [TEN_DOLLARS._replace(max_loss=Money(D(10), "EUR"))])
def test_without_a_rate_nothing_is_said(limit: LossLimit) -> None:
    shown = judged(limit, (NOW, 0), (NOW + 1, -90))
    assert (shown.loss, shown.state == types_pb2.LIMIT_STATE_HIT) == ("", False)


@given(st.lists(st.integers(-60, 60), min_size=1, max_size=12), st.integers(1, 80))
def test_it_is_the_first_moment_of_an_independent_count(moves: list[int], most: int) -> None:
    trailing = TEN_DOLLARS._replace(window=Window.TRAILING, max_loss=Money(D(most), "USD"))
    level, high, first, at = 0, 0, None, NOW
    looks = [(NOW, 0)]
    for number, move in enumerate(moves, start=1):
        level += move
        at = NOW + number
        looks.append((at, level))
        high = max(high, level)
        if first is None and high - level >= most:
            first = at
    shown = judged(trailing, *looks)
    found = seconds(shown.hit_at) if shown.state == types_pb2.LIMIT_STATE_HIT else None
    assert found == first


def simulated(rules: CopyRules) -> simulation_pb2.SimulatedAccount:
    """The master buys 0.01 for 500, the price falls, and it sells."""
    fills = [streamed_fill(number, Side.BUY, "BTC/USD", NOW + number) for number in range(3)]
    for fill, price in zip(fills, ("50000", "48000", "45000"), strict=True):
        fill.price, fill.volume, fill.seq = price, "0.01", fill.seq + 1
    master = MasterHistory(journal_id="a journal", fills=tuple(fills))
    account = Account(account_id="anna", history=None, wallet={"USD": D(10_000)}, rules=rules)
    return Outcomes().add(replay(account, past_of(master, [LOTS])))


def test_a_simulation_says_when_and_stops_nothing() -> None:
    rules = CopyRules(
        sizing=Sizing.FIXED_RATIO, ratio=D(1), max_user_risk=D(1), limits=(TEN_DOLLARS,), max_entry_age_s=60
    )
    found = simulated(rules)
    without = simulated(replace(rules, limits=()))
    assert found.simulated == without.simulated
    (limit,) = found.limits
    # Bought for 500 and 2 of fees; at 48000 that is 480.
    assert (limit.state, limit.loss) == (types_pb2.LIMIT_STATE_HIT, "22 USD")
    assert any("limits to losses stop and sell nothing here" in each for each in found.assumptions)
    assert not without.limits
