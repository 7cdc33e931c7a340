"""A master that trades by the book, a user that follows it, and markets to do it in: what the tests of
copying begin with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from krakencopy.account_proc.contract.copied_coins import Exchanged
from krakencopy.account_proc.contract.spec import CopyRules
from krakencopy.account_proc.domain.copy_book import CopyBook
from krakencopy.account_proc.domain.copy_plan import (
    Carry,
    MasterFill,
    Order,
    OrderPlan,
    PlanStore,
    SettledOrder,
    Slice,
    UserBalances,
    Verdict,
)
from krakencopy.account_proc.domain.pairs import PairRules
from krakencopy.account_proc.domain.quantities import (
    NO_AMOUNT,
    NO_VOLUME,
    BaseVolume,
    Price,
    QuoteAmount,
    Side,
)
from krakencopy.account_proc.domain.sizing import decide

#: A time for everything that needs one (Unix seconds).
NOW = 1_795_336_500.0
#: More than any test spends.
PLENTY = Decimal(10) ** 9

BTC = PairRules(
    canonical="XXBTZUSD", altname="XBTUSD", wsname="XBT/USD", name="BTC/USD", base="BTC", quote="USD",
    lot_decimals=8, pair_decimals=1, cost_decimals=5, tick_size=Decimal("0.1"), ordermin=Decimal("0.00005"),
    costmin=Decimal("0.5"), status="online",
)  # fmt: skip
ETH = replace(
    BTC,
    canonical="XETHZUSD",
    altname="ETHUSD",
    wsname="ETH/USD",
    name="ETH/USD",
    base="ETH",
    lot_decimals=4,
    pair_decimals=2,
    tick_size=Decimal("0.01"),
    ordermin=Decimal("0.001"),
)
#: Whole lots that one can count, and no minimum but one lot.
LOTS = replace(BTC, lot_decimals=2, ordermin=Decimal("0.01"), costmin=Decimal(0))


class MemoryPlans:
    """Plans as a ledger keeps them: a reader gets what was put last."""

    def __init__(self) -> None:
        self.kept: dict[str, OrderPlan] = {}

    def get_plan(self, order_id: str) -> OrderPlan | None:
        plan = self.kept.get(order_id)
        return None if plan is None else replace(plan)

    def put_plan(self, plan: OrderPlan) -> None:
        self.kept[plan.order_id] = replace(plan)


@dataclass
class TradingMaster:
    """Makes fills with what the master's process freezes at each order's first one."""

    equity: Decimal = Decimal(1000)
    cash: Decimal = Decimal(1000)
    #: What it bought since the journal began, by coin.
    position: dict[str, Decimal] = field(default_factory=dict)
    #: What it owned before, by coin.
    old_stock: dict[str, Decimal] = field(default_factory=dict)
    seq: int = 0
    _frozen: dict[str, tuple[Decimal, Decimal]] = field(default_factory=dict)

    def fill(
        self,
        order_id: str,
        side: Side,
        volume: Decimal,
        price: Decimal,
        pair: PairRules = BTC,
        *,
        margin: bool = False,
        executed_at: float = NOW,
    ) -> MasterFill:
        self.seq += 1
        held = self.position.get(pair.base, Decimal(0))
        left = held
        equity, cash = self._frozen.setdefault(order_id, (self.equity, self.cash))
        if not margin:
            sign = 1 if side is Side.BUY else -1
            left = self.position[pair.base] = held + sign * volume
            self.cash -= sign * volume * price
        return MasterFill(
            seq=self.seq,
            order_id=order_id,
            pair=pair.name,
            side=side,
            price=Price(price),
            volume=BaseVolume(volume),
            master_equity=QuoteAmount(equity),
            master_cash=QuoteAmount(cash),
            position_before=BaseVolume(held),
            position_after=BaseVolume(max(left, Decimal(0))),
            master_position=BaseVolume(held + self.old_stock.get(pair.base, Decimal(0))),
            margin=margin,
            executed_at=executed_at,
        )

    def buy(
        self,
        order_id: str,
        volume: str | Decimal,
        price: str | Decimal,
        pair: PairRules = BTC,
        *,
        margin: bool = False,
        executed_at: float = NOW,
    ) -> MasterFill:
        return self.fill(
            order_id, Side.BUY, Decimal(volume), Decimal(price), pair, margin=margin, executed_at=executed_at
        )

    def sell(
        self,
        order_id: str,
        volume: str | Decimal,
        price: str | Decimal,
        pair: PairRules = BTC,
        *,
        margin: bool = False,
        executed_at: float = NOW,
    ) -> MasterFill:
        return self.fill(
            order_id, Side.SELL, Decimal(volume), Decimal(price), pair, margin=margin, executed_at=executed_at
        )


class Follower:
    """A user of the rules: does with decisions what the trading loop does, and settles on request."""

    def __init__(
        self,
        plans: PlanStore | None = None,
        rules: CopyRules | None = None,
        pair: PairRules = BTC,
        equity: Decimal = Decimal(100),
        cash: Decimal = PLENTY,
        base: Decimal = PLENTY,
    ) -> None:
        self.plans = MemoryPlans() if plans is None else plans
        self.book = CopyBook(self.plans)
        self.rules = rules or CopyRules()
        self.pair = pair
        self.equity: Decimal | None = equity
        self.cash = cash
        self.base = base
        self.now = NOW

    @property
    def holdings(self) -> UserBalances:
        equity = None if self.equity is None else QuoteAmount(self.equity)
        return UserBalances(
            equity=equity, cash=QuoteAmount(self.cash), base=BaseVolume(self.base),
            rate=lambda asset: Decimal(1) if asset == self.pair.quote else None,
        )  # fmt: skip

    def decide(self, *fills: MasterFill) -> Verdict:
        """Decides, and carries what is to be carried."""
        verdict = decide(self.book, fills, self.pair, self.rules, self.holdings, self.now)
        for decision in verdict.decisions:
            if isinstance(decision, Carry):
                self.book.carry(
                    self.pair.name,
                    decision.fills[0].side,
                    decision.slices,
                    copy_id_of(decision.fills),
                )
        return verdict

    def ordered(self, *fills: MasterFill) -> Order:
        """Decides about fills that must lead to one order."""
        (decision,) = self.decide(*fills).decisions
        assert isinstance(decision, Order), decision
        return decision

    def settle(
        self,
        order: Order,
        filled: Decimal | None = None,
        price: Decimal | None = None,
        fee_base: Decimal = Decimal(0),
    ) -> None:
        """The order is over: in full at the master's price unless the test gives another result."""
        amount = order.volume.amount if filled is None else filled
        paid = price if price is not None else order.fills[-1].price.amount if order.fills else Decimal(0)
        ending = SettledOrder(
            copy_id=copy_id_of(order.fills),
            slices=order.slices,
            ordered=order.volume,
            filled=BaseVolume(amount),
            cost=QuoteAmount(amount * paid),
            fees={self.pair.base: fee_base} if fee_base else {},
            sweep=order.sweep,
        )
        self.book.settle(self.pair.name, side_of(order), ending)

    def copy(self, *fills: MasterFill) -> Verdict:
        """Decides, and settles what was ordered in full."""
        verdict = self.decide(*fills)
        for decision in verdict.decisions:
            if isinstance(decision, Order):
                self.settle(decision)
        return verdict

    def holds(self, volume: Decimal, cost: Decimal = Decimal(0)) -> None:
        """Has bought so much by copying."""
        self.book.coins.keep_at_most(self.pair.base, Decimal(0))
        self.book.coins.bought(
            Exchanged(base=self.pair.base, quote=self.pair.quote, volume=volume, cost=cost)
        )

    @property
    def position(self) -> Decimal:
        return self.book.coins.volume(self.pair.base)

    def carried(self, side: Side) -> Decimal:
        return self.book.carried_volume(self.pair.name, side).amount


def copy_id_of(fills: Sequence[MasterFill]) -> str:
    """An order without fills is an exit that was owed; there is never more than one of a pair on its way."""
    return f"c{fills[0].seq}" if fills else "owed"


def side_of(order: Order) -> Side:
    return order.fills[0].side if order.fills else Side.SELL


def only_order(verdict: Verdict) -> Order | None:
    """The order of a verdict; there is never more than one."""
    orders = [decision for decision in verdict.decisions if isinstance(decision, Order)]
    assert len(orders) <= 1
    return orders[0] if orders else None


def volume_of(slices: Sequence[Slice]) -> Decimal:
    return sum((piece.volume for piece in slices), NO_VOLUME).amount


def cost_of(slices: Sequence[Slice]) -> Decimal:
    return sum((piece.cost for piece in slices), NO_AMOUNT).amount


def master_with(volume: Decimal | str, coin: str = BTC.base) -> TradingMaster:
    return TradingMaster(position={coin: Decimal(volume)})


def amounts(**given: str) -> dict[str, Decimal]:
    """By asset; ``BTC_S`` is BTC.S."""
    return {asset.replace("_", "."): Decimal(amount) for asset, amount in given.items()}
