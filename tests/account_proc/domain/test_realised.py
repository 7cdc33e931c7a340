"""What copying has realised, by average cost with fees: examples, and a model in fractions of one coin."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.contract.copied_coins import CopiedCoins, Exchanged
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.domain.realised import Realised


class Account:
    """What copying trades, counted by its book and beside it."""

    def __init__(self, coins: CopiedCoins | None = None) -> None:
        self.coins = coins or CopiedCoins()
        self.realised = Realised.beginning(self.coins)

    def trade(self, side: Side, pair: str, volume: str, cost: str, **fees: str) -> None:
        base, quote = pair.split("/")
        trade = Exchanged(
            base=base, quote=quote, volume=Decimal(volume), cost=Decimal(cost),
            fees={asset: Decimal(fee) for asset, fee in fees.items()},
        )  # fmt: skip
        (self.coins.bought if side is Side.BUY else self.coins.sold)(trade)
        self.realised.count(side, trade, self.coins.volume)
        self.realised = Realised.from_json(self.realised.to_json())

    def buy(self, pair: str, volume: str, cost: str, **fees: str) -> None:
        self.trade(Side.BUY, pair, volume, cost, **fees)

    def sell(self, pair: str, volume: str, cost: str, **fees: str) -> None:
        self.trade(Side.SELL, pair, volume, cost, **fees)

    @property
    def totals(self) -> dict[str, float]:
        return {asset: float(amount) for asset, amount in self.realised.totals.items()}


def test_of_two_purchases_the_average_is_sold_with_all_fees() -> None:
    account = Account()
    account.buy("BTC/USD", "1", "100", USD="1")
    account.buy("BTC/USD", "1", "200", USD="2")
    assert account.totals == {}
    account.sell("BTC/USD", "1", "180", USD="3")
    assert account.totals == {"USD": 180 - 3 - 151.5}
    account.sell("BTC/USD", "1", "100", USD="1")
    assert account.totals == {"USD": 280 - 4 - 303}


def test_a_fee_in_the_coin_makes_what_is_left_dearer() -> None:
    account = Account()
    account.buy("BTC/USD", "1", "100", BTC="0.5")
    account.sell("BTC/USD", "0.25", "60")
    assert account.totals == {"USD": 10}


def test_costs_and_proceeds_stay_in_what_they_were_paid_in() -> None:
    account = Account()
    account.buy("BTC/USD", "1", "100")
    account.sell("BTC/EUR", "1", "90", KFEE="1")
    assert account.totals == {"USD": -100, "EUR": 90, "KFEE": -1}
    # The euros that came in are copied money, and cost themselves.
    account.buy("ETH/EUR", "1", "90")
    account.sell("ETH/EUR", "1", "95")
    assert account.totals == {"USD": -100, "EUR": 95, "KFEE": -1}


def test_a_coin_that_pays_for_another_one_is_sold_by_that() -> None:
    account = Account()
    account.buy("BTC/USD", "2", "100")
    account.buy("ETH/BTC", "10", "1")
    assert account.totals == {"BTC": 1, "USD": -50}
    account.sell("ETH/USD", "10", "80")
    assert account.totals == {"USD": 30}


def test_a_coin_that_comes_in_for_another_one_costs_itself() -> None:
    account = Account()
    account.buy("ETH/USD", "10", "100")
    account.sell("ETH/BTC", "10", "2")
    assert account.totals == {"USD": -100, "BTC": 2}
    account.sell("BTC/USD", "2", "150")
    assert account.totals == {"USD": 50}


def test_what_is_not_there_any_more_is_taken_out_at_its_cost() -> None:
    account = Account()
    account.buy("BTC/USD", "2", "100")
    account.buy("ETH/USD", "1", "10")
    account.coins.keep_at_most("BTC", Decimal(1))
    account.sell("ETH/USD", "1", "11")
    account.sell("BTC/USD", "1", "60")
    assert account.totals == {"USD": 11}


def test_a_book_from_before_costs_what_it_says_and_nothing_is_realised_of_own_coins() -> None:
    coins = CopiedCoins()
    trade = Exchanged(base="BTC", quote="USD", volume=Decimal(1), cost=Decimal(100), fees={"USD": Decimal(1)})
    coins.bought(trade)
    account = Account(coins)
    account.sell("BTC/USD", "2", "240")
    assert account.totals == {"USD": 20}
    account.sell("BTC/USD", "1", "120")
    assert account.totals == {"USD": 20}


def test_a_coin_is_counted_on_under_another_name() -> None:
    account = Account()
    account.buy("MATIC/USD", "10", "10")
    account.sell("MATIC/EUR", "5", "6")
    account.coins.rename("MATIC", "POL")
    account.realised.rename("MATIC", "POL")
    account.realised.rename("EUR", "EURX")
    assert set(account.realised.coins()) == {"POL", "USD", "EURX"}
    account.sell("POL/USD", "5", "6")
    assert account.totals == {"USD": -4, "EURX": 6}


trades = st.tuples(
    st.sampled_from(Side),
    st.integers(1, 1000),
    st.integers(1, 100_000),
    st.integers(0, 50),
    st.integers(0, 3),
)


@given(st.lists(trades, max_size=15))
def test_it_counts_as_the_model(ordered: list[tuple[Side, int, int, int, int]]) -> None:
    account, volume, cost, won = Account(), Fraction(0), Fraction(0), Fraction(0)
    for side, traded, paid, fee, coin_fee in ordered:
        if side is Side.BUY:
            account.buy("BTC/USD", str(traded), str(paid), USD=str(fee), BTC=str(min(coin_fee, traded)))
            volume += traded - min(coin_fee, traded)
            cost += paid + fee
            cost = cost if volume else Fraction(0)
        else:
            account.sell("BTC/USD", str(traded), str(paid), USD=str(fee))
            sold = min(volume, Fraction(traded))
            if sold:
                won += (paid - fee) * sold / traded - cost * sold / volume
                cost -= cost * sold / volume
                volume -= sold
    assert abs(Fraction(account.realised.totals.get("USD", Decimal(0))) - won) < Fraction(1, 10**9)
