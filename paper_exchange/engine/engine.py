"""The matching engine: takes orders, fills them against the market model, keeps holds and books, reports
what happened.

Pure: the time is passed in, events are returned, nothing waits. Orders meet the market, never each other
(`self_trade` says where two of one account would).
"""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Final

from krakencopy.paper_exchange.accounts.account import Account, Accounts
from krakencopy.paper_exchange.accounts.holds import hold_needed
from krakencopy.paper_exchange.accounts.orders import (
    ExecType,
    Order,
    OrderEvent,
    OrderRequest,
    OrderStatus,
    TimeInForce,
    revision_of,
)
from krakencopy.paper_exchange.accounts.rate_limits import limits_of
from krakencopy.paper_exchange.engine.booking import Booking, event_of
from krakencopy.paper_exchange.engine.market_prices import MarketPrices
from krakencopy.paper_exchange.engine.match_plan import Plan, Planner
from krakencopy.paper_exchange.engine.outcomes import Amendment, Cut, Placement
from krakencopy.paper_exchange.engine.resting_orders import Books
from krakencopy.paper_exchange.market.market import Market, MarketTrade
from krakencopy.paper_exchange.order_entry.order_prices import is_reached, limit_after, trail
from krakencopy.paper_exchange.values.assumptions import HouseRules
from krakencopy.paper_exchange.values.decimals import ZERO, rounded_down, rounded_up
from krakencopy.paper_exchange.values.errors import KrakenError, invalid_arguments
from krakencopy.paper_exchange.values.ids import TransactionIds
from krakencopy.paper_exchange.values.pairs import Pair
from krakencopy.paper_exchange.values.sides import OrderType

USER_REQUESTED: Final = "User requested"
POST_ONLY: Final = "Post only order"
# The words for what follows are not documented.
NOTHING_LEFT: Final = "Insufficient liquidity"
IMMEDIATE_OR_CANCEL: Final = "Immediate or cancel"
FILL_OR_KILL: Final = "Fill or kill"
SELF_TRADE: Final = "Self trade prevention"
NO_FUNDS: Final = "Insufficient funds"
EXPIRED: Final = "Order expired"
TRIGGERED: Final = "Triggered"
TRIGGER_MOVED: Final = "Trigger price changed"


class Engine:
    """All orders of the exchange. The caller has checked the arguments (`order_entry`)."""

    def __init__(
        self, market: Market, accounts: Accounts, ids: TransactionIds, rules: HouseRules | None = None
    ) -> None:
        self.prices: Final = MarketPrices(market)
        self._market = market
        self._accounts = accounts
        self._ids = ids
        self._rules = rules or HouseRules()
        self._books = Books()
        self._booking = Booking(market, ids, self._rules, self._books)
        self._planner = Planner(market, self._books, self._booking)

    # --- new orders

    def check(
        self, account: Account, request: OrderRequest, now_us: int, replaced: Order | None = None
    ) -> Plan:
        """Refuse what the account cannot do now. Raises KrakenError; changes nothing.

        `replaced` is the open order in whose place the new one comes: its hold has been released.
        """
        if request.deadline_us is not None and request.deadline_us <= now_us:
            raise KrakenError("EService:Deadline elapsed")
        if request.cl_ord_id is not None and account.open_order_of(request.cl_ord_id) is not None:
            raise invalid_arguments("cl_ord_id not unique")
        if (
            account.limited
            and replaced is None
            and request.may_rest
            and account.open_count(request.pair) >= limits_of(account.tier).open_orders_most
        ):
            raise KrakenError("EOrder:Orders limit exceeded")
        rate, waits = self._booking.rate(account, now_us, maker=False), request.waits_first
        plan = Plan([], rate) if waits else self._planner.plan(account, request, request.volume, rate)
        needed = self._planner.needed(account, request, request.volume, plan, now_us, waits=waits)
        if self._booking.available(account, request.paying_asset) < needed:
            raise KrakenError("EOrder:Insufficient funds")
        if request.post_only and plan.takes and not self._rules.post_only_cancels:
            raise KrakenError("EOrder:Post only order")
        return plan

    def place(
        self, account: Account, request: OrderRequest, now_us: int, cut: Cut | None = None
    ) -> Placement:
        """Accept an order and match it. Raises KrakenError where `check` does."""
        return self._place(account, request, self.check(account, request, now_us), now_us, cut)

    def _place(
        self, account: Account, request: OrderRequest, plan: Plan, now_us: int, cut: Cut | None = None
    ) -> Placement:
        order = self._accept(account, request, now_us)
        events = [event_of(ExecType.PENDING_NEW, order, now_us)]
        if request.start_us is not None:
            order.status = OrderStatus.PENDING
            self._booking.hold_rest(account, order, now_us)
            return Placement(order, events)
        events.append(event_of(ExecType.NEW, order, now_us))
        if cut is not None:
            return Placement(order, events + self._fill_in_part(account, order, plan, cut, now_us))
        if request.trigger is not None:
            return Placement(order, events + self._wait(account, order, now_us))
        return Placement(order, events + self._match(account, order, plan, now_us))

    def place_on_margin(self, account: Account, request: OrderRequest, now_us: int) -> Placement:
        """Fill a market order on margin, of which the account pays the fee alone. Raises KrakenError.

        There are no positions here and nothing is lent: for clients that are to see such trades, and leave
        them alone.
        """
        rate = self._booking.rate(account, now_us, maker=False)
        fills = self._market.of(request.pair).quote.sweep(request.side, request.volume, None)
        fee = sum((rounded_up(price * part * rate, request.pair.cost_step) for price, part in fills), ZERO)
        if self._booking.available(account, request.pair.quote) < fee:
            raise KrakenError("EOrder:Insufficient margin")
        order = self._accept(account, request, now_us)
        events = [event_of(kind, order, now_us) for kind in (ExecType.PENDING_NEW, ExecType.NEW)]
        return Placement(order, events + self._match(account, order, Plan(fills, rate), now_us))

    def place_close(self, order: Order, request: OrderRequest, now_us: int) -> list[OrderEvent]:
        """Place what a conditional close of `order` asks for; what can't be placed is accepted and
        cancelled.
        """
        account = self._account(order)
        try:
            return self.place(account, request, now_us).events
        except KrakenError as refusal:
            stillborn = self._accept(account, request, now_us)
            reason = refusal.text.partition(":")[2]
            return [
                event_of(ExecType.PENDING_NEW, stillborn, now_us),
                self._booking.close(account, stillborn, OrderStatus.CANCELED, reason, now_us),
            ]

    def _accept(self, account: Account, request: OrderRequest, now_us: int) -> Order:
        order = Order(self._ids.mint("O"), account.id, request, now_us)
        account.open(order)
        return order

    def start(self, order: Order, now_us: int) -> list[OrderEvent]:
        """Let a scheduled order begin, unless it has ended."""
        if order.status is not OrderStatus.PENDING:
            return []
        account = self._account(order)
        order.status = OrderStatus.OPEN
        account.set_hold(order, ZERO)
        events = [event_of(ExecType.NEW, order, now_us)]
        if order.waits:
            return events + self._wait(account, order, now_us)
        return events + self._match_late(account, order, now_us)

    # --- orders that exist

    def cancel(
        self, account: Account, orders: Iterable[Order], now_us: int, reason: str = USER_REQUESTED
    ) -> list[OrderEvent]:
        """Cancel open orders of an account at its own request."""
        return [
            self._booking.close(account, order, OrderStatus.CANCELED, reason, now_us)
            for order in list(orders)
        ]

    def expire(self, order: Order, now_us: int) -> list[OrderEvent]:
        """End an order whose time is over, unless it has ended."""
        if not order.status.is_open:
            return []
        return [self._booking.close(self._account(order), order, OrderStatus.EXPIRED, EXPIRED, now_us)]

    def amend(self, order: Order, request: OrderRequest, now_us: int) -> Amendment:
        """Give an open order other terms; its ids stay. Raises KrakenError, and then nothing has changed.

        Kraken: more volume or another price costs its place in the queue; a volume below what is filled ends
        it.
        """
        account, remaining = self._account(order), request.volume - order.vol_exec
        amend_id = self._ids.mint("T")
        if remaining <= 0:
            return Amendment(amend_id, self.cancel(account, [order], now_us))
        rate, waits = self._booking.rate(account, now_us, maker=False), order.waits or order.starts_later
        plan = Plan([], rate) if waits else self._planner.plan(account, request, remaining, rate)
        needed = self._planner.needed(account, request, remaining, plan, now_us, waits=waits)
        if self._booking.available(account, order.paying_asset) + order.held < needed:
            raise KrakenError("EOrder:Insufficient funds")
        if request.post_only and plan.takes:
            raise KrakenError("EOrder:Post only order")
        loses_place = request.price != order.request.price or request.volume > order.request.volume
        if not order.revisions:
            order.revisions.append(revision_of(order, order.txid, "original", order.opened_us))
        order.request, order.touched_us = request, now_us
        account.set_hold(order, ZERO)
        amended = event_of(ExecType.AMENDED, order, now_us, reason=USER_REQUESTED, amend_id=amend_id)
        if order.starts_later:
            self._booking.hold_rest(account, order, now_us)
            events = [amended]
        elif order.waits:
            events = [amended, *self._wait(account, order, now_us)]
        else:
            if loses_place:
                self._books.leave(order)
            events = [amended, *self._match(account, order, plan, now_us)]
        order.revisions.append(revision_of(order, amend_id, "user", now_us, USER_REQUESTED))
        return Amendment(amend_id, events)

    def replace(self, order: Order, request: OrderRequest, now_us: int) -> Placement:
        """Cancel an order and place another in its stead. Raises KrakenError, and then nothing has
        changed.
        """
        account, held = self._account(order), order.held
        account.set_hold(order, ZERO)
        try:
            plan = self.check(account, request, now_us, replaced=order)
        except KrakenError:
            account.set_hold(order, held)
            raise
        ended = self._booking.close(account, order, OrderStatus.CANCELED, USER_REQUESTED, now_us)
        placed = self._place(account, request, plan, now_us)
        return Placement(placed.order, [ended, *placed.events])

    # --- the market moves

    def market_traded(self, trade: MarketTrade, now_us: int) -> list[OrderEvent]:
        """The market traded: resting orders that are at or through the price fill, each up to the whole
        volume.

        Each, because accounts do not push each other. They fill first and the trade prints after them, so
        that the last price is the market's; the triggers that it reaches fire.
        """
        events: list[OrderEvent] = []
        for order in self._books.touched(trade.pair, trade.price, trade.price):
            events += self._fill_resting(order, min(order.remaining, trade.volume), now_us)
        self._market.of(trade.pair).tape.add_trade(
            trade.price, trade.volume, trade.side, OrderType.MARKET, now_us
        )
        return events + self.printed(trade.pair, now_us)

    def market_set(self, pair: Pair, now_us: int) -> list[OrderEvent]:
        """The quote was set by hand: resting orders that it crosses fill with what waits up to their
        price.
        """
        quote = self._market.of(pair).quote
        events: list[OrderEvent] = []
        for order in self._books.touched(pair, quote.ask, quote.bid):
            taken = quote.sweep(order.side, order.remaining, order.request.price)
            events += self._fill_resting(order, sum((volume for _, volume in taken), ZERO), now_us)
        return events

    def printed(self, pair: Pair, now_us: int) -> list[OrderEvent]:
        """The last price is another one: trailing stops follow it, and the triggers that it reaches fire."""
        events: list[OrderEvent] = []
        for order in self._books.waiting(pair):
            if order.status.is_open:
                events += self._follow(order, now_us)
        return events

    def _follow(self, order: Order, now_us: int) -> list[OrderEvent]:
        last = self.prices.last_price(order.pair)
        trigger = order.request.trigger
        assert trigger is not None, "only orders with a trigger wait"
        events = []
        if trigger.trail is not None and trail(order, last):
            events.append(event_of(ExecType.STATUS, order, now_us, reason=TRIGGER_MOVED))
        return events + self._fire(order, now_us) if is_reached(order, last) else events

    def _fire(self, order: Order, now_us: int) -> list[OrderEvent]:
        account, request = self._account(order), order.request
        self._books.leave(order)
        order.triggered_us = now_us
        if request.limit_offset is not None:
            order.request = replace(request, price=limit_after(order))
        account.set_hold(order, ZERO)
        fired = event_of(ExecType.STATUS, order, now_us, reason=TRIGGERED)
        return [fired, *self._match_late(account, order, now_us)]

    def _wait(self, account: Account, order: Order, now_us: int) -> list[OrderEvent]:
        """Let an order wait for its trigger, which may be reached already."""
        trigger, last = order.request.trigger, self.prices.last_price(order.pair)
        assert trigger is not None, "the caller looked first"
        if trigger.trail is None:
            order.stop_price = trigger.price
        else:
            trail(order, last)
        self._books.wait(order)
        self._booking.hold_rest(account, order, now_us)
        return self._fire(order, now_us) if is_reached(order, last) else []

    # --- matching

    def _match(self, account: Account, order: Order, plan: Plan, now_us: int) -> list[OrderEvent]:
        """Fill what the plan says; the rest of the order rests or ends."""
        request = order.request
        if request.post_only and plan.takes:
            # Refused before, unless the house rules say that the engine cancels such an order.
            return [self._booking.close(account, order, OrderStatus.CANCELED, POST_ONLY, now_us)]
        events = [
            self._booking.close(account, resting, OrderStatus.CANCELED, SELF_TRADE, now_us)
            for resting in plan.ended
        ]
        for price, volume in plan.fills:
            events.append(self._booking.fill(account, order, price, volume, plan.taker_rate, now_us))
        if not order.remaining:
            events.append(self._booking.close(account, order, OrderStatus.CLOSED, None, now_us))
        elif plan.ends:
            events.append(self._booking.close(account, order, OrderStatus.CANCELED, SELF_TRADE, now_us))
        elif request.price is None:
            events.append(self._booking.close(account, order, OrderStatus.CANCELED, NOTHING_LEFT, now_us))
        elif not request.time_in_force.rests:
            immediate = request.time_in_force is TimeInForce.IOC
            reason = IMMEDIATE_OR_CANCEL if immediate else FILL_OR_KILL
            events.append(self._booking.close(account, order, OrderStatus.CANCELED, reason, now_us))
        else:
            self._rest(account, order, now_us)
        return events

    def _match_late(self, account: Account, order: Order, now_us: int) -> list[OrderEvent]:
        """Match an order that waited until now: its money may be gone."""
        request = order.request
        plan = self._planner.plan(
            account, request, order.remaining, self._booking.rate(account, now_us, maker=False)
        )
        needed = self._planner.needed(account, request, order.remaining, plan, now_us, waits=False)
        if self._booking.available(account, order.paying_asset) < needed:
            return [self._booking.close(account, order, OrderStatus.CANCELED, NO_FUNDS, now_us)]
        return self._match(account, order, plan, now_us)

    def _fill_in_part(
        self, account: Account, order: Order, plan: Plan, cut: Cut, now_us: int
    ) -> list[OrderEvent]:
        """Fill a fraction, at the limit what the market does not give at once, and end the order."""
        events: list[OrderEvent] = []
        left = rounded_down(order.request.volume * cut.fraction, order.pair.lot_step)
        for price, volume in plan.fills:
            part = min(left, volume)
            if part:
                events.append(self._booking.fill(account, order, price, part, plan.taker_rate, now_us))
                left -= part
        price_limit = order.request.price
        if left and price_limit is not None:
            maker_rate = self._booking.rate(account, now_us, maker=True)
            events.append(
                self._booking.fill(account, order, price_limit, left, maker_rate, now_us, reserved=left)
            )
        ended = self._booking.close(account, order, OrderStatus.CANCELED, NOTHING_LEFT, now_us)
        return [*events, replace(ended, tells_totals=cut.tells_totals)]

    def _fill_resting(self, order: Order, volume: Decimal, now_us: int) -> list[OrderEvent]:
        account, price = self._account(order), order.request.price
        assert price is not None, "only limit orders rest"
        maker_rate = self._booking.rate(account, now_us, maker=True)
        held = order.held
        account.set_hold(order, ZERO)
        needed = hold_needed(order.request, volume, maker_rate)
        if not held and self._booking.available(account, order.paying_asset) < needed:
            # By the house rules its money was not kept for it.
            return [self._booking.close(account, order, OrderStatus.CANCELED, NO_FUNDS, now_us)]
        reserved = order.remaining if held else volume
        events = [self._booking.fill(account, order, price, volume, maker_rate, now_us, reserved=reserved)]
        if not order.remaining:
            return [*events, self._booking.close(account, order, OrderStatus.CLOSED, None, now_us)]
        self._booking.hold_rest(account, order, now_us)
        if order.request.display is not None:
            order.shown -= volume
            if order.shown <= 0:
                order.shown = min(order.request.display, order.remaining)
                events.append(event_of(ExecType.ICEBERG_REFILL, order, now_us))
        return events

    def _rest(self, account: Account, order: Order, now_us: int) -> None:
        self._books.rest(order)
        self._booking.hold_rest(account, order, now_us)
        if order.request.display is not None:
            order.shown = min(order.request.display, order.remaining)

    def _account(self, order: Order) -> Account:
        account = self._accounts.get(order.account_id)
        assert account is not None, "accounts are never removed"
        return account
