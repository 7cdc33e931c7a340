"""Caps against a model: no entry is larger than the tightest one allows, and none is smaller.

The model beside the code keeps its own books in fractions: what was bought and sold, what each day has cost,
which orders are on their way.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from krakencopy.account_proc.contract.copy_state import Reason
from krakencopy.account_proc.contract.money import Money
from krakencopy.account_proc.contract.spec import CopyRules
from krakencopy.account_proc.domain.copy_plan import Order
from tests.support.capped_user import ONE_TO_ONE, CappedUser, usd

D, F = Decimal, Fraction
LOT = F(1, 10_000)

SHARE_CAPS = st.fixed_dictionaries(
    {},
    optional={
        "max_position_notional": st.integers(50, 3000).map(usd),
        "max_position_share": st.integers(1, 100).map(lambda n: D(n) / 100),
        "max_gross_exposure": st.integers(50, 5000).map(usd) | st.integers(1, 100).map(lambda n: D(n) / 100),
        "max_daily_notional": st.integers(50, 3000).map(usd),
        "max_orders_per_day": st.integers(1, 6),
        "max_open_pairs": st.integers(1, 2),
    },
)


VOLUMES = st.integers(1, 99_999).map(lambda n: D(n).scaleb(-4))


PRICES = st.integers(50, 200).map(D)


NAMES = st.sampled_from(["BTC/USD", "ETH/USD", "BTC/EUR"])


STEPS = st.lists(
    st.tuples(st.just("buy"), NAMES, VOLUMES, PRICES)
    | st.tuples(st.just("buy"), NAMES, VOLUMES, PRICES)
    | st.tuples(st.just("end"), NAMES, st.integers(0, 100), st.integers(0, 20))
    | st.tuples(st.just("end"), NAMES, st.just(100), st.just(20))
    | st.tuples(st.just("sell"), NAMES, st.integers(1, 100), PRICES)
    | st.tuples(st.just("day"), NAMES, st.just(0), st.just(0))
    | st.tuples(st.just("restart"), NAMES, st.just(0), st.just(0))
    | st.tuples(st.just("price"), st.sampled_from(["BTC", "ETH", "EUR"]), PRICES, st.just(0)),
    min_size=8,
    max_size=30,
)


class Model:
    """A clerk's books of one user: no code of the rules, and no decimals."""

    def __init__(self, rules: CopyRules, equity: Decimal) -> None:
        self.rules, self.equity = rules, F(equity)
        self.dollars = {"USD": F(1), "BTC": F(100), "ETH": F(100), "EUR": F(1)}
        self.held: dict[str, Fraction] = defaultdict(Fraction)
        #: What the held volume was paid, by coin and the quote that it was paid in.
        self.paid: dict[str, dict[str, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
        self.days: dict[int, dict[str, tuple[str, Fraction]]] = defaultdict(dict)
        self.on_way: dict[str, tuple[str, Fraction]] = {}

    def left(self, pair: str, worst: Fraction, day: int) -> Fraction | None:
        """What the tightest cap leaves for an entry, in dollars; None where there is none."""
        base, quote = pair.split("/")
        to_dollars = self.dollars[quote]
        worth = self.held[base] * worst * to_dollars
        rooms: list[Fraction] = []
        for key in (
            "max_position_notional",
            "max_position_share",
            "max_gross_exposure",
            "max_daily_notional",
        ):
            limit = getattr(self.rules, key)
            if limit is None:
                continue
            most = F(limit.amount) if isinstance(limit, Money) else F(limit) * self.equity
            match key:
                case "max_position_notional":
                    paid = sum(cost * self.dollars[coin] for coin, cost in self.paid[base].items())
                    used = max(F(paid), worth)
                case "max_position_share":
                    used = worth
                case "max_gross_exposure":
                    others = (v * self.dollars[coin] for coin, v in self.held.items() if coin != base)
                    coming = (cost * self.dollars[of.split("/")[1]] for of, cost in self.on_way.values())
                    used = worth + sum(others, F(0)) + sum(coming, F(0))
                case _:
                    used = sum(
                        (cost * self.dollars[of.split("/")[1]] for of, cost in self.days[day].values()), F(0)
                    )
            rooms.append(max(most - used, F(0)))
        if self.rules.max_orders_per_day is not None and len(self.days[day]) >= self.rules.max_orders_per_day:
            rooms.append(F(0))
        coins = {coin for coin, v in self.held.items() if v >= LOT} | {
            of.split("/")[0] for of, _ in self.on_way.values()
        }
        if self.rules.max_open_pairs is not None and len(coins | {base}) > max(
            self.rules.max_open_pairs, len(coins) if base in coins else 0
        ):
            rooms.append(F(0))
        return min(rooms, default=None)


@settings(max_examples=300)
@given(SHARE_CAPS, st.integers(100, 20_000).map(D), STEPS)
def test_no_entry_is_larger_than_the_tightest_cap_allows_and_none_is_smaller(
    caps: dict[str, Any], equity: Decimal, steps: list[tuple[str, str, Any, Any]]
) -> None:
    rules = replace(ONE_TO_ONE, **caps)
    anna, model = CappedUser(rules, equity=equity), Model(rules, equity)
    anna.dollars |= {"BTC": D(100), "ETH": D(100), "EUR": D(1)}
    for kind, name, first, second in steps:
        base = name.partition("/")[0]
        of_base = [copy_id for copy_id in anna.orders if anna.copies[copy_id].pair.partition("/")[0] == base]
        match kind:
            case "buy" if not of_base:
                _enter(anna, model, name, first, second)
            case "sell" if not of_base and anna.master.position.get(base) and model.held[base]:
                sold = (anna.master.position[base] * first / 100).quantize(D("0.0001"))
                if sold:
                    before = model.held[base]
                    exit_of = anna.sells(sold, second, name)
                    assert exit_of.reason is not Reason.CAP_EXHAUSTED
                    if isinstance(exit_of, Order):
                        part = F(exit_of.volume.amount)
                        anna.ends(f"c{anna.master.seq}", price=second)
                        model.held[base] = F(anna.book.coins.volume(base))
                        share = 1 - part / before if before else F(0)
                        if not model.held[base]:
                            share = F(0)
                        for coin in model.paid[base]:
                            model.paid[base][coin] *= share
                        # What came in is money again, or a part of it was another coin's.
            case "end" if anna.orders:
                _end(anna, model, min(anna.orders), first, second)
            case "day":
                anna.day += 1
            case "restart":
                anna.restart()
            case "price":
                anna.dollars[name], model.dollars[name] = first, F(first)


def _enter(anna: CappedUser, model: Model, name: str, wanted: Decimal, price: Decimal) -> None:
    quote = name.partition("/")[2]
    worst = F(price) * F(101, 100)
    decision = anna.buys(wanted, price, name)
    own_cap = model.equity / model.dollars[quote] / worst
    left = model.left(name, worst, anna.day)
    allowed = min(F(wanted), own_cap // LOT * LOT)
    bound = allowed if left is None else min(allowed, left / model.dollars[quote] / worst)
    bought = F(decision.volume.amount) if isinstance(decision, Order) else F(0)
    assert bound - LOT - F(1, 10**9) < bought <= bound + F(1, 10**9), (decision, float(bound))
    if isinstance(decision, Order):
        assert decision.limit_price is not None
        cost = bought * F(decision.limit_price.amount)
        copy_id = f"c{anna.master.seq}"
        model.on_way[copy_id] = (name, cost)
        model.days[anna.day][copy_id] = (name, cost)
    else:
        assert decision.reason in {Reason.CAP_EXHAUSTED, Reason.BELOW_ORDERMIN, Reason.NOTHING_LEFT_OF_ORDER}


def _end(anna: CappedUser, model: Model, copy_id: str, percent: int, slip: int) -> None:
    copy = anna.copies[copy_id]
    base, quote = copy.pair.split("/")
    filled = (copy.ordered * percent / 100).quantize(D("0.0001"), rounding="ROUND_DOWN")
    assert copy.limit_price is not None
    cost = anna.ends(copy_id, filled, copy.limit_price - slip)
    del model.on_way[copy_id]
    for day in model.days.values():
        if copy_id in day:
            day[copy_id] = (copy.pair, F(cost))
    model.held[base] += F(filled)
    if filled:
        model.paid[base][quote] += F(cost)
