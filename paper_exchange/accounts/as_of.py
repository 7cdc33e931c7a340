"""An account as it was a while ago, for reads that trail the engine. Pure: built from the times of orders and
trades.

Deposits, withdrawals and moves show at once: they have no time. A clock that was just set back or forward by
a fault makes the records of before look younger or older than they are.
"""

from dataclasses import replace
from decimal import Decimal
from typing import Final

from krakencopy.paper_exchange.accounts.account import Account
from krakencopy.paper_exchange.accounts.holds import hold_needed
from krakencopy.paper_exchange.accounts.orders import Order, OrderStatus, Trade
from krakencopy.paper_exchange.values import fees
from krakencopy.paper_exchange.values.decimals import ZERO
from krakencopy.paper_exchange.values.sides import Side

# The private methods that may trail the engine (Kraken's REST was seen up to a minute behind its WebSocket).
READS: Final = frozenset(
    {
        "Balance", "BalanceEx", "TradeBalance", "OpenOrders", "ClosedOrders", "QueryOrders", "QueryTrades",
        "TradesHistory", "Ledgers", "QueryLedgers", "OrderAmends",
    }
)  # fmt: skip


def account_as_of(account: Account, then_us: int, now_us: int) -> Account:
    """What a reader that is up to date to `then_us` sees: orders, trades, balances and holds; no keys."""
    past = Account(account.id, account.tier)
    past.balances.update(account.balances)
    past.ledger.extend(entry for entry in account.ledger if entry.at_us <= then_us)
    for trade in account.trades:
        if trade.at_us <= then_us:
            past.trades.append(trade)
        else:
            _take_back(past, trade)
    maker_rate = fees.rate(account.volume_usd(now_us), maker=True)
    for order in account.orders.values():
        if order.opened_us > then_us:
            continue
        known = _order_as_of(order, then_us)
        past.orders[known.txid] = known
        if known.status.is_open:
            _hold(past, order, known, maker_rate)
            past.open_orders[known.txid] = known
    past.closed_orders.extend(
        past.orders[order.txid]
        for order in account.closed_orders
        if order.txid in past.orders and order.txid not in past.open_orders
    )
    return past


def _take_back(past: Account, trade: Trade) -> None:
    """Undo what a trade did to the balances. What was withdrawn since cannot be shown: never below zero."""
    pair = trade.order.pair
    sign = 1 if trade.order.side is Side.BUY else -1
    moved = int(trade.order.request.leverage is None)
    for asset, amount in ((pair.base, -sign * trade.volume * moved), (pair.quote, sign * trade.cost * moved)):
        fee = trade.fee if trade.fee_asset is asset else ZERO
        past.balances[asset] = max(ZERO, past.balance(asset) + amount + fee)


def _order_as_of(order: Order, then_us: int) -> Order:
    """The order itself where nothing happened to it since, else a copy without what happened."""
    trades = [trade for trade in order.trades if trade.at_us <= then_us]
    closed_since = not order.status.is_open and order.closed_us > then_us
    request, revisions = order.request, [row for row in order.revisions if row.at_us <= then_us]
    started_since = request.start_us is not None and then_us < request.start_us
    if not order.status.is_open and not closed_since:
        # It ended before its time came.
        started_since = False
    changed_since = len(revisions) < len(order.revisions) or order.triggered_us > then_us or started_since
    if not closed_since and not changed_since and len(trades) == len(order.trades):
        return order
    if revisions and len(revisions) < len(order.revisions):
        terms = revisions[-1]
        request = replace(
            request, volume=terms.volume, price=terms.price, display=terms.display, post_only=terms.post_only
        )
    known = replace(
        order,
        request=request,
        vol_exec=sum((trade.volume for trade in trades), ZERO),
        cost=sum((trade.cost for trade in trades), ZERO),
        fee=sum((trade.fee_in_quote for trade in trades), ZERO),
        trades=trades,
        # What an order was before its first amendment is what it is while there is none.
        revisions=revisions if len(revisions) > 1 else [],
        triggered_us=order.triggered_us if order.triggered_us <= then_us else 0,
    )
    if closed_since or started_since:
        known.status, known.closed_us, known.reason = OrderStatus.OPEN, 0, None
    if started_since:
        known.status = OrderStatus.PENDING
    return known


def _hold(past: Account, order: Order, known: Order, maker_rate: Decimal) -> None:
    if known is not order and known.request.price is not None:
        known.held = hold_needed(known.request, known.remaining, maker_rate)
    asset = known.paying_asset
    held = past.holds.get(asset, ZERO) + known.held
    past.holds[asset] = min(held, past.balance(asset) + past.earning(asset))
