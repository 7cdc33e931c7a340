"""Trades of the past come with their own spacing, and a bad line of their file is named."""

from decimal import Decimal
from pathlib import Path

import pytest

from krakencopy.paper_exchange.market.market import Market, quote_of
from krakencopy.paper_exchange.market.replay import LOOP_PAUSE_US, load
from krakencopy.paper_exchange.values.errors import ConfigurationError
from krakencopy.paper_exchange.values.sides import Side
from tests.support.paper_venue import CATALOGUE, XBTUSD

PAST = "1561939203.172,10749.4,0.004\n1561939205.224,10749.7,0.03869709\n1561939205.430,10749.7,0.5\n1561939206,10740,1\n"  # noqa: E501 - as it was recorded


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
