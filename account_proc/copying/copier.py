"""The user's trading loop: takes fills in the journal's order, decides, orders, settles. Knows no gRPC and no
sockets.

A fill is taken in one durable step. Where nothing of its coin is on its way, that step already holds the
decision and the intent, so that an order leaves after a single disk write; otherwise the fill waits in its
coin's lane and is merged with those behind it. One order a coin is on its way at a time, in whatever pair: an
exit must know what the entry before it has bought, and what a cross pair has spent.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial
from math import inf
from typing import Any

from krakencopy.account_proc.contract.amounts import FIAT
from krakencopy.account_proc.contract.copy_state import CopyState, Reason
from krakencopy.account_proc.contract.decimal_text import plain
from krakencopy.account_proc.contract.errors import (
    AccountError,
    ExchangeError,
    LedgerFault,
)
from krakencopy.account_proc.contract.spec import CopyRules
from krakencopy.account_proc.copying.copy_execution import CopyExecution
from krakencopy.account_proc.copying.copy_steps import CopySteps
from krakencopy.account_proc.copying.exits import Exits
from krakencopy.account_proc.copying.lane import MERGE_MAX, Lane, Waiting, coin_of, quote_of
from krakencopy.account_proc.domain.copy_plan import (
    Carry,
    Decision,
    MasterFill,
    Order,
    Skip,
    Slice,
    UserBalances,
)
from krakencopy.account_proc.domain.copy_record import CopyRecord, master_fill
from krakencopy.account_proc.domain.eligibility import below_minimum, is_full_exit
from krakencopy.account_proc.domain.entry_sizing import copied_at
from krakencopy.account_proc.domain.exit_sizing import owed_exit
from krakencopy.account_proc.domain.order import ENDED
from krakencopy.account_proc.domain.pairs import NOT_LISTED, PairRules, without_rules
from krakencopy.account_proc.domain.quantities import NO_AMOUNT, BaseVolume, Price, QuoteAmount, Side
from krakencopy.account_proc.domain.sizing import decide
from krakencopy.account_proc.kraken.rest.messages import OrderRow
from krakencopy.account_proc.notices.unreadable import NoticeCode
from krakencopy.account_proc.runtime import failpoint
from krakencopy.account_proc.runtime.change_signal import ChangeSignal
from krakencopy.account_proc.runtime.read_deferral import ReadDeferral
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.account_proc.trading.order_gateway import OrderGateway
from krakencopy.account_proc.trading.portfolio import Portfolio
from krakencopy.v1 import types_pb2 as pb

log = logging.getLogger(__name__)


class FillGap(AccountError):
    """A fill came that does not follow the last one: the conversation must begin again."""

    reason = "FILL_GAP"


def why_not_copied(fill: MasterFill, pair: PairRules | None) -> str:
    """Why nothing of a fill can be copied for want of its pair's rules; empty where it can. Pure."""
    if pair is None:
        return f"{fill.pair} is not listed at the exchange"
    if fill.pair_unknown and fill.side is Side.BUY:
        return (
            f"{fill.pair} was not listed at the exchange when the master traded it, and what it held "
            "then is not known"
        )
    if pair.status == NOT_LISTED and fill.side is Side.BUY:
        return f"{fill.pair} is not listed at the exchange any more; what is held of it may still be sold"
    return ""


class Copier:
    """Copies fills into one user's account."""

    def __init__(
        self,
        *,
        account_id: str,
        rules: CopyRules,
        ledger: Ledger,
        portfolio: Portfolio,
        gateway: OrderGateway,
        now: Callable[[], float],
        changed: Callable[[], None],
        failed: Callable[[BaseException], None],
        occupied: Callable[[], bool],
        own_held: Callable[[str], Decimal],
        read_deferral: ReadDeferral,
        ask_time: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """``read_deferral`` is ended when something waits for an order. ``occupied``: whether an order of the
        account's own strategy may still reach the exchange; ``own_held``: what that strategy holds of an
        asset, which is not copying's to sell. ``ask_time`` makes sure of ``now`` before an entry is given up
        as too old.
        """
        self._account_id = account_id
        self._rules = rules
        self._ledger = ledger
        self._portfolio = portfolio
        self._gateway = gateway
        self._now = now
        self._changed = changed
        self._failed = failed
        self._occupied = occupied
        self._own_held = own_held
        self._read_deferral = read_deferral
        self._ask_time = ask_time
        self._book = ledger.load_book()
        self._exits = Exits(
            exchange=gateway.exchange, portfolio=portfolio, timing=gateway.timing, now=now, own_held=own_held
        )
        self._steps = CopySteps(
            account_id=account_id,
            rules=rules,
            ledger=ledger,
            book=self._book,
            portfolio=portfolio,
            gateway=gateway,
            now=now,
            changed=changed,
        )
        self._execution = CopyExecution(self._steps, self._exits)
        self._lanes: dict[str, Lane] = {}
        #: What the master trades, as far as this user has heard.
        self.master_pairs: set[str] = set()
        #: Tasks, and what begun work waits for first.
        self._tasks: set[asyncio.Future[Any]] = set()
        self._open: dict[str, CopyRecord] = {}

    # -- what others may know -------------------------------------------------------------------------------

    @property
    def copies_open(self) -> int:
        """Copies whose end is not known, and fills that wait."""
        # A copy of the lanes: another thread may ask as well.
        return len(self._open) + sum(len(lane.waiting) for lane in list(self._lanes.values()))

    def positions(self) -> list[pb.CopiedPosition]:
        """What copying holds and carries, by coin."""
        waiting: dict[str, dict[Side, Decimal]] = {}
        pairs: dict[str, str] = {}
        for pair, side in self._book.carried:
            coin = coin_of(pair)
            pairs.setdefault(coin, pair)
            of_coin = waiting.setdefault(coin, dict.fromkeys(Side, Decimal(0)))
            of_coin[side] += self._book.carried_volume(pair, side).amount
        found = []
        for coin in sorted({*waiting, *(coin for coin, _ in self._book.coins)}):
            position = self._book.coins.position(coin)
            carried = waiting.get(coin, {})
            if not any((position.volume, *carried.values())) or (coin in FIAT and not position.pair):
                # Money that came in for coins is cash again, whatever it will be spent on.
                continue
            pair = position.pair or pairs.get(coin, coin)
            cost = position.costs.get(pair.partition("/")[2], Decimal(0))
            owed = [name for name, side in self._book.carried if side is Side.SELL and coin_of(name) == coin]
            words = (
                self._exits.owed_words(name, self._book.carried_volume(name, Side.SELL)) for name in owed
            )
            found.append(
                pb.CopiedPosition(
                    pair=pair,
                    asset=coin,
                    exit_owed="; ".join(filter(None, words)),
                    volume=plain(position.volume),
                    cost=_shown(cost),
                    costs=[
                        pb.Money(amount=_shown(paid), asset=quote) for quote, paid in position.costs.items()
                    ],
                    carried_buy=plain(carried.get(Side.BUY, Decimal(0))),
                    carried_sell=plain(carried.get(Side.SELL, Decimal(0))),
                    missing_volume=self._missing(coin, position.volume),
                )
            )
        return found

    def held(self, asset: str) -> Decimal:
        """What copying holds of an asset."""
        return self._book.coins.volume(asset)

    def pairs(self) -> tuple[str, ...]:
        """Pairs in which copying has bought what it holds."""
        return tuple(position.pair for _, position in self._book.coins if position.volume and position.pair)

    def _missing(self, coin: str, held: Decimal) -> str:
        """What should be there by copying and is not; empty when nothing is missing, or nobody knows."""
        if self._is_busy(coin) or not self._portfolio.believed or coin in FIAT:
            return ""
        missing = held - (self._portfolio.holding(coin) - self._own_held(coin))
        return plain(missing) if missing > 0 else ""

    # -- taking fills ---------------------------------------------------------------------------------------

    def recover(self) -> None:
        """Takes up what an earlier process left: intents first, then fills that waited."""
        for copy in self._ledger.open_copies():
            log.info("taking up copy %s, left %s", copy.copy_id, copy.state)
            lane = self._lane(coin_of(copy.pair))
            lane.busy = True
            self._open[copy.copy_id] = copy
            self._spawn(self._take_up(lane, copy))
        for seq, body in self._ledger.pending_fills():
            fill = self._in_current_names(master_fill(pb.Fill.FromString(body)))
            assert fill.seq == seq
            self._lane(coin_of(fill.pair)).waiting.append(Waiting(fill, self._now()))
        self._advance_all()

    def take(self, messages: Iterable[pb.Fill]) -> None:
        """Takes the next fills in one durable step. Raises FillGap or LedgerFault. Repeated fills do nothing.

        That step already answers the first of them, with those behind it that are of the same master order;
        the others are kept.
        """
        cursor = self._ledger.cursor
        assert cursor is not None, "fills before the ledger joined a journal"
        new = [message for message in messages if message.seq > cursor]
        if not new:
            return
        for number, message in enumerate(new, start=cursor + 1):
            if message.seq != number:
                raise FillGap(f"fill {message.seq} does not follow {number - 1}")
        # One that cannot be read is found before any of them waits: they will all come again.
        fills = list(map(self._read, new))
        lanes = list({lane.coin: lane for lane in map(self._await_turn, fills)}.values())
        if self._open:
            # Their order, or their turn at the exchange, waits for one that is on its way.
            self._read_deferral.resume()
        for lane in lanes:
            if not lane.busy and (learn := self._not_known(lane)) is not None:
                lane.busy = True
                self._spawn(self._learn(lane, learn))
        try:
            self._take(new, next((lane for lane in lanes if self._is_free(lane)), None))
            self._advance_all()
            self.master_pairs.update(fill.pair for fill in fills)
            # Behind the orders, if there are any: whoever hears of it has time.
            self._read_deferral.run_after(self._changed)
        except LedgerFault as error:
            self._failed(error)
            raise

    def _read(self, message: pb.Fill) -> MasterFill:
        """The fill as the rules see it; takes over the prices that it brings."""
        fill = self._in_current_names(master_fill(message))
        if not quote_of(fill.pair):
            return fill  # a pair that is in no list, by the name that the exchange has for it
        base, _, quote = fill.pair.partition("/")
        self._portfolio.prices.set_marks(quote, message.marks)
        self._portfolio.prices.marks.set(base, quote, fill.price.amount)
        return fill

    def _in_current_names(self, fill: MasterFill) -> MasterFill:
        """The fill in the names that its coins have now: under those they are counted, also where the old
        pair is still known.
        """
        current = self._book.names.current_pair(fill.pair)
        return fill if current == fill.pair else replace(fill, pair=current)

    def rename(self, number: int, old: str, new: str) -> None:
        """A coin has another name from now on; ``number`` counts renamings in the journal. Repeated ones
        do nothing. Raises LedgerFault.
        """
        if number <= self._ledger.renamed:
            return
        log.info("%s is %s from now on", old, new)
        self._book.rename(old, new)
        self._portfolio.rename(old, new)
        # Balances that were read under new names already are counted right by the next reading.
        self._portfolio.doubt()
        self.master_pairs = set(map(self._book.names.current_pair, self.master_pairs))
        self._ledger.commit(book=self._book, renamed=number)
        waiting = sorted(
            (each for lane in self._lanes.values() for each in lane.waiting), key=lambda each: each.fill.seq
        )
        for lane in self._lanes.values():
            lane.waiting.clear()
        for each in waiting:
            self._lane(coin_of(self._book.names.current_pair(each.fill.pair))).waiting.append(
                Waiting(self._in_current_names(each.fill), each.received_at)
            )
        lane = self._lane(new)
        if (
            not lane.busy
            and self._book.coins.volume(new)
            and not any(map(self._portfolio.pairs.table.find, self._pairs_now(new)))
        ):
            # Or what is owed of it would wait until the pairs are read again some time.
            lane.busy = True
            self._spawn(self._learn(lane, self._portfolio.pairs.read))
        self._advance_all()
        self._changed()

    def _pairs_now(self, coin: str) -> set[str]:
        """The pairs in which copying has bought or owes a coin, by the names of now."""
        pairs = {pair for pair, _ in self._book.carried if coin_of(pair) == coin}
        return pairs | {self._book.names.current_pair(self._book.coins.position(coin).pair)} - {""}

    def _await_turn(self, fill: MasterFill) -> Lane:
        """Puts a fill behind the others of its coin."""
        lane = self._lane(coin_of(fill.pair))
        lane.waiting.append(Waiting(fill, self._now()))
        return lane

    def _take(self, new: list[pb.Fill], free: Lane | None) -> None:
        """Moves the cursor behind new fills and keeps those that are not answered at once.

        Those are of one master order: what the next is copied with is known when the copy of this one is paid
        for.
        """
        cursor = (new[-1].seq, new[-1].exec_id)
        run = [] if free is None else self._next_run(free, of_one_order=True)
        at_once = {waiting.fill.seq for waiting in run}
        kept = [(message.seq, message.SerializeToString()) for message in new if message.seq not in at_once]
        if free is None:
            self._ledger.commit(cursor=cursor, add_pending=kept)
        else:
            order = self._answer(run, cursor, kept)
            if order is not None:
                free.busy = True
                self._begin(self._trade(free, order))
                if len(self._open) == 1 and not free.waiting:
                    self._read_deferral.defer()

    def _lane(self, coin: str) -> Lane:
        return self._lanes.get(coin) or self._lanes.setdefault(coin, Lane(coin))

    def _is_busy(self, coin: str) -> bool:
        """Whether an order on its way may change what copying holds of a coin."""
        return any(
            coin in self._book.names.current_pair(copy.pair).split("/") for copy in self._open.values()
        )

    def _is_free(self, lane: Lane) -> bool:
        """Whether the lane's first fill may be answered now.

        Not while an order on its way buys, sells or spends the lane's coin, or buys or sells the coin that
        this fill is paid in; nor before earlier fills that do so and wait themselves. Each counts on what the
        one before it leaves.
        """
        if lane.busy:
            return False
        first = lane.waiting[0].fill
        quote = quote_of(first.pair)
        if self._open and (
            self._is_busy(lane.coin) or any(coin_of(copy.pair) == quote for copy in self._open.values())
        ):
            return False
        return first.seq < self._turn_of_others(lane, first.pair)

    def _turn_of_others(self, lane: Lane, pair: str) -> float:
        """The first fill that waits in another lane and changes a coin that fills of this lane and pair
        count on: those behind it wait.
        """
        quote = quote_of(pair)
        return min(
            (
                waiting.fill.seq
                for other in self._lanes.values()
                if other is not lane
                for waiting in other.waiting
                if other.coin == quote or quote_of(waiting.fill.pair) == lane.coin
            ),
            default=inf,
        )

    def _is_listed(self, pair: str) -> bool:
        rules = self._portfolio.pairs.table.find(pair)
        return rules is not None and rules.status != NOT_LISTED

    def _not_known(self, lane: Lane) -> Callable[[], Awaitable[None]] | None:
        """What has to be asked before the fills of a coin can be answered; None for nothing, as in most
        cases.
        """
        fills = [each.fill for each in lane.waiting]
        unknown = next(
            (fill for fill in fills if self._portfolio.pairs.may_learn(fill.pair, fill.side)), None
        )
        if unknown is not None:
            # Perhaps listed, or renamed, after this process read the pairs.
            return partial(self._portfolio.pairs.learn, [unknown.pair], unknown.side)
        oldest = self._now() - self._rules.max_entry_age_s
        is_late = any(fill.side is Side.BUY and fill.executed_at < oldest for fill in fills)
        return self._ask_time if is_late else None

    async def _learn(self, lane: Lane, ask: Callable[[], Awaitable[None]]) -> None:
        """Asks; what is still not known then is answered by what is."""
        try:
            await ask()
        except ExchangeError as error:
            log.warning("fills of %s are answered by what is known: %s", lane.coin, error)
        lane.busy = False
        self._advance_all()
        self._changed()

    def _advance_all(self) -> None:
        """Answers what waits in any lane, in the journal's order.

        An answer without an order ends no order that would call this again, and may be what another lane has
        waited for.
        """
        progress = True
        while progress:
            waiting = [lane for lane in self._lanes.values() if lane.waiting]
            waiting.sort(key=lambda lane: lane.waiting[0].fill.seq)
            progress = sum(map(self._advance, waiting)) > 0

    def _advance(self, lane: Lane) -> bool:
        """Answers what waits, up to the first order; whether it has answered anything."""
        answered = False
        while lane.waiting and self._is_free(lane):
            first = lane.waiting[0].fill
            if self._portfolio.pairs.may_learn(first.pair, first.side):
                # Its coin was renamed while it waited.
                lane.busy = True
                self._spawn(self._learn(lane, partial(self._portfolio.pairs.learn, [first.pair], first.side)))
                break
            answered = True
            order = self._answer(self._next_run(lane))
            if order is not None:
                lane.busy = True
                self._spawn(self._trade(lane, order))
        return answered

    def _next_run(self, lane: Lane, *, of_one_order: bool = False) -> list[Waiting]:
        """The fills that are merged into the next order: the first that waits, and those of the same pair and
        side right behind it.

        Behind it in the journal, as far as the coin goes: one that comes after a fill that spends the coin
        counts on what that leaves. Entries as far as one price bounds them all: what one was bought for is no
        reason to pay more for another.
        """
        run = [lane.waiting.popleft()]
        first = run[0].fill
        lowest = highest = first.price
        others = self._turn_of_others(lane, first.pair)
        while lane.waiting and len(run) < MERGE_MAX:
            fill = lane.waiting[0].fill
            if (fill.pair, fill.side) != (first.pair, first.side) or (
                of_one_order and fill.order_id != first.order_id
            ):
                break
            if fill.seq > others:
                break
            if fill.pair_unknown is not first.pair_unknown:
                break
            lowest, highest = min(lowest, fill.price), max(highest, fill.price)
            if fill.side is Side.BUY and highest > lowest.worse(Side.BUY, self._rules.max_slippage_bps):
                break
            run.append(lane.waiting.popleft())
        return run

    def _answer(
        self,
        batch: list[Waiting],
        cursor: tuple[int, str] | None = None,
        keep: Sequence[tuple[int, bytes]] = (),
    ) -> CopyRecord | None:
        """Decides about a batch and makes it durable; the copy that is to be ordered, if any.

        ``cursor``: the batch comes straight from the journal and was never kept here; ``keep``: others that
        came with it.
        """
        taken = [waiting.fill for waiting in batch]
        now = self._now()
        records = [
            self._record(skip, batch[0].received_at, now) for skip in map(self._set_apart, taken) if skip
        ]
        for skipped in records:
            self._owe_what_was_left(skipped, taken)
        fills = [fill for fill in taken if not self._set_apart(fill)] if records else taken
        pair_name = taken[0].pair
        pair = self._portfolio.pairs.table.find(pair_name)
        order: CopyRecord | None = None
        if not fills:
            pass
        elif (why := why_not_copied(fills[0], pair)) and not self._leaves_held(fills[0]):
            skip = Skip(fills=tuple(fills), reason=Reason.UNKNOWN_PAIR, detail=why)
            self._portfolio.notices.say(
                NoticeCode.UNKNOWN_PAIR, pair_name, f"fill {fills[0].seq} is not copied: {why}"
            )
            records.append(self._record(skip, batch[0].received_at, now))
        else:
            rules = pair or without_rules(pair_name)
            verdict = decide(self._book, fills, rules, self._rules, self._holdings(rules), now)
            for decided in verdict.decisions:
                decision = decided
                if isinstance(decided, Order) and pair is None:
                    decision = self._owed_until_listed(decided, why)
                    records += self._joined(decided, f"c{fills[0].seq}")
                record = self._record(decision, batch[0].received_at, now)
                record.user_equity = (verdict.user_equity or NO_AMOUNT).amount
                records.append(record)
                if isinstance(decision, Order):
                    order = record
                    records += self._joined(decision, record.copy_id)
                elif isinstance(decision, Carry):
                    self._book.carry(pair_name, record.side, decision.slices, record.copy_id)
            records += self._exited(verdict.exited_copies)
        if order is not None and pair is not None:
            self._open[order.copy_id] = order
            if order.side is Side.BUY:
                worst = order.slices and sum(piece.cost.amount for piece in order.slices)
                self._portfolio.reserve(order.copy_id, pair.quote, worst or Decimal(0))
        failpoint.reach(self._account_id, "before_intent")
        self._ledger.commit(
            copies=records,
            book=self._book,
            cursor=cursor,
            add_pending=keep,
            drop_pending=[fill.seq for fill in taken] if cursor is None else (),
        )
        failpoint.reach(self._account_id, "after_intent")
        return order

    def _leaves_held(self, fill: MasterFill) -> bool:
        """Whether it sells something that copying holds: that is never answered by nothing."""
        return fill.side is Side.SELL and bool(self._book.held(coin_of(fill.pair)))

    def _owed_until_listed(self, order: Order, why: str) -> Carry:
        """An exit that cannot be ordered for want of its pair's rules, as when its coin was renamed a
        moment ago.
        """
        words = f"{why}; it is owed, and sold as soon as the pair is known"
        fill = order.fills[0]
        self._portfolio.notices.say(NoticeCode.UNKNOWN_PAIR, fill.pair, f"fill {fill.seq} waits: {words}")
        return Carry(
            fills=order.fills,
            reason=Reason.UNKNOWN_PAIR,
            detail=f"{order.detail}; {words}",
            planned=order.planned,
            slices=order.slices,
        )

    def _set_apart(self, fill: MasterFill) -> Skip | None:
        """Why a fill is not decided about at all, if so."""
        if fill.not_copied:
            words = (
                "the master's order is a copy of one of our own users, whose key belongs to the "
                "master's account"
            )
            return Skip(fills=(fill,), reason=Reason.SAME_ACCOUNT, detail=words)
        if fill.executed_at <= self._ledger.answered.get(fill.pair, 0.0):
            words = (
                "answered by orders at the exchange that are newer than this ledger; see the copies "
                "TAKEN_OVER"
            )
            return Skip(fills=(fill,), reason=Reason.ANSWERED_BEFORE, detail=words)
        return None

    def _owe_what_was_left(self, skipped: CopyRecord, taken: Sequence[MasterFill]) -> None:
        """An exit that was answered before, and not to its end: what copying still holds of what the master
        has left is owed, but for what was bought after it. Of a part of a position nobody can tell what it
        left.
        """
        (fill,) = (fill for fill in taken if fill.seq in skipped.fill_seqs)
        pair = self._portfolio.pairs.table.find(fill.pair)
        if skipped.reason != Reason.ANSWERED_BEFORE or fill.side is Side.BUY or pair is None:
            return
        if not is_full_exit(fill, pair) or self._ledger.bought.get(pair.base, 0.0) > fill.executed_at:
            return
        left = self._book.held(pair.base) - self._book.owed(pair.base)
        if below_minimum(left, fill.price, pair) is None:
            skipped.detail += f"; {left} {pair.base} was not sold by them and stays owed"
            piece = Slice(order_id="", volume=left, cost=NO_AMOUNT)
            self._book.carry(fill.pair, Side.SELL, [piece], skipped.copy_id)

    def _holdings(self, pair: PairRules) -> UserBalances:
        equity = self._portfolio.equity(pair.quote)
        # A wallet that has missed an execution (feed down, process just started) must not cut an exit: the
        # rest would be written off and stay. The exchange refuses what is not there, and only then are
        # balances read and believed.
        base = max(self._portfolio.holding(pair.base), self._book.coins.volume(pair.base))
        return UserBalances(
            equity=None if equity is None else QuoteAmount(equity),
            cash=QuoteAmount(max(self._portfolio.cash(pair.quote), Decimal(0))),
            base=BaseVolume(base),
            notional=self._notional(pair),
        )

    def _notional(self, pair: PairRules) -> QuoteAmount | None:
        """A fixed notional in another currency, in the pair's quote."""
        amount, asset = self._rules.notional, self._rules.notional_asset
        table = self._portfolio.pairs.table
        # Or by Kraken's other names (XBT, ZUSD), or one that it had when the process started.
        asset = self._book.names.current(table.asset(asset) if table.lists(asset) else asset)
        rate = self._portfolio.prices.marks.rate(asset, pair.quote) if amount is not None and asset else None
        return None if amount is None or rate is None else QuoteAmount(amount * rate)

    def _record(self, decision: Decision, received_at: float, now: float) -> CopyRecord:
        first = decision.fills[0]
        record = CopyRecord(
            copy_id=f"c{first.seq}", fill_seqs=tuple(fill.seq for fill in decision.fills), pair=first.pair,
            side=first.side, state=CopyState.RECEIVED, reason=decision.reason, detail=decision.detail,
            received_at=received_at, decided_at=now, executed_at=first.executed_at,
            master_price=copied_at(decision.fills).amount,
        )  # fmt: skip
        match decision:
            case Skip():
                record.move(CopyState.SKIPPED, now)
            case Carry():
                record.planned, record.slices = decision.planned.amount, decision.slices
                record.move(CopyState.CARRIED, now)
            case Order():
                self._planned(record, decision, now)
        return record

    def _planned(self, record: CopyRecord, order: Order, now: float) -> None:
        """Takes an order into its record and makes it the first intent; not durable yet."""
        record.planned, record.ordered = order.planned.amount, order.volume.amount
        record.slices, record.sweep, record.carried_in = order.slices, order.sweep, order.carried_in
        record.limit_price = order.limit_price.amount if order.limit_price else None
        if record.side is Side.SELL:
            self._execution.shape_exit(record)
        record.move(CopyState.PLANNED, now)
        self._steps.intend(record)

    def _joined(self, order: Order, copy_id: str) -> list[CopyRecord]:
        joined = []
        for carried_id in order.carried_in:
            carried = self._ledger.copy(carried_id)
            if carried is not None:
                carried.joined_copy_id = copy_id
                joined.append(carried)
        return joined

    def _exited(self, copy_ids: tuple[str, ...]) -> list[CopyRecord]:
        exited = []
        for copy_id in copy_ids:
            carried = self._ledger.copy(copy_id)
            if carried is not None:
                carried.reason = Reason.CARRY_EXITED
                carried.detail += "; the master left the position before it was large enough to be ordered"
                exited.append(carried)
        return exited

    # -- exits that are owed --------------------------------------------------------------------------------

    async def converge(self, changes: ChangeSignal) -> None:
        """Finishes exits that are owed, for ever. Opens nothing, and waits its turn behind fills of the same
        pair.

        ``changes`` rings on each change of the account: while no exit is owed, nothing else wakes this. Looks
        after the ledger as well, when nothing is copied. Raises LedgerFault.
        """
        seen = -1
        while True:
            await asyncio.sleep(self._gateway.timing.retry)
            if not self.copies_open:
                self._ledger.tidy()
            if not any(side is Side.SELL for _, side in self._book.carried):
                seen = await changes.wait(seen)
                continue
            due = [
                pair
                for pair, side in self._book.carried
                if side is Side.SELL and self._exits.not_before(pair) <= self._now() and self._may_sell(pair)
            ]
            # Together, as one market's answers must not keep the exits of others waiting.
            await asyncio.gather(*map(self._sell_owed, due))

    def _may_sell(self, pair_name: str) -> bool:
        """Whether nothing of the pair's coin is on its way or waits, and no order of the account's own
        strategy is about.
        """
        lane = self._lane(coin_of(pair_name))
        return not lane.busy and not lane.waiting and not self._is_busy(lane.coin) and not self._occupied()

    async def _sell_owed(self, pair_name: str) -> None:
        lane, pair = self._lane(coin_of(pair_name)), self._portfolio.pairs.table.find(pair_name)
        # Not while an order is on its way: the lane is free again when the pairs are read.
        if pair is None and not lane.busy and self._portfolio.pairs.may_learn(pair_name):
            lane.busy = True
            await self._learn(lane, partial(self._portfolio.pairs.learn, [pair_name]))
            pair = self._portfolio.pairs.table.find(pair_name)
        price = None if pair is None else await self._exits.price(pair, self._paid_for(pair))
        if pair is None or price is None:
            return
        owed = min(self._book.carried_volume(pair_name, Side.SELL), self._book.held(pair.base))
        if below_minimum(owed.to_lot(pair.lot_decimals), Price(price), pair) is not None:
            return
        may_try = await self._exits.may_try(pair, owed.to_lot(pair.lot_decimals), Price(price))
        self._changed()
        # While that was found out, fills may have come, and they go first.
        order = owed_exit(self._book, pair, Price(price)) if may_try and self._may_sell(pair_name) else None
        if order is None:
            return
        now = self._now()
        # No fill stands behind it, so its id comes from the revision that it will have.
        record = CopyRecord(
            copy_id=f"x{self._ledger.revision + 1}",
            fill_seqs=(),
            pair=pair_name,
            side=Side.SELL,
            state=CopyState.RECEIVED,
            reason=order.reason,
            detail=order.detail,
            received_at=now,
            decided_at=now,
            executed_at=now,
            master_price=price,
        )
        self._planned(record, order, now)
        self._open[record.copy_id] = record
        lane.busy = True
        self._ledger.commit(copies=[record, *self._joined(order, record.copy_id)], book=self._book)
        self._changed()
        self._spawn(self._trade(lane, record))

    def _paid_for(self, pair: PairRules) -> Decimal | None:
        """What copying has paid for one unit of what it holds of a coin, in this pair's quote; None where
        nobody knows.
        """
        position, marks = self._book.coins.position(pair.base), self._portfolio.prices.marks
        paid = [(cost, marks.rate(quote, pair.quote)) for quote, cost in position.costs.items()]
        known = sum((cost * rate for cost, rate in paid if rate is not None), Decimal(0))
        return known / position.volume if known and position.volume else None

    # -- orders that were given up and were there after all -------------------------------------------------

    def adopt(self, row: OrderRow, given_up: CopyRecord) -> bool:
        """Takes what such an order filled into the copied position, as a copy of its own; False while the
        pair is busy.

        An entry that is not attributed would stay when the master leaves; an exit that is not, would be made
        again.
        """
        lane = self._lane(coin_of(row.pair))
        if lane.busy or self._is_busy(lane.coin):
            return False
        words = (
            f"order {row.txid} of copy {given_up.copy_id} had been proven not to exist and was there "
            "after all"
        )
        self._spawn(self._take_up(lane, self._adopted(row, Reason.FOUND_LATE, words, given_up)))
        return True

    async def take_over(self, rows: Sequence[OrderRow]) -> None:
        """The same for orders that this ledger made before it was brought back from a backup, the oldest
        first; to their end, and before anything is sent: ``recover`` comes later. Raises LedgerFault.
        """
        rows = [replace(row, pair=self._book.names.current_pair(row.pair)) for row in rows]
        # The oldest first, so that the last of each counts.
        answered = {row.pair: float(row.opentm) for row in rows}
        bought = {coin_of(row.pair): float(row.opentm) for row in rows if row.side is Side.BUY}
        self._ledger.take_over([row.cl_ord_id or "" for row in rows], answered, bought, self._book)
        for row in rows:
            words = (
                f"order {row.txid} was made before this ledger was brought back from a backup; it "
                "counts as copied"
            )
            lane, record = self._lane(coin_of(row.pair)), self._adopted(row, Reason.TAKEN_OVER, words, None)
            if row.status in ENDED:
                self._execution.found_ended(record, row)
                self._ended(lane, record)
            else:
                self._spawn(self._take_up(lane, record))
                await self.drain()

    def _adopted(self, row: OrderRow, reason: Reason, words: str, given_up: CopyRecord | None) -> CopyRecord:
        """An order that is there as a copy of its own, durable and not over yet; its coin is busy with it."""
        now = self._now()
        record = CopyRecord(
            copy_id=f"l{self._ledger.revision + 1}",
            fill_seqs=(),
            pair=row.pair,
            side=row.side,
            state=CopyState.RECEIVED,
            reason=reason,
            detail=words,
            received_at=now,
            decided_at=now,
            executed_at=given_up.executed_at if given_up else float(row.opentm),
            master_price=given_up.master_price if given_up else row.price,
            ordered=row.vol_exec if row.status in ENDED else row.vol,
            order_id=row.txid,
            cl_ord_id=row.cl_ord_id or "",
            slices=tuple(replace(piece, cost=NO_AMOUNT) for piece in given_up.slices) if given_up else (),
        )
        for state in (CopyState.PLANNED, CopyState.INTENT, CopyState.UNKNOWN, CopyState.ACKNOWLEDGED):
            record.move(state, now)
        self._ledger.commit(copies=(record,))
        self._changed()
        self._open[record.copy_id] = record
        self._lane(coin_of(row.pair)).busy = True
        return record

    # -- trading --------------------------------------------------------------------------------------------

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        """As ``_spawn``, but does at once what comes before its first wait: the order leaves one turn of the
        loop earlier, and its task is made when the answer is there. Until that wait the work has no task, so
        nothing there may use ``asyncio.timeout``.
        """
        try:
            awaited: asyncio.Future[Any] | None = work.send(None)
        except StopIteration:
            return
        except Exception as error:  # noqa: BLE001 - as of a task that ends by it
            self._failed(error)
            return
        if awaited is None:  # a wait for the loop's next turn only
            self._spawn(work)
            return
        self._tasks.add(awaited)
        awaited.add_done_callback(partial(self._go_on, work))

    def _go_on(self, work: Coroutine[Any, Any, None], awaited: asyncio.Future[Any]) -> None:
        self._tasks.discard(awaited)
        # What it waited for is done: a task's first step is its next one.
        self._spawn(work)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._failed(task.exception() or AssertionError())

    async def drain(self) -> None:
        """Waits until nothing is on its way."""
        while self._tasks:
            self._read_deferral.resume()
            await asyncio.wait(self._tasks)

    async def _take_up(self, lane: Lane, copy: CopyRecord) -> None:
        """Goes on with a copy that an earlier process left open."""
        await self._execution.take_up(copy)
        self._ended(lane, copy)

    async def _trade(self, lane: Lane, copy: CopyRecord) -> None:
        await self._execution.follow(copy)
        self._ended(lane, copy)

    def _ended(self, lane: Lane, copy: CopyRecord) -> None:
        """The copy is over: the lane goes on with what has waited."""
        self._open.pop(copy.copy_id, None)
        self._portfolio.release(copy.copy_id)
        lane.busy = False
        # What was bought may have to be sold when its pair is listed no more.
        self._portfolio.pairs.remember()
        self._advance_all()
        self._changed()


def _shown(cost: Decimal) -> str:
    return plain(round(cost, 8))
