"""Orders that an operator or a strategy asks for on this account: exactly once for each request id, at any
broker.

The request id makes the ``cl_ord_id``; the ledger remembers the intent before the order leaves and the answer
afterwards. Asking again with the same id gives the same answer, also after a crash in between. A strategy's
order is followed to its end, and what it traded is the strategy's position from then on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation

from krakencopy.account_proc.contract.copy_state import CopyState
from krakencopy.account_proc.contract.decimal_text import plain, read_decimal
from krakencopy.account_proc.contract.errors import AccountError, ExchangeRefused, OutcomeUnknown
from krakencopy.account_proc.contract.order_ids import own_order_id
from krakencopy.account_proc.contract.refusals import EXCHANGE_REFUSED
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.domain.requested_order import LIVE, OwnPosition, RequestedOrder
from krakencopy.account_proc.kraken.errors import RATE_ERROR, speaks_of_time
from krakencopy.account_proc.kraken.order_gate import NotTraded
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.account_proc.trading.broker import Broker, BrokerOrder, Ending, Market
from krakencopy.account_proc.trading.placed_order import OrderNotShown

log = logging.getLogger(__name__)


class BadOrder(AccountError):
    """What was asked for is no order; nothing was done."""

    reason = "BAD_ORDER"

    def __init__(self, field: str, problem: str) -> None:
        """``field``: of the request, which is wrong."""
        self.field, self.problem = field, problem
        super().__init__(f"{field} {problem}")


class RequestIdReused(BadOrder):
    """A request id names one order for ever; nothing was done."""

    reason = "REQUEST_ID_REUSED"

    def __init__(self, request_id: str) -> None:
        super().__init__(
            "request_id", f"{request_id!r} belongs to another order; a new order needs an id of its own"
        )


class OrderRefused(AccountError):
    """The broker refused the order; ``errors`` are its own texts."""

    reason = EXCHANGE_REFUSED

    def __init__(self, error: str) -> None:
        self.errors = (error,)
        super().__init__(f"the exchange refused the order: {error}")


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAsked:
    """What someone asks for. Volume in base, limit price in quote (None: a market order)."""

    request_id: str
    pair: str
    side: Side
    volume: Decimal
    limit_price: Decimal | None = None
    #: The strategy that asks; empty for an operator. A strategy's limit order is filled at once or cancelled.
    strategy: str = ""


class RequestedOrders:
    """The account's own orders, beside those that copying makes."""

    def __init__(
        self, account_id: str, ledger: Ledger, broker: Broker, now: Callable[[], float],
        ask_time: Callable[[], Awaitable[None]] | None = None, journal_id: str = "",
        learn: Callable[[str], Awaitable[None]] | None = None,
        may_leave: Callable[[Side], None] = lambda _side: None,
    ) -> None:  # fmt: skip
        """``now``: the broker's time; ``ask_time`` makes sure of it, where it can be asked for.
        ``journal_id``: of the state folder, for the orders' ids (contract/order_ids.py). ``learn`` reads the
        exchange's pairs again for one that is not known. ``may_leave`` raises NotTraded where no order of a
        side may leave now.
        """
        self._may_leave = may_leave
        self._ask_time = ask_time
        self._learn = learn
        self._journal_id = journal_id
        self._account_id = account_id
        self._ledger = ledger
        self._broker = broker
        self._now = now
        self._locks: dict[str, asyncio.Lock] = {}

    async def place(self, asked: OrderAsked) -> RequestedOrder:
        """The order as the exchange accepted it.

        Raises BadOrder, OrderRefused or NotTraded (nothing was done) or OutcomeUnknown (ask again with the
        same request id).
        """
        if not asked.request_id:
            raise BadOrder("request_id", "is empty; give one, so that asking twice does not trade twice")
        lock = self._locks.setdefault(asked.request_id, asyncio.Lock())
        try:
            async with lock:
                order = self._ledger.requested_order(asked.request_id)
                if order is None:
                    order = await self.planned(asked)
                    lost = self._ledger.owner(order.cl_ord_id) is not None
                    if lost:
                        # Sent before the ledger was brought back from a backup: it may be as old as it likes.
                        order = replace(order, deadline=0.0)
                    self._ledger.put_requested_order(order)
                    order = await (self._find(order) if lost else self._send(order))
                elif not self._same(asked, order):
                    raise RequestIdReused(asked.request_id)
                elif order.state is CopyState.INTENT:
                    order = await self._find(order)
        finally:
            if not lock.locked():
                self._locks.pop(asked.request_id, None)
        if order.state is CopyState.REJECTED and not order.filled and order.error:
            raise OrderRefused(order.error)
        return order

    async def planned(self, asked: OrderAsked) -> RequestedOrder:
        """The order as it would leave now, checked as far as that can be done here; nothing is kept. Raises
        BadOrder, NotTraded where the account's trading state lets no such order leave, and OrderRefused where
        the exchange's limits have no room for it soon.
        """
        self._may_leave(asked.side)
        if self._ask_time is not None:
            # Nobody waits for such an order as for a copy, and its deadline is set by that time.
            await self._ask_time()
        if self._learn is not None and self._broker.market(asked.pair) is None:
            await self._learn(asked.pair)
        order = self._intend(asked)
        return self._intend(asked) if await self._waited(order.pair) else order

    @property
    def open(self) -> bool:
        """Whether an order is on its way."""
        return bool(self._locks)

    async def drain(self) -> None:
        """Waits for the answers to the orders that are on their way."""
        for lock in list(self._locks.values()):
            async with lock:
                pass

    # -- a strategy's orders --------------------------------------------------------------------------------

    def live(self) -> list[RequestedOrder]:
        """Strategies' orders whose end is not known: what an earlier process left."""
        return self._ledger.live_requested_orders()

    def position(self, pair: str) -> OwnPosition:
        """What strategies hold of a pair (BTC/USD)."""
        return self._ledger.own_positions().get(pair, OwnPosition())

    def positions(self) -> dict[str, OwnPosition]:
        """What strategies hold, by pair."""
        return {pair: position for pair, position in self._ledger.own_positions().items() if position.volume}

    async def settle(self, order: RequestedOrder) -> RequestedOrder:
        """Waits, however long, until a strategy's order is over, and counts what it traded. Raises
        LedgerFault.
        """
        while order.state in LIVE:
            if order.state is CopyState.INTENT:
                order = await self._find(order)
                continue
            try:
                ending = await self._broker.end(_sent(order), order.order_id)
            except OrderNotShown as error:
                log.warning("request %s: %s", order.request_id, error)
                # As after an answer that was lost: it is looked for by its client order id.
                order = self._keep(replace(order, state=CopyState.INTENT, order_id=""))
                continue
            order = self._keep(_ended(order, ending))
        return order

    # -- how ------------------------------------------------------------------------------------------------

    async def _waited(self, pair: str) -> bool:
        """Whether the order had to wait for the exchange's limits. Raises OrderRefused where that would
        take too long.
        """
        waited = False
        while wait_s := self._broker.wait_s(pair):
            if wait_s > self._broker.deadline_s:
                raise OrderRefused(f"{RATE_ERROR}: not sent, as there is room only in {wait_s:.1f} s")
            await asyncio.sleep(wait_s)
            waited = True
        return waited

    def _intend(self, asked: OrderAsked) -> RequestedOrder:
        market = self._broker.market(asked.pair)
        if market is None:
            near = " or ".join(self._broker.nearest_pairs(asked.pair))
            meant = f"; did you mean {near}?" if near else "; write it like BTC/USD"
            raise BadOrder("pair", f"{asked.pair!r} is not listed at the exchange{meant}")
        _check(asked, market)
        return RequestedOrder(
            request_id=asked.request_id,
            cl_ord_id=own_order_id(self._journal_id, self._account_id, asked.request_id),
            pair=market.name,
            side=asked.side,
            volume=asked.volume,
            limit_price=asked.limit_price,
            state=CopyState.INTENT,
            deadline=self._now() + self._broker.deadline_s,
            strategy=asked.strategy,
        )

    async def _send(self, order: RequestedOrder, *, is_second: bool = False) -> RequestedOrder:
        try:
            ack = await self._broker.send(_sent(order))
        except NotTraded as error:
            # Said a moment ago, after it was planned.
            self._keep(replace(order, state=CopyState.REJECTED, error=error.cause))
            raise
        except ExchangeRefused as error:
            if speaks_of_time(error) and not is_second:
                # Nothing was done, and that very answer has put our idea of the broker's clock right.
                order = self._keep(replace(order, deadline=self._now() + self._broker.deadline_s))
                return await self._send(order, is_second=True)
            return self._keep(replace(order, state=CopyState.REJECTED, error=error.errors[0]))
        return self._keep(
            replace(
                order, state=CopyState.ACKNOWLEDGED, order_id=ack.order_id, description=ack.description
            )
        )  # fmt: skip

    async def _find(self, order: RequestedOrder) -> RequestedOrder:
        """The answer was lost: look for the order."""
        found = await self._broker.find(_sent(order))
        if found is None:
            return self._keep(
                replace(order, state=CopyState.REJECTED, error="the order never reached the exchange")
            )
        order = replace(
            order, state=CopyState.ACKNOWLEDGED, order_id=found.order_id, description=found.description
        )
        return self._keep(_ended(order, found.ending) if order.strategy and found.ending else order)

    def _keep(self, order: RequestedOrder) -> RequestedOrder:
        self._ledger.put_requested_order(order)
        return order

    def _same(self, asked: OrderAsked, order: RequestedOrder) -> bool:
        market = self._broker.market(asked.pair)
        wanted = (market.name if market else "", asked.side, asked.volume, asked.limit_price)
        return wanted == (order.pair, order.side, order.volume, order.limit_price)


def _sent(order: RequestedOrder) -> BrokerOrder:
    return BrokerOrder(
        cl_ord_id=order.cl_ord_id,
        pair=order.pair,
        side=order.side,
        volume=order.volume,
        limit_price=order.limit_price,
        ioc=bool(order.strategy) and order.limit_price is not None,
        deadline=order.deadline,
    )


def _ended(order: RequestedOrder, ending: Ending) -> RequestedOrder:
    """The order with what it traded."""
    base, _, quote = order.pair.partition("/")
    if not ending.filled:
        state = CopyState.REJECTED
    else:
        state = CopyState.FILLED if ending.filled >= order.volume else CopyState.PART_FILLED
    return replace(
        order, state=state, order_id=ending.order_id, filled=ending.filled, cost=ending.cost,
        fee_base=ending.fees.get(base, Decimal(0)), fee_quote=ending.fees.get(quote, Decimal(0)),
    )  # fmt: skip


def _check(asked: OrderAsked, market: Market) -> None:
    """Raises BadOrder that names what is wrong."""
    if not asked.volume.is_finite() or asked.volume <= 0:
        raise BadOrder("volume", f"{asked.volume} must be larger than 0")
    if asked.limit_price is not None and (not asked.limit_price.is_finite() or asked.limit_price <= 0):
        raise BadOrder("limit_price", f"{asked.limit_price} must be larger than 0")
    if not _fits(asked.volume, market.lot):
        raise BadOrder(
            "volume",
            f"{plain(asked.volume)} has more decimals than the exchange takes (steps of {plain(market.lot)})",
        )
    if asked.volume < market.ordermin:
        raise BadOrder(
            "volume", f"{plain(asked.volume)} is below the exchange's minimum of {plain(market.ordermin)}"
        )


def _fits(volume: Decimal, lot: Decimal) -> bool:
    try:
        return not volume % lot
    except InvalidOperation:  # more digits than any order has
        return False


def decimal_of(text: str, name: str) -> Decimal:
    """A decimal that someone wrote. Raises BadOrder that names the field."""
    try:
        return read_decimal(text)
    except ValueError as error:
        raise BadOrder(name, str(error)) from None


__all__ = ["BadOrder", "OrderAsked", "OrderRefused", "OutcomeUnknown", "RequestedOrders", "decimal_of"]
