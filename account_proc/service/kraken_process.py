"""Puts one account's process together: locks, ledger, server, exchange, loops; and takes it apart again in
order.

    locks ─▶ ledger ─▶ gRPC server (NOT_SERVING) ─▶ ready line
        ─▶ exchange ─▶ whose account? ─▶ feed and loops ─▶ SERVING

Nothing reaches the exchange before the locks are held. SERVING is said by this file alone, and means that the
account can trade: lock held, ledger recovered, exchange reached, and for a master that its feed is fresh and
no fill is missing.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from decimal import Decimal

from krakencopy.account_proc.contract import nonce_report
from krakencopy.account_proc.contract.decimal_text import plain
from krakencopy.account_proc.contract.errors import (
    AccountError,
    ConfigurationFault,
    ExchangeError,
    KeyRefused,
    LedgerFault,
    NonceFault,
)
from krakencopy.account_proc.contract.nonce_report import KeyNonce
from krakencopy.account_proc.contract.proto_time import timestamp
from krakencopy.account_proc.contract.spec import AccountSpec, Credentials, Role
from krakencopy.account_proc.copying.copier import Copier
from krakencopy.account_proc.copying.master import (
    AUDIT_PAPER_S,
    AUDIT_S,
    WALLET_CHECK_PAPER_S,
    WALLET_CHECK_S,
    Master,
)
from krakencopy.account_proc.copying.reconciler import PERIOD_PAPER_S, PERIOD_S, LookBack, Reconciler
from krakencopy.account_proc.copying.user_feed import UserFeed
from krakencopy.account_proc.domain.pair_table import UnknownName
from krakencopy.account_proc.domain.pairs import NOT_LISTED
from krakencopy.account_proc.domain.wallet import DISPLAY_CURRENCY
from krakencopy.account_proc.kraken.api import KrakenExchange
from krakencopy.account_proc.kraken.exchange_clock import ExchangeClock
from krakencopy.account_proc.kraken.feed.connect_pacing import pace_of
from krakencopy.account_proc.kraken.feed.executions_feed import ExecutionsFeed
from krakencopy.account_proc.kraken.front import DOUBLINGS_MAX, FRONT_REFUSES, growing_pause_s
from krakencopy.account_proc.kraken.key_check import KeyCheck, KeyUnfit, Needs, fee_pairs
from krakencopy.account_proc.kraken.pairs_cache import Origin, PairsCache
from krakencopy.account_proc.kraken.rest.client import KrakenRest
from krakencopy.account_proc.kraken.rest.order_connection import OrderConnection
from krakencopy.account_proc.kraken.rest.rate_limits import AccountLimits
from krakencopy.account_proc.kraken.rest.request_queue import CallQueue
from krakencopy.account_proc.notices.announcements import Announcements, of_outside_change
from krakencopy.account_proc.notices.current import CurrentNotice, clock_notice, front_notice, funds_notice
from krakencopy.account_proc.notices.unreadable import NoticeCode, Notices
from krakencopy.account_proc.runtime.read_deferral import ReadDeferral, deferral_s
from krakencopy.account_proc.service.account_process import DRAIN_MAX_S, AccountProcess
from krakencopy.account_proc.service.account_service import AccountServicer
from krakencopy.account_proc.state.key_lock import key_lock
from krakencopy.account_proc.state.ledger import Drift, Ledger
from krakencopy.account_proc.state.nonce_custody import NonceCustody
from krakencopy.account_proc.state.pair_memory import PairMemory
from krakencopy.account_proc.strategy.api import strategy_of
from krakencopy.account_proc.strategy.runner import StrategyRunner, make_runner
from krakencopy.account_proc.trading.account_check import IDENTITY, check_own_account
from krakencopy.account_proc.trading.kraken_broker import KrakenBroker
from krakencopy.account_proc.trading.order_gateway import OrderGateway
from krakencopy.account_proc.trading.order_tracker import OrderTracker
from krakencopy.account_proc.trading.portfolio import Portfolio
from krakencopy.account_proc.trading.requested_orders import RequestedOrders
from krakencopy.account_proc.trading.timing import Timing
from krakencopy.v1 import account_pb2 as pb
from krakencopy.v1 import types_pb2

log = logging.getLogger(__name__)

#: Between two tries to reach the exchange, in seconds: at first, and at most.
REACH_RETRY_S, REACH_RETRY_MAX_S = 1.0, 15.0
#: Whoever wants to know the exchange's time for certain waits for it so long at most, in seconds: exits may
#: stand behind.
TIME_WITHIN_S = 2.0


class KrakenProcess(AccountProcess):
    """One account, from its locks to its end."""

    def __init__(self, spec: AccountSpec, credentials: Credentials) -> None:
        """Takes the locks and opens the ledger. Raises ConfigurationFault, LockHeld, NonceFault,
        LedgerFault.
        """
        super().__init__(spec)
        self._strategy = strategy_of(spec)
        self._key_lock = key_lock(spec.key_lock_dir, credentials.key, spec.id)
        self._nonce = NonceCustody.open(
            spec.nonce_path, account_id=spec.id, now_us=lambda: time.time_ns() // 1_000
        )
        self.ledger = Ledger(spec.ledger_path, spec.id, spec.owner, adopt=spec.adopt_ledger)
        self._timing = replace(
            Timing.paper() if spec.paper else Timing(), visibility_lag=spec.visibility_lag_s
        )
        limits = AccountLimits(spec.tier, lockout_s=self._timing.key_retry)
        limits.front.changed = limits.public_front.changed = self._notify
        #: What everything here that speaks of the exchange's time, or compares with it, goes by.
        self._clock = ExchangeClock()
        self._clock.changed = self._notify
        self._rest = KrakenRest(spec.rest_url, credentials, self._nonce, limits, self._clock)
        self._read_deferral = ReadDeferral(deferral_s(spec.users))
        self._line = OrderConnection(spec.rest_url, self._read_deferral, clock=self._clock)
        self._calls = CallQueue(self._rest, self._line)
        self._notices = Notices(self._clock.now, self.change_signal.notify)
        self._exchange = KrakenExchange(
            self._calls, self._clock, self._notices.odd_row, self._notices.market_refused
        )
        # Beside the sockets: for this supervisor's processes, and of no use later.
        pairs_cache = PairsCache(
            spec.socket_path.parent / "listing", spec.id, Origin.of(spec.rest_url, spec.epoch)
        )
        self._announcements = Announcements(self.change_signal.notify)
        now = self._clock.now
        self._portfolio = Portfolio(
            self._exchange,
            self.change_signal.notify,
            now,
            spec.visibility_lag_s,
            pairs_cache,
            spec.reserve,
            self._outside,
            self._notices,
            PairMemory(self.ledger),
        )
        needs = Needs.of(
            spec.role, has_strategy=spec.strategy is not None, allow_withdraw=spec.allow_withdraw_key
        )
        self._preflight = KeyCheck(
            self._exchange,
            needs,
            self.change_signal.notify,
            handed_out=lambda: self._nonce.last,
            now=now,
            clock=self._clock,
        )
        self._watch = OrderTracker(self._exchange, now, self._timing.poll, self._wake_feed)
        self._gateway = OrderGateway(self._exchange, self._watch, now, self._timing)
        self._broker = KrakenBroker(self._gateway, self._portfolio, self._copied)
        self.requested_orders = RequestedOrders(
            spec.id, self.ledger, self._broker, now, self._ask_time, spec.journal_id, self._learn_pair
        )
        self.strategy_runner: StrategyRunner | None = None
        self.master: Master | None = None
        self.copier: Copier | None = None
        self._reconciler: Reconciler | None = None
        self._feed: ExecutionsFeed | None = None
        self._reason, self._message = "CONNECTING", "connecting to the exchange"
        self._found = LookBack()
        #: Which account it is was found out; the supervisor has nothing against it; it trades.
        self._known, self._admitted, self._trading = asyncio.Event(), asyncio.Event(), asyncio.Event()

    # -- what others may know -------------------------------------------------------------------------------

    def readiness(self) -> tuple[str, str]:
        """Why the account cannot trade, as a code and for people; two empty strings when it can."""
        if not self._trading.is_set():
            return self._reason, self._message
        if self.master is not None:
            if self._feed is None or not self._feed.fresh:
                return "FEED_DOWN", "the executions feed is not connected"
            if not self.master.complete:
                return "CATCHING_UP", "reading what happened while nobody listened"
        return "", ""

    def snapshot(self) -> pb.WatchSnapshotResponse:
        """The account as it is now."""
        reason, message = self.readiness()
        snapshot = pb.WatchSnapshotResponse(
            nonce=types_pb2.NonceStatus(
                path=str(self._nonce.path), last=self._nonce.last, reserved=self._nonce.reserved
            ),
            feed_connected=self._feed is not None and self._feed.fresh,
            reason=reason,
            message=message,
            rate=types_pb2.RateStatus(**asdict(self._calls.rate_status())),
            announcements=self._announcements,
        )
        equity = self._portfolio.equity(DISPLAY_CURRENCY)
        if equity is not None:
            snapshot.equity.amount, snapshot.equity.asset = plain(round(equity, 4)), DISPLAY_CURRENCY
        if self.copier is not None:
            snapshot.cursor_seq = self.ledger.cursor or 0
            snapshot.copies_open = self.copier.copies_open
            snapshot.positions.extend(self.copier.positions())
        if self._reconciler is not None:
            snapshot.drifts.extend(map(_told_drift, self._reconciler.drifts()))
        snapshot.trading_mode = types_pb2.TRADING_MODE_COPYING
        if self.spec.role is Role.MASTER or (self.strategy_runner is not None and self.strategy_runner.on):
            snapshot.trading_mode = types_pb2.TRADING_MODE_OWN
        if self.strategy_runner is not None:
            snapshot.strategy.CopyFrom(self.strategy_runner.to_proto())
        self._note_unlisted((*snapshot.positions, *snapshot.strategy.positions))
        snapshot.notices.extend(notice.to_proto() for notice in self._notices.shown())
        if (found := self._preflight.to_proto(self._portfolio.pairs.latest)) is not None:
            snapshot.preflight.CopyFrom(found)
        snapshot.notices.extend(
            types_pb2.Notice(code=notice.code, message=notice.message) for notice in self._current_notices()
        )
        if self.ledger.reconciled_at is not None:
            snapshot.reconciled_at.CopyFrom(timestamp(self.ledger.reconciled_at))
        return snapshot

    def _current_notices(self) -> Iterator[CurrentNotice]:
        yield from clock_notice(self._clock.reading())
        yield from front_notice(self._front(), "" if self._feed is None else self._feed.blocked)
        if self.copier is not None:
            portfolio = self._portfolio
            yield from funds_notice(
                self.copier.master_pairs, portfolio.spendable, portfolio.holding, portfolio.pairs.table
            )

    def _front(self) -> str:
        """What in front of the exchange refuses calls, for people; empty while nothing does."""
        limits, now, unix_now = self._rest.limits, time.monotonic(), self._clock.now()
        return limits.front.words(now, unix_now) or limits.public_front.words(now, unix_now)

    def _note_unlisted(self, held: Iterable[types_pb2.CopiedPosition | types_pb2.OwnPosition]) -> None:
        """Says what is held by copying, or by the account's own strategy, in pairs that the exchange does
        not list.
        """
        table = self._portfolio.pairs.latest
        if table is None:
            return
        gone = {
            found.pair: f"{found.pair} is not listed at the exchange any more, and {found.volume} of it is "
            "held: it stays counted; "
            "look the coin up at the exchange, it may have been renamed or be there to be withdrawn only"
            for found in held
            if "/" in found.pair
            and Decimal(found.volume)
            and ((rules := table.find(found.pair)) is None or rules.status == NOT_LISTED)
        }
        self._notices.hold(NoticeCode.NOT_LISTED, gone)

    async def trading(self) -> None:
        """Waits until the exchange was reached and the loops run."""
        await self._trading.wait()

    async def account_seen(self) -> pb.AccountSeen:
        """Waits until it is known which account at the exchange it is."""
        await self._known.wait()
        return pb.AccountSeen(
            identity=str(self._preflight.identity or ""), marked=map(_told_drift, self._found.marked)
        )

    def admit(self) -> None:
        """The supervisor has nothing against the account: it may trade."""
        self._admitted.set()

    def in_flight(self) -> bool:
        """Whether a copy or an order of the account's own is on its way."""
        return self.requested_orders.open or (self.copier is not None and self.copier.copies_open > 0)

    async def drain(self) -> int:
        """Takes no new work, finishes what is in flight; copies whose end is still not known."""
        if self.strategy_runner is not None:
            await self.strategy_runner.stop()
        self.draining = True
        self.change_signal.notify()
        await self.requested_orders.drain()
        if self.copier is not None:
            try:
                await asyncio.wait_for(self.copier.drain(), DRAIN_MAX_S)
            except TimeoutError:
                log.warning("%d copies are still open; the next start takes them up", self.copier.copies_open)
        return self.copier.copies_open if self.copier is not None else 0

    async def nonce_report(self) -> types_pb2.NonceReport:
        """What is known of the key's nonce. The exchange is asked; a key that may not ask, or no answer,
        leaves that part out.
        """
        told = None
        try:
            clock = await self._clock.ask(self._exchange.market.server_time)
            key = await self._exchange.account.api_key_info()
            told = KeyNonce(
                nonce=key.nonce, window=key.nonce_window, clock_offset_ms=round(clock.offset * 1000)
            )
        except NonceFault as error:
            self.fail(error)
        except AccountError as error:
            log.info("the exchange did not tell the key's nonce: %s", error)
        return nonce_report.report(
            self.spec.id, str(self._nonce.path), now_us=time.time_ns() // 1_000, last=self._nonce.last,
            reserved=self._nonce.reserved, holder_pid=os.getpid(), told=told,
        )  # fmt: skip

    async def find_coins(self, names: Iterable[str]) -> list[pb.ListedCoin]:
        """What the exchange lists under names of coins, by tables that are read now. Raises ExchangeError."""
        await self._portfolio.pairs.read()
        table = self._portfolio.pairs.table
        found = [table.asset(name) if table.lists(name) else "" for name in names]
        return [pb.ListedCoin(name=name, traded=bool(name) and table.trades(name)) for name in found]

    # -- the life of the process ----------------------------------------------------------------------------

    def servicer(self) -> AccountServicer:
        """What answers AccountService."""
        return AccountServicer(self)

    async def work(self) -> None:
        """Reaches the exchange, waits to be admitted, and starts the loops."""
        await self._reach_exchange()
        self._spawn(self._watch.run())
        self._known.set()
        if self.spec.role is Role.USER:
            self._reason, self._message = "CONNECTING", "the supervisor compares its account with the others'"
            await self._admitted.wait()
            self._keep_identity()
        await self._start_trading()

    def _keep_identity(self) -> None:
        """The ledger is about this account from now on. Raises LedgerFault."""
        if self._preflight.identity is not None and self.ledger.kept_value(IDENTITY) is None:
            self.ledger.keep_value(IDENTITY, str(self._preflight.identity))

    async def close(self) -> None:
        """Gives back the ledger and the locks. The locks last: nobody may start before the rest is closed."""
        await asyncio.to_thread(self._calls.close)
        with suppress(LedgerFault):  # it is behind by a second then; the history tells the rest
            if self.master is not None:
                self.master.save()
            if self._portfolio.pairs.latest is not None:
                self._portfolio.pairs.remember()
        self.ledger.close()
        self._nonce.close()
        self._key_lock.close()

    # -- the exchange ---------------------------------------------------------------------------------------

    async def _reach_exchange(self) -> None:
        """Finds out all that must be known before anything is traded, however long it takes. Raises
        OtherAccount, NonceFault, LedgerFault.
        """
        key_is_fit, failures = False, 0
        while True:
            try:
                # Once is enough: what is asked again costs what the rest waits for.
                if not key_is_fit:
                    await self._preflight.check()
                    key_is_fit = True
                await check_own_account(
                    self.spec.id,
                    self._exchange,
                    self.ledger,
                    self._preflight.identity,
                    self._clock.now,
                    self._gateway.visibility_lag,
                )
                await self._portfolio.load()
                if self.spec.role is Role.USER:
                    await self._look_back()
                break
            except KeyUnfit as error:
                pause = self._timing.key_retry
                self._wait(error.reason, f"{error} (looked at again every {pause:.0f} s)")
            except KeyRefused as error:
                key_is_fit = False
                pause = self._timing.key_retry
                self._wait(
                    "KEY_REFUSED", f"{error}; mend the key at the exchange (tried again every {pause:.0f} s)"
                )
            except ExchangeError as error:
                pause = growing_pause_s(failures, REACH_RETRY_S, REACH_RETRY_MAX_S, random.random())  # noqa: S311 - spreads load
                failures += 1
                front = self._front()
                self._wait(FRONT_REFUSES if front else "EXCHANGE_UNREACHABLE", front or str(error))
            await asyncio.sleep(pause)

    async def _start_trading(self) -> None:
        """Starts the loops."""
        self._check_reserve()
        if self.spec.role is Role.MASTER:
            audit_s, refresh_s = (
                (AUDIT_PAPER_S, WALLET_CHECK_PAPER_S) if self.spec.paper else (AUDIT_S, WALLET_CHECK_S)
            )
            self.master = Master(
                account_id=self.spec.id,
                exchange=self._exchange,
                portfolio=self._portfolio,
                ledger=self.ledger,
                now=self._clock.now,
                changed=self.change_signal.notify,
                failed=self.fail,
                heard=self._watch.executed,
                announcements=self._announcements,
                audit_s=audit_s,
                refresh_s=refresh_s,
                clock_offset=lambda: self._clock.now() - time.time(),
                is_ours=self._keep_identity,
            )
            self._spawn(self.master.keep_wallet())
            sink: Master | UserFeed = self.master
        else:
            sink = await self._start_copying()
        self._feed = ExecutionsFeed(
            url=self.spec.ws_url,
            token=self._exchange.account.websocket_token,
            sink=sink,
            read_deferral=self._read_deferral,
            pace=pace_of(
                self.spec.ws_url, self.spec.key_lock_dir.parent, is_master=self.spec.role is Role.MASTER
            ),
            # A master's news are what everyone waits for, a user's are those of its orders.
            clock=self._clock,
            is_idle=None if self.spec.role is Role.MASTER else lambda: self._watch.idle,
            balances=self.spec.role is Role.MASTER,
        )
        self._spawn(self._line.keep())
        self._spawn(self._follow(self._feed))
        self._spawn(self._portfolio.pairs.keep_fresh())
        self._spawn(self._preflight.keep(self._fee_pairs))
        if self.master is None:
            self._spawn(self._refresh())
        self._trading.set()
        self.change_signal.notify()
        self._start_strategy()

    def _check_reserve(self) -> None:
        """Takes a reserve under whichever name Kraken has for an asset (BTC, XBT, XXBT). Raises
        ConfigurationFault where it has none.
        """
        portfolio, kept_out = self._portfolio, dict[str, Decimal]()
        for written, amount in self.spec.reserve.items():
            if portfolio.pairs.table.lists(written):
                asset = portfolio.pairs.table.asset(written)
            elif portfolio.holding(written):
                asset = written  # it is there and not listed any more
            else:
                problem = f'reserve = {{ {written} = "{amount}" }}: the exchange has no {written}'
                raise ConfigurationFault(f"{problem}; write the asset as Kraken shows it, e.g. BTC")
            kept_out[asset] = max(amount, kept_out.get(asset, amount))
        portfolio.kept_out = kept_out

    def _check_notional(self) -> None:
        """Raises ConfigurationFault for an amount of something that the exchange does not have."""
        asset = self.spec.copy.notional_asset
        try:
            self._portfolio.prices.priced = (self._portfolio.pairs.table.asset(asset),) if asset else ()
        except UnknownName as error:
            amount = f"{self.spec.copy.notional} {asset}"
            raise ConfigurationFault(
                f'copy.notional = "{amount}": the exchange has no {asset}; write "50 USD"'
            ) from error

    def _start_strategy(self) -> None:
        """Its own loop: a master's is always on, a user's when its supervisor says that the master is
        lost.
        """
        if self._strategy is None:
            return
        copier = self.copier
        self.strategy_runner = make_runner(
            self.spec, self._strategy, self.requested_orders, self._broker, self.change_signal,
            ready=lambda: not self.draining and not self.readiness()[0],
            copying=lambda: copier is not None and copier.copies_open > 0, now=self._clock.now,
        )  # fmt: skip
        self._spawn(self.strategy_runner.run())
        if copier is None:
            self.strategy_runner.switch_on()

    def _outside(self, change: Mapping[str, Decimal], kind: str) -> None:
        """Balances changed without a trade. A master's are told: its users still hold what it may have
        parted with.
        """
        if self.master is not None:
            for severity, code, message, asset in of_outside_change(change, kind):
                self._announcements.tell(severity, code, message, asset=asset)

    def _copied(self, asset: str) -> Decimal:
        """What copying holds of an asset."""
        return Decimal(0) if self.copier is None else self.copier.held(asset)

    def _own_held(self, asset: str) -> Decimal:
        """What the account's own strategy holds of an asset."""
        if self.spec.strategy is None:
            return Decimal(0)
        held = self.requested_orders.positions().items()
        return sum((own.volume for pair, own in held if pair.partition("/")[0] == asset), Decimal(0))

    def _trades_by_itself(self) -> bool:
        return self.strategy_runner is not None and self.strategy_runner.under_way

    async def set_trading_mode(self, mode: types_pb2.TradingMode.ValueType) -> None:
        """As the supervisor says. Returns, for COPYING, when no order of the strategy can reach the
        exchange any more.
        """
        if self.strategy_runner is None:
            return
        if mode == types_pb2.TRADING_MODE_OWN and not self.draining:
            self.strategy_runner.switch_on()
        else:
            await self.strategy_runner.off()

    def _notify(self) -> None:
        """In any thread: what is shown has changed."""
        with suppress(RuntimeError):  # the loop is over
            self._stop.get_loop().call_soon_threadsafe(self.change_signal.notify)

    async def _ask_time(self) -> None:
        """Makes sure of the exchange's time; without an answer soon it is what it was taken to be."""
        with suppress(ExchangeError, TimeoutError):
            async with asyncio.timeout(TIME_WITHIN_S):
                await self._clock.ask(self._exchange.market.server_time)

    def _fee_pairs(self) -> tuple[str, ...]:
        traded = () if self.copier is None else self.copier.pairs()
        return fee_pairs(self._portfolio.pairs.table, traded, self._portfolio.wallet.assets())

    def _wake_feed(self) -> None:
        if self._feed is not None:
            self._feed.wake()

    async def _follow(self, feed: ExecutionsFeed) -> None:
        """The feed, for ever. A key that is refused now (a lockout, an expired permission) may be accepted
        later.
        """
        pause = self._timing.key_retry
        while True:
            try:
                await feed.run()
            except KeyRefused as error:
                log.error("KEY_REFUSED: %s; tried again in %.0f s", error, pause)  # noqa: TRY400 - expected
                await asyncio.sleep(pause)

    async def _learn_pair(self, pair: str) -> None:
        """Reads the exchange's pairs again for one that is not known: it may have been listed, or renamed,
        since.
        """
        try:
            await self._portfolio.pairs.learn([pair])
        except ExchangeError as error:
            log.warning("%s is not known, and the exchange's pairs could not be read again: %s", pair, error)

    async def _look_back(self) -> None:
        """What the exchange has seen and the ledger has not; nothing is sent before that is known. Raises
        ExchangeError.
        """
        if self._reconciler is None:
            self.copier = Copier(
                account_id=self.spec.id,
                rules=self.spec.copy,
                ledger=self.ledger,
                portfolio=self._portfolio,
                gateway=self._gateway,
                now=self._clock.stamp,
                changed=self.change_signal.notify,
                failed=self.fail,
                occupied=self._trades_by_itself,
                own_held=self._own_held,
                read_deferral=self._read_deferral,
                ask_time=self._ask_time,
            )
            self._reconciler = Reconciler(
                exchange=self._exchange,
                ledger=self.ledger,
                adopter=self.copier,
                gateway=self._gateway,
                now=self._clock.now,
                changed=self.change_signal.notify,
                period_s=PERIOD_PAPER_S if self.spec.paper else PERIOD_S,
                account_id=self.spec.id,
                journal_id=self.spec.journal_id,
            )
        reading = self._clock.reading()
        doubt = reading.doubt if reading is not None else 0.0
        self._found = await self._reconciler.look_back(self._clock.now() - doubt)

    async def _start_copying(self) -> UserFeed:
        copier, reconciler = self.copier, self._reconciler
        assert copier is not None
        assert reconciler is not None
        self._check_notional()
        if self._found.lost:
            await copier.take_over(self._found.lost)
        copier.recover()
        self._spawn(copier.converge(self.change_signal))
        self._spawn(reconciler.run(self._watch.news))
        return UserFeed(
            self._watch,
            self._portfolio,
            self.change_signal.notify,
            self._timing.holds_pause,
            reconciler.heard,
        )

    def _wait(self, reason: str, message: str) -> None:
        if (reason, message) != (self._reason, self._message):
            log.error("%s: %s", reason, message)
        self._reason, self._message = reason, message
        self.change_signal.notify()

    async def _refresh(self) -> None:
        period = WALLET_CHECK_PAPER_S if self.spec.paper else WALLET_CHECK_S
        known, heard, failures = True, self._watch.news.version, 0
        while True:
            # Spread, so that many accounts on one machine do not ask at once.
            pause = period if known else min(REACH_RETRY_S * 2.0 ** min(failures, DOUBLINGS_MAX), period)
            failures = 0 if known else failures + 1
            pause *= random.uniform(0.75, 1.25)  # noqa: S311 - no secret depends on it
            if (until := self._portfolio.certain_at - self._clock.now()) > 0:
                # What could not be counted shows in balances by then, if not at once.
                pause = min(pause, until + REACH_RETRY_S)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._portfolio.doubted.wait(), pause)
            # While an account neither orders nor trades, reading its balances is what it costs most.
            period = (
                WALLET_CHECK_PAPER_S
                if self.spec.paper and self._watch.news.version != heard
                else WALLET_CHECK_S
            )
            heard = self._watch.news.version
            try:
                known = await self._portfolio.refresh()
            except ExchangeError as error:
                log.warning("balances could not be read: %s", error)


def _told_drift(drift: Drift) -> types_pb2.Drift:
    return types_pb2.Drift(
        code=drift.code,
        order_id=drift.order_id,
        cl_ord_id=drift.cl_ord_id,
        copy_id=drift.copy_id,
        message=drift.message,
        found_at=timestamp(drift.found_at),
    )
