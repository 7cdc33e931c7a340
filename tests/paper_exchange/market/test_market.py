from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.paper_exchange.market.market import LEVELS, Market, Quote, SyntheticWalk, quote_of
from krakencopy.paper_exchange.market.replay import LOOP_PAUSE_US, load
from krakencopy.paper_exchange.market.tape import Tape
from krakencopy.paper_exchange.values.decimals import ZERO
from krakencopy.paper_exchange.values.errors import ConfigurationError
from krakencopy.paper_exchange.values.pairs import ASSETS, PAIRS, Pair
from krakencopy.paper_exchange.values.sides import OrderType, Side
from tests.support.paper_venue import CATALOGUE

MINUTE_US = 60_000_000
PAST = "1561939203.172,10749.4,0.004\n1561939205.224,10749.7,0.03869709\n1561939205.430,10749.7,0.5\n1561939206,10740,1\n"  # noqa: E501 - as it was recorded


def pair_named(name: str) -> Pair:
    pair = CATALOGUE.find_pair(name)
    assert pair is not None
    return pair


XBTUSD = pair_named("XBTUSD")


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


def write(folder: Path, text: str, name: str = "XBTUSD.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_a_replay_keeps_the_spacing_of_the_past_divided_by_the_speed(tmp_path: Path) -> None:
    replay = load(write(tmp_path, PAST), speed=2)
    assert [trade.price for trade in replay.advance(0)] == [Decimal("10749.4")]
    assert replay.next_due_us() == 1_026_000
    assert replay.advance(1_025_999) == []
    assert [trade.price for trade in replay.advance(1)] == [Decimal("10749.7")]
    assert len(replay.advance(500_000)) == 2


def test_a_replay_begins_again_a_second_after_its_last_trade(tmp_path: Path) -> None:
    replay = load(write(tmp_path, PAST))
    assert len(replay.advance(2_828_000)) == 4
    assert replay.next_due_us() == LOOP_PAUSE_US
    assert len(replay.advance(10 * (2_828_000 + LOOP_PAUSE_US))) == 40


def test_the_side_of_a_replayed_trade_is_by_tick_rule(tmp_path: Path) -> None:
    replay = load(write(tmp_path, PAST))
    assert [trade.side for trade in replay.advance(3_000_000)] == [Side.BUY, Side.BUY, Side.BUY, Side.SELL]


def test_the_quote_lies_around_the_last_replayed_trade(tmp_path: Path) -> None:
    replay = load(write(tmp_path, PAST))
    market = Market(seed=1, replay=replay, now_us=0)
    played = market.of(XBTUSD)
    assert played.quote.ask == Decimal("10749.4")
    for past in market.replay_due(3_000_000):
        played.play(past)
    assert (played.quote.bid, played.quote.ask) == (Decimal("10740.0"), Decimal("10740.1"))
    assert len(market.step()) == len(CATALOGUE.pairs) - 1


def test_a_replay_stands_still_while_its_pair_is_pinned(tmp_path: Path) -> None:
    market = Market(seed=1, replay=load(write(tmp_path, PAST)), now_us=0)
    market.of(XBTUSD).pin(quote_of(XBTUSD, Decimal(1), Decimal(1), None))
    assert market.replay_due(10**9) == []
    market.of(XBTUSD).pinned = False
    assert len(market.replay_due(0)) == 1


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("1561939203.172,10749.4\n", 1),
        (PAST + "1561939207,x,1\n", 5),
        (PAST + "\n", 5),
        (PAST + "1561939207,0,1\n", 5),
        (PAST + "1561939207,1e4,1\n", 5),
        (PAST + "1561939205,10749.4,1\n", 5),
        ("time,price,volume\n" + PAST, 1),
    ],
)
def test_a_malformed_line_of_a_replay_is_named(tmp_path: Path, text: str, line: int) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigurationError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}:{line}: ")


@pytest.mark.parametrize("name", ["XBTXXX.csv", "XBTUSD.csv"])
def test_a_replay_without_a_pair_or_without_trades_is_refused(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, "", name)
    with pytest.raises(ConfigurationError, match=name):
        load(path)
    with pytest.raises(ConfigurationError, match="No such file"):
        load(tmp_path / "ETHUSD.csv")


moves = st.lists(
    st.tuples(st.integers(0, 3 * MINUTE_US), st.integers(1, 100), st.integers(1, 100)), min_size=1
)


@given(moves)
def test_the_last_24_hours_are_the_sum_of_their_trades(rows: list[tuple[int, int, int]]) -> None:
    tape, now_us = Tape(), 10**15
    for pause_us, price, volume in rows:
        now_us += pause_us
        tape.add_trade(Decimal(price), Decimal(volume), Side.BUY, OrderType.MARKET, now_us)
        day = tape.last_24_hours(now_us)
        assert day.count == len(tape.trades)
        assert day.volume == sum(trade.volume for trade in tape.trades)
        assert day.low == min(trade.price for trade in tape.trades)
        assert day.high == max(trade.price for trade in tape.trades)
    assert [trade.trade_id for trade in tape.trades] == list(range(1, len(rows) + 1))
    bars = tape.bars(5)
    assert sum(bar.count for bar in bars) == len(rows)
    assert all(bar.minute % 5 == 0 and bar.low <= bar.vwap <= bar.high for bar in bars)


def test_yesterday_is_not_part_of_today() -> None:
    tape = Tape()
    midnight = 20_000 * 24 * 60 * MINUTE_US
    for at_us, price in ((midnight - 1, 10), (midnight, 20)):
        tape.add_trade(Decimal(price), Decimal(1), Side.BUY, OrderType.MARKET, at_us)
    assert (tape.today(midnight).count, tape.last_24_hours(midnight).count) == (1, 2)
    assert tape.today(midnight).open == 20
    quiet = tape.today(midnight + 2 * 24 * 60 * MINUTE_US)
    assert (quiet.count, quiet.open, quiet.vwap) == (0, Decimal(20), Decimal(20))
