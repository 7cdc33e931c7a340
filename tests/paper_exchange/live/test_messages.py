"""A feed's messages, word by word, to their last digit."""

import json
from decimal import Decimal
from typing import Any

import pytest

from krakencopy.paper_exchange.live import messages as live_wire
from krakencopy.paper_exchange.live.messages import (
    BestPrices,
    FeedTrade,
    NoPrices,
    PairTerms,
    SubscriptionRefused,
    SystemStatus,
    Trades,
)
from krakencopy.paper_exchange.values.sides import Side
from krakencopy.paper_exchange.values.trading_mode import PairStatus
from tests.support.live_feed import HEARTBEAT, STATUS, instrument, ticker, trades
from tests.support.paper_venue import XBTUSD

D = Decimal


def test_the_best_prices_are_read_to_their_last_digit() -> None:
    told = BestPrices(XBTUSD, D("50000.0"), D("50000.1"), D("0.5"), D("0.25"), D("50000.1"))
    assert live_wire.read(ticker()) == live_wire.read(ticker(kind="snapshot")) == [told]
    # Numbers were seen as text, too.
    texts = {"bid": "50000.0", "ask": "50000.1", "bid_qty": "0.5", "ask_qty": "0.25", "last": "50000.1"}
    assert live_wire.read(ticker(**texts)) == [told]
    (small,) = live_wire.read(ticker(bid_qty=5e-05))
    assert isinstance(small, BestPrices)
    assert small.bid_size == D("0.00005")


@pytest.mark.parametrize(
    "changed",
    [
        {"bid": None},
        {"bid": 0},
        {"ask_qty": 0.0},
        {"ask": "many"},
        {"bid": -1},
        {"bid": 50000.2},
        {"ask": 1e99},
        {"bid_qty": True},
        {"bid": "1_0"},
        {"bid": " 1"},
        {"bid": [1]},
    ],
)
def test_a_ticker_without_usable_prices_is_told_as_one(changed: dict[str, Any]) -> None:
    (word,) = live_wire.read(ticker(**changed))
    assert isinstance(word, NoPrices)
    assert word.pair is XBTUSD


def test_trades_come_by_pair_and_by_number() -> None:
    (word,) = live_wire.read(trades((8, "50000.1", "0.1"), (7, "50000", "0.2"), kind="snapshot"))
    in_order = (
        FeedTrade(7, D("50000.0"), D("0.2"), Side.SELL),
        FeedTrade(8, D("50000.1"), D("0.1"), Side.SELL),
    )
    assert word == Trades(XBTUSD, in_order, past=True)
    assert live_wire.read(trades(kind="snapshot")) == []


def test_terms_of_a_pair_are_read_with_their_status() -> None:
    usual = PairTerms(XBTUSD, D("0.0001"), D("0.5"), D("0.1"), 8, PairStatus.ONLINE)
    assert live_wire.read(instrument()) == live_wire.read(instrument(kind="snapshot")) == [usual]
    statuses = {
        status: word.status
        for status in ("limit_only", "post_only", "delisted", "maintenance", "work_in_progress", None)
        for word in live_wire.read(instrument(status=status))
        if isinstance(word, PairTerms)
    }
    assert statuses == {
        "limit_only": PairStatus.LIMIT_ONLY,
        "post_only": PairStatus.POST_ONLY,
        "delisted": PairStatus.CANCEL_ONLY,
        "maintenance": PairStatus.CANCEL_ONLY,
        "work_in_progress": PairStatus.CANCEL_ONLY,
        None: PairStatus.CANCEL_ONLY,
    }


ACK = {
    "method": "subscribe", "success": True, "time_in": "2023-09-25T09:04:31.742599Z",
    "time_out": "2023-09-25T09:04:31.742648Z",
    "result": {"channel": "ticker", "event_trigger": "bbo", "snapshot": True, "symbol": "BTC/USD"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEARTBEAT, []),
        (STATUS, [SystemStatus("online")]),
        (json.dumps(ACK), []),
        ('{"method":"pong","req_id":101}', []),
        (ticker("MATIC/GBP"), []),
        (instrument("MATIC/GBP"), []),
        (trades((1, "1", "1"), symbol="MATIC/GBP"), []),
        (
            (
                '{"error":"Currency pair not supported '
                'BTC/USD","method":"subscribe","success":false,"symbol":"BTC/USD"}'
            ),
            [SubscriptionRefused(XBTUSD, "Currency pair not supported BTC/USD")],
        ),
        (
            '{"error":"Subscription name invalid","method":"subscribe","success":false}',
            [SubscriptionRefused(None, "Subscription name invalid")],
        ),
        ('{"error":"Already subscribed","method":"subscribe","success":false,"symbol":"BTC/USD"}', []),
    ],
)
def test_what_other_messages_say(text: str, words: list[live_wire.FeedMessage]) -> None:
    assert live_wire.read(text) == words
