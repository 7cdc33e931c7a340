"""One pair however it is written, and never another one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.contract.pair_spellings import coin_name, find_pair, nearest_pairs

KNOWN = [
    "BTC/USD", "BTC/EUR", "BTC/USDT", "BTC/USDC", "ETH/USD", "ETH/BTC", "DOGE/USD", "DOGE/BTC", "XTZ/USD",
    "XRP/USD", "ZEC/USD", "LTC/BTC", "USDT/USD", "EUR/USD", "AAPLx/USD", "1INCH/EUR", "SOL/EUR",
]  # fmt: skip
#: By coin, how Kraken spells it in one place or another.
SPELLINGS = {
    "BTC": ["BTC", "XBT", "XXBT"], "DOGE": ["DOGE", "XDG", "XXDG"], "ETH": ["ETH", "XETH"],
    "USD": ["USD", "ZUSD"], "EUR": ["EUR", "ZEUR"], "XRP": ["XRP", "XXRP"], "ZEC": ["ZEC", "XZEC"],
    "LTC": ["LTC", "XLTC"],
}  # fmt: skip


@pytest.mark.parametrize(
    "written",
    ["BTC/USD", "XBT/USD", "XBTUSD", "BTCUSD", "XXBTZUSD", "btc-usd", "btc/usd", "xbtusd", "BTC_USD",
     "btc usd", " BTC/USD ", "XXBT/ZUSD", "Btc:Usd"],
)  # fmt: skip
def test_every_spelling_of_a_pair_is_that_pair(written: str) -> None:
    assert find_pair(written, KNOWN) == "BTC/USD"


@st.composite
def spelled(draw: st.DrawFn) -> tuple[str, str]:
    name = draw(st.sampled_from(KNOWN))
    base, quote = (draw(st.sampled_from(SPELLINGS.get(coin, [coin]))) for coin in name.split("/"))
    written = base + draw(st.sampled_from(["/", "-", "_", " ", ":", ""])) + quote
    return name, "".join(draw(st.sampled_from([c.lower(), c.upper()])) for c in written)


@given(spelled())
def test_a_pair_in_any_spelling_and_case_is_found_and_no_other(case: tuple[str, str]) -> None:
    name, written = case
    assert find_pair(written, KNOWN) == name
    assert find_pair(written, [other for other in KNOWN if other != name]) is None


@given(st.text(max_size=12))
def test_any_text_is_a_known_pair_or_none(written: str) -> None:
    assert find_pair(written, KNOWN) in {*KNOWN, None}
    assert set(nearest_pairs(written, KNOWN)) <= set(KNOWN)


@pytest.mark.parametrize(
    "written",
    ["", "/", "BTC", "BTC/", "/USD", "BTC//USD", "BTC/USD/EUR", "ZBTC/USD", "\uff22TC/USD", "TZ/USD"],
)
def test_what_is_no_spelling_is_not_guessed(written: str) -> None:
    assert find_pair(written, KNOWN) is None


def test_what_may_be_two_pairs_is_none_of_them() -> None:
    assert find_pair("ABCD", ["A/BCD", "ABC/D"]) is None
    assert find_pair("A/BCD", ["A/BCD", "ABC/D"]) == "A/BCD"
    # A pair's own name goes before an old name of another one.
    assert find_pair("XETHUSD", ["ETH/USD", "XETH/USD"]) == "XETH/USD"


@pytest.mark.parametrize(
    ("written", "nearest"),
    [("BTC/USDD", "BTC/USD"), ("XBT/UST", "BTC/USDT"), ("ETHUSF", "ETH/USD"), ("dogeusdx", "DOGE/USD")],
)
def test_the_nearest_pair_is_named(written: str, nearest: str) -> None:
    assert nearest in nearest_pairs(written, KNOWN)


def test_nothing_is_near_to_what_is_far() -> None:
    assert nearest_pairs("QQQQQQ", KNOWN) == []


@pytest.mark.parametrize(
    ("written", "name"),
    [("XBT", "BTC"), ("xxbt", "BTC"), ("BTC", "BTC"), ("zusd", "USD"), ("XDG", "DOGE"), ("matic", "MATIC"),
     ("AAPLx", "AAPLx"), ("XTZ", "XTZ"), ("XETH", "ETH")],
)  # fmt: skip
def test_a_coin_has_its_name_on_the_pages(written: str, name: str) -> None:
    assert coin_name(written) == name
