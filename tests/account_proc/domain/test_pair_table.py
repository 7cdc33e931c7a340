"""One market has four names and one set of rules; an asset has three names and sometimes a suffix."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.domain.pair_table import ANSWERS_MAX, PairTable, UnknownName
from krakencopy.account_proc.kraken.pair_rows import pair_table
from tests.support.pair_samples import ASSETS, PAIRS, TABLE, row


@pytest.mark.parametrize("spelling", ["XXBTZUSD", "XBTUSD", "XBT/USD", "BTC/USD", "btc/usd", "xbtusd"])
def test_every_spelling_finds_the_same_pair(spelling: str) -> None:
    pair = TABLE.pair(spelling)
    assert (pair.canonical, pair.altname, pair.wsname, pair.name) == (
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
    assert TABLE.pair(spelling).name == symbol


@pytest.mark.parametrize(("asset", "step"), [("USD", "0.00001"), ("BTC", "0.00001"), ("XTZ", "0")])
def test_what_is_paid_in_an_asset_is_rounded_to_the_coarsest_step_of_its_pairs(asset: str, step: str) -> None:
    assert TABLE.cost_step(asset) == Decimal(step)
    assert TABLE.cost_step(asset) == Decimal(step), "as it is remembered"


def test_an_unknown_pair_is_named() -> None:
    assert TABLE.find("BTC/XYZ") is None
    with pytest.raises(UnknownName, match="no pair 'BTC/XYZ'"):
        TABLE.pair("BTC/XYZ")
    with pytest.raises(KeyError):
        TABLE.pair("")


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
    with pytest.raises(UnknownName, match="lists no asset"):
        TABLE.asset(spelling)


_texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8) | st.sampled_from(
    ["A", "a", "A/B", "a/b", '"', "\n", "\t"]
)
_rows = st.builds(row, _texts, st.tuples(_texts, _texts).map("/".join), _texts, _texts)


@given(st.dictionaries(_texts, _rows, max_size=5), st.dictionaries(_texts, _texts, max_size=5), _texts)
def test_a_table_made_of_anothers_text_tells_the_same(
    rows: dict[str, Any], assets: dict[str, str], other: str
) -> None:
    table = pair_table(rows, {key: {"altname": name} for key, name in assets.items()})
    copy = PairTable(table.text)
    names = {name for key, one in rows.items() for name in (key, one["altname"], one["wsname"])}
    for name in (*names, *(name.upper() for name in names), other):
        assert copy.find(name) == table.find(name)
        # Of two rows of one market only one counts, and the other's own names are nobody's.
        if name in names and len(table) == len(rows):
            assert (found := table.find(name)) is not None
            assert name.upper() in {
                spelled.upper() for spelled in (found.canonical, found.altname, found.wsname, found.name)
            }
    # A name that cannot be shown is none.
    for key, name in ((key, name) for key, name in assets.items() if f"{key}{name}".isprintable()):
        assert copy.asset(key) == table.asset(key)
        assert copy.asset(name) == table.asset(name)
    assert len(copy) == len(table)


def test_pairs_that_nobody_lists_do_not_pile_up() -> None:
    table = pair_table(PAIRS, ASSETS)
    for number in range(3 * ANSWERS_MAX):
        assert table.find(f"NO{number}/USD") is None
    assert len(table._pairs) <= ANSWERS_MAX
    assert table.pair("XBTUSD").name == "BTC/USD"


@pytest.mark.parametrize("written", ["BTCUSD", "btc-usd", "XBT_USD", "XXBT/ZUSD", "BTC/USD", "XXBTZUSD"])
def test_what_people_write_finds_the_pair_and_is_no_name_of_the_exchanges(written: str) -> None:
    table = pair_table(PAIRS, ASSETS)
    found = table.find_written(written)
    assert found is not None
    assert found.name == "BTC/USD"
    assert table.find_written(written) is found
    assert (table.find(written) is not None) is (written in {"BTC/USD", "XXBTZUSD"})


def test_a_pair_that_is_not_listed_is_not_found_and_the_nearest_is_named() -> None:
    assert TABLE.find_written("BTC/USDD") is None
    assert TABLE.find_written("BTC/USDD") is None
    assert set(TABLE.nearest("btc-usdd")[:2]) == {"BTC/USD", "BTC/USDT"}
    assert TABLE.nearest("QQQQQQ") == []
