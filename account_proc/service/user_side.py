"""What a user's process has beside its account: copying, and what keeps its ledger and its balances right.
Composition, and the loop that reads balances.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from decimal import Decimal
from functools import partial
from typing import Any, NoReturn

from krakencopy.account_proc.contract.errors import ExchangeError
from krakencopy.account_proc.copying.balance_reading import BalanceReading
from krakencopy.account_proc.copying.copier import Copier
from krakencopy.account_proc.copying.copy_context import CopyContext
from krakencopy.account_proc.copying.flow_lookup import FlowLookup
from krakencopy.account_proc.copying.limit_book import LimitBook
from krakencopy.account_proc.copying.limit_watch import HELD_PAPER_S, HELD_S, LimitWatch
from krakencopy.account_proc.copying.reconciler import PERIOD_PAPER_S, PERIOD_S, LookBack, Reconciler
from krakencopy.account_proc.copying.user_feed import UserFeed
from krakencopy.account_proc.kraken.key_check import LEDGER
from krakencopy.account_proc.master.master_wallet import WALLET_CHECK_PAPER_S, WALLET_CHECK_S
from krakencopy.account_proc.runtime.change_signal import ChangeSignal
from krakencopy.account_proc.runtime.pauses import doubled_s, spread_s
from krakencopy.account_proc.service.account_process import DRAIN_MAX_S
from krakencopy.account_proc.service.kraken_account import KrakenAccount
from krakencopy.account_proc.service.rule_checks import check_rules
from krakencopy.account_proc.state.ledger import Drift
from krakencopy.account_proc.trading.right_marks import RightMarks
from krakencopy.v1 import types_pb2

log = logging.getLogger(__name__)

#: Between two tries to read balances, in seconds: at first.
REACH_RETRY_S = 1.0


class UserSide:
    """A user's copying. There is none before the exchange's record was looked at for the first time."""

    def __init__(
        self, account: KrakenAccount, change_signal: ChangeSignal, failed: Callable[[BaseException], None],
        strategy_may_order: Callable[[], bool],
    ) -> None:  # fmt: skip
        """``strategy_may_order``: whether an order of the account's own strategy may reach the exchange."""
        self._account = account
        self._change_signal = change_signal
        self._failed = failed
        self._strategy_may_order = strategy_may_order
        self.copier: Copier | None = None
        self.limits: LimitWatch | None = None
        self._reconciler: Reconciler | None = None
        self._found = LookBack()

    # -- what others may know -------------------------------------------------------------------------------

    @property
    def copies_open(self) -> int:
        """Copies whose end is not known."""
        return 0 if self.copier is None else self.copier.copies_open

    def _in_flight(self) -> bool:
        return self.copies_open > 0 or self._account.requested_orders.open

    @property
    def marked(self) -> Sequence[Drift]:
        """Orders under a mark of krakencopy's that another ledger has made."""
        return self._found.marked

    def copied(self, asset: str) -> Decimal:
        """What copying holds of an asset."""
        return Decimal(0) if self.copier is None else self.copier.positions.held(asset)

    def pairs(self) -> tuple[str, ...]:
        """Pairs that are copied."""
        return () if self.copier is None else tuple(self.copier.positions.pairs())

    @property
    def flatten_state(self) -> types_pb2.FlattenState.ValueType:
        """How far the last order to sell all that copying bought has come, if there is one."""
        return types_pb2.FLATTEN_STATE_REQUESTED if self.copier is None else self.copier.flatten_state

    def drifts(self) -> list[Drift]:
        """Where the ledger and the exchange's record were found to differ lately."""
        return [] if self._reconciler is None else self._reconciler.shown_drifts()

    def _own_held(self, asset: str) -> Decimal:
        """What the account's own strategy holds of an asset."""
        if self._account.spec.strategy is None:
            return Decimal(0)
        held = self._account.requested_orders.positions().items()
        return sum((own.volume for pair, own in held if pair.partition("/")[0] == asset), Decimal(0))

    # -- from its start to its end --------------------------------------------------------------------------

    async def look_back(self) -> None:
        """What the exchange has seen and the ledger has not; nothing is sent before that is known. Raises
        ExchangeError.
        """
        if self._reconciler is None:
            account = self._account
            context = self._copy_context()
            book = LimitBook(account.spec.copy.limits, account.ledger, account.spec.totals)
            right = RightMarks(account.portfolio, account.exchange.market, account.shared_quotes())
            held_s = HELD_PAPER_S if account.spec.paper else HELD_S
            lookup = FlowLookup(
                account.exchange.account.ledger_entries, partial(account.key_check.may_any, (LEDGER,))
            )
            self.limits = LimitWatch(context, book, self._in_flight, right, held_s, lookup)
            self.copier = Copier(context)
            self._reconciler = Reconciler(
                ledger=account.ledger,
                adopter=self.copier,
                gateway=account.gateway,
                now=account.clock.now,
                changed=self._change_signal.notify_of_copies,
                period_s=PERIOD_PAPER_S if account.spec.paper else PERIOD_S,
                account_id=account.spec.id,
                journal_id=account.spec.journal_id,
            )
        reading = self._account.clock.reading()
        doubt = reading.doubt if reading is not None else 0.0
        self._found = await self._reconciler.look_back(self._account.clock.now() - doubt)

    def _copy_context(self) -> CopyContext:
        account = self._account
        return CopyContext(
            account_id=account.spec.id,
            rules=account.spec.copy,
            ledger=account.ledger,
            book=account.ledger.load_book(),
            portfolio=account.portfolio,
            gateway=account.gateway,
            guard=account.guard,
            now=account.clock.stamp,
            ask_time=account.ask_time,
            own_held=self._own_held,
            strategy_may_order=self._strategy_may_order,
            read_deferral=account.read_deferral,
            changed=self._change_signal.notify_of_copies,
            announce=account.announcements.announce,
            failed=self._failed,
        )

    async def start(self, spawn: Callable[[Coroutine[Any, Any, None]], None]) -> UserFeed:
        """Takes up what an earlier process has left, and starts the loops but for that of balances; where
        the feed tells its news. Raises LedgerFault.
        """
        copier, reconciler, account = self.copier, self._reconciler, self._account
        limits = self.limits
        assert copier is not None
        assert reconciler is not None
        assert limits is not None
        check_rules(account.spec.copy, account.portfolio, account.ledger.load_book().names.current)
        if self._found.lost:
            await copier.take_over_orders(self._found.lost)
        copier.recover_unfinished()
        spawn(copier.sell_owed_exits(self._change_signal))
        spawn(reconciler.run(account.gateway.news))
        spawn(limits.run())
        return UserFeed(
            account.gateway,
            account.portfolio,
            self._change_signal.notify,
            BalanceReading(account.portfolio, account.timing.holds_pause),
            reconciler.take_unknown_execution,
        )

    async def keep_balances(self) -> NoReturn:
        """Reads balances now and then, for ever, and sooner where something could not be counted."""
        portfolio, news = self._account.portfolio, self._account.gateway.news
        busy_s = WALLET_CHECK_PAPER_S if self._account.spec.paper else WALLET_CHECK_S
        period, known, seen, failures = busy_s, True, news.version, 0
        while True:
            # Spread, so that many accounts on one machine do not ask at once.
            pause = spread_s(period if known else doubled_s(failures, REACH_RETRY_S, period))
            failures = 0 if known else failures + 1
            if (until := portfolio.certain_at - self._account.clock.now()) > 0:
                # What could not be counted shows in balances by then, if not at once.
                pause = min(pause, until + REACH_RETRY_S)
            with suppress(TimeoutError):
                await asyncio.wait_for(portfolio.doubted.wait(), pause)
            # While an account neither orders nor trades, reading its balances is what it costs most.
            period = busy_s if news.version != seen else WALLET_CHECK_S
            seen = news.version
            try:
                known = await portfolio.refresh()
            except ExchangeError as error:
                log.warning("balances could not be read: %s", error)

    async def drain(self) -> int:
        """Finishes what is in flight; copies whose end is still not known."""
        if self.copier is not None:
            try:
                await asyncio.wait_for(self.copier.drain(), DRAIN_MAX_S)
            except TimeoutError:
                log.warning("%d copies are still open; the next start takes them up", self.copies_open)
        return self.copies_open
