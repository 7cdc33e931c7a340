"""The prices and trades of a feed: what they fill and fire, and which of them count."""

from decimal import Decimal

from tests.support.followed_market import followed
from tests.support.live_feed import ticker, trades
from tests.support.paper_venue import XBTUSD, state

D = Decimal


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
