"""What an account holds is what it was told and traded; what that is worth needs a price, and nothing is
guessed.
"""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.contract.copied_coins import Exchanged
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.domain.wallet import Marks, Wallet

amounts = st.decimals(min_value="1e-8", max_value="1e9", places=8)


def marks(*prices: tuple[str, str, str]) -> Marks:
    found = Marks()
    for base, quote, price in prices:
        found.set(base, quote, Decimal(price))
    return found


@pytest.mark.parametrize(
    ("known", "asset", "quote", "rate"),
    [
        ((), "USD", "USD", "1"),
        ((("BTC", "USD", "50000"),), "BTC", "USD", "50000"),
        ((("BTC", "USD", "50000"),), "USD", "BTC", "0.00002"),
        ((("ADA", "USD", "0.5"), ("BTC", "USD", "50000")), "ADA", "BTC", "0.00001"),
        ((("ADA", "BTC", "0.00002"), ("BTC", "EUR", "40000")), "ADA", "EUR", "0.8"),
        ((("EUR", "USD", "1.25"), ("BTC", "EUR", "40000")), "BTC", "USD", "50000"),
    ],
)
def test_a_rate_is_direct_or_inverted_or_over_one_bridge(
    known: tuple[tuple[str, str, str], ...], asset: str, quote: str, rate: str
) -> None:
    assert marks(*known).rate(asset, quote) == Decimal(rate)


def test_a_direct_price_goes_before_a_bridge() -> None:
    known = marks(("ADA", "EUR", "0.4"), ("ADA", "USD", "0.5"), ("EUR", "USD", "1.2"))
    assert known.rate("ADA", "EUR") == Decimal("0.4")


def test_what_has_no_price_has_no_rate() -> None:
    assert marks(("ADA", "USD", "0.5")).rate("ADA", "JPY") is None
    assert marks().rate("ADA", "USD") is None


@pytest.mark.parametrize("price", ["0", "-1"])
def test_a_price_that_is_none_changes_nothing(price: str) -> None:
    assert marks(("ADA", "USD", "0.5"), ("ADA", "USD", price)).rate("ADA", "USD") == Decimal("0.5")


def test_equity_is_everything_that_has_a_price() -> None:
    wallet = Wallet({"USD": Decimal(100), "BTC": Decimal("0.01"), "GONE": Decimal(5), "ETH": Decimal(0)})
    assert wallet.value("USD", marks(("BTC", "USD", "50000"))) == 600
    assert wallet.assets() == ("USD", "BTC", "GONE")


@given(amounts, amounts, st.sampled_from(Side))
def test_a_trade_at_the_marked_price_changes_what_is_held_and_not_what_it_is_worth(
    volume: Decimal, price: Decimal, side: Side
) -> None:
    known = Marks()
    known.set("BTC", "USD", price)
    wallet = Wallet({"USD": Decimal(10)})
    before = wallet.value("USD", known)
    wallet.trade("BTC", "USD", side, volume, volume * price)
    sign = 1 if side is Side.BUY else -1
    assert wallet["BTC"] == sign * volume
    assert wallet["USD"] == 10 - sign * volume * price
    assert abs(wallet.value("USD", known) - before) <= abs(volume * price) * Decimal("1e-20")


def test_an_order_moves_both_coins_and_what_its_fees_were_taken_in() -> None:
    fees = {"BTC": Decimal(1), "KFEE": Decimal(3)}
    trade = Exchanged(base="BTC", quote="USD", volume=Decimal(10), cost=Decimal(500), fees=fees)
    bought, sold = Wallet(), Wallet()
    bought.exchange(Side.BUY, trade)
    sold.exchange(Side.SELL, trade)
    assert bought.balances() == {"BTC": 9, "USD": -500, "KFEE": -3}
    assert sold.balances() == {"BTC": -11, "USD": 500, "KFEE": -3}


def test_a_copy_of_a_wallet_goes_its_own_way_and_so_does_a_snapshot() -> None:
    balances = {"USD": Decimal(1)}
    wallet = Wallet(balances)
    other = wallet.copy()
    other.add_amount("USD", Decimal(1))
    balances["USD"] = Decimal(7)
    assert [wallet["USD"], other["USD"], wallet["BTC"]] == [1, 2, 0]
    wallet.replace(balances)
    balances["USD"] = Decimal(8)
    assert wallet["USD"] == 7
