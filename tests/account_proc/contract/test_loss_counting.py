"""How much of a limit is lost: examples of each window and measure, and an independent model in fractions,
with deposits, withdrawals, slips of prices, restarts at each step and windows that end.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.contract.loss_counting import LimitState, Seen, Verdict, window_start
from krakencopy.account_proc.contract.loss_limits import Action, LossLimit, Metric, Window
from krakencopy.account_proc.contract.money import Money

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC).timestamp()
DAY_S = 86_400.0
USD_100 = Money(Decimal(100), "USD")


def limit_of(
    max_loss: Decimal | Money = USD_100, window: Window = Window.DAY, metric: Metric = Metric.EQUITY,
    action: Action = Action.REDUCING,
) -> LossLimit:  # fmt: skip
    return LossLimit("x", metric, window, max_loss, Decimal("0.8"), action)


def seen(equity: object, at: float = NOON, **realised: Any) -> Seen:
    won = {asset: Decimal(str(amount)) for asset, amount in realised.items()}
    rates = {"USD": Decimal(1), "EUR": Decimal("1.1")}
    return Seen(at=at, equity=Decimal(str(equity)), realised=won, rate=rates.get)


def judged(state: LimitState, *moments: Seen) -> list[Verdict | None]:
    return [state.judge(each, hits=0) for each in moments]


W = Verdict


@pytest.mark.parametrize(
    ("window", "start"),
    [
        (Window.DAY, datetime(2026, 11, 26, tzinfo=UTC)),
        (Window.WEEK, datetime(2026, 11, 23, tzinfo=UTC)),
        (Window.MONTH, datetime(2026, 11, 1, tzinfo=UTC)),
        (Window.QUARTER, datetime(2026, 10, 1, tzinfo=UTC)),
    ],
)
def test_a_window_begins_with_its_day_monday_month_or_quarter_of_utc(window: Window, start: datetime) -> None:
    assert window_start(window, NOON) == start.timestamp()
    assert window_start(window, start.timestamp()) == start.timestamp()
    assert window_start(window, start.timestamp() - 0.001) < start.timestamp()


@pytest.mark.parametrize("window", [Window.LIFETIME, Window.TRAILING])
def test_a_lifetime_has_no_window(window: Window) -> None:
    assert window_start(window, NOON) == 0


def test_it_is_warned_once_and_hit_by_two_readings_in_a_row() -> None:
    state = LimitState(limit=limit_of())
    verdicts = judged(state, *map(seen, (1000, 921, 920, 915, 900, 905, 900, 899)))
    assert verdicts == [W.WITHIN, W.WITHIN, W.WARNED, W.WITHIN, W.OVER, W.WITHIN, W.OVER, W.HIT]
    assert state.hit is not None
    assert state.hit.words == (
        "limit x: 101 USD of equity lost of at most 100 USD, since 2026-11-26 12:00:00 UTC"
    )
    assert (state.hit.number, state.used) == (1, Decimal("1.01"))
    assert state.warning.startswith("limit x: at 2026-11-26 12:00:00 UTC 80% of at most 100 USD were lost")


def test_a_share_is_of_what_there_was_at_the_beginning_and_grows_with_deposits() -> None:
    state = LimitState(limit=limit_of(Decimal("0.05")))
    assert judged(state, seen(1000), seen(960)) == [W.WITHIN, W.WARNED]
    # 4 % are lost before a deposit and after it; one percent more is one of what there is then.
    state.take_flow(seen(9600), Decimal(960))
    assert judged(state, seen(9600), seen(9520)) == [W.WITHIN, W.WITHIN]
    assert judged(state, seen(9500), seen(9500)) == [W.OVER, W.HIT]
    assert state.loss_words == "5%"


def test_a_loss_below_the_limit_is_not_shown_as_all_of_it() -> None:
    money, share = LimitState(limit=limit_of()), LimitState(limit=limit_of(Decimal("0.1")))
    for state, below, at in ((money, "99.99 USD", "100 USD"), (share, "9.99%", "10%")):
        judged(state, seen(1000), seen("900.004"), seen("900.004"))
        assert (state.loss_words, state.to_proto().used_percent, state.hit) == (below, "99", None)
        assert judged(state, seen(900), seen(900))[-1] is W.HIT
        assert (state.loss_words, state.to_proto().used_percent) == (at, "100")


def test_exactly_so_much_below_the_highest_is_hit_whatever_a_share_of_it_looks_like() -> None:
    state = LimitState(limit=limit_of(Decimal("0.1"), window=Window.TRAILING))
    judged(state, seen(300), seen(310), seen(310))
    assert judged(state, seen("279.01"), seen("279.01"))[-1] is not W.HIT
    assert judged(state, seen(279), seen(279))[-1] is W.HIT


def test_a_withdrawal_is_no_loss_also_of_all_there_is() -> None:
    state = LimitState(limit=limit_of(Decimal("0.05")))
    assert judged(state, seen(1000), seen(970)) == [W.WITHIN, W.WITHIN]
    state.take_flow(seen("0.30"), Decimal(970))
    assert judged(state, seen("0.30"), seen("0.10")) == [W.WITHIN, W.WITHIN]
    state.take_flow(seen("500.10"), Decimal("0.10"))
    assert judged(state, seen("500.10")) == [W.WITHIN]
    assert state.loss_words == "3%"


def test_trailing_counts_from_the_highest_that_two_readings_have_shown() -> None:
    state = LimitState(limit=limit_of(window=Window.TRAILING))
    assert judged(state, *map(seen, (1000, 5000, 1000))) == [W.WITHIN] * 3
    assert judged(state, *map(seen, (1200, 1210, 1130, 1130))) == [W.WITHIN, W.WITHIN, W.WITHIN, W.WITHIN]
    assert state.loss == 70  # below 1200, the lower of two
    state.take_flow(seen(100), Decimal(1130))
    assert judged(state, seen(70), seen(70)) == [W.OVER, W.HIT]


def test_what_was_realised_is_counted_from_the_beginning_in_prices_of_now() -> None:
    state = LimitState(limit=limit_of(metric=Metric.REALISED))
    assert judged(state, seen(1000, EUR=500, USD=-20)) == [W.WITHIN]
    assert judged(state, seen(10, EUR=450, USD=-20)) == [W.WITHIN]
    assert state.loss == 55
    assert judged(state, seen(10, EUR=450, USD=-65), seen(10, EUR=450, USD=-65)) == [W.OVER, W.HIT]


def test_what_was_realised_in_percent_is_of_what_there_was_then() -> None:
    state = LimitState(limit=limit_of(Decimal("0.05"), metric=Metric.REALISED))
    assert judged(state, seen(1000), seen(960, USD=-40)) == [W.WITHIN, W.WARNED]
    state.take_flow(seen(9960, USD=-40), Decimal(960))
    assert judged(state, seen(9960, USD=-139)) == [W.WITHIN]
    assert judged(state, seen(9960, USD=-140), seen(9960, USD=-140)) == [W.OVER, W.HIT]


def test_without_a_price_that_is_needed_nothing_is_judged() -> None:
    state = LimitState(limit=limit_of(metric=Metric.REALISED))
    assert judged(state, seen(1000), seen(1000, XYZ=-1)) == [W.WITHIN, None]
    assert (state.loss, state.used, state.loss_words) == (None, None, "")
    state.take_flow(seen(1000, XYZ=-1), Decimal(900))
    assert "prices were missing" in state.unknown
    poor = LimitState(limit=limit_of(Decimal("0.05")))
    assert judged(poor, seen("0.99"), seen(50)) == [None, W.WITHIN]


def test_a_hit_holds_beyond_its_window_and_begins_anew_with_a_reset() -> None:
    state = LimitState(limit=limit_of())
    judged(state, *map(seen, (1000, 900, 900)))
    assert judged(state, seen(2000, NOON + DAY_S)) == [W.WITHIN]
    assert state.hit is not None
    state.follow(limit_of(Decimal("0.5")))
    assert state.limit == limit_of()
    state.restart()
    state.follow(limit_of(Decimal("0.5")))
    assert judged(state, seen(900, NOON + DAY_S), seen(500, NOON + DAY_S)) == [W.WITHIN, W.WARNED]
    assert state.loss_words == "44.44%"


def test_a_hit_that_stops_nothing_ends_with_its_window() -> None:
    state = LimitState(limit=limit_of(action=Action.WARN))
    assert judged(state, *map(seen, (1000, 900, 900, 800)))[2:] == [W.HIT, W.WITHIN]
    assert judged(state, seen(800, NOON + DAY_S)) == [W.WITHIN]
    assert state.hit is None
    assert (state.warned_at, state.loss) == (0.0, Decimal(0))


def test_what_is_not_known_is_not_known_until_the_next_window() -> None:
    state = LimitState(limit=limit_of())
    state.lose_track("before it began")
    judged(state, seen(1000))
    state.lose_track("what came in is not known")
    state.lose_track("nor what went out")
    assert judged(state, seen(100), seen(100)) == [None, None]
    state.take_flow(seen(100), Decimal(200))
    assert state.unknown == "what came in is not known"
    assert judged(state, seen(100, NOON + DAY_S)) == [W.WITHIN]
    assert state.unknown == ""
    realised = LimitState(limit=limit_of(metric=Metric.REALISED))
    judged(realised, seen(1000))
    realised.lose_track("what came in is not known")
    assert realised.unknown == ""


def test_a_limit_that_is_counted_otherwise_begins_anew_and_another_amount_does_not() -> None:
    state = LimitState(limit=limit_of())
    judged(state, seen(1000), seen(950))
    state.follow(limit_of(Money(Decimal(60), "USD")))
    assert (state.since, state.loss) == (NOON, Decimal(50))
    state.follow(limit_of(Decimal("0.05")))
    assert not state.since
    assert state.loss is None


# -- against a model ----------------------------------------------------------------------------------------


@dataclass
class Model:
    """The same in fractions, otherwise: the share, or amount, that is lost is carried from step to step."""

    limit: LossLimit
    equity: Fraction | None = None
    won: Fraction = Fraction(0)
    #: What a unit, or the account, has become since the beginning.
    level: Fraction = Fraction(0)
    high: Fraction = Fraction(0)
    day: int = 0
    last: Fraction | None = None
    warned: bool = False
    hit: bool = False
    flows: list[Fraction] = field(default_factory=list)

    @property
    def grows(self) -> bool:
        return self.limit.is_share and self.limit.metric is Metric.EQUITY

    def moved(self, equity: Fraction, won: Fraction) -> None:
        assert self.equity is not None
        if self.grows:
            self.level *= equity / self.equity
        elif self.limit.metric is Metric.EQUITY:
            self.level += equity - self.equity
        else:
            base = self.base if self.limit.is_share else 1
            self.level += (won - self.won) / base
        self.equity, self.won = equity, won

    base: Fraction = Fraction(1)

    def step(self, day: int, equity: Fraction, won: Fraction, flow: Fraction | None) -> str:
        if flow is not None and self.equity is not None and not self.hit:
            self.moved(equity - flow, won)
            self.equity = self.base = equity
        rolls = self.limit.window is Window.DAY and self.equity is not None and day > self.day
        if rolls and (not self.hit or self.limit.action is Action.WARN):
            self.equity, self.hit, self.warned, self.last = None, False, False, None
        if self.hit:
            return "WITHIN"
        if self.equity is None:
            self.equity, self.won, self.day, self.base = equity, won, day, equity
            self.level = self.high = Fraction(1 if self.grows else 0)
        self.moved(equity, won)
        if self.limit.window is Window.TRAILING and self.last is not None:
            self.high = max(self.high, min(self.last, self.level))
        before, self.last = self.last, self.level
        most = Fraction(self.limit.most)
        if self.lost(self.level) >= most:
            self.hit = before is not None and self.lost(before) >= most
            return "HIT" if self.hit else "OVER"
        if not self.warned and self.lost(self.level) >= most * Fraction(self.limit.warn_at):
            self.warned = True
            return "WARNED"
        return "WITHIN"

    def lost(self, level: Fraction) -> Fraction:
        return 1 - level / self.high if self.grows else self.high - level


#: Odd enough that no loss is a limit to the last digit.
amounts = st.integers(200, 5000).map(lambda cents: Decimal(cents) + Decimal("0.371"))
steps = st.tuples(
    st.integers(0, 1),  # days that pass
    amounts,  # equity
    st.integers(-300, 300).map(lambda won: Decimal(won) + Decimal("0.113")),  # realised so far
    st.none() | st.integers(-3000, 3000).map(Decimal),  # what came in with it
    st.booleans(),  # a restart after it
)
limits = st.builds(
    limit_of,
    max_loss=st.sampled_from([USD_100, Money(Decimal("333.3"), "USD"), Decimal("0.0517"), Decimal("0.31")]),
    window=st.sampled_from([Window.DAY, Window.LIFETIME, Window.TRAILING]),
    metric=st.sampled_from(Metric),
    action=st.sampled_from([Action.REDUCING, Action.WARN]),
)


@given(limits, st.lists(steps, max_size=20))
def test_it_judges_as_the_model(
    limit: LossLimit, moments: list[tuple[int, Decimal, Decimal, Decimal | None, bool]]
) -> None:
    state, model, day = LimitState(limit=limit), Model(limit), 0
    for passed, equity, won, came, restarts in moments:
        day += passed
        flow = came if came is not None and equity - came > 1 else None
        now = seen(equity, NOON + day * DAY_S, USD=won)
        if flow is not None:
            state.take_flow(now, equity - flow)
        verdict = state.judge(now, hits=0)
        whole = Fraction(flow) if flow is not None else None
        assert verdict == model.step(day, Fraction(equity), Fraction(won), whole)
        if state.loss is not None and state.hit is None:
            assert abs(Fraction(state.loss) - model.lost(model.level)) < Fraction(1, 10**15)
        if restarts:
            state = reopened(state)
            model.last = None


def reopened(state: LimitState) -> LimitState:
    """As the next process reads it: what one reading has shown alone is forgotten."""
    text = json.dumps(state.to_raw(), default=str)
    read = LimitState.from_raw(json.loads(text))
    assert json.dumps(read.to_raw(), default=str) == text
    return read


@given(limits, amounts, st.lists(st.integers(-4000, 4000), min_size=1, max_size=8))
def test_what_comes_in_and_goes_out_changes_no_loss(
    limit: LossLimit, equity: Decimal, flows: list[int]
) -> None:
    """However much, however often: nothing is warned, hit or hidden by it."""
    state = LimitState(limit=limit)
    lost = equity * Decimal("0.97")
    realised: dict[str, Any] = {"USD": lost - equity}
    judged(state, seen(equity), seen(lost, **realised), seen(lost, **realised))
    before, there = (state.loss, state.hit), lost
    for flow in flows:
        without, there = there, max(there + flow, Decimal(2))
        state.take_flow(seen(there, **realised), without)
        state.judge(seen(there, **realised), hits=0)
    assert state.hit == before[1]
    assert state.loss is not None
    assert before[0] is not None
    assert abs(state.loss - before[0]) < Decimal("1e-15")
