"""Orders, their trades, and their events. Records only: the engine changes them."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from krakencopy.paper_exchange.accounts.ledger import LedgerEntry
from krakencopy.paper_exchange.values.decimals import ZERO
from krakencopy.paper_exchange.values.pairs import Asset, Pair
from krakencopy.paper_exchange.values.relative_price import Offset
from krakencopy.paper_exchange.values.sides import OrderType, Side


class TimeInForce(StrEnum):
    """How long an order waits for what it did not get at once."""

    GTC = "gtc"
    IOC = "ioc"
    GTD = "gtd"
    FOK = "fok"

    @property
    def rests(self) -> bool:
        """Whether what is left waits in the book."""
        return self in {TimeInForce.GTC, TimeInForce.GTD}


class SelfTrade(StrEnum):
    """Kraken's `stptype`: which of an account's own orders goes when they would trade with each other."""

    CANCEL_NEWEST = "cancel-newest"
    CANCEL_OLDEST = "cancel-oldest"
    CANCEL_BOTH = "cancel-both"


class OrderStatus(StrEnum):
    """Kraken's REST states; a partly filled order that was cancelled is `canceled`, a scheduled one
    `pending`.
    """

    PENDING = "pending"
    OPEN = "open"
    CLOSED = "closed"
    CANCELED = "canceled"
    EXPIRED = "expired"

    @property
    def is_open(self) -> bool:
        """Whether the order may still do something."""
        return self in {OrderStatus.PENDING, OrderStatus.OPEN}


class ExecType(StrEnum):
    """What happened to an order, in the words of the executions channel."""

    PENDING_NEW = "pending_new"
    NEW = "new"
    TRADE = "trade"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    AMENDED = "amended"
    RESTATED = "restated"
    STATUS = "status"
    ICEBERG_REFILL = "iceberg_refill"


@dataclass(frozen=True, slots=True)
class Trigger:
    """The last price that an order waits for: a level, or a distance that follows the market."""

    price: Decimal | None = None
    trail: Offset | None = None


@dataclass(frozen=True, slots=True)
class CloseTerms:
    """A conditional close: the order that each fill of another one places. Prices as they were sent."""

    ordertype: OrderType
    price: str
    price2: str


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """An order as it was asked for, after its arguments were read.

    `price` is the limit, None for an order that executes at the market (and for a trailing limit before its
    trigger, whose distance from it is `limit_offset`). With `leverage` it is on margin. `cash` is what a viqc
    order spends in quote; `volume` is what that buys.
    """

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
    trigger: Trigger | None = None
    limit_offset: Offset | None = None
    cash: Decimal | None = None
    display: Decimal | None = None
    start_us: int | None = None
    expire_us: int | None = None
    self_trade: SelfTrade = SelfTrade.CANCEL_NEWEST
    close: CloseTerms | None = None
    refid: str | None = None
    leverage: int | None = None

    @property
    def paying_asset(self) -> Asset:
        """What a fill takes away: quote for a buy, base for a sell."""
        return self.pair.quote if self.side is Side.BUY else self.pair.base

    @property
    def waits_first(self) -> bool:
        """Whether the order waits for its time or its trigger before it meets the market."""
        return self.trigger is not None or self.start_us is not None

    @property
    def may_rest(self) -> bool:
        """Whether the order may be open for longer than an instant."""
        return self.waits_first or (self.price is not None and self.time_in_force.rests)


@dataclass(frozen=True, slots=True)
class Trade:
    """One match of one order, as its owner sees it. `price`, `volume`, `cost` and `fee` are exact.

    `fee` was taken of `fee_asset`; `fee_in_quote` is what it is in the quote currency.
    """

    exec_id: str
    order: "Order"
    trade_id: int
    at_us: int
    price: Decimal
    volume: Decimal
    cost: Decimal
    fee: Decimal
    fee_asset: Asset
    fee_in_quote: Decimal
    maker: bool
    ledger: tuple[LedgerEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class Revision:
    """The terms of an order from `at_us` on: as it came in, or as it was amended."""

    amend_id: str
    kind: str
    at_us: int
    volume: Decimal
    remaining: Decimal
    price: Decimal | None
    stop_price: Decimal | None
    display: Decimal | None
    post_only: bool
    reason: str | None


@dataclass(slots=True, eq=False)
class Order:
    """An order that the engine accepted. `held` is what its rest keeps on hold, in the asset that it pays
    with.

    `fee` is in the quote currency, whatever it was taken in. `stop_price` is the trigger's level now. `peak`
    is the best last price that a trailing stop has seen. `touched_us` is when its owner placed or last
    amended it.
    """

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
    touched_us: int = 0
    triggered_us: int = 0
    stop_price: Decimal | None = None
    peak: Decimal | None = None
    shown: Decimal = ZERO
    revisions: list[Revision] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.touched_us:
            self.touched_us = self.opened_us

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
        """What a fill takes away."""
        return self.request.paying_asset

    @property
    def average_price(self) -> Decimal:
        """Cost over volume of what was executed; 0 before the first fill. Not rounded."""
        return average(self.cost, self.vol_exec)

    @property
    def amended(self) -> bool:
        """Whether its terms were changed by its owner."""
        return bool(self.revisions)

    @property
    def starts_later(self) -> bool:
        """Whether its time to begin has not come."""
        return self.status is OrderStatus.PENDING

    @property
    def waits(self) -> bool:
        """Whether its trigger has not fired yet."""
        return self.request.trigger is not None and not self.triggered_us


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """Something that happened to an order, with the totals as they were right after it.

    `tells_totals` is for a cancel alone: Kraken's row of one does not always carry them. `amend_id` and
    `reason` are for what changes an order that lives on.
    """

    kind: ExecType
    order: Order
    at_us: int
    cum_qty: Decimal
    cum_cost: Decimal
    trade: Trade | None = None
    tells_totals: bool = True
    amend_id: str = ""
    reason: str | None = None


def average(cost: Decimal, volume: Decimal) -> Decimal:
    """Cost over volume, 0 where there is no volume. Not rounded."""
    return cost / volume if volume else ZERO


def revision_of(order: Order, amend_id: str, kind: str, at_us: int, reason: str | None = None) -> Revision:
    """An order's terms as they are now."""
    request = order.request
    return Revision(
        amend_id=amend_id,
        kind=kind,
        at_us=at_us,
        volume=request.volume,
        remaining=order.remaining,
        price=request.price,
        stop_price=order.stop_price,
        display=request.display,
        post_only=request.post_only,
        reason=reason,
    )
