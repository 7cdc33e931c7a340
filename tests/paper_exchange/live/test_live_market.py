"""A market that follows a feed, word by word: what moves it, what closes it, what opens it again."""

import json
import random
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.paper_exchange.accounts.account import Account
from krakencopy.paper_exchange.accounts.orders import Order
from krakencopy.paper_exchange.accounts.rate_limits import Tier
from krakencopy.paper_exchange.live import messages as live_wire
from krakencopy.paper_exchange.live.live_market import ASK_ANEW_S, LiveMarket, PairState
from krakencopy.paper_exchange.live.messages import (
    NotUnderstood,
)
from krakencopy.paper_exchange.values.decimals import ZERO
from krakencopy.paper_exchange.values.errors import KrakenError
from krakencopy.paper_exchange.values.pairs import PAIRS
from krakencopy.paper_exchange.values.sides import Side
from krakencopy.paper_exchange.venue import order_api as trading
from krakencopy.paper_exchange.venue import treasury
from krakencopy.paper_exchange.venue.exchange import Exchange
from krakencopy.paper_exchange.websocket.public_channels import PublicFeed
from krakencopy.paper_exchange.websocket.session import Session
from tests.support.live_feed import HEARTBEAT, STATUS, instrument, message, ticker, trades
from tests.support.paper_venue import START_US, USD, XBT, XBTUSD, order_params, pair_named, state

D = Decimal
SILENCE_S = 10.0
CLOSED = "EService:Market in cancel_only mode"
ETHUSD = pair_named("ETHUSD")
ADAUSD = pair_named("ADAUSD")


@dataclass
class Followed:
    """An exchange whose market follows a feed, with the times passed in by hand."""

    exchange: Exchange
    account: Account
    logged: list[str] = field(default_factory=list)
    market: LiveMarket = field(init=False)
    now_s: float = 1000.0

    def __post_init__(self) -> None:
        self.market = LiveMarket(self.exchange, SILENCE_S, self.logged.append)

    @property
    def now_us(self) -> int:
        return START_US + int((self.now_s - 1000) * 10**6)

    def hear(self, *texts: str) -> None:
        for text in texts:
            self.market.receive_message(text, self.now_s, self.now_us)

    def connect(self) -> None:
        self.market.connected(self.now_s)
        self.hear(STATUS)

    def lose(self) -> None:
        self.market.lost("closed (1006)", self.now_s, self.now_us)

    def wait(self, seconds: float) -> None:
        self.now_s += seconds
        self.market.review(self.now_s, self.now_us)

    def add(self, text: str) -> Order:
        caller = trading.Caller(self.exchange, self.account, self.now_us, self.now_us)
        entered = trading.add_order(caller, order_params(text))
        assert entered.order is not None
        return entered.order

    def cancel(self, order: Order) -> int:
        caller = trading.Caller(self.exchange, self.account, self.now_us, self.now_us)
        return trading.cancel(caller, [order])

    def refusal(self, text: str = "buy 0.01 market") -> str:
        with pytest.raises(KrakenError) as refused:
            self.add(text)
        return refused.value.text

    def state(self, pair: Any = XBTUSD) -> str:
        return str(self.market.state_of(pair)["state"])

    def record(self) -> list[Decimal]:
        return [trade.price for trade in self.exchange.market.of(XBTUSD).tape.trades]


def following() -> Followed:
    exchange = Exchange(seed=1, replay=None, ids=random.Random(1), now_us=START_US, live=True)  # noqa: S311 - no secret
    account = Account("a", Tier.PRO, limited=False)
    exchange.accounts.add_account(account)
    for asset, amount in ((USD, "1000000"), (XBT, "100")):
        treasury.deposit(exchange, account, asset, Decimal(amount), START_US)
    return Followed(exchange, account)


def followed() -> Followed:
    """The same with a price, by which BTC/USD trades."""
    made = following()
    made.connect()
    made.hear(ticker(kind="snapshot"))
    assert made.state() == PairState.OPEN
    return made


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


# --- prices and trades


def test_an_order_takes_the_best_level_as_told_and_a_modelled_book_behind_it() -> None:
    made = followed()
    order = made.add("buy 0.3 market")
    assert [(trade.price, trade.volume) for trade in order.trades] == [
        (D("50000.1"), D("0.25")),
        (D("50005.2"), D("0.02")),  # the table's depth, a basis point behind, up to the next tick
        (D("50010.3"), D("0.02")),
        (D("50015.4"), D("0.01")),
    ]
    selling = made.add("sell 0.5 market")
    assert [(trade.price, trade.volume) for trade in selling.trades] == [(D("50000.0"), D("0.5"))]


def test_a_resting_order_fills_when_the_market_trades_at_its_price_or_comes_through_it() -> None:
    made = followed()
    traded, crossed = made.add("buy 0.4 limit 49990"), made.add("buy 0.4 limit 49980")
    made.hear(trades((100, "49990.0", "0.3")))
    assert (state(traded), state(crossed)) == (("open", "0.3"), ("open", "0"))
    made.hear(ticker(bid=49970.0, ask=49975.0, ask_qty=1.0))
    assert (state(traded), state(crossed)) == (("closed", "0.4"), ("closed", "0.4"))
    assert {trade.price for trade in crossed.trades} == {D("49980.0")}


def test_a_stop_fires_at_a_trade_of_the_market() -> None:
    made = followed()
    stop = made.add("sell 0.1 stop-loss 49500")
    made.hear(ticker(bid=49400.0, ask=49400.1))
    assert state(stop) == ("open", "0")
    made.hear(trades((100, "49400.0", "0.3")))
    assert state(stop) == ("closed", "0.1")


def test_each_trade_counts_once_however_often_snapshots_repeat_it() -> None:
    made = followed()
    made.hear(trades((98, "50001", "1"), (99, "50002", "1"), kind="snapshot"))
    assert made.record() == [D("50000.1")], "what was traded before is of no concern"
    made.hear(trades((100, "50000", "1")), trades((100, "50000", "1")), trades((99, "1", "1")))
    assert made.record() == [D("50000.1"), D("50000.0")]
    made.hear(trades((103, "50000", "1")))
    assert made.market.state_of(XBTUSD)["trades_missed"] == 2
    assert made.logged[-1] == "BTC/USD: 2 trades were not sent"


def test_trades_of_an_interruption_join_the_record_and_fire_stops_and_fill_no_limit() -> None:
    made = followed()
    made.hear(trades((100, "50000", "1")))
    resting, stop = made.add("buy 0.4 limit 49990"), made.add("sell 0.1 stop-loss 49500")
    made.lose()
    made.connect()
    made.hear(ticker(kind="snapshot"), trades((100, "50000", "1"), (101, "49000", "1"), kind="snapshot"))
    assert (made.record()[-2:], state(resting)) == ([D("49000.0"), D("50000.0")], ("open", "0"))
    assert [trade.price for trade in stop.trades] == [D("50000.0")], "at the price that is right now"
    made.hear(trades((102, "49990", "1")))
    assert state(resting) == ("closed", "0.4")


def test_an_exchange_that_numbers_its_trades_anew_is_followed() -> None:
    made = followed()
    made.hear(trades((5000, "50000", "1")))
    made.lose()
    made.connect()
    made.hear(ticker(kind="snapshot"), trades((1, "50000", "1"), kind="snapshot"), trades((2, "50000", "1")))
    assert len(made.record()) == 3


def test_prices_that_are_finer_than_a_pairs_digits_are_rounded_against_the_taker() -> None:
    made = followed()
    made.hear(ticker(bid=50000.19, ask=50000.21, ask_qty=1e-09))
    quote = made.exchange.market.of(XBTUSD).quote
    assert (quote.bid, quote.ask, quote.ask_size) == (D("50000.1"), D("50000.3"), D("0.00000001"))


def test_a_pinned_pair_stands_still_and_is_where_the_feed_is_once_it_is_resumed() -> None:
    made = followed()
    pinned = made.exchange.market.of(XBTUSD).quote
    made.exchange.pin(XBTUSD, pinned, made.now_us)
    made.hear(ticker(bid=40000.0, ask=40000.1), trades((7, "40000", "1")))
    assert made.exchange.market.of(XBTUSD).quote == pinned
    assert D(40000) not in made.record()
    made.exchange.resume(XBTUSD, made.now_us)
    assert made.exchange.market.of(XBTUSD).quote.ask == D("40000.1")


# --- what closes a pair


def test_a_quiet_pair_trades_as_long_as_the_connection_is_heard_of() -> None:
    made = followed()
    for _ in range(60):
        made.wait(1)
        made.hear(HEARTBEAT)
    assert made.add("buy 0.01 market").trades[0].price == D("50000.1")


def test_after_the_silence_limit_orders_are_refused_and_nothing_fills_until_prices_are_told_anew() -> None:
    made = followed()
    resting, stop = made.add("buy 0.1 limit 49990"), made.add("sell 0.1 stop-loss 49985")
    made.wait(SILENCE_S)
    assert made.add("buy 0.01 market").vol_exec
    made.wait(0.001)
    assert (made.refusal(), made.refusal("buy 0.1 limit 49000")) == (CLOSED, CLOSED)
    assert made.logged[-1] == "stale: BTC/USD (nothing received for 10 s)"
    # A heartbeat after so long shows that the connection lives, not what the prices are now.
    made.hear(HEARTBEAT, trades((100, "49980", "1")))
    assert (made.refusal(), state(resting), state(stop)) == (CLOSED, ("open", "0"), ("open", "0"))
    assert made.cancel(made.account.open_orders[stop.txid]) == 1
    made.hear(ticker(bid=49989.9, ask=49990.0))
    assert made.logged[-1] == "open: BTC/USD"
    assert state(resting) == ("closed", "0.1"), "the market has come to it meanwhile"


def test_a_short_interruption_closes_nothing_and_a_long_one_all_that_was_not_told_again() -> None:
    made = followed()
    made.hear(ticker("ETH/USD", bid=3000.0, ask=3000.01))
    made.wait(5)
    made.lose()
    made.connect()
    made.hear(HEARTBEAT, ticker(kind="snapshot"))
    assert (made.state(), made.state(ETHUSD)) == (PairState.OPEN, PairState.OPEN)
    made.wait(5.001)
    made.hear(HEARTBEAT, STATUS)
    assert (made.state(), made.state(ETHUSD)) == (PairState.OPEN, PairState.STALE)
    made.hear(ticker("ETH/USD", bid=3000.0, ask=3000.01))
    assert made.state(ETHUSD) == PairState.OPEN


def test_a_ticker_that_stays_silent_on_a_living_connection_is_asked_for_anew_now_and_then() -> None:
    made = followed()
    for pair in PAIRS:
        if pair is not ADAUSD:
            made.hear(ticker(pair.symbol, bid=1, ask=1))
    made.wait(ASK_ANEW_S + 0.1)
    made.hear(HEARTBEAT)
    unsubscribe, subscribe = (json.loads(text) for text in made.market.requests_due(made.now_s))
    assert (unsubscribe["method"], subscribe["method"]) == ("unsubscribe", "subscribe")
    assert made.market.requests_due(made.now_s) == []


def test_trades_outside_the_best_prices_that_these_do_not_follow_close_a_pair() -> None:
    made = followed()
    made.hear(trades((100, "51000", "1")))
    for _ in range(6):
        made.wait(1)
        made.hear(HEARTBEAT)
    assert made.state() == PairState.OPEN
    made.wait(5)
    made.hear(HEARTBEAT)
    (_, subscribe) = made.market.requests_due(made.now_s)
    assert "BTC/USD" in json.loads(subscribe)["params"]["symbol"]
    assert (made.state(), made.refusal()) == (PairState.STALE, CLOSED)
    assert made.logged[-1] == "stale: BTC/USD (trades outside the best prices)"
    made.hear(ticker(bid=50999.9, ask=51000.0))
    assert made.state() == PairState.OPEN


@pytest.mark.parametrize(
    ("closing", "opening", "why"),
    [
        (ticker(ask=None), ticker(), PairState.NO_PRICE),
        (ticker(bid=50000.2), ticker(), PairState.NO_PRICE),
        (ticker(bid=0.01), ticker(), PairState.NO_PRICE),
        (message("status", [{"system": "maintenance"}]), STATUS, PairState.HALTED),
        (message("status", [{"system": "cancel_only"}]), STATUS, PairState.HALTED),
        (message("status", [{"system": "post_only"}]), STATUS, PairState.HALTED),
    ],
)
def test_what_the_feed_says_closes_and_opens_a_pair_at_once(closing: str, opening: str, why: str) -> None:
    made = followed()
    made.hear(closing)
    assert (made.state(), made.refusal()) == (why, CLOSED)
    made.hear(opening)
    assert made.state() == PairState.OPEN
    assert made.add("buy 0.01 market").vol_exec


def test_a_halt_lasts_over_a_new_connection_until_its_status_is_told() -> None:
    made = followed()
    made.hear(message("status", [{"system": "maintenance"}]))
    assert made.market.in_maintenance
    made.lose()
    made.market.connected(made.now_s)
    made.hear(HEARTBEAT)
    made.wait(0)
    assert made.state() == PairState.HALTED


def test_each_change_is_said_once() -> None:
    made = following()
    for _ in range(5):
        made.lose()
    made.connect()
    made.hear(*(ticker(pair.symbol, bid=1, ask=1) for pair in PAIRS[:2]))
    made.wait(3600)
    assert made.logged == [
        "no connection: closed (1006)",
        "connected",
        "open: BTC/USD",
        "open: ETH/USD",
        "stale: BTC/USD, ETH/USD (nothing received for 10 s)",
    ]


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
