"""A strategy's orders: within its limits, exactly once, and never at the same time as copying."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from krakencopy.account_proc.contract.errors import ExchangeRefused, OutcomeUnknown
from krakencopy.account_proc.contract.spec import CopyRules, Tier
from krakencopy.account_proc.contract.trading_states import TradingState
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
from krakencopy.v1 import account_pb2, types_pb2
from tests.support.account_specs import guard_in, states_file_in
from tests.support.copying import NOW
from tests.support.copying_user import streamed_fill
from tests.support.scripted_kraken import ScriptedKraken, execution, run, until
from tests.support.trading_states import say_state

PAIR = "BTC/USD"
BUY = OrderIntent(pair=PAIR, side=Side.BUY, volume=Decimal("0.0001"))
SELL = OrderIntent(pair=PAIR, side=Side.SELL, share=Decimal(1))
USUAL = Timing(deadline=5.0, retry=0.0005)
#: Of an order whose answer is lost: it can be looked for at once.
AT_ONCE = Timing(deadline=0.001, margin=0.0, visibility_lag=0.001, poll=0.0, retry=0.001)
LIMITS = RiskLimits(risk=Decimal("0.10"), slippage_bps=50)

# -- the loop ----------------------------------------------------------------------------------------------


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


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with closing(Ledger(tmp_path / "anna.db", "anna")) as opened:
        yield opened


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


def test_a_loop_trades_only_while_it_is_switched_on_and_tells_its_strategy(ledger: Ledger) -> None:
    async def steps() -> None:
        async with trading(ledger, Wants(round_trips(1))) as user:
            await asyncio.sleep(0.01)
            assert (user.kraken.sent, user.strategy.told) == ([], [])
            user.loop.switch_on()
            await until(lambda: len(user.strategy.told) == 3)
            start, bought, sold = user.strategy.told
            assert (start, bought.side, bought.volume, sold.side) == (
                "start",
                Side.BUY,
                BUY.volume,
                Side.SELL,
            )
            assert user.orders.positions() == {}
            await user.loop.off()
            assert not user.loop.on
            await until(lambda: user.strategy.told[3:] == [StopReason.COPYING])

    run(steps())


def test_a_strategy_that_raises_is_off_for_good_and_says_why(ledger: Ledger) -> None:
    def raising(_: Tick) -> Iterable[OrderIntent]:
        raise ZeroDivisionError("an average of nothing")

    async def steps() -> None:
        async with trading(ledger, Wants(raising)) as user:
            user.loop.switch_on()
            await until(lambda: bool(user.loop.failure))
            assert "an average of nothing" in user.loop.to_proto().failure
            await user.loop.off()
            user.loop.switch_on()
            await asyncio.sleep(0.01)
            assert (user.strategy.told, user.loop.on) == (["start"], False)

    run(steps())


def test_a_pair_that_is_not_listed_switches_the_strategy_off_and_names_it(ledger: Ledger) -> None:
    async def steps() -> None:
        async with trading(ledger, Wants(pairs=("NO/PE",))) as user:
            user.loop.switch_on()
            await until(lambda: "NO/PE" in user.loop.failure)

    run(steps())


def test_an_order_that_is_refused_is_told_and_the_strategy_goes_on(ledger: Ledger) -> None:
    async def steps() -> None:
        async with trading(ledger, Wants(round_trips(2))) as user:
            user.kraken.next["AddOrder"] = [ExchangeRefused("AddOrder", ("EOrder:Insufficient funds",))]
            user.loop.switch_on()
            await until(
                lambda: len([told for told in user.strategy.told if told != "start"]) == 2
            )  # the second trip
            assert user.loop.orders_sent == 3

    run(steps())


def test_an_order_whose_answer_was_lost_is_looked_for_and_never_sent_again(ledger: Ledger) -> None:
    async def steps() -> None:
        once = iter([BUY])
        async with trading(ledger, Wants(lambda _: itertools.islice(once, 1)), AT_ONCE) as user:
            user.kraken.next["AddOrder"] = [OutcomeUnknown("AddOrder", "timeout")]
            found = {
                "O9": {
                    "descr": {"pair": "XBTUSD", "type": "buy", "order": "buy"},
                    "status": "closed",
                    "vol": "0.0001",
                    "vol_exec": "0.0001",
                    "cost": "5",
                    "fee": "0",
                    "price": "50000",
                    "opentm": NOW,
                    "oflags": "fciq",
                }
            }
            user.kraken.always["ClosedOrders"] = {"closed": found, "count": 1}
            user.loop.switch_on()
            await until(lambda: user.orders.position(PAIR).volume == BUY.volume)
            assert (user.kraken.times_asked("AddOrder"), user.loop.orders_sent) == (1, 1)

    run(steps())


def test_a_live_order_of_an_earlier_process_is_settled_before_the_strategy_begins(ledger: Ledger) -> None:
    async def steps() -> None:
        async with trading(ledger, Wants(round_trips(1))) as user:
            user.kraken.held["AddOrder"] = asyncio.Event()
            user.loop.switch_on()
            await until(lambda: bool(ledger.live_requested_orders()))
        (left,) = ledger.live_requested_orders()
        # Until its deadline is over, nobody may copy.
        async with trading(ledger, Wants()) as user:
            switching = asyncio.create_task(user.loop.off())
            await asyncio.sleep(0.01)
            assert not switching.done()
            user.clock = 100.0
            user.change_signal.notify()
            await until(switching.done)
        # It had reached the exchange all the same, and the next process asks for it.
        async with trading(ledger, Wants()) as user:
            found = {
                "O1": {
                    "descr": {"pair": "XBTUSD", "type": "buy", "order": "buy"},
                    "status": "closed",
                    "vol": "0.0001",
                    "vol_exec": "0.0001",
                    "cost": "5",
                    "fee": "0",
                    "price": "50000",
                    "opentm": NOW,
                    "oflags": "fciq",
                    "cl_ord_id": left.cl_ord_id,
                }
            }
            user.kraken.always["ClosedOrders"] = {"closed": found, "count": 1}
            user.clock = 1000.0
            user.loop.switch_on()
            await until(lambda: "start" in user.strategy.told)
            assert user.orders.position(PAIR).volume == Decimal("0.0001")
            assert ledger.live_requested_orders() == []

    run(steps())


def test_what_a_strategy_wants_at_an_orderly_end_is_ordered_and_at_the_masters_return_it_is_not(
    ledger: Ledger,
) -> None:
    async def steps() -> None:
        for stops, orders in ((True, ["buy", "sell"]), (False, ["buy"])):
            once = iter([BUY])
            strategy = Wants(lambda _, once=once: list(itertools.islice(once, 1)), at_stop=(SELL,))  # type: ignore[misc]  # a default
            async with trading(ledger, strategy) as user:
                user.loop.switch_on()
                await until(lambda user=user: not user.loop.under_way and user.orders.positions())  # type: ignore[misc]  # a default
                await (user.loop.stop() if stops else user.loop.off())
                why = StopReason.SHUTDOWN if stops else StopReason.COPYING
                await until(lambda user=user, why=why: why in user.strategy.told)  # type: ignore[misc]  # defaults
                assert [order["type"] for order in user.kraken.sent] == orders

    run(steps())


# -- never both --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(2))
def test_through_hundreds_of_flaps_copying_and_the_strategy_never_trade_at_the_same_time(
    ledger: Ledger, seed: int
) -> None:
    dice = random.Random(seed)  # noqa: S311 - a test's

    async def steps() -> None:
        endless = Wants(round_trips())
        async with trading(ledger, endless) as user:
            user.kraken.dice, user.kraken.refuses = dice, 0.4
            #: Of each request in the supervisor's stream: what was taken, and which orders had begun by then.
            taken: list[tuple[str, int]] = []

            async def requests() -> AsyncIterator[account_pb2.CopyFillsRequest]:
                for _ in range(150):
                    yield account_pb2.CopyFillsRequest(trading_mode=types_pb2.TRADING_MODE_OWN)
                    taken.append(("own", len(user.kraken.log)))
                    for _ in range(dice.choice((0, 1, 5, 300))):
                        await asyncio.sleep(0)
                    yield account_pb2.CopyFillsRequest(trading_mode=types_pb2.TRADING_MODE_COPYING)
                    taken.append(("copying", len(user.kraken.log)))
                    for _ in range(dice.choice((0, 0, 1, 2))):
                        side = dice.choice((Side.BUY, Side.SELL))
                        yield account_pb2.CopyFillsRequest(fills=[user.fill(side)])
                        for _ in range(dice.choice((0, 3, 20))):
                            await asyncio.sleep(0)

            converging = asyncio.create_task(user.copier.sell_owed_exits(user.change_signal))
            await user.servicer._read_requests(user.copier, requests())
            await until(lambda: not user.copier.copies_open)
            converging.cancel()
            assert user.failures == []
            own, under_way = user.own(), set[str]()
            kinds = set()
            for what, cl_ord_id in user.kraken.log:
                if what == "begin":
                    assert not under_way, "two orders at the same time"
                    under_way.add(cl_ord_id)
                    kinds.add(cl_ord_id in own)
                else:
                    under_way.remove(cl_ord_id)
            assert kinds == {True, False}, "a test in which only one of them trades proves nothing"
            # After the switch to copying was taken, no order of the strategy begins until the next switch
            # back.
            for (mode, begin), (_, end) in zip(taken, [*taken[1:], ("", len(user.kraken.log))], strict=True):
                if mode == "copying":
                    begun = [id_ for what, id_ in user.kraken.log[begin:end] if what == "begin"]
                    assert not own.intersection(begun)

    run(steps())


def test_switching_off_waits_for_the_order_that_is_under_way_but_not_for_ever(ledger: Ledger) -> None:
    async def steps() -> None:
        async with trading(ledger, Wants(round_trips(1))) as user:
            held = user.kraken.held["AddOrder"] = asyncio.Event()
            user.loop.switch_on()
            await until(lambda: user.loop.under_way)
            switching = asyncio.create_task(user.loop.off())
            await asyncio.sleep(0.01)
            assert not switching.done()
            user.clock += 1000.0  # its deadline is over, and the exchange may not act on it any more
            user.change_signal.notify()
            await until(switching.done)
            held.set()

    run(steps())


def test_an_order_that_trading_states_refuse_is_told_and_not_asked_for_again_and_again(
    ledger: Ledger,
) -> None:
    async def steps() -> None:
        async with trading(ledger, Wants(round_trips())) as user:
            path = states_file_in(ledger.path.parent)
            user.orders._may_leave = guard_in(ledger.path.parent, "anna").gate.check
            say_state(path, TradingState.HALTED)
            user.loop.switch_on()
            await until(lambda: "is HALTED since" in user.loop.last)
            assert user.loop.orders_sent >= 1
            assert (user.kraken.sent, user.loop.failure) == ([], "")
            say_state(path, TradingState.ACTIVE)
            await until(lambda: len(user.kraken.sent) > 0)

    run(steps())
