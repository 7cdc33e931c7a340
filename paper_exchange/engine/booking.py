"""The books of the engine: matches, holds and ends of orders, as changes of accounts and as events. Pure.

What an order does next is decided in `engine`; here it is booked.
"""

from decimal import Decimal
from typing import Final

from krakencopy.paper_exchange.accounts.account import Account
from krakencopy.paper_exchange.accounts.holds import hold_needed, within
from krakencopy.paper_exchange.accounts.ledger import LedgerKind
from krakencopy.paper_exchange.accounts.orders import (
    ExecType,
    Order,
    OrderEvent,
    OrderRequest,
    OrderStatus,
    Trade,
)
from krakencopy.paper_exchange.engine.resting_orders import Books
from krakencopy.paper_exchange.market.market import Market
from krakencopy.paper_exchange.values import fees
from krakencopy.paper_exchange.values.assumptions import HouseRules
from krakencopy.paper_exchange.values.decimals import ZERO, rounded
from krakencopy.paper_exchange.values.ids import TransactionIds
from krakencopy.paper_exchange.values.pairs import EARN_SUFFIX, Asset, form_of
from krakencopy.paper_exchange.values.sides import Side


class Booking:
    """Changes accounts and orders, and says what changed."""

    def __init__(self, market: Market, ids: TransactionIds, rules: HouseRules, books: Books) -> None:
        self._market = market
        self._ids = ids
        self._rules = rules
        self._books = books

    def rate(self, account: Account, now_us: int, *, maker: bool) -> Decimal:
        """The account's fee now, as a fraction."""
        return fees.rate(account.volume_usd(now_us), maker=maker)

    def available(self, account: Account, asset: Asset) -> Decimal:
        """What an order may spend of an asset."""
        return account.available(asset, earning=self._rules.earn_form_tradable)

    def expected_price(self, request: OrderRequest) -> Decimal:
        """What a waiting order without a limit is expected to pay: the level that it waits for, or the
        best price.
        """
        if request.trigger is not None and request.trigger.price is not None:
            return request.trigger.price
        quote = self._market.of(request.pair).quote
        return quote.ask if request.side is Side.BUY else quote.bid

    def fill(
        self,
        account: Account,
        order: Order,
        price: Decimal,
        volume: Decimal,
        rate: Decimal,
        now_us: int,
        *,
        reserved: Decimal | None = None,
    ) -> OrderEvent:
        """Book one match of an order that holds nothing at the moment.

        `reserved` is given for the maker: the base volume that this match and the order's rest need.
        """
        maker = reserved is not None
        pair, buyer = order.pair, order.side is Side.BUY
        in_base = order.request.fee_in_base
        cost = rounded(price * volume, pair.cost_step)
        fee = rounded(volume * rate, pair.lot_step) if in_base else rounded(cost * rate, pair.cost_step)
        if reserved is not None:
            # What it held counts, whatever the house rules have become since.
            available = account.available(order.paying_asset, earning=True)
            cost, fee = within(available, order, cost, fee, reserved=reserved)
        fee_quote, fee_base = (ZERO, fee) if in_base else (fee, ZERO)
        exec_id, kind, sign = self._ids.mint("T"), LedgerKind.TRADE, 1 if buyer else -1
        changes = [(pair.base, sign * volume, fee_base), (pair.quote, -sign * cost, fee_quote)]
        if order.request.leverage is not None:
            # A position is lent its coins and its money: only the fee is the account's.
            kind, changes = LedgerKind.MARGIN, [(pair.quote, ZERO, fee_quote)]
        for asset, amount, charged in changes:
            self._draw(account, asset, charged - amount, now_us)
        entries = tuple(
            account.book(self._ids.mint("L"), exec_id, now_us, kind, asset, amount, charged)
            for asset, amount, charged in changes
        )
        taker_side = order.side if not maker else (Side.SELL if buyer else Side.BUY)
        executes_as = order.request.ordertype.executes_as
        printed = self._market.of(pair).tape.add_trade(price, volume, taker_side, executes_as, now_us)
        trade = Trade(
            exec_id=exec_id,
            order=order,
            trade_id=printed.trade_id,
            at_us=now_us,
            price=price,
            volume=volume,
            cost=cost,
            fee=fee,
            fee_asset=pair.base if in_base else pair.quote,
            fee_in_quote=rounded(cost * rate, pair.cost_step) if in_base else fee,
            maker=maker,
            ledger=entries,
        )
        order.vol_exec += volume
        order.cost += cost
        order.fee += trade.fee_in_quote
        order.trades.append(trade)
        account.trades.append(trade)
        account.add_volume(now_us, cost * self._market.usd_price(pair.quote))
        return event_of(ExecType.TRADE, order, now_us, trade)

    def _draw(self, account: Account, asset: Asset, amount: Decimal, now_us: int) -> None:
        """Take out of what Auto Earn keeps what a trade needs beyond the asset's own balance.

        How Kraken books this is not documented: here by the two rows of a deallocation, before those of the
        trade.
        """
        short = amount - account.balance(asset)
        if short <= 0:
            return
        refid, kind = self._ids.mint("Q"), LedgerKind.EARN
        for of, change in ((form_of(asset, EARN_SUFFIX), -short), (asset, short)):
            account.book(self._ids.mint("L"), refid, now_us, kind, of, change, subtype="deallocation")

    def hold_rest(self, account: Account, order: Order, now_us: int) -> None:
        """Let an order hold what its rest needs, unless the house rules say that orders hold nothing."""
        if not self._rules.holds:
            return
        request = order.request
        rate = self.rate(account, now_us, maker=request.price is not None)
        expected = None if request.price is not None else self.expected_price(request)
        needed = hold_needed(request, order.remaining, rate, expected)
        # Rounding may have taken a few units of the last digit more than was held for them.
        account.set_hold(order, min(needed, order.held + self.available(account, order.paying_asset)))

    def close(
        self, account: Account, order: Order, status: OrderStatus, reason: str | None, now_us: int
    ) -> OrderEvent:
        """End an order, whatever it was doing."""
        account.set_hold(order, ZERO)
        self._books.leave(order)
        order.status, order.reason, order.closed_us = status, reason, now_us
        account.close(order)
        return event_of(_ENDS[status], order, now_us)


_ENDS: Final = {
    OrderStatus.CLOSED: ExecType.FILLED,
    OrderStatus.CANCELED: ExecType.CANCELED,
    OrderStatus.EXPIRED: ExecType.EXPIRED,
}


def event_of(
    kind: ExecType,
    order: Order,
    now_us: int,
    trade: Trade | None = None,
    *,
    reason: str | None = None,
    amend_id: str = "",
) -> OrderEvent:
    """Something that has just happened to an order."""
    return OrderEvent(
        kind, order, now_us, order.vol_exec, order.cost, trade, amend_id=amend_id, reason=reason
    )
