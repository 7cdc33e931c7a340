"""What a master's and a user's process have in common: an account's locks and files, the exchange as its key
opens it, and the orders that are asked for. Composition only, and what is done with several parts at once.

Nothing reaches the exchange before the locks are held.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import NoReturn

from krakencopy.account_proc.contract import nonce_report
from krakencopy.account_proc.contract.conditions import Conditions
from krakencopy.account_proc.contract.errors import (
    AccountError,
    ConfigurationFault,
    ExchangeError,
    KeyRefused,
    LedgerFault,
    NonceFault,
)
from krakencopy.account_proc.contract.ledger_file import BALANCES, balances_text
from krakencopy.account_proc.contract.nonce_report import KeyNonce
from krakencopy.account_proc.contract.pair_spellings import coin_name
from krakencopy.account_proc.contract.proto_time import utc_clock
from krakencopy.account_proc.contract.spec import AccountSpec, Credentials, OnDeposit, Role
from krakencopy.account_proc.kraken.api import KrakenExchange
from krakencopy.account_proc.kraken.exchange_clock import ExchangeClock
from krakencopy.account_proc.kraken.feed.connect_pacing import pace_of
from krakencopy.account_proc.kraken.feed.executions_feed import ExecutionsFeed, Sink
from krakencopy.account_proc.kraken.health import ExchangeHealth
from krakencopy.account_proc.kraken.key_check import KeyCheck, KeyUnfit, Needs
from krakencopy.account_proc.kraken.pairs_cache import Origin, PairsCache
from krakencopy.account_proc.kraken.rest.client import KrakenRest
from krakencopy.account_proc.kraken.rest.order_connection import OrderConnection
from krakencopy.account_proc.kraken.rest.rate_limits import AccountLimits
from krakencopy.account_proc.kraken.rest.request_queue import RequestQueue
from krakencopy.account_proc.kraken.shared_quotes import SharedQuotes
from krakencopy.account_proc.notices.announcements import Announcements, of_outside_change
from krakencopy.account_proc.notices.unreadable import Notices
from krakencopy.account_proc.runtime.pauses import growing_pause_s
from krakencopy.account_proc.runtime.read_deferral import ReadDeferral, deferral_s
from krakencopy.account_proc.state.key_lock import key_lock
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.account_proc.state.nonce_custody import NonceCustody
from krakencopy.account_proc.state.pair_memory import PairMemory
from krakencopy.account_proc.state.shadow_mark import keep_to_mode
from krakencopy.account_proc.trading.account_check import IDENTITY, check_own_account
from krakencopy.account_proc.trading.deposits import Deposits
from krakencopy.account_proc.trading.kraken_broker import KrakenBroker
from krakencopy.account_proc.trading.order_gateway import OrderGateway
from krakencopy.account_proc.trading.own_orders import OwnOrders
from krakencopy.account_proc.trading.portfolio import Portfolio
from krakencopy.account_proc.trading.requested_orders import RequestedOrders
from krakencopy.account_proc.trading.shadow_gateway import ShadowGateway
from krakencopy.account_proc.trading.shadow_portfolio import ShadowPortfolio, traded_in
from krakencopy.account_proc.trading.timing import Timing
from krakencopy.account_proc.trading.trading_guard import TradingGuard
from krakencopy.v1 import account_pb2 as pb
from krakencopy.v1 import types_pb2

log = logging.getLogger(__name__)

#: What deposits are compared in.
COMMON_CURRENCY = "USD"
#: The exchange's time is waited for so long at most, in seconds, where it must be known for certain: exits
#: may stand behind.
TIME_WITHIN_S = 2.0


#: Between two reads while calls fail, in seconds: at first, and at most.
PROBE_S, PROBE_S_MAX = 1.0, 15.0


class KrakenAccount:
    """One account at Kraken, from its locks to the orders that leave for it."""

    def __init__(
        self, spec: AccountSpec, credentials: Credentials, *, changed: Callable[[], None],
        holdings_changed: Callable[[], None], failed: Callable[[BaseException], None],
        copied: Callable[[str], Decimal], guard: TradingGuard,
    ) -> None:  # fmt: skip
        """Takes the locks and opens the ledger. ``holdings_changed`` is called instead of ``changed`` where
        nothing but what it holds has changed; ``copied``: what copying holds of an asset; ``guard``: what the
        account may trade. Raises ConfigurationFault, LockHeld, NonceFault, LedgerFault.
        """
        self.spec = spec
        self.guard = guard
        self._failed = failed
        self._key_lock = key_lock(spec.key_lock_dir, credentials.key, spec.id)
        self.nonce = NonceCustody.open(
            spec.nonce_path, account_id=spec.id, now_us=lambda: time.time_ns() // 1_000
        )
        self.ledger = Ledger(spec.ledger_path, spec.id, spec.owner, adopt=spec.adopt_ledger)
        keep_to_mode(self.ledger, is_shadow=spec.shadow)
        self.timing = replace(
            Timing.paper() if spec.paper else Timing(), visibility_lag=spec.visibility_lag_s
        )
        self._loop, self._changed = asyncio.get_running_loop(), changed
        self.limits = AccountLimits(spec.tier, lockout_s=self.timing.key_retry)
        self.limits.front.changed = self.limits.public_front.changed = self._changed_in_thread
        #: What everything here that speaks of the exchange's time, or compares with it, goes by.
        self.clock = ExchangeClock()
        self.clock.changed = self._changed_in_thread
        self.health = ExchangeHealth(
            changed=self._health_changed_in_thread, rate_shown_s=self.timing.rate_shown
        )
        self.conditions = Conditions(now=time.time)
        #: Tells that rate limits count as free again; only while they do not.
        self._rate_timer: asyncio.TimerHandle | None = None
        self._unwell = asyncio.Event()
        #: While calls fail: when the exchange is asked again (Unix seconds).
        self._probe_at = 0.0
        #: Why the feed got no token, by the first refusal; empty while it gets one.
        self.token_refused = ""
        now = self.clock.now
        rest = KrakenRest(
            spec.rest_url, credentials, self.nonce, self.limits, self.clock, self.health, guard.gate
        )
        self.read_deferral = ReadDeferral(deferral_s(spec.users))
        self.order_connection = OrderConnection(spec.rest_url, self.read_deferral, clock=self.clock)
        self.calls = RequestQueue(rest, self.order_connection)
        self.notices = Notices(now, changed)
        self.exchange = KrakenExchange(
            self.calls, self.clock, self.notices.odd_row, self.notices.market_refused
        )
        self.announcements = Announcements(changed)
        self.deposits = Deposits(
            self.ledger, lambda asset: self.portfolio.prices.marks.rate(asset, COMMON_CURRENCY),
            lambda: self.portfolio.equity(COMMON_CURRENCY))  # fmt: skip
        self.portfolio = self._make_portfolio(holdings_changed)
        self.key_check = self._make_key_check()
        self.gateway = self._make_gateway()
        self.broker = KrakenBroker(self.gateway, self.portfolio, copied)
        self.requested_orders = RequestedOrders(
            spec.id, self.ledger, self.broker, now, self.ask_time, spec.journal_id, self._learn_pair,
            guard.gate.check,
        )  # fmt: skip
        self.own_orders = OwnOrders(
            self.exchange, self.ledger, self.requested_orders, now, self.key_check.may_any
        )
        self.feed: ExecutionsFeed | None = None
        self.ledger.beside = self._balances

    def _make_key_check(self) -> KeyCheck:
        needs = Needs.of(
            self.spec.role, has_strategy=self.spec.strategy is not None,
            allow_withdraw=self.spec.allow_withdraw_key, is_shadow=self.spec.shadow,
            looked_up_for=self.spec.limits_by_flows,
        )  # fmt: skip
        return KeyCheck(
            self.exchange, needs, self._changed, handed_out=lambda: self.nonce.last, now=self.clock.now,
            clock=self.clock,
        )  # fmt: skip

    def _make_gateway(self) -> OrderGateway:
        if not self.spec.shadow:
            return OrderGateway(self.exchange, self.clock.now, self.timing, self._wake_feed)
        return ShadowGateway(
            self.exchange, self.clock.now, self.timing, self.portfolio.prices, self.key_check.taker,
            self.guard.stop,
        )  # fmt: skip

    def _make_portfolio(self, changed: Callable[[], None]) -> Portfolio:
        spec = self.spec
        # Beside the sockets: for this supervisor's processes, and of no use later.
        listing = PairsCache(
            spec.socket_path.parent / "listing", spec.id, Origin.of(spec.rest_url, spec.epoch)
        )
        # A master's are announced: its users still hold what it may have parted with.
        outside = self._announce_outside_change if spec.role is Role.MASTER else None
        if spec.role is Role.USER and spec.copy.on_deposit is OnDeposit.RESYNC:
            outside = self.deposits.note_change
        kind = partial(ShadowPortfolio, traded_in(self.ledger)) if spec.shadow else Portfolio
        return kind(
            self.exchange, changed, self.clock.now, spec.visibility_lag_s, listing, spec.reserve,
            outside, self.notices, PairMemory(self.ledger),
        )  # fmt: skip

    def shared_quotes(self) -> SharedQuotes:
        """Where prices are asked for together with this supervisor's other processes."""
        path, origin = self.spec.socket_path.parent / "quotes", Origin.of(self.spec.rest_url, self.spec.epoch)
        return SharedQuotes(path, self.spec.id, origin)

    def _balances(self) -> dict[str, str]:
        """What the ledger keeps of balances, for who looks at it when there is no process."""
        portfolio = self.portfolio
        if not portfolio.loaded:
            return {}
        return {BALANCES: balances_text(portfolio.read_at, portfolio.by_asset())}

    # -- whose account it is, and what it is not to touch ---------------------------------------------------

    async def check_own(self) -> None:
        """Whether the key opens the account that the ledger is about. Raises OtherAccount, LedgerFault, and
        ExchangeError while it is not known.
        """
        await check_own_account(
            self.spec.id, self.exchange, self.ledger, self.key_check.identity, self.clock.now,
            self.gateway.visibility_lag,
        )  # fmt: skip

    def keep_identity(self) -> None:
        """The ledger is about this account from now on. Raises LedgerFault."""
        if self.key_check.identity is not None and self.ledger.kept_value(IDENTITY) is None:
            self.ledger.keep_value(IDENTITY, str(self.key_check.identity))

    def apply_reserve(self) -> None:
        """Takes a reserve under whichever name Kraken has for an asset (BTC, XBT, XXBT). Raises
        ConfigurationFault where it has none.
        """
        portfolio, kept_out = self.portfolio, dict[str, Decimal]()
        table = portfolio.pairs.table
        for written, amount in self.spec.reserve.items():
            spelled = written if table.lists(written) else coin_name(written)
            if table.lists(spelled):
                asset = table.asset(spelled)
            elif portfolio.holding(written):
                asset = written  # it is there and not listed any more
            else:
                problem = f'reserve = {{ {written} = "{amount}" }}: the exchange has no {written}'
                raise ConfigurationFault(f"{problem}; write the asset as Kraken shows it, e.g. BTC")
            kept_out[asset] = max(amount, kept_out.get(asset, amount))
        portfolio.kept_out = kept_out

    # -- the feed -------------------------------------------------------------------------------------------

    def make_feed(self, sink: Sink) -> None:
        """The account's executions will go to ``sink``."""
        is_master = self.spec.role is Role.MASTER
        self.feed = ExecutionsFeed(
            url=self.spec.ws_url,
            token=self._websocket_token,
            sink=sink,
            read_deferral=self.read_deferral,
            pace=pace_of(self.spec.ws_url, self.spec.key_lock_dir.parent, is_master=is_master),
            clock=self.clock,
            # A master's news are what everyone waits for, a user's are those of its orders.
            is_idle=None if is_master else lambda: self.gateway.idle,
            balances=is_master,
        )

    async def _websocket_token(self) -> str:
        """Raises ExchangeError."""
        token = await self.exchange.account.websocket_token()
        self.token_refused = ""
        return token

    async def follow_feed(self) -> None:
        """The feed, for ever. A key that is refused now (a lockout, an expired permission) may be accepted
        later.
        """
        assert self.feed is not None
        pause = self.timing.key_retry
        while True:
            try:
                await self.feed.run()
            except KeyRefused as error:
                log.error("KEY_REFUSED: %s; tried again in %.0f s", error, pause)  # noqa: TRY400 - expected
                # What comes after the first refusal may follow from it, as a lockout does.
                self.token_refused = self.token_refused or str(error)
                self._changed()
                await asyncio.sleep(pause)

    async def look_after_health(self) -> NoReturn:
        """While calls fail asks now and then: else an idle account would not know when that is over.
        Raises NonceFault.
        """
        failures = 0
        while True:
            await self._unwell.wait()
            pause_s = growing_pause_s(failures, PROBE_S, PROBE_S_MAX)
            if self.health.is_key_refused or self.health.is_denied:
                pause_s = self.timing.key_retry
            self._probe_at = self.clock.now() + pause_s
            self._changed()
            await asyncio.sleep(pause_s)
            if not self.health.is_unwell:
                self._unwell.clear()
                failures, self._probe_at = 0, 0.0
                continue
            failures += 1
            with suppress(ExchangeError, KeyUnfit):
                await self.portfolio.refresh()
                if self.health.is_denied:
                    await self.key_check.check()
                    if self.key_check.is_known:
                        self.health.note_permitted()

    @property
    def next_try(self) -> str:
        """While calls fail: when the exchange is asked again, for people; else empty."""
        return utc_clock(self._probe_at) if self._probe_at > self.clock.now() else ""

    @property
    def is_feed_fresh(self) -> bool:
        """Whether the feed is connected, and has sent something lately."""
        return self.feed is not None and self.feed.fresh

    def _wake_feed(self) -> None:
        if self.feed is not None:
            self.feed.wake()

    # -- what the exchange is asked now and then ------------------------------------------------------------

    async def ask_time(self) -> None:
        """Makes sure of the exchange's time; without an answer soon it is what it was taken to be."""
        with suppress(ExchangeError, TimeoutError):
            async with asyncio.timeout(TIME_WITHIN_S):
                await self.clock.ask(self.exchange.market.server_time)

    async def _learn_pair(self, pair: str) -> None:
        """Reads the exchange's pairs again for one that is not known: it may have been listed, or renamed,
        since.
        """
        try:
            await self.portfolio.pairs.learn([pair])
        except ExchangeError as error:
            log.warning("%s is not known, and the exchange's pairs could not be read again: %s", pair, error)

    async def find_coins(self, names: Iterable[str]) -> list[pb.ListedCoin]:
        """What the exchange lists under names of coins, by tables that are read now. Raises ExchangeError."""
        await self.portfolio.pairs.read()
        table = self.portfolio.pairs.table
        found = [table.asset(name) if table.lists(name) else "" for name in names]
        return [pb.ListedCoin(name=name, traded=bool(name) and table.trades(name)) for name in found]

    async def nonce_report(self) -> types_pb2.NonceReport:
        """What is known of the key's nonce. The exchange is asked; a key that may not ask, or no answer,
        leaves that part out.
        """
        key_nonce = None
        try:
            clock = await self.clock.ask(self.exchange.market.server_time)
            key = await self.exchange.account.api_key_info()
            key_nonce = KeyNonce(
                nonce=key.nonce, window=key.nonce_window, clock_offset_ms=round(clock.offset * 1000)
            )
        except NonceFault as error:
            self._failed(error)
        except AccountError as error:
            log.info("the exchange did not tell the key's nonce: %s", error)
        return nonce_report.report(
            self.spec.id, str(self.nonce.path), now_us=time.time_ns() // 1_000, last=self.nonce.last,
            reserved=self.nonce.reserved, holder_pid=os.getpid(), key_nonce=key_nonce,
        )  # fmt: skip

    def front_refusal(self) -> str:
        """What in front of the exchange refuses calls, for people; empty while nothing does."""
        now, unix_now = time.monotonic(), self.clock.now()
        return self.limits.front.words(now, unix_now) or self.limits.public_front.words(now, unix_now)

    # -- what changes, and the end --------------------------------------------------------------------------

    def _health_changed_in_thread(self) -> None:
        """In any thread: what calls have met has changed."""
        with suppress(RuntimeError):  # the loop is over
            self._loop.call_soon_threadsafe(self._tell_health)

    def _tell_health(self) -> None:
        free_in_s = self.health.rate_free_in(time.monotonic())
        if self._rate_timer is not None:
            self._rate_timer.cancel()
            self._rate_timer = None
        if free_in_s:
            self._rate_timer = self._loop.call_later(free_in_s, self._tell_health)
        if self.health.is_unwell:
            self._unwell.set()
        self._changed()

    def _changed_in_thread(self) -> None:
        """In any thread: what is shown has changed."""
        with suppress(RuntimeError):  # the loop is over
            self._loop.call_soon_threadsafe(self._changed)

    def _announce_outside_change(self, change: Mapping[str, Decimal], kind: str) -> None:
        for severity, code, message, asset in of_outside_change(change, kind):
            self.announcements.announce(severity, code, message, asset=asset)

    async def close(self, save: Callable[[], object] | None = None) -> None:
        """Gives back the ledger and the locks, after a last ``save`` of what is in memory. The locks last:
        nobody may start before the rest is closed.
        """
        await asyncio.to_thread(self.calls.close)
        with suppress(LedgerFault):  # it is behind by a second then; the history tells the rest
            if save is not None:
                save()
            if self.portfolio.pairs.latest is not None:
                self.portfolio.pairs.remember()
            self.ledger.keep_beside()
        self.ledger.close()
        self.nonce.close()
        self._key_lock.close()
