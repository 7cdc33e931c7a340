"""Copies the master's fills into one user's account: joins the parts of copying/. Knows no sockets.

The way of a fill, by entry points:

    Copier.take_fills        service/account_service.py has read fills of the journal
      IncomingFills          whether they follow those before, and what the rules see (incoming_fills.py)
      Turns.add_fill         puts each into the lane of its coin (turns.py)
      Lookups.before_fills   says what has to be asked first: the lane stands still (lookups.py)
      FillAnswers.answer_run decides about those whose turn it is, in one write (fill_answers.py)
      EagerTasks             begins the order in the same turn of the loop (runtime/eager_tasks.py)
      CopyExecution.follow   sends the order, finds out how it ended, settles it (copy_execution.py)
    Copier._end_copy         frees the lane, and answers what has waited: the same from Turns.take_run on

A fill is taken in one durable step. Where nothing of its coin is on its way, that step already holds the
decision and the intent, so that an order leaves after a single disk write; otherwise the fill waits in its
coin's lane and is merged with those behind it.

Copies begin in three other ways: ``take_sync`` brings the user to the master's positions (syncs.py),
``sell_owed_exits`` sells what earlier exits could not (owed_exits.py), and ``adopt_order`` and
``take_over_orders`` count orders that were found at the exchange (found_orders.py).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence

from krakencopy.account_proc.contract.copy_state import CopyState
from krakencopy.account_proc.contract.errors import LedgerFault
from krakencopy.account_proc.contract.trading_states import FlattenBy
from krakencopy.account_proc.copying.asked_fills import Asked, AskedAnswer, AskedFills
from krakencopy.account_proc.copying.copied_positions import CopiedPositions
from krakencopy.account_proc.copying.copy_context import CopyContext
from krakencopy.account_proc.copying.copy_execution import CopyExecution
from krakencopy.account_proc.copying.copy_steps import CopySteps
from krakencopy.account_proc.copying.excluded_entries import give_up_excluded
from krakencopy.account_proc.copying.exits import Exits
from krakencopy.account_proc.copying.fill_answers import FillAnswers
from krakencopy.account_proc.copying.flatten import Flatten
from krakencopy.account_proc.copying.found_orders import FoundOrders
from krakencopy.account_proc.copying.halted_orders import HaltedOrders
from krakencopy.account_proc.copying.holdings import Holdings
from krakencopy.account_proc.copying.incoming_fills import IncomingFills
from krakencopy.account_proc.copying.lookups import Lookup, Lookups
from krakencopy.account_proc.copying.new_copies import NewCopies
from krakencopy.account_proc.copying.owed_exits import OwedExits
from krakencopy.account_proc.copying.sales import Sales
from krakencopy.account_proc.copying.syncs import Syncs
from krakencopy.account_proc.copying.turns import Turns, coin_of, quote_of
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.domain.order import ENDED
from krakencopy.account_proc.kraken.rest.messages import OrderRow
from krakencopy.account_proc.runtime.change_signal import ChangeSignal
from krakencopy.account_proc.runtime.eager_tasks import EagerTasks
from krakencopy.v1 import account_pb2
from krakencopy.v1 import types_pb2 as pb

log = logging.getLogger(__name__)


class Copier:
    """Copies fills into one user's account."""

    def __init__(self, context: CopyContext) -> None:
        self._context = context
        self._ledger, self._portfolio = context.ledger, context.portfolio
        self._names = context.book.names
        self._turns = Turns(lambda pair: context.rules_of(pair).max_slippage_bps)
        self._tasks = EagerTasks(context.failed)
        self._lookups = Lookups(context)
        exits, steps = Exits(context), CopySteps(context)
        halted_orders = HaltedOrders(context, self._tasks.spawn)
        self._execution = CopyExecution(context, steps, exits, halted_orders)
        new_copies = NewCopies(context, steps, self._execution)
        holdings, sales = Holdings(context), Sales(context)
        self._answers = FillAnswers(context, new_copies, holdings)
        self._execution.why_no_room = holdings.why_no_room
        self.syncs = Syncs(context, holdings, new_copies, sales)
        self._owed_exits = OwedExits(context, exits, new_copies, self._turns)
        self._flatten = Flatten(context, self._turns, sales, FlattenBy.SAID)
        self._limit_flatten = Flatten(context, self._turns, sales, FlattenBy.LIMIT)
        context.guard.listeners.append(self._look_at_wishes)
        self._found_orders = FoundOrders(context)
        self._incoming = IncomingFills(context)
        self._asked_fills = AskedFills(context, self._turns, self._answers, self._incoming, self._begin_copy)
        #: What copying holds and carries.
        self.positions = CopiedPositions(context, exits, self._turns, sales)
        #: Whether what an earlier process left is counted here.
        self.has_taken_up = False
        #: What the master trades, as far as this user has received.
        self.master_pairs: set[str] = set()

    @property
    def copied_pairs(self) -> set[str]:
        """In which pairs what the master trades is copied."""
        return set(map(self._context.pair_map.of, self.master_pairs))

    @property
    def copies_open(self) -> int:
        """Copies whose end is not known, and fills that wait. Asked from another thread as well."""
        return self._turns.unfinished

    @property
    def flatten_state(self) -> pb.FlattenState.ValueType:
        """How far the last order to sell all that copying bought has come, if there is one."""
        return self._flatten.state

    async def drain(self) -> None:
        """Waits until nothing is on its way."""
        while self._tasks.pending:
            self._context.read_deferral.resume()
            await asyncio.wait(self._tasks.pending)

    # -- fills of the journal -------------------------------------------------------------------------------

    def recover_unfinished(self) -> None:
        """Takes up what an earlier process left: intents first, then fills that waited."""
        give_up_excluded(self._context)
        for copy in self._ledger.open_copies():
            log.info("taking up copy %s, left %s", copy.copy_id, copy.state)
            self._open_copy(copy)
            self._tasks.spawn(self._take_up(copy))
        items = self.syncs.left_items()
        for seq, body in self._ledger.pending_fills():
            while items and items[0].as_of_seq < seq:
                self._turns.add_sync(items.pop(0))
            message = pb.Fill.FromString(body)
            fill = self._incoming.kept_fill(message)
            assert fill.seq == seq
            self._incoming.taken(message)
            self._turns.add_fill(fill, self._context.now())
        for item in items:
            self._turns.add_sync(item)
        self._flatten.begin()
        self._limit_flatten.begin()
        self._asked_fills.begin()
        self.has_taken_up = True
        self._answer_waiting()

    def take_fills(self, messages: Iterable[pb.Fill]) -> None:
        """Takes the next fills in one durable step. Raises FillGap, FillDiffers, FillInvalid or
        LedgerFault. Repeated fills do nothing.

        That step already answers the first of them, with those behind it that are of the same master order;
        the others are kept.
        """
        new = self._incoming.not_taken_yet(messages)
        if not new:
            return
        # One that cannot be read is found before any of them waits: they will all come again.
        fills = list(map(self._incoming.read_fill, new))
        self.master_pairs.update(fill.filtered_by for fill in fills)
        fills = [fill for fill in fills if not self._asked_fills.has_answered(fill.seq)]
        for fill in fills:
            self._turns.add_fill(fill, self._context.now())
        if self._turns.orders_on_way:
            # Their order, or their turn at the exchange, waits for one that is on its way.
            self._context.read_deferral.resume()
        coins = list(dict.fromkeys(coin_of(fill.pair) for fill in fills))
        for coin in coins:
            self._look_up_before_fills(coin)
        try:
            to_answer = [message for message in new if not self._asked_fills.has_answered(message.seq)]
            cursor = (new[-1].seq, new[-1].exec_id)
            self._make_taken(to_answer, cursor, next(filter(self._may_answer_at_once, coins), None))
            self._answer_waiting()
            for message in new:
                self._incoming.taken(message)
            # Behind the orders, if there are any: what waits for it has time.
            self._context.read_deferral.run_after(self._context.changed)
        except LedgerFault as error:
            self._context.failed(error)
            raise

    def take_sync(self, order: account_pb2.SyncOrder) -> None:
        """Brings the user to the master's positions, as of the last fill that was taken. Repeated ones do
        nothing. Raises FillGap or LedgerFault.
        """
        try:
            for item in self.syncs.take_order(order):
                self._turns.add_sync(item)
            self._answer_waiting()
        except LedgerFault as error:
            self._context.failed(error)
            raise
        self._context.changed()

    def _make_taken(self, new: Sequence[pb.Fill], cursor: tuple[int, str], first_coin: str | None) -> None:
        """Moves the cursor behind new fills, answers those whose turn it is and keeps the others, durably.
        ``first_coin``: whose turn it is.

        Answered are those of one master order: what the next is copied with is known when the copy of this
        one is paid for.
        """
        run = [] if first_coin is None else self._turns.take_run(first_coin, of_one_order=True)
        at_once = {waiting.fill.seq for waiting in run}
        kept = [(message.seq, message.SerializeToString()) for message in new if message.seq not in at_once]
        if first_coin is None:
            self._ledger.commit(cursor=cursor, add_pending=kept)
        elif (copy := self._answers.answer_run(run, cursor, kept)) is not None:
            self._open_copy(copy)
            self._tasks.run_to_first_wait(self._follow(copy))
            if self._turns.orders_on_way == 1 and not self._turns.fills_waiting(first_coin):
                self._context.read_deferral.defer()

    def _answer_waiting(self) -> None:
        """Answers what waits in any lane, in the journal's order.

        An answer without an order ends no order that would call this again, and may be what another lane has
        waited for.
        """
        progress = True
        while progress:
            progress = sum(map(self._answer_lane, self._turns.coins_waiting())) > 0

    def _answer_lane(self, coin: str) -> bool:
        """Answers what waits of a coin, up to the first order; whether it has answered anything."""
        answered = False
        while self._turns.may_answer(coin):
            if (wish := self._asked_fills.first_of(coin)) is not None:
                if not self._asked_fills.answer_first(wish):
                    break
                answered = True
                continue
            first, item = self._turns.fills_waiting(coin)[0], self._turns.sync_waiting(coin)
            lookup = self._lookups.before_pair(first.pair, first.side)
            if lookup is None and item is not None:
                lookup = self.syncs.before_item(item)
            if lookup is not None:
                # The coin was renamed while it waited.
                self._begin_lookup(coin, lookup)
                break
            answered = True
            run = self._turns.take_run(coin)
            copy = self._answers.answer_run(run) if item is None else self.syncs.answer(item)
            if copy is not None:
                self._begin_copy(copy)
        return answered

    def _may_answer_at_once(self, coin: str) -> bool:
        """Whether what waits first of a coin is a fill, and may be answered in the write that takes it."""
        return self._turns.may_answer_fill(coin) and self._asked_fills.first_of(coin) is None

    async def copy_asked_fill(self, asked: Asked) -> AskedAnswer:
        """Copies one fill that somebody asks for, or says why not. Raises LedgerFault, FillInvalid."""
        try:
            return await self._asked_fills.ask(asked)
        except LedgerFault as error:
            self._context.failed(error)
            raise

    # -- what is asked before ------------------------------------------------------------------------------

    def _look_up_before_fills(self, coin: str) -> None:
        """Asks for what the answer to a coin's fills needs, if anything."""
        if self._turns.is_occupied(coin):
            return
        lookup = self._lookups.before_fills(self._turns.fills_waiting(coin))
        if lookup is not None:
            self._begin_lookup(coin, lookup)

    def _begin_lookup(self, coin: str, lookup: Lookup) -> None:
        self._turns.begin_lookup(coin)
        self._tasks.spawn(self._look_up(coin, lookup))

    async def _look_up(self, coin: str, lookup: Lookup) -> None:
        """The coin's lane stands still until the exchange has answered."""
        await self._lookups.ask(lookup, coin)
        self._turns.end_lookup(coin)
        self._answer_waiting()
        self._context.changed()

    # -- the life of a copy ---------------------------------------------------------------------------------

    def _begin_copy(self, copy: CopyRecord) -> None:
        """Has the order of a new copy leave."""
        self._open_copy(copy)
        self._tasks.spawn(self._follow(copy))

    def _open_copy(self, copy: CopyRecord) -> None:
        """The order of a copy is on its way from now on: its coin is busy with it."""
        self._turns.begin_order(copy.copy_id, self._names.current_pair(copy.pair))

    async def _follow(self, copy: CopyRecord) -> None:
        """From the intent of an opened copy to its end."""
        await self._execution.follow(copy)
        self._end_copy(copy)

    async def _take_up(self, copy: CopyRecord) -> None:
        """The same for a copy whose order may be at the exchange already."""
        await self._execution.take_up(copy)
        self._end_copy(copy)

    def _end_copy(self, copy: CopyRecord) -> None:
        """The copy is over: its coin goes on with what has waited."""
        self._turns.end_order(copy.copy_id)
        if copy.state is CopyState.CARRIED:
            give_up_excluded(self._context, copy.copy_id)
        self._portfolio.release(copy.copy_id)
        # What was bought may have to be sold when its pair is listed no more.
        self._portfolio.pairs.remember()
        self._answer_waiting()
        self._look_at_wishes()
        self._context.changed()

    # -- what is to be sold, and exits that are owed ---------------------------------------------------------

    def _look_at_wishes(self) -> None:
        try:
            self._flatten.look()
            self._limit_flatten.look()
            self._asked_fills.look()
        except LedgerFault as error:
            self._context.failed(error)

    async def sell_owed_exits(self, changes: ChangeSignal) -> None:
        """Finishes exits that are owed, for ever.

        ``changes`` rings on each change of the account: while no exit is owed, or none may be sold, nothing
        else wakes this. Looks after the ledger as well, when nothing is copied. Raises LedgerFault.
        """
        seen = -1
        while True:
            self._look_at_wishes()
            await asyncio.sleep(self._context.gateway.timing.retry)
            if not self.copies_open:
                self._ledger.tidy()
            if not self._owed_exits.pairs() or self._owed_exits.are_stopped():
                seen = await changes.wait(seen)
                continue
            # Together, as one market's answers must not keep the exits of others waiting.
            await asyncio.gather(*map(self._sell_owed_exit, self._owed_exits.pairs_due()))

    async def _sell_owed_exit(self, pair: str) -> None:
        coin = coin_of(pair)
        if self._portfolio.pairs.table.find(pair) is None and not self._turns.is_occupied(coin):
            lookup = self._lookups.before_pair(pair)
            if lookup is not None:
                self._turns.begin_lookup(coin)
                await self._look_up(coin, lookup)
        price = await self._owed_exits.price_to_sell_at(pair)
        copy = None if price is None else self._owed_exits.intend_exit(pair, price)
        if copy is not None:
            self._begin_copy(copy)

    # -- orders that were found at the exchange -------------------------------------------------------------

    def adopt_order(self, row: OrderRow, given_up: CopyRecord) -> bool:
        """Takes the order of a copy that had given it up into the copied position; False while its coin is
        busy. Raises LedgerFault.
        """
        coin = coin_of(row.pair)
        is_busy = self._turns.is_occupied(coin) or self._turns.is_traded(coin)
        if is_busy or self._turns.is_occupied(quote_of(row.pair)):
            return False
        copy = self._found_orders.copy_of_late(row, given_up)
        self._open_copy(copy)
        self._tasks.spawn(self._take_up(copy))
        return True

    async def take_over_orders(self, rows: Sequence[OrderRow]) -> None:
        """The same for orders that this ledger made before it was brought back from a backup, the oldest
        first; to their end, and before anything is sent: ``recover_unfinished`` comes later. Raises
        LedgerFault.
        """
        for row in self._found_orders.claim_lost(rows):
            copy = self._found_orders.copy_of_lost(row)
            self._open_copy(copy)
            if row.status in ENDED:
                self._execution.found_ended(copy, row)
                self._end_copy(copy)
            else:
                self._tasks.spawn(self._take_up(copy))
                await self.drain()

    # -- names of coins -------------------------------------------------------------------------------------

    def rename_coin(self, number: int, old: str, new: str) -> None:
        """A coin has another name from now on; ``number`` counts renamings in the journal. Repeated ones
        do nothing. Raises LedgerFault.
        """
        if number <= self._ledger.renamed:
            return
        log.info("%s is %s from now on", old, new)
        self._context.book.rename(old, new)
        self._portfolio.rename(old, new)
        # Balances that were read under new names already are counted right by the next reading.
        self._portfolio.doubt()
        self.master_pairs = set(map(self._names.current_pair, self.master_pairs))
        self._ledger.commit(book=self._context.book, renamed=number)
        self._context.by_pair.forget()
        self._context.pair_map.forget()
        give_up_excluded(self._context)
        self._turns.rename(self._names.current_pair)
        if not self._turns.is_occupied(new) and self.positions.is_held_unlisted(new):
            # Or what is owed of it would wait until the pairs are read again some time.
            self._begin_lookup(new, self._portfolio.pairs.read)
        self._answer_waiting()
        self._context.changed()
