"""Orders, their trades, and the events that tell of them. Records only: the engine changes them."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from paper_exchange.money import ZERO
from paper_exchange.symbols import Asset, Pair
from paper_exchange.tape import OrderType, Side


class TimeInForce(StrEnum):
    """How long an order waits for what it did not get at once."""

    GTC = "gtc"
    IOC = "ioc"


class OrderStatus(StrEnum):
    """Kraken's REST states; a partly filled order that was cancelled is `canceled`."""

    OPEN = "open"
    CLOSED = "closed"
    CANCELED = "canceled"


class ExecType(StrEnum):
    """What happened to an order, in the words of the executions channel."""

    PENDING_NEW = "pending_new"
    NEW = "new"
    TRADE = "trade"
    FILLED = "filled"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """An order as it was asked for, after its arguments were read. `price` is None for a market order."""

    pair: Pair
    side: Side
    ordertype: OrderType
    volume: Decimal
    price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    fee_in_base: bool = False
    userref: int | None = None
    cl_ord_id: str | None = None
    deadline_us: int | None = None


@dataclass(frozen=True, slots=True)
class Trade:
    """One match of one order, as its owner sees it. `price`, `volume`, `cost` and `fee` are exact."""

    exec_id: str
    order: "Order"
    trade_id: int
    at_us: int
    price: Decimal
    volume: Decimal
    cost: Decimal
    fee: Decimal
    fee_asset: Asset
    maker: bool


@dataclass(slots=True, eq=False)
class Order:
    """An order that the engine accepted. `held` is what its rest keeps on hold, in the asset that it pays with."""

    txid: str
    account_id: str
    request: OrderRequest
    opened_us: int
    status: OrderStatus = OrderStatus.OPEN
    vol_exec: Decimal = ZERO
    cost: Decimal = ZERO
    fee: Decimal = ZERO
    held: Decimal = ZERO
    closed_us: int = 0
    reason: str | None = None
    trades: list[Trade] = field(default_factory=list)

    @property
    def pair(self) -> Pair:
        """The order's market."""
        return self.request.pair

    @property
    def side(self) -> Side:
        """Buy or sell."""
        return self.request.side

    @property
    def remaining(self) -> Decimal:
        """Base volume that was not executed yet."""
        return self.request.volume - self.vol_exec

    @property
    def paying_asset(self) -> Asset:
        """What a fill takes away: quote for a buy, base for a sell."""
        return self.pair.quote if self.side is Side.BUY else self.pair.base

    @property
    def average_price(self) -> Decimal:
        """Cost over volume of what was executed; 0 before the first fill. Not rounded."""
        return average(self.cost, self.vol_exec)


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """Something that happened to an order, with the totals as they were right after it.

    `tells_totals` is for a cancel alone: Kraken's row of one does not always carry them.
    """

    kind: ExecType
    order: Order
    at_us: int
    cum_qty: Decimal
    cum_cost: Decimal
    trade: Trade | None = None
    tells_totals: bool = True


def average(cost: Decimal, volume: Decimal) -> Decimal:
    """Cost over volume, 0 where there is no volume. Not rounded."""
    return cost / volume if volume else ZERO
