"""One user of a replay: its fills through the code that decides in an account's process (copying/), with a
ledger in memory, its money as it was, and orders that end as replayed_market.py says.

No rule of copying is here. What is here is when things happen, and what there was at the start.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from krakencopy.account_proc.contract.copy_state import CopyState, Reason
from krakencopy.account_proc.contract.spec import CopyRules
from krakencopy.account_proc.contract.trading_states import TradingState
from krakencopy.account_proc.copying.asked_fills import answers_it
from krakencopy.account_proc.copying.copy_context import CopyContext
from krakencopy.account_proc.copying.copy_execution import CopyExecution
from krakencopy.account_proc.copying.copy_steps import CopySteps
from krakencopy.account_proc.copying.excluded_entries import give_up_excluded
from krakencopy.account_proc.copying.exits import Exits
from krakencopy.account_proc.copying.fill_answers import FillAnswers
from krakencopy.account_proc.copying.halted_orders import HaltedOrders
from krakencopy.account_proc.copying.holdings import Holdings
from krakencopy.account_proc.copying.new_copies import NewCopies
from krakencopy.account_proc.copying.owed_exits import OwedExits
from krakencopy.account_proc.copying.turns import Turns, Waiting, coin_of, quote_of
from krakencopy.account_proc.domain.copy_plan import MasterFill, Slice
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.domain.pair_table import PairTable
from krakencopy.account_proc.domain.quantities import Price, Side
from krakencopy.account_proc.domain.wallet import Wallet
from krakencopy.account_proc.kraken.order_gate import NotTraded, TradingHalted, TradingReducing
from krakencopy.account_proc.runtime.read_deferral import ReadDeferral
from krakencopy.account_proc.runtime.sqlite_file import IN_MEMORY
from krakencopy.account_proc.simulation.estimated_limits import EstimatedLimits
from krakencopy.account_proc.simulation.history import Rename
from krakencopy.account_proc.simulation.moments import (
    Beside,
    Look,
    OwedExit,
    RealEnd,
    Run,
)
from krakencopy.account_proc.simulation.performance import Performance
from krakencopy.account_proc.simulation.replayed_fills import ReplayedFills
from krakencopy.account_proc.simulation.replayed_market import (
    Refusal,
    TakerFees,
    ending_of,
    in_pair_of,
    was_ordered,
)
from krakencopy.account_proc.simulation.replayed_owing import ReplayedOwing
from krakencopy.account_proc.simulation.replayed_parts import (
    Funds,
    ReplayedGuard,
    ReplayedPortfolio,
    offline_gateway,
)
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.v1 import types_pb2

#: What profits are counted in.
CURRENCY = "USD"
#: How ids of exits that were owed begin: a replay gives its own.
OWED_EXIT = "x"


class _LimitHeld(NotTraded):
    """A limit had really been hit then."""

    reason = Reason.LIMIT_HIT
    state = TradingState.REDUCING


_STOPS: Mapping[str, type[NotTraded]] = {
    Reason.TRADING_REDUCING: TradingReducing,
    Reason.TRADING_HALTED: TradingHalted,
    Reason.LIMIT_HIT: _LimitHeld,
}
NOTHING = Decimal(0)


class ReplayedUser:
    """One of them."""

    def __init__(
        self, account_id: str, rules: CopyRules, table: PairTable, journal_id: str, *,
        reserve: Mapping[str, Decimal], wallet: Mapping[str, Decimal] | None, fees: TakerFees,
        any_money: bool = False,
    ) -> None:  # fmt: skip
        """``wallet``: what it begins with; None where what it really had counts. ``any_money``: in whichever
        currency that is, it pays for everything.
        """
        self.now = 0.0
        self.guard = ReplayedGuard()
        self.portfolio = ReplayedPortfolio(lambda: self.now, table, reserve, wallet, any_money=any_money)
        self.ledger = Ledger(IN_MEMORY, account_id)
        self.ledger.join(journal_id, 0)
        self.book = self.ledger.load_book()
        marks = self.portfolio.prices.marks
        self.real = Performance(lambda asset: marks.rate(asset, CURRENCY))
        self.replayed = Performance(self.real.rate)
        self.limits = EstimatedLimits(rules.limits, CURRENCY, marks.rate)
        #: Decisions for which nobody has written what there was: those that went by the one before, and those
        #: whose cash was taken to be the whole equity.
        self.guessed_funds = self.guessed_cash = 0
        self._fees = fees
        self._open: dict[str, tuple[CopyRecord, CopyRecord | None]] = {}
        self._context = self._make_context(account_id, rules)
        exits, steps = Exits(self._context), CopySteps(self._context)
        halted_orders = HaltedOrders(self._context, lambda work: work.close())
        self._steps = steps
        self._execution = CopyExecution(self._context, steps, exits, halted_orders)
        new_copies = NewCopies(self._context, steps, self._execution)
        self._new_copies = new_copies
        turns = Turns(lambda pair: self._context.rules_of(pair).max_slippage_bps)
        self._owed_exits = OwedExits(self._context, exits, new_copies, turns)
        self._answers = FillAnswers(self._context, new_copies, Holdings(self._context))
        self.owing = ReplayedOwing(self._context)
        self.fills = ReplayedFills(self._context)
        #: Coins of syncs and found orders, which are as they were.
        self.beside = 0
        #: Decisions at which a limit had really been hit.
        self.stopped_by_limits = 0
        #: Copies from before its time, which are none of its own.
        self._before: set[str] = set()

    def _make_context(self, account_id: str, rules: CopyRules) -> CopyContext:
        return CopyContext(
            account_id=account_id, rules=rules, ledger=self.ledger, book=self.book, portfolio=self.portfolio,
            gateway=offline_gateway(lambda: self.now), guard=self.guard, now=lambda: self.now,
            ask_time=_nothing, own_held=lambda _: NOTHING, strategy_may_order=lambda: False,
            read_deferral=ReadDeferral(0.0), changed=lambda: None, announce=lambda *_: None, failed=_raise,
        )  # fmt: skip

    @property
    def copies(self) -> list[CopyRecord]:
        """All that it made, as they stand."""
        return [copy for copy in self.ledger.copies_after(0, 2**62) if copy.copy_id not in self._before]

    # -- what there was at the start ------------------------------------------------------------------------

    def begin(
        self, before: Iterable[CopyRecord], over: Iterable[CopyRecord],
        carried: Mapping[tuple[str, Side], list[Slice]],
    ) -> None:  # fmt: skip
        """What was really held and carried then. ``before``: real copies that were decided about by then;
        ``over``: those of them that had ended.
        """
        kept = [replace(copy) for copy in before if copy.copy_id[:1] != OWED_EXIT]
        self._before = {copy.copy_id for copy in kept}
        for copy in kept:
            if copy.side is Side.BUY and copy.fill_seqs and copy.cl_ord_id:
                coin = coin_of(self.book.names.current_pair(copy.pair))
                self.book.count_mapped(coin, is_mapped=bool(copy.master_pair))
        self.ledger.commit(copies=kept, book=self.book)  # caps count what was bought that day
        for copy in over:
            self._count_held(copy)
        for (pair, side), pieces in carried.items():
            for piece in pieces:
                self.book.carry(pair, side, [piece], piece.copy_id)
        self.real.begin()
        self.replayed = self.real.copy()
        give_up_excluded(self._context)
        if not self.portfolio.is_real:
            self.limits.take_equity(self.now, self.portfolio.equity(CURRENCY), self.replayed)

    def _count_held(self, copy: CopyRecord) -> None:
        """A real order is over: also the replay has what it traded."""
        if not copy.filled:
            return
        trade = copy.exchanged(self.book.names.current)
        (self.book.coins.bought if copy.side is Side.BUY else self.book.coins.sold)(trade)

    # -- what happens ---------------------------------------------------------------------------------------

    def look(self, look: Look) -> None:
        """Takes over the prices that a fill brings, as a user does that receives it."""
        pair = self.book.names.current_pair(look.fill.pair)
        marks, quote = self.portfolio.prices, quote_of(pair)
        if quote:
            marks.set_marks(quote, look.fill.marks)
            marks.marks.set(coin_of(pair), quote, Decimal(look.fill.price))

    def points(self) -> None:
        """One more point of both curves."""
        self.real.look()
        self.replayed.look()
        self.limits.look(self.now, self.replayed)

    def rename(self, rename: Rename) -> None:
        """A coin has another name from now on."""
        self.book.rename(rename.old, rename.new)
        self.portfolio.rename(rename.old, rename.new)
        self._context.by_pair.forget()
        self._context.pair_map.forget()
        for performance in (self.real, self.replayed):
            held = performance.holdings.pop(rename.old, None)
            if held is not None:
                performance.holdings[rename.new] = held
        give_up_excluded(self._context)

    def answer(self, run: Run) -> None:
        """Decides about fills: together, where they are copied in one pair."""
        for fills, messages in self.fills.read(run, self.now):
            self._answer_together(run, fills, messages)

    def _answer_together(
        self, run: Run, fills: Sequence[MasterFill], messages: Sequence[types_pb2.Fill]
    ) -> None:
        pair = fills[0].pair
        self._end_those_in_the_way(pair)
        self._take_stops(run.real)
        self._take_funds(run, quote_of(pair), needs_money=self._needs_money(fills[0].side))
        real = next(filter(was_ordered, run.real), None)
        received_at = min((copy.received_at for copy in run.real), default=self.now)
        waiting = [Waiting(fill, received_at) for fill in fills]
        with self.fills.listed_as_then(pair, run.real):
            if run.is_asked_for:
                copy = self._answer_asked(waiting[0], run.real[0])
            else:
                copy = self._answers.answer_run(waiting, (messages[-1].seq, messages[-1].exec_id))
        if real is not None and real.side is Side.BUY:
            worst = sum((piece.cost.amount for piece in real.slices), NOTHING)
            self.portfolio.really_reserved[real.copy_id] = self._quote_of(real), worst
        if copy is not None:
            self._send(copy, real)

    def _answer_asked(self, waiting: Waiting, real: CopyRecord) -> CopyRecord | None:
        """A fill that somebody has asked for; nothing, where these rules had copied it already."""
        fill = waiting.fill
        if any(map(answers_it, self.ledger.copies_with(fill.seq, 0))):
            return None
        words = real.detail.partition("; ")[0]
        asked = replace(fill, executed_at=real.executed_at, asked_id=real.copy_id, asked_words=words)
        return self._answers.answer_wish(Waiting(asked, waiting.received_at), fill.executed_at, {})

    def _quote_of(self, copy: CopyRecord) -> str:
        """What a copy is paid in, which need not be what the master paid in."""
        return quote_of(self.book.names.current_pair(copy.pair))

    def _needs_money(self, side: Side) -> bool:
        """Whether a decision goes by what there is: an exit sells what was bought."""
        return side is Side.BUY and side not in self.guard.stops

    def _take_funds(self, run: Run, quote: str, *, needs_money: bool) -> None:
        """What it really had at this decision; else what it had at the one before."""
        known = next((copy for copy in run.real if copy.account_equity is not None), None)
        if known is not None and known.account_equity is not None:
            self.portfolio.real = Funds(self._quote_of(known), known.account_equity, known.free_cash)
        elif old := next((copy for copy in run.real if copy.user_equity), None):
            self.portfolio.real = Funds(self._quote_of(old), old.user_equity, None)
        elif self.portfolio.is_real and needs_money:
            self.guessed_funds += 1
        if known is not None:
            self.limits.take_equity(self.now, self.portfolio.equity(CURRENCY), self.replayed)
        real = self.portfolio.real
        is_real = self.portfolio.is_real and needs_money and real is not None
        if is_real and real is not None and (real.cash is None or real.quote != quote):
            self.guessed_cash += 1

    def _take_stops(self, real: Iterable[CopyRecord]) -> None:
        """What operators and limits had said then holds in the replay, too."""
        unsent = {CopyState.SKIPPED, CopyState.CARRIED}
        self.guard.stops = {
            copy.side: _STOPS[copy.reason]("AddOrder", copy.detail)
            for copy in real
            if copy.reason in _STOPS and copy.state in unsent
        }
        self.stopped_by_limits += any(stop.reason == Reason.LIMIT_HIT for stop in self.guard.stops.values())

    def sell_owed(self, owed: OwedExit) -> None:
        """Sells what exits owe, when that was really done."""
        pair = self.book.names.current_pair(owed.real.pair)
        self._end_those_in_the_way(pair)
        there = self.book.pairs_of(coin_of(pair), Side.SELL)
        for each in [pair] if pair in there else there:
            price = self._price_in(each, owed.real, pair)
            copy = None if price is None else self._owed_exits.intend_exit(each, price)
            if copy is not None:
                self._send(copy, owed.real)
                return

    def _price_in(self, pair: str, real: CopyRecord, real_pair: str) -> Price | None:
        """What a real exit was sold at, in a pair of the same coin."""
        rate = self.portfolio.prices.marks.rate(quote_of(real_pair), quote_of(pair))
        if pair == real_pair:
            rate = Decimal(1)
        return None if rate is None else Price(real.master_price * rate)

    def begin_beside(self, beside: Beside) -> None:
        """A copy that no rule about fills made is as it was."""
        real = beside.real
        self.beside += 1
        if real.state is CopyState.CARRIED and real.side is Side.SELL:
            self.owing.owe(real, real.planned)
        elif was_ordered(real) and real.finished_at:
            on_way = replace(real, state=CopyState.INTENT, filled=NOTHING, cost=NOTHING, finished_at=0.0)
            self.ledger.commit(copies=[on_way])
        else:
            self.ledger.commit(copies=[replace(real)])

    # -- orders ---------------------------------------------------------------------------------------------

    def _send(self, copy: CopyRecord, real: CopyRecord | None) -> None:
        """The order is on its way until the real one of the same fills ended; without one it ends at once."""
        key = copy.copy_id if real is None else real.copy_id
        self._open[key] = copy, real
        if real is None or not real.finished_at:
            self._end(key)

    def _end_those_in_the_way(self, pair: str) -> None:
        """One order of a coin is on its way at a time: the lane stands still meanwhile (copying/turns.py)."""
        for key, (copy, _) in list(self._open.items()):
            on_way = self.book.names.current_pair(copy.pair)
            if coin_of(pair) in on_way.split("/") or coin_of(on_way) == quote_of(pair):
                self._end(key)

    def ended_before(self, end: RealEnd) -> None:
        """A real order is over before the replay begins."""
        self._count(self.real, end.real)

    def really_ended(self, end: RealEnd, *, as_it_was: bool) -> None:
        """A real order is over, and with it that of the replay. ``as_it_was``: also the replay has it, as it
        was on its way when that began, or no rule made it.
        """
        real = end.real
        self.portfolio.really_reserved.pop(real.copy_id, None)
        self._count(self.real, real)
        if as_it_was:
            self._count_held(real)
            self._count(self.replayed, real)
            if real.copy_id[:1] != OWED_EXIT:
                self.ledger.commit(copies=[replace(real)], book=self.book)
        elif self.portfolio.is_real:
            moved = Wallet()
            moved.exchange(real.side, real.exchanged(self.book.names.current))
            for asset, amount in moved.balances().items():
                self.portfolio.beyond.add_amount(asset, -amount)
        if real.copy_id in self._open:
            self._end(real.copy_id)

    def _end(self, key: str) -> None:
        copy, real = self._open.pop(key)
        pair = self.book.names.current_pair(copy.pair)
        copy.move(CopyState.SENT, self.now)
        if real is not None:
            real = in_pair_of(copy, replace(real, pair=self.book.names.current_pair(real.pair)))
        ending = ending_of(copy, real, self._fees.of(pair))
        if isinstance(ending, Refusal):
            self._steps.refused(copy, ending.reason, ending.detail)
        else:
            copy.move(CopyState.ACKNOWLEDGED, self.now)
            self._execution.settle(copy, ending)
            self._count(self.replayed, copy)
            self.portfolio.beyond.exchange(copy.side, copy.exchanged(self.book.names.current))
        self.portfolio.release(copy.copy_id)
        if copy.state is CopyState.CARRIED:
            give_up_excluded(self._context)

    def end_all(self) -> None:
        """What is still on its way ends now."""
        for key in list(self._open):
            self._end(key)

    def _count(self, performance: Performance, copy: CopyRecord) -> None:
        if copy.filled:
            performance.trade(copy.side, copy.exchanged(self.book.names.current))


async def _nothing() -> None:
    """Nobody is asked."""


def _raise(error: BaseException) -> None:
    raise error
