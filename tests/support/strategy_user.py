"""A user that copies or trades by a strategy, with all that is real but the exchange."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from krakencopy.account_proc.contract.errors import ExchangeRefused
from krakencopy.account_proc.contract.spec import CopyRules, Tier
from krakencopy.account_proc.copying.copier import Copier
from krakencopy.account_proc.copying.copy_context import CopyContext
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.kraken.rest.rate_limits import AccountLimits
from krakencopy.account_proc.notices.announcements import Announcements
from krakencopy.account_proc.runtime.change_signal import ChangeSignal
from krakencopy.account_proc.runtime.read_deferral import ReadDeferral
from krakencopy.account_proc.service.account_service import AccountServicer
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.account_proc.strategy.api import Account, OrderIntent, StopReason, StrategyFill, Tick
from krakencopy.account_proc.strategy.risk import RiskLimits
from krakencopy.account_proc.strategy.runner import StrategyRunner
from krakencopy.account_proc.trading.kraken_broker import KrakenBroker
from krakencopy.account_proc.trading.order_gateway import OrderGateway
from krakencopy.account_proc.trading.portfolio import Portfolio
from krakencopy.account_proc.trading.requested_orders import RequestedOrders
from krakencopy.account_proc.trading.timing import Timing
from krakencopy.v1 import types_pb2
from tests.support.account_specs import guard_in
from tests.support.copying import NOW
from tests.support.copying_user import streamed_fill
from tests.support.scripted_kraken import ScriptedKraken, execution

PAIR = "BTC/USD"
BUY = OrderIntent(pair=PAIR, side=Side.BUY, volume=Decimal("0.0001"))
SELL = OrderIntent(pair=PAIR, side=Side.SELL, share=Decimal(1))
USUAL = Timing(deadline=5.0, retry=0.0005)
#: Of an order whose answer is lost: it can be looked for at once.
AT_ONCE = Timing(deadline=0.001, margin=0.0, visibility_lag=0.001, poll=0.0, retry=0.001)
LIMITS = RiskLimits(risk=Decimal("0.10"), slippage_bps=50)


@dataclass
class Wants:
    """A strategy that wants what a test says, and remembers what it was told."""

    on_tick: Callable[[Tick], Iterable[OrderIntent]] = lambda _: ()
    pairs: Sequence[str] = (PAIR,)
    interval_s: float = 0.001
    at_stop: Iterable[OrderIntent] = ()
    told: list[Any] = field(default_factory=list)
    account: Account | None = None

    def on_start(self, account: Account) -> Iterable[OrderIntent]:
        self.account = account
        self.told.append("start")
        return ()

    def on_market(self, tick: Tick) -> Iterable[OrderIntent]:
        return self.on_tick(tick)

    def on_fill(self, fill: StrategyFill) -> Iterable[OrderIntent]:
        self.told.append(fill)
        return ()

    def on_stop(self, why: StopReason) -> Iterable[OrderIntent]:
        self.told.append(why)
        return self.at_stop


class Kraken(ScriptedKraken):
    """Fills every order after a while, and remembers whose orders were under way when: (begin or end,
    client order id).
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        self.gateway: OrderGateway | None = None
        self.portfolio: Portfolio | None = None
        self.log: list[tuple[str, str]] = []
        self.sent: list[dict[str, str]] = []
        #: Share of the exits that it refuses, so that they stay owed.
        self.refuses = 0.0
        self.dice = random.Random(1)  # noqa: S311 - a test's
        self.always |= {
            "Balance": {"ZUSD": "1000"}, "AddOrder": self._fill, "OpenOrders": {"open": {}},
            "ClosedOrders": {"closed": {}, "count": 0},
        }  # fmt: skip

    def answer_public(self, method: str, params: dict[str, str]) -> Any:
        async def later() -> Any:
            await self._a_while()
            return super(Kraken, self).answer_public(method, params)

        return later()

    async def _a_while(self) -> None:
        for _ in range(self.dice.randrange(12)):
            await asyncio.sleep(0)

    async def _fill(self, params: dict[str, str]) -> Any:
        self.sent.append(params)
        number = len(self.sent)
        self.log.append(("begin", params["cl_ord_id"]))
        await self._a_while()
        if params["type"] == "sell" and self.dice.random() < self.refuses:
            self.log.append(("end", params["cl_ord_id"]))
            return ExchangeRefused("AddOrder", ("EOrder:Margin allowance exceeded",))
        assert self.gateway is not None
        assert self.portfolio is not None
        told = execution(
            order_id=f"O{number}", cl_ord_id=params["cl_ord_id"], exec_id=f"T{number}", qty=params["volume"],
            side=Side(params["type"]),
        )  # fmt: skip
        self.portfolio.executed(told)
        asyncio.get_running_loop().call_soon(self.gateway.count_executions, [told])
        self.log.append(("end", params["cl_ord_id"]))
        return {"descr": {"order": "an order"}, "txid": [f"O{number}"]}


class User:
    """A user with a copier and a strategy, all real but the exchange."""

    spec = SimpleNamespace(users=1)

    def __init__(self, ledger: Ledger, strategy: Wants, timing: Timing) -> None:
        self.ledger = ledger
        self.change_signal = ChangeSignal()
        self.draining = False
        self.failures: list[BaseException] = []
        self.clock = 0.0
        self.seq = 0
        self.kraken = Kraken(limits=AccountLimits(Tier.UNLIMITED))
        exchange = self.kraken.exchange
        self.gateway = self.kraken.gateway = OrderGateway(exchange, self.now, timing)
        self.portfolio = self.kraken.portfolio = Portfolio(exchange, self.change_signal.notify, self.now, 1.0)
        ledger.join("a journal", 0) if ledger.journal_id is None else None
        self.copier = Copier(
            CopyContext(
                account_id="anna",
                rules=CopyRules(),
                ledger=ledger,
                book=ledger.load_book(),
                portfolio=self.portfolio,
                gateway=self.gateway,
                guard=guard_in(ledger.path.parent, "anna"),
                now=self.now,
                ask_time=self.ask_time,
                own_held=lambda _: Decimal(0),
                strategy_may_order=lambda: self.loop.under_way,
                read_deferral=ReadDeferral(0.1),
                changed=self.change_signal.notify,
                announce=Announcements(self.change_signal.notify).announce,
                failed=self.failures.append,
            )
        )
        broker = KrakenBroker(self.gateway, self.portfolio, self.copier.positions.held)
        self.orders = RequestedOrders("anna", ledger, broker, self.now)
        self.strategy = strategy
        self.loop = StrategyRunner(
            name="wants", strategy=strategy, orders=self.orders, broker=broker, limits=LIMITS, now=self.now,
            change_signal=self.change_signal, ready=lambda: True, copying=lambda: self.copier.copies_open > 0,
        )  # fmt: skip
        self.servicer = AccountServicer(self)  # type: ignore[arg-type]  # a process's part that taking fills needs

    async def ask_time(self) -> None:
        """The exchange's time is what it was taken to be."""

    def now(self) -> float:
        """Goes on by itself, so that intervals pass without waiting."""
        self.clock += 0.0001
        return NOW + self.clock

    async def set_trading_mode(self, mode: types_pb2.TradingMode.ValueType) -> None:
        if mode == types_pb2.TRADING_MODE_OWN:
            self.loop.switch_on()
        else:
            await self.loop.off()

    def fill(self, side: Side) -> types_pb2.Fill:
        """The master of 1000 USD has traded 0.001 BTC; what it sells is all that it holds."""
        self.seq += 1
        return streamed_fill(self.seq, side, PAIR, self.now())

    def own(self) -> set[str]:
        """Client order ids of the strategy's orders."""
        rows = self.ledger._db.execute("SELECT cl_ord_id FROM order_ids WHERE copy_id = ''")
        return {cl_ord_id for (cl_ord_id,) in rows}


@asynccontextmanager
async def trading(ledger: Ledger, strategy: Wants, timing: Timing = USUAL) -> AsyncIterator[User]:
    user = User(ledger, strategy, timing)
    await user.portfolio.load()
    running = asyncio.create_task(user.loop.run())
    try:
        yield user
    finally:
        running.cancel()
        for task in user.copier._tasks.pending:
            task.cancel()


def round_trips(count: int | None = None) -> Callable[[Tick], Iterable[OrderIntent]]:
    """So many of them, or one after another for ever."""
    ever = itertools.cycle([BUY, SELL])
    left = ever if count is None else itertools.islice(ever, 2 * count)
    return lambda _: itertools.islice(left, 1)
