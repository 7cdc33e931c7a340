"""A user that copies within limits to its losses, at prices that a test sets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

from krakencopy.account_proc.contract.loss_counting import LimitState
from krakencopy.account_proc.contract.loss_limits import Action, LossLimit, Metric, Window
from krakencopy.account_proc.contract.money import Money
from krakencopy.account_proc.contract.spec import CopyRules
from krakencopy.account_proc.copying.flow_lookup import FlowLookup
from krakencopy.account_proc.copying.limit_book import LimitBook
from krakencopy.account_proc.copying.limit_watch import LimitWatch
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.account_proc.trading.right_marks import RightMarks
from tests.support.copying_user import User, copying


def usd(amount: str) -> Money:
    return Money(Decimal(amount), "USD")


def limit_of(
    max_loss: Money | Decimal, action: Action = Action.REDUCING, metric: Metric = Metric.EQUITY,
    window: Window = Window.DAY, name: str = "day",
) -> LossLimit:  # fmt: skip
    return LossLimit(name, metric, window, max_loss, Decimal("0.8"), action)


class Limited:
    """Puts half of its 100 USD into each order of the master, and is judged when a test says so."""

    def __init__(
        self, user: User, limits: tuple[LossLimit, ...], totals: tuple[tuple[str, str], ...] = ()
    ) -> None:
        self.user = user
        self.book = LimitBook(limits, user.ledger, totals)
        self.watch = LimitWatch(
            user.context, self.book, lambda: user.copier.copies_open > 0,
            RightMarks(user.portfolio, user.kraken.exchange.market),
            lookup=FlowLookup(user.kraken.exchange.account.ledger_entries, self._may_read),
        )  # fmt: skip

    async def _may_read(self) -> bool:
        """Whether its key has the permission: where the test has entries."""
        return "Ledgers" in self.user.kraken.always

    @property
    def state(self) -> LimitState:
        return self.book.states["day"]

    def price(self, bid: float | str, ask: float | str | None = None) -> None:
        """What the exchange tells of BTC/USD from now on."""
        row = {"b": [str(bid), "1", "1"], "a": [str(bid if ask is None else ask), "1", "1"]}
        self.user.kraken.always["Ticker"] = {"XXBTZUSD": row | {"c": [str(bid), "1"]}}

    async def judge(self, *bids: float) -> None:
        """At each of these prices in turn, or at what it is."""
        if not bids:
            await self.watch.judge_now()
        for bid in bids:
            self.price(bid)
            await self.watch.judge_now()

    async def buy(self) -> str:
        """The master buys; what the user made of it."""
        self.user.fill()
        await self.user.done()
        copy = self.user.copy(self.user.seq)
        return f"{copy.state} {copy.reason}"

    async def sell(self) -> str:
        """The master sells all it has."""
        self.user.fill(Side.SELL)
        await self.user.done()
        copy = self.user.copy(self.user.seq)
        return f"{copy.state} {copy.reason}"

    def notices(self) -> list[tuple[str, str]]:
        return [(notice.code, notice.subject) for notice in self.user.portfolio.notices.shown()]


@asynccontextmanager
async def limited(
    folder: Path, *limits: LossLimit, totals: tuple[tuple[str, str], ...] = ()
) -> AsyncIterator[Limited]:
    """Takes up what an earlier one has left in the folder."""
    ledger = Ledger(folder / "anna.db", "anna")
    try:
        async with copying(
            ledger, rules=CopyRules(max_user_risk=Decimal(1), multiplier=Decimal(10), limits=limits)
        ) as user:
            user.seq = ledger.cursor or 0
            yield Limited(user, limits, totals)
    finally:
        ledger.close()
