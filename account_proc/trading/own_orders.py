"""The orders of an account at Kraken as its operator sees them: listed, looked up, checked and cancelled,
of any origin. Nothing of it is kept, and nothing of it places an order.

A cancel may be repeated: an order is over once. So an answer that was lost is asked about, and the cancel is
sent again while the order is open. What was filled meanwhile reaches users as every fill does.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from krakencopy.account_proc.contract.copy_state import CopyState
from krakencopy.account_proc.contract.errors import (
    AccountError,
    ExchangeError,
    ExchangeRefused,
    InvalidNonce,
    KeyRefused,
    OutcomeUnknown,
    RateLimited,
)
from krakencopy.account_proc.contract.order_ids import CL_ORD_ID_MARK
from krakencopy.account_proc.contract.proto_time import utc
from krakencopy.account_proc.domain.order import OrderAck
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.domain.requested_order import RequestedOrder
from krakencopy.account_proc.kraken.api import KrakenExchange
from krakencopy.account_proc.kraken.errors import NOT_PERMITTED, NotSent
from krakencopy.account_proc.kraken.order_entry import MAY_CANCEL, MAY_TRADE
from krakencopy.account_proc.kraken.rest.order_request import OrderRequest
from krakencopy.account_proc.kraken.rest.request_queue import Priority
from krakencopy.account_proc.kraken.rest.shown_order import ShownOrder
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.account_proc.trading.requested_orders import BadOrder, OrderAsked, RequestedOrders
from krakencopy.v1 import types_pb2 as pb

log = logging.getLogger(__name__)

#: Kraken: an order id. Its first letter is mostly O, which is not promised. All else is taken for a client
#: order id; a plain number would be a userref, which many orders may carry.
ORDER_ID = re.compile(r"[A-Z0-9]{6}-[A-Z0-9]{5}-[A-Z0-9]{6}", re.ASCII)
#: Kraken: the forms of a client order id.
CLIENT_ORDER_ID = re.compile(
    r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-fA-F]{32}|[!-~]{1,18}"
)
#: Kraken's words on a cancel of an order that is over, that never was, and that is being cancelled already
#: (the last one as clients have seen it).
OVER_ALREADY, NEVER_WAS, CANCEL_PENDING = "EOrder:Unknown order", "EOrder:Invalid order", "Cancel pending"
#: How often a cancel is sent whose answer was lost.
CANCEL_TRIES = 2
#: For a cancel and its answer, and for a look at an order, in seconds: both as often as they may come are
#: within what the supervisor waits.
CANCEL_TIMEOUT_S, LOOK_TIMEOUT_S = 4.0, 3.0
#: Between two looks at an order that was cancelled, in seconds: reads trail behind the engine.
LOOK_AGAIN_S = 0.5
#: Several orders are cancelled for so long at most, in seconds; the rest is counted as left.
CANCEL_WITHIN_S = 12.0


class OrderNotFound(AccountError):
    """The account has no such order."""

    reason = "ORDER_NOT_FOUND"


class UnknownPair(BadOrder):
    """The exchange lists no such pair."""

    reason = "UNKNOWN_PAIR"


class KeyMayNotTrade(AccountError):
    """The API key may not place orders; nothing was done."""

    reason = "KEY_MAY_NOT_TRADE"

    def __init__(self) -> None:
        super().__init__(
            "the API key may not place orders; give it 'create and modify orders' (modify-trades) at Kraken"
        )


class KeyMayNotCancel(AccountError):
    """The API key may not cancel orders; nothing was done."""

    reason = "KEY_MAY_NOT_CANCEL"

    def __init__(self) -> None:
        super().__init__(
            "the API key may not cancel orders; give it 'cancel and close orders' (close-trades) at Kraken, "
            "or cancel there"
        )


class CancelUnknown(AccountError):
    """Nobody knows whether the exchange has taken the cancel; asking again does no harm."""

    reason = "CANCEL_OUTCOME_UNKNOWN"


@dataclass(frozen=True, slots=True)
class OwnOrder:
    """An order and who placed it."""

    shown: ShownOrder
    origin: pb.OrderOrigin.ValueType
    #: Empty where nobody asked for it here.
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """What became of the cancel of one order."""

    outcome: pb.CancelOutcome.ValueType
    #: Empty where only a client order id is known.
    order_id: str
    cl_ord_id: str
    #: As the exchange showed it right after; None where it did not.
    order: OwnOrder | None


@dataclass(frozen=True, slots=True)
class CancelledAll:
    """What became of the cancels of several."""

    cancelled: int
    already_over: int = 0
    left: int = 0
    #: Why some are left.
    message: str = ""


@dataclass(frozen=True, slots=True)
class _Name:
    """What an order is asked for by at the exchange: one of the two."""

    txid: str = ""
    cl_ord_id: str = ""

    def __str__(self) -> str:
        return self.txid or self.cl_ord_id


class OwnOrders:
    """Of one account."""

    def __init__(
        self, exchange: KrakenExchange, ledger: Ledger, requested: RequestedOrders,
        now: Callable[[], float], may_any: Callable[[Iterable[str]], Awaitable[bool]],
    ) -> None:  # fmt: skip
        """``now``: the exchange's clock; ``may_any``: whether the key has one of some permissions."""
        self._exchange = exchange
        self._ledger = ledger
        self._requested = requested
        self._now = now
        self._may_any = may_any

    # -- reading --------------------------------------------------------------------------------------------

    async def open_orders(self, pair: str = "", side: Side | None = None) -> tuple[list[OwnOrder], list[str]]:
        """Open orders, the oldest first, of one pair or side if one is given; and the ids of those that
        cannot be read, of any. Raises UnknownPair, ExchangeError.
        """
        name = await self._pair_name(pair) if pair else ""
        shown, unreadable = await self._exchange.record.shown_open_orders()
        wanted = [order for order in shown if name in {"", order.pair} and side in {None, order.side}]
        return self._with_origins(wanted), unreadable

    async def find_order(self, order_id: str) -> OwnOrder:
        """One order, open or over, by its id, its client order id or its request id. Raises OrderNotFound,
        ExchangeError.
        """
        found = await self._shown(self._name_of(order_id), Priority.READ)
        if found is None:
            raise _not_found(order_id)
        return self._with_origins([found])[0]

    async def _pair_name(self, pair: str) -> str:
        found = (await self._exchange.market.table()).find_written(pair)
        if found is None:
            raise UnknownPair("pair", f"{pair!r} is not listed at the exchange; write it like BTC/USD")
        return found.name

    def _name_of(self, order_id: str) -> _Name:
        asked = self._ledger.requested_order(order_id)
        if asked is not None and asked.order_id:
            return _Name(txid=asked.order_id)
        if asked is not None and asked.state is CopyState.REJECTED:
            raise OrderNotFound(f"request {order_id!r} placed no order: {asked.error or 'it was refused'}")
        if asked is not None:
            return _Name(cl_ord_id=asked.cl_ord_id)
        if ORDER_ID.fullmatch(order_id):
            return _Name(txid=order_id)
        if CLIENT_ORDER_ID.fullmatch(order_id):
            return _Name(cl_ord_id=order_id)
        raise _not_found(order_id)

    async def _shown(self, name: _Name, priority: Priority) -> ShownOrder | None:
        """None where the exchange has no such order. Raises ExchangeError."""
        try:
            return await self._exchange.record.shown_order(name.txid, name.cl_ord_id, priority)
        except ExchangeRefused as error:
            if _says(error, OVER_ALREADY, NEVER_WAS):
                return None
            raise

    def _with_origins(self, orders: Sequence[ShownOrder]) -> list[OwnOrder]:
        ours = [order.cl_ord_id for order in orders if order.cl_ord_id.startswith(CL_ORD_ID_MARK)]
        asked = self._ledger.requested_orders_of(ours) if ours else {}
        return [self._with_origin(order, asked.get(order.cl_ord_id)) for order in orders]

    def _with_origin(self, order: ShownOrder, asked: RequestedOrder | None) -> OwnOrder:
        if asked is not None:
            origin = pb.ORDER_ORIGIN_STRATEGY if asked.strategy else pb.ORDER_ORIGIN_REQUEST
            return OwnOrder(order, origin, asked.request_id)
        if not order.cl_ord_id.startswith(CL_ORD_ID_MARK):
            return OwnOrder(order, pb.ORDER_ORIGIN_BY_HAND)
        copy_id = self._ledger.owner(order.cl_ord_id)
        return OwnOrder(order, pb.ORDER_ORIGIN_COPY if copy_id else pb.ORDER_ORIGIN_ELSEWHERE)

    # -- before an order ------------------------------------------------------------------------------------

    async def check_may_place(self, request_id: str) -> None:
        """Raises KeyMayNotTrade for a new order that the key may not place, so that it is not sent in vain:
        the exchange has the same words for that as for a market that is closed to the account.
        """
        if self._ledger.requested_order(request_id) is None and not await self._may_any((MAY_TRADE,)):
            raise KeyMayNotTrade

    async def check_order(self, asked: OrderAsked) -> OrderAck:
        """What the exchange says of an order that it only checks: nothing is placed, and nothing is kept.
        Raises BadOrder, OrderRefused, ExchangeError.
        """
        order = await self._requested.planned(asked)
        request = OrderRequest(
            pair=order.pair, side=order.side, volume=order.volume, limit_price=order.limit_price,
            deadline=utc(order.deadline), validate=True,
        )  # fmt: skip
        return await self._exchange.orders.add_order(request)

    # -- cancelling -----------------------------------------------------------------------------------------

    async def cancel_order(self, order_id: str) -> Cancelled:
        """Cancels one order, by any of its ids. Raises OrderNotFound, KeyMayNotCancel, CancelUnknown, and
        ExchangeRefused or NotSent where nothing was done.
        """
        name = self._name_of(order_id)
        if not await self._may_any(MAY_CANCEL):
            raise KeyMayNotCancel
        was_accepted = await self._cancel(name)
        order = await self._look_until_over(name)
        if was_accepted is None and not (order is not None and order.shown.is_over):
            raise _not_found(order_id)
        if order is not None:
            self._charge(order.shown)
        is_over = order is not None and order.shown.is_over
        ended_here = was_accepted and order is not None and order.shown.status == "canceled"
        outcome = pb.CANCEL_OUTCOME_ACCEPTED
        if ended_here:
            outcome = pb.CANCEL_OUTCOME_CANCELLED
        elif is_over or not was_accepted:
            outcome = pb.CANCEL_OUTCOME_ALREADY_OVER
        # A row that says that it is open when it is over trails behind, and tells nothing.
        shown = order if is_over or was_accepted else None
        log.info("cancel of order %s: %s", name, pb.CancelOutcome.Name(outcome))
        return Cancelled(outcome, order.shown.txid if order else name.txid, name.cl_ord_id, shown)

    async def _cancel(self, name: _Name, tries: int = CANCEL_TRIES) -> bool | None:
        """Whether the exchange has accepted it, now or at a try whose answer was lost; False where the order
        was over, None where it says that there never was one.
        """
        cause = ""
        for _ in range(tries):
            try:
                await self._exchange.orders.cancel_order(name.txid, name.cl_ord_id, CANCEL_TIMEOUT_S)
            except NotSent:
                if not cause:
                    raise
            except OutcomeUnknown as error:
                cause = error.cause
            except InvalidNonce as error:
                # Our nonces only grow: this may be the answer to a second delivery.
                cause = error.errors[0]
            except ExchangeRefused as error:
                if CANCEL_PENDING in error.errors[0]:
                    return True
                if _says(error, OVER_ALREADY):
                    return bool(cause)  # by the try before, as far as anybody can tell
                if _says(error, NEVER_WAS):
                    return None
                raise _plain(error) from error
            else:
                return True
            with suppress(ExchangeError, TimeoutError):
                shown = await self._looked_at(name)
                if shown is not None and shown.is_over:
                    return True
        raise CancelUnknown(f"{cause}; the order may still be open: ask again, which does no harm")

    async def _looked_at(self, name: _Name) -> ShownOrder | None:
        async with asyncio.timeout(LOOK_TIMEOUT_S):
            return await self._shown(name, Priority.URGENT)

    async def _look_until_over(self, name: _Name) -> OwnOrder | None:
        """The order as it is shown after a cancel, when it is over or after a second look; None where the
        exchange shows none, or does not answer.
        """
        found = None
        for pause_s in (0.0, LOOK_AGAIN_S):
            await asyncio.sleep(pause_s)
            with suppress(ExchangeError, TimeoutError):
                found = await self._looked_at(name)
            if found is not None and found.is_over:
                break
        return None if found is None else self._with_origins([found])[0]

    def _charge(self, order: ShownOrder) -> None:
        self._exchange.orders.charge_cancel(order.pair, max(0.0, self._now() - float(order.opentm)))

    async def cancel_orders(self, pair: str = "", side: Side | None = None) -> CancelledAll:
        """Cancels all open orders, by one call; or those of a pair or a side, one by one. Raises as
        ``cancel_order``, and UnknownPair.
        """
        if not await self._may_any(MAY_CANCEL):
            raise KeyMayNotCancel
        if not pair and side is None:
            return await self._cancel_all()
        orders, _ = await self.open_orders(pair, side)
        return await self._cancel_each([order.shown for order in orders])

    async def _cancel_all(self) -> CancelledAll:
        try:
            return CancelledAll(await self._exchange.orders.cancel_all(CANCEL_TIMEOUT_S))
        except NotSent:
            raise
        except (OutcomeUnknown, InvalidNonce) as error:
            raise CancelUnknown(
                f"{error}; orders may still be open: ask again, which does no harm"
            ) from error
        except ExchangeRefused as error:
            raise _plain(error) from error

    async def _cancel_each(self, orders: Sequence[ShownOrder]) -> CancelledAll:
        until = time.monotonic() + CANCEL_WITHIN_S
        cancelled = over = 0
        for order in orders:
            if time.monotonic() >= until:
                why = f"not all were done within {CANCEL_WITHIN_S:g} s: ask again"
                break
            try:
                # One that is lost is left for the next time: the others wait behind it.
                was_accepted = await self._cancel(_Name(txid=order.txid), tries=1)
            except AccountError as error:
                why = f"{order.txid}: {error}"
                break
            if was_accepted:
                cancelled += 1
                self._charge(order)
            else:
                over += 1
        else:
            return CancelledAll(cancelled, over)
        return CancelledAll(cancelled, over, len(orders) - cancelled - over, why)


def _says(error: ExchangeRefused, *starts: str) -> bool:
    return all(text.startswith(starts) for text in error.errors)


def _plain(error: ExchangeRefused) -> AccountError:
    """The refusal of a cancel, with what to do where that is known."""
    if isinstance(error, KeyRefused) and _says(error, *NOT_PERMITTED):
        return KeyMayNotCancel()
    if isinstance(error, RateLimited):
        more = RateLimited(error.method, error.errors)
        why = "a cancel counts the more the younger its order is, and nothing from its fifth minute on"
        more.args = (f"{error}: {why}; ask again in some seconds",)
        return more
    return error


def _not_found(order_id: str) -> OrderNotFound:
    return OrderNotFound(f"the account has no order {order_id!r} at the exchange")
