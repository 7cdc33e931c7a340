"""The user's trading loop: takes fills in the journal's order, decides, orders, settles. Knows no gRPC and no sockets.

A fill is taken in one durable step. Where nothing of its pair is on its way, that step already holds the decision and the
intent, so that an order leaves after a single disk write; otherwise the fill waits in its pair's lane and is merged with
those behind it. One order a pair is on its way at a time: an exit must know what the entry before it has bought.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from krakencopy.v1 import types_pb2 as pb

from account_proc.copy_record import CopyRecord, master_fill
from account_proc.copy_state import CopyState, Reason
from account_proc.errors import (
    AccountError,
    InvalidNonce,
    KrakenError,
    KrakenRefused,
    LedgerFault,
    OutcomeUnknown,
    RateLimited,
)
from account_proc.ledger import Ledger
from account_proc.order_desk import OrderDesk, client_order_id
from account_proc.order_watch import Ending
from account_proc.pairs import PairRules
from account_proc.portfolio import Portfolio
from account_proc.sizing import Carry, Decision, Holdings, MasterFill, Order, SettledOrder, Skip, Slice
from account_proc.spec import CopyRules
from account_proc.units import BPS, NO_AMOUNT, BaseVolume, QuoteAmount, Side

log = logging.getLogger(__name__)

#: Fills that are merged into one order at most.
MERGE_MAX = 1_000
#: Tries of an order that the exchange refused for its rate only, before an entry is given up.
RATE_TRIES = 5
#: Kraken's words for an order that is smaller than a minimum which has grown since the rules were read.
MINIMUM_ERRORS = ("EOrder:Order minimum not met", "EOrder:Cost minimum not met")


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
    ) -> None:  # fmt: skip
        self._account_id = account_id
        self._rules = rules
        self._ledger = ledger
        self._portfolio = portfolio
        self._desk = desk
        self._now = now
        self._changed = changed
        self._failed = failed
        self._book = ledger.load_book()
        self._lanes: dict[str, _Lane] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._open: dict[str, CopyRecord] = {}

    # -- what others may know -----------------------------------------------------------------------------------

    @property
    def copies_open(self) -> int:
        """Copies whose end is not known, and fills that wait."""
        return len(self._open) + sum(len(lane.waiting) for lane in self._lanes.values())

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
                        pair=pair, volume=str(position.volume), cost=str(position.cost), carried_buy=str(buy),
                        carried_sell=str(sell),
                    )
                )  # fmt: skip
        return found

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

    def take(self, message: pb.Fill) -> None:
        """Takes the next fill; durable when it returns. Raises FillGap or LedgerFault. A repeated fill does nothing."""
        cursor = self._ledger.cursor
        assert cursor is not None, "fills before the ledger joined a journal"
        if message.seq <= cursor:
            return
        if message.seq != cursor + 1:
            raise FillGap(f"fill {message.seq} does not follow {cursor}")
        fill = master_fill(message)
        quote = fill.pair.partition("/")[2]
        self._portfolio.set_marks(quote, message.marks)
        self._portfolio.marks.set(fill.pair.partition("/")[0], quote, fill.price.amount)
        lane = self._lane(fill.pair)
        lane.waiting.append(_Waiting(fill, self._now()))
        try:
            if lane.busy:
                self._ledger.commit(cursor=fill.seq, add_pending=(fill.seq, message.SerializeToString()))
                self._changed()
            else:
                self._advance(lane, cursor=fill.seq)
        except LedgerFault as error:
            self._failed(error)
            raise

    def _lane(self, pair: str) -> _Lane:
        return self._lanes.setdefault(pair, _Lane(pair))

    def _advance(self, lane: _Lane, cursor: int | None = None) -> None:
        """Answers what waits, up to the first order."""
        while lane.waiting and not lane.busy:
            batch = [lane.waiting.popleft()]
            while (
                lane.waiting and lane.waiting[0].fill.side is batch[0].fill.side and len(batch) < MERGE_MAX
            ):  # merged: one order for the whole run
                batch.append(lane.waiting.popleft())
            order = self._answer(lane, batch, cursor)
            if order is not None:
                lane.busy = True
                self._spawn(self._trade(lane, order))

    def _answer(self, lane: _Lane, batch: list[_Waiting], cursor: int | None) -> CopyRecord | None:
        """Decides about a batch and makes it durable; the copy that is to be ordered, if any."""
        fills = [waiting.fill for waiting in batch]
        now = self._now()
        pair = self._portfolio.table.find(lane.pair)
        records: list[CopyRecord] = []
        order: CopyRecord | None = None
        if pair is None:
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
        self._ledger.commit(
            copies=records,
            book=self._book,
            pairs=(lane.pair,),
            cursor=cursor,
            drop_pending=[fill.seq for fill in fills],
        )
        self._changed()
        return order

    def _holdings(self, pair: PairRules) -> Holdings:
        equity = self._portfolio.equity(pair.quote)
        return Holdings(
            equity=None if equity is None else QuoteAmount(equity),
            cash=QuoteAmount(max(self._portfolio.cash(pair.quote), Decimal(0))),
            base=BaseVolume(max(self._portfolio.wallet[pair.base], Decimal(0))),
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
                record.planned, record.ordered = decision.planned.amount, decision.volume.amount
                record.slices, record.sweep = decision.slices, decision.sweep
                record.carried_in = decision.carried_in
                record.limit_price = decision.limit_price.amount if decision.limit_price else None
                record.move(CopyState.PLANNED, now)
                self._intend(record)
        return record

    def _intend(self, copy: CopyRecord) -> None:
        """Turns a plan (or an order that is proven not to exist) into the next attempt's intent; not durable yet."""
        now = self._now()
        copy.attempts += 1
        copy.cl_ord_id = client_order_id(
            self._ledger.journal_id or "", self._account_id, copy.copy_id, str(copy.attempts)
        )
        copy.deadline = now + self._desk.timing.deadline
        copy.move(CopyState.INTENT, now)

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

    # -- trading ------------------------------------------------------------------------------------------------

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._failed(task.exception() or AssertionError())

    async def drain(self) -> None:
        """Waits until nothing is on its way."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _take_up(self, lane: _Lane, copy: CopyRecord) -> None:
        """Goes on with a copy that an earlier process left open."""
        self._desk.watch.expect(copy.cl_ord_id, copy.ordered)
        if copy.state is CopyState.ACKNOWLEDGED:
            self._desk.watch.acknowledged(copy.cl_ord_id, copy.order_id)
        else:
            if copy.state is not CopyState.UNKNOWN:
                self._move(copy, CopyState.UNKNOWN, detail="the process ended before the answer came")
            await self._resolve(copy)
        await self._follow(lane, copy)

    async def _trade(self, lane: _Lane, copy: CopyRecord) -> None:
        await self._send(copy)
        await self._follow(lane, copy)

    async def _follow(self, lane: _Lane, copy: CopyRecord) -> None:
        """To the end of the copy, however often it has to be sent."""
        while copy.state in {CopyState.INTENT, CopyState.UNKNOWN}:
            if copy.state is CopyState.INTENT:
                await self._send(copy)
            else:
                await self._resolve(copy)
        if copy.state is CopyState.ACKNOWLEDGED:
            self._settle(copy, await self._desk.end(copy.cl_ord_id))
        self._open.pop(copy.copy_id, None)
        self._portfolio.release(copy.copy_id)
        lane.busy = False
        self._advance(lane)
        self._changed()

    async def _send(self, copy: CopyRecord) -> None:
        """One attempt; afterwards the copy is ACKNOWLEDGED, UNKNOWN, INTENT (refused for its rate), or at its end."""
        now = self._now()
        # SENT needs no write of its own: whoever finds an intent must assume that it was sent.
        copy.move(CopyState.SENT, now)
        copy.sent_at = now
        self._desk.watch.expect(copy.cl_ord_id, copy.ordered)
        try:
            ack = await self._desk.send(
                pair=copy.pair, side=copy.side, volume=copy.ordered, limit_price=copy.limit_price,
                ioc=copy.limit_price is not None, cl_ord_id=copy.cl_ord_id, deadline=copy.deadline,
            )  # fmt: skip
        except OutcomeUnknown as error:
            self._move(copy, CopyState.UNKNOWN, detail=error.cause)
        except (RateLimited, InvalidNonce) as error:
            await self._send_later(copy, error)
        except KrakenRefused as error:
            self._refused(copy, error)
        else:
            copy.order_id = ack.order_id
            copy.acknowledged_at = self._now()
            self._move(copy, CopyState.ACKNOWLEDGED)
            self._desk.watch.acknowledged(copy.cl_ord_id, ack.order_id)

    async def _send_later(self, copy: CopyRecord, error: KrakenRefused) -> None:
        """The exchange did nothing, and says to come back. An entry is only worth a few tries; an exit all of them."""
        log.warning("copy %s: %s; it is sent again", copy.copy_id, error)
        self._desk.watch.forget(copy.cl_ord_id)
        stale = self._now() - copy.executed_at > self._rules.max_entry_age_s
        if copy.side is Side.BUY and (stale or copy.attempts >= RATE_TRIES):
            self._refused(copy, error)
            return
        await asyncio.sleep(self._desk.timing.retry)
        self._intend(copy)
        self._ledger.commit(copies=(copy,))

    def _refused(self, copy: CopyRecord, error: KrakenRefused) -> None:
        self._desk.watch.forget(copy.cl_ord_id)
        now = self._now()
        if error.errors[0].startswith(MINIMUM_ERRORS):
            slices = copy.slices if copy.side is Side.BUY else (_owed(copy),)
            self._book.carry(copy.pair, copy.side, slices, copy.copy_id)
            copy.move(
                CopyState.CARRIED, now, reason=error.errors[0], detail="the exchange's minimum has grown"
            )
        else:
            self._book.settle(copy.pair, copy.side, _settled(copy, Decimal(0)))
            copy.move(CopyState.REJECTED, now, reason=error.errors[0])
        log.warning("copy %s was refused: %s", copy.copy_id, error)
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
            self._intend(copy)
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
        except KrakenError as error:
            return f"no price to be had ({error})"
        bound = copy.master_price * (1 + Decimal(self._rules.max_slippage_bps) / BPS)
        return f"the price is {quote}, past the slippage bound {bound}" if quote > bound else ""

    def _settle(self, copy: CopyRecord, ending: Ending) -> None:
        """The order is over: position, plans and the copy's end in one write."""
        base = copy.pair.partition("/")[0]
        copy.order_id, copy.filled, copy.cost = ending.order_id, ending.filled, ending.cost
        copy.fee, copy.fee_asset = ending.fee, ending.fee_asset
        copy.fee_base = ending.fee if ending.fee_asset == base else Decimal(0)
        self._book.settle(copy.pair, copy.side, _settled(copy, ending.filled))
        if copy.filled >= copy.ordered:
            copy.move(CopyState.FILLED, self._now())
        elif copy.filled:
            copy.move(
                CopyState.PART_FILLED, self._now(), detail=f"{copy.filled} of {copy.ordered} was filled"
            )
        else:
            copy.move(CopyState.REJECTED, self._now(), reason=Reason.ENDED_UNFILLED)
        self._ledger.commit(copies=(copy,), book=self._book, pairs=(copy.pair,))

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
