"""What came from outside is found whatever moment balances are of, and counts once two readings agree."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.domain.wallet import Wallet, change_from_outside
from krakencopy.account_proc.trading.outside_changes import CONFIRM_S, OutsideChanges

volumes = st.integers(1, 50).map(lambda lots: Decimal(lots) / 1000)
trades = st.lists(st.tuples(st.sampled_from(Side), volumes), min_size=1, max_size=6)


@given(trades, st.integers(0, 6), st.sampled_from(["", "USD", "BTC", "ETH"]), st.integers(1, 5))
def test_whatever_moment_balances_are_of_the_change_from_outside_is_found(
    done: list[tuple[Side, Decimal]], moment: int, asset: str, amount: int
) -> None:
    wallet = Wallet({"USD": Decimal(100_000), "BTC": Decimal(10)})
    states = [wallet.copy()]
    for side, volume in done:
        # Two assets move, never by what came in: the smallest trade costs 49 USD.
        wallet.trade("BTC", "USD", side, volume, volume * 49_000)
        states.append(wallet.copy())
    came = {asset: Decimal(amount)} if asset else {}
    seen = states[moment % len(states)].copy()
    for name, volume in came.items():
        seen.add_amount(name, volume)
    assert change_from_outside(seen.balances(), states) == came


def test_a_change_counts_when_two_readings_some_time_apart_tell_of_the_same() -> None:
    wallet = Wallet({"USD": Decimal(1_000)})
    changes = OutsideChanges(lag_s=60.0)
    more = {"USD": Decimal(1_300)}
    assert changes.agreed({"USD": Decimal(1_000)}, 1.0, wallet) == {}
    assert changes.agreed(more, 10.0, wallet) is None
    assert changes.agreed(more, 10.0 + CONFIRM_S / 2, wallet) is None
    assert changes.agreed({"USD": Decimal(1_400)}, 12.0, wallet) is None
    assert changes.agreed(more, 13.0, wallet) is None
    assert changes.agreed(more, 13.0 + CONFIRM_S, wallet) == {"USD": Decimal(300)}


def test_balances_from_before_a_trade_tell_nothing_within_the_lag_and_are_a_change_after_it() -> None:
    wallet = Wallet({"USD": Decimal(1_000)})
    changes = OutsideChanges(lag_s=60.0)
    before = {"USD": Decimal(1_000)}
    changes.before_trade(100.0, wallet)
    wallet.add_amount("USD", Decimal(-500))
    assert changes.agreed(before, 160.0, wallet) == {}
    assert changes.agreed(before, 161.0, wallet) is None
    assert changes.agreed(before, 163.0, wallet) == {"USD": Decimal(500)}
