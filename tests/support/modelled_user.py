"""A user that copies a master of one coin while trading states are set and lifted, beside a model of what it
holds and owes; its process may die at each of its steps.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

from krakencopy.account_proc.contract.trading_states import TradingState
from krakencopy.account_proc.domain.quantities import Side
from tests.support.copying_user import streamed_fill
from tests.support.dying_user import NOT_SENT, Processes
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


class ModelledUser(Processes):
    """A user and its model."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.model = Model()
        self.seq = 0

    def send(self) -> None:
        if (self.ledger.cursor or 0) < self.seq:
            self.take(self.last)

    def take(self, side: Side) -> None:
        self.last = side
        self.user.copier.take_fills([streamed_fill(self.seq, side, "BTC/USD", self.user.now)])

    async def play(self, step: str, what: Any, dies_at: str) -> None:
        async with self.step(dies_at, restarts=step == "restart") as died:
            await self.do(step, what)
        self.count(step, what, died())
        self.model.rest()
        assert not self.user.failures
        assert Fraction(self.user.book.held("BTC").amount) == self.model.held
        assert Fraction(self.user.book.owed("BTC").amount) == self.model.owed

    async def do(self, step: str, what: Any) -> None:
        """``say`` a state, or a ``fill`` of one side."""
        if step == "say":
            say_state(self.path, what)
            self.model.state = self.exchange.state = what
            self.user.guard.look()
        elif step == "fill":
            self.seq += 1
            self.take(what)

    def count(self, step: str, what: Any, died_at: str) -> None:
        """What died before it was decided comes again at once."""
        if step == "fill" and what is Side.BUY:
            self.model.buy(arrives=died_at not in NOT_SENT[1:])
        elif step == "fill":
            self.model.sell()
