"""A pattern means the pairs that people expect it to mean, in any spelling of a coin."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.contract.pair_patterns import by_specificity, is_one_pair, matches

COINS = st.sampled_from(["BTC", "ETH", "DOGE", "SOL", "AAPLx", "1INCH"])
QUOTES = st.sampled_from(["USD", "EUR", "BTC", "USDT"])


@pytest.mark.parametrize(
    ("pattern", "pair"),
    [
        ("BTC/USD", "BTC/USD"), ("XBTUSD", "BTC/USD"), ("XXBTZUSD", "BTC/USD"), ("btc-usd", "BTC/USD"),
        ("XBT/ZUSD", "BTC/USD"), ("btcusd", "BTC/USD"), ("BTC", "BTC/USD"), ("xbt", "BTC/EUR"),
        ("XXDG", "DOGE/EUR"),
        ("BTC/*&*/EUR", "BTC/EUR"), ("*&XBTEUR", "BTC/EUR"), ("BTC/*", "BTC/EUR"), ("XBT/*", "BTC/EUR"),
        ("xxbt/*", "BTC/EUR"), ("*/EUR", "BTC/EUR"),
        ("*/ZEUR", "ETH/EUR"), ("*", "SOL/USD"), ("*/*", "SOL/USD"), ("*USD", "SOL/USD"),
        ("BT*", "BTC/USD"),
        ("[A-E]*/USD", "BTC/USD"), ("?OGE/USD", "DOGE/USD"), ("aaplX/usd", "AAPLx/USD"),
        ("XDG/*", "DOGE/EUR"),
        ("BTC/* & */EUR", "BTC/EUR"), ("BTC / *", "BTC/EUR"), (" *BTC / USD", "BTC/USD"), (" BT*", "BTC/USD"),
    ],
)  # fmt: skip
def test_a_pattern_means_a_pair(pattern: str, pair: str) -> None:
    assert matches(pattern, pair)


@pytest.mark.parametrize(
    ("pattern", "pair"),
    [
        ("BTC/*&*/USD", "BTC/EUR"), ("BTC/EUR&*/USD", "BTC/EUR"), ("BTC/USD", "BTC/EUR"),
        ("BTC/*", "ETH/BTC"), ("*/EUR", "EUR/USD"), ("BTC", "ETH/BTC"), ("BTC", "BTCX/USD"),
        ("USD", "BTC/USD"),
        ("*/USD", "BTC/USDT"), ("[!B]*/USD", "BTC/USD"), ("BTC/USDT", "BTC/USD"), ("", "BTC/USD"),
        ("/", "BTC/USD"),
    ],
)  # fmt: skip
def test_a_pattern_does_not_mean_another_pair(pattern: str, pair: str) -> None:
    assert not matches(pattern, pair)


def test_a_pattern_follows_a_coin_that_has_another_name_now() -> None:
    current = {"MATIC": "POL"}.get
    for pattern in ("MATIC/USD", "MATIC/*", "POL/*", "MATIC"):
        assert matches(pattern, "POL/USD", lambda name: current(name, name))
        assert not matches(pattern, "SOL/USD", lambda name: current(name, name))


@given(COINS, QUOTES, COINS, QUOTES)
def test_bases_and_quotes_mean_all_of_theirs_and_no_other(
    base: str, quote: str, other: str, paid: str
) -> None:
    pair = f"{base}/{quote}"
    assert matches(pair, pair)
    assert matches(f"{other}/*", pair) is (other == base)
    assert matches(f"*/{paid}", pair) is (paid == quote)
    assert matches(f"{other}/{paid}", pair) is ((other, paid) == (base, quote))


def test_the_most_specific_is_one_pair_then_a_base_then_a_quote_then_what_has_most_letters() -> None:
    patterns = ["*", "*/USD", "B*/USD", "[ABC]*/*", "BTC/*", "BTC/USD"]
    assert by_specificity(patterns) == ["BTC/USD", "BTC/*", "B*/USD", "*/USD", "*", "[ABC]*/*"]
    assert by_specificity(["*/EUR", "*/USD"]) == ["*/EUR", "*/USD"]
    assert [is_one_pair(pattern) for pattern in patterns] == [False] * 5 + [True]
