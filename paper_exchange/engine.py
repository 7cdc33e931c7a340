"""The matching engine: takes orders, fills them against the market model, keeps holds and books, tells what happened.

Pure: the time is passed in, events are returned, nothing waits. Orders meet the market, never each other, so a
self-trade cannot happen, and `stptype` has nothing to do.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from paper_exchange import fees
from paper_exchange.accounts import Account, Accounts
from paper_exchange.errors import KrakenError, invalid_arguments
from paper_exchange.ids import TransactionIds
from paper_exchange.market import Market, MarketTrade
from paper_exchange.money import ZERO, rounded, rounded_down, rounded_up
from paper_exchange.orders import (
    ExecType,
    Order,
    OrderEvent,
    OrderRequest,
    OrderStatus,
    TimeInForce,
    Trade,
)
from paper_exchange.symbols import PAIRS, Pair
from paper_exchange.tape import OrderType, Side

USER_REQUESTED: Final = "User requested"
# The words for an order that the engine ends itself are not documented.
NOTHING_LEFT: Final = "Insufficient liquidity"
IMMEDIATE_OR_CANCEL: Final = "Immediate or cancel"


@dataclass(frozen=True, slots=True)
class Plan:
    """What an order takes at once, and at which fee (a fraction)."""

    fills: list[tuple[Decimal, Decimal]]
    taker_rate: Decimal


@dataclass(frozen=True, slots=True)
class Cut:
    """A fault: the order is filled by this fraction (rounded down to lots) and then cancelled by the engine."""

    fraction: Decimal
    tells_totals: bool


@dataclass(frozen=True, slots=True)
class Placement:
    """An accepted order and what happened to it at once."""

    order: Order
    events: list[OrderEvent]


class Engine:
    """All orders of the exchange. Whoever calls it has checked the arguments (`order_entry`)."""

    def __init__(self, market: Market, accounts: Accounts, ids: TransactionIds) -> None:
        self._market = market
        self._accounts = accounts
        self._ids = ids
        self._resting: dict[Pair, dict[str, Order]] = {pair: {} for pair in PAIRS}

    def best_price(self, pair: Pair, side: Side) -> Decimal:
        """What the next unit costs a buyer, or brings a seller."""
        quote = self._market.of(pair).quote
        return quote.ask if side is Side.BUY else quote.bid

    def check(self, account: Account, request: OrderRequest, now_us: int) -> Plan:
        """Refuse what the account cannot do now. Raises KrakenError; changes nothing."""
        if request.deadline_us is not None and request.deadline_us <= now_us:
            raise KrakenError("EService:Deadline elapsed")
        if request.cl_ord_id is not None and account.open_order_of(request.cl_ord_id) is not None:
            raise invalid_arguments("cl_ord_id not unique")
        quote = self._market.of(request.pair).quote
        plan = Plan(
            quote.sweep(request.side, request.volume, request.price),
            fees.rate(account.volume_usd(now_us), maker=False),
        )
        maker_rate = fees.rate(account.volume_usd(now_us), maker=True)
        paying = request.pair.quote if request.side is Side.BUY else request.pair.base
        if account.available(paying) < _funds_needed(request, plan, maker_rate):
            raise KrakenError("EOrder:Insufficient funds")
        if request.post_only and plan.fills:
            raise KrakenError("EOrder:Post only order")
        return plan

    def place(
        self, account: Account, request: OrderRequest, now_us: int, cut: Cut | None = None
    ) -> Placement:
        """Accept an order and match it. Raises KrakenError where `check` does."""
        plan = self.check(account, request, now_us)
        order = Order(self._ids.mint("O"), account.id, request, now_us)
        account.open(order)
        events = [_event(ExecType.PENDING_NEW, order, now_us), _event(ExecType.NEW, order, now_us)]
        if cut is not None:
            return Placement(order, events + self._fill_in_part(account, order, plan, cut, now_us))
        for price, volume in plan.fills:
            events.append(self._fill(account, order, price, volume, plan.taker_rate, now_us, maker=False))
        if not order.remaining:
            events.append(self._close(account, order, OrderStatus.CLOSED, None, now_us))
        elif request.ordertype is OrderType.MARKET:
            events.append(self._close(account, order, OrderStatus.CANCELED, NOTHING_LEFT, now_us))
        elif request.time_in_force is TimeInForce.IOC:
            events.append(self._close(account, order, OrderStatus.CANCELED, IMMEDIATE_OR_CANCEL, now_us))
        else:
            self._resting[order.pair][order.txid] = order
            self._hold_rest(account, order, now_us)
        return Placement(order, events)

    def _fill_in_part(
        self, account: Account, order: Order, plan: Plan, cut: Cut, now_us: int
    ) -> list[OrderEvent]:
        """Fill a fraction, at the limit what the market does not give at once, and end the order."""
        events: list[OrderEvent] = []
        left = rounded_down(order.request.volume * cut.fraction, order.pair.lot_step)
        for price, volume in plan.fills:
            part = min(left, volume)
            if part:
                events.append(self._fill(account, order, price, part, plan.taker_rate, now_us, maker=False))
                left -= part
        price_limit = order.request.price
        if left and price_limit is not None:
            maker_rate = fees.rate(account.volume_usd(now_us), maker=True)
            events.append(self._fill(account, order, price_limit, left, maker_rate, now_us, maker=True))
        ended = self._close(account, order, OrderStatus.CANCELED, NOTHING_LEFT, now_us)
        return [*events, replace(ended, tells_totals=cut.tells_totals)]

    def cancel(self, account: Account, orders: Iterable[Order], now_us: int) -> list[OrderEvent]:
        """Cancel open orders of an account at its own request."""
        return [
            self._close(account, order, OrderStatus.CANCELED, USER_REQUESTED, now_us)
            for order in list(orders)
        ]

    def market_traded(self, trade: MarketTrade, now_us: int) -> list[OrderEvent]:
        """The market traded: resting orders that are at or through the price fill, each up to the whole volume.

        Each, because accounts do not push each other. They fill first and the trade prints after them, so that
        the last price is the market's.
        """
        events: list[OrderEvent] = []
        for order in self._touched(trade.pair, trade.price, trade.price):
            events += self._fill_resting(order, min(order.remaining, trade.volume), now_us)
        self._market.of(trade.pair).tape.add(trade.price, trade.volume, trade.side, OrderType.MARKET, now_us)
        return events

    def market_set(self, pair: Pair, now_us: int) -> list[OrderEvent]:
        """The quote was set by hand: resting orders that it crosses fill with what waits up to their price."""
        quote = self._market.of(pair).quote
        events: list[OrderEvent] = []
        for order in self._touched(pair, quote.ask, quote.bid):
            taken = quote.sweep(order.side, order.remaining, order.request.price)
            events += self._fill_resting(order, sum((volume for _, volume in taken), ZERO), now_us)
        return events

    def _touched(self, pair: Pair, to_buyers: Decimal, to_sellers: Decimal) -> list[Order]:
        """Resting buys at or above `to_buyers` and sells at or below `to_sellers`, by price, then by time."""
        found: list[tuple[Decimal, Order]] = []
        for order in self._resting[pair].values():
            price = order.request.price
            assert price is not None, "only limit orders rest"
            if order.side is Side.BUY and price >= to_buyers:
                found.append((-price, order))
            elif order.side is Side.SELL and price <= to_sellers:
                found.append((price, order))
        found.sort(key=lambda item: item[0])
        return [order for _, order in found]

    def _fill_resting(self, order: Order, volume: Decimal, now_us: int) -> list[OrderEvent]:
        account = self._accounts.get(order.account_id)
        price = order.request.price
        assert account is not None, "accounts are never removed"
        assert price is not None, "only limit orders rest"
        maker_rate = fees.rate(account.volume_usd(now_us), maker=True)
        account.set_hold(order, ZERO)
        events = [self._fill(account, order, price, volume, maker_rate, now_us, maker=True)]
        if order.remaining:
            self._hold_rest(account, order, now_us)
        else:
            events.append(self._close(account, order, OrderStatus.CLOSED, None, now_us))
        return events

    def _fill(
        self,
        account: Account,
        order: Order,
        price: Decimal,
        volume: Decimal,
        rate: Decimal,
        now_us: int,
        *,
        maker: bool,
    ) -> OrderEvent:
        """Book one match of an order that holds nothing at the moment."""
        pair, buyer = order.pair, order.side is Side.BUY
        in_base = order.request.fee_in_base
        cost = rounded(price * volume, pair.cost_step)
        fee = rounded(volume * rate, pair.lot_step) if in_base else rounded(cost * rate, pair.cost_step)
        if maker:
            cost, fee = _within(account.available(order.paying_asset), order, cost, fee)
        fee_quote, fee_base = (ZERO, fee) if in_base else (fee, ZERO)
        if buyer:
            account.credit(pair.quote, -(cost + fee_quote))
            account.credit(pair.base, volume - fee_base)
        else:
            account.credit(pair.base, -(volume + fee_base))
            account.credit(pair.quote, cost - fee_quote)
        taker_side = order.side if not maker else (Side.SELL if buyer else Side.BUY)
        printed = self._market.of(pair).tape.add(price, volume, taker_side, order.request.ordertype, now_us)
        trade = Trade(
            exec_id=self._ids.mint("T"),
            order=order,
            trade_id=printed.trade_id,
            at_us=now_us,
            price=price,
            volume=volume,
            cost=cost,
            fee=fee,
            fee_asset=pair.base if in_base else pair.quote,
            maker=maker,
        )
        order.vol_exec += volume
        order.cost += cost
        order.fee += fee
        order.trades.append(trade)
        account.trades.append(trade)
        account.add_volume(now_us, cost * self._market.usd_price(pair.quote))
        return _event(ExecType.TRADE, order, now_us, trade)

    def _hold_rest(self, account: Account, order: Order, now_us: int) -> None:
        maker_rate = fees.rate(account.volume_usd(now_us), maker=True)
        needed = hold_needed(order.request, order.remaining, maker_rate)
        # Rounding may have taken a few units of the last digit more than was held for them.
        account.set_hold(order, min(needed, order.held + account.available(order.paying_asset)))

    def _close(
        self, account: Account, order: Order, status: OrderStatus, reason: str | None, now_us: int
    ) -> OrderEvent:
        account.set_hold(order, ZERO)
        self._resting[order.pair].pop(order.txid, None)
        order.status, order.reason, order.closed_us = status, reason, now_us
        account.close(order)
        kind = ExecType.FILLED if status is OrderStatus.CLOSED else ExecType.CANCELED
        return _event(kind, order, now_us)


def _event(kind: ExecType, order: Order, now_us: int, trade: Trade | None = None) -> OrderEvent:
    return OrderEvent(kind, order, now_us, order.vol_exec, order.cost, trade)


def hold_needed(request: OrderRequest, volume: Decimal, maker_rate: Decimal) -> Decimal:
    """What a resting volume keeps on hold. The fee is part of it where it is paid in the same asset."""
    price, pair = request.price, request.pair
    assert price is not None, "only limit orders rest"
    if request.side is Side.SELL:
        return volume + (rounded_up(volume * maker_rate, pair.lot_step) if request.fee_in_base else ZERO)
    cost = rounded_up(volume * price, pair.cost_step)
    return cost + (ZERO if request.fee_in_base else rounded_up(cost * maker_rate, pair.cost_step))


def _funds_needed(request: OrderRequest, plan: Plan, maker_rate: Decimal) -> Decimal:
    """What must be available, in the asset that the order pays with.

    A market order needs what it takes. A limit order needs its whole volume at its limit, as if it got nothing
    better; the exact costs of its fills are a second bound, because each of them is rounded.
    """
    pair, rate = request.pair, plan.taker_rate
    taken = sum((volume for _, volume in plan.fills), ZERO)
    exact = ZERO
    for price, volume in plan.fills:
        if request.side is Side.SELL:
            exact += volume + (rounded(volume * rate, pair.lot_step) if request.fee_in_base else ZERO)
        else:
            cost = rounded(price * volume, pair.cost_step)
            exact += cost + (ZERO if request.fee_in_base else rounded(cost * rate, pair.cost_step))
    if request.price is None:
        return exact
    if request.time_in_force is TimeInForce.GTC:
        exact += hold_needed(request, request.volume - taken, maker_rate)
    return max(exact, hold_needed(request, request.volume, rate if plan.fills else maker_rate))


def _within(available: Decimal, order: Order, cost: Decimal, fee: Decimal) -> tuple[Decimal, Decimal]:
    """Cost and fee of a resting order's fill, cut by rounding dust where the last fills would overdraw the balance."""
    if order.side is Side.SELL:
        return cost, min(fee, available - (order.remaining)) if order.request.fee_in_base else fee
    if order.request.fee_in_base:
        return min(cost, available), fee
    fee = max(ZERO, min(fee, available - cost))
    return min(cost, available), fee
