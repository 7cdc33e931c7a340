"""A user's limit, with its real ledger and wallet, against an independent model in fractions: prices that
move, slip or are missing, what comes in and goes out while its process runs and while there is none, restarts
at any step, resets.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from krakencopy.account_proc.contract.loss_limits import LossLimit, Window
from krakencopy.account_proc.contract.trading_states import TradingState
from tests.support.limited_user import Limited, limit_of, limited, usd
from tests.support.scripted_kraken import run

COINS = Decimal("0.001")


@dataclass
class Model:
    """What is lost: how far what was won lies below its beginning, or below the highest of two in a row."""

    limit: LossLimit
    price: Fraction = Fraction(50_000)
    won: Fraction = Fraction(0)
    high: Fraction = Fraction(0)
    last: Fraction | None = None
    #: Whether it was judged since the beginning or the last reset, and was hit.
    begun: bool = False
    hit: bool = False

    def read(self, price: int) -> None:
        if not self.begun:
            self.won = self.high = Fraction(0)
        else:
            self.won += (price - self.price) * Fraction(COINS)
        self.price, before = Fraction(price), self.last
        if self.hit:
            return
        self.begun, self.last = True, self.won
        if before is not None and self.limit.window is Window.TRAILING:
            self.high = max(self.high, min(before, self.won))
        if before is not None and min(self.high - self.won, self.high - before) >= self.limit.most:
            self.hit = True

    def reset(self) -> None:
        self.begun, self.hit, self.last = False, False, None


steps = st.one_of(
    st.tuples(st.just("price"), st.integers(30_000, 70_000)),
    st.tuples(st.just("missing"), st.just(0)),
    st.tuples(st.just("flow"), st.integers(-40, 4_000)),
    st.tuples(st.just("away"), st.integers(-40, 4_000)),
    st.tuples(st.just("restart"), st.just(0)),
    st.tuples(st.just("reset"), st.just(0)),
)


@settings(max_examples=15, deadline=None)
@given(st.sampled_from([Window.LIFETIME, Window.TRAILING]), st.lists(steps, min_size=3, max_size=14))
def test_it_is_hit_where_the_model_is(window: Window, ordered: list[tuple[str, int]]) -> None:
    limit = limit_of(usd("9.9999"), window=window)

    async def play(folder: Path) -> None:
        model, money = Model(limit), Decimal(10_000)
        left, came = [("price", 50_000), *ordered], 0
        while left:
            async with limited(folder, limit) as anna:
                anna.user.portfolio.wallet.replace({"USD": money, "BTC": COINS})
                model.last = None
                if anna.book.baseline is not None:
                    anna.price(int(model.price))
                    await anna.judge()
                    if not came:  # else that is seen first, and judged with the prices after it
                        model.read(int(model.price))
                came = 0
                while left:
                    kind, number = left.pop(0)
                    money += number if kind in {"flow", "away"} else 0
                    if kind in {"away", "restart"}:
                        came = number
                        break
                    await step(anna, model, kind, number)
                    check(anna, model)

    with tempfile.TemporaryDirectory() as folder:
        run(play(Path(folder)))


async def step(anna: Limited, model: Model, kind: str, number: int) -> None:
    if kind == "price":
        if anna.watch._changes:
            anna.price(int(model.price))
        await anna.judge(number)
        model.read(number)
    elif kind == "missing":
        told, anna.user.kraken.always["Ticker"] = anna.user.kraken.always.get("Ticker"), {}
        await anna.judge()
        anna.user.kraken.always["Ticker"] = told
    elif kind == "flow":
        anna.user.portfolio.count_outside_change({"USD": Decimal(number)} if number else {}, "")
        await anna.judge(int(model.price))
        model.read(int(model.price))
    else:
        done = anna.watch.reset("day", f"r{id(model)} {number} {model.price} {model.won} {model.high}")
        assert done == ["day"]
        model.reset()


def check(anna: Limited, model: Model) -> None:
    state = anna.state
    assert (state.hit is not None) == model.hit
    holds = TradingState.REDUCING if model.hit else TradingState.ACTIVE
    assert anna.user.guard.state is holds
    if state.loss is not None and not model.hit:
        assert abs(Fraction(state.loss) - (model.high - model.won)) < Fraction(1, 10**12)
