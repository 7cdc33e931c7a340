"""A user is brought to the master's positions once for each sync, whatever ends its process and whatever the
master does meanwhile: against a model in fractions.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from hypothesis import example, given, settings
from hypothesis import strategies as st

from krakencopy.account_proc.contract.spec import Tier
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.kraken.rest.rate_limits import AccountLimits
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.account_proc.trading import order_gateway
from krakencopy.v1 import types_pb2 as pb
from tests.support.account_specs import states_file_in
from tests.support.copying_user import TIMING, User, streamed_fill
from tests.support.dying_user import NOT_SENT, PLACES, Died, Exchange, dying_at
from tests.support.scripted_kraken import run, until
from tests.support.sync_orders import RULES, sync_order


class World:
    """One user's processes, one after another, and the supervisor that sends fills and syncs again."""

    def __init__(self, folder: Path) -> None:
        self.path, self.folder = states_file_in(folder), folder
        self.exchange = Exchange()
        self.now = 0.0
        self.fills: list[pb.Fill] = []
        self.master = Decimal("0.008")  # before the user joined
        self.syncs = 0
        #: What the user holds; None once a process has died with an entry that may not have left.
        self.held: Fraction | None = Fraction(0)
        self.tasks: list[asyncio.Task[Any]] = []

    @property
    def target(self) -> Fraction:
        return Fraction(self.master) / 10

    async def start(self) -> None:
        self.ledger = Ledger(self.folder / "anna.db", "anna")
        self.user = User(self.ledger, AccountLimits(Tier.UNLIMITED), RULES)
        self.user.now = max(self.now, self.user.now)
        self.user.gateway.timing = replace(TIMING, poll=0.0)
        self.exchange.attach(self.user)
        await self.user.portfolio.load()
        self.tasks = [
            asyncio.create_task(self.user.gateway.ask_for_ends()),
            asyncio.create_task(self.user.copier.sell_owed_exits(self.user.change_signal)),
        ]
        if self.ledger.open_copies():
            self.user.now += 1000.0
        self.user.copier.recover_unfinished()
        self.send()
        await self.rest()

    async def end(self) -> None:
        for task in (*self.tasks, *self.user.copier._tasks.pending):
            task.cancel()
            with suppress(asyncio.CancelledError, Died):
                await task
        self.now = self.user.now
        self.ledger.close()

    def send(self) -> None:
        """All that the ledger lacks, fills first: a sync is as of the journal's end when it is sent."""
        cursor = self.ledger.cursor or 0
        if self.fills[cursor:]:
            for fill in self.fills[cursor:]:
                fill.executed_at.FromSeconds(int(self.user.now))
            self.user.copier.take_fills(self.fills[cursor:])
        if self.syncs > self.ledger.synced:
            volume = format(self.master, "f")
            self.user.copier.take_sync(sync_order(volume, self.syncs, len(self.fills)))

    async def rest(self) -> None:
        def is_at_rest() -> bool:
            return not self.user.copier.copies_open and not self.user.book.owed("BTC").amount

        await until(lambda: bool(self.user.failures) or is_at_rest())

    def trade(self, side: Side) -> None:
        """The master buys 0.002, or sells half; all when that is little."""
        before = self.master
        volume = Decimal("0.002") if side is Side.BUY else before / 2 if before > Decimal("0.003") else before
        self.master += volume if side is Side.BUY else -volume
        fill = streamed_fill(len(self.fills) + 1, side, "BTC/USD", self.user.now)
        fill.volume, fill.journal_position = format(volume, "f"), format(before, "f")
        fill.journal_position_after = fill.master_position = format(self.master, "f")
        fill.master_position = fill.journal_position
        self.fills.append(fill)
        if self.held is not None:
            self.held = (
                self.held + Fraction(volume) / 10
                if side is Side.BUY
                else self.held * (1 - Fraction(volume) / Fraction(before))
            )

    def sync(self) -> None:
        self.syncs += 1
        near = self.held is not None and abs(self.held - self.target) <= self.target / 20
        self.held = self.held if near else self.target

    async def play(self, steps: str, dies_at: str) -> None:
        """Some steps without a pause between them. ``s``: a sync, ``b`` and ``x``: the master trades."""
        with dying_at(dies_at) as died:
            with suppress(Died):
                for step in steps:
                    if step == "s":
                        self.sync()
                    elif step != "x" or self.master:
                        self.trade(Side.BUY if step == "b" else Side.SELL)
                    if not died():
                        self.send()
                await self.rest()
            where = died()
            if where:
                await self.end()
        if where:
            # What was to be bought and had not left, or waited behind what had, is too old for the next one.
            if where in NOT_SENT[1:] or "b" in steps or len(steps) > 1:
                self.held = None
            await self.start()
        assert not self.user.failures
        held = Fraction(self.user.book.held("BTC").amount)
        lots = Fraction(len(self.fills) + 2, 10**8)
        assert held <= self.target + lots  # nothing is ever counted twice
        if self.held is not None:
            assert abs(held - self.held) <= lots
        self.held = held if self.held is not None else None


PLAYED = st.lists(
    st.tuples(
        st.sampled_from(["s", "b", "x", "sb", "sx", "bs", "xs", "sxb", "bsx", "ss"]),
        st.sampled_from(["", "", "after_sync_taken", *PLACES]),
    ),
    max_size=6,
)


@settings(deadline=None, max_examples=25)
@given(PLAYED)
@example([("s", "before_intent")])
@example([("sx", "after_sync_taken")])
@example([("b", ""), ("xs", "after_acknowledged")])
def test_what_the_master_does_meanwhile_is_counted_once_and_no_sync_is_done_twice(
    steps: list[tuple[str, str]],
) -> None:
    async def play(folder: Path) -> None:
        world = World(folder)
        await world.start()
        for step, dies_at in steps:
            await world.play(step, dies_at)
        world.held = None
        await world.play("s", "")
        held = Fraction(world.user.book.held("BTC").amount)
        assert world.target * Fraction(19, 20) - Fraction(1, 10**7) <= held
        assert world.ledger.sync_items() == []
        await world.end()
        orders = world.exchange.orders.values()
        signed = ((1 if each["type"] == "buy" else -1) * Fraction(each["volume"]) for each in orders)
        assert sum(signed) == held

    with TemporaryDirectory() as made, patch.object(order_gateway, "LOOK_AT_CLOCK_S", 0.001):
        run(play(Path(made)))
