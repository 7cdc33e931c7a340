"""One account at another broker than Kraken: locks, ledger, server, ccxt, and its own trading.

    key and ledger locks ─▶ ledger ─▶ gRPC server (NOT_SERVING) ─▶ ready line
        ─▶ ccxt ─▶ markets and balances ─▶ SERVING

It takes no part in copying: no feed, no nonce file, no copies. SERVING is said while the broker answers. ccxt
is imported here and nowhere else, once the process has its own life: the supervisor, the forkserver and
Kraken's processes never load it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from typing import Any, NoReturn

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from krakencopy.account_proc.ccxt_broker.broker import CcxtBroker
from krakencopy.account_proc.ccxt_broker.client import CcxtClient
from krakencopy.account_proc.contract.conditions import Conditions
from krakencopy.account_proc.contract.decimal_text import plain
from krakencopy.account_proc.contract.errors import ExchangeError, ExchangeRefused, KeyRefused, LedgerFault
from krakencopy.account_proc.contract.ledger_file import BALANCES, balances_text
from krakencopy.account_proc.contract.proto_time import timestamp, utc_clock
from krakencopy.account_proc.contract.spec import CCXT_PREFIX, AccountSpec, Credentials
from krakencopy.account_proc.domain.wallet import DISPLAY_CURRENCY
from krakencopy.account_proc.runtime.file_lock import LOCK_LINE_BYTES, LockedFile, free_line, holder_line
from krakencopy.account_proc.runtime.grpc_server import refusal
from krakencopy.account_proc.service.account_process import AccountProcess
from krakencopy.account_proc.service.account_service import SNAPSHOT_PAUSE_S
from krakencopy.account_proc.service.account_snapshot import balances_to_proto
from krakencopy.account_proc.service.ccxt_conditions import findings
from krakencopy.account_proc.service.trading_status import trading_status
from krakencopy.account_proc.state.key_lock import key_lock
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.account_proc.strategy.api import strategy_of
from krakencopy.account_proc.strategy.runner import StrategyRunner, make_runner
from krakencopy.account_proc.trading.requested_orders import RequestedOrders
from krakencopy.account_proc.trading.timing import Timing
from krakencopy.v1 import account_pb2 as pb
from krakencopy.v1 import types_pb2

log = logging.getLogger(__name__)

#: Between two reads of balances, in seconds; after an order of ours at once.
BALANCES_S, BALANCES_PAPER_S = 30.0, 1.0
#: Between two times at which they are kept in the ledger, in seconds.
BALANCES_KEPT_S = 300.0
#: Between two tries to reach the broker, in seconds: at first, and at most (twice as long each time).
REACH_RETRY_S, REACH_RETRY_MAX_S, REACH_RETRY_PAPER_MAX_S = 1.0, 30.0, 8.0
#: Reads that fail one after another before the broker counts as gone: a single one may be lost on the way.
FAILURES_MAX = 2
#: Between two reads of the rules of markets, in seconds.
MARKETS_S = 3_600.0


class CcxtProcess(AccountProcess):
    """One account, from its locks to its end."""

    def __init__(self, spec: AccountSpec, credentials: Credentials) -> None:
        """Takes the locks and opens the ledger. Raises LockHeld, LedgerFault, ConfigurationFault."""
        super().__init__(spec, credentials.link)
        self._strategy = strategy_of(spec)
        self._credentials = credentials
        self._key_lock = key_lock(spec.key_lock_dir, credentials.key, spec.id)
        self._ledger_lock = _lock_ledger(spec)
        self.ledger = Ledger(spec.ledger_path, spec.id, spec.owner, adopt=spec.adopt_ledger)
        self.ledger.beside = self._balances
        self._timing = replace(
            Timing.paper() if spec.paper else Timing(), visibility_lag=spec.visibility_lag_s
        )
        self.broker: CcxtBroker | None = None
        self._requested_orders: RequestedOrders | None = None
        self._strategy_runner: StrategyRunner | None = None
        self._reason, self._message = "CONNECTING", "connecting to the broker"
        self._conditions = Conditions(time.time)
        #: While the broker does not answer: when it is asked again (Unix seconds).
        self._next_try_at = 0.0

    # -- what others may know -------------------------------------------------------------------------------

    def readiness(self) -> tuple[str, str]:
        """Why the account cannot trade, as a code and for people; two empty strings when it can."""
        return self._reason, self._message

    def snapshot(self) -> pb.WatchSnapshotResponse:
        """The account as it is now."""
        snapshot = pb.WatchSnapshotResponse(reason=self._reason, message=self._message)
        equity = None if self.broker is None else self.broker.equity()
        if equity is not None:
            snapshot.equity.amount, snapshot.equity.asset = plain(round(equity, 4)), DISPLAY_CURRENCY
        if self.broker is not None and self.broker.read_at:
            snapshot.balances.extend(balances_to_proto(self.broker.by_asset()))
            snapshot.balances_at.CopyFrom(timestamp(self.broker.read_at))
        if self.broker is not None:
            next_try = utc_clock(self._next_try_at) if self._next_try_at > time.time() else ""
            found = findings(self.broker, self.spec.ledger_path, self._period_s, next_try)
            snapshot.conditions.extend(self._conditions.to_proto(found))
        snapshot.trading.CopyFrom(trading_status(self.guard))
        snapshot.trading_mode = types_pb2.TRADING_MODE_OWN
        if self._strategy_runner is not None:
            snapshot.strategy.CopyFrom(self._strategy_runner.to_proto())
        return snapshot

    def _balances(self) -> dict[str, str]:
        """What the ledger keeps of balances, for who looks at it when there is no process."""
        if self.broker is None or not self.broker.read_at:
            return {}
        return {BALANCES: balances_text(self.broker.read_at, self.broker.by_asset())}

    def servicer(self) -> BrokerServicer:
        """What answers AccountService."""
        return BrokerServicer(self)

    # -- the life of the process ----------------------------------------------------------------------------

    async def work(self) -> None:
        """Reaches the broker, however long it takes, and keeps what is known of it fresh, for ever."""
        # In a thread: the import takes a third of a second, and the loop has questions to answer.
        client = await asyncio.to_thread(self._client)
        broker = CcxtBroker(client, self._timing)
        loop = asyncio.get_running_loop()
        broker.health.changed = lambda: self._changed_in_thread(loop)
        self.broker = broker
        await self._connect(broker)
        self._requested_orders = RequestedOrders(
            self.spec.id,
            self.ledger,
            broker,
            client.clock.now,
            journal_id=self.spec.journal_id,
            may_leave=self.guard.gate.check,
        )
        if self._strategy is not None:
            self._strategy_runner = make_runner(
                self.spec, self._strategy, self._requested_orders, broker, self.change_signal,
                ready=lambda: not self.draining and not self.readiness()[0], copying=lambda: False,
                now=client.clock.now,
            )  # fmt: skip
            self._spawn(self._strategy_runner.run())
            # At other brokers than Kraken it always runs (docs/requirements.md, 3B).
            self._strategy_runner.switch_on()
        await self._keep_fresh(broker)

    def _changed_in_thread(self, loop: asyncio.AbstractEventLoop) -> None:
        """In ccxt's thread: what calls have met has changed."""
        with suppress(RuntimeError):  # the loop is over
            loop.call_soon_threadsafe(self.change_signal.notify)

    @property
    def _period_s(self) -> float:
        """Between two reads of balances, in seconds."""
        return BALANCES_PAPER_S if self.spec.paper else BALANCES_S

    def _client(self) -> CcxtClient:
        spec = self.spec
        # ccxt's pauses are for the exchange's sake; a server on this machine needs none.
        return CcxtClient(
            spec.broker.removeprefix(CCXT_PREFIX),
            spec.rest_url,
            self._credentials,
            paced=not spec.paper,
            gate=self.guard.gate,
        )

    async def _connect(self, broker: CcxtBroker) -> None:
        pause = REACH_RETRY_S
        while True:
            try:
                await broker.load()
                await broker.refresh()
            except ExchangeError as error:
                pause = self._unreachable(error, pause)
                await asyncio.sleep(pause)
            else:
                self._set_reason("", "")
                return

    async def _keep_fresh(self, broker: CcxtBroker) -> None:
        """Balances every few seconds and after each order, rules every hour."""
        loaded_at, failures, pause = time.monotonic(), 0, REACH_RETRY_S
        kept_at = loaded_at
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(broker.stale.wait(), pause if failures else self._period_s)
            try:
                if broker.rules_wrong or time.monotonic() - loaded_at > MARKETS_S:
                    await broker.load()
                    loaded_at = time.monotonic()
                await broker.refresh()
            except ExchangeError as error:
                failures += 1
                log.warning("balances could not be read: %s", error)
                if failures >= FAILURES_MAX or isinstance(error, KeyRefused):
                    pause = self._unreachable(error, pause)
            else:
                failures, pause = 0, REACH_RETRY_S
                self._set_reason("", "")
                self.change_signal.notify()
                if time.monotonic() - kept_at > BALANCES_KEPT_S:
                    kept_at = time.monotonic()
                    self.ledger.keep_beside()

    def _unreachable(self, error: ExchangeError, pause: float) -> float:
        """Says why the account cannot trade; how long to wait before the next try."""
        if isinstance(error, KeyRefused):
            pause = self._timing.key_retry
            self._next_try_at = time.time() + pause
            self._set_reason(
                "KEY_REFUSED", f"{error}; correct the key at the broker (tried again every {pause:.0f} s)"
            )
            return pause
        pause = min(pause * 2, REACH_RETRY_PAPER_MAX_S if self.spec.paper else REACH_RETRY_MAX_S)
        self._next_try_at = time.time() + pause
        # A refusal of a read is no network's fault, but nothing else can be done about it either.
        reason = "EXCHANGE_REFUSES" if isinstance(error, ExchangeRefused) else "EXCHANGE_UNREACHABLE"
        self._set_reason(reason, f"{error}; next try at {utc_clock(self._next_try_at)}")
        return pause

    def _set_reason(self, reason: str, message: str) -> None:
        if reason and reason != self._reason:
            log.error("%s: %s", reason, message)
        if (reason, message) != (self._reason, self._message):
            self._reason, self._message = reason, message
            self.change_signal.notify()

    def in_flight(self) -> bool:
        """Whether an order is on its way."""
        return self._requested_orders is not None and self._requested_orders.open

    async def drain(self) -> int:
        """Takes no new work, and waits for the answers to orders that are on their way. What has no end then
        is taken up at the next start.
        """
        if self._strategy_runner is not None:
            await self._strategy_runner.stop()
        self.draining = True
        self.change_signal.notify()
        if self._requested_orders is not None:
            await self._requested_orders.drain()
        return 0

    async def close(self) -> None:
        """Gives back the ledger and the locks. The locks last: nobody may start before the rest is closed."""
        if self.broker is not None:
            self.broker.close()
        with suppress(LedgerFault):
            self.ledger.keep_beside()
        with suppress(LedgerFault):
            self.ledger.close()
        with suppress(OSError):
            self._ledger_lock.write(0, free_line(LOCK_LINE_BYTES))
        self._ledger_lock.close()
        self._key_lock.close()


def _lock_ledger(spec: AccountSpec) -> LockedFile:
    """Keeps a second process off the ledger. Raises LockHeld, LedgerFault."""
    path = spec.ledger_path.with_suffix(".lock")
    try:
        file = LockedFile(path, f"the ledger of account {spec.id}")
        file.write(0, holder_line(spec.id, LOCK_LINE_BYTES))
    except OSError as error:
        raise LedgerFault(f"cannot lock {path}: {error}") from error
    return file


class BrokerServicer:
    """Answers AccountService for an account that takes no part in copying."""

    def __init__(self, process: CcxtProcess) -> None:
        self._process = process

    async def WatchSnapshot(self, request: pb.WatchSnapshotRequest) -> AsyncIterator[Any]:
        """The account on every change."""
        seen = -1
        while True:
            seen = await self._process.change_signal.wait(seen)
            yield self._process.snapshot()
            await asyncio.sleep(SNAPSHOT_PAUSE_S)

    async def ReadTradingStates(self, request: pb.ReadTradingStatesRequest) -> pb.ReadTradingStatesResponse:
        """What holds, once no order can leave against it any more."""
        await self._process.guard.keep_to_states()
        return pb.ReadTradingStatesResponse(trading=trading_status(self._process.guard))

    async def Drain(self, request: pb.DrainRequest) -> pb.DrainResponse:
        """Takes no new work."""
        return pb.DrainResponse(copies_open=await self._process.drain())

    def StreamFills(self, request: pb.StreamFillsRequest) -> NoReturn:
        """Refused: nobody is copied there."""
        raise self._refusal("only the Kraken master is copied")

    def CopyFills(self, requests: AsyncIterator[Any]) -> NoReturn:
        """Refused: it copies nobody."""
        raise self._refusal("only Kraken's users copy")

    async def PlaceOrder(self, request: pb.AccountServicePlaceOrderRequest) -> NoReturn:
        """Refused: an operator's orders are for the master."""
        raise self._refusal("orders by hand are placed on the Kraken master alone")

    async def ListOrders(self, request: pb.AccountServiceListOrdersRequest) -> NoReturn:
        """Refused: its orders are its strategy's, which ends them itself."""
        raise self._refusal("orders are listed at Kraken alone")

    async def CancelOrder(self, request: pb.AccountServiceCancelOrderRequest) -> NoReturn:
        """Refused, as ListOrders."""
        raise self._refusal("orders are cancelled on the Kraken master alone")

    async def CancelOrders(self, request: pb.AccountServiceCancelOrdersRequest) -> NoReturn:
        """Refused, as ListOrders."""
        raise self._refusal("orders are cancelled on the Kraken master alone")

    async def CopyAskedFill(self, request: pb.CopyAskedFillRequest) -> NoReturn:
        """Refused, as CopyFills."""
        raise self._refusal("only Kraken's users copy")

    async def InspectNonce(self, request: pb.InspectNonceRequest) -> NoReturn:
        """Refused: ccxt makes what its exchange needs."""
        raise self._refusal("it keeps no nonce")

    async def ResetLimit(self, request: pb.AccountServiceResetLimitRequest) -> NoReturn:
        """Refused: limits are of what is copied."""
        raise self._refusal("it copies nobody")

    async def FindCoins(self, request: pb.FindCoinsRequest) -> NoReturn:
        """Refused: coins that are copied are Kraken's."""
        raise self._refusal("what is copied is at Kraken")

    async def PlanSync(self, request: pb.PlanSyncRequest) -> NoReturn:
        """Refused: it copies nobody."""
        raise self._refusal("it copies nobody")

    def _refusal(self, why: str) -> GRPCError:
        spec = self._process.spec
        message = f"{spec.id} is at {spec.broker}, by ccxt: {why}"
        return refusal(Status.FAILED_PRECONDITION, "NOT_AT_KRAKEN", message)
