"""An exchange in memory with one account, for tests that pass the time in by hand."""

import random
from dataclasses import dataclass, field
from decimal import Decimal

from krakencopy.paper_exchange.accounts.account import Account
from krakencopy.paper_exchange.accounts.orders import ExecType, Order, OrderEvent, OrderRequest
from krakencopy.paper_exchange.accounts.rate_limits import Tier
from krakencopy.paper_exchange.market.market import MarketTrade, quote_of
from krakencopy.paper_exchange.values.catalogue import Catalogue
from krakencopy.paper_exchange.values.pairs import Asset, Pair
from krakencopy.paper_exchange.values.params import Params
from krakencopy.paper_exchange.values.sides import OrderType, Side
from krakencopy.paper_exchange.venue import order_api as trading
from krakencopy.paper_exchange.venue import treasury
from krakencopy.paper_exchange.venue.exchange import Exchange

START_US = 1_700_000_000_000_000
SECOND_US = 1_000_000
CATALOGUE = Catalogue()


def pair_named(name: str) -> Pair:
    pair = CATALOGUE.find_pair(name)
    assert pair is not None
    return pair


def asset_named(name: str) -> Asset:
    asset = CATALOGUE.find_asset(name)
    assert asset is not None
    return asset


XBTUSD = pair_named("XBTUSD")
USD, XBT = asset_named("ZUSD"), asset_named("XXBT")


@dataclass
class Venue:
    """An exchange with one account, whose events are kept."""

    exchange: Exchange
    account: Account
    events: list[OrderEvent] = field(default_factory=list)
    now_us: int = START_US

    def pin(self, bid: str, ask: str, depth: str | None = None) -> None:
        quote = quote_of(XBTUSD, Decimal(bid), Decimal(ask), None if depth is None else Decimal(depth))
        self.exchange.pin(XBTUSD, quote, self.now_us)

    def place(self, side: Side, volume: str, price: str | None = None, **rest: object) -> Order:
        request = OrderRequest(
            pair=XBTUSD,
            side=side,
            ordertype=OrderType.MARKET if price is None else OrderType.LIMIT,
            volume=Decimal(volume).quantize(XBTUSD.lot_step),
            price=None if price is None else Decimal(price),
            **rest,  # type: ignore[arg-type]  # the fields of the request, by name
        )
        return self.exchange.place(self.account, request, self.now_us)

    @property
    def caller(self) -> trading.Caller:
        return trading.Caller(self.exchange, self.account, self.now_us, self.now_us)

    def add(self, text: str, **rest: str) -> Order:
        """Place an order as clients do, from `buy 1 limit 40000`."""
        entered = trading.add_order(self.caller, order_params(text, **rest))
        assert entered.order is not None
        return entered.order

    def amend(self, order: Order, **changes: str) -> str:
        return trading.amend(self.caller, Params({"txid": order.txid} | changes)).amend_id

    def edit(self, order: Order, **changes: str) -> Order:
        form = Params({"txid": order.txid, "pair": "XBTUSD"} | changes)
        edited = trading.edit(self.caller, form)
        assert edited.order is not None
        return edited.order

    def cancel(self, order: Order) -> int:
        return trading.cancel(self.caller, [order])

    def trade(self, price: str, volume: str = "100") -> None:
        """Let the market trade at a price, which does not move the quote."""
        trade = MarketTrade(XBTUSD, Decimal(price), Decimal(volume), Side.SELL)
        self.exchange._trade([trade], self.now_us)

    def wait(self, seconds: float) -> None:
        self.now_us += int(seconds * SECOND_US)
        self.exchange.advance(self.now_us)

    def kinds(self, order: Order) -> list[ExecType]:
        return [event.kind for event in self.events if event.order is order]


def state(order: Order) -> tuple[str, str]:
    """An order's status and what it has traded."""
    return str(order.status), f"{order.vol_exec.normalize():f}"


def order_params(text: str, **rest: str) -> Params:
    side, volume, ordertype, *prices = text.split()
    values = {"pair": "XBTUSD", "type": side, "volume": volume, "ordertype": ordertype}
    return Params(values | dict(zip(("price", "price2"), prices, strict=False)) | rest)


def venue(usd: str = "1000000", xbt: str = "100", *, limited: bool = False, tier: Tier = Tier.PRO) -> Venue:
    exchange = Exchange(seed=1, replay=None, ids=random.Random(1), now_us=START_US)  # noqa: S311 - no secret
    account = Account("a", tier, limited=limited)
    exchange.accounts.add_account(account)
    for asset, amount in ((USD, usd), (XBT, xbt)):
        treasury.deposit(exchange, account, asset, Decimal(amount), START_US)
    made = Venue(exchange, account)
    exchange.on_events = made.events.extend
    made.pin("50000.0", "50000.1", "1")
    return made
