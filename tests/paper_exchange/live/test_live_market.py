"""A market that follows a feed, word by word: what it makes of words, what stands before the first price, the
terms of its pairs.
"""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.paper_exchange.live import messages as live_wire
from krakencopy.paper_exchange.live.live_market import PairState
from krakencopy.paper_exchange.live.messages import NotUnderstood
from krakencopy.paper_exchange.values.decimals import ZERO
from krakencopy.paper_exchange.values.pairs import PAIRS
from krakencopy.paper_exchange.values.sides import Side
from krakencopy.paper_exchange.websocket.public_channels import PublicFeed
from krakencopy.paper_exchange.websocket.session import Session
from tests.support.followed_market import CLOSED, ETHUSD, followed, following
from tests.support.live_feed import instrument, message, ticker
from tests.support.paper_venue import XBT, XBTUSD, state

D = Decimal

# --- what a message says


@pytest.mark.parametrize(
    "text",
    [
        '{"Error":"Exceeded msg rate"}',
        "",
        "[]",
        "{",
        '{"channel":"book","data":[]}',
        '{"channel":"ticker","data":{}}',
        '{"channel":"ticker","data":[1]}',
        '{"channel":["ticker"],"data":[]}',
        '{"channel":"status","data":[{}]}',
        '{"channel":"trade","data":[{"symbol":"BTC/USD","price":1}]}',
        '{"channel":"instrument","data":{}}',
        '{"channel":"ticker","data":[{"bid":NaN}]}',
    ],
)
def test_what_is_not_understood_is_told_and_moves_nothing(text: str) -> None:
    (word,) = live_wire.read(text)
    assert isinstance(word, NotUnderstood)
    made = followed()
    before = made.exchange.market.of(XBTUSD).quote
    made.hear(text)
    assert (made.state(), made.exchange.market.of(XBTUSD).quote) == (PairState.OPEN, before)
    assert made.logged[-1].startswith("not understood: ")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
rows = st.fixed_dictionaries(
    {"symbol": st.just("BTC/USD") | json_values},
    optional={
        name: json_values | st.decimals(0, 10**6).map(str)
        for name in (
            "bid",
            "ask",
            "bid_qty",
            "ask_qty",
            "last",
            "price",
            "qty",
            "side",
            "trade_id",
            "status",
            "system",
            "qty_min",
            "cost_min",
            "price_increment",
            "qty_precision",
        )
    },
)


@given(
    st.sampled_from(("ticker", "trade", "instrument", "status", "heartbeat", "x")),
    st.sampled_from(("snapshot", "update")),
    st.lists(rows | json_values, max_size=3),
)
def test_whatever_a_feed_sends_the_exchange_lives_and_its_prices_are_prices(
    channel: str, kind: str, data: list[Any]
) -> None:
    made = followed()
    made.hear(message(channel, {"pairs": data} if channel == "instrument" else data, kind))
    quote = made.exchange.market.of(XBTUSD).quote
    assert 0 < quote.bid <= quote.ask
    assert quote.bid == quote.bid.quantize(XBTUSD.price_step)
    assert quote.shown(Side.BUY) > 0
    assert quote.level_step >= XBTUSD.tick_size


# --- before the first price


def test_until_a_pair_has_its_first_price_its_orders_are_refused_and_nothing_is_shown_of_it() -> None:
    made = following()
    assert made.refusal() == CLOSED
    made.connect()
    made.hear(ticker("ETH/USD", bid=3000.0, ask=3000.01))
    assert made.refusal() == CLOSED
    assert made.exchange.market.usd_price(XBT) == ZERO
    assert made.exchange.market.usd_price(ETHUSD.base) == D("50000.1")
    assert (made.state(), made.state(ETHUSD)) == (PairState.WAITING, PairState.OPEN)
    made.hear(ticker(last=49000.5))
    assert made.record() == [D("49000.5")]
    assert made.exchange.market.usd_price(XBT) == D("49000.5")
    assert state(made.add("buy 0.01 market")) == ("closed", "0.01")


def test_everything_is_asked_for_once_a_connection_is_there() -> None:
    requests = [json.loads(text)["params"] for text in following().market.connected(0.0)]
    symbols = [pair.symbol for pair in PAIRS]
    assert requests == [
        {"channel": "instrument", "snapshot": True},
        {"channel": "ticker", "symbol": symbols, "event_trigger": "bbo", "snapshot": True},
        {"channel": "trade", "symbol": symbols, "snapshot": True},
    ]


def test_a_pair_that_the_feed_does_not_have_stays_closed_and_is_waited_for_no_longer() -> None:
    made = following()
    made.connect()
    made.hear(*(ticker(pair.symbol, bid=1, ask=1) for pair in PAIRS if pair is not XBTUSD))
    assert made.state() == PairState.WAITING
    made.hear(
        '{"error":"Currency pair not supported","method":"subscribe","success":false,"symbol":"BTC/USD"}'
    )
    assert made.market.settled
    assert (made.state(), made.refusal()) == (PairState.REFUSED, CLOSED)


def test_who_subscribed_before_the_first_price_gets_the_snapshot_with_it() -> None:
    made = following()
    public = PublicFeed(made.exchange.market)
    session = Session(made.exchange, public, 1)
    asked = {"method": "subscribe", "params": {"channel": "book", "symbol": ["BTC/USD"]}}
    (ack,) = session.handle(json.dumps(asked), made.now_us)
    assert json.loads(ack)["success"]
    assert list(public.updates(made.now_us, session.topics())) == []
    made.connect()
    made.hear(ticker())
    ((_, text),) = public.updates(made.now_us, session.topics())
    book = json.loads(text)
    assert (book["type"], book["data"][0]["asks"][0]) == ("snapshot", {"price": 50000.1, "qty": 0.25})
    made.hear(ticker(ask_qty=0.5))
    ((_, text),) = public.updates(made.now_us, session.topics())
    assert json.loads(text)["type"] == "update"


# --- terms


def test_minima_ticks_lots_and_status_are_those_of_the_feed() -> None:
    made = followed()
    changed = instrument(qty_min=0.002, cost_min=150, price_increment=0.5, qty_precision=5)
    made.hear(changed)
    assert made.refusal("buy 0.0015 market") == "EGeneral:Invalid arguments:volume minimum not met"
    assert made.refusal("buy 0.0025 market") == "EGeneral:Invalid arguments:cost minimum not met"
    assert made.refusal("buy 0.01 limit 49000.1") == "EOrder:Tick size check failed"
    assert made.refusal("buy 0.010001 market") == "EGeneral:Invalid arguments:volume"
    assert made.add("buy 0.01001 limit 49000.5").status.is_open
    made.hear(instrument(status="post_only"))
    assert made.refusal() == "EService:Market in post_only mode"


def test_what_is_finer_than_the_table_or_missing_stays_as_in_the_table() -> None:
    made = followed()
    made.hear(instrument(price_increment=0.01, qty_precision=10, qty_min=None, cost_min="x"))
    pair_rules = made.exchange.conditions.pair_rules(XBTUSD)
    assert (pair_rules.tick_size, pair_rules.lot_decimals) == (XBTUSD.tick_size, XBTUSD.lot_decimals)
    assert (pair_rules.minima.ordermin, pair_rules.minima.costmin) == (XBTUSD.ordermin, XBTUSD.costmin)
    assert [line.partition(": ")[0] for line in made.logged[-2:]] == ["BTC/USD", "BTC/USD"]
