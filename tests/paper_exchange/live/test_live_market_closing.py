"""What closes a pair of a market that follows a feed, and what opens it again."""

import json
from decimal import Decimal

import pytest

from krakencopy.paper_exchange.live.live_market import ASK_ANEW_S, PairState
from krakencopy.paper_exchange.values.pairs import PAIRS
from tests.support.followed_market import ADAUSD, CLOSED, ETHUSD, SILENCE_S, followed, following
from tests.support.live_feed import HEARTBEAT, STATUS, message, ticker, trades
from tests.support.paper_venue import state

D = Decimal


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
