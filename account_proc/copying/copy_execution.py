"""One copy of a user from its intent to its end: send it, find out what became of it, settle it. Decides no
volumes.

Every step that another process would have to know after a crash is durable before the next one begins. What
the exchange refused for certain is over or sent again; what nobody knows is looked for first.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from decimal import Decimal

from krakencopy.account_proc.contract.copy_state import CopyState, Reason
from krakencopy.account_proc.contract.decimal_text import plain
from krakencopy.account_proc.contract.errors import (
    ExchangeError,
    ExchangeRefused,
    OutcomeUnknown,
    RateLimited,
)
from krakencopy.account_proc.copying.copy_context import CopyContext
from krakencopy.account_proc.copying.copy_steps import CopySteps, settled
from krakencopy.account_proc.copying.exit_forms import Obstacle, is_self_trade
from krakencopy.account_proc.copying.exits import Exits
from krakencopy.account_proc.copying.halted_orders import HaltedOrders
from krakencopy.account_proc.copying.order_refusals import Refusals
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.domain.eligibility import below_minimum
from krakencopy.account_proc.domain.order import Ending
from krakencopy.account_proc.domain.quantities import BaseVolume, Price, Side
from krakencopy.account_proc.kraken.errors import DEADLINE_ERROR, LockedOut, NotSent
from krakencopy.account_proc.kraken.front import FRONT_REFUSES
from krakencopy.account_proc.kraken.order_entry import PairNotListed
from krakencopy.account_proc.kraken.order_gate import NotTraded
from krakencopy.account_proc.kraken.rest.messages import OrderRow
from krakencopy.account_proc.runtime import failpoint
from krakencopy.account_proc.runtime.pauses import growing_pause_s
from krakencopy.account_proc.trading.broker import BrokerOrder
from krakencopy.account_proc.trading.placed_order import OrderNotShown, PlacedOrder, ending_of

log = logging.getLogger(__name__)

#: The feed tells the end of an order that fills at once at about the time of its answer. For so long, in
#: seconds, both are waited for, so that they are one write; a process that finds the intent meanwhile looks
#: for the order.
END_SOON_S = 0.05
#: Refusals of our own: no order left.
NOT_ASKED = (LockedOut, PairNotListed)
#: Of an intent that is found: whether its order left, nobody can know yet.
ENDED_BEFORE_ANSWER = "the process ended before it was known whether the order left"
#: How the reasons begin that Kraken gives for orders that did not end by their limit.
OTHER_ENDS = ("User requested", "Insufficient funds")


class CopyExecution:
    """Sends and settles the copies of one user."""

    def __init__(
        self, context: CopyContext, steps: CopySteps, exits: Exits, halted_orders: HaltedOrders
    ) -> None:
        self._context = context
        self._halted_orders = halted_orders
        self._steps = steps
        self._exits = exits
        self._refusals = Refusals(context, steps, exits)
        self._portfolio = context.portfolio
        self._gateway = context.gateway
        self._now = context.now
        #: Why the caps of now leave no room for an entry; who decides about fills knows.
        self.why_no_room: Callable[[CopyRecord], str] = lambda _: ""
        #: Copies whose order this process has sent, until they are over.
        self._sent_here: set[str] = set()

    def shape_exit(self, copy: CopyRecord) -> None:
        """Gives an exit that is to be sent the form and the volume that can leave now; the rest is owed.
        Not durable yet.
        """
        self._exits.shape(copy)
        pair = self._portfolio.pairs.table.pair(copy.pair)
        wanted = BaseVolume(copy.ordered)
        part = self._exits.sellable(pair, wanted)
        if part < wanted and below_minimum(part, Price(copy.master_price), pair) is None:
            self._steps.owe(copy, wanted - part)
            copy.ordered, copy.sweep, copy.reason = part.amount, False, Reason.HOLDINGS_LIMITED
            copy.detail += (
                f"; {part} of it now, {wanted - part} is {self._exits.why_held(pair.base)} and stays owed"
            )

    async def take_up(self, copy: CopyRecord) -> None:
        """Goes on with a copy that an earlier process left open, to its end."""
        if copy.state is CopyState.ACKNOWLEDGED:
            await self.follow(copy, self._gateway.resume(_order_of(copy), copy.order_id))
            return
        if copy.state is not CopyState.UNKNOWN:
            self._steps.move(copy, CopyState.UNKNOWN, detail=ENDED_BEFORE_ANSWER)
        await self.follow(copy)

    def found_ended(self, copy: CopyRecord, row: OrderRow) -> None:
        """An acknowledged copy whose order is found to be over. Raises LedgerFault."""
        self.settle(copy, ending_of(row))

    async def follow(self, copy: CopyRecord, placed: PlacedOrder | None = None) -> None:
        """From an intent, or from its order, to the end of the copy, however often it has to be sent."""
        while True:
            while copy.state in {CopyState.INTENT, CopyState.UNKNOWN}:
                placed = await (self._send(copy) if copy.state is CopyState.INTENT else self._resolve(copy))
            if placed is None:
                break
            self._halted_orders.begin(copy, placed)
            try:
                ending = await placed.end()
            except OrderNotShown as error:
                # Whatever was meant by that id: the order is looked for by the one that we gave it.
                copy.order_id, placed = "", None
                self._steps.move(copy, CopyState.UNKNOWN, detail=error.cause)
                continue
            finally:
                self._halted_orders.end(copy)
            self.settle(copy, ending)
            break
        self._sent_here.discard(copy.copy_id)

    async def _send(self, copy: CopyRecord) -> PlacedOrder | None:
        """One attempt; afterwards the copy is ACKNOWLEDGED and has an order, or it is UNKNOWN, INTENT
        (refused for its rate), or at its end.
        """
        wait_s = self._gateway.wait_s(copy.pair)
        if wait_s and not await self._wait_for_room(copy, wait_s):
            return None
        now, sent_before = self._now(), copy.sent_at
        # SENT needs no write of its own: a process that finds an intent must assume that it was sent.
        copy.move(CopyState.SENT, now)
        copy.sent_at = now
        self._sent_here.add(copy.copy_id)
        self._reach("before_send")
        try:
            placed = await self._gateway.send(_order_of(copy), cancels_own=copy.cancels_own)
        except NotTraded as error:
            copy.sent_at = sent_before
            # It is said in the words of now, also to who asked before: an entry is never sent later.
            self._steps.refused(copy, error.reason, detail=error.cause)
        except NotSent as error:
            copy.sent_at = sent_before
            await self._send_later(copy, error, error.reason)
        except OutcomeUnknown as error:
            self._steps.move(copy, CopyState.UNKNOWN, detail=error.cause)
        except RateLimited as error:
            await self._send_later(copy, error, error.errors[0])
        except ExchangeRefused as error:
            if isinstance(error, NOT_ASKED):
                copy.sent_at = sent_before
            if error.errors[0].startswith(DEADLINE_ERROR):
                await self._send_later(copy, error, error.errors[0])
            else:
                await self._refusals.answer(copy, error)
        else:
            self._reach("after_send")
            copy.order_id = placed.order_id
            copy.acknowledged_at = self._now()
            if await placed.ends_within(END_SOON_S):
                # The end is written at once, and says all that a write of its own would say about the answer.
                copy.move(CopyState.ACKNOWLEDGED, copy.acknowledged_at)
            else:
                self._steps.move(copy, CopyState.ACKNOWLEDGED)
            self._reach("after_acknowledged")
            return placed
        return None

    async def _wait_for_room(self, copy: CopyRecord, wait_s: float) -> bool:
        """Waits until the exchange's limits let the order in; False where an entry is given up, as it would
        be too old by then.

        Nothing has been sent under the intent's id so far. The new deadline is durable before it is.
        """
        why = self._gateway.wait_reason
        words = f"waits {wait_s:.1f} s, as the exchange's limits let no order in {copy.pair} in before"
        if why == FRONT_REFUSES:
            words = f"waits {wait_s:.1f} s, as the exchange's front refuses what is sent ({why})"
        log.warning("copy %s: %s", copy.copy_id, words)
        copy.detail = f"{copy.detail}; {words}" if copy.detail else words
        self._context.ledger.commit(copies=(copy,))
        self._context.changed()
        while wait_s:
            age = self._now() + wait_s - copy.executed_at
            if copy.side is Side.BUY and age > self._context.rules_of(copy.pair).max_entry_age_s:
                # By the table an intent ends only by way of SENT; nobody sees it there.
                copy.move(CopyState.SENT, self._now())
                words = f"not sent: the entry would be {age:.0f} s old by then"
                self._steps.refused(copy, why, detail=words)
                return False
            await asyncio.sleep(wait_s)
            wait_s = self._gateway.wait_s(copy.pair)
        copy.deadline = self._steps.deadline_of(copy)
        self._context.ledger.commit(copies=(copy,))
        return True

    async def _send_later(self, copy: CopyRecord, error: ExchangeError, reason: str) -> None:
        """Nothing was done, for certain, and later it may be. An entry is only worth a few tries; an exit
        all of them.
        """
        log.warning("copy %s: %s; it is sent again", copy.copy_id, error)
        if self._steps.is_given_up(copy):
            self._steps.refused(copy, reason)
            return
        timing = self._gateway.timing
        await asyncio.sleep(growing_pause_s(copy.attempts - 1, timing.retry, timing.retry_max))
        self._steps.intend(copy)
        self._context.ledger.commit(copies=(copy,))

    async def _resolve(self, copy: CopyRecord) -> PlacedOrder | None:
        """Finds out whether the order exists, before anything else happens to it."""
        log.warning(
            "copy %s: outcome unknown (%s); looking for %s", copy.copy_id, copy.detail, copy.cl_ord_id
        )
        placed = await self._gateway.find(_order_of(copy))
        if placed is not None:
            copy.order_id = placed.order_id
            copy.acknowledged_at = self._now()
            self._steps.move(copy, CopyState.ACKNOWLEDGED, detail="found at the exchange")
            return placed
        why_not = await self._why_not_again(copy)
        if why_not:
            self._context.book.settle(copy.pair, copy.side, settled(copy, Decimal(0)))
            copy.move(
                CopyState.REJECTED, self._now(), reason=Reason.NEVER_ARRIVED,
                detail=f"the order is proven not to exist and was not sent again: {why_not}",
            )  # fmt: skip
            self._context.ledger.commit(copies=(copy,), book=self._context.book)
        else:
            self._steps.intend(copy)
            copy.detail += "; proven not to exist, sent again"
            self._context.ledger.commit(copies=(copy,))
        self._context.changed()
        return None

    async def _why_not_again(self, copy: CopyRecord) -> str:
        """Why an entry that never arrived is not worth sending again; empty when it is. Exits always are."""
        if copy.side is Side.SELL:
            return ""
        if copy.acknowledged_at:
            # It has said that there is one. Should its record be later than was thought, a second one would
            # be one too many; a missed entry is the smaller loss.
            return "the exchange had acknowledged it, and does not show it; look it up there"
        if (stop := self._context.guard.stop(Side.BUY)) is not None:
            return stop.cause
        if excluded := self._context.by_pair.of(copy.filtered_by).excluded:
            return excluded
        if no_room := self.why_no_room(copy):
            return no_room
        age = self._now() - copy.executed_at
        if age > self._context.rules_of(copy.pair).max_entry_age_s:
            return f"the entry is {age:.0f} s old"
        try:
            quote = (await self._portfolio.prices.ticker(copy.pair)).ask
        except (ExchangeError, KeyError) as error:
            return f"no price to be had ({error})"
        bound = self._steps.worst_price(copy).amount
        return f"the price is {quote}, past the slippage bound {bound}" if quote > bound else ""

    def settle(self, copy: CopyRecord, ending: Ending) -> None:
        """The order of an acknowledged copy is over: position, plans and the copy's end in one write. Raises
        LedgerFault.
        """
        base = copy.pair.partition("/")[0]
        copy.order_id, copy.filled, copy.cost = ending.order_id, ending.filled, ending.cost
        copy.fee_base = ending.fees.get(base, Decimal(0))
        # One fee is shown: the one in quote, unless all of it was taken in base.
        copy.fee_asset = next(
            (asset for asset in ending.fees if asset != base), base if copy.fee_base else ""
        )
        copy.fee = ending.fees.get(copy.fee_asset, Decimal(0))
        # Not judged by times: the clock that they are of may have been set meanwhile.
        self._portfolio.ended(ending, copy.pair, copy.side, sent_here=copy.copy_id in self._sent_here)
        self._context.book.settle(copy.pair, copy.side, settled(copy, ending.filled))
        halted = self._halted_orders.take_cancelled(copy)
        if copy.filled >= copy.ordered:
            copy.move(CopyState.FILLED, self._now())
            if copy.side is Side.SELL:
                self._exits.done(copy.pair)
        else:
            self._ended_early(copy, ending.reason, halted)
        self._reach("before_settled")
        self._context.ledger.commit(copies=(copy,), book=self._context.book)
        self._reach("after_settled")

    def _ended_early(self, copy: CopyRecord, words: str, halted: str) -> None:
        """The order ended before all of it was filled; ``words``: why, as the exchange says; ``halted``: why
        it was cancelled here.
        """
        self_trade = is_self_trade(words)
        reason = Reason.SELF_TRADE if self_trade else "" if copy.filled else Reason.ENDED_UNFILLED
        detail = f"{plain(copy.filled)} of {plain(copy.ordered)} was filled"
        if words:
            detail += f"; the exchange says: {words}"
        if halted:
            stop = self._context.guard.stop(copy.side)
            reason = Reason.TRADING_HALTED if stop is None else Reason(stop.reason)
            detail += f"; cancelled: {halted}"
        elif copy.side is Side.SELL:
            obstacle = Obstacle.SELF_TRADE if self_trade else Obstacle.NOT_ALL_SOLD
            self._exits.met(copy.pair, obstacle, words or "not all of it was sold", sold=bool(copy.filled))
        elif not self_trade and copy.limit_price is not None and not words.startswith(OTHER_ENDS):
            reason = Reason.SLIPPAGE_BOUND
            detail += (
                f"; no more was to be had up to {plain(copy.limit_price)}, "
                f"{self._context.rules_of(copy.pair).max_slippage_bps} bps over the master's price"
            )
        copy.move(
            CopyState.PART_FILLED if copy.filled else CopyState.REJECTED,
            self._now(),
            reason=reason,
            detail=detail,
        )

    def _reach(self, place: str) -> None:
        failpoint.reach(self._context.account_id, place)


def _order_of(copy: CopyRecord) -> BrokerOrder:
    """The order of its present attempt."""
    return BrokerOrder(
        cl_ord_id=copy.cl_ord_id,
        pair=copy.pair,
        side=copy.side,
        volume=copy.ordered,
        limit_price=copy.limit_price,
        ioc=copy.limit_price is not None,
        deadline=copy.deadline,
    )
