"""A user's process that dies at one of its steps, and the exchange that its orders have reached by then."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from krakencopy.account_proc.contract.spec import CopyRules, Tier
from krakencopy.account_proc.contract.trading_states import TradingState
from krakencopy.account_proc.kraken.rest.rate_limits import AccountLimits
from krakencopy.account_proc.runtime import failpoint
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.account_proc.trading import order_gateway
from tests.support.account_specs import states_file_in
from tests.support.copying_user import TIMING, User
from tests.support.scripted_kraken import order_row, run, until

#: Before and after each durable step and each network step of one copy; the names are those in account_proc.
PLACES = (
    "before_intent", "after_intent", "before_send", "after_send", "after_acknowledged", "before_settled",
    "after_settled",
)  # fmt: skip
#: Where a process may die before its order has left.
NOT_SENT = PLACES[:3]


class Died(Exception):
    """The process ended here."""


class Exchange:
    """Orders that arrived, whatever became of the process that sent them; each with the state of then."""

    def __init__(self) -> None:
        self.orders: dict[str, dict[str, str]] = {}
        self.seen: list[tuple[str, TradingState]] = []
        self.state = TradingState.ACTIVE

    def attach(self, user: User) -> None:
        fill = user.kraken._fill

        def take(params: dict[str, str]) -> Any:
            self.seen.append((params["type"], self.state))
            self.orders[params["cl_ord_id"]] = params
            return fill(params)

        user.kraken.sent = [*self.orders.values()]
        user.kraken.always |= {
            "AddOrder": take,
            "OpenOrders": {"open": {}},
            "ClosedOrders": lambda params: {
                "closed": self.rows([params["cl_ord_id"]]), "count": params["cl_ord_id"] in self.orders
            },
            "QueryOrders": lambda params: self.by_id(params["txid"].split(",")),
        }  # fmt: skip

    def by_id(self, order_ids: list[str]) -> dict[str, Any]:
        return {key: row for key, row in self.rows(list(self.orders)).items() if key in order_ids}

    def rows(self, cl_ord_ids: list[str]) -> dict[str, Any]:
        """As the exchange has them on record: filled at once."""
        found = {}
        for number, (cl_ord_id, params) in enumerate(self.orders.items(), start=1):
            if cl_ord_id in cl_ord_ids:
                descr = {"pair": "XBTUSD", "type": params["type"], "order": "an order"}
                found[f"O{number}"] = order_row(
                    "closed", params["volume"], params["volume"], fee="0", descr=descr, cl_ord_id=cl_ord_id
                )
        return found

    @property
    def bought(self) -> Fraction:
        """All that was bought, less what was sold."""
        return sum(
            (
                (1 if each["type"] == "buy" else -1) * Fraction(each["volume"])
                for each in self.orders.values()
            ),
            Fraction(0),
        )


@contextmanager
def dying_at(place: str) -> Iterator[Any]:
    """The process dies when it comes there first; where it did is what the value says afterwards."""
    reached: list[str] = []

    def reach(_: str, at: str) -> None:
        if at == place and not reached:
            reached.append(at)
            raise Died

    with patch.object(failpoint, "reach", reach):
        yield lambda: "".join(reached)


class Processes(ABC):
    """One user's processes, one after another in one folder. Nobody waits for a clock: where the feed is
    silent, the exchange is asked at once.
    """

    def __init__(self, folder: Path, rules: CopyRules | None = None) -> None:
        self.path, self.folder = states_file_in(folder), folder
        self.rules = rules
        self.exchange = Exchange()
        self.now = 0.0

    async def start(self) -> None:
        """A process; it looks for what the one before may have sent, however long ago that is."""
        self.ledger = Ledger(self.folder / "anna.db", "anna")
        self.user = User(self.ledger, AccountLimits(Tier.UNLIMITED), self.rules)
        self.user.now = max(self.now, self.user.now)
        self.user.gateway.timing = replace(TIMING, poll=0.0)
        self.exchange.attach(self.user)
        await self.user.portfolio.load()
        self.user.guard.look()
        self.user.start_asking()
        self.user.start_selling()
        if self.ledger.open_copies():
            self.user.now += 1000.0
        self.user.copier.recover_unfinished()
        self.send()
        await self.rest()

    @abstractmethod
    def send(self) -> None:
        """What the supervisor sends, again where need be: all that the ledger lacks."""

    async def end(self) -> None:
        for task in self.user.end():
            with suppress(asyncio.CancelledError, Died):
                await task
        self.now = self.user.now
        self.ledger.close()

    async def rest(self) -> None:
        """Until nothing is on its way, and nothing is owed that may be sold."""
        await until(lambda: bool(self.user.failures) or self.is_at_rest())

    def is_at_rest(self) -> bool:
        owed = self.user.book.owed("BTC").amount
        return not self.user.copier.copies_open and (not owed or self.exchange.state is TradingState.HALTED)

    @asynccontextmanager
    async def step(self, dies_at: str, *, restarts: bool = False) -> AsyncIterator[Callable[[], str]]:
        """A step, up to its end, in a process that may die there; then another process begins, or where
        asked. Where it died is what the value says afterwards.
        """
        with dying_at(dies_at) as died:
            with suppress(Died):
                yield died
                await self.rest()
            if died() or restarts:
                await self.end()
        if died() or restarts:
            await self.start()


def played(play: Callable[[Path], Awaitable[None]]) -> None:
    """In a folder of its own, by a clock that is looked at all the time."""
    with TemporaryDirectory() as made, patch.object(order_gateway, "LOOK_AT_CLOCK_S", 0.001):
        run(play(Path(made)))
