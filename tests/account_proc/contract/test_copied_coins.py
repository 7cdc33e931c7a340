"""What copying is about, by coin: what two accounts that trade alike hold stays in proportion, and
nobody's own coins are counted.
"""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.contract.copied_coins import (
    CoinNames,
    CopiedCoins,
    Exchanged,
    Position,
    split_pair,
)

D = Decimal
COINS = ("BTC", "ETH", "EUR", "USD", "USDT")
#: How many copies of the one account's trades the other makes; exact in decimals.
SCALE = D("0.125")


def trade(base: str, quote: str, volume: str | Decimal, cost: str | Decimal, **fees: str) -> Exchanged:
    taken = {coin: D(amount) for coin, amount in fees.items()}
    return Exchanged(base=base, quote=quote, volume=D(volume), cost=D(cost), fees=taken)


def held(coins: CopiedCoins) -> dict[str, Decimal]:
    return {coin: position.volume.normalize() for coin, position in coins if position.volume}


# -- what moves where --------------------------------------------------------------------------------------


def test_a_coin_is_one_position_whatever_pairs_it_was_bought_and_sold_in() -> None:
    coins = CopiedCoins()
    coins.bought(trade("BTC", "USD", "0.1", "5000"))
    coins.bought(trade("BTC", "EUR", "0.1", "4500"))
    assert held(coins) == {"BTC": D("0.2")}
    assert coins.position("BTC").costs == {"USD": 5000, "EUR": 4500}
    coins.sold(trade("BTC", "USD", "0.2", "10000"))
    assert coins.volume("BTC") == 0


def test_quote_that_is_spent_out_of_a_copied_coin_is_taken_from_it() -> None:
    coins = CopiedCoins()
    coins.bought(trade("BTC", "USD", "0.1", "5000"))
    coins.bought(trade("ETH", "BTC", "2", "0.08", BTC="0.001"))
    assert held(coins) == {"BTC": D("0.019"), "ETH": D(2)}


def test_what_a_sold_coin_brings_in_is_held_by_copying_and_so_is_what_is_bought_with_it() -> None:
    coins = CopiedCoins()
    coins.bought(trade("ETH", "USD", "2", "5000"))
    coins.sold(trade("ETH", "BTC", "2", "0.1", BTC="0.001"))
    assert held(coins) == {"BTC": D("0.099")}
    coins.bought(trade("ETH", "BTC", "1", "0.05"))
    coins.sold(trade("ETH", "USD", "1", "2600"))
    coins.sold(trade("BTC", "USD", "0.049", "2500"))
    assert held(coins) == {}


@pytest.mark.parametrize("quote", ["USD", "USDT", "BTC"])
def test_money_of_its_own_that_comes_back_is_its_own_again(quote: str) -> None:
    coins = CopiedCoins()
    coins.bought(trade("ETH", quote, "2", "10"))
    coins.sold(trade("ETH", quote, "0.5", "4"))
    assert held(coins) == {"ETH": D("1.5")}
    coins.sold(trade("ETH", quote, "1.5", "12"))
    assert held(coins) == {}


def test_a_buy_counts_whole_also_of_coins_that_were_its_own_and_come_back_by_way_of_others() -> None:
    master, follower = CopiedCoins(), CopiedCoins()
    master.bought(
        trade("ETH", "BTC", "2", "0.1")
    )  # paid with bitcoin that nobody had copied, of which the follower had none
    master.sold(trade("ETH", "USD", "2", "5000"))
    assert held(master) == {"USD": 5000}
    for coins in (master, follower):
        coins.bought(trade("BTC", "USD", "0.1", "5000"))
        assert held(coins) == {"BTC": D("0.1")}
    # They are a copied coin from then on, and what is bought with them is as well.
    master.bought(trade("ETH", "BTC", "2", "0.1"))
    master.sold(trade("ETH", "BTC", "2", "0.1"))
    assert held(master) == {"BTC": D("0.1")}


def test_what_is_sold_beyond_the_copied_coins_was_its_own() -> None:
    coins = CopiedCoins()
    coins.bought(trade("BTC", "USD", "0.1", "5000"))
    coins.sold(trade("BTC", "USDT", "1", "50000"))
    # A tenth of what came in is for the copied tenth.
    assert held(coins) == {"USDT": 5000}


def test_fees_are_lost_in_the_coin_that_they_were_taken_in() -> None:
    coins = CopiedCoins()
    coins.bought(trade("KFEE", "USD", "100", "1"))
    coins.bought(trade("BTC", "USD", "0.1", "5000", BTC="0.0004", KFEE="30"))
    coins.sold(trade("BTC", "USD", "0.05", "2500", BTC="0.0001"))
    coins.paid({"BTC": D("0.0002"), "SOL": D(1)})
    assert held(coins) == {"BTC": D("0.0493"), "KFEE": D(70)}


def test_a_fee_is_never_more_than_there_is() -> None:
    coins = CopiedCoins()
    coins.bought(trade("BTC", "USD", "0.1", "5000", BTC="0.2"))
    coins.bought(trade("BTC", "USD", "0.1", "5000"))
    coins.sold(trade("BTC", "USDT", "0.1", "1", USDT="5"))
    assert held(coins) == {}


def test_a_position_follows_its_coin_under_another_name() -> None:
    coins = CopiedCoins()
    coins.bought(trade("MATIC", "USD", "10", "4"))
    coins.bought(trade("POL", "EUR", "5", "2"))
    coins.rename("MATIC", "POL")
    assert held(coins) == {"POL": 15}
    assert coins.position("POL").costs == {"EUR": 2, "USD": 4}
    coins.rename("MATIC", "POL")
    coins.rename("NEVER", "POL")
    assert held(coins) == {"POL": 15}


def test_own_money_under_another_name_comes_back_to_its_owner() -> None:
    coins = CopiedCoins()
    coins.bought(trade("BTC", "UST", "1", "50000"))
    coins.take_changed()
    coins.rename("UST", "USTC")
    position = coins.position("BTC")
    assert position.pair == "BTC/USTC"
    assert position.costs == {"USTC": 50_000}
    assert position.own == {"USTC": 1}
    assert [coin for coin, _ in coins.take_changed()] == ["BTC"]
    coins.sold(trade("BTC", "USTC", "1", "51000"))
    assert held(coins) == {}


def test_a_name_means_the_coin_that_it_was_given_to_last() -> None:
    back = CoinNames.after([("ETH", "NEW"), ("NEW", "ETH")])
    assert [back.current(coin) for coin in ("ETH", "NEW", "BTC")] == ["ETH", "ETH", "BTC"]
    to_another = CoinNames.after([("LUNA", "LUNC"), ("LUNA2", "LUNA")])
    assert [to_another.current(coin) for coin in ("LUNA2", "LUNA", "LUNC")] == ["LUNA", "LUNA", "LUNC"]
    assert to_another.now_of("LUNA") is None
    assert CoinNames.from_json(to_another.to_json()).current_pair("LUNA2/USD") == "LUNA/USD"


def test_coins_that_are_gone_are_forgotten_with_their_share_of_the_cost() -> None:
    coins = CopiedCoins()
    coins.bought(trade("BTC", "USD", "1", "50000"))
    assert coins.keep_at_most("BTC", D(2)) == 0
    assert coins.keep_at_most("BTC", D("0.25")) == D("0.75")
    assert coins.position("BTC").costs == {"USD": 12_500}
    assert coins.keep_at_most("BTC", D(-1)) == D("0.25")
    assert coins.keep_at_most("ETH", D(0)) == 0


@pytest.mark.parametrize(
    ("pair", "names"), [("BTC/USD", ("BTC", "USD")), ("XBTUSD", None), ("/USD", None), ("A/", None)]
)
def test_a_pair_in_our_spelling_has_two_names(pair: str, names: tuple[str, str] | None) -> None:
    assert split_pair(pair) == names


# -- what always holds -------------------------------------------------------------------------------------

amounts = st.decimals(min_value=D("0.0001"), max_value=D(1000), places=4)
trades = st.tuples(
    st.sampled_from(["buy", "sell"]),
    st.sampled_from([(base, quote) for base in COINS for quote in COINS if base != quote]),
    amounts, amounts, st.sampled_from([None, *COINS]), st.decimals(min_value=0, max_value=5, places=4),
)  # fmt: skip


def count(
    coins: CopiedCoins,
    step: tuple[str, tuple[str, str], Decimal, Decimal, str | None, Decimal],
    scale: Decimal,
) -> None:
    side, (base, quote), volume, cost, fee_in, fee = step
    fees = {fee_in: fee * scale} if fee_in else {}
    done = Exchanged(base=base, quote=quote, volume=volume * scale, cost=cost * scale, fees=fees)
    coins.bought(done) if side == "buy" else coins.sold(done)


@given(st.lists(trades, max_size=30))
def test_who_trades_an_eighth_of_everything_holds_an_eighth_of_every_coin(steps: list[tuple]) -> None:  # type: ignore[type-arg]
    whole, eighth = CopiedCoins(), CopiedCoins()
    for step in steps:
        count(whole, step, D(1))
        count(eighth, step, SCALE)
        for coin in COINS:
            # A division has 28 digits, and what comes in is kept to 12 decimals.
            assert abs(whole.volume(coin) * SCALE - eighth.volume(coin)) < D("1e-9")


@given(st.lists(trades, max_size=30))
def test_no_position_is_negative_and_nobody_paid_more_of_it_than_there_is(steps: list[tuple]) -> None:  # type: ignore[type-arg]
    coins = CopiedCoins()
    for step in steps:
        count(coins, step, D(1))
        for _, position in coins:
            assert position.volume >= 0
            assert all(amount > 0 for amount in (*position.costs.values(), *position.own.values()))
            assert sum(position.own.values(), D(0)) <= position.volume + D("1e-9")


@given(st.lists(trades, max_size=12))
def test_what_is_kept_comes_back_and_only_what_changed_is_written(steps: list[tuple]) -> None:  # type: ignore[type-arg]
    coins, kept = CopiedCoins(), dict[str, str]()
    for step in steps:
        count(coins, step, D(1))
        kept |= {coin: position.to_json() for coin, position in coins.take_changed()}
        assert coins.take_changed() == []
    again = CopiedCoins({coin: Position.from_json(text) for coin, text in kept.items()})
    assert dict(again) == dict(coins)
