"""The master's side: turns executions into fills with what was frozen before their order, without holes and
without repeats.

The journal at the supervisor is the memory of fills. A call of StreamFills says where the journal ends, and
everything after that is fetched from the trade history before live executions go on. The same happens after
each loss of the feed. A trade is counted once, by its execution id.

This module joins the parts: what is known of the past (past.py), trades that wait meanwhile
(held_trades.py), what completes the past (catch_up.py) and looks whether it still is (audit.py), the wallet
that fills are sized by (master_wallet.py), and the way to the stream of fills (fill_queue.py).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import NoReturn

from krakencopy.account_proc.domain.counted_trades import Trade
from krakencopy.account_proc.kraken.api import KrakenExchange
from krakencopy.account_proc.kraken.feed.executions import TRADE, Execution, Incomplete
from krakencopy.account_proc.kraken.feed.session import BalanceChanged
from krakencopy.account_proc.master import past, trade_rows
from krakencopy.account_proc.master.audit import AUDIT_S, Audit
from krakencopy.account_proc.master.catch_up import CatchUp
from krakencopy.account_proc.master.fill_maker import FillMaker
from krakencopy.account_proc.master.fill_queue import FillQueue, Item, Part
from krakencopy.account_proc.master.followed_coins import FollowedCoins
from krakencopy.account_proc.master.held_trades import HeldTrades
from krakencopy.account_proc.master.journal_began import wanted_since
from krakencopy.account_proc.master.master_wallet import WALLET_CHECK_S, MasterWallet
from krakencopy.account_proc.master.past import Effect, Event, Past
from krakencopy.account_proc.master.trade_history import TradeHistory
from krakencopy.account_proc.notices.announcements import Announcements
from krakencopy.account_proc.runtime import failpoint
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.account_proc.trading.portfolio import Portfolio
from krakencopy.v1 import account_pb2 as account_pb
from krakencopy.v1 import types_pb2 as pb

log = logging.getLogger(__name__)

#: The wallet is made durable at most this often, in seconds.
KEEP_S = 1.0


class Master:
    """The master's trading loop: the feed's sink and the source of StreamFills."""

    def __init__(
        self,
        *,
        account_id: str,
        exchange: KrakenExchange,
        portfolio: Portfolio,
        ledger: Ledger,
        now: Callable[[], float],
        changed: Callable[[], None],
        failed: Callable[[BaseException], None],
        orders_executed: Callable[[Sequence[Execution]], None],
        announcements: Announcements,
        audit_s: float = AUDIT_S,
        refresh_s: float = WALLET_CHECK_S,
        clock_offset: Callable[[], float] = lambda: 0.0,
        is_ours: Callable[[], None] = lambda: None,
    ) -> None:
        """``now`` is the exchange's clock, and ``clock_offset`` how far that is ahead of this machine's
        (seconds). ``orders_executed`` takes what the feed tells, for orders of the account's own; ``is_ours``
        is called once nothing says that the journal is about another account. Raises LedgerFault when what an
        earlier process kept cannot be read.
        """
        self._account_id = account_id
        self._portfolio = portfolio
        portfolio.pairs.on_read = self.rules_read
        self._ledger = ledger
        self._now = now
        self._changed = changed
        self._failed = failed
        self._orders_executed = orders_executed
        self._announcements = announcements
        self._clock_offset = clock_offset
        self._maker = FillMaker()
        self._held = HeldTrades()
        self._coins = FollowedCoins(ledger, portfolio)
        self._wallet = MasterWallet(account_id, portfolio, ledger, now, refresh_s)
        history = TradeHistory(exchange, portfolio, self._maker, self._wallet, self._held)
        self._catch_up = CatchUp(
            account_id=account_id,
            exchange=exchange,
            portfolio=portfolio,
            history=history,
            wallet=self._wallet,
            held=self._held,
            now=now,
            is_ours=is_ours,
        )
        self._audit = Audit(history, self._maker, self._wallet, now, audit_s)
        self._past = Past.OFF
        self._reading: asyncio.Task[NoReturn] | None = None
        #: The way to the stream of fills that is open now.
        self._out: FillQueue | None = None

    @property
    def complete(self) -> bool:
        """Whether nothing but what has just happened is still to be streamed."""
        return self._past in past.READY

    # -- the stream -----------------------------------------------------------------------------------------

    async def stream(self, request: account_pb.StreamFillsRequest) -> AsyncIterator[Part]:
        """Fills after the journal's end, for ever, those together that wait together; a later call takes
        over. Raises LedgerFault.
        """
        since = wanted_since(request, self._ledger, self._clock_offset)
        if self._out is not None:
            self._out.close()
        out = self._out = FillQueue()
        self._maker.learn_journal(request, since)
        self._coins.begin_with(request.held_coins)
        self._catch_up.check_orders(order.order_id for order in request.frozen_orders)
        self._happens(Event.STREAM_BEGAN)
        try:
            self.rules_read()
            while parts := await out.next_parts():
                for part in parts:
                    yield part
        finally:
            if self._out is out:
                self._out = None
                self._happens(Event.STREAM_ENDED)

    def rules_read(self) -> None:
        """The exchange's pairs and assets were read again: a coin that the journal counts may have another
        name since. Raises LedgerFault.
        """
        if self._out is None:
            return
        for old, new in self._coins.apply_renames():
            self._emit(account_pb.AssetRename(old_name=old, new_name=new))
        self._coins.save_ids()

    def _emit(self, item: Item) -> None:
        assert self._out is not None
        is_fill = isinstance(item, pb.Fill)
        if is_fill:
            failpoint.reach(self._account_id, "before_emit")
        self._out.put_item(item)
        if is_fill:
            failpoint.reach(self._account_id, "after_emit")

    # -- the feed's sink ------------------------------------------------------------------------------------

    def connected(self, snapshot: Sequence[Execution | Incomplete]) -> None:
        """The feed is up. What its snapshot tells is in the history as well, and the history is read
        anyway.
        """
        log.info("executions feed connected, %d rows in its snapshot", len(snapshot))
        self._audit.expect_trades({row.exec_id for row in snapshot if row.exec_type == TRADE and row.exec_id})
        # What came in or went out while the feed was down was not seen: balances are compared with the wallet
        # first.
        self._wallet.is_compared = False
        self._happens(Event.FEED_UP, hints=trade_rows.from_feed(snapshot))
        self._orders_executed([row for row in snapshot if isinstance(row, Execution)])

    def executed(self, executions: Sequence[Execution | Incomplete]) -> None:
        """Live news."""
        received_at = self._now()
        # Of others nothing is copied, whatever they lack.
        if any(isinstance(row, Incomplete) and row.exec_type in {"", TRADE} for row in executions):
            log.warning("an execution came without its order; the trade history completes it")
            self._happens(Event.ROW_INCOMPLETE)
        for trade in trade_rows.from_feed(executions):
            self._trade_arrived(trade, received_at)
        # After the fills, which users wait for.
        self._orders_executed([row for row in executions if isinstance(row, Execution)])

    def balance_changed(self, change: BalanceChanged) -> None:
        """A balance changed."""
        self._wallet.balance_changed(change)

    def disconnected(self, reason: str) -> None:
        """The feed is down: from here on there may be a hole."""
        log.warning("executions feed lost: %s", reason)
        self._happens(Event.FEED_DOWN)

    # -- from a trade to a fill -----------------------------------------------------------------------------

    def _trade_arrived(self, trade: Trade, received_at: float) -> None:
        if self._past is not Past.COMPLETE:
            self._held.hold(trade, received_at)
            return
        if self._maker.knows(trade.exec_id):
            return
        if (obstacle := self._obstacle(trade)) is not None:
            self._held.hold(trade, received_at)
            self._happens(obstacle)
            return
        self._stream_fill(trade, received_at)
        self._changed()

    def _obstacle(self, trade: Trade) -> Event | None:
        """Why a trade cannot become a fill at once, if it cannot."""
        if self._portfolio.pairs.may_learn(trade.pair):
            log.warning("%s is not among the pairs; the trade history is read with new ones", trade.pair)
            return Event.PAIR_UNKNOWN
        if not self._wallet.is_doubted and self._wallet.is_disproved_by(trade):
            log.warning(
                "fill %s costs more than was counted: balances are read before it is sent", trade.exec_id
            )
            self._wallet.is_doubted = True
            return Event.WALLET_DISPROVED
        if self._portfolio.prices.unpriced:
            log.info("fill %s waits for the prices of what has just come in", trade.exec_id)
            return Event.INCOME_UNPRICED
        return None

    def _stream_missing(self, trades: Sequence[Trade]) -> int:
        """Streams the fills of trades that have none yet; how many of them the feed had not sent."""
        received = self._held.received()
        # What came live is new whatever its time says: the exchange's clock and ours may differ.
        missing = {
            trade.exec_id
            for trade in trades
            if not self._maker.knows(trade.exec_id)
            and (trade.executed_at >= self._maker.since or trade.exec_id in received)
        }
        self._wallet.stand_before(missing, trades)
        now = self._now()
        for trade in trades:
            if trade.exec_id in missing:
                self._stream_fill(trade, received.get(trade.exec_id, now))
        self._held.clear()
        return len(missing - received.keys())

    def _stream_fill(self, trade: Trade, received_at: float) -> None:
        """One more fill, and the wallet after it."""
        portfolio, wallet = self._portfolio, self._wallet
        wallet.doubt_if_disproved_by(trade)
        portfolio.before_trade(trade.executed_at)
        fill = self._maker.make_fill(
            trade, portfolio.wallet, portfolio.prices.marks, portfolio.pairs.table, received_at,
            portfolio.kept_out, certain=not wallet.is_doubted, equity_known=portfolio.equity_known,
        )  # fmt: skip
        self._emit(fill)
        if fill.pair_unknown:
            words = (
                f"the master's {trade.side} of {trade.volume} at {trade.price} ({trade.exec_id}) is "
                "journalled and not copied"
            )
            portfolio.unknown_trade(trade.pair, words)
        else:
            self._coins.follow_traded(fill.pair.split("/"))
        if wallet.is_doubted or fill.pair_unknown or fill.margin:
            # What a margin trade has won or lost is in balances, should the feed not tell them.
            wallet.refresh_wanted.set()
        wallet.note_counted(trade)

    # -- the past -------------------------------------------------------------------------------------------

    def _happens(self, event: Event, hints: Iterable[Trade] = (), from_history: int = 0) -> None:
        """``hints``: trades that the history may not show yet; ``from_history``: how many fills came from
        it.
        """
        self._past, effects = past.step(self._past, event)
        for effect in effects:
            match effect:
                case Effect.READ_PAST:
                    self._start_reading(hints)
                case Effect.FIND_INCOME:
                    self._start_reading(hints, find_income=True)
                case Effect.STOP_READING:
                    self._stop_reading()
                case Effect.TELL_CAUGHT_UP:
                    self._emit(account_pb.CaughtUp(from_history=from_history))
                case Effect.NOTIFY:
                    self._changed()

    def _start_reading(self, hints: Iterable[Trade], *, find_income: bool = False) -> None:
        """One task reads the past and audits it; the one before is over."""
        self._stop_reading()
        reading = self._read_past(hints, find_income=find_income)
        self._reading = asyncio.get_running_loop().create_task(reading)
        self._reading.add_done_callback(self._reading_ended)

    def _stop_reading(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def _reading_ended(self, task: asyncio.Task[NoReturn]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed(error)

    async def _read_past(self, hints: Iterable[Trade], *, find_income: bool) -> NoReturn:
        """Completes the past, and again whenever the audit finds a hole in it."""
        if find_income:
            await self._catch_up.find_income()
            if self._wallet.is_doubted:
                self._announce_doubt()
        while True:
            trades = await self._catch_up.read_trades(hints)
            # Nothing waits between these: the trades are all that there are.
            found = self._stream_missing(trades)
            self._happens(Event.HISTORY_READ, from_history=found)
            await self._audit.until_hole()
            hints = ()
            self._happens(Event.HOLE_FOUND)

    def _announce_doubt(self) -> None:
        self._announcements.announce(
            pb.SEVERITY_WARNING,
            "MASTER_EQUITY_UNKNOWN",
            "the master paid with money that its balances do not show yet: its entries are not copied until "
            "they do, its exits are",
        )

    # -- across restarts ------------------------------------------------------------------------------------

    async def keep_wallet(self) -> NoReturn:
        """Makes the wallet durable when it has changed, and tidies the ledger when it has not, for ever.
        Raises LedgerFault.
        """
        while True:
            await asyncio.sleep(KEEP_S)
            if not self.save():
                self._ledger.tidy()
            self._portfolio.pairs.remember()

    def save(self) -> bool:
        """Makes durable what a later process goes on with; whether the wallet had changed. Raises
        LedgerFault.
        """
        self._coins.save_ids()
        return self._wallet.save()
