"""What a replay puts in the place of an account's process: its money by what was written at each decision,
what it may trade by what it could then, and an exchange that cannot be asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import NoReturn, cast

from krakencopy.account_proc.domain.pair_table import PairTable
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.domain.wallet import Wallet
from krakencopy.account_proc.kraken.api import KrakenExchange
from krakencopy.account_proc.kraken.order_gate import NotTraded
from krakencopy.account_proc.trading.order_gateway import OrderGateway
from krakencopy.account_proc.trading.portfolio import Portfolio
from krakencopy.account_proc.trading.timing import Timing
from krakencopy.account_proc.trading.trading_guard import TradingGuard

NOTHING = Decimal(0)


class _NobodyAnswers:
    """A part of an exchange that is not there."""

    def __getattr__(self, name: str) -> NoReturn:
        raise AssertionError(f"a replay asked the exchange ({name})")


class _Offline:
    """An exchange that is not there: whatever is asked of it is a defect."""

    market = account = orders = record = _NobodyAnswers()


def offline_exchange() -> KrakenExchange:
    """An exchange that cannot be asked."""
    return cast("KrakenExchange", _Offline())


def offline_gateway(now: Callable[[], float]) -> OrderGateway:
    """A gateway through which nothing leaves."""
    return OrderGateway(offline_exchange(), now, Timing())


@dataclass(frozen=True, slots=True)
class Funds:
    """What an account had at a moment, in one quote. ``cash``: what was free of it; None where nobody
    knows.
    """

    quote: str
    equity: Decimal
    cash: Decimal | None


class ReplayedPortfolio(Portfolio):
    """An account's money: what it really was at each decision, and what the replay has made of it since."""

    def __init__(
        self, now: Callable[[], float], table: PairTable, reserve: Mapping[str, Decimal],
        wallet: Mapping[str, Decimal] | None, *, any_money: bool = False,
    ) -> None:  # fmt: skip
        """``wallet``: where what it really was does not count, what it began with. ``any_money``: in
        whichever currency that is, it pays for everything.
        """
        super().__init__(offline_exchange(), lambda: None, now, 0.0, reserve=reserve)
        self.pairs.latest = table
        self._begun_with = None if wallet is None else Wallet(wallet)
        self._any_money = any_money
        #: What it really had, at the decision that is replayed; None where nobody knows.
        self.real: Funds | None = None
        #: What the replay has more of each asset than there really was.
        self.beyond = Wallet()
        #: What was really set aside then, of each asset.
        self.really_reserved: dict[str, tuple[str, Decimal]] = {}

    @property
    def is_real(self) -> bool:
        """Whether what it really had counts."""
        return self._begun_with is None

    def rename(self, old: str, new: str) -> None:
        """An asset has another name from now on."""
        super().rename(old, new)
        self.beyond.rename(old, new)
        if self._begun_with is not None:
            self._begun_with.rename(old, new)

    def equity(self, quote: str) -> Decimal | None:
        """As of Portfolio."""
        marks = self.prices.marks
        if self._begun_with is not None:
            return self._begun_with.value(quote, marks) + self.beyond.value(quote, marks)
        if self.real is None:
            return None
        rate = marks.rate(self.real.quote, quote)
        return None if rate is None else self.real.equity * rate + self.beyond.value(quote, marks)

    def cash(self, quote: str) -> Decimal:
        """As of Portfolio."""
        ours = sum((amount for asset, amount in self._reserved.values() if asset == quote), NOTHING)
        if self._begun_with is not None and self._any_money:
            beyond, marks = self.beyond.balances(), self.prices.marks
            spent = {asset: amount for asset, amount in beyond.items() if asset != quote and amount < 0}
            there = self._begun_with.value(quote, marks) + Wallet(spent).value(quote, marks)
        elif self._begun_with is not None:
            there = self._begun_with[quote] - self.kept_out.get(quote, NOTHING)
        else:
            there = self._real_cash(quote)
        return there + self.beyond[quote] - ours

    def _real_cash(self, quote: str) -> Decimal:
        if self.real is None:
            return NOTHING
        if self.real.cash is None or self.real.quote != quote:
            # Nobody wrote it: all of the equity, as far as copying has not spent it.
            rate = self.prices.marks.rate(self.real.quote, quote)
            return NOTHING if rate is None else self.real.equity * rate
        theirs = (amount for asset, amount in self.really_reserved.values() if asset == quote)
        return self.real.cash + sum(theirs, NOTHING)


class ReplayedGuard(TradingGuard):
    """What the account may trade, as it was at each decision."""

    def __init__(self) -> None:
        super().__init__(Path("/nonexistent/states"), "replayed")
        #: Why nothing of a side could leave then, by side.
        self.stops: dict[Side, NotTraded] = {}

    def stop(self, side: Side) -> NotTraded | None:
        """As of TradingGuard."""
        return self.stops.get(side)

    @property
    def is_halted(self) -> bool:
        """Owed exits are replayed when they were really sold, and then nothing was halted."""
        return False
