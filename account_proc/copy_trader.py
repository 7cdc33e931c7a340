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
from account_proc.exit_forms import FUNDS_ERROR, Obstacle, is_self_trade, obstacle_of_refusal
from account_proc.exits import Exits
from account_proc.kraken_errors import RATE_ERROR, LockedOut, NotSent, is_below_minimum
from account_proc.ledger import Ledger
from account_proc.order_desk import OrderDesk, client_order_id
from account_proc.order_watch import Ending
from account_proc.pairs import PairRules
from account_proc.plans import SettledOrder, Slice
from account_proc.portfolio import Portfolio
from account_proc.sizing import FEE_RESERVE, CopyBook, below_minimum, bound_of
from account_proc.spec import CopyRules
from account_proc.units import NO_AMOUNT, BaseVolume, Price, QuoteAmount, Ratio, Side, plain

log = logging.getLogger(__name__)

#: Tries of an order that the exchange refused for its rate only, before an entry is given up.
RATE_TRIES = 5
#: The feed tells the end of an order that fills at once at about the time of its answer. For so long, in seconds, both are waited for,
#: so that they are one write; whoever finds the intent meanwhile looks for the order.
END_SOON_S = 0.05
#: Kraken: a deadline must lie 2 s ahead. The order left so late (this process was held up) that it did not any more.
DEADLINE_ERROR = "EGeneral:Invalid arguments:deadline"
#: How Kraken's words begin for a price or a volume that does not keep to the pair's rules: to its tick, its decimals.
RULES_ERRORS = (
    "EOrder:Invalid price",
    "EOrder:Tick size check failed",
    "EGeneral:Invalid arguments:price",
    "EGeneral:Invalid arguments:volume",
)
#: How the reasons begin that Kraken gives for orders that did not end by their limit.
OTHER_ENDS = ("User requested", "Insufficient funds")
#: How Kraken's words begin that are about one market as often as about the key, and never lock the key out.
MARKET_OR_KEY = ("EGeneral:Permission denied", "EAccount:Invalid permissions")


class CopyTrader:
    """Sends and settles the copies of one user."""

    def __init__(
        self, *, account_id: str, rules: CopyRules, ledger: Ledger, book: CopyBook, portfolio: Portfolio,
        desk: OrderDesk, now: Callable[[], float], changed: Callable[[], None], exits: Exits,
    ) -> None:  # fmt: skip
        self._account_id = account_id
        self._rules = rules
        self._ledger = ledger
        self._book = book
        self._portfolio = portfolio
        self._desk = desk
        self._now = now
        self._changed = changed
        self._exits = exits

    def shape_exit(self, copy: CopyRecord) -> None:
        """Gives an exit that is to be sent the form and the volume that can leave now; the rest is owed. Not durable yet."""
        self._exits.shape(copy)
        pair = self._portfolio.table.pair(copy.pair)
        wanted = BaseVolume(copy.ordered)
        part = self._exits.sellable(pair, wanted)
        if part < wanted and below_minimum(part, Price(copy.master_price), pair) is None:
            self._owe(copy, wanted - part)
            copy.ordered, copy.sweep, copy.reason = part.amount, False, Reason.HOLDINGS_LIMITED
            copy.detail += (
                f"; {part} of it now, {wanted - part} is {self._exits.why_held(pair.base)} and stays owed"
            )

    def _owe(self, copy: CopyRecord, volume: BaseVolume) -> None:
        self._book.carry(
            copy.pair, copy.side, [Slice(order_id="", volume=volume, cost=NO_AMOUNT)], copy.copy_id
        )

    def intend(self, copy: CopyRecord) -> None:
        """Turns a plan (or an order that is proven not to exist) into the next attempt's intent; not durable yet."""
        now = self._now()
        copy.attempts += 1
        copy.cl_ord_id = client_order_id(
            self._ledger.journal_id or "", self._account_id, copy.copy_id, str(copy.attempts)
        )
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
                cancels_own=copy.cancels_own,
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
            self._exits.hold_all(self._now() + error.retry_after_s)
            self._refused(copy, error.errors[0], detail=str(error))
        except ExchangeRefused as error:
            await self._refusal(copy, error)
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

    async def _refusal(self, copy: CopyRecord, error: ExchangeRefused) -> None:
        """The exchange did nothing, for certain: what that means depends on its words."""
        text = error.errors[0]
        if isinstance(error, KeyRefused) and not text.startswith(MARKET_OR_KEY):
            self._exits.hold_all(self._now() + self._desk.timing.key_retry)
            self._refused(copy, text)
        elif text.startswith(DEADLINE_ERROR):
            await self._send_later(copy, error, text)
        elif text.startswith(FUNDS_ERROR):
            await (
                self._buy_what_is_free(copy, text)
                if copy.side is Side.BUY
                else self._sell_what_is_free(copy, text)
            )
        elif is_below_minimum(text) and copy.side is Side.SELL:
            await self._exit_too_small(copy, text)
        elif (
            text.startswith(RULES_ERRORS)
            and not is_below_minimum(text)
            and await self._fits_new_rules(copy, text)
        ):
            self._send_again(copy)
        elif copy.side is Side.SELL:
            await self._exit_refused(copy, text)
        else:
            self._refused(copy, text)

    def _send_again(self, copy: CopyRecord) -> None:
        """Nothing was done under the last intent: the next one, with what has been changed of the copy."""
        self._desk.watch.forget(copy.cl_ord_id)
        log.warning("copy %s: %s", copy.copy_id, copy.detail)
        self.intend(copy)
        self._ledger.commit(copies=(copy,), book=self._book, pairs=(copy.pair,))
        self._changed()

    async def _fits_new_rules(self, copy: CopyRecord, text: str) -> bool:
        """Reads the rules of pairs again; whether the order is another one by them."""
        try:
            await self._portfolio.load_symbols()
        except ExchangeError:
            return False
        pair = self._portfolio.table.find(copy.pair)
        if pair is None or (copy.side is Side.BUY and self._is_stale(copy)):
            return False
        before = (copy.ordered, copy.limit_price)
        copy.ordered = BaseVolume(copy.ordered).to_lot(pair.lot_decimals).amount
        if copy.side is Side.SELL:
            self._exits.shape(copy)
        elif copy.limit_price is not None:
            copy.limit_price = bound_of(self._worst(copy), pair).amount
        copy.detail += f"; {text}: sent again by the rules of now"
        return bool(copy.ordered) and (copy.ordered, copy.limit_price) != before

    async def _know(self) -> bool:
        try:
            return await self._portfolio.know()
        except ExchangeError:
            return False

    # -- where funds are missing --------------------------------------------------------------------------------

    async def _buy_what_is_free(self, copy: CopyRecord, text: str) -> None:
        """Something else has the money, mostly an order of the user's own: the entry is cut to what is left."""
        known = await self._know()
        pair = self._portfolio.table.pair(copy.pair)
        # What was set aside for this very copy is its own.
        self._portfolio.release(copy.copy_id)
        cash = QuoteAmount(max(self._portfolio.cash(pair.quote), Decimal(0)))
        part = ((cash * Ratio(1 - FEE_RESERVE)) / self._worst(copy)).to_lot(pair.lot_decimals)
        if (
            not known
            or part >= BaseVolume(copy.ordered)
            or self._is_stale(copy)
            or copy.attempts >= RATE_TRIES
        ):
            self._refused(copy, text)
            return
        held = self._portfolio.holds.get(pair.quote, Decimal(0))
        words = f"{text}: {cash} {pair.quote} is free, {plain(held)} is held by the account's own orders"
        if below_minimum(part, Price(copy.master_price), pair) is not None:
            self._refused(
                copy, Reason.CASH_LIMITED, detail=f"{words}; that does not reach the exchange's minimum"
            )
            return
        copy.detail += f"; {words}; cut to {part}"
        copy.ordered, copy.reason = part.amount, Reason.CASH_LIMITED
        self._portfolio.reserve(copy.copy_id, pair.quote, (part * self._worst(copy)).amount)
        self._send_again(copy)

    async def _sell_what_is_free(self, copy: CopyRecord, text: str) -> None:
        """Less can be sold than copying bought. What is not there at all is forgotten; what is there and held stays owed."""
        if not await self._know():
            # Nobody knows what is there: it stays owed and is tried again.
            self._exit_owed(copy, text)
            return
        pair = self._portfolio.table.pair(copy.pair)
        owned, free = self._exits.there(pair)
        if free.amount >= copy.ordered:
            # It is there; whoever refuses it knows something else for now.
            self._exit_owed(copy, text)
            return
        self._desk.watch.forget(copy.cl_ord_id)
        missing = self._book.write_off(copy.pair, owned)
        if missing:
            copy.detail += (
                f"; {missing} of what copying bought is not there any more (sold or withdrawn by hand)"
            )
        wanted = BaseVolume(min(copy.ordered, owned.amount))
        self._sell_part(copy, pair, wanted, min(free, wanted), text)

    def _sell_part(
        self, copy: CopyRecord, pair: PairRules, wanted: BaseVolume, part: BaseVolume, text: str
    ) -> None:
        """Sells ``part`` of what is still wanted at once; the rest is there and stays owed."""
        price, rest = Price(copy.master_price), wanted - part
        if rest:
            why = self._exits.why_held(pair.base)
            copy.detail += f"; {text}: {part} {pair.base} is free, {rest} is {why} and stays owed"
        copy.ordered, copy.sweep = wanted.amount, not rest
        if below_minimum(wanted, price, pair) is not None:
            copy.ordered = Decimal(0)
            self._refused(copy, Reason.NOT_THERE)
        elif below_minimum(part, price, pair) is not None:
            self._exits.met(copy.pair, Obstacle.FUNDS, self._exits.why_held(pair.base))
            self._refused(copy, Reason.HOLDINGS_LIMITED)
        else:
            if rest:
                self._owe(copy, rest)
            copy.ordered, copy.reason = part.amount, Reason.HOLDINGS_LIMITED
            self._send_again(copy)

    # -- exits that are refused ---------------------------------------------------------------------------------

    def _exit_owed(self, copy: CopyRecord, text: str) -> None:
        self._exits.met(copy.pair, obstacle_of_refusal(text), text)
        self._refused(copy, text)

    async def _exit_too_small(self, copy: CopyRecord, text: str) -> None:
        """Kraken says this of coins that were bought a moment before, too: only the rules of now tell whether it is so."""
        try:
            await self._portfolio.load_symbols()
        except ExchangeError:
            self._portfolio.rules_are_wrong()
        pair = self._portfolio.table.pair(copy.pair)
        if below_minimum(BaseVolume(copy.ordered), Price(copy.master_price), pair) is None:
            copy.detail += "; it is large enough by the rules of now, and is tried again"
            self._exit_owed(copy, text)
            return
        self._desk.watch.forget(copy.cl_ord_id)
        self._owe(copy, BaseVolume(copy.ordered))
        self._end_unsent(copy, CopyState.CARRIED, text, "the exchange's minimum has grown")

    async def _exit_refused(self, copy: CopyRecord, text: str) -> None:
        """It goes out in another form at once, where its form was the matter for the first time; otherwise it is owed."""
        before = self._exits.standing(copy.pair).form
        obstacle = obstacle_of_refusal(text)
        standing = self._exits.met(copy.pair, obstacle, text)
        if obstacle is Obstacle.MARKET_CLOSED:
            self._portfolio.rules_are_wrong()
        if obstacle is not Obstacle.FORM_REFUSED or standing.met > 1 or standing.form == before:
            self._refused(copy, text)
            return
        self._portfolio.rules_are_wrong()
        await self._exits.reprice(self._portfolio.table.pair(copy.pair))
        self._exits.shape(copy)
        copy.detail += f"; {text}: sent as {standing.form} instead"
        self._send_again(copy)

    async def _send_later(self, copy: CopyRecord, error: ExchangeError, reason: str) -> None:
        """Nothing was done, for certain, and later it may be. An entry is only worth a few tries; an exit all of them."""
        log.warning("copy %s: %s; it is sent again", copy.copy_id, error)
        self._desk.watch.forget(copy.cl_ord_id)
        if copy.side is Side.BUY and (self._is_stale(copy) or copy.attempts >= RATE_TRIES):
            self._refused(copy, reason)
            return
        await asyncio.sleep(self._desk.timing.retry)
        self.intend(copy)
        self._ledger.commit(copies=(copy,))

    def _refused(self, copy: CopyRecord, reason: str, detail: str = "") -> None:
        """The end of a copy whose order does not exist; ``reason`` is Kraken's own error string, or ours."""
        self._desk.watch.forget(copy.cl_ord_id)
        if is_below_minimum(reason) and copy.side is Side.BUY:
            self._portfolio.rules_are_wrong()
            self._book.carry(copy.pair, copy.side, copy.slices, copy.copy_id)
            self._end_unsent(copy, CopyState.CARRIED, reason, "the exchange's minimum has grown")
            return
        self._book.settle(copy.pair, copy.side, _settled(copy, Decimal(0)))
        self._end_unsent(copy, CopyState.REJECTED, reason, detail)

    def _end_unsent(self, copy: CopyRecord, state: CopyState, reason: str, detail: str) -> None:
        copy.move(state, self._now(), reason=reason, detail=detail)
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
        bound = self._worst(copy).amount
        return f"the price is {quote}, past the slippage bound {bound}" if quote > bound else ""

    def _is_stale(self, copy: CopyRecord) -> bool:
        return self._now() - copy.executed_at > self._rules.max_entry_age_s

    def _worst(self, copy: CopyRecord) -> Price:
        """The worst price that an entry may pay."""
        return Price(copy.master_price).worse(Side.BUY, self._rules.max_slippage_bps)

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
            if copy.side is Side.SELL:
                self._exits.done(copy.pair)
        else:
            self._ended_early(copy, ending.reason)
        self._reach("before_settled")
        self._ledger.commit(copies=(copy,), book=self._book, pairs=(copy.pair,))
        self._reach("after_settled")

    def _ended_early(self, copy: CopyRecord, words: str) -> None:
        """The order ended before all of it was filled; ``words``: why, as the exchange says."""
        self_trade = is_self_trade(words)
        reason = Reason.SELF_TRADE if self_trade else "" if copy.filled else Reason.ENDED_UNFILLED
        told = f"{plain(copy.filled)} of {plain(copy.ordered)} was filled"
        if words:
            told += f"; the exchange says: {words}"
        if copy.side is Side.SELL:
            obstacle = Obstacle.SELF_TRADE if self_trade else Obstacle.NOT_ALL_SOLD
            self._exits.met(copy.pair, obstacle, words or "not all of it was sold", sold=bool(copy.filled))
        elif not self_trade and copy.limit_price is not None and not words.startswith(OTHER_ENDS):
            reason = Reason.SLIPPAGE_BOUND
            told += f"; no more was to be had up to {plain(copy.limit_price)}, {self._rules.max_slippage_bps} bps over the master's price"
        copy.move(
            CopyState.PART_FILLED if copy.filled else CopyState.REJECTED,
            self._now(),
            reason=reason,
            detail=told,
        )

    def _reach(self, place: str) -> None:
        failpoint.reach(self._account_id, place)

    def _move(self, copy: CopyRecord, state: CopyState, detail: str = "") -> None:
        copy.move(state, self._now(), detail=detail)
        self._ledger.commit(copies=(copy,))
        self._changed()


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
