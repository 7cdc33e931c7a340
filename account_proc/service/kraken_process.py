"""One account's process at Kraken, from its locks to its end; puts master or user together with what both
have (kraken_account.py), and takes it apart again in order.

    locks ─▶ ledger ─▶ gRPC server (NOT_SERVING) ─▶ ready line
        ─▶ exchange ─▶ whose account? ─▶ feed and loops ─▶ SERVING

SERVING means that the account can trade: lock held, ledger recovered, exchange reached, and for a master that
its feed is fresh and no fill is missing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from decimal import Decimal

from krakencopy.account_proc.contract.errors import ExchangeError, KeyRefused
from krakencopy.account_proc.contract.spec import AccountSpec, Credentials, Role
from krakencopy.account_proc.copying.copier import Copier
from krakencopy.account_proc.copying.limit_watch import LimitWatch
from krakencopy.account_proc.kraken.front import FRONT_REFUSES
from krakencopy.account_proc.kraken.key_check import KeyUnfit, fee_pairs
from krakencopy.account_proc.master.master import Master
from krakencopy.account_proc.runtime.pauses import growing_pause_s
from krakencopy.account_proc.service.account_process import AccountProcess
from krakencopy.account_proc.service.account_service import AccountServicer
from krakencopy.account_proc.service.account_snapshot import AccountSnapshots, drift_to_proto
from krakencopy.account_proc.service.kraken_account import KrakenAccount
from krakencopy.account_proc.service.master_side import make_master, why_not_ready
from krakencopy.account_proc.service.user_side import UserSide
from krakencopy.account_proc.strategy.api import strategy_of
from krakencopy.account_proc.strategy.runner import StrategyRunner, make_runner
from krakencopy.v1 import account_pb2 as pb
from krakencopy.v1 import types_pb2

log = logging.getLogger(__name__)

#: Between two tries to reach the exchange, in seconds: at first, and at most.
REACH_RETRY_S, REACH_RETRY_MAX_S = 1.0, 15.0


class KrakenProcess(AccountProcess):
    """One account, from its locks to its end."""

    def __init__(self, spec: AccountSpec, credentials: Credentials) -> None:
        """Takes the locks and opens the ledger. Raises ConfigurationFault, LockHeld, NonceFault,
        LedgerFault.
        """
        super().__init__(spec, credentials.link)
        self._strategy = strategy_of(spec)
        self._account = KrakenAccount(
            spec,
            credentials,
            changed=self.change_signal.notify,
            holdings_changed=self.change_signal.notify_of_copies,
            failed=self.fail,
            copied=self._copied,
            guard=self.guard,
        )
        self._snapshots = AccountSnapshots(self._account, self.change_signal)
        self.ledger = self._account.ledger
        self.requested_orders = self._account.requested_orders
        self.own_orders = self._account.own_orders
        self.strategy_runner: StrategyRunner | None = None
        #: Of a master, once the exchange was reached.
        self.master: Master | None = None
        self._user: UserSide | None = None
        if spec.role is Role.USER:
            self._user = UserSide(
                self._account, self.change_signal, self.fail, strategy_may_order=self._trades_by_itself
            )
        self._reason, self._message = "CONNECTING", "connecting to the exchange"
        #: Which account it is was found out; the supervisor has nothing against it; it trades.
        self._known, self._admitted, self._trading = asyncio.Event(), asyncio.Event(), asyncio.Event()

    @property
    def copier(self) -> Copier | None:
        """Of a user, once the exchange's record was looked at."""
        return None if self._user is None else self._user.copier

    @property
    def limits(self) -> LimitWatch | None:
        """Of a user, once the exchange's record was looked at."""
        return None if self._user is None else self._user.limits

    # -- what others may know -------------------------------------------------------------------------------

    def readiness(self) -> tuple[str, str]:
        """Why the account cannot trade, as a code and for people; two empty strings when it can."""
        if not self._trading.is_set():
            return self._reason, self._message
        if self.master is not None:
            return why_not_ready(self.master, is_feed_fresh=self._account.is_feed_fresh)
        return "", ""

    def snapshot(self) -> pb.WatchSnapshotResponse:
        """The account as it is now."""
        return self._snapshots.take(self._user, self.strategy_runner, self.readiness())

    async def trading(self) -> None:
        """Waits until the exchange was reached and the loops run."""
        await self._trading.wait()

    async def account_seen(self) -> pb.AccountSeen:
        """Waits until it is known which account at the exchange it is."""
        await self._known.wait()
        marked = () if self._user is None else self._user.marked
        return pb.AccountSeen(
            identity=str(self._account.key_check.identity or ""), marked=map(drift_to_proto, marked)
        )

    def admit(self) -> None:
        """The supervisor has nothing against the account: it may trade."""
        self._admitted.set()

    async def nonce_report(self) -> types_pb2.NonceReport:
        """What is known of the key's nonce, with the exchange's word where it gives one."""
        return await self._account.nonce_report()

    async def find_coins(self, names: Iterable[str]) -> list[pb.ListedCoin]:
        """What the exchange lists under names of coins, by tables that are read now. Raises ExchangeError."""
        return await self._account.find_coins(names)

    # -- the life of the process ----------------------------------------------------------------------------

    def servicer(self) -> AccountServicer:
        """What answers AccountService."""
        return AccountServicer(self)

    async def work(self) -> None:
        """Reaches the exchange, waits to be admitted, and starts the loops."""
        await self._reach_exchange()
        self._spawn(self._account.gateway.ask_for_ends())
        self._known.set()
        if self._user is not None:
            self._reason, self._message = "CONNECTING", "the supervisor compares its account with the others'"
            await self._admitted.wait()
            self._account.keep_identity()
        await self._start_trading()

    async def _reach_exchange(self) -> None:
        """Finds out all that must be known before anything is traded, however long it takes. Raises
        OtherAccount, NonceFault, LedgerFault.
        """
        account, key_retry_s = self._account, self._account.timing.key_retry
        key_is_fit, failures = False, 0
        while True:
            try:
                # Once is enough: what is asked again costs what the rest waits for.
                if not key_is_fit:
                    await account.key_check.check()
                    key_is_fit = True
                await account.check_own()
                await account.portfolio.load()
                if self._user is not None:
                    await self._user.look_back()
                break
            except KeyUnfit as error:
                pause = key_retry_s
                self._wait(error.reason, f"{error} (looked at again every {pause:.0f} s)")
            except KeyRefused as error:
                key_is_fit = False
                pause = key_retry_s
                self._wait(
                    "KEY_REFUSED",
                    f"{error}; correct the key at the exchange (tried again every {pause:.0f} s)",
                )
            except ExchangeError as error:
                pause = growing_pause_s(failures, REACH_RETRY_S, REACH_RETRY_MAX_S)
                failures += 1
                front = account.front_refusal()
                self._wait(
                    FRONT_REFUSES if front else "EXCHANGE_UNREACHABLE",
                    front or f"{error}; next try in {pause:.1f} s",
                )
            await asyncio.sleep(pause)

    def _wait(self, reason: str, message: str) -> None:
        if (reason, message) != (self._reason, self._message):
            log.error("%s: %s", reason, message)
        self._reason, self._message = reason, message
        self.change_signal.notify()

    async def _start_trading(self) -> None:
        """Starts the loops."""
        account, user = self._account, self._user
        account.apply_reserve()
        if user is None:
            self.master = make_master(account, self.change_signal.notify, self.fail)
            self._spawn(self.master.keep_wallet())
            account.make_feed(self.master)
        else:
            account.make_feed(await user.start(self._spawn))
        self._spawn(account.order_connection.keep_ready())
        self._spawn(account.follow_feed())
        self._spawn(account.look_after_health())
        self._spawn(account.portfolio.pairs.keep_fresh())
        self._spawn(account.key_check.keep_current(self._fee_pairs))
        if user is not None:
            self._spawn(user.keep_balances())
        self._trading.set()
        self.change_signal.notify()
        self._start_strategy()

    def _fee_pairs(self) -> tuple[str, ...]:
        portfolio = self._account.portfolio
        traded = () if self._user is None else self._user.pairs()
        return fee_pairs(portfolio.pairs.table, traded, portfolio.wallet.assets())

    def in_flight(self) -> bool:
        """Whether a copy or an order of the account's own is on its way."""
        return self.requested_orders.open or (self._user is not None and self._user.copies_open > 0)

    async def drain(self) -> int:
        """Takes no new work, finishes what is in flight; copies whose end is still not known."""
        if self.strategy_runner is not None:
            await self.strategy_runner.stop()
        self.draining = True
        self.change_signal.notify()
        await self.requested_orders.drain()
        return 0 if self._user is None else await self._user.drain()

    async def close(self) -> None:
        """Gives back the ledger and the locks. The locks last: nobody may start before the rest is closed."""
        await self._account.close(None if self.master is None else self.master.save)

    # -- copying and the account's own strategy -------------------------------------------------------------

    def _start_strategy(self) -> None:
        """Its own loop: a master's is always on, a user's when its supervisor says that the master is
        lost.
        """
        if self._strategy is None:
            return
        user = self._user
        self.strategy_runner = make_runner(
            self.spec, self._strategy, self.requested_orders, self._account.broker, self.change_signal,
            ready=lambda: not self.draining and not self.readiness()[0],
            copying=lambda: user is not None and user.copies_open > 0, now=self._account.clock.now,
        )  # fmt: skip
        self._spawn(self.strategy_runner.run())
        if user is None:
            self.strategy_runner.switch_on()

    def _copied(self, asset: str) -> Decimal:
        """What copying holds of an asset."""
        return Decimal(0) if self._user is None else self._user.copied(asset)

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
