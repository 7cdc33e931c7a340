"""Which trades the master's wallet holds: each once, across restarts, in whatever order they come to
light.
"""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.domain.counted_trades import REMEMBERED_S, CountedTrades, Trade, apply
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.domain.wallet import Wallet
from tests.account_proc.master.test_fill_maker import trade
from tests.support.copying import NOW
from tests.support.scripted_kraken import TABLE

START = {"USD": Decimal(100_000), "BTC": Decimal(1)}


def numbered(count: int) -> list[Trade]:
    """Trades a second apart, each of another volume."""
    return [
        trade(
            f"T{number}",
            volume=f"0.0{number + 1}",
            side=Side.BUY if number % 3 else Side.SELL,
            fee="1",
            at=NOW + number,
        )
        for number in range(count)
    ]


def after(trades: list[Trade]) -> Wallet:
    wallet = Wallet(START)
    for one in trades:
        apply(wallet, one, TABLE)
    return wallet


def test_what_is_kept_comes_back_with_the_trades_that_it_holds() -> None:
    trades = numbered(5)
    counted = CountedTrades(NOW - 1)
    for one in trades[:3]:
        counted.add_trade(one)
    wallet = Wallet()
    again = CountedTrades.from_json(counted.to_json(after(trades[:3])), wallet)
    assert wallet.balances() == after(trades[:3]).balances()
    assert [again.holds(one) for one in trades] == [True, True, True, False, False]
    assert again.newest == NOW + 2
    assert again.holds(trade("long ago", at=NOW - 2))


def test_what_is_remembered_one_by_one_is_bounded_in_time() -> None:
    counted = CountedTrades()
    old, new = trade("old", at=NOW), trade("new", at=NOW + REMEMBERED_S + 1)
    counted.add_trade(old)
    counted.add_trade(new)
    assert "old" not in counted.to_json(Wallet())
    assert counted.holds(old)
    assert not counted.holds(trade("unheard", at=NOW + 1))


@given(st.integers(1, 8), st.data())
def test_the_states_of_a_wallet_are_those_that_it_went_through(count: int, data: st.DataObject) -> None:
    trades = numbered(count)
    known = data.draw(st.integers(0, count), label="in the wallet")
    since = data.draw(st.integers(0, count), label="balances may be from")
    counted = CountedTrades(NOW - 1)
    for one in trades[:known]:
        counted.add_trade(one)
    states = counted.states(after(trades[:known]), trades, TABLE, NOW + since)
    want = [after(trades[:number]).balances() for number in range(min(since, count), count + 1)]
    assert [state.balances() for state in states] == want
