"""One copy of a user from its intent to its end: send it, find out what became of it, settle it. Decides no volumes.

Every step that another process would have to know after a crash is durable before the next one begins. What the exchange
refused for certain is over or sent again; what nobody knows is looked for first.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from decimal import Decimal

from account_proc import failpoint
from account_proc.copy_record import CopyRecord
from account_proc.copy_state import CopyState, Reason
from account_proc.errors import (
    ExchangeError,
    ExchangeRefused,
    InvalidNonce,
    KeyRefused,
    OutcomeUnknown,
    RateLimited,
)
from account_proc.kraken_errors import MARKET_MODE, RATE_ERROR, LockedOut, NotSent
from account_proc.ledger import Ledger
from account_proc.order_desk import OrderDesk
from account_proc.order_ids import copy_order_id
from account_proc.order_watch import Ending, ending_of
from account_proc.plans import SettledOrder, Slice
from account_proc.portfolio import Portfolio
from account_proc.rest_rows import OrderRow
from account_proc.sizing import CopyBook
from account_proc.spec import CopyRules
from account_proc.units import BPS, NO_AMOUNT, BaseVolume, QuoteAmount, Side

log = logging.getLogger(__name__)

#: Tries of an order that the exchange refused for its rate only, before an entry is given up.
RATE_TRIES = 5
#: The feed tells the end of an order that fills at once at about the time of its answer. For so long, in seconds, both are waited for,
#: so that they are one write; whoever finds the intent meanwhile looks for the order.
END_SOON_S = 0.05
FUNDS_ERROR = "EOrder:Insufficient funds"
#: Kraken: a deadline must lie 2 s ahead. The order left so late (this process was held up) that it did not any more.
DEADLINE_ERROR = "EGeneral:Invalid arguments:deadline"
#: Pause before an exit that was refused or ended early is tried again, in tries of the order desk's pause.
EXIT_PAUSES = 4
#: Kraken's words for an order that is smaller than a minimum which has grown since the rules were read.
MINIMUM_ERRORS = ("EOrder:Order minimum not met", "EOrder:Cost minimum not met")


class CopyTrader:
    """Sends and settles the copies of one user."""

    def __init__(
        self, *, account_id: str, rules: CopyRules, ledger: Ledger, book: CopyBook, portfolio: Portfolio,
        desk: OrderDesk, now: Callable[[], float], changed: Callable[[], None], own_held: Callable[[str], Decimal],
    ) -> None:  # fmt: skip
        self._account_id = account_id
        self._rules = rules
        self._ledger = ledger
        self._book = book
        self._portfolio = portfolio
        self._desk = desk
        self._now = now
        self._changed = changed
        self._own_held = own_held
        #: Until then owed exits are not tried: the key was refused, and asking again makes a lockout longer (Unix seconds).
        self._hold_until = 0.0
        #: By pair: owed exits are not tried before then (Unix seconds), and the pause of a market that takes none now (seconds).
        self._exit_pauses: dict[str, tuple[float, float]] = {}

    def exit_not_before(self, pair: str) -> float:
        """Owed exits of a pair are not to be tried before then (Unix seconds)."""
        return max(self._exit_pauses.get(pair, (0.0, 0.0))[0], self._hold_until)

    def exit_ended(self, copy: CopyRecord) -> None:
        """An exit is over: what it owes still is tried again after a pause, a growing one where the market takes no such orders."""
        if copy.filled >= copy.ordered:
            self._exit_pauses.pop(copy.pair, None)
            return
        timing = self._desk.timing
        pause, market_pause = EXIT_PAUSES * timing.retry, 0.0
        if copy.reason.startswith(MARKET_MODE):
            _, before = self._exit_pauses.get(copy.pair, (0.0, 0.0))
            pause = market_pause = min(max(2 * before, timing.market_retry), timing.market_retry_max)
        self._exit_pauses[copy.pair] = (self._now() + pause, market_pause)

    def intend(self, copy: CopyRecord) -> None:
        """Turns a plan (or an order that is proven not to exist) into the next attempt's intent; not durable yet."""
        now = self._now()
        while True:
            copy.attempts += 1
            copy.cl_ord_id = copy_order_id(
                self._ledger.journal_id or "", self._account_id, copy.copy_id, copy.attempts
            )
            # An id that an order at the exchange has already would be found there, and taken for this one.
            if copy.cl_ord_id not in self._ledger.taken_over:
                break
        copy.deadline = now + self._desk.timing.deadline
        copy.move(CopyState.INTENT, now)

    async def take_up(self, copy: CopyRecord) -> None:
        """Goes on with a copy that an earlier process left open, to its end."""
        self._desk.watch.expect(copy.cl_ord_id, copy.ordered)
        if copy.state is CopyState.ACKNOWLEDGED:
            self._desk.watch.acknowledged(copy.cl_ord_id, copy.order_id)
        elif copy.state is not CopyState.UNKNOWN:
            self._move(copy, CopyState.UNKNOWN, detail="the process ended before the answer came")
        await self.follow(copy)

    def found_ended(self, copy: CopyRecord, row: OrderRow) -> None:
        """An acknowledged copy whose order is found to be over. Raises LedgerFault."""
        self._settle(copy, ending_of(row))

    async def follow(self, copy: CopyRecord) -> None:
        """From an intent to the end of the copy, however often it has to be sent."""
        while copy.state in {CopyState.INTENT, CopyState.UNKNOWN}:
            if copy.state is CopyState.INTENT:
                await self._send(copy)
            else:
                await self._resolve(copy)
        if copy.state is CopyState.ACKNOWLEDGED:
            self._settle(copy, await self._desk.end(copy.cl_ord_id))

    async def _send(self, copy: CopyRecord) -> None:
        """One attempt; afterwards the copy is ACKNOWLEDGED, UNKNOWN, INTENT (refused for its rate), or at its end."""
        wait_s = self._desk.wait_s(copy.pair)
        if wait_s and not await self._wait_for_room(copy, wait_s):
            return
        now = self._now()
        # SENT needs no write of its own: whoever finds an intent must assume that it was sent.
        copy.move(CopyState.SENT, now)
        copy.sent_at = now
        self._desk.watch.expect(copy.cl_ord_id, copy.ordered)
        self._reach("before_send")
        try:
            ack = await self._desk.send(
                pair=copy.pair, side=copy.side, volume=copy.ordered, limit_price=copy.limit_price,
                ioc=copy.limit_price is not None, cl_ord_id=copy.cl_ord_id, deadline=copy.deadline,
            )  # fmt: skip
        except NotSent as error:
            await self._send_later(copy, error, "NOT_SENT")
        except OutcomeUnknown as error:
            self._move(copy, CopyState.UNKNOWN, detail=error.cause)
        except RateLimited as error:
            await self._send_later(copy, error, error.errors[0])
        except InvalidNonce as error:
            # Our nonces only grow, so this may be the answer to a second delivery of an order that was taken at the first.
            self._move(copy, CopyState.UNKNOWN, detail=error.errors[0])
        except LockedOut as error:
            self._hold_until = max(self._hold_until, self._now() + error.retry_after_s)
            self._refused(copy, error.errors[0], detail=str(error))
        except KeyRefused as error:
            self._hold_until = self._now() + self._desk.timing.key_retry
            self._refused(copy, error.errors[0])
        except ExchangeRefused as error:
            if error.errors[0].startswith(DEADLINE_ERROR):
                await self._send_later(copy, error, error.errors[0])
            elif copy.side is Side.SELL and error.errors[0].startswith(FUNDS_ERROR):
                await self._sell_what_is_there(copy, error)
            else:
                self._refused(copy, error.errors[0])
        else:
            self._reach("after_send")
            copy.order_id = ack.order_id
            copy.acknowledged_at = self._now()
            self._desk.watch.acknowledged(copy.cl_ord_id, ack.order_id)
            if await self._desk.watch.is_over(copy.cl_ord_id, within_s=END_SOON_S):
                # The end is written at once, and says all that a write of its own would say about the answer.
                copy.move(CopyState.ACKNOWLEDGED, copy.acknowledged_at)
            else:
                self._move(copy, CopyState.ACKNOWLEDGED)
            self._reach("after_acknowledged")

    async def _wait_for_room(self, copy: CopyRecord, wait_s: float) -> bool:
        """Waits until the exchange's limits let the order in; False where an entry is given up, as it would be too old by then.

        Nothing has been sent under the intent's id so far. The new deadline is durable before it is.
        """
        words = f"waits {wait_s:.1f} s, as the exchange's limits let no order in {copy.pair} in before"
        log.warning("copy %s: %s", copy.copy_id, words)
        copy.detail = f"{copy.detail}; {words}" if copy.detail else words
        self._ledger.commit(copies=(copy,))
        self._changed()
        while wait_s:
            age = self._now() + wait_s - copy.executed_at
            if copy.side is Side.BUY and age > self._rules.max_entry_age_s:
                # By the table an intent ends only by way of SENT; nobody sees it there.
                copy.move(CopyState.SENT, self._now())
                words = f"not sent: the entry would be {age:.0f} s old by then"
                self._refused(copy, RATE_ERROR, detail=words)
                return False
            await asyncio.sleep(wait_s)
            wait_s = self._desk.wait_s(copy.pair)
        copy.deadline = self._now() + self._desk.timing.deadline
        self._ledger.commit(copies=(copy,))
        return True

    async def _sell_what_is_there(self, copy: CopyRecord, error: ExchangeRefused) -> None:
        """Less is there than copying bought: sell that, say so, and forget the rest, which nobody can sell."""
        pair = self._portfolio.table.pair(copy.pair)
        try:
            known = await self._portfolio.know()
        except ExchangeError:
            known = False
        if not known:
            # Nobody knows what is there: it stays owed and is tried again.
            self._refused(copy, error.errors[0])
            return
        there = self._portfolio.wallet[pair.base] - self._own_held(pair.base)
        held = BaseVolume(max(there, Decimal(0))).to_lot(pair.lot_decimals)
        if held.amount >= copy.ordered:
            # It is there, but held by another order of the user: it stays owed.
            self._refused(copy, error.errors[0])
            return
        self._desk.watch.forget(copy.cl_ord_id)
        missing = self._book.write_off(copy.pair, held)
        words = f"{missing} of what copying bought is not there any more (sold or withdrawn by hand)"
        log.warning("copy %s: %s", copy.copy_id, words)
        copy.detail += f"; {words}"
        copy.ordered = min(copy.ordered, held.amount)
        copy.sweep = True
        if held.amount < pair.ordermin:
            copy.ordered = Decimal(0)
            self._book.settle(copy.pair, copy.side, _settled(copy, Decimal(0)))
            copy.move(CopyState.REJECTED, self._now(), reason=Reason.NOT_THERE)
        else:
            copy.reason = Reason.HOLDINGS_LIMITED
            self.intend(copy)
        self._ledger.commit(copies=(copy,), book=self._book, pairs=(copy.pair,))
        self._changed()

    async def _send_later(self, copy: CopyRecord, error: ExchangeError, reason: str) -> None:
        """Nothing was done, for certain, and later it may be. An entry is only worth a few tries; an exit all of them."""
        log.warning("copy %s: %s; it is sent again", copy.copy_id, error)
        self._desk.watch.forget(copy.cl_ord_id)
        stale = self._now() - copy.executed_at > self._rules.max_entry_age_s
        if copy.side is Side.BUY and (stale or copy.attempts >= RATE_TRIES):
            self._refused(copy, reason)
            return
        await asyncio.sleep(self._desk.timing.retry)
        self.intend(copy)
        self._ledger.commit(copies=(copy,))

    def _refused(self, copy: CopyRecord, reason: str, detail: str = "") -> None:
        """The end of a copy whose order does not exist; ``reason`` is Kraken's own error string, or ours."""
        self._desk.watch.forget(copy.cl_ord_id)
        now = self._now()
        if reason.startswith(MINIMUM_ERRORS):
            self._portfolio.rules_are_wrong()
            slices = copy.slices if copy.side is Side.BUY else (_owed(copy),)
            self._book.carry(copy.pair, copy.side, slices, copy.copy_id)
            copy.move(CopyState.CARRIED, now, reason=reason, detail="the exchange's minimum has grown")
        else:
            self._book.settle(copy.pair, copy.side, _settled(copy, Decimal(0)))
            copy.move(CopyState.REJECTED, now, reason=reason, detail=detail)
        log.warning("copy %s was refused: %s", copy.copy_id, reason)
        self._ledger.commit(copies=(copy,), book=self._book, pairs=(copy.pair,))
        self._changed()

    async def _resolve(self, copy: CopyRecord) -> None:
        """Finds out whether the order exists, before anything else happens to it."""
        log.warning(
            "copy %s: outcome unknown (%s); looking for %s", copy.copy_id, copy.detail, copy.cl_ord_id
        )
        order_id = self._desk.watch.seen_order_id(copy.cl_ord_id)
        if not order_id:
            row = await self._desk.find(copy.cl_ord_id, copy.deadline)
            order_id = row.txid if row is not None else self._desk.watch.seen_order_id(copy.cl_ord_id)
        if order_id:
            copy.order_id = order_id
            copy.acknowledged_at = self._now()
            self._move(copy, CopyState.ACKNOWLEDGED, detail="found at the exchange")
            self._desk.watch.expect(copy.cl_ord_id, copy.ordered)
            self._desk.watch.acknowledged(copy.cl_ord_id, order_id)
            return
        self._desk.watch.forget(copy.cl_ord_id)
        why_not = await self._why_not_again(copy)
        if why_not:
            self._book.settle(copy.pair, copy.side, _settled(copy, Decimal(0)))
            copy.move(
                CopyState.REJECTED, self._now(), reason=Reason.NEVER_ARRIVED,
                detail=f"the order is proven not to exist and was not sent again: {why_not}",
            )  # fmt: skip
            self._ledger.commit(copies=(copy,), book=self._book, pairs=(copy.pair,))
        else:
            self.intend(copy)
            copy.detail += "; proven not to exist, sent again"
            self._ledger.commit(copies=(copy,))
        self._changed()

    async def _why_not_again(self, copy: CopyRecord) -> str:
        """Why an entry that never arrived is not worth sending again; empty when it is. Exits always are."""
        if copy.side is Side.SELL:
            return ""
        age = self._now() - copy.executed_at
        if age > self._rules.max_entry_age_s:
            return f"the entry is {age:.0f} s old"
        try:
            quote = (await self._portfolio.ticker(copy.pair)).ask
        except ExchangeError as error:
            return f"no price to be had ({error})"
        bound = copy.master_price * (1 + Decimal(self._rules.max_slippage_bps) / BPS)
        return f"the price is {quote}, past the slippage bound {bound}" if quote > bound else ""

    def _settle(self, copy: CopyRecord, ending: Ending) -> None:
        """The order is over: position, plans and the copy's end in one write."""
        base = copy.pair.partition("/")[0]
        copy.order_id, copy.filled, copy.cost = ending.order_id, ending.filled, ending.cost
        copy.fee_base = ending.fees.get(base, Decimal(0))
        # One fee is shown: the one in quote, unless all of it was taken in base.
        copy.fee_asset = next(
            (asset for asset in ending.fees if asset != base), base if copy.fee_base else ""
        )
        copy.fee = ending.fees.get(copy.fee_asset, Decimal(0))
        self._portfolio.ended(ending, self._portfolio.table.pair(copy.pair), copy.side, copy.sent_at)
        self._book.settle(copy.pair, copy.side, _settled(copy, ending.filled))
        if copy.filled >= copy.ordered:
            copy.move(CopyState.FILLED, self._now())
        elif copy.filled:
            copy.move(
                CopyState.PART_FILLED, self._now(), detail=f"{copy.filled} of {copy.ordered} was filled"
            )
        else:
            copy.move(CopyState.REJECTED, self._now(), reason=Reason.ENDED_UNFILLED)
        self._reach("before_settled")
        self._ledger.commit(copies=(copy,), book=self._book, pairs=(copy.pair,))
        self._reach("after_settled")

    def _reach(self, place: str) -> None:
        failpoint.reach(self._account_id, place)

    def _move(self, copy: CopyRecord, state: CopyState, detail: str = "") -> None:
        copy.move(state, self._now(), detail=detail)
        self._ledger.commit(copies=(copy,))
        self._changed()


def _owed(copy: CopyRecord) -> Slice:
    return Slice(order_id="", volume=BaseVolume(copy.ordered), cost=NO_AMOUNT)


def _settled(copy: CopyRecord, filled: Decimal) -> SettledOrder:
    return SettledOrder(
        copy_id=copy.copy_id,
        slices=copy.slices,
        ordered=BaseVolume(copy.ordered),
        filled=BaseVolume(filled),
        cost=QuoteAmount(copy.cost),
        fee_base=BaseVolume(copy.fee_base),
        sweep=copy.sweep,
    )
