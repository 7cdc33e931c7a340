"""The master's side: turns executions into fills with what was frozen before their order, without holes and
without repeats.

The journal at the supervisor is the memory of fills. Whoever streams tells where the journal ends, and
everything after that is fetched from the trade history before live executions go on. The same happens after
each loss of the feed. A trade is counted once, by its execution id.

What the master held right before a fill comes from a wallet that is counted trade by trade
(domain/counted_trades.py), because balances may be told late. Only where nothing was counted yet are balances
believed, once the master has not traded for a while.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import Any

from krakencopy.account_proc.contract.errors import ExchangeError, ExchangeRefused, LedgerFault
from krakencopy.account_proc.contract.proto_time import seconds
from krakencopy.account_proc.copying.fill_maker import FROZEN_MAX, FillMaker
from krakencopy.account_proc.domain.asset_forms import worth_as
from krakencopy.account_proc.domain.coin_ids import CoinIds
from krakencopy.account_proc.domain.counted_trades import WALLET, CountedTrades, Trade, apply
from krakencopy.account_proc.domain.pair_table import PairTable
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.domain.wallet import (
    change_from_outside,
)
from krakencopy.account_proc.kraken.api import KrakenExchange
from krakencopy.account_proc.kraken.feed.executions import TRADE, Execution, Incomplete
from krakencopy.account_proc.kraken.feed.session import BalanceChanged
from krakencopy.account_proc.kraken.front import growing_pause_s
from krakencopy.account_proc.kraken.rest.messages import TradeRow
from krakencopy.account_proc.kraken.rest.request_queue import Priority
from krakencopy.account_proc.notices.announcements import Announcements
from krakencopy.account_proc.runtime import failpoint
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.account_proc.trading.account_check import check_journal
from krakencopy.account_proc.trading.outside_changes import CONFIRM_S
from krakencopy.account_proc.trading.portfolio import Portfolio
from krakencopy.v1 import account_pb2 as account_pb
from krakencopy.v1 import types_pb2 as pb

log = logging.getLogger(__name__)

#: Fills that are told together at most.
STREAM_MAX = 200
#: The trade history is read again from this long before the last fill, in seconds: it may trail behind the
#: feed.
HISTORY_OVERLAP_S = 120.0
#: The history is held against what was streamed this often, in seconds, as long as the feed is up: reads may
#: trail behind the feed by up to a minute, and a feed may lose the last message before a silence, which no
#: gap in its numbers shows.
AUDIT_S, AUDIT_PAPER_S = 30.0, 2.0
#: A trade that is younger than this, in seconds, may still be on its way through the feed.
AUDIT_AGE_S = 1.0
#: How often balances are read at a start until two readings agree, before what was counted is taken as it is.
AGREE_TRIES = 5
#: Longest wait, at the very first start, for balances that hold all trades; in times that balances may trail.
FIRST_WAIT_LAGS = 2.0
#: Balances are held against the wallet after about this long, in seconds: deposits, withdrawals.
WALLET_CHECK_S, WALLET_CHECK_PAPER_S = 300.0, 60.0
#: The wallet is made durable at most this often, in seconds.
KEEP_S = 1.0
#: Names in the ledger: of when the journal began, by the supervisor's clock and by the exchange's; of coins'
#: ids.
JOURNAL_BEGAN, COIN_IDS = "journal_began", "coin_ids"
#: Between two tries to read the history, in seconds: at first, and at most where it cannot be read again and
#: again.
HISTORY_RETRY_S, HISTORY_RETRY_S_MAX = 1.0, 15.0


#: A buy that costs more than what was counted by this share proves the count wrong: smaller differences are
#: rounding and fees.
SHORT_SHARE = Decimal("0.001")
#: Kraken: the entry of the ledger that the executions feed tells as well.
TRADE_KIND = "trade"
#: Kraken: entries that may move an asset between two wallets of the account, each told by itself: balances
#: say what is where.
MOVES = frozenset({"earn", "staking", "transfer"})


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
        heard: Callable[[Sequence[Execution]], None],
        announcements: Announcements,
        audit_s: float = AUDIT_S,
        refresh_s: float = WALLET_CHECK_S,
        clock_offset: Callable[[], float] = lambda: 0.0,
        is_ours: Callable[[], None] = lambda: None,
    ) -> None:
        """``now`` is the exchange's clock, and ``clock_offset`` how far that is ahead of this machine's
        (seconds). ``heard`` takes what the feed tells, for orders of the account's own; ``is_ours`` is called
        once nothing says that the journal is about another account. Raises LedgerFault when the wallet that
        an earlier process kept cannot be read.
        """
        self._account_id = account_id
        self._exchange = exchange
        self._portfolio = portfolio
        portfolio.pairs.on_read = self.rules_read
        self._now = now
        self._changed = changed
        self._failed = failed
        self._heard = heard
        self._announcements = announcements
        self._ledger = ledger
        self._clock_offset = clock_offset
        self._is_ours = is_ours
        self._audit_s = audit_s
        self._refresh_s = refresh_s
        self._refresh_at = now() + refresh_s
        kept = ledger.kept_value(WALLET)
        self._kept_ids = ledger.kept_value(COIN_IDS) or "{}"
        try:
            self._counted = (
                CountedTrades() if kept is None else CountedTrades.from_json(kept, portfolio.wallet)
            )
            #: By which id the exchange knows the coins below.
            self._ids = CoinIds.from_json(self._kept_ids)
        except (ValueError, KeyError, TypeError, ArithmeticError) as error:
            raise LedgerFault(f"{ledger.path}: the wallet in it cannot be read ({error})") from error
        #: Whether there is a wallet that was counted; else balances are to be believed first.
        self._has_wallet = kept is not None
        #: Orders that the journal is about, until it is known that they are this account's; asked for where
        #: no ledger says so.
        self._journal_orders: list[str] = []
        #: Whether that wallet was held against balances in this process.
        self._compared = False
        #: A fill has proven the wallet wrong, and balances have not explained how: nobody is sized by it.
        self._doubted = False
        self._kept = kept
        self._maker = FillMaker()
        #: What orders carried, by the exchange's id, of trades that the history told.
        self._client_ids: OrderedDict[str, str] = OrderedDict()
        self._out: asyncio.Queue[pb.Fill | account_pb.CaughtUp | account_pb.AssetRename | None] | None = None
        self._since = 0.0
        self._held: list[tuple[Trade, float]] | None = []  # a list while the past is not complete; else None
        self._catching_up: asyncio.Task[None] | None = None
        self._feed_up = False
        #: Executions that the first snapshot told: from before this process, whatever the history says of
        #: them.
        self._before_us: set[str] | None = None
        #: Executions that the last snapshot told, and when: the history will show them, if it trails now
        #: (Unix seconds).
        self._promised: tuple[float, set[str]] = (0.0, set())
        #: Coins that the journal may count a position of.
        self._coins: set[str] = set()
        #: Set when balances are to be read before their time.
        self._hurry = asyncio.Event()
        #: Whether every fill so far has been streamed.
        self.complete = False

    # -- the stream -----------------------------------------------------------------------------------------

    async def stream(
        self, request: account_pb.StreamFillsRequest
    ) -> AsyncIterator[list[pb.Fill] | account_pb.CaughtUp | account_pb.AssetRename]:
        """Fills after the journal's end, for ever, those together that wait together; a later call takes
        over.
        """
        if self._out is not None:
            self._out.put_nowait(None)
        out: asyncio.Queue[pb.Fill | account_pb.CaughtUp | account_pb.AssetRename | None] = asyncio.Queue()
        self._out = out
        self._maker.learn(request)
        self._coins = set(request.held_coins)
        self._since = self._wanted_since(request)
        if not self._has_wallet:
            self._journal_orders = [order.order_id for order in request.frozen_orders]
        self.rules_read()
        self._catch_up()
        try:
            while True:
                waiting = [await out.get()]
                while not out.empty() and len(waiting) < STREAM_MAX:
                    waiting.append(out.get_nowait())
                for told in _together(waiting):
                    if told is None:
                        return
                    yield told
        finally:
            if self._out is out:
                self._out = None
                self._stop_catching_up()

    def rules_read(self) -> None:
        """The exchange's pairs and assets were read again: a coin that the journal counts may have another
        name since.
        """
        if self._out is None:
            return
        for old, new in self._ids.take_renamed(self._coins, self._portfolio.pairs.table):
            self._coins = {*self._coins - {old}, new}
            self._portfolio.rename(old, new)
            self._emit(account_pb.AssetRename(old_name=old, new_name=new))
        self._ids.follow(self._coins, self._portfolio.pairs.table)
        self._keep_ids()

    def _follow(self, new: set[str]) -> None:
        """Coins that are traded for the first time; what it costs comes behind their fill."""
        if new:
            self._coins |= new
            asyncio.get_running_loop().call_soon(self._ids.follow, new, self._portfolio.pairs.table)

    def _keep_ids(self) -> None:
        """Makes durable by which ids coins are followed, where that has changed. Raises LedgerFault."""
        ids = self._ids.to_json()
        if ids != self._kept_ids:
            self._ledger.keep_value(COIN_IDS, ids)
            self._kept_ids = ids

    def _wanted_since(self, request: account_pb.StreamFillsRequest) -> float:
        """From when on trades are wanted, by the exchange's clock. Raises LedgerFault.

        When the journal began was told by the supervisor's, which may have been wrong, and set since: it is
        put right once, and kept.
        """
        since = seconds(request.since)
        if not request.HasField("journal_began"):
            return since
        told = seconds(request.journal_began)
        kept = self._ledger.kept_value(JOURNAL_BEGAN) or ""
        told_then, _, began = kept.partition(" ")
        if told_then != repr(told):
            began = repr(told + self._clock_offset())
            self._ledger.keep_value(JOURNAL_BEGAN, f"{told!r} {began}")
        return float(began) if since <= told else max(since, float(began))

    def _emit(self, item: pb.Fill | account_pb.CaughtUp | account_pb.AssetRename) -> None:
        assert self._out is not None
        is_fill = isinstance(item, pb.Fill)
        if is_fill:
            failpoint.reach(self._account_id, "before_emit")
        self._out.put_nowait(item)
        if is_fill:
            failpoint.reach(self._account_id, "after_emit")

    # -- the feed's sink ------------------------------------------------------------------------------------

    def connected(self, snapshot: Sequence[Execution | Incomplete]) -> None:
        """The feed is up. What its snapshot tells is in the history as well, and the history is read
        anyway.
        """
        log.info("executions feed connected, %d rows in its snapshot", len(snapshot))
        self._feed_up = True
        told = {row.exec_id for row in snapshot if row.exec_type == "trade" and row.exec_id}
        if self._before_us is None:
            self._before_us = told
        self._promised = (self._now(), told - self._before_us)
        # What came in or went out while the feed was down was not told: balances are held against the wallet
        # first.
        self._compared = False
        self._catch_up(hints=_trades(snapshot))
        self._heard([row for row in snapshot if isinstance(row, Execution)])

    def executed(self, executions: Sequence[Execution | Incomplete]) -> None:
        """Live news."""
        received_at = self._now()
        # Of others nothing is copied, whatever they lack.
        if any(isinstance(row, Incomplete) and row.exec_type in {"", TRADE} for row in executions):
            log.warning("an execution came without its order; the trade history completes it")
            self._catch_up()
        for trade in _trades(executions):
            if self._held is not None:
                self._held.append((trade, received_at))
            else:
                self._live(trade, received_at)
        # After the fills, which users wait for.
        self._heard([row for row in executions if isinstance(row, Execution)])

    def balance_changed(self, change: BalanceChanged) -> None:
        """A balance changed. What is no trade counts at once: balances that are read tell it minutes
        later.
        """
        if change.kind == TRADE_KIND or not change.amount:
            return
        # While the wallet is being held against balances, nobody knows whether those have it: they are read
        # once more.
        if change.kind not in MOVES and self._compared:
            self._portfolio.before_trade(self._now())
            self._portfolio.count_outside_change({worth_as(change.asset): change.amount}, change.kind)
        self._hurry.set()

    def disconnected(self, reason: str) -> None:
        """The feed is down: from here on there may be a hole."""
        log.warning("executions feed lost: %s", reason)
        self._feed_up = False
        self._stop_catching_up()
        self._changed()

    def _live(self, trade: Trade, received_at: float) -> None:
        if self._maker.knows(trade.exec_id):
            return
        if self._portfolio.pairs.may_learn(trade.pair):
            log.warning("%s is not among the pairs; the trade history is read with new ones", trade.pair)
            self._held = [(trade, received_at)]
            self._catch_up()
            return
        if not self._doubted and self._proves_wrong(trade):
            log.warning(
                "fill %s costs more than was counted: balances are read before it is told", trade.exec_id
            )
            self._doubted = True
            self._held = [(trade, received_at)]
            self._restart_reading(self._reread())
            return
        if self._portfolio.prices.unpriced:
            log.info("fill %s waits for the prices of what has just come in", trade.exec_id)
            self._held = [(trade, received_at)]
            self._restart_reading(self._read_on())
            return
        self._make(trade, received_at)
        self._changed()

    def _proves_wrong(self, trade: Trade) -> bool:
        """Whether the master has paid with money that was not counted: a deposit has come in, or coins
        were turned into it.
        """
        pair = self._portfolio.pairs.table.find(trade.pair)
        if pair is None or trade.margin or trade.side is not Side.BUY:
            return False
        have = self._portfolio.wallet[pair.quote]
        # An account with a credit line is below zero all the time, and its balances say the same.
        return have >= 0 and trade.cost - have > trade.cost * SHORT_SHARE

    async def _reread(self) -> None:
        """Finds out what came in before a fill that proves the wallet wrong, then tells it and those
        behind it.
        """
        try:
            balances, asked_at = await self._portfolio.read_balances()
            told = self._all(await self._history(), ())
            self._doubted = not await self._compare(told, balances, asked_at, expect_change=True)
        except ExchangeError as error:
            log.warning("balances could not be read: %s", error)
        if self._doubted:
            self._tell_doubt()
        await self._read_on()

    async def _read_on(self) -> None:
        """Tells what was held back once what it waits for is known."""
        await self._read_history([])
        self._changed()
        await self._audit_for_ever()

    async def _price(self) -> None:
        """Finds out what it is worth that has just come in. Where that fails nobody is sized by an equity
        without it.
        """
        try:
            await self._portfolio.prices.refresh()
        except ExchangeError as error:
            log.warning("prices of what came in could not be read: %s", error)
            self._doubted = True
            self._hurry.set()

    def _make(self, trade: Trade, received_at: float) -> None:
        """One more fill, and the wallet after it."""
        portfolio = self._portfolio
        self._doubted = self._doubted or self._proves_wrong(trade)
        portfolio.before_trade(trade.executed_at)
        fill = self._maker.make(
            trade, portfolio.wallet, portfolio.prices.marks, portfolio.pairs.table, received_at,
            portfolio.kept_out, certain=not self._doubted, equity_known=portfolio.equity_known,
        )  # fmt: skip
        self._emit(fill)
        if not fill.pair_unknown:
            self._follow(set(fill.pair.split("/")) - self._coins)
        if fill.pair_unknown:
            words = (
                f"the master's {trade.side} of {trade.volume} at {trade.price} ({trade.exec_id}) is "
                "journalled and not copied"
            )
            portfolio.unknown_trade(trade.pair, words)
        if self._doubted or fill.pair_unknown or fill.margin:
            # What a margin trade has won or lost is in balances, should the feed not tell them.
            self._hurry.set()
        self._counted.add_trade(trade)
        self._since = max(self._since, trade.executed_at - HISTORY_OVERLAP_S)

    # -- the past -------------------------------------------------------------------------------------------

    def _stop_catching_up(self) -> None:
        if self._catching_up is not None:
            self._catching_up.cancel()
            self._catching_up = None
        if self._held is None:
            self._held = []
        self.complete = False

    def _catch_up(self, hints: Iterable[Trade] = ()) -> None:
        """Holds live executions back until the history before them has been streamed."""
        if self._out is None or not self._feed_up:
            return
        held = self._held or []
        self._stop_catching_up()
        self._held = held
        self._restart_reading(self._read_past(list(hints)))

    def _restart_reading(self, reading: Coroutine[Any, Any, None]) -> None:
        """One task reads the past and audits it; the one before is over."""
        if self._catching_up is not None:
            self._catching_up.cancel()
        self._catching_up = asyncio.get_running_loop().create_task(reading)
        self._catching_up.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed(error)

    async def _read_past(self, hints: list[Trade]) -> None:
        found = await self._read_history(hints)
        self._emit(account_pb.CaughtUp(from_history=found))
        self.complete = True
        self._changed()
        await self._audit_for_ever()

    async def _audit_for_ever(self) -> None:
        """Holds what was told against the exchange's record now and then, and balances against the wallet,
        sooner where there is a reason.
        """
        pause = CONFIRM_S / 2
        while True:
            # Kraken: a snapshot's trades carry too little to be copied; the history has the rest, a little
            # later.
            told_at, told = self._promised
            late = self._now() < told_at + HISTORY_OVERLAP_S and any(
                not self._maker.knows(one) for one in told
            )
            with suppress(TimeoutError):
                await asyncio.wait_for(
                    self._hurry.wait(), min(self._audit_s, HISTORY_RETRY_S) if late else self._audit_s
                )
            try:
                if self._hurry.is_set():
                    await self._read_balances()
                else:
                    await self._audit()
            except ExchangeError as error:
                log.warning("trade history or balances could not be read again: %s", error)
            # One more reading must agree; the longer none does, the less it is worth to ask.
            pause = min(pause * 2, self._audit_s) if self._hurry.is_set() else CONFIRM_S
            await asyncio.sleep(pause)

    async def _audit(self) -> None:
        """Holds the history against what was streamed and, now and then, balances against the wallet.
        Raises ExchangeError.
        """
        self._keep_ids()
        past = await self._history(Priority.BACKGROUND)
        old = self._now() - AUDIT_AGE_S
        # Kraken gives up to two seconds more than was asked for; what lies before the journal's end is not
        # told again.
        missed = [
            trade for trade in past
            if self._since <= trade.executed_at < old and not self._maker.knows(trade.exec_id)
        ]  # fmt: skip
        if missed:
            log.warning("the feed has not told of %d fills that are in the trade history", len(missed))
            self._held = []
            await self._read_history([])
        elif self._now() >= self._refresh_at:
            await self._read_balances()

    async def _read_balances(self) -> None:
        """Holds balances against the wallet; again at once while they disagree. Raises ExchangeError."""
        self._hurry.clear()
        try:
            certain = await self._portfolio.refresh() and self._now() >= self._portfolio.certain_at
        except ExchangeError:
            self._hurry.set()
            raise
        self._doubted = self._doubted and not certain
        self._refresh_at = self._now() + self._refresh_s
        if not certain:
            self._hurry.set()

    async def _history(self, priority: Priority = Priority.READ) -> list[Trade]:
        since = (
            min(self._since, self._counted.newest - HISTORY_OVERLAP_S) if self._has_wallet else self._since
        )
        rows = await self._exchange.record.trades_since(since, priority=priority)
        # Perhaps pairs that were listed after this process started.
        held = [trade.pair for trade, _ in self._held or []]
        await self._portfolio.pairs.learn([*(row.pair for row in rows), *held])
        trades = [_from_history(row, self._portfolio.pairs.table) for row in rows]
        return await self._with_order_ids(trades, priority)

    async def _with_order_ids(self, trades: list[Trade], priority: Priority) -> list[Trade]:
        """With what the history does not tell: the ids that the orders of new trades carried. A copy of one
        of our own users is known by it. Raises ExchangeError, but where the exchange refuses to tell.
        """
        new = {
            trade.order_id
            for trade in trades
            if trade.executed_at >= self._since and not self._maker.knows(trade.exec_id)
        }
        wanted = sorted(new - self._client_ids.keys())
        if wanted:
            try:
                rows = await self._exchange.record.query_orders(wanted, priority=priority)
            except ExchangeRefused as error:
                log.warning("what the orders of %d new trades carry is not known: %s", len(wanted), error)
                rows = {}
            for order_id in wanted:
                row = rows.get(order_id)
                self._client_ids[order_id] = "" if row is None else row.cl_ord_id or ""
            while len(self._client_ids) > FROZEN_MAX:
                self._client_ids.popitem(last=False)
        return [replace(trade, cl_ord_id=self._client_ids.get(trade.order_id, "")) for trade in trades]

    async def _read_history(self, hints: list[Trade]) -> int:
        """Streams what is missing, then what was held back; how many fills came from the history."""
        told = await self._told(hints)
        if self._portfolio.prices.unpriced:
            await self._price()
            told = self._all(told, ())
        # From here on nothing waits: what was told is all there is.
        arrived = {trade.exec_id: at for trade, at in self._held or []}
        # What came live is new whatever its time says: the exchange's clock and ours may differ.
        missing = {
            trade.exec_id
            for trade in told
            if not self._maker.knows(trade.exec_id)
            and (trade.executed_at >= self._since or trade.exec_id in arrived)
        }
        wallet, table, marks = (
            self._portfolio.wallet,
            self._portfolio.pairs.table,
            self._portfolio.prices.marks,
        )
        # Users take fills in the journal's order, so what is missing comes after all that the journal has,
        # whatever its time.
        for trade in reversed(told):
            if trade.exec_id in missing and self._counted.holds(trade):
                apply(wallet, trade, table, undo=True)
        for trade in told:
            if trade.exec_id not in missing and not self._counted.holds(trade):
                self._portfolio.before_trade(trade.executed_at)
                apply(wallet, trade, table)
                self._counted.add_trade(trade)
        now = self._now()
        wanted = [trade for trade in told if trade.exec_id in missing]
        for trade in wanted:
            # What was held then and is not now has no price yet, and would count as nothing.
            pair = table.find(trade.pair)
            if pair is not None and marks.rate(pair.base, pair.quote) is None:
                marks.set(pair.base, pair.quote, trade.price)
        for trade in wanted:
            self._make(trade, arrived.get(trade.exec_id, now))
        self._held = None
        return len(missing - arrived.keys())

    async def _told(self, hints: list[Trade]) -> list[Trade]:
        """All trades that are heard of, in order, and a wallet to count them into; however long it takes."""
        since, failures = self._now(), 0
        while True:
            try:
                if self._journal_orders:
                    # They are from before this was begun.
                    certain = self._now() > since + self._portfolio.lag_s
                    orders = self._journal_orders
                    await check_journal(self._account_id, self._exchange, orders, certain=certain)
                    self._journal_orders = []
                self._is_ours()
                told = self._all(await self._history(), hints)
                if self._has_wallet and self._compared:
                    return told
                balances, asked_at = await self._portfolio.read_balances()
                told = self._all(told, ())
                if self._has_wallet:
                    await self._compare(told, balances, asked_at)
                    return self._all(told, ())
                lag = self._portfolio.lag_s
                newest = max((trade.executed_at for trade in told), default=0.0)
                if newest >= asked_at - lag and asked_at < since + FIRST_WAIT_LAGS * lag:
                    pause = newest + lag - asked_at
                    log.info("the master has just traded; its balances are certain in %.1f s", pause)
                    await asyncio.sleep(min(max(pause, 0.0), lag))
                    continue
                self._portfolio.wallet.replace(balances)
                self._counted = CountedTrades(max(asked_at - lag, newest))
                self._has_wallet = self._compared = True
                return self._all(told, ())
            except ExchangeError as error:
                log.warning("the past could not be read: %s; trying again", error)
                dice = random.random()  # noqa: S311 - spreads load, guards nothing
                await asyncio.sleep(growing_pause_s(failures, HISTORY_RETRY_S, HISTORY_RETRY_S_MAX, dice))
                failures += 1

    def _all(self, told: Iterable[Trade], hints: Iterable[Trade]) -> list[Trade]:
        """With what the feed has told meanwhile, in order of execution. The feed's own row wins: it knows
        the fee's asset.
        """
        held = (trade for trade, _ in self._held or [])
        trades: dict[str, Trade] = {}
        for trade in (*told, *hints, *held):
            known = trades.get(trade.exec_id)
            # The feed's snapshot may leave it out.
            carried = trade.cl_ord_id or ("" if known is None else known.cl_ord_id)
            trades[trade.exec_id] = replace(trade, cl_ord_id=carried)
        return sorted(trades.values(), key=lambda trade: trade.executed_at)

    async def _compare(
        self,
        told: list[Trade],
        balances: Mapping[str, Decimal],
        asked_at: float,
        *,
        expect_change: bool = False,
    ) -> bool:
        """Takes what came from outside unseen into the wallet that was counted; whether balances and wallet
        agree then.

        ``expect_change``: something did, so that balances that show nothing trail behind. Raises
        ExchangeError.
        """
        suspected: dict[str, Decimal] = {}
        agree = True
        for _ in range(AGREE_TRIES):
            states = self._counted.states(
                self._portfolio.wallet, told, self._portfolio.pairs.table, asked_at - self._portfolio.lag_s
            )
            change = change_from_outside(balances, states)
            if change == suspected and (change or not expect_change):
                break
            suspected = change
            await asyncio.sleep(CONFIRM_S)
            balances, asked_at = await self._portfolio.read_balances()
            told = self._all(told, ())
        else:
            log.warning(
                "balances keep changing, or do not show what must have come in; what was counted is taken "
                "until they agree"
            )
            suspected, agree = {}, False
        self._portfolio.count_outside_change(suspected, "")
        self._compared = True
        return agree

    def _tell_doubt(self) -> None:
        self._announcements.tell(
            pb.SEVERITY_WARNING,
            "MASTER_EQUITY_UNKNOWN",
            "the master paid with money that its balances do not show yet: its entries are not copied until "
            "they do, its exits are",
        )

    # -- across restarts ------------------------------------------------------------------------------------

    async def keep_wallet(self) -> None:
        """Makes the wallet durable when it has changed, and tidies the ledger when it has not, for ever.
        Raises LedgerFault.
        """
        while True:
            await asyncio.sleep(KEEP_S)
            if not self.save():
                self._ledger.tidy()
            self._portfolio.pairs.remember()

    def save(self) -> bool:
        """Makes the wallet durable, with the trades that it holds; whether it had changed. Raises
        LedgerFault.
        """
        if not self._compared:
            return False
        body = self._counted.to_json(self._portfolio.wallet)
        changed = body != self._kept
        if changed:
            failpoint.reach(self._account_id, "before_keep")
            self._ledger.keep_value(WALLET, body)
            failpoint.reach(self._account_id, "after_keep")
            self._kept = body
        return changed


def _together(
    items: Iterable[pb.Fill | account_pb.CaughtUp | account_pb.AssetRename | None],
) -> Iterator[list[pb.Fill] | account_pb.CaughtUp | account_pb.AssetRename | None]:
    """The same, with fills that follow each other in one."""
    fills: list[pb.Fill] = []
    for item in items:
        if isinstance(item, pb.Fill):
            fills.append(item)
            continue
        if fills:
            yield fills
            fills = []
        yield item
    if fills:
        yield fills


def _trades(rows: Iterable[Execution | Incomplete]) -> list[Trade]:
    return [
        Trade(
            exec_id=row.exec_id, order_id=row.order_id, pair=row.pair, side=Side(row.side),
            price=row.last_price, volume=row.last_qty, cost=row.cost or row.last_qty * row.last_price,
            fees=row.fees, margin=row.margin, executed_at=row.timestamp.timestamp(),
            source=pb.FILL_SOURCE_FEED, cl_ord_id=row.cl_ord_id or "",
        )
        for row in rows
        if isinstance(row, Execution) and row.exec_type == "trade"
    ]  # fmt: skip


def _from_history(row: TradeRow, table: PairTable) -> Trade:
    """Kraken tells fees in quote, whatever that is in a pair that is not listed."""
    pair = table.find(row.pair)
    fees = ((pair.quote, row.fee),) if pair is not None and row.fee else ()
    return Trade(
        exec_id=row.txid,
        order_id=row.ordertxid,
        pair=pair.name if pair else row.pair,
        side=Side(row.side),
        price=row.price,
        volume=row.vol,
        cost=row.cost,
        fees=fees,
        margin=row.margin,
        executed_at=float(row.time),
        source=pb.FILL_SOURCE_HISTORY,
    )
