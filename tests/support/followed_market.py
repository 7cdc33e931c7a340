"""A market that follows a feed, as tests hear it word by word."""

import random
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from krakencopy.paper_exchange.accounts.account import Account
from krakencopy.paper_exchange.accounts.orders import Order
from krakencopy.paper_exchange.accounts.rate_limits import Tier
from krakencopy.paper_exchange.live.live_market import LiveMarket, PairState
from krakencopy.paper_exchange.values.errors import KrakenError
from krakencopy.paper_exchange.venue import order_api as trading
from krakencopy.paper_exchange.venue import treasury
from krakencopy.paper_exchange.venue.exchange import Exchange
from tests.support.live_feed import STATUS, ticker
from tests.support.paper_venue import START_US, USD, XBT, XBTUSD, order_params, pair_named

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
