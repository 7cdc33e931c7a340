"""Prices of the synthetic market, and what an order may take of them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.paper_exchange.market.market import LEVELS, Market, Quote, SyntheticWalk, quote_of
from krakencopy.paper_exchange.values.decimals import ZERO
from krakencopy.paper_exchange.values.pairs import ASSETS, PAIRS, Pair
from krakencopy.paper_exchange.values.sides import Side
from tests.support.paper_venue import CATALOGUE, XBTUSD


def test_every_spelling_names_one_pair() -> None:
    for pair in CATALOGUE.pairs:
        for spelling in (pair.id, pair.altname, pair.wsname, pair.symbol):
            assert CATALOGUE.find_pair(spelling) is pair
    assert len({pair.symbol for pair in PAIRS}) == len(PAIRS)


def test_every_start_price_lies_on_the_tick_grid_of_its_pair() -> None:
    assert [pair.id for pair in PAIRS if pair.start_price % pair.tick_size] == []


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.altname)
def test_step_n_of_a_seed_is_always_the_same(pair: Pair) -> None:
    first, second, other = SyntheticWalk(pair, 7), SyntheticWalk(pair, 7), SyntheticWalk(pair, 8)
    steps = [first.step() for _ in range(200)]
    assert steps == [second.step() for _ in range(200)]
    assert steps != [other.step() for _ in range(200)]
    for quote, trade in steps:
        assert 0 < quote.bid < quote.ask
        assert trade.price in {quote.bid, quote.ask}
        assert trade.price % pair.tick_size == 0
        assert 0 < trade.volume <= pair.depth


@given(
    st.integers(1, 10**6),
    st.integers(0, 100),
    st.none() | st.integers(1, 10**9),
    st.sampled_from(Side),
    st.integers(1, 10**11),
    st.none() | st.integers(1, 10**6),
)
def test_a_sweep_takes_the_best_levels_first_and_no_more_than_asked(
    bid: int, spread: int, depth: int | None, side: Side, lots: int, limit: int | None
) -> None:
    tick, volume = XBTUSD.tick_size, Decimal(lots).scaleb(-8)
    quote = quote_of(
        XBTUSD, bid * tick, (bid + spread) * tick, None if depth is None else Decimal(depth).scaleb(-8)
    )
    price_limit = None if limit is None else limit * tick
    taken = quote.sweep(side, volume, price_limit)
    prices = [price for price, _ in taken]
    assert prices == sorted(prices, reverse=side is Side.SELL)
    assert all(price > 0 for price in prices)
    if price_limit is not None:
        assert all(price <= price_limit if side is Side.BUY else price >= price_limit for price in prices)
    total = sum((part for _, part in taken), ZERO)
    assert total <= volume
    if depth is None and prices:
        assert total == volume
    if total < volume and price_limit is None:
        assert len(taken) == LEVELS or prices[-1] - quote.level_step <= 0


def test_a_value_is_found_directly_or_through_bitcoin() -> None:
    market = Market(seed=1, replay=None, now_us=0)
    names = {asset.altname: asset for asset in ASSETS}
    usd = {name: market.usd_price(asset) for name, asset in names.items()}
    assert usd["USD"] == 1
    assert (usd["XBT"], usd["EUR"], usd["USDT"]) == (Decimal(60_000), Decimal("1.1"), Decimal(1))
    assert all(usd.values())
    xbt = CATALOGUE.find_asset("XBT")
    assert xbt is not None
    assert market.value(names["USD"], Decimal(30_000), xbt) == Decimal("0.5")


def test_a_pinned_pair_stands_still_and_the_others_do_not() -> None:
    market = Market(seed=1, replay=None, now_us=0)
    quote = Quote(Decimal(1), Decimal(1), None, Decimal("0.1"))
    market.of(XBTUSD).pin(quote)
    assert len(market.step()) == len(CATALOGUE.pairs) - 1
    assert market.of(XBTUSD).quote == quote
    market.of(XBTUSD).pinned = False
    assert len(market.step()) == len(CATALOGUE.pairs)
    assert market.of(XBTUSD).quote != quote
