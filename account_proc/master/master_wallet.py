"""What the master holds right before each of its fills, and whether that may be believed.

The wallet is counted trade by trade (domain/counted_trades.py), because balances may trail behind the engine.
Only where nothing was counted yet are balances believed. After that they are compared with every state that
the wallet has had meanwhile: what is left over came from outside.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from decimal import Decimal

from krakencopy.account_proc.contract.errors import ExchangeError, LedgerFault
from krakencopy.account_proc.domain.asset_forms import worth_as
from krakencopy.account_proc.domain.counted_trades import WALLET, CountedTrades, Trade, apply
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.domain.wallet import change_from_outside
from krakencopy.account_proc.kraken.feed.session import BalanceChanged
from krakencopy.account_proc.master.held_trades import HeldTrades
from krakencopy.account_proc.runtime import failpoint
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.account_proc.trading.outside_changes import CONFIRM_S
from krakencopy.account_proc.trading.portfolio import Portfolio

log = logging.getLogger(__name__)

#: How often balances are read at a start until two readings agree, before what was counted is taken as it is.
AGREE_TRIES = 5
#: Balances are compared with the wallet after about this long, in seconds: deposits, withdrawals.
WALLET_CHECK_S, WALLET_CHECK_PAPER_S = 300.0, 60.0
#: A buy that costs more than what was counted by this share proves the count wrong: smaller differences are
#: rounding and fees.
SHORT_SHARE = Decimal("0.001")
#: Kraken: the entry of the ledger that the executions feed tells as well.
TRADE_KIND = "trade"
#: Kraken: entries that may move an asset between two wallets of the account, with an entry for each wallet:
#: balances say what is where.
MOVES = frozenset({"earn", "staking", "transfer"})


class MasterWallet:
    """The master's wallet in its portfolio, the trades that it holds, and what speaks against it."""

    def __init__(
        self, account_id: str, portfolio: Portfolio, ledger: Ledger, now: Callable[[], float],
        refresh_s: float,
    ) -> None:  # fmt: skip
        """Raises LedgerFault when the wallet that an earlier process kept cannot be read."""
        self._account_id = account_id
        self._portfolio = portfolio
        self._ledger = ledger
        self._now = now
        self._refresh_s = refresh_s
        self._refresh_at = now() + refresh_s
        self._kept = ledger.kept_value(WALLET)
        #: Whether there is a wallet that was counted; else balances are to be believed first.
        self.is_counted = self._kept is not None
        try:
            self._trades = (
                CountedTrades()
                if self._kept is None
                else CountedTrades.from_json(self._kept, portfolio.wallet)
            )
        except (ValueError, KeyError, TypeError, ArithmeticError) as error:
            raise LedgerFault(f"{ledger.path}: the wallet in it cannot be read ({error})") from error
        #: Whether that wallet was compared with balances since the feed is up.
        self.is_compared = False
        #: A trade has proven the wallet wrong, and balances have not explained how: nobody is sized by it.
        self.is_doubted = False
        #: Set when balances are to be read before their time.
        self.refresh_wanted = asyncio.Event()

    @property
    def newest_trade_at(self) -> float:
        """When the newest trade in the wallet was executed, or until when all are (Unix seconds)."""
        return self._trades.newest

    # -- trades ---------------------------------------------------------------------------------------------

    def is_disproved_by(self, trade: Trade) -> bool:
        """Whether the master has paid with money that was not counted: a deposit has come in, or coins were
        turned into it.
        """
        pair = self._portfolio.pairs.table.find(trade.pair)
        if pair is None or trade.margin or trade.side is not Side.BUY:
            return False
        have = self._portfolio.wallet[pair.quote]
        # An account with a credit line is below zero all the time, and its balances say the same.
        return have >= 0 and trade.cost - have > trade.cost * SHORT_SHARE

    def doubt_if_disproved_by(self, trade: Trade) -> None:
        """A trade comes next, and cannot wait for balances that explain it."""
        self.is_doubted = self.is_doubted or self.is_disproved_by(trade)

    def note_counted(self, trade: Trade) -> None:
        """The wallet holds this trade from now on."""
        self._trades.add_trade(trade)

    def stand_before(self, missing: Container[str], trades: Sequence[Trade]) -> None:
        """The wallet as it is with all trades but those that are missing (by execution id), which are about
        to be counted. ``trades``: all that are known of, in order of execution.

        Users take fills in the journal's order, so what is missing comes after all that the journal has,
        whatever its time.
        """
        wallet, table, marks = (
            self._portfolio.wallet,
            self._portfolio.pairs.table,
            self._portfolio.prices.marks,
        )
        for trade in reversed(trades):
            if trade.exec_id in missing and self._trades.holds(trade):
                apply(wallet, trade, table, undo=True)
        for trade in trades:
            if trade.exec_id not in missing and not self._trades.holds(trade):
                self._portfolio.before_trade(trade.executed_at)
                apply(wallet, trade, table)
                self._trades.add_trade(trade)
        for trade in trades:
            # What was held then and is not now has no price yet, and would count as nothing.
            pair = table.find(trade.pair)
            if trade.exec_id in missing and pair and marks.rate(pair.base, pair.quote) is None:
                marks.set(pair.base, pair.quote, trade.price)

    # -- balances -------------------------------------------------------------------------------------------

    def believe_balances(self, balances: Mapping[str, Decimal], trades_until: float) -> None:
        """Balances are the wallet, with all trades up to a time (Unix seconds): nothing was counted yet."""
        self._portfolio.wallet.replace(balances)
        self._trades = CountedTrades(trades_until)
        self.is_counted = self.is_compared = True

    def balance_changed(self, change: BalanceChanged) -> None:
        """The feed tells of a balance. What is no trade counts at once: balances that are read tell it
        minutes later.
        """
        if change.kind == TRADE_KIND or not change.amount:
            return
        # While the wallet is being compared with balances, nobody knows whether those have it: they are read
        # once more.
        if change.kind not in MOVES and self.is_compared:
            self._portfolio.before_trade(self._now())
            self._portfolio.count_outside_change({worth_as(change.asset): change.amount}, change.kind)
        self.refresh_wanted.set()

    async def compare(
        self, trades: Iterable[Trade], held: HeldTrades, balances: Mapping[str, Decimal], asked_at: float, *,
        expect_change: bool = False,
    ) -> bool:  # fmt: skip
        """Takes what came from outside unseen into the wallet; whether balances and wallet agree then.

        ``trades``: all that are known of, beside those that are held; ``asked_at``: when balances were asked
        for (Unix seconds). ``expect_change``: something did come in, so that balances that show nothing trail
        behind. Raises ExchangeError.
        """
        suspected: dict[str, Decimal] = {}
        agree = True
        for _ in range(AGREE_TRIES):
            states = self._trades.states(
                self._portfolio.wallet,
                held.merged_with(trades),
                self._portfolio.pairs.table,
                asked_at - self._portfolio.lag_s,
            )
            change = change_from_outside(balances, states)
            if change == suspected and (change or not expect_change):
                break
            suspected = change
            await asyncio.sleep(CONFIRM_S)
            balances, asked_at = await self._portfolio.read_balances()
        else:
            log.warning(
                "balances keep changing, or do not show what must have come in; what was counted is taken "
                "until they agree"
            )
            suspected, agree = {}, False
        self._portfolio.count_outside_change(suspected, "")
        self.is_compared = True
        return agree

    async def price_income(self) -> None:
        """Finds out what it is worth that has just come in. Where that fails nobody is sized by an equity
        without it.
        """
        try:
            await self._portfolio.prices.refresh()
        except ExchangeError as error:
            log.warning("prices of what came in could not be read: %s", error)
            self.is_doubted = True
            self.refresh_wanted.set()

    @property
    def is_refresh_due(self) -> bool:
        """Whether balances were not read for so long that they are to be."""
        return self._now() >= self._refresh_at

    async def refresh(self) -> None:
        """Compares balances with the wallet; they are wanted again at once while they disagree. Raises
        ExchangeError.
        """
        self.refresh_wanted.clear()
        try:
            certain = await self._portfolio.refresh() and self._now() >= self._portfolio.certain_at
        except ExchangeError:
            self.refresh_wanted.set()
            raise
        self.is_doubted = self.is_doubted and not certain
        self._refresh_at = self._now() + self._refresh_s
        if not certain:
            self.refresh_wanted.set()

    # -- across restarts ------------------------------------------------------------------------------------

    def save(self) -> bool:
        """Makes the wallet durable, with the trades that it holds; whether it had changed. Raises
        LedgerFault.
        """
        if not self.is_compared:
            return False
        body = self._trades.to_json(self._portfolio.wallet)
        changed = body != self._kept
        if changed:
            failpoint.reach(self._account_id, "before_keep")
            self._ledger.keep_value(WALLET, body)
            failpoint.reach(self._account_id, "after_keep")
            self._kept = body
        return changed
