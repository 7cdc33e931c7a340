"""Rows of AssetPairs and Assets become rules of pairs; one that cannot be read costs that row."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.kraken.pair_rows import pair_table
from tests.support.pair_samples import ASSETS, PAIRS, row


def test_names_of_the_new_asset_version_are_understood() -> None:
    table = pair_table({"BTC/USD": row("XBTUSD", "XBT/USD", "BTC", "USD")}, {"BTC": {"altname": "XBT"}})
    assert table.pair("XBTUSD").base == "BTC"
    assert table.asset("BTC") == table.asset("XBT") == "BTC"


def test_a_name_of_one_pair_is_never_hidden_by_an_older_name_of_another() -> None:
    table = pair_table({"A": row("BTC/USD", "OLD/USD", "OLD", "ZUSD"), "XXBTZUSD": PAIRS["XXBTZUSD"]}, ASSETS)
    assert table.pair("BTC/USD").canonical == "XXBTZUSD"


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("other", [{"wsname": None}, {"status": "cancel_only"}])
def test_of_two_rows_of_one_market_the_one_that_names_it_and_is_open_counts(
    other: dict[str, Any], *, first: bool
) -> None:
    rows = {"XXBTZUSD": PAIRS["XXBTZUSD"], "XXBTZUSD.d": PAIRS["XXBTZUSD"] | {"altname": "XBTUSD.d"} | other}
    table = pair_table(dict(reversed(rows.items())) if first else rows, ASSETS)
    assert table.pair("BTC/USD").altname == "XBTUSD"
    assert table.pair("XBTUSD").canonical == "XXBTZUSD"
    assert table.find("XBTUSD.d") is None


def test_a_pair_may_have_no_minimum() -> None:
    table = pair_table({"XTZUSD": PAIRS["XTZUSD"] | {"ordermin": "0", "costmin": "0"}}, ASSETS)
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
    table = pair_table({"BAD": PAIRS["XTZUSD"] | damage, "XXBTZUSD": PAIRS["XXBTZUSD"]}, ASSETS)
    assert table.skipped == ("BAD",)
    assert len(table) == 1


def test_what_kraken_leaves_out_has_a_meaning() -> None:
    bare = {
        key: value
        for key, value in PAIRS["XXBTZUSD"].items()
        if key not in {"tick_size", "costmin", "wsname"}
    }
    pair = pair_table({"XXBTZUSD": bare}, ASSETS).pair("XBTUSD")
    assert (pair.tick_size, pair.costmin, pair.name) == (Decimal("0.1"), Decimal(0), "BTC/USD")


@given(
    st.dictionaries(
        st.text(),
        st.none() | st.text() | st.dictionaries(st.sampled_from(sorted(row("", "", "", ""))), st.text()),
    )
)
def test_any_rows_give_a_table(rows: dict[str, Any]) -> None:
    table = pair_table(rows, ASSETS)
    assert len(table) + len(table.skipped) <= len(rows)
