"""The master's side: turns executions into fills with what was frozen before their order, without holes and without repeats.

The journal at the supervisor is the memory of fills. Whoever streams tells where the journal ends, and everything after that is
fetched from the trade history before live executions go on. The same happens after each loss of the feed. A trade is counted
once, by its execution id.

What the master held right before a fill comes from a wallet that is counted trade by trade (master_wallet.py), because balances
may be told late. Only where nothing was counted yet are balances believed, once the master has not traded for a while.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from krakencopy.v1 import account_pb2 as account_pb
from krakencopy.v1 import types_pb2 as pb

from account_proc import failpoint
from account_proc.call_queue import Priority
from account_proc.copy_record import PB_SIDE, seconds, timestamp
from account_proc.errors import ExchangeError, ExchangeRefused, LedgerFault
from account_proc.exchange import KrakenExchange, TradeRow
from account_proc.executions import Execution, Incomplete
from account_proc.ledger import Ledger
from account_proc.master_wallet import CountedTrades, Trade, apply
from account_proc.pairs import SymbolTable, UnknownSymbol
from account_proc.portfolio import CONFIRM_S, Portfolio
from account_proc.units import Side, plain
from account_proc.wallet import Marks, Wallet, change_from_outside

log = logging.getLogger(__name__)

#: Execution ids and orders that are remembered; Kraken's history pages and snapshots repeat far fewer.
SEEN_MAX = 100_000
FROZEN_MAX = 10_000
#: Fills that are told together at most.
STREAM_MAX = 200
#: The trade history is read again from this long before the last fill, in seconds: it may trail behind the feed.
OVERLAP_S = 120.0
#: The history is held against what was streamed this often, in seconds, as long as the feed is up: reads may trail behind the
#: feed by up to a minute, and a feed may lose the last message before a silence, which no gap in its numbers shows.
AUDIT_S, AUDIT_PAPER_S = 30.0, 2.0
#: A trade that is younger than this, in seconds, may still be on its way through the feed.
AUDIT_AGE_S = 1.0
#: How often balances are read at a start until two readings agree, before what was counted is taken as it is.
AGREE_TRIES = 5
#: Longest wait, at the very first start, for balances that hold all trades; in times that balances may trail.
FIRST_WAIT_LAGS = 2.0
#: Balances are held against the wallet after about this long, in seconds: deposits, withdrawals.
REFRESH_S, REFRESH_PAPER_S = 300.0, 60.0
#: The wallet is made durable at most this often, in seconds.
KEEP_S = 1.0
#: Its name in the ledger.
WALLET = "wallet"
#: Between two tries to read the history, in seconds.
HISTORY_RETRY_S = 1.0


@dataclass(slots=True, kw_only=True)
class _Frozen:
    equity: Decimal
    cash: Decimal
    position: Decimal
    filled: Decimal


class FillMaker:
    """Pure: from trades in order to fills. Holds what was frozen at each order's first fill."""

    def __init__(self) -> None:
        #: Order and time (Unix seconds) by execution id.
        self._seen: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._frozen: OrderedDict[str, _Frozen] = OrderedDict()

    def knows(self, exec_id: str) -> bool:
        """Whether the trade was turned into a fill already, here or in the journal."""
        return exec_id in self._seen

    def learn(self, request: account_pb.StreamFillsRequest) -> None:
        """Takes over what the journal has. A fill that was made and never arrived there is forgotten, to be made again."""
        since, known = seconds(request.since), set(request.known_exec_ids)
        lost = [exec_id for exec_id, (_, at) in self._seen.items() if at >= since and exec_id not in known]
        for exec_id in lost:
            order_id, _ = self._seen.pop(exec_id)
            self._frozen.pop(order_id, None)
        for exec_id in request.known_exec_ids:
            self._see(exec_id, "", 0.0)
        for order in request.frozen_orders:
            self._frozen[order.order_id] = _Frozen(
                equity=Decimal(order.master_equity), cash=Decimal(order.master_cash),
                position=Decimal(order.master_position_before), filled=Decimal(order.filled_volume),
            )  # fmt: skip

    def _see(self, exec_id: str, order_id: str, at: float) -> None:
        self._seen.setdefault(exec_id, (order_id, at))
        while len(self._seen) > SEEN_MAX:
            self._seen.popitem(last=False)

    def make(
        self, trade: Trade, wallet: Wallet, marks: Marks, table: SymbolTable, received_at: float
    ) -> pb.Fill:
        """The fill, and the wallet after it. ``wallet`` is what the master held right before."""
        pair = table.pair(trade.symbol)
        self._see(trade.exec_id, trade.order_id, trade.executed_at)
        marks.set(pair.base, pair.quote, trade.price)
        frozen = self._frozen.get(trade.order_id)
        if frozen is None:
            frozen = self._frozen[trade.order_id] = _Frozen(
                equity=wallet.value(pair.quote, marks),
                cash=wallet[pair.quote],
                position=wallet[pair.base],
                filled=Decimal(0),
            )
            while len(self._frozen) > FROZEN_MAX:
                self._frozen.popitem(last=False)
        fill = pb.Fill(
            exec_id=trade.exec_id, order_id=trade.order_id, pair=pair.symbol, side=PB_SIDE[trade.side],
            price=plain(trade.price), volume=plain(trade.volume), master_equity=plain(frozen.equity),
            master_cash=plain(frozen.cash), master_position_before=plain(frozen.position), master_position=plain(wallet[pair.base]),
            order_filled_before=plain(frozen.filled), margin=trade.margin, source=trade.source,
            executed_at=timestamp(trade.executed_at), received_at=timestamp(received_at), cl_ord_id=trade.cl_ord_id,
        )  # fmt: skip
        if trade.fees:
            fill.fee.asset, fill.fee.amount = trade.fees[0][0], plain(trade.fees[0][1])
        for asset in wallet.assets():
            rate = marks.rate(asset, pair.quote)
            if rate is not None and asset != pair.quote:
                fill.marks[asset] = plain(rate)
        frozen.filled += trade.volume
        apply(wallet, trade, table)
        return fill


class Master:
    """The master's trading loop: the feed's sink and the source of StreamFills."""

    def __init__(
        self, *, account_id: str, exchange: KrakenExchange, portfolio: Portfolio, ledger: Ledger, now: Callable[[], float],
        changed: Callable[[], None], failed: Callable[[BaseException], None], heard: Callable[[Sequence[Execution]], None],
        audit_s: float = AUDIT_S, refresh_s: float = REFRESH_S,
    ) -> None:  # fmt: skip
        """``heard`` takes what the feed tells, for orders of the account's own. Raises LedgerFault when the wallet that an earlier
        process kept cannot be read.
        """
        self._account_id = account_id
        self._exchange = exchange
        self._portfolio = portfolio
        self._now = now
        self._changed = changed
        self._failed = failed
        self._heard = heard
        self._ledger = ledger
        self._audit_s = audit_s
        self._refresh_s = refresh_s
        self._refresh_at = now() + refresh_s
        kept = ledger.kept(WALLET)
        try:
            self._counted = (
                CountedTrades() if kept is None else CountedTrades.from_json(kept, portfolio.wallet)
            )
        except (ValueError, KeyError, TypeError, ArithmeticError) as error:
            raise LedgerFault(f"{ledger.path}: the wallet in it cannot be read ({error})") from error
        #: Whether there is a wallet that was counted; else balances are to be believed first.
        self._has_wallet = kept is not None
        #: Whether that wallet was held against balances in this process.
        self._compared = False
        self._kept = kept
        self._maker = FillMaker()
        #: What orders carried, by the exchange's id, of trades that the history told.
        self._client_ids: OrderedDict[str, str] = OrderedDict()
        self._out: asyncio.Queue[pb.Fill | account_pb.CaughtUp | None] | None = None
        self._since = 0.0
        self._held: list[tuple[Trade, float]] | None = []  # a list while the past is not complete; else None
        self._catching_up: asyncio.Task[None] | None = None
        self._feed_up = False
        #: Executions that the first snapshot told: from before this process, whatever the history says of them.
        self._before_us: set[str] | None = None
        #: Executions that the last snapshot told, and when: the history will show them, if it trails now (Unix seconds).
        self._promised: tuple[float, set[str]] = (0.0, set())
        #: Whether every fill so far has been streamed.
        self.complete = False

    # -- the stream ---------------------------------------------------------------------------------------------

    async def stream(
        self, request: account_pb.StreamFillsRequest
    ) -> AsyncIterator[list[pb.Fill] | account_pb.CaughtUp]:
        """Fills after the journal's end, for ever, those together that wait together; a later call takes over."""
        if self._out is not None:
            self._out.put_nowait(None)
        out: asyncio.Queue[pb.Fill | account_pb.CaughtUp | None] = asyncio.Queue()
        self._out = out
        self._maker.learn(request)
        self._since = seconds(request.since)
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

    def _emit(self, item: pb.Fill | account_pb.CaughtUp) -> None:
        assert self._out is not None
        is_fill = isinstance(item, pb.Fill)
        if is_fill:
            failpoint.reach(self._account_id, "before_emit")
        self._out.put_nowait(item)
        if is_fill:
            failpoint.reach(self._account_id, "after_emit")

    # -- the feed's sink ----------------------------------------------------------------------------------------

    def connected(self, snapshot: Sequence[Execution | Incomplete]) -> None:
        """The feed is up. What its snapshot tells is in the history as well, and the history is read anyway."""
        log.info("executions feed connected, %d rows in its snapshot", len(snapshot))
        self._feed_up = True
        told = {row.exec_id for row in snapshot if row.exec_type == "trade" and row.exec_id}
        if self._before_us is None:
            self._before_us = told
        self._promised = (self._now(), told - self._before_us)
        self._catch_up(hints=_trades(snapshot))
        self._heard([row for row in snapshot if isinstance(row, Execution)])

    def executed(self, executions: Sequence[Execution | Incomplete]) -> None:
        """Live news."""
        received_at = self._now()
        if any(isinstance(row, Incomplete) for row in executions):
            log.warning("an execution came without its order; the trade history completes it")
            self._catch_up()
        for trade in _trades(executions):
            if self._held is not None:
                self._held.append((trade, received_at))
            else:
                self._live(trade, received_at)
        # After the fills, which users wait for.
        self._heard([row for row in executions if isinstance(row, Execution)])

    def disconnected(self, reason: str) -> None:
        """The feed is down: from here on there may be a hole."""
        log.warning("executions feed lost: %s", reason)
        self._feed_up = False
        self._stop_catching_up()
        self._changed()

    def _live(self, trade: Trade, received_at: float) -> None:
        if self._maker.knows(trade.exec_id):
            return
        if self._portfolio.table.find(trade.symbol) is None:
            log.warning(
                "%s was listed after this process started; the trade history is read with new pairs",
                trade.symbol,
            )
            self._catch_up()
            return
        self._make(trade, received_at)
        self._changed()

    def _make(self, trade: Trade, received_at: float) -> None:
        """One more fill, and the wallet after it."""
        portfolio = self._portfolio
        portfolio.before_trade(trade.executed_at)
        self._emit(self._maker.make(trade, portfolio.wallet, portfolio.marks, portfolio.table, received_at))
        self._counted.add(trade)
        self._since = max(self._since, trade.executed_at - OVERLAP_S)

    # -- the past -----------------------------------------------------------------------------------------------

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
        self._catching_up = asyncio.get_running_loop().create_task(self._read_past(list(hints)))
        self._catching_up.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed(error)

    async def _read_past(self, hints: list[Trade]) -> None:
        found = await self._read_history(hints)
        self._emit(account_pb.CaughtUp(from_history=found))
        self.complete = True
        self._changed()
        while True:
            # Kraken: a snapshot's trades carry too little to be copied; the history has the rest, a little later.
            told_at, told = self._promised
            late = self._now() < told_at + OVERLAP_S and any(not self._maker.knows(one) for one in told)
            await asyncio.sleep(min(self._audit_s, HISTORY_RETRY_S) if late else self._audit_s)
            try:
                await self._audit()
            except ExchangeError as error:
                log.warning("trade history or balances could not be read again: %s", error)

    async def _audit(self) -> None:
        """Holds the history against what was streamed and, now and then, balances against the wallet. Raises ExchangeError."""
        past = await self._history(Priority.BACKGROUND)
        old = self._now() - AUDIT_AGE_S
        # Kraken gives up to two seconds more than was asked for; what lies before the journal's end is not told again.
        missed = [
            trade for trade in past
            if self._since <= trade.executed_at < old and not self._maker.knows(trade.exec_id)
        ]  # fmt: skip
        if missed:
            log.warning("the feed has not told of %d fills that are in the trade history", len(missed))
            self._held = []
            await self._read_history([])
        elif self._now() >= self._refresh_at:
            certain = await self._portfolio.refresh()
            self._refresh_at = self._now() + (self._refresh_s if certain else CONFIRM_S)

    async def _history(self, priority: Priority = Priority.READ) -> list[Trade]:
        since = min(self._since, self._counted.newest - OVERLAP_S) if self._has_wallet else self._since
        rows = await self._exchange.trades_since(since, priority=priority)
        try:
            trades = [_from_history(row, self._portfolio.table) for row in rows]
        except UnknownSymbol:
            # A pair that was listed after this process started.
            await self._portfolio.load_symbols()
            trades = [_from_history(row, self._portfolio.table) for row in rows]
        return await self._with_order_ids(trades, priority)

    async def _with_order_ids(self, trades: list[Trade], priority: Priority) -> list[Trade]:
        """With what the history does not tell: the ids that the orders of new trades carried. A copy of one of our own users is known by it.
        Raises ExchangeError, but where the exchange refuses to tell.
        """
        new = {
            trade.order_id
            for trade in trades
            if trade.executed_at >= self._since and not self._maker.knows(trade.exec_id)
        }
        wanted = sorted(new - self._client_ids.keys())
        if wanted:
            try:
                rows = await self._exchange.query_orders(wanted, priority=priority)
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
        # From here on nothing waits: what was told is all there is.
        arrived = {trade.exec_id: at for trade, at in self._held or []}
        # What came live is new whatever its time says: the exchange's clock and ours may differ.
        missing = {
            trade.exec_id for trade in told
            if not self._maker.knows(trade.exec_id) and (trade.executed_at >= self._since or trade.exec_id in arrived)
        }  # fmt: skip
        wallet, table, marks = self._portfolio.wallet, self._portfolio.table, self._portfolio.marks
        # Users take fills in the journal's order, so what is missing comes after all that the journal has, whatever its time.
        for trade in reversed(told):
            if trade.exec_id in missing and self._counted.holds(trade):
                apply(wallet, trade, table, undo=True)
        for trade in told:
            if trade.exec_id not in missing and not self._counted.holds(trade):
                self._portfolio.before_trade(trade.executed_at)
                apply(wallet, trade, table)
                self._counted.add(trade)
        now = self._now()
        wanted = [trade for trade in told if trade.exec_id in missing]
        for trade in wanted:
            # What was held then and is not now has no price yet, and would count as nothing.
            pair = table.pair(trade.symbol)
            if marks.rate(pair.base, pair.quote) is None:
                marks.set(pair.base, pair.quote, trade.price)
        for trade in wanted:
            self._make(trade, arrived.get(trade.exec_id, now))
        self._held = None
        return len(missing - arrived.keys())

    async def _told(self, hints: list[Trade]) -> list[Trade]:
        """All trades that are heard of, in order, and a wallet to count them into; however long it takes."""
        since = self._now()
        while True:
            try:
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
                await asyncio.sleep(HISTORY_RETRY_S)

    def _all(self, told: Iterable[Trade], hints: Iterable[Trade]) -> list[Trade]:
        """With what the feed has told meanwhile, in order of execution. The feed's own row wins: it knows the fee's asset."""
        held = (trade for trade, _ in self._held or [])
        trades: dict[str, Trade] = {}
        for trade in (*told, *hints, *held):
            known = trades.get(trade.exec_id)
            # The feed's snapshot may leave it out.
            carried = trade.cl_ord_id or ("" if known is None else known.cl_ord_id)
            trades[trade.exec_id] = replace(trade, cl_ord_id=carried)
        return sorted(trades.values(), key=lambda trade: trade.executed_at)

    async def _compare(self, told: list[Trade], balances: Mapping[str, Decimal], asked_at: float) -> None:
        """Takes what came from outside while no process ran into the wallet that an earlier one kept. Raises ExchangeError."""
        suspected: dict[str, Decimal] = {}
        for _ in range(AGREE_TRIES):
            states = self._counted.states(
                self._portfolio.wallet, told, self._portfolio.table, asked_at - self._portfolio.lag_s
            )
            change = change_from_outside(balances, states)
            if change == suspected:
                break
            suspected = change
            await asyncio.sleep(CONFIRM_S)
            balances, asked_at = await self._portfolio.read_balances()
            told = self._all(told, ())
        else:
            log.warning("balances keep changing; what was counted is taken until they agree")
            suspected = {}
        for asset, amount in suspected.items():
            log.info("%s of %s came from outside while nobody listened", amount, asset)
            self._portfolio.wallet.add(asset, amount)
        self._compared = True

    # -- across restarts ----------------------------------------------------------------------------------------

    async def keep_wallet(self) -> None:
        """Makes the wallet durable when it has changed, and tidies the ledger when it has not, for ever. Raises LedgerFault."""
        while True:
            await asyncio.sleep(KEEP_S)
            if not self.save():
                self._ledger.tidy()

    def save(self) -> bool:
        """Makes the wallet durable, with the trades that it holds; whether it had changed. Raises LedgerFault."""
        if not self._compared:
            return False
        body = self._counted.to_json(self._portfolio.wallet)
        changed = body != self._kept
        if changed:
            failpoint.reach(self._account_id, "before_keep")
            self._ledger.keep(WALLET, body)
            failpoint.reach(self._account_id, "after_keep")
            self._kept = body
        return changed


def _together(
    items: Iterable[pb.Fill | account_pb.CaughtUp | None],
) -> Iterator[list[pb.Fill] | account_pb.CaughtUp | None]:
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
            exec_id=row.exec_id, order_id=row.order_id, symbol=row.symbol, side=Side(row.side),
            price=row.last_price, volume=row.last_qty, cost=row.cost or row.last_qty * row.last_price,
            fees=row.fees, margin=row.margin, executed_at=row.timestamp.timestamp(),
            source=pb.FILL_SOURCE_FEED, cl_ord_id=row.cl_ord_id or "",
        )
        for row in rows
        if isinstance(row, Execution) and row.exec_type == "trade"
    ]  # fmt: skip


def _from_history(row: TradeRow, table: SymbolTable) -> Trade:
    pair = table.pair(row.pair)
    return Trade(
        exec_id=row.txid, order_id=row.ordertxid, symbol=pair.symbol, side=Side(row.side), price=row.price,
        volume=row.vol, cost=row.cost, fees=((pair.quote, row.fee),) if row.fee else (), margin=row.margin,
        executed_at=float(row.time), source=pb.FILL_SOURCE_HISTORY,
    )  # fmt: skip
