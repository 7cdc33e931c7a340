"""What a new order would do at once, and the money that it needs for it. Pure: nothing is changed here."""

from dataclasses import dataclass, field
from decimal import Decimal

from krakencopy.paper_exchange.accounts.account import Account
from krakencopy.paper_exchange.accounts.holds import funds_needed, hold_needed
from krakencopy.paper_exchange.accounts.orders import Order, OrderRequest, TimeInForce
from krakencopy.paper_exchange.engine.booking import Booking
from krakencopy.paper_exchange.engine.resting_orders import Books
from krakencopy.paper_exchange.engine.self_trade import meet_own
from krakencopy.paper_exchange.market.market import Market
from krakencopy.paper_exchange.values.decimals import ZERO


@dataclass(frozen=True, slots=True)
class Plan:
    """What an order takes at once, and at which fee (a fraction).

    `ended` are resting orders of the same account that it would meet; `ends` is whether it ends at the first
    of them.
    """

    fills: list[tuple[Decimal, Decimal]]
    taker_rate: Decimal
    ended: list[Order] = field(default_factory=list)
    ends: bool = False

    @property
    def takes(self) -> bool:
        """Whether the order would do anything but rest."""
        return bool(self.fills or self.ended or self.ends)


class Planner:
    """Looks at the market and at the account's own orders."""

    def __init__(self, market: Market, books: Books, booking: Booking) -> None:
        self._market = market
        self._books = books
        self._booking = booking

    def plan(self, account: Account, request: OrderRequest, volume: Decimal, rate: Decimal) -> Plan:
        """What `volume` of an order would take now, at this taker's fee."""
        fills = self._market.of(request.pair).quote.sweep(request.side, volume, request.price)
        plan = Plan(fills, rate)
        own = self._books.own_against(account.open_orders.values(), request) if account.open_orders else ()
        if own:
            contact = meet_own(request.side, volume, fills, own, request.self_trade)
            plan = Plan(contact.fills, rate, contact.ended, contact.ends_newest)
        if request.time_in_force is TimeInForce.FOK and sum((part for _, part in plan.fills), ZERO) < volume:
            return Plan([], rate)
        return plan

    def needed(
        self,
        account: Account,
        request: OrderRequest,
        volume: Decimal,
        plan: Plan,
        now_us: int,
        *,
        waits: bool,
    ) -> Decimal:
        """What must be available for an order that comes in now."""
        maker_rate = self._booking.rate(account, now_us, maker=True)
        if not waits:
            return funds_needed(request, volume, plan.fills, plan.taker_rate, maker_rate)
        rate = plan.taker_rate if request.price is None else maker_rate
        return hold_needed(request, volume, rate, self._booking.expected_price(request))
