"""The user's trading loop: takes fills in the journal's order, decides, orders, settles. Knows no gRPC and no sockets.

A fill is taken in one durable step. Where nothing of its pair is on its way, that step already holds the decision and the
intent, so that an order leaves after a single disk write; otherwise the fill waits in its pair's lane and is merged with
those behind it. One order a pair is on its way at a time: an exit must know what the entry before it has bought.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from typing import Any

from krakencopy.v1 import types_pb2 as pb

from account_proc import failpoint
from account_proc.bell import Bell
from account_proc.copy_record import CopyRecord, master_fill
from account_proc.copy_state import CopyState, Reason
from account_proc.copy_trader import CopyTrader
from account_proc.errors import (
    AccountError,
    ExchangeError,
    LedgerFault,
)
from account_proc.ledger import Ledger
from account_proc.order_desk import OrderDesk
from account_proc.order_watch import ENDED
from account_proc.pairs import PairRules
from account_proc.plans import Carry, Decision, Holdings, MasterFill, Order, Skip
from account_proc.portfolio import Portfolio
from account_proc.quiet import Quiet
from account_proc.rest_rows import OrderRow
from account_proc.spec import CopyRules
from account_proc.units import NO_AMOUNT, BaseVolume, Price, QuoteAmount, Side, plain

log = logging.getLogger(__name__)

#: Fills that are merged into one order at most.
MERGE_MAX = 1_000


class FillGap(AccountError):
    """A fill came that does not follow the last one: the conversation must begin again."""

    reason = "FILL_GAP"


@dataclass(slots=True)
class _Waiting:
    fill: MasterFill
    received_at: float


@dataclass(slots=True)
class _Lane:
    pair: str
    waiting: deque[_Waiting] = field(default_factory=deque)
    busy: bool = False


class Copier:
    """Copies fills into one user's account."""

    def __init__(
        self, *, account_id: str, rules: CopyRules, ledger: Ledger, portfolio: Portfolio, desk: OrderDesk,
        now: Callable[[], float], changed: Callable[[], None], failed: Callable[[BaseException], None],
        occupied: Callable[[], bool], own_held: Callable[[str], Decimal], quiet: Quiet,
    ) -> None:  # fmt: skip
        """``quiet`` is ended when something waits for an order. ``occupied``: whether an order of the account's own strategy may still
        reach the exchange; ``own_held``: what that strategy holds of an asset, which is not copying's to sell.
        """
        self._account_id = account_id
        self._rules = rules
        self._ledger = ledger
        self._portfolio = portfolio
        self._desk = desk
        self._now = now
        self._changed = changed
        self._failed = failed
        self._occupied = occupied
        self._own_held = own_held
        self._quiet = quiet
        self._book = ledger.load_book()
        self._trader = CopyTrader(
            account_id=account_id, rules=rules, ledger=ledger, book=self._book, portfolio=portfolio, desk=desk, now=now,
            changed=changed, own_held=own_held,
        )  # fmt: skip
        self._lanes: dict[str, _Lane] = {}
        #: Tasks, and what begun work waits for first.
        self._tasks: set[asyncio.Future[Any]] = set()
        self._open: dict[str, CopyRecord] = {}

    # -- what others may know -----------------------------------------------------------------------------------

    @property
    def copies_open(self) -> int:
        """Copies whose end is not known, and fills that wait."""
        # A copy of the lanes: another thread may ask as well.
        return len(self._open) + sum(len(lane.waiting) for lane in list(self._lanes.values()))

    def positions(self) -> list[pb.CopiedPosition]:
        """What copying holds and carries."""
        pairs = {*self._book.positions, *(pair for pair, _ in self._book.carried)}
        found = []
        for pair in sorted(pairs):
            position = self._book.position(pair)
            buy, sell = (self._book.carried_volume(pair, side) for side in (Side.BUY, Side.SELL))
            if position.volume or buy or sell:
                found.append(
                    pb.CopiedPosition(
                        pair=pair, volume=str(position.volume), cost=plain(round(position.cost.amount, 8)),
                        carried_buy=str(buy), carried_sell=str(sell), missing_volume=self._missing(pair, position.volume),
                    )
                )  # fmt: skip
        return found

    def held(self, asset: str) -> Decimal:
        """What copying holds of an asset."""
        held = self._book.positions.items()
        return sum(
            (position.volume.amount for pair, position in held if pair.partition("/")[0] == asset), Decimal(0)
        )

    def _missing(self, pair: str, held: BaseVolume) -> str:
        """What should be there by copying and is not; empty when nothing is missing, or nobody knows."""
        if self._lane(pair).busy or not self._portfolio.believed:
            return ""
        base = pair.partition("/")[0]
        missing = held.amount - (self._portfolio.wallet[base] - self._own_held(base))
        return plain(missing) if missing > 0 else ""

    # -- taking fills -------------------------------------------------------------------------------------------

    def recover(self) -> None:
        """Takes up what an earlier process left: intents first, then fills that waited."""
        for copy in self._ledger.open_copies():
            log.info("taking up copy %s, left %s", copy.copy_id, copy.state)
            lane = self._lane(copy.pair)
            lane.busy = True
            self._open[copy.copy_id] = copy
            self._spawn(self._take_up(lane, copy))
        for seq, body in self._ledger.pending_fills():
            fill = master_fill(pb.Fill.FromString(body))
            assert fill.seq == seq
            self._lane(fill.pair).waiting.append(_Waiting(fill, self._now()))
        for lane in list(self._lanes.values()):
            self._advance(lane)

    def take(self, messages: Iterable[pb.Fill]) -> None:
        """Takes the next fills in one durable step. Raises FillGap or LedgerFault. Repeated fills do nothing.

        That step already answers the first of them, with those behind it that are of the same master order; the others are kept.
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
        lanes = list({lane.pair: lane for lane in map(self._await_turn, fills)}.values())
        if self._open:
            # Their order, or their turn at the exchange, waits for one that is on its way.
            self._quiet.end()
        for lane in lanes:
            if not lane.busy and self._portfolio.table.find(lane.pair) is None:
                # Listed after this process read the pairs; its fills wait until they were read again.
                lane.busy = True
                self._spawn(self._learn(lane))
        try:
            self._take(new, next((lane for lane in lanes if not lane.busy), None))
            for lane in lanes:
                self._advance(lane)
            # Behind the orders, if there are any: whoever hears of it has time.
            self._quiet.behind(self._changed)
        except LedgerFault as error:
            self._failed(error)
            raise

    def _read(self, message: pb.Fill) -> MasterFill:
        """The fill as the rules see it; takes over the prices that it brings."""
        fill = master_fill(message)
        base, _, quote = fill.pair.partition("/")
        self._portfolio.set_marks(quote, message.marks)
        self._portfolio.marks.set(base, quote, fill.price.amount)
        return fill

    def _await_turn(self, fill: MasterFill) -> _Lane:
        """Puts a fill behind the others of its pair."""
        lane = self._lane(fill.pair)
        lane.waiting.append(_Waiting(fill, self._now()))
        return lane

    def _take(self, new: list[pb.Fill], free: _Lane | None) -> None:
        """Moves the cursor behind new fills and keeps those that are not answered at once.

        Those are of one master order: what the next is copied with is known when the copy of this one is paid for.
        """
        cursor = (new[-1].seq, new[-1].exec_id)
        run = [] if free is None else self._next_run(free, of_one_order=True)
        at_once = {waiting.fill.seq for waiting in run}
        kept = [(message.seq, message.SerializeToString()) for message in new if message.seq not in at_once]
        if free is None:
            self._ledger.commit(cursor=cursor, add_pending=kept)
        else:
            order = self._answer(free, run, cursor, kept)
            if order is not None:
                free.busy = True
                self._begin(self._trade(free, order))
                if len(self._open) == 1 and not free.waiting:
                    self._quiet.begin()

    def _lane(self, pair: str) -> _Lane:
        return self._lanes.get(pair) or self._lanes.setdefault(pair, _Lane(pair))

    async def _learn(self, lane: _Lane) -> None:
        """Reads the exchange's pairs again for one that is not known; what is still not known then is not listed."""
        try:
            await self._portfolio.load_symbols()
        except ExchangeError as error:
            log.warning("pairs could not be read again for %s: %s", lane.pair, error)
        lane.busy = False
        self._advance(lane)
        self._changed()

    def _advance(self, lane: _Lane) -> None:
        """Answers what waits, up to the first order."""
        while lane.waiting and not lane.busy:
            order = self._answer(lane, self._next_run(lane))
            if order is not None:
                lane.busy = True
                self._spawn(self._trade(lane, order))

    @staticmethod
    def _next_run(lane: _Lane, *, of_one_order: bool = False) -> list[_Waiting]:
        """The fills that are merged into the next order: the first that waits, and those of the same side right behind it."""
        run = [lane.waiting.popleft()]
        first = run[0].fill
        while lane.waiting and len(run) < MERGE_MAX:
            fill = lane.waiting[0].fill
            if fill.side is not first.side or (of_one_order and fill.order_id != first.order_id):
                break
            run.append(lane.waiting.popleft())
        return run

    def _answer(
        self, lane: _Lane, batch: list[_Waiting], cursor: tuple[int, str] | None = None, keep: Sequence[tuple[int, bytes]] = ()
    ) -> CopyRecord | None:  # fmt: skip
        """Decides about a batch and makes it durable; the copy that is to be ordered, if any.

        ``cursor``: the batch comes straight from the journal and was never kept here; ``keep``: others that came with it.
        """
        taken = [waiting.fill for waiting in batch]
        now = self._now()
        pair = self._portfolio.table.find(lane.pair)
        records = [
            self._record(skip, batch[0].received_at, now) for skip in map(self._set_apart, taken) if skip
        ]
        fills = [fill for fill in taken if not self._set_apart(fill)] if records else taken
        order: CopyRecord | None = None
        if not fills:
            pass
        elif pair is None:
            skip = Skip(fills=tuple(fills), reason=Reason.UNKNOWN_PAIR, detail=f"{lane.pair} is not listed")
            records.append(self._record(skip, batch[0].received_at, now))
        else:
            verdict = self._book.decide(fills, pair, self._rules, self._holdings(pair), now)
            for decision in verdict.decisions:
                record = self._record(decision, batch[0].received_at, now)
                record.user_equity = (verdict.user_equity or NO_AMOUNT).amount
                records.append(record)
                if isinstance(decision, Order):
                    order = record
                    records += self._joined(decision, record.copy_id)
                elif isinstance(decision, Carry):
                    self._book.carry(lane.pair, record.side, decision.slices, record.copy_id)
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
            pairs=(lane.pair,),
            cursor=cursor,
            add_pending=keep,
            drop_pending=[fill.seq for fill in taken] if cursor is None else (),
        )
        failpoint.reach(self._account_id, "after_intent")
        return order

    def _set_apart(self, fill: MasterFill) -> Skip | None:
        """Why a fill is not decided about at all, if so."""
        if fill.not_copied:
            words = "the master's order is a copy of one of our own users, whose key belongs to the master's account"
            return Skip(fills=(fill,), reason=Reason.SAME_ACCOUNT, detail=words)
        if fill.executed_at <= self._ledger.answered.get(fill.pair, 0.0):
            words = "answered by orders at the exchange that are newer than this ledger; see the copies TAKEN_OVER"
            return Skip(fills=(fill,), reason=Reason.ANSWERED_BEFORE, detail=words)
        return None

    def _holdings(self, pair: PairRules) -> Holdings:
        equity = self._portfolio.equity(pair.quote)
        # A wallet that has missed an execution (feed down, process just started) must not cut an exit: the rest would be
        # written off and stay. The exchange refuses what is not there, and only then are balances read and believed.
        base = max(self._portfolio.wallet[pair.base], self._book.position(pair.symbol).volume.amount)
        return Holdings(
            equity=None if equity is None else QuoteAmount(equity),
            cash=QuoteAmount(max(self._portfolio.cash(pair.quote), Decimal(0))),
            base=BaseVolume(base),
        )

    def _record(self, decision: Decision, received_at: float, now: float) -> CopyRecord:
        first = decision.fills[0]
        record = CopyRecord(
            copy_id=f"c{first.seq}", fill_seqs=tuple(fill.seq for fill in decision.fills), pair=first.pair,
            side=first.side, state=CopyState.RECEIVED, reason=decision.reason, detail=decision.detail,
            received_at=received_at, decided_at=now, executed_at=first.executed_at,
            master_price=decision.fills[-1].price.amount,
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
        record.move(CopyState.PLANNED, now)
        self._trader.intend(record)

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

    # -- exits that are owed ------------------------------------------------------------------------------------

    async def converge(self, changes: Bell) -> None:
        """Finishes exits that are owed, for ever. Opens nothing, and waits its turn behind fills of the same pair.

        ``changes`` rings on each change of the account: while no exit is owed, nothing else wakes this. Looks after the ledger as
        well, when nothing is copied. Raises LedgerFault.
        """
        seen = -1
        while True:
            await asyncio.sleep(self._desk.timing.retry)
            if not self.copies_open:
                self._ledger.tidy()
            if not any(side is Side.SELL for _, side in self._book.carried):
                seen = await changes.wait(seen)
                continue
            for pair_name, side in list(self._book.carried):
                lane = self._lane(pair_name)
                due = self._trader.exit_not_before(pair_name) <= self._now()
                if side is Side.SELL and due and not lane.busy and not lane.waiting and not self._occupied():
                    self._sell_owed(lane)

    def _sell_owed(self, lane: _Lane) -> None:
        pair = self._portfolio.table.find(lane.pair)
        price = None if pair is None else self._portfolio.marks.rate(pair.base, pair.quote)
        if pair is None or price is None:
            return
        order = self._book.owed_exit(pair, Price(price))
        if order is None:
            return
        now = self._now()
        # No fill stands behind it, so its id comes from the revision that it will have.
        record = CopyRecord(
            copy_id=f"x{self._ledger.revision + 1}", fill_seqs=(), pair=lane.pair, side=Side.SELL,
            state=CopyState.RECEIVED, reason=order.reason, detail=order.detail, received_at=now, decided_at=now,
            executed_at=now, master_price=price,
        )  # fmt: skip
        self._planned(record, order, now)
        self._open[record.copy_id] = record
        lane.busy = True
        self._ledger.commit(
            copies=[record, *self._joined(order, record.copy_id)], book=self._book, pairs=(lane.pair,)
        )
        self._changed()
        self._spawn(self._trade(lane, record))

    # -- orders that were given up and were there after all -----------------------------------------------------

    def adopt(self, row: OrderRow, given_up: CopyRecord) -> bool:
        """Takes what such an order filled into the copied position, as a copy of its own; False while the pair is busy.

        An entry that is not attributed would stay when the master leaves; an exit that is not, would be made again.
        """
        lane = self._lane(row.pair)
        if lane.busy:
            return False
        words = f"order {row.txid} of copy {given_up.copy_id} had been proven not to exist and was there after all"
        self._spawn(self._take_up(lane, self._adopted(row, Reason.FOUND_LATE, words, given_up)))
        return True

    async def take_over(self, rows: Sequence[OrderRow]) -> None:
        """The same for orders that this ledger made before it was brought back from a backup, the oldest first; to their end, and
        before anything is sent: ``recover`` comes later. Raises LedgerFault.
        """
        answered: dict[str, float] = {}
        for row in rows:
            answered[row.pair] = max(answered.get(row.pair, 0.0), float(row.opentm))
        self._ledger.take_over([row.cl_ord_id or "" for row in rows], answered, self._book)
        for row in rows:
            words = f"order {row.txid} was made before this ledger was brought back from a backup; it counts as copied"
            lane, record = self._lane(row.pair), self._adopted(row, Reason.TAKEN_OVER, words, None)
            if row.status in ENDED:
                self._trader.found_ended(record, row)
                self._ended(lane, record)
            else:
                self._spawn(self._take_up(lane, record))
                await self.drain()

    def _adopted(self, row: OrderRow, reason: Reason, words: str, given_up: CopyRecord | None) -> CopyRecord:
        """An order that is there as a copy of its own, durable and not over yet; its pair is busy with it."""
        now = self._now()
        record = CopyRecord(
            copy_id=f"l{self._ledger.revision + 1}", fill_seqs=(), pair=row.pair, side=row.side,
            state=CopyState.RECEIVED, reason=reason, detail=words,
            received_at=now, decided_at=now, executed_at=given_up.executed_at if given_up else float(row.opentm),
            master_price=given_up.master_price if given_up else row.price,
            ordered=row.vol_exec if row.status in ENDED else row.vol, order_id=row.txid, cl_ord_id=row.cl_ord_id or "",
            slices=tuple(replace(piece, cost=NO_AMOUNT) for piece in given_up.slices) if given_up else (),
        )  # fmt: skip
        for state in (CopyState.PLANNED, CopyState.INTENT, CopyState.UNKNOWN, CopyState.ACKNOWLEDGED):
            record.move(state, now)
        self._ledger.commit(copies=(record,))
        self._changed()
        self._open[record.copy_id] = record
        self._lane(row.pair).busy = True
        return record

    # -- trading ------------------------------------------------------------------------------------------------

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        """As ``_spawn``, but does at once what comes before its first wait: the order leaves one turn of the loop earlier, and its task
        is made when the answer is there. Until that wait the work has no task, so nothing there may use ``asyncio.timeout``.
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
            self._quiet.end()
            await asyncio.wait(self._tasks)

    async def _take_up(self, lane: _Lane, copy: CopyRecord) -> None:
        """Goes on with a copy that an earlier process left open."""
        await self._trader.take_up(copy)
        self._ended(lane, copy)

    async def _trade(self, lane: _Lane, copy: CopyRecord) -> None:
        await self._trader.follow(copy)
        self._ended(lane, copy)

    def _ended(self, lane: _Lane, copy: CopyRecord) -> None:
        """The copy is over: the lane goes on with what has waited."""
        if copy.side is Side.SELL:
            self._trader.exit_ended(copy)
        self._open.pop(copy.copy_id, None)
        self._portfolio.release(copy.copy_id)
        lane.busy = False
        self._advance(lane)
        self._changed()
