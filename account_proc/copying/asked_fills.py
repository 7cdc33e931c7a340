"""Fills of the master that somebody asks this user to copy, one at a time: by the rules of streamed ones, and
at most once.

A fill that a copy has answered already is not copied again; one that was skipped, or that this user never
had, may be. The copy's id follows from the fill (contract/copy_ids.py), and is durable before its order
leaves. What cannot be decided now, as its coin is busy, is kept as a wish (state/ledger_wishes.py) and
answered as soon as the coin is free. A fill that is streamed later, as to a user that was paused, was
answered by then.

The age of an entry counts from when it was asked for; the master's price is that of the fill, so that an old
one may be out of its slippage bound. What is refused at once leaves nothing behind.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from krakencopy.account_proc.contract.copy_ids import asked_id
from krakencopy.account_proc.contract.copy_state import CopyState, Reason
from krakencopy.account_proc.contract.errors import ExchangeError
from krakencopy.account_proc.contract.proto_time import utc
from krakencopy.account_proc.copying.copy_context import CopyContext
from krakencopy.account_proc.copying.fill_answers import FillAnswers
from krakencopy.account_proc.copying.fill_faults import FillInvalid
from krakencopy.account_proc.copying.incoming_fills import IncomingFills
from krakencopy.account_proc.copying.lookups import Lookups
from krakencopy.account_proc.copying.turns import Turns, Waiting, coin_of, quote_of
from krakencopy.account_proc.domain.copy_plan import Decision, MasterFill, Order, Skip
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.domain.quantities import Price, Side
from krakencopy.account_proc.state.ledger_wishes import Wish
from krakencopy.v1 import types_pb2 as pb

log = logging.getLogger(__name__)

#: While the account's own strategy trades.
OWN_STRATEGY_TRADES = "OWN_STRATEGY_TRADES"


class Outcome(StrEnum):
    """What came of asking; the names are those of ``krakencopy.v1.CopyFillOutcome``."""

    #: A copy was begun, or what was asked for earlier is under way.
    COPIED = "COPIED"
    #: It is durable, and decided as soon as its coin is free.
    WAITING = "WAITING"
    #: A copy has answered the fill already.
    ALREADY = "ALREADY"
    REFUSED = "REFUSED"
    #: Only asked what would be done: it would be copied.
    WOULD_COPY = "WOULD_COPY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked. ``known_copy_id``: the copy that the journal has for the fill; ``known_revision``: of
    copies that have changed later the journal knows nothing.
    """

    fill: pb.Fill
    by: str
    known_copy_id: str = ""
    known_revision: int = 0
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedAnswer:
    """The answer: of a copy its id, of anything else a stable reason and words."""

    outcome: Outcome
    copy_id: str = ""
    reason: str = ""
    detail: str = ""


class AskedFills:
    """Those of one user."""

    def __init__(
        self, context: CopyContext, turns: Turns, answers: FillAnswers, incoming: IncomingFills,
        begin: Callable[[CopyRecord], None],
    ) -> None:  # fmt: skip
        """``begin`` has the order of a copy leave."""
        self._context = context
        self._ledger = context.ledger
        self._turns = turns
        self._answers = answers
        self._incoming = incoming
        self._begin = begin
        self._lookups = Lookups(context)
        self._begun = False
        self._wishes = {wish.copy_id: wish for wish in context.ledger.wishes()}
        self._ahead = context.ledger.asked_ahead()
        self._ahead |= {pb.Fill.FromString(wish.body).seq for wish in self._wishes.values()}

    def has_answered(self, seq: int) -> bool:
        """Whether a fill that is streamed now was asked for before, and needs no other answer."""
        return seq in self._ahead

    def begin(self) -> None:
        """What an earlier process has left is taken up. Before, nobody here knows of its orders."""
        self._begun = True

    # -- what is asked --------------------------------------------------------------------------------------

    async def ask(self, asked: Asked) -> AskedAnswer:
        """Copies a fill, or says why not. It is durable on return. Raises LedgerFault, and FillInvalid for a
        fill that cannot be read.
        """
        try:
            fill = self._incoming.kept_fill(asked.fill)
        except (KeyError, ValueError, ArithmeticError) as error:
            raise FillInvalid(f"fill {asked.fill.seq} cannot be read: it is not the journal's") from error
        if (known := self._known(asked, fill)) is not None:
            return known
        lookup = self._lookups.before_pair(fill.pair, fill.side)
        if lookup is not None:
            await self._lookups.ask(lookup, coin_of(fill.pair))
        too_dear = await self._too_dear(fill)
        # It may have been answered while the exchange was asked.
        if (known := self._known(asked, fill)) is not None:
            return known
        wish = self._wish(asked, fill)
        refusal = self._stopped(fill) or self._refusal(self._foresee(wish)) or too_dear
        if refusal is not None:
            return refusal
        if asked.dry_run:
            return self._foreseen(self._foresee(wish))
        if not self._is_free(fill):
            self._ledger.add_wish(wish)
            self._wishes[wish.copy_id] = wish
            self._count_ahead(fill)
            return AskedAnswer(outcome=Outcome.WAITING, copy_id=wish.copy_id)
        self._answer(wish)
        return AskedAnswer(outcome=Outcome.COPIED, copy_id=wish.copy_id)

    def _known(self, asked: Asked, fill: MasterFill) -> AskedAnswer | None:
        """What has answered the fill already, or is about to."""
        wish = next((key for key, one in self._wishes.items() if _seq_of(one) == fill.seq), None)
        if wish is not None:
            return AskedAnswer(outcome=Outcome.WAITING, copy_id=wish)
        if self._turns.is_waiting(coin_of(fill.pair), fill.seq):
            words = "it was streamed and waits for its turn"
            return AskedAnswer(outcome=Outcome.ALREADY, detail=words)
        known = self._ledger.copy(asked.known_copy_id) if asked.known_copy_id else None
        copies = [
            *self._ledger.asked_copies(fill.seq),
            *([] if known is None or fill.seq not in known.fill_seqs else [known]),
            *self._ledger.copies_with(fill.seq, asked.known_revision),
        ]
        answered = next((copy for copy in copies if answers_it(copy)), None)
        if answered is not None:
            return AskedAnswer(outcome=Outcome.ALREADY, copy_id=answered.copy_id)
        return self._counted(fill)

    def _counted(self, fill: MasterFill) -> AskedAnswer | None:
        """A sync that has brought the user to what the master held of the coin with this fill."""
        current = self._context.book.names.current
        for copy in self._ledger.copies_of_syncs(fill.seq):
            was_refused = copy.state in {CopyState.SKIPPED, CopyState.REJECTED} and not copy.filled
            is_done = not was_refused or copy.reason == Reason.SYNC_NOT_NEEDED
            if is_done and current(coin_of(copy.pair)) == coin_of(fill.pair):
                words = f"it is counted by the {copy.source}"
                return AskedAnswer(outcome=Outcome.ALREADY, copy_id=copy.copy_id, detail=words)
        return None

    def _wish(self, asked: Asked, fill: MasterFill) -> Wish:
        number = len(self._ledger.asked_copies(fill.seq)) + 1
        return Wish(
            copy_id=asked_id(fill.seq, number), body=asked.fill.SerializeToString(), by=asked.by,
            at=self._context.now(),
        )  # fmt: skip

    async def _too_dear(self, fill: MasterFill) -> AskedAnswer | None:
        """An entry whose price has left its bound since: its order would end without a trade. Nobody says no
        where the exchange tells no price: the order is bound in any case.
        """
        if fill.side is Side.SELL or self._context.portfolio.pairs.table.find(fill.pair) is None:
            return None
        try:
            ask = (await self._context.portfolio.prices.ticker(fill.pair)).ask
        except (ExchangeError, KeyError) as error:
            log.info("no price of %s to be had: %s", fill.pair, error)
            return None
        bps = self._context.rules_of(fill.pair).max_slippage_bps
        bound = fill.price.worse(Side.BUY, bps)
        if Price(ask) <= bound:
            return None
        words = (
            f"the price is {ask}, past the slippage bound {bound} ({bps} bps over the master's {fill.price})"
        )
        return AskedAnswer(outcome=Outcome.REFUSED, reason=Reason.SLIPPAGE_BOUND, detail=words)

    def _stopped(self, fill: MasterFill) -> AskedAnswer | None:
        if self._context.strategy_may_order():
            words = "the account's own strategy trades; copying and a strategy never trade at once"
            return AskedAnswer(outcome=Outcome.REFUSED, reason=OWN_STRATEGY_TRADES, detail=words)
        stop = self._context.guard.stop(fill.side)
        if stop is None:
            return None
        # Also a sale, which would be owed if it had been streamed: what is owed nobody asks for.
        return AskedAnswer(outcome=Outcome.REFUSED, reason=stop.reason, detail=stop.cause)

    def _foresee(self, wish: Wish) -> Decision:
        return self._answers.foresee(self._fill_of(wish), self._really_executed_at(wish))

    @staticmethod
    def _refusal(decision: Decision) -> AskedAnswer | None:
        if not isinstance(decision, Skip):
            return None
        return AskedAnswer(outcome=Outcome.REFUSED, reason=decision.reason, detail=decision.detail)

    @staticmethod
    def _foreseen(decision: Decision) -> AskedAnswer:
        assert not isinstance(decision, Skip)
        words = "would be carried until it is large enough"
        if isinstance(decision, Order):
            base = coin_of(decision.fills[0].pair)
            verb = "bought" if decision.fills[0].side is Side.BUY else "sold"
            bound = f", for {decision.limit_price} at most" if decision.limit_price else ""
            words = f"{decision.volume} {base} would be {verb}{bound}"
        detail = f"{words}; {decision.detail}"
        return AskedAnswer(outcome=Outcome.WOULD_COPY, reason=decision.reason, detail=detail)

    # -- what is answered -----------------------------------------------------------------------------------

    def look(self) -> None:
        """Answers the wishes whose coin is free. Raises LedgerFault."""
        for wish in list(self._wishes.values()):
            if self._begun and self._is_free(self._fill_of(wish)):
                self._answer(wish)

    def first_of(self, coin: str) -> Wish | None:
        """The wish that goes before all that waits of a coin: before later fills, which may sell what it
        buys, and before a sync, which counts what it has bought. Not while nothing waits.
        """
        if not self._wishes or self._context.strategy_may_order():
            return None
        place = self._turns.first_place(coin)
        earlier = (
            (fill.seq, wish)
            for wish in self._wishes.values()
            if coin_of((fill := self._fill_of(wish)).pair) == coin and (fill.seq, 0, 0) < place
        )
        return min(earlier, key=lambda each: each[0], default=(0, None))[1]

    def answer_first(self, wish: Wish) -> bool:
        """Answers that; whether its coin is free. Raises LedgerFault."""
        if not self._is_free(self._fill_of(wish)):
            return False
        self._answer(wish)
        return True

    def _is_free(self, fill: MasterFill) -> bool:
        quote = quote_of(fill.pair)
        is_free = self._turns.is_free(coin_of(fill.pair), fill.seq) and not self._turns.is_occupied(quote)
        return is_free and not self._context.strategy_may_order()

    def _answer(self, wish: Wish) -> None:
        fill = self._fill_of(wish)
        copy = self._answers.answer_wish(
            Waiting(fill, wish.at), self._really_executed_at(wish),
            self._ledger.without_wish(wish.copy_id) if wish.copy_id in self._wishes else {},
        )  # fmt: skip
        self._wishes.pop(wish.copy_id, None)
        if (answer := self._ledger.copy(wish.copy_id)) is not None and not answers_it(answer):
            self._ahead.discard(fill.seq)  # when it is streamed, the rules of then answer it
        else:
            self._count_ahead(fill)
        if copy is not None:
            self._begin(copy)
        self._context.changed()

    def _count_ahead(self, fill: MasterFill) -> None:
        if fill.seq > (self._ledger.cursor or 0):
            self._ahead.add(fill.seq)

    def _fill_of(self, wish: Wish) -> MasterFill:
        """The fill as the rules see it: its age counts from when it was asked for."""
        words = f"asked for by {wish.by} at {utc(wish.at):%Y-%m-%d %H:%M:%S} UTC"
        fill = self._incoming.kept_fill(pb.Fill.FromString(wish.body))
        return replace(fill, executed_at=wish.at, asked_id=wish.copy_id, asked_words=words)

    def _really_executed_at(self, wish: Wish) -> float:
        return self._incoming.kept_fill(pb.Fill.FromString(wish.body)).executed_at


def _seq_of(wish: Wish) -> int:
    return int(pb.Fill.FromString(wish.body).seq)


def answers_it(copy: CopyRecord) -> bool:
    """Whether nothing more is made of its fills. What was left of an order was counted already."""
    return copy.state is not CopyState.SKIPPED or copy.reason == Reason.NOTHING_LEFT_OF_ORDER
