"""Trading states against an independent model: states that are set and lifted while fills come, and a process
that dies at each of its steps and is followed by another one.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from krakencopy.account_proc.contract.spec import Tier
from krakencopy.account_proc.contract.trading_states import TradingState
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.kraken.rest.rate_limits import AccountLimits
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.account_proc.trading import order_gateway
from tests.support.account_specs import states_file_in
from tests.support.copying_user import TIMING, User, streamed_fill
from tests.support.dying_user import NOT_SENT, PLACES, Died, Exchange, dying_at
from tests.support.scripted_kraken import run, until
from tests.support.trading_states import say_state

ACTIVE, REDUCING, HALTED = TradingState
#: What a user of 100 dollars buys with a master of 1000 that buys 0.001.
UNIT = Fraction(1, 10_000)


class Model:
    """What is held, what of it is owed, and what may leave."""

    def __init__(self) -> None:
        self.held = self.owed = Fraction(0)
        self.state = ACTIVE

    def buy(self, *, arrives: bool) -> None:
        """An entry that does not arrive before its process dies is too old for the next one."""
        if self.state is ACTIVE and arrives:
            self.held += UNIT

    def sell(self) -> None:
        self.owed = self.held
        self.rest()

    def rest(self) -> None:
        """What is owed is sold as soon as it may."""
        if self.state is not HALTED:
            self.held -= self.owed
            self.owed = Fraction(0)


class World:
    """One user's processes, one after another, in one folder."""

    def __init__(self, folder: Path) -> None:
        self.path, self.folder = states_file_in(folder), folder
        self.exchange, self.model = Exchange(), Model()
        self.seq, self.now = 0, 0.0
        self.untaken: list[Side] = []
        self.tasks: list[asyncio.Task[Any]] = []

    async def start(self) -> None:
        """A process; it looks for what the one before may have sent, however long ago that is."""
        self.ledger = Ledger(self.folder / "anna.db", "anna")
        cursor = self.ledger.cursor
        self.user = User(self.ledger, AccountLimits(Tier.UNLIMITED))
        if cursor is not None:
            self.ledger.commit(cursor=(cursor, f"M{cursor}"))
        self.user.now = max(self.now, self.user.now)
        # Nobody waits for a clock: where the feed is silent, the exchange is asked at once.
        self.user.gateway.timing = replace(TIMING, poll=0.0)
        self.exchange.attach(self.user)
        await self.user.portfolio.load()
        self.user.guard.look()
        self.tasks = [
            asyncio.create_task(self.user.gateway.ask_for_ends()),
            asyncio.create_task(self.user.copier.sell_owed_exits(self.user.change_signal)),
        ]
        if self.ledger.open_copies():
            self.user.now += 1000.0
        self.user.copier.recover_unfinished()
        if (self.ledger.cursor or 0) < self.seq:
            self.take(self.last)
        await self.rest()

    async def end(self) -> None:
        for task in (*self.tasks, *self.user.copier._tasks.pending):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        self.now = self.user.now
        self.ledger.close()

    def take(self, side: Side) -> None:
        self.last = side
        self.user.copier.take_fills([streamed_fill(self.seq, side, "BTC/USD", self.user.now)])

    async def rest(self) -> None:
        """Until nothing is on its way, and nothing is owed that may be sold."""
        await until(lambda: bool(self.user.failures) or self.is_at_rest())

    def is_at_rest(self) -> bool:
        owed = self.user.book.owed("BTC").amount
        return not self.user.copier.copies_open and (not owed or self.model.state is HALTED)

    async def play(self, step: str, what: Any, dies_at: str) -> None:
        with dying_at(dies_at) as died:
            with suppress(Died):
                if step == "say":
                    say_state(self.path, what)
                    self.model.state = self.exchange.state = what
                    self.user.guard.look()
                elif step == "fill":
                    self.seq += 1
                    self.take(what)
                await self.rest()
            if (where := died()) or step == "restart":
                await self.end()
        if where or step == "restart":
            await self.start()
        if step == "fill" and what is Side.BUY:
            # What died before it was decided comes again at once.
            self.model.buy(arrives=where not in NOT_SENT[1:])
        elif step == "fill":
            self.model.sell()
        self.model.rest()
        assert not self.user.failures
        assert Fraction(self.user.book.held("BTC").amount) == self.model.held
        assert Fraction(self.user.book.owed("BTC").amount) == self.model.owed


STEPS = st.lists(
    st.tuples(
        st.one_of(
            st.tuples(st.just("say"), st.sampled_from(TradingState)),
            st.tuples(st.just("fill"), st.sampled_from([Side.BUY, Side.BUY, Side.SELL])),
            st.tuples(st.just("restart"), st.none()),
        ),
        st.sampled_from(["", "", *PLACES]),
    ),
    max_size=10,
)


@settings(deadline=None, max_examples=80)
@given(STEPS)
def test_nothing_leaves_against_a_state_and_all_that_is_owed_is_sold_once_it_is_lifted(
    steps: list[tuple[tuple[str, Any], str]],
) -> None:
    async def play(folder: Path) -> None:
        world = World(folder)
        await world.start()
        for (step, what), dies_at in steps:
            await world.play(step, what, dies_at)
        await world.play("say", ACTIVE, "")
        assert world.model.owed == 0
        await world.end()
        for side, state in world.exchange.seen:
            assert state is not HALTED
            assert state is ACTIVE or side == "sell"
        orders = world.exchange.orders.values()
        signed = ((1 if order["type"] == "buy" else -1) * Fraction(order["volume"]) for order in orders)
        assert sum(signed) == world.model.held

    with TemporaryDirectory() as made, patch.object(order_gateway, "LOOK_AT_CLOCK_S", 0.001):
        run(play(Path(made)))
