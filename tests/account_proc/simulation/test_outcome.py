"""What replays come to: counts, sums of money, and what is in no sum. The whole: system/test_simulate.py."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.contract.copy_state import CopyState
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.simulation.forecast import Kind, Share
from krakencopy.account_proc.simulation.outcome import Outcome, Outcomes, forecast_of
from krakencopy.account_proc.simulation.performance import Performance
from krakencopy.v1 import types_pb2 as pb

D = Decimal


def copy_of(number: int, state: CopyState, reason: str = "SCALED", cap: str = "") -> CopyRecord:
    filled = D(1) if state is CopyState.FILLED else D(0)
    return CopyRecord(
        copy_id=f"c{number}", fill_seqs=(number,), pair="BTC/USD", side=Side.BUY, state=state, reason=reason,
        detail="", cap=cap, ordered=filled, filled=filled,
    )  # fmt: skip


def performance(realised: str, *curve: int) -> Performance:
    return Performance(
        rate=lambda _: D(1), bought=D("10.004"), fees=D("0.5"), realised=D(realised),
        curve=list(map(Decimal, curve)),
    )  # fmt: skip


class NoLimits:
    def to_proto(self, _account_id: str) -> list[pb.LossLimit]:
        return []


def replayed(name: str, *, is_shadow: bool = False, was_there: bool = True) -> Any:
    return SimpleNamespace(
        account_id=name, is_shadow=is_shadow, was_there=was_there, assumptions=["assumed"],
        copies=[copy_of(1, CopyState.FILLED)], real_copies=[copy_of(1, CopyState.SKIPPED, "PAUSED")],
        replayed=performance("3", 1, 3), real=performance("2", 2), limits=NoLimits(),
    )  # fmt: skip


def test_copies_are_counted_and_money_is_summed_to_cents() -> None:
    copies = [
        copy_of(1, CopyState.FILLED, "CAPPED", "max_order_notional"),
        copy_of(2, CopyState.SKIPPED, "PAUSED"),
        copy_of(3, CopyState.SKIPPED, "PAUSED"),
        copy_of(4, CopyState.CARRIED, "BELOW_ORDERMIN"),
        copy_of(5, CopyState.REJECTED, "EXCHANGE_REFUSED"),
    ]
    # The second begins later: it was at nothing before. Together: 5, 2 + 0, 4 + 1: the fall is 3.
    made = Outcome.of(copies, performance("1.005", 5, 2, 4))
    made.add(Outcome.of([], performance("-0.5", 0, 1)))
    found = made.to_proto()
    assert (found.copies, found.filled, found.carried) == (5, 1, 1)
    assert [(each.reason, each.copies) for each in found.skipped] == [("PAUSED", 2)]
    assert [(each.reason, each.copies) for each in found.rejected] == [("EXCHANGE_REFUSED", 1)]
    assert [(each.reason, each.copies) for each in found.capped] == [("max_order_notional", 1)]
    assert (found.bought, found.fees, found.profit, found.drawdown) == ("20.01", "1", "0.5", "3")


def test_a_shadow_is_in_no_sum_and_who_was_not_there_in_the_simulated_alone() -> None:
    outcomes = Outcomes()
    for each in (replayed("ann"), replayed("bob", was_there=False), replayed("eve", is_shadow=True)):
        outcomes.add(each)
    assert [each.HasField("real") for each in outcomes.accounts] == [True, False, True]
    found = outcomes.sum()
    assert (found.simulated.filled, found.simulated.realised) == (2, "6")
    assert (found.real.copies, found.real.realised) == (1, "2")
    assert list(found.assumptions) == [
        "bob: not there then, and in the simulated sums alone", "eve: a shadow, and in no sum",
    ]  # fmt: skip


curves = st.lists(st.integers(-99, 99), min_size=1, max_size=5)
any_copies = st.lists(
    st.tuples(
        st.sampled_from([CopyState.FILLED, CopyState.SKIPPED, CopyState.REJECTED, CopyState.CARRIED]),
        st.sampled_from(["PAUSED", "NO_MARK"]),
        st.sampled_from(["", "max_daily_notional"]),
    ),
    max_size=4,
)
any_users = st.lists(st.tuples(any_copies, curves, st.booleans(), st.booleans()), max_size=5)


@given(any_users)
def test_the_sum_is_that_of_all_copies_and_curves_together(users: list[Any]) -> None:
    outcomes = Outcomes()
    for number, (copies, curve, is_shadow, was_there) in enumerate(users):
        made = replayed(f"u{number}", is_shadow=is_shadow, was_there=was_there)
        made.copies = [copy_of(seq, *copy) for seq, copy in enumerate(copies)]
        made.replayed = performance("3", *curve)
        outcomes.add(made)
    found = outcomes.sum()
    counted = [(copies, curve) for copies, curve, is_shadow, _ in users if not is_shadow]
    copies = [copy for of, _ in counted for copy in of]
    states = Counter(state for state, _, _ in copies)
    assert found.simulated.copies == len(copies)
    assert found.simulated.filled == states[CopyState.FILLED]
    assert found.simulated.carried == states[CopyState.CARRIED]
    for state, shown in (
        (CopyState.SKIPPED, found.simulated.skipped), (CopyState.REJECTED, found.simulated.rejected),
    ):  # fmt: skip
        reasons = Counter(reason for each, reason, _ in copies if each is state)
        assert {each.reason: each.copies for each in shown} == reasons
    capped = Counter(cap for _, _, cap in copies if cap)
    assert {each.reason: each.copies for each in found.simulated.capped} == capped
    # From the last point backwards: who has no point there was at nothing.
    points = max((len(curve) for _, curve in counted), default=0)
    together = [
        sum(curve[-back] for _, curve in counted if len(curve) >= back) for back in range(points, 0, -1)
    ]
    fall = max((max([0, *together[: at + 1]]) - value for at, value in enumerate(together)), default=0)
    assert Fraction(found.simulated.drawdown) == fall
    assert Fraction(found.simulated.realised) == 3 * len(counted)
    real = [user for user in users if user[3] and not user[2]]
    assert found.real.copies == len(real)
    assert Fraction(found.real.realised) == 2 * len(real)


def test_a_forecast_has_shares_of_fills_and_of_their_worth() -> None:
    fill = pb.Fill(seq=7)
    fill.executed_at.FromSeconds(1_000)
    shares = [
        Share(kind=Kind.COPIED, fills=3, notional=D(25), reasons={}),
        Share(kind=Kind.CAPPED, fills=1, notional=D(75), reasons={"max": 1}),
    ]
    found = forecast_of(
        replayed("ann"), [fill] * 4, {"USD": D("100.504"), "BTC": D("0.00012345")}, shares, D("1234.561"),
        {"max": [7]},
        {7: D(50)},
    )  # fmt: skip
    assert [(each.kind, each.share_of_fills, each.share_of_notional) for each in found.shares] == [
        ("copied", "0.75", "0.25"), ("capped", "0.25", "0.75"),
    ]  # fmt: skip
    assert [(each.kind, each.share_of_notional) for each in found.still_capped] == [("max", "0.5")]
    assert [(each.amount, each.asset) for each in found.begun_with] == [
        ("0.00012345", "BTC"),
        ("100.5", "USD"),
    ]
    assert found.faithful_balance == "1234.57", "rounded down it would not be enough"
    assert found.since.seconds == 1_000
