"""The table of assets and pairs is consistent, and forms and renames say the same in all four spellings."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from krakencopy.paper_exchange.values.pairs import (
    ASSETS,
    PAIRS,
    SUFFIXES,
    TOKENISED,
    TOKENISED_ASSETS,
    TOKENISED_PAIRS,
    Asset,
    Pair,
    form_of,
)

ALL_PAIRS = PAIRS + TOKENISED_PAIRS
BY_ID = {pair.id: pair for pair in ALL_PAIRS}


@pytest.mark.parametrize("spelling", ["id", "altname", "wsname", "symbol"])
def test_a_spelling_names_one_pair_alone(spelling: str) -> None:
    assert len({getattr(pair, spelling) for pair in ALL_PAIRS}) == len(ALL_PAIRS)


@pytest.mark.parametrize("pair", ALL_PAIRS, ids=lambda pair: pair.id)
def test_a_pair_is_spelled_like_its_assets(pair: Pair) -> None:
    assert pair.altname == pair.base.altname + pair.quote.altname
    assert pair.wsname == f"{pair.base.altname}/{pair.quote.altname}"
    assert pair.symbol == f"{pair.base.name}/{pair.quote.name}"
    assert {pair.base, pair.quote} <= {*ASSETS, *TOKENISED_ASSETS}


@pytest.mark.parametrize("pair", ALL_PAIRS, ids=lambda pair: pair.id)
def test_the_numbers_of_a_pair_fit_each_other(pair: Pair) -> None:
    assert pair.start_price % pair.tick_size == 0
    assert pair.ordermin % pair.lot_step == 0
    assert pair.costmin > 0 < pair.depth


def test_steps_follow_from_decimals_and_printed_prices_have_five() -> None:
    bitcoin, doge = BY_ID["XXBTZUSD"], BY_ID["XDGUSD"]
    assert (bitcoin.lot_step, bitcoin.cost_step) == (Decimal("1E-8"), Decimal("0.00001"))
    assert (bitcoin.pair_decimals, bitcoin.price_step, bitcoin.display_price_decimals) == (
        1,
        Decimal("0.1"),
        5,
    )
    assert (doge.pair_decimals, doge.display_price_decimals) == (7, 7)
    assert bitcoin.quote.step == Decimal("0.0001")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_form_is_an_asset_of_its_own_that_knows_what_it_is_a_form_of(suffix: str) -> None:
    bitcoin = BY_ID["XXBTZUSD"].base
    form = form_of(bitcoin, suffix)
    assert (form.id, form.altname, form.name) == (f"XBT{suffix}", f"XBT{suffix}", f"BTC{suffix}")
    assert (form.underlying, form.suffix, form.collateral_value) == (bitcoin, suffix, None)
    assert form.decimals == bitcoin.decimals
    assert form_of(bitcoin, suffix) is form, "balances are kept by it"
    with pytest.raises(AssertionError):
        form_of(form, ".F")


def test_a_rename_changes_every_spelling_and_the_id_where_the_assets_changes() -> None:
    ether_bitcoin, ether = BY_ID["XETHXXBT"], BY_ID["XETHZUSD"].base
    new = Asset("NEW", "NEW", "NEW", ether.decimals, ether.display_decimals)
    pair = ether_bitcoin.renamed(ether, new)
    assert (pair.id, pair.altname, pair.wsname, pair.symbol) == ("NEWXBT", "NEWXBT", "NEW/XBT", "NEW/BTC")
    assert (pair.base, pair.quote, pair.tick_size) == (new, ether_bitcoin.quote, ether_bitcoin.tick_size)


def test_a_rename_that_keeps_the_assets_id_keeps_the_pairs() -> None:
    pair = BY_ID["XETHZUSD"]
    pair = pair.renamed(pair.base, replace(pair.base, altname="ETH2", name="ETH2"))
    assert (pair.id, pair.altname, pair.symbol) == ("XETHZUSD", "ETH2USD", "ETH2/USD")


def test_tokenised_stocks_say_their_class() -> None:
    assert {asset.aclass for asset in TOKENISED_ASSETS} == {TOKENISED}
    assert TOKENISED not in {asset.aclass for asset in ASSETS}
