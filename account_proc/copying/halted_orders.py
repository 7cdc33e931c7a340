"""Orders of copying that are open when trading is HALTED: they are cancelled, and said where that cannot be.

Every order is among them while it is followed; one whose outcome is unknown, once it was found. What a
cancelled order has not done is settled as of any other that ended early (copying/copy_execution.py): the rest
of an exit is owed, an entry ends.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from krakencopy.account_proc.contract.errors import (
    ExchangeError,
    ExchangeRefused,
    InvalidNonce,
    KeyRefused,
    RateLimited,
)
from krakencopy.account_proc.contract.trading_states import TradingState
from krakencopy.account_proc.copying.copy_context import CopyContext
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.kraken.errors import LOCKOUT, LockedOut
from krakencopy.account_proc.runtime.pauses import growing_pause_s
from krakencopy.account_proc.trading.placed_order import PlacedOrder
from krakencopy.v1 import types_pb2

log = logging.getLogger(__name__)


class HaltedOrders:
    """Of one user."""

    def __init__(self, context: CopyContext, spawn: Callable[[Coroutine[Any, Any, None]], None]) -> None:
        """``spawn`` runs work until it is over."""
        self._context = context
        self._spawn = spawn
        self._open: dict[str, tuple[CopyRecord, PlacedOrder]] = {}
        #: Copies whose order is being cancelled.
        self._under_way: set[str] = set()
        #: By copy: why its order was cancelled, for people.
        self._cancelled: dict[str, str] = {}
        context.guard.listeners.append(self._cancel_all)

    def begin(self, copy: CopyRecord, placed: PlacedOrder) -> None:
        """An order is known at the exchange, and its end is waited for."""
        self._open[copy.copy_id] = copy, placed
        if self._context.guard.last_state is TradingState.HALTED:
            self._begin_cancel(copy, placed)

    def end(self, copy: CopyRecord) -> None:
        """It is not waited for any more."""
        self._open.pop(copy.copy_id, None)

    def take_cancelled(self, copy: CopyRecord) -> str:
        """Why the order of a copy was cancelled here, for people; empty where it was not. Asked once."""
        return self._cancelled.pop(copy.copy_id, "")

    def _cancel_all(self) -> None:
        if self._context.guard.last_state is not TradingState.HALTED:
            return
        for copy, placed in self._open.values():
            self._begin_cancel(copy, placed)

    def _begin_cancel(self, copy: CopyRecord, placed: PlacedOrder) -> None:
        if not placed.is_over and copy.copy_id not in self._under_way:
            self._under_way.add(copy.copy_id)
            self._spawn(self._cancel_once(copy, placed))

    async def _cancel_once(self, copy: CopyRecord, placed: PlacedOrder) -> None:
        try:
            await self._cancel(copy, placed)
        finally:
            self._under_way.discard(copy.copy_id)

    async def _cancel(self, copy: CopyRecord, placed: PlacedOrder) -> None:
        """Until it is accepted or over, or trading is not halted any more."""
        guard, timing, failures = self._context.guard, self._context.gateway.timing, 0
        while guard.is_halted and not placed.is_over and copy.copy_id in self._open:
            log.warning("order %s of copy %s is cancelled: %s", placed.order_id, copy.copy_id, guard.words())
            # Before it is known: its end may come before the answer.
            self._cancelled[copy.copy_id] = guard.words()
            try:
                await self._context.gateway.exchange.orders.cancel_order(placed.order_id)
            except (RateLimited, InvalidNonce) as error:
                log.warning("%s; it is cancelled again", error)
            except ExchangeRefused as error:
                if not is_locked_out(error):  # which passes
                    self._not_cancelled(copy, placed, error)
                    return
                log.warning("%s; it is cancelled again", error)
            except ExchangeError as error:
                log.warning("%s; it is cancelled again", error)
            else:
                return
            await asyncio.sleep(growing_pause_s(failures, timing.retry, timing.retry_max))
            failures += 1

    def _not_cancelled(self, copy: CopyRecord, placed: PlacedOrder, error: ExchangeRefused) -> None:
        """Nothing to say of one that was over already: its end comes."""
        if not isinstance(error, KeyRefused):
            log.info("order %s was not cancelled: %s", placed.order_id, error)
            return
        self._cancelled.pop(copy.copy_id, None)
        side = "buy" if copy.side is Side.BUY else "sell"
        self._context.announce(
            types_pb2.SEVERITY_ERROR,
            "HALTED_ORDER_OPEN",
            f"trading is HALTED, and order {placed.order_id} of copying to {side} {copy.pair} is still open: "
            f"the key may not cancel it ({error})",
        )


def is_locked_out(error: ExchangeRefused) -> bool:
    """Whether the key is refused for a while, whatever it may do."""
    return isinstance(error, LockedOut) or error.errors[0].startswith(LOCKOUT)
