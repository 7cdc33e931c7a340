"""Answers fills: decides what is done about those whose turn it is, and makes the answer durable in one
write. An order leaves after that write and no other; copying/copy_execution.py sends it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from krakencopy.account_proc.contract.copy_state import Reason
from krakencopy.account_proc.copying.copy_context import CopyContext
from krakencopy.account_proc.copying.holdings import Holdings
from krakencopy.account_proc.copying.new_copies import NewCopies
from krakencopy.account_proc.copying.turns import Waiting, coin_of
from krakencopy.account_proc.domain.copy_book import CopyBook
from krakencopy.account_proc.domain.copy_plan import (
    Carry,
    Decision,
    MasterFill,
    Order,
    Skip,
    Slice,
    UserBalances,
    Verdict,
)
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.domain.eligibility import below_minimum, is_full_exit
from krakencopy.account_proc.domain.pairs import NOT_LISTED, PairRules, without_rules
from krakencopy.account_proc.domain.quantities import NO_AMOUNT, Side
from krakencopy.account_proc.domain.sizing import decide
from krakencopy.account_proc.kraken.order_gate import NotTraded
from krakencopy.account_proc.notices.unreadable import NoticeCode
from krakencopy.account_proc.runtime import failpoint


@dataclass(slots=True)
class Answer:
    """What is done about a run of fills, as it is written."""

    #: New copies, and earlier ones that change with them.
    copies: list[CopyRecord] = field(default_factory=list)
    #: That of them which is to be ordered.
    to_order: CopyRecord | None = None


def why_not_copied(fill: MasterFill, pair: PairRules | None) -> str:
    """Why nothing of a fill can be copied for want of its pair's rules; empty where it can. Pure."""
    by_map = f", and {fill.master_pair} is copied in it (map)" if fill.master_pair else ""
    if pair is None:
        return f"{fill.pair} is not listed at the exchange{by_map}"
    if fill.pair_unknown and fill.side is Side.BUY:
        return (
            f"{fill.filtered_by} was not listed at the exchange when the master traded it, and what it held "
            "then is not known"
        )
    if pair.status == NOT_LISTED and fill.side is Side.BUY:
        words = "is not listed at the exchange any more"
        return f"{fill.pair} {words}{by_map}; what is held of it may still be sold"
    return ""


def set_apart(fill: MasterFill, answered_until: float) -> Skip | None:
    """Why a fill is not decided about at all, if so. Pure. ``answered_until``: what was executed in its pair
    up to then (Unix seconds) was answered by orders that this ledger had lost.
    """
    if fill.not_copied:
        return Skip(
            fills=(fill,),
            reason=Reason.SAME_ACCOUNT,
            detail="the master's order is a copy of one of our own users, whose key belongs to the master's "
            "account",
        )
    if fill.executed_at <= answered_until:
        return Skip(
            fills=(fill,),
            reason=Reason.ANSWERED_BEFORE,
            detail="answered by orders at the exchange that are newer than this ledger; see the copies "
            "TAKEN_OVER",
        )
    return None


def _owed(order: Order, reason: Reason, words: str) -> Carry:
    """An exit that must not be ordered now."""
    return Carry(
        fills=order.fills,
        reason=reason,
        detail=f"{order.detail}; {words}",
        planned=order.planned,
        slices=order.slices,
    )


class FillAnswers:
    """Answers the fills of one user."""

    def __init__(self, context: CopyContext, new_copies: NewCopies, holdings: Holdings) -> None:
        self._context = context
        self._new_copies = new_copies
        self._holdings = holdings
        self._book = context.book
        self._portfolio = context.portfolio

    def answer_run(
        self,
        run: Sequence[Waiting],
        cursor: tuple[int, str] | None = None,
        keep: Sequence[tuple[int, bytes]] = (),
    ) -> CopyRecord | None:
        """Decides about fills that are merged, and makes that durable; the copy that is to be ordered, if
        any. Raises LedgerFault.

        ``cursor``: the fills come straight from the journal and were never kept here; ``keep``: others that
        came with them.
        """
        answer = self._decide([waiting.fill for waiting in run], run[0].received_at)
        failpoint.reach(self._context.account_id, "before_intent")
        self._context.ledger.commit(
            copies=answer.copies,
            book=self._book,
            cursor=cursor,
            add_pending=keep,
            drop_pending=[waiting.fill.seq for waiting in run] if cursor is None else (),
        )
        failpoint.reach(self._context.account_id, "after_intent")
        return answer.to_order

    def answer_wish(
        self, wished: Waiting, executed_at: float, beside: Mapping[str, str]
    ) -> CopyRecord | None:
        """The same for one fill that somebody has asked for, and that was executed then (Unix seconds).
        ``beside``: that the wish is answered, if it was kept. Raises LedgerFault.
        """
        answer = self._decide([wished.fill], wished.received_at, executed_at)
        failpoint.reach(self._context.account_id, "before_intent")
        self._context.ledger.commit(copies=answer.copies, book=self._book, beside=beside)
        failpoint.reach(self._context.account_id, "after_intent")
        return answer.to_order

    def foresee(self, fill: MasterFill, executed_at: float) -> Decision:
        """What would be decided about it now; changes nothing."""
        ledger, now = self._context.ledger, self._context.now()
        apart = set_apart(replace(fill, executed_at=executed_at), ledger.answered.get(fill.pair, 0.0))
        if apart is not None:
            return apart
        pair = self._portfolio.pairs.table.find(fill.pair)
        if (why := why_not_copied(fill, pair)) and not self._sells_what_is_held(fill):
            return Skip(fills=(fill,), reason=Reason.UNKNOWN_PAIR, detail=why)
        _, verdict = self._verdict(self._book.trial(), (fill,), pair or without_rules(fill.pair), now)
        return verdict.decisions[0]

    def _decide(
        self, run: Sequence[MasterFill], received_at: float, executed_at: float | None = None
    ) -> Answer:
        """``executed_at``: when that really was, where the age of the fills counts from another time."""
        now = self._context.now()
        answer, fills = Answer(), []
        for fill in run:
            executed = fill if executed_at is None else replace(fill, executed_at=executed_at)
            skip = set_apart(executed, self._context.ledger.answered.get(fill.pair, 0.0))
            if skip is None:
                fills.append(fill)
                continue
            skipped = self._new_copies.of_decision(skip, received_at, now)
            if skip.reason is Reason.ANSWERED_BEFORE:
                self._owe_what_was_left(skipped, fill)
            answer.copies.append(skipped)
        if not fills:
            return answer
        pair = self._portfolio.pairs.table.find(fills[0].pair)
        why = why_not_copied(fills[0], pair)
        if why and not self._sells_what_is_held(fills[0]):
            skip = Skip(fills=tuple(fills), reason=Reason.UNKNOWN_PAIR, detail=why)
            self._say_of_pair(fills[0], f"is not copied: {why}")
            answer.copies.append(self._new_copies.of_decision(skip, received_at, now))
        else:
            self._apply_rules(fills, pair, received_at, now, answer)
        return answer

    def _apply_rules(
        self,
        fills: Sequence[MasterFill],
        pair: PairRules | None,
        received_at: float,
        now: float,
        answer: Answer,
    ) -> None:
        stop = self._context.guard.stop(fills[0].side)
        if stop is not None and fills[0].side is Side.BUY:
            skip = Skip(fills=tuple(fills), reason=Reason(stop.reason), detail=stop.cause)
            answer.copies.append(self._new_copies.of_decision(skip, received_at, now))
            return
        rules = pair or without_rules(fills[0].pair)
        holdings, verdict = self._verdict(self._book, fills, rules, now)
        for decided in verdict.decisions:
            decision = decided
            if isinstance(decided, Order) and (owed := self._owed_for_now(decided, pair, stop)) is not None:
                decision = owed
                answer.copies += self._new_copies.joined_by(decided, fills[0].copy_id)
            copy = self._new_copies.of_decision(decision, received_at, now)
            copy.user_equity = (verdict.user_equity or NO_AMOUNT).amount
            copy.account_equity = None if holdings.equity is None else holdings.equity.amount
            copy.free_cash = holdings.cash.amount
            answer.copies.append(copy)
            if isinstance(decision, Order):
                answer.to_order = copy
                answer.copies += self._new_copies.joined_by(decision, copy.copy_id)
                self._reserve_cost(copy, rules)
                if copy.side is Side.BUY:
                    self._book.count_mapped(rules.base, is_mapped=bool(copy.master_pair))
            elif isinstance(decision, Carry):
                self._book.carry(fills[0].pair, copy.side, decision.slices, copy.copy_id)
        answer.copies += self._new_copies.exited(verdict.exited_copies)

    def _owed_for_now(self, order: Order, pair: PairRules | None, stop: NotTraded | None) -> Carry | None:
        """An exit that must not be ordered now, as one that is owed; None for an order that may leave."""
        fill = order.fills[0]
        if stop is not None:
            return _owed(order, Reason(stop.reason), f"{stop.cause}; it is owed until that is lifted")
        if pair is None:
            return self._owed_until_listed(order, why_not_copied(fill, pair))
        if fill.rate_unknown:
            words = f"what {fill.pair} is worth is not known; it is owed, and sold as soon as that is known"
            return _owed(order, Reason.NO_MARK, words)
        return None

    def _verdict(
        self, book: CopyBook, fills: Sequence[MasterFill], pair: PairRules, now: float
    ) -> tuple[UserBalances, Verdict]:
        """What the rules say about fills of a pair that they may decide about, and by which holdings."""
        here = self._context.by_pair.of(pair.name)
        holdings = self._holdings.of(pair, here.caps, now)
        excluded = self._context.by_pair.of(fills[0].filtered_by).excluded
        return holdings, decide(book, fills, pair, here.rules, holdings, now, excluded=excluded)

    def _reserve_cost(self, copy: CopyRecord, pair: PairRules) -> None:
        """Money that an entry may take is not spent again before the entry is over."""
        if copy.side is Side.BUY:
            worst = sum((piece.cost.amount for piece in copy.slices), Decimal(0))
            self._portfolio.reserve(copy.copy_id, pair.quote, worst)

    def _sells_what_is_held(self, fill: MasterFill) -> bool:
        """Whether it sells something that copying holds: that is never answered by nothing."""
        return fill.side is Side.SELL and bool(self._book.held(coin_of(fill.pair)))

    def _owed_until_listed(self, order: Order, why: str) -> Carry:
        """An exit that cannot be ordered for want of its pair's rules, as when its coin was renamed a
        moment ago.
        """
        words = f"{why}; it is owed, and sold as soon as the pair is known"
        self._say_of_pair(order.fills[0], f"waits: {words}")
        return _owed(order, Reason.UNKNOWN_PAIR, words)

    def _say_of_pair(self, fill: MasterFill, words: str) -> None:
        self._portfolio.notices.note(NoticeCode.UNKNOWN_PAIR, fill.pair, f"fill {fill.seq} {words}")

    def _owe_what_was_left(self, skipped: CopyRecord, fill: MasterFill) -> None:
        """An exit that was answered before, and not to its end: what copying still holds of what the master
        has left is owed, but for what was bought after it. Of a part of a position nobody can tell what it
        left.
        """
        pair = self._portfolio.pairs.table.find(fill.pair)
        if fill.side is Side.BUY or pair is None or not is_full_exit(fill, pair):
            return
        if self._context.ledger.bought.get(pair.base, 0.0) > fill.executed_at:
            return
        left = self._book.held(pair.base) - self._book.owed(pair.base)
        if below_minimum(left, fill.price, pair) is None:
            skipped.detail += f"; {left} {pair.base} was not sold by them and stays owed"
            piece = Slice(order_id="", volume=left, cost=NO_AMOUNT)
            self._book.carry(fill.pair, Side.SELL, [piece], skipped.copy_id)
