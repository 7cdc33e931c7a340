"""A user is brought to the master's positions once for each sync, whatever ends its process and whatever the
master does meanwhile: against a model in fractions.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from krakencopy.account_proc.domain.quantities import Side
from krakencopy.v1 import types_pb2 as pb
from tests.support.copying_user import streamed_fill
from tests.support.dying_user import NOT_SENT, PLACES, Processes, played
from tests.support.sync_orders import RULES, sync_order


class SyncedUser(Processes):
    """A user and the supervisor that sends fills and syncs again."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, RULES)
        self.fills: list[pb.Fill] = []
        self.master = Decimal("0.008")  # before the user joined
        self.syncs = 0
        #: What the user holds; None once a process has died with an entry that may not have left.
        self.held: Fraction | None = Fraction(0)

    @property
    def target(self) -> Fraction:
        return Fraction(self.master) / 10

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
        async with self.step(dies_at) as died:
            for step in steps:
                if step == "s":
                    self.sync()
                elif step != "x" or self.master:
                    self.trade(Side.BUY if step == "b" else Side.SELL)
                if not died():
                    self.send()
        # What was to be bought and had not left, or waited behind what had, is too old for the next process.
        if died() and (died() in NOT_SENT[1:] or "b" in steps or len(steps) > 1):
            self.held = None
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
        user = SyncedUser(folder)
        await user.start()
        for step, dies_at in steps:
            await user.play(step, dies_at)
        user.held = None
        await user.play("s", "")
        held = Fraction(user.user.book.held("BTC").amount)
        assert user.target * Fraction(19, 20) - Fraction(1, 10**7) <= held
        assert user.ledger.sync_items() == []
        await user.end()
        assert user.exchange.bought == held

    played(play)
