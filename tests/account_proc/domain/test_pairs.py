"""One market has four names and one set of rules; an asset has three names and sometimes a suffix."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.domain.pairs import ANSWERS_MAX, SymbolTable, UnknownSymbol

ASSETS: dict[str, Any] = {
    "XXBT": {"altname": "XBT"},
    "XXDG": {"altname": "XDG"},
    "XETH": {"altname": "ETH"},
    "XTZ": {"altname": "XTZ"},
    "ZUSD": {"altname": "USD"},
    "USDT": {"altname": "USDT"},
    "USD.HOLD": {"altname": "USD.HOLD"},
    "ETH2.S": {"altname": "ETH2.S"},
}


def row(altname: str, wsname: str, base: str, quote: str, **more: Any) -> dict[str, Any]:
    return {
        "altname": altname,
        "wsname": wsname,
        "base": base,
        "quote": quote,
        "cost_decimals": 5,
        "pair_decimals": 1,
        "lot_decimals": 8,
        "ordermin": "0.00005",
        "costmin": "0.5",
        "tick_size": "0.1",
        "status": "online",
    } | more


PAIRS = {
    "XXBTZUSD": row("XBTUSD", "XBT/USD", "XXBT", "ZUSD"),
    "XDGUSD": row("XDGUSD", "XDG/USD", "XXDG", "ZUSD", ordermin="50"),
    "XETHXXBT": row("ETHXBT", "ETH/XBT", "XETH", "XXBT"),
    "XTZUSD": row("XTZUSD", "XTZ/USD", "XTZ", "ZUSD"),
    "XBTUSDT": row("XBTUSDT", "XBT/USDT", "XXBT", "USDT", status="post_only"),
}
TABLE = SymbolTable.parse(PAIRS, ASSETS)


@pytest.mark.parametrize("spelling", ["XXBTZUSD", "XBTUSD", "XBT/USD", "BTC/USD", "btc/usd", "xbtusd"])
def test_every_spelling_finds_the_same_pair(spelling: str) -> None:
    pair = TABLE.pair(spelling)
    assert (pair.canonical, pair.altname, pair.wsname, pair.symbol) == (
        "XXBTZUSD",
        "XBTUSD",
        "XBT/USD",
        "BTC/USD",
    )
    assert (pair.base, pair.quote) == ("BTC", "USD")
    assert (pair.tick_size, pair.ordermin, pair.costmin) == (
        Decimal("0.1"),
        Decimal("0.00005"),
        Decimal("0.5"),
    )
    assert (pair.lot_decimals, pair.pair_decimals, pair.cost_decimals, pair.status) == (8, 1, 5, "online")


@pytest.mark.parametrize(
    ("spelling", "symbol"),
    [("XDGUSD", "DOGE/USD"), ("ETHXBT", "ETH/BTC"), ("XTZ/USD", "XTZ/USD"), ("XBTUSDT", "BTC/USDT")],
)
def test_old_names_are_translated_by_table_only(spelling: str, symbol: str) -> None:
    assert TABLE.pair(spelling).symbol == symbol


def test_names_of_the_new_asset_version_are_understood() -> None:
    table = SymbolTable.parse(
        {"BTC/USD": row("XBTUSD", "XBT/USD", "BTC", "USD")}, {"BTC": {"altname": "XBT"}}
    )
    assert table.pair("XBTUSD").base == "BTC"
    assert table.asset("BTC") == table.asset("XBT") == "BTC"


def test_an_unknown_pair_is_named() -> None:
    assert TABLE.find("BTC/XYZ") is None
    with pytest.raises(UnknownSymbol, match="no pair 'BTC/XYZ'"):
        TABLE.pair("BTC/XYZ")
    with pytest.raises(KeyError):
        TABLE.pair("")


def test_a_name_of_one_pair_is_never_hidden_by_an_older_name_of_another() -> None:
    table = SymbolTable.parse(
        {"A": row("BTC/USD", "OLD/USD", "OLD", "ZUSD"), "XXBTZUSD": PAIRS["XXBTZUSD"]}, ASSETS
    )
    assert table.pair("BTC/USD").canonical == "XXBTZUSD"


@pytest.mark.parametrize(
    ("spelling", "display"),
    [
        ("XXBT", "BTC"),
        ("XBT", "BTC"),
        ("BTC", "BTC"),
        ("ZUSD", "USD"),
        ("USD", "USD"),
        ("XXDG", "DOGE"),
        ("XTZ", "XTZ"),
        ("USDT", "USDT"),
    ],
)
def test_assets_have_one_display_name(spelling: str, display: str) -> None:
    assert TABLE.split_asset(spelling) == (display, "")
    assert TABLE.asset(spelling) == display


@pytest.mark.parametrize(
    ("spelling", "parts"),
    [
        ("USDT.F", ("USDT", ".F")),
        ("XXBT.B", ("BTC", ".B")),
        ("XBT.M", ("BTC", ".M")),
        ("USD.HOLD", ("USD", ".HOLD")),
        ("ETH.S", ("ETH", ".S")),
        ("ETH.T", ("ETH", ".T")),
        ("ETH2.S", ("ETH", "2.S")),
        ("XBT28.S", ("BTC", "28.S")),
    ],
)
def test_suffixes_are_told_apart_and_kept(spelling: str, parts: tuple[str, str]) -> None:
    assert TABLE.split_asset(spelling) == parts
    assert TABLE.asset(spelling) == "".join(parts)


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("XXBT", "BTC"),
        ("XBT28.S", "BTC28.S"),
        ("XBT.E", "BTC.E"),
        ("XXBT.NEW", "BTC.NEW"),
        ("XBT14.V", "BTC14.V"),
        ("NOPE.E", "NOPE.E"),
        ("XBT.Bx", "XBT.Bx"),
        ("NOPE", "NOPE"),
        (".E", ".E"),
        ("", ""),
    ],
)
def test_a_balance_has_its_assets_name_in_forms_that_nobody_knows_as_well(spelling: str, name: str) -> None:
    assert TABLE.held_as(spelling) == name


@pytest.mark.parametrize("spelling", ["NOPE", "NOPE.F", "USD.X", ".F", ""])
def test_an_unknown_asset_is_named(spelling: str) -> None:
    with pytest.raises(UnknownSymbol, match="lists no asset"):
        TABLE.asset(spelling)


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("other", [{"wsname": None}, {"status": "cancel_only"}])
def test_of_two_rows_of_one_market_the_one_that_names_it_and_is_open_counts(
    other: dict[str, Any], *, first: bool
) -> None:
    rows = {"XXBTZUSD": PAIRS["XXBTZUSD"], "XXBTZUSD.d": PAIRS["XXBTZUSD"] | {"altname": "XBTUSD.d"} | other}
    table = SymbolTable.parse(dict(reversed(rows.items())) if first else rows, ASSETS)
    assert table.pair("BTC/USD").altname == "XBTUSD"
    assert table.pair("XBTUSD").canonical == "XXBTZUSD"
    assert table.find("XBTUSD.d") is None


def test_a_pair_may_have_no_minimum() -> None:
    table = SymbolTable.parse({"XTZUSD": PAIRS["XTZUSD"] | {"ordermin": "0", "costmin": "0"}}, ASSETS)
    pair = table.pair("XTZ/USD")
    assert pair.ordermin == pair.costmin == 0


@pytest.mark.parametrize(
    "damage",
    [
        {"ordermin": "NaN"},
        {"ordermin": "-1"},
        {"tick_size": "-1"},
        {"lot_decimals": None},
        {"wsname": "XBTUSD"},
    ],
)
def test_a_pair_without_usable_rules_is_left_out_and_named(damage: dict[str, Any]) -> None:
    table = SymbolTable.parse({"BAD": PAIRS["XTZUSD"] | damage, "XXBTZUSD": PAIRS["XXBTZUSD"]}, ASSETS)
    assert table.skipped == ("BAD",)
    assert len(table) == 1


def test_what_kraken_leaves_out_has_a_meaning() -> None:
    bare = {
        key: value
        for key, value in PAIRS["XXBTZUSD"].items()
        if key not in {"tick_size", "costmin", "wsname"}
    }
    pair = SymbolTable.parse({"XXBTZUSD": bare}, ASSETS).pair("XBTUSD")
    assert (pair.tick_size, pair.costmin, pair.symbol) == (Decimal("0.1"), Decimal(0), "BTC/USD")


@given(
    st.dictionaries(
        st.text(),
        st.none() | st.text() | st.dictionaries(st.sampled_from(sorted(row("", "", "", ""))), st.text()),
    )
)
def test_any_rows_give_a_table(rows: dict[str, Any]) -> None:
    table = SymbolTable.parse(rows, ASSETS)
    assert len(table) + len(table.skipped) <= len(rows)


_texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8) | st.sampled_from(
    ["A", "a", "A/B", "a/b", '"', "\n", "\t"]
)
_rows = st.builds(row, _texts, st.tuples(_texts, _texts).map("/".join), _texts, _texts)


@given(st.dictionaries(_texts, _rows, max_size=5), st.dictionaries(_texts, _texts, max_size=5), _texts)
def test_a_table_made_of_anothers_text_tells_the_same(
    rows: dict[str, Any], assets: dict[str, str], other: str
) -> None:
    table = SymbolTable.parse(rows, {key: {"altname": name} for key, name in assets.items()})
    copy = SymbolTable(table.text)
    names = {name for key, one in rows.items() for name in (key, one["altname"], one["wsname"])}
    for name in (*names, *(name.upper() for name in names), other):
        assert copy.find(name) == table.find(name)
        if name in names:
            assert (found := table.find(name)) is not None
            assert name.upper() in {
                spelled.upper() for spelled in (found.canonical, found.altname, found.wsname, found.symbol)
            }
    for key, name in assets.items():
        assert copy.asset(key) == table.asset(key)
        assert copy.asset(name) == table.asset(name)
    assert len(copy) == len(table)


def test_pairs_that_nobody_lists_do_not_pile_up() -> None:
    table = SymbolTable.parse(PAIRS, ASSETS)
    for number in range(3 * ANSWERS_MAX):
        assert table.find(f"NO{number}/USD") is None
    assert len(table._pairs) <= ANSWERS_MAX
    assert table.pair("XBTUSD").symbol == "BTC/USD"
