"""Coins are recognised by the exchange's id under whatever name."""

from __future__ import annotations

from typing import Any

from krakencopy.account_proc.domain.coin_ids import CoinIds
from krakencopy.account_proc.domain.pair_table import PairTable
from krakencopy.account_proc.kraken.pair_rows import pair_table


def table(*coins: tuple[str, str], status: str = "online") -> PairTable:
    """A table with these assets, by id and altname, and a pair against USD for each."""
    assets: dict[str, Any] = {"ZUSD": {"altname": "USD"}}
    pairs: dict[str, Any] = {}
    for key, altname in coins:
        assets[key] = {"altname": altname}
        pairs[f"{key}ZUSD"] = {
            "altname": f"{altname}USD",
            "wsname": f"{altname}/USD",
            "base": key,
            "quote": "ZUSD",
            "lot_decimals": 8,
            "pair_decimals": 1,
            "cost_decimals": 5,
            "ordermin": "0.01",
            "status": status,
        }
    return pair_table(pairs, assets)


def test_a_coin_is_followed_by_its_id_from_name_to_name_also_across_a_restart() -> None:
    before = table(("XXBT", "XBT"), ("XETH", "ETH"))
    ids = CoinIds()
    ids.follow({"BTC", "ETH", "USD"}, before)
    assert ids.take_renamed({"BTC", "ETH", "USD"}, before) == []
    ids = CoinIds.from_json(ids.to_json())
    assert ids.take_renamed({"BTC", "ETH"}, table(("XXBT", "XBT"), ("XETH", "NEW"))) == [("ETH", "NEW")]
    assert ids.take_renamed({"BTC", "NEW"}, table(("XXBT", "XBT"), ("XETH", "NEWER"))) == [("NEW", "NEWER")]


def test_a_coin_that_is_gone_or_was_never_seen_keeps_its_name() -> None:
    ids = CoinIds()
    assert ids.take_renamed({"ETH"}, table(("XXBT", "XBT"))) == []
    ids.follow({"ETH"}, table(("XETH", "ETH")))
    assert ids.take_renamed({"ETH"}, table(("XXBT", "XBT"))) == []


def test_what_is_remembered_of_a_pair_does_not_hide_a_new_name() -> None:
    """The rules of a pair that is not listed any more are kept under the old name."""
    before = table(("XETH", "ETH"))
    ids = CoinIds()
    ids.follow({"ETH"}, before)
    after = table(("XETH", "NEW")).remembering([before.pair("ETH/USD")])
    assert after.asset("ETH") == "ETH"
    assert ids.take_renamed({"ETH"}, after) == [("ETH", "NEW")]
    assert (after.trades("NEW"), after.trades("ETH"), after.trades("USD")) == (True, False, True)


def test_ids_are_told_by_display_names() -> None:
    found = table(("XXBT", "XBT"), ("POL", "POL"))
    assert (found.id_of("BTC"), found.id_of("POL"), found.id_of("USD")) == ("XXBT", "POL", "ZUSD")
    assert found.id_of("XBT") is None
    assert not table(("XETH", "ETH"), status="cancel_only").trades("ETH")


def test_a_name_is_free_when_the_coin_that_had_it_has_followed_its_own() -> None:
    """Whatever the order of names: AAA gets the name BBB, which is CCC from now on."""
    ids = CoinIds()
    ids.follow({"AAA", "BBB"}, table(("A1", "AAA"), ("B1", "BBB")))
    after = table(("A1", "BBB"), ("B1", "CCC"))
    assert ids.take_renamed({"AAA", "BBB"}, after) == [("BBB", "CCC"), ("AAA", "BBB")]
    assert ids.take_renamed({"BBB", "CCC"}, after) == []
    assert ids.take_renamed({"BBB", "CCC"}, table(("A1", "DDD"), ("B1", "CCC"))) == [("BBB", "DDD")]
