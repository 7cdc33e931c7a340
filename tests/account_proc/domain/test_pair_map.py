"""In which pair the copies of a pair are traded."""

from __future__ import annotations

import pytest

from krakencopy.account_proc.domain.pair_map import PairMap, quote_of_target


@pytest.mark.parametrize(
    ("patterns", "pair", "goes_to"),
    [
        ({}, "BTC/USD", "BTC/USD"),
        ({"*/USD": "*/EUR"}, "BTC/USD", "BTC/EUR"),
        ({"*/USD": "*/EUR"}, "BTC/GBP", "BTC/GBP"),
        ({"*/ZUSD": "*/ZEUR"}, "BTC/USD", "BTC/EUR"),
        ({"XBT/USD": "XBT/EUR"}, "BTC/USD", "BTC/EUR"),
        ({"*/USD": "*/EUR", "BTC/USD": "BTC/USD"}, "BTC/USD", "BTC/USD"),
        ({"*/*": "*/EUR", "*/USD": "*/GBP", "BTC/*": "*/CHF", "ETH/USD": "ETH/JPY"}, "ETH/USD", "ETH/JPY"),
        ({"*/*": "*/EUR", "*/USD": "*/GBP", "BTC/*": "*/CHF", "ETH/USD": "ETH/JPY"}, "BTC/USD", "BTC/CHF"),
        ({"*/*": "*/EUR", "*/USD": "*/GBP", "BTC/*": "*/CHF", "ETH/USD": "ETH/JPY"}, "SOL/USD", "SOL/GBP"),
        ({"*/*": "*/EUR", "*/USD": "*/GBP", "BTC/*": "*/CHF", "ETH/USD": "ETH/JPY"}, "SOL/USDT", "SOL/EUR"),
        # What it leads to is not looked up again.
        ({"*/USD": "*/EUR", "*/EUR": "*/GBP"}, "BTC/USD", "BTC/EUR"),
        # Not in our spelling, as the exchange names what is in no list.
        ({"*/*": "*/EUR"}, "NEWUSD", "NEWUSD"),
    ],
)
def test_the_most_specific_pattern_gives_the_quote_and_the_coin_stays(
    patterns: dict[str, str], pair: str, goes_to: str
) -> None:
    pair_map = PairMap(patterns, str)
    assert (pair_map.of(pair), pair_map.of(pair)) == (goes_to, goes_to)
    assert bool(pair_map) == bool(patterns)


def test_coins_are_known_by_the_names_that_they_have_now() -> None:
    names = {"MATIC": "POL"}
    pair_map = PairMap({"MATIC/USD": "MATIC/EUR"}, lambda coin: names.get(coin, coin))
    assert pair_map.of("POL/USD") == "POL/EUR"
    assert pair_map.of("SKY/USD") == "SKY/USD"
    names["SKY"] = "POL"
    assert pair_map.of("SKY/USD") == "SKY/USD"
    pair_map.forget()
    assert pair_map.of("SKY/USD") == "SKY/EUR"
    assert quote_of_target("*/MATIC", lambda coin: names.get(coin, coin)) == "POL"
