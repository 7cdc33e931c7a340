"""Orders that an operator or a strategy asks for on this account: exactly once for each request id.

The request id makes the ``cl_ord_id``; the ledger remembers the intent before the order leaves and the answer afterwards.
Asking again with the same id gives the same answer, also after a crash in between.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation

from account_proc.copy_state import CopyState
from account_proc.errors import AccountError, ExchangeRefused, InvalidNonce, OutcomeUnknown
from account_proc.kraken_errors import RATE_ERROR
from account_proc.ledger import Ledger, OwnOrder
from account_proc.order_desk import OrderDesk, client_order_id
from account_proc.pairs import SymbolTable
from account_proc.units import Side, plain


class BadOrder(AccountError):
    """What was asked for is no order; nothing was done."""

    reason = "BAD_ORDER"


class RequestIdReused(BadOrder):
    """A request id names one order for ever; nothing was done."""

    reason = "REQUEST_ID_REUSED"

    def __init__(self, request_id: str) -> None:
        super().__init__(
            f"request_id {request_id!r} belongs to another order; a new order needs an id of its own"
        )


class OrderRefused(AccountError):
    """The exchange refused the order; ``reason`` is its own error string."""

    def __init__(self, error: str) -> None:
        self.reason = error
        super().__init__(f"the exchange refused the order: {error}")


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAsked:
    """What someone asks for. Volume in base, limit price in quote (None: a market order)."""

    request_id: str
    pair: str
    side: Side
    volume: Decimal
    limit_price: Decimal | None = None


class OwnOrders:
    """The account's own orders, beside those that copying makes."""

    def __init__(
        self, account_id: str, ledger: Ledger, desk: OrderDesk, table: Callable[[], SymbolTable],
        now: Callable[[], float],
    ) -> None:  # fmt: skip
        self._account_id = account_id
        self._ledger = ledger
        self._desk = desk
        self._table = table
        self._now = now
        self._locks: dict[str, asyncio.Lock] = {}

    async def place(self, asked: OrderAsked) -> OwnOrder:
        """The order as the exchange accepted it.

        Raises BadOrder or OrderRefused (nothing was done) or OutcomeUnknown (ask again with the same request id).
        """
        if not asked.request_id:
            raise BadOrder("request_id is empty; give one, so that asking twice does not trade twice")
        lock = self._locks.setdefault(asked.request_id, asyncio.Lock())
        try:
            async with lock:
                order = self._ledger.own_order(asked.request_id)
                if order is None:
                    order = self._intend(asked)
                    if await self._waited(order.pair):
                        order = self._intend(asked)
                    self._ledger.put_own_order(order)
                    order = await self._send(order)
                elif not _same(asked, order, self._table()):
                    raise RequestIdReused(asked.request_id)
                elif order.state is CopyState.INTENT:
                    order = await self._find(order)
        finally:
            if not lock.locked():
                self._locks.pop(asked.request_id, None)
        if order.state is CopyState.REJECTED:
            raise OrderRefused(order.error)
        return order

    async def _waited(self, pair: str) -> bool:
        """Whether the order had to wait for the exchange's limits. Raises OrderRefused where that would take too long."""
        waited = False
        while wait_s := self._desk.wait_s(pair):
            if wait_s > self._desk.timing.deadline:
                raise OrderRefused(f"{RATE_ERROR}: not sent, as there is room only in {wait_s:.1f} s")
            await asyncio.sleep(wait_s)
            waited = True
        return waited

    def _intend(self, asked: OrderAsked) -> OwnOrder:
        pair = self._table().find(asked.pair)
        if pair is None:
            raise BadOrder(f"pair {asked.pair!r} is not listed at the exchange; write it like BTC/USD")
        if not asked.volume.is_finite() or asked.volume <= 0:
            raise BadOrder(f"volume {asked.volume} must be larger than 0")
        if asked.limit_price is not None and (not asked.limit_price.is_finite() or asked.limit_price <= 0):
            raise BadOrder(f"limit price {asked.limit_price} must be larger than 0")
        if not _fits(asked.volume, pair.lot_decimals):
            raise BadOrder(f"volume {plain(asked.volume)} has more than {pair.lot_decimals} decimals")
        if asked.volume < pair.ordermin:
            raise BadOrder(
                f"volume {plain(asked.volume)} is below the exchange's minimum of {plain(pair.ordermin)}"
            )
        return OwnOrder(
            request_id=asked.request_id,
            cl_ord_id=client_order_id("own", self._account_id, asked.request_id),
            pair=pair.symbol,
            side=asked.side,
            volume=asked.volume,
            limit_price=asked.limit_price,
            state=CopyState.INTENT,
            deadline=self._now() + self._desk.timing.deadline,
        )

    async def _send(self, order: OwnOrder) -> OwnOrder:
        try:
            ack = await self._desk.send(
                pair=order.pair, side=order.side, volume=order.volume, limit_price=order.limit_price,
                ioc=False, cl_ord_id=order.cl_ord_id, deadline=order.deadline,
            )  # fmt: skip
        except InvalidNonce as error:
            # Our nonces only grow, so this may be the answer to a second delivery of an order that was taken at the first.
            raise OutcomeUnknown(error.method, error.errors[0]) from error
        except ExchangeRefused as error:
            return self._ended(replace(order, state=CopyState.REJECTED, error=error.errors[0]))
        return self._ended(
            replace(
                order, state=CopyState.ACKNOWLEDGED, order_id=ack.order_id, description=ack.description
            )
        )  # fmt: skip

    async def _find(self, order: OwnOrder) -> OwnOrder:
        """An earlier call left no answer: look for the order."""
        row = await self._desk.find(order.cl_ord_id, order.deadline)
        if row is None:
            return self._ended(
                replace(order, state=CopyState.REJECTED, error="the order never reached the exchange")
            )
        return self._ended(
            replace(order, state=CopyState.ACKNOWLEDGED, order_id=row.txid, description=row.description)
        )

    def _ended(self, order: OwnOrder) -> OwnOrder:
        self._ledger.put_own_order(order)
        return order


def _same(asked: OrderAsked, order: OwnOrder, table: SymbolTable) -> bool:
    pair = table.find(asked.pair)
    wanted = (pair.symbol if pair else "", asked.side, asked.volume, asked.limit_price)
    return wanted == (order.pair, order.side, order.volume, order.limit_price)


def _fits(volume: Decimal, decimals: int) -> bool:
    try:
        return volume == volume.quantize(Decimal(1).scaleb(-decimals))
    except InvalidOperation:  # more digits than any order has
        return False


def decimal_of(text: str, name: str) -> Decimal:
    """A decimal that someone wrote. Raises BadOrder that names the field."""
    try:
        return Decimal(text)
    except InvalidOperation:
        raise BadOrder(f"{name} {text!r} is not a number; write it like 0.005") from None


__all__ = ["BadOrder", "OrderAsked", "OrderRefused", "OutcomeUnknown", "OwnOrders", "decimal_of"]
