"""A user that copies, with all that is real but the exchange: what tests of the copier's parts begin with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from krakencopy.account_proc.contract.copy_state import CopyState
from krakencopy.account_proc.contract.errors import ExchangeError, OutcomeUnknown
from krakencopy.account_proc.contract.proto_time import timestamp
from krakencopy.account_proc.contract.spec import CopyRules, Tier
from krakencopy.account_proc.copying.copier import Copier
from krakencopy.account_proc.copying.copy_context import CopyContext
from krakencopy.account_proc.domain.copy_record import PB_SIDE, CopyRecord
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.kraken.rest import rate_limits as limits_module
from krakencopy.account_proc.kraken.rest.rate_limits import AccountLimits, TierLimits
from krakencopy.account_proc.notices.announcements import Announcements
from krakencopy.account_proc.runtime.change_signal import ChangeSignal
from krakencopy.account_proc.runtime.read_deferral import ReadDeferral
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.account_proc.trading.order_gateway import OrderGateway
from krakencopy.account_proc.trading.portfolio import Portfolio
from krakencopy.account_proc.trading.timing import Timing
from krakencopy.v1 import types_pb2 as pb
from tests.support.account_specs import guard_in, states_file_in
from tests.support.copying import NOW
from tests.support.scripted_kraken import NOWHERE, ScriptedKraken, execution, run, until

#: Quick, but with the bounds of a live market.
TIMING = Timing(deadline=5.0, retry=0.01)


def streamed_fill(
    seq: int, side: Side, pair: str, executed_at: float, *, order_id: str = "", master_position: str = ""
) -> pb.Fill:
    """The master of 1000 USD has traded 0.001 of a pair at 50000, by an order of its own; a sale is all that
    it held, unless said otherwise. ``executed_at`` in Unix seconds.
    """
    return pb.Fill(
        seq=seq,
        exec_id=f"M{seq}",
        order_id=order_id or f"MO{seq}",
        pair=pair,
        side=PB_SIDE[side],
        price="50000",
        volume="0.001",
        master_equity="1000",
        master_cash="1000",
        master_position=master_position or ("0.001" if side is Side.SELL else "0"),
        executed_at=timestamp(executed_at),
    )


class Kraken(ScriptedKraken):
    """Fills every order at once, and remembers public calls too."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.every: list[str] = []
        self.gateway: OrderGateway | None = None
        self.sent: list[dict[str, str]] = []
        #: What orders are filled at.
        self.price = "50000"
        self.always |= {"Balance": {"ZUSD": "100"}, "AddOrder": self._fill}

    def answer_public(self, method: str, params: dict[str, str]) -> Any:
        self.every.append(method)
        return super().answer_public(method, params)

    def answer_private(self, method: str, params: dict[str, str]) -> Any:
        self.every.append(method)
        return super().answer_private(method, params)

    def _fill(self, params: dict[str, str]) -> Any:
        self.sent.append(params)
        number = len(self.sent)
        assert self.gateway is not None
        told = execution(
            order_id=f"O{number}", cl_ord_id=params["cl_ord_id"], exec_id=f"T{number}", qty=params["volume"],
            side=Side(params["type"]), price=self.price,
        )  # fmt: skip
        asyncio.get_running_loop().call_soon(self.gateway.count_executions, [told])
        return {"descr": {"order": "an order"}, "txid": [f"O{number}"]}


class User:
    """A user's copier, with all that is real but the exchange."""

    def __init__(self, ledger: Ledger, limits: AccountLimits, rules: CopyRules | None = None) -> None:
        self.ledger = ledger
        self.now = NOW
        self.seq = 0
        self.change_signal = ChangeSignal()
        self.strategy_orders = False
        self.failures: list[BaseException] = []
        #: What the exchange's answer to what time it is does, if anything.
        self.ask_time: Callable[[], Awaitable[None]] | None = None
        self.kraken = Kraken(limits=limits)
        exchange = self.kraken.exchange
        self.gateway = self.kraken.gateway = OrderGateway(exchange, lambda: self.now, TIMING)
        self.portfolio = Portfolio(exchange, lambda: None, lambda: self.now, 1.0)
        self.read_deferral = ReadDeferral(0.1)
        self.states_path = states_file_in(ledger.path.parent)
        self.guard = guard_in(ledger.path.parent, "anna", self.change_signal.notify)
        if ledger.cursor is None:
            ledger.join("a journal", 0)
        self.book = ledger.load_book()
        self.announcements = Announcements(self.change_signal.notify)
        self.context = CopyContext(
            account_id="anna",
            rules=rules or CopyRules(),
            ledger=ledger,
            book=self.book,
            portfolio=self.portfolio,
            gateway=self.gateway,
            guard=self.guard,
            now=lambda: self.now,
            ask_time=self.make_sure_of_time,
            own_held=lambda _: Decimal(0),
            strategy_may_order=lambda: self.strategy_orders,
            read_deferral=self.read_deferral,
            changed=self.change_signal.notify,
            announce=self.announcements.announce,
            failed=self.failures.append,
        )
        self.copier = Copier(self.context)
        self.kraken.gate = self.guard.gate
        self.exits = self.copier._owed_exits._exits
        self._loops: list[asyncio.Task[None]] = []

    async def make_sure_of_time(self) -> None:
        """Asks the exchange."""
        if self.ask_time is not None:
            await self.ask_time()

    def fill(self, side: Side = Side.BUY) -> None:
        """The master of 1000 USD has traded 0.001 BTC; what it sells is all that it holds."""
        self.copier.take_fills([self.made(side)])

    def made(self, side: Side, pair: str = "BTC/USD", executed_at: float | None = None) -> pb.Fill:
        """The next fill of the master; ``executed_at`` by the exchange's clock (Unix seconds), else now."""
        self.seq += 1
        return streamed_fill(self.seq, side, pair, self.now if executed_at is None else executed_at)

    @property
    def copies(self) -> list[CopyRecord]:
        return sorted(self.ledger.copies_after(0, 100), key=lambda copy: copy.received_at)

    def copy(self, number: int = 1) -> CopyRecord:
        found = self.ledger.copy(f"c{number}")
        assert found is not None
        return found

    def start_selling(self) -> None:
        """From now on what is owed is sold, as in its process."""
        self._loops.append(asyncio.create_task(self.copier.sell_owed_exits(self.change_signal)))

    def start_asking(self) -> None:
        """From now on it is asked for ends of orders, as in its process."""
        self._loops.append(asyncio.create_task(self.gateway.ask_for_ends()))

    async def done(self) -> None:
        await until(lambda: not self.copier.copies_open)
        assert self.failures == []
        assert not any(loop.done() for loop in self._loops)

    def end(self) -> list[asyncio.Future[Any]]:
        """Nothing of it goes on; what was still running is cancelled, and the value."""
        running: list[asyncio.Future[Any]] = [*self._loops, *self.copier._tasks.pending]
        for task in running:
            task.cancel()
        return running

    async def refuse_exit(self, *errors: ExchangeError) -> None:
        """The master sells, and the exchange refuses the user's exit so; once for each of these."""
        self.kraken.next["AddOrder"] = [*errors]
        self.fill(Side.SELL)
        await self.done()

    async def lose_order(self, side: Side = Side.BUY) -> None:
        """The master trades, and the user's order never arrives, with no answer that says so."""
        self.kraken.next["AddOrder"] = [OutcomeUnknown("AddOrder", "cut")]
        self.kraken.always |= NOWHERE
        self.fill(side)
        await until(lambda: self.copies[-1].state is CopyState.UNKNOWN)

    async def tried(self, left: int) -> None:
        """Waits until there are fewer answers left for orders than these."""
        await until(lambda: len(self.kraken.next["AddOrder"]) < left)

    async def pauses_of_exits(self) -> list[float]:
        """How long (s) each next try of an exit of BTC/USD waited, while there were refusals left for it;
        then it is sold.
        """
        self.start_selling()
        pauses: list[float] = []
        while left := len(self.kraken.next["AddOrder"]):
            pauses.append(self.exits.not_before("BTC/USD") - self.now)
            self.now += pauses[-1]
            await self.tried(left)
            await self.done()
        self.now += 60
        await until(lambda: self.copier.positions.to_proto() == [])
        return pauses


Step = Callable[[User], Awaitable[None]]


@asynccontextmanager
async def copying(
    ledger: Ledger, limits: AccountLimits | None = None, rules: CopyRules | None = None
) -> AsyncIterator[User]:
    user = User(ledger, AccountLimits(Tier.STARTER) if limits is None else limits, rules)
    await user.portfolio.load()
    user.kraken.every.clear()
    user.copier._flatten.begin()
    user.copier._limit_flatten.begin()
    user.copier._asked_fills.begin()
    yield user
    user.end()


@asynccontextmanager
async def process_in(folder: Path, rules: CopyRules | None = None) -> AsyncIterator[User]:
    """A process of a user whose ledger is in this folder; another one may follow it there."""
    with closing(Ledger(folder / "anna.db", "anna")) as ledger:
        async with copying(ledger, rules=rules) as user:
            yield user


def played_in_turn(
    folder: Path, first: Step, then: Step, rules: CopyRules | None = None, *, restart: bool
) -> None:
    """Two steps of a user, of one process or of two."""

    async def begin() -> None:
        async with process_in(folder, rules) as user:
            await first(user)
            if not restart:
                await then(user)

    async def go_on() -> None:
        async with process_in(folder, rules) as user:
            user.seq = user.ledger.cursor or 0
            user.copier.recover_unfinished()
            await then(user)

    run(begin())
    if restart:
        run(go_on())


def fills(*what: tuple[Side, str], after: int = 0) -> list[pb.Fill]:
    """The master of 1000 USD trades 0.001 of each, by one order a pair and side; a sale is a tenth of what
    it holds.
    """
    return [
        streamed_fill(seq, side, pair, NOW, order_id=f"{side} {pair}", master_position="0.01")
        for seq, (side, pair) in enumerate(what, start=after + 1)
    ]


def one_order_each(monkeypatch: pytest.MonkeyPatch, wait_s: float) -> None:
    """A tier in which a pair takes one order, and another after so many seconds."""
    tier = TierLimits(rest_limit=15.0, rest_decay=0.33, order_limit=1.0, order_decay=1 / wait_s)
    monkeypatch.setitem(limits_module.TIERS, Tier.STARTER, tier)
