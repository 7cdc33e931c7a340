"""What a user does about an order that the exchange refused for certain: send it again cut, in another form,
or end the copy.

An entry is cut to the money that is free, or ends. An exit is cut to what can be sold, changes its form or
stays owed; it never ends before it is sold, and says what is in its way. Nothing here is on the way from a
fill to its first order.
"""

from __future__ import annotations

from decimal import Decimal

from krakencopy.account_proc.contract.copy_state import CopyState, Reason
from krakencopy.account_proc.contract.decimal_text import plain
from krakencopy.account_proc.contract.errors import ExchangeError, ExchangeRefused, KeyRefused
from krakencopy.account_proc.copying.copy_context import CopyContext
from krakencopy.account_proc.copying.copy_steps import CopySteps
from krakencopy.account_proc.copying.exit_forms import FUNDS_ERROR, Obstacle, obstacle_of_refusal
from krakencopy.account_proc.copying.exits import Exits
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.domain.eligibility import below_minimum
from krakencopy.account_proc.domain.entry_sizing import FEE_RESERVE, bound_of
from krakencopy.account_proc.domain.pairs import NOT_LISTED, PairRules
from krakencopy.account_proc.domain.quantities import BaseVolume, Price, QuoteAmount, Ratio, Side
from krakencopy.account_proc.kraken.errors import LockedOut, is_below_minimum
from krakencopy.account_proc.kraken.order_entry import NO_SUCH_PAIR

#: How Kraken's words begin for a price or a volume that does not keep to the pair's rules: to its tick, its
#: decimals.
RULES_ERRORS = (
    "EOrder:Invalid price", "EOrder:Tick size check failed", "EGeneral:Invalid arguments:price",
    "EGeneral:Invalid arguments:volume",
)  # fmt: skip


class Refusals:
    """Answers refusals of one user's copies."""

    def __init__(self, context: CopyContext, steps: CopySteps, exits: Exits) -> None:
        self._context = context
        self._steps = steps
        self._exits = exits
        self._portfolio = context.portfolio

    async def answer(self, copy: CopyRecord, error: ExchangeRefused) -> None:
        """Afterwards the copy is an INTENT again, or at its end."""
        text = error.errors[0]
        if isinstance(error, KeyRefused):
            locked_s = (
                error.retry_after_s
                if isinstance(error, LockedOut)
                else self._context.gateway.timing.key_retry
            )
            self._exits.hold_all(self._context.now() + locked_s)
            if copy.side is Side.SELL:
                self._exits.key_refused(copy.pair, text)
            self._steps.refused(copy, text, detail=str(error) if isinstance(error, LockedOut) else "")
        elif (
            text.startswith(RULES_ERRORS) and not _is_minimum(text) and await self._fits_new_rules(copy, text)
        ):
            self._steps.send_again(copy)
        elif copy.side is Side.SELL:
            await self._answer_exit(copy, text)
        elif text.startswith(FUNDS_ERROR):
            await self._buy_what_is_free(copy, text)
        else:
            self._steps.refused(copy, text)

    async def _answer_exit(self, copy: CopyRecord, text: str) -> None:
        if text.startswith(FUNDS_ERROR):
            await self._sell_what_is_free(copy, text)
        elif is_below_minimum(text):
            await self._too_small(copy, text)
        else:
            await self._change_form(copy, text)

    async def _fits_new_rules(self, copy: CopyRecord, text: str) -> bool:
        """Reads the rules of pairs again; whether the order is another one by them, and worth it."""
        try:
            await self._portfolio.pairs.read()
        except ExchangeError:
            return False
        pair = self._portfolio.pairs.table.find(copy.pair)
        if pair is None or self._steps.is_given_up(copy):
            return False
        volume = BaseVolume(copy.ordered).to_lot(pair.lot_decimals).amount
        limit = copy.limit_price
        if limit is not None:
            bound = bound_of(self._steps.worst_price(copy), pair)
            limit = (
                bound.amount
                if copy.side is Side.BUY
                else Price(limit).to_tick(pair.tick_size, Side.SELL).amount
            )
        if not volume or (volume, limit) == (copy.ordered, copy.limit_price):
            return False
        if copy.side is Side.SELL and volume < copy.ordered:
            self._steps.owe(copy, BaseVolume(copy.ordered - volume))
        copy.ordered, copy.limit_price = volume, limit
        copy.detail += f"; {text}: the pair's rules have changed"
        return True

    async def _known(self) -> bool:
        """Reads balances; whether they are now known to be right."""
        try:
            return await self._portfolio.know()
        except ExchangeError:
            return False

    # -- entries --------------------------------------------------------------------------------------------

    async def _buy_what_is_free(self, copy: CopyRecord, text: str) -> None:
        """Something else has the money, mostly an order of the user's own: the entry is cut to what is
        left.
        """
        known, pair = await self._known(), self._portfolio.pairs.table.find(copy.pair)
        if not known or pair is None or self._steps.is_given_up(copy):
            self._steps.refused(copy, text)
            return
        # What was set aside for this very copy is its own.
        self._portfolio.release(copy.copy_id)
        worst = self._steps.worst_price(copy)
        cash = QuoteAmount(max(self._portfolio.cash(pair.quote), Decimal(0)))
        part = ((cash * Ratio(1 - FEE_RESERVE)) / worst).to_lot(pair.lot_decimals)
        if part >= BaseVolume(copy.ordered) and self._portfolio.distrust_earning(pair.quote):
            cash = QuoteAmount(max(self._portfolio.cash(pair.quote), Decimal(0)))
            part = ((cash * Ratio(1 - FEE_RESERVE)) / worst).to_lot(pair.lot_decimals)
        if part >= BaseVolume(copy.ordered):
            self._steps.refused(copy, text)
            return
        held = self._portfolio.holds.get(pair.quote, Decimal(0))
        words = f"{text}: {cash} {pair.quote} is free, {plain(held)} is held by the account's own orders"
        if below_minimum(part, Price(copy.master_price), pair) is not None:
            words += "; that does not reach the exchange's minimum"
            self._steps.refused(copy, Reason.CASH_LIMITED, detail=words)
            return
        copy.detail += f"; {words}; cut to {part}"
        copy.ordered, copy.reason = part.amount, Reason.CASH_LIMITED
        self._portfolio.reserve(copy.copy_id, pair.quote, (part * worst).amount)
        self._steps.send_again(copy)

    # -- exits ----------------------------------------------------------------------------------------------

    async def _sell_what_is_free(self, copy: CopyRecord, text: str) -> None:
        """Less can be sold than copying bought. What is not there at all is forgotten; what is there and
        held stays owed.
        """
        known, pair = await self._known(), self._portfolio.pairs.table.find(copy.pair)
        owned, free = self._exits.there(copy.pair)
        wanted = BaseVolume(copy.ordered)
        if known and pair is not None and free >= wanted and self._portfolio.distrust_earning(pair.base):
            # All of it is there, in part as coins that earn by themselves: only the exchange knows whether an
            # order takes those.
            owned, free = self._exits.there(copy.pair)
        if known and pair is not None and free >= wanted:
            # Copying counts with all digits, and the exchange rounds each trade: what balances do not show is
            # not to be had.
            unseen = BaseVolume(self._portfolio.rounded_away(pair.base))
            owned, free = owned - unseen, free - unseen
        if not known or pair is None or free >= wanted:
            # Nobody knows what is there; or it is, and the exchange that refuses it knows something else for
            # now.
            self._stays_owed(copy, text)
            return
        missing = self._context.book.write_off(pair.base, owned) if owned < wanted else None
        if missing:
            copy.detail += (
                f"; {missing} of what copying bought is not there any more (sold or withdrawn by hand)"
            )
        wanted = min(wanted, owned.to_lot(pair.lot_decimals))
        self._sell_part(copy, pair, wanted, min(free.to_lot(pair.lot_decimals), wanted), text)

    def _sell_part(
        self, copy: CopyRecord, pair: PairRules, wanted: BaseVolume, part: BaseVolume, text: str
    ) -> None:
        """Sells ``part`` of what is still wanted at once; the rest is there and stays owed."""
        price, rest, why = Price(copy.master_price), wanted - part, self._exits.why_held(pair.base)
        if rest:
            copy.detail += f"; {text}: {part} {pair.base} is free, {rest} is {why} and stays owed"
        copy.ordered, copy.sweep = wanted.amount, not rest
        if below_minimum(wanted, price, pair) is not None:
            copy.ordered = Decimal(0)
            self._steps.refused(copy, Reason.NOT_THERE)
        elif below_minimum(part, price, pair) is not None:
            self._exits.met(copy.pair, Obstacle.FUNDS, why)
            self._steps.refused(copy, Reason.HOLDINGS_LIMITED)
        else:
            if rest:
                self._steps.owe(copy, rest)
            copy.ordered, copy.reason = part.amount, Reason.HOLDINGS_LIMITED
            self._steps.send_again(copy)

    async def _too_small(self, copy: CopyRecord, text: str) -> None:
        """Kraken says this of coins that were bought a moment before, too: only the rules of now tell
        whether it is so.
        """
        try:
            await self._portfolio.pairs.read()
        except ExchangeError:
            self._portfolio.pairs.rules_are_wrong()
        pair, volume = self._portfolio.pairs.table.find(copy.pair), BaseVolume(copy.ordered)
        price = copy.master_price
        if pair is not None:
            # The price that an owed exit was held against may be old.
            await self._exits.reprice(pair)
            price = self._portfolio.prices.marks.rate(pair.base, pair.quote) or price
        if pair is None or below_minimum(volume, Price(price), pair) is None:
            copy.detail += "; it is large enough by the rules of now, and is tried again"
            self._stays_owed(copy, text)
        else:
            self._steps.owe(copy, volume)
            words = "the exchange's minimum has grown"
            if below_minimum(volume, Price(copy.master_price), pair) is None:
                words = f"it is less than the exchange's minimum at the price of now, {plain(price)}"
                self._exits.done(copy.pair)  # nothing else is in its way
            self._steps.end_unsent(copy, CopyState.CARRIED, text, words)

    async def _change_form(self, copy: CopyRecord, text: str) -> None:
        """It goes out in another form at once, where its form was the matter for the first time; otherwise
        it is owed.
        """
        before = self._exits.standing(copy.pair).form
        obstacle = obstacle_of_refusal(text)
        standing = self._exits.met(copy.pair, obstacle, text)
        pair = self._portfolio.pairs.table.find(copy.pair)
        is_gone = text.startswith(NO_SUCH_PAIR) and pair is not None and pair.status != NOT_LISTED
        if is_gone or obstacle in {Obstacle.MARKET_CLOSED, Obstacle.FORM_REFUSED}:
            self._portfolio.pairs.rules_are_wrong()
        if (
            pair is None
            or obstacle is not Obstacle.FORM_REFUSED
            or standing.met > 1
            or standing.form == before
        ):
            self._steps.refused(copy, text)
            return
        await self._exits.reprice(pair)
        self._exits.shape(copy)
        copy.detail += f"; {text}: sent as {standing.form} instead"
        self._steps.send_again(copy)

    def _stays_owed(self, copy: CopyRecord, text: str) -> None:
        self._exits.met(copy.pair, obstacle_of_refusal(text), text)
        self._steps.refused(copy, text)


def _is_minimum(text: str) -> bool:
    """Whether the words themselves speak of a minimum; others of Kraken's that begin alike are about the
    volume's decimals.
    """
    return "minimum" in text
