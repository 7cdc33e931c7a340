"""A flatten agrees with an independent model of what is held and owed, over trades, orders on their way,
restarts and deaths of the process.
"""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from krakencopy.account_proc.contract.copied_coins import Exchanged
from krakencopy.account_proc.contract.spec import Tier
from krakencopy.account_proc.contract.trading_states import FlattenBy
from krakencopy.account_proc.copying.flatten import Flatten
from krakencopy.account_proc.copying.sales import Sales
from krakencopy.account_proc.copying.turns import Turns
from krakencopy.account_proc.domain.copy_plan import SettledOrder
from krakencopy.account_proc.domain.exit_sizing import owed_exit
from krakencopy.account_proc.domain.quantities import (
    BaseVolume,
    Price,
    QuoteAmount,
    Side,
)
from krakencopy.account_proc.kraken.rest.rate_limits import AccountLimits
from krakencopy.account_proc.state.ledger import Ledger
from tests.support.account_specs import states_file_in
from tests.support.copying_user import User
from tests.support.dying_user import Died
from tests.support.scripted_kraken import TABLE, run
from tests.support.trading_states import order_flatten

#: What the exchange takes at least.
LEAST = {"BTC": Fraction(5, 100_000), "ETH": Fraction(1, 1000)}


class Model:
    """Fractions: what is held of each coin, and what of that is owed; whether a flatten is not done."""

    def __init__(self) -> None:
        self.held = dict.fromkeys(LEAST, Fraction(0))
        self.owed = dict.fromkeys(LEAST, Fraction(0))
        self.pending = False

    def look(self, busy: set[str]) -> None:
        if not self.pending:
            return
        for coin, held in self.held.items():
            if coin not in busy and held >= LEAST[coin]:
                self.owed[coin] = held
        self.pending = bool(busy)

    def sell(self, coin: str, share: Fraction) -> Fraction:
        """A share of what is owed, in whole lots; none where that is less than any order may be."""
        lots = int(self.owed[coin] * share * 10**8) if self.owed[coin] >= LEAST[coin] else 0
        sold = Fraction(lots, 10**8)
        self.held[coin] -= sold
        self.owed[coin] -= sold
        return sold


COINS = st.sampled_from(sorted(LEAST))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("buy"), COINS, st.integers(1, 400)),
        st.tuples(st.just("sell"), COINS, st.integers(1, 100)),
        st.tuples(st.just("busy"), COINS, st.just(0)),
        st.tuples(st.just("flatten"), st.sampled_from(["whole", "dies before", "dies after"]), st.just(0)),
        st.tuples(st.just("restart"), st.just(""), st.just(0)),
    ),
    max_size=14,
)


class Life:
    """One process: a book from the ledger as it is, and nothing else that is remembered."""

    def __init__(self, folder: Path) -> None:
        self.ledger = Ledger(folder / "anna.db", "anna")
        self.user = User(self.ledger, AccountLimits(Tier.STARTER))
        self.user.portfolio.pairs.latest = TABLE
        for coin, price in (("BTC", 50_000), ("ETH", 2_000)):
            self.user.portfolio.prices.marks.set(coin, "USD", Decimal(price))
        # The copier of this user looks after it as well, and knows nothing of these orders.
        self.user.guard.listeners.clear()
        self.turns = Turns(lambda _: 50)
        self.flatten = Flatten(self.user.context, self.turns, Sales(self.user.context), FlattenBy.SAID)
        self.flatten.begin()

    def look(self) -> None:
        self.user.guard.look()
        self.flatten.look()

    def buy(self, coin: str, volume: Decimal) -> None:
        trade = Exchanged(base=coin, quote="USD", volume=volume, cost=volume)
        self.user.book.coins.bought(trade)
        self.ledger.commit(book=self.user.book)

    def sell(self, coin: str, filled: Fraction) -> None:
        """An exit of what is owed is filled so far; the rest of it is owed again."""
        book, rules = self.user.book, TABLE.pair(f"{coin}/USD")
        order = owed_exit(book, rules, Price(Decimal(50_000 if coin == "BTC" else 2_000)))
        assert order is not None or not filled
        if order is not None:
            ended = SettledOrder(
                copy_id="x", slices=order.slices, ordered=order.volume, sweep=False, fees={},
                filled=BaseVolume(Decimal(filled.numerator) / Decimal(filled.denominator)),
                cost=QuoteAmount(Decimal(1)),
            )  # fmt: skip
            book.settle(f"{coin}/USD", Side.SELL, ended)
            self.ledger.commit(book=book)

    def look_and_die(self, *, after: bool) -> None:
        """At its first durable step, if there is one."""
        commit = self.ledger.commit

        def dies(**more: Any) -> None:
            if after:
                commit(**more)
            raise Died

        self.ledger.commit = dies  # type: ignore[method-assign]
        with suppress(Died):
            self.flatten.look()


@settings(deadline=None, max_examples=60)
@given(STEPS)
def test_it_agrees_with_an_independent_model_over_trades_orders_on_their_way_and_restarts(
    steps: list[tuple[str, str, int]],
) -> None:
    async def play(folder: Path) -> None:
        model, busy, life = Model(), set[str](), Life(folder)
        for step, what, amount in steps:
            if step == "buy":
                volume = Decimal(amount) / (100_000 if what == "BTC" else 10_000)
                life.buy(what, volume)
                model.held[what] += Fraction(volume)
            elif step == "sell" and what not in busy:
                life.sell(what, model.sell(what, Fraction(amount, 100)))
            elif step == "busy":
                busy ^= {what}
                begin_or_end = life.turns.begin_order if what in busy else life.turns.end_order
                begin_or_end(*((what, f"{what}/USD") if what in busy else (what,)))
            elif step == "flatten":
                order_flatten(states_file_in(folder), ["anna"])
                model.pending = True
                if what != "whole":
                    life.user.guard.look()
                    life.look_and_die(after=what == "dies after")
            if step == "restart" or what.startswith("dies"):
                if what == "dies after":
                    model.look(busy)
                life.ledger.close()
                life, busy = Life(folder), set()
            life.look()
            model.look(busy)
            for coin in model.held:
                assert Fraction(life.user.book.held(coin).amount) == model.held[coin]
                assert Fraction(life.user.book.owed(coin).amount) == model.owed[coin]
        life.ledger.close()

    with TemporaryDirectory() as made:
        run(play(Path(made)))
