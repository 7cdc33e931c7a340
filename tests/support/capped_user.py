"""A user of the rules with caps: several pairs, days, prices, orders on their way, and restarts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from krakencopy.account_proc.contract.copy_state import CopyState
from krakencopy.account_proc.contract.money import Money
from krakencopy.account_proc.contract.spec import CopyRules, Sizing
from krakencopy.account_proc.domain.caps import CapState, caps_of
from krakencopy.account_proc.domain.copy_book import CopyBook
from krakencopy.account_proc.domain.copy_plan import Carry, Decision, Order, SettledOrder, UserBalances
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.domain.entries_made import DAY_S, EntriesMade
from krakencopy.account_proc.domain.pairs import PairRules
from krakencopy.account_proc.domain.quantities import BaseVolume, QuoteAmount, Side
from krakencopy.account_proc.domain.sizing import decide
from tests.support.copying import BTC, ETH, NOW, PLENTY, MemoryPlans, TradingMaster, copy_id_of, side_of

#: One volume for one volume of the master, and no cap but those that a test sets.
ONE_TO_ONE = CopyRules(
    sizing=Sizing.FIXED_RATIO, ratio=Decimal(1), max_user_risk=Decimal(1), max_slippage_bps=100
)
PAIRS = {
    pair.name: replace(pair, lot_decimals=4, ordermin=Decimal("0.0001"), costmin=Decimal(0))
    for pair in (
        BTC, ETH, replace(ETH, name="BTC/EUR", base="BTC", quote="EUR"),
        replace(ETH, name="ETH/BTC", quote="BTC", tick_size=Decimal("0.0000001")),
    )
}  # fmt: skip


def usd(amount: str | int) -> Money:
    """So many dollars."""
    return Money(Decimal(amount), "USD")


@dataclass
class CappedUser:
    """Decides as the trading loop does, and counts what it decided."""

    rules: CopyRules
    equity: Decimal = Decimal(1_000_000)
    #: What a unit is worth in dollars.
    dollars: dict[str, Decimal] = field(default_factory=lambda: {"USD": Decimal(1)})
    pairs: Mapping[str, PairRules] = field(default_factory=lambda: PAIRS)
    day: int = 20_000
    cash: Decimal = PLENTY

    def __post_init__(self) -> None:
        self.master = TradingMaster(equity=Decimal(10**9), cash=Decimal(10**9))
        self.book = CopyBook(MemoryPlans())
        self.copies: dict[str, CopyRecord] = {}
        self.orders: dict[str, Order] = {}
        self.restart()

    def restart(self) -> None:
        """A new process: what is used is counted from the copies alone."""
        self.made = EntriesMade(self.book.names)
        for copy in self.copies.values():
            self.made.take(copy)

    def rate(self, asset: str, quote: str) -> Decimal | None:
        of, to = self.dollars.get(asset), self.dollars.get(quote)
        return Decimal(1) if asset == quote else None if of is None or to is None else of / to

    def balances(self, pair: PairRules) -> UserBalances:
        equity = QuoteAmount(self.equity / self.dollars.get(pair.quote, Decimal(1)))

        def rate(asset: str) -> Decimal | None:
            return self.rate(asset, pair.quote)

        caps = caps_of(self.rules)
        state = CapState(
            caps=caps, pair=pair.name, equity=equity, book=self.book, made=self.made, day=self.day, rate=rate,
            ordermin=lambda name: self.pairs[name].ordermin if name in self.pairs else Decimal(0),
        )  # fmt: skip
        return UserBalances(
            equity=equity, cash=QuoteAmount(self.cash), base=BaseVolume(PLENTY), rate=rate,
            caps=state if caps else None,
        )  # fmt: skip

    def buys(
        self, volume: str | int | Decimal, price: str | int | Decimal, pair: str = "BTC/USD", order: str = ""
    ) -> Decision:
        """What the user makes of a purchase of the master's; an order is on its way then."""
        seq = self.master.seq + 1
        fill = self.master.buy(order or f"O{seq}", Decimal(volume), Decimal(price), self.pairs[pair])
        verdict = decide(
            self.book, [fill], self.pairs[pair], self.rules, self.balances(self.pairs[pair]), NOW
        )
        (decision,) = verdict.decisions
        self._keep(decision, pair, Side.BUY)
        return decision

    def sells(self, volume: Decimal, price: Decimal, pair: str = "BTC/USD") -> Decision:
        """The same for a sale."""
        seq = self.master.seq + 1
        fill = self.master.sell(f"O{seq}", volume, price, self.pairs[pair])
        verdict = decide(
            self.book, [fill], self.pairs[pair], self.rules, self.balances(self.pairs[pair]), NOW
        )
        (decision,) = verdict.decisions
        self._keep(decision, pair, Side.SELL)
        return decision

    def _keep(self, decision: Decision, pair: str, side: Side) -> None:
        copy_id = copy_id_of(decision.fills)
        if isinstance(decision, Carry):
            self.book.carry(pair, side, decision.slices, copy_id)
        if not isinstance(decision, Order):
            return
        limit = decision.limit_price
        self.orders[copy_id] = decision
        self._take(
            CopyRecord(
                copy_id=copy_id, fill_seqs=tuple(fill.seq for fill in decision.fills), pair=pair, side=side,
                state=CopyState.INTENT, reason=decision.reason, detail=decision.detail, cap=decision.cap,
                ordered=decision.volume.amount, limit_price=None if limit is None else limit.amount,
                cl_ord_id=f"of {copy_id}", decided_at=self.day * DAY_S + 1.0,
            )
        )  # fmt: skip

    def _take(self, copy: CopyRecord) -> None:
        self.copies[copy.copy_id] = copy
        self.made.take(copy)

    def ends(self, copy_id: str, filled: Decimal | None = None, price: Decimal | None = None) -> Decimal:
        """An order is over, in full at its limit unless said otherwise; its cost."""
        order, copy = self.orders.pop(copy_id), self.copies[copy_id]
        volume = copy.ordered if filled is None else filled
        cost = volume * (price or copy.limit_price or Decimal(0))
        state = CopyState.FILLED if volume else CopyState.REJECTED
        self._take(replace(copy, state=state, filled=volume, cost=cost))
        self.book.settle(
            copy.pair,
            side_of(order),
            SettledOrder(
                copy_id=copy_id, slices=order.slices, ordered=order.volume, filled=BaseVolume(volume),
                cost=QuoteAmount(cost), fees={}, sweep=order.sweep,
            ),
        )  # fmt: skip
        return cost
