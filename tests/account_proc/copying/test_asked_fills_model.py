"""Fills that are asked for against an independent model: while fills are streamed, before they are, after
states have kept them out, and with a process that dies at each of its steps and is followed by another one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from krakencopy.account_proc.contract.trading_states import TradingState
from krakencopy.account_proc.copying.asked_fills import Asked, Outcome
from krakencopy.account_proc.domain.quantities import Side
from tests.support.copying_user import streamed_fill
from tests.support.dying_user import NOT_SENT, PLACES, played
from tests.support.modelled_user import ACTIVE, HALTED, UNIT, Model, ModelledUser

#: So far ahead of what was streamed is asked, at most.
AHEAD_MAX = 2


class AskedModel(Model):
    """Which fills a copy has answered, beside what is held."""

    def __init__(self) -> None:
        super().__init__()
        self.answered: set[int] = set()

    def stream(self, seq: int, side: Side, *, arrives: bool) -> None:
        """It counts for nothing where it was asked for before."""
        if seq not in self.answered and self._answers(side, is_streamed=True):
            self._answer(seq, side, arrives=arrives)

    def ask(self, seq: int, side: Side, died_at: str) -> Outcome:
        """What is not written when the process dies was never asked for."""
        if seq in self.answered:
            return Outcome.ALREADY
        if not self._answers(side, is_streamed=False):
            return Outcome.REFUSED
        if died_at != "before_intent":
            self._answer(seq, side, arrives=died_at not in NOT_SENT)
        return Outcome.COPIED

    def _answers(self, side: Side, *, is_streamed: bool) -> bool:
        if side is Side.BUY:
            return self.state is ACTIVE
        return bool(self.held) and (is_streamed or self.state is not HALTED)

    def _answer(self, seq: int, side: Side, *, arrives: bool) -> None:
        self.answered.add(seq)
        if side is Side.BUY:
            self.buy(arrives=arrives)
        else:
            self.sell()


class AskedUser(ModelledUser):
    """As a ModelledUser, with fills that are asked for."""

    def __init__(self, folder: Path, sides: list[Side]) -> None:
        super().__init__(folder)
        self.model: AskedModel = AskedModel()
        self.sides = sides
        self.outcome: Outcome | None = None

    def side(self, seq: int) -> Side:
        return self.sides[seq % len(self.sides)]

    async def do(self, step: str, what: Any) -> None:
        """``stream`` the next fill, or ``ask`` for one so far ahead of the last."""
        self.outcome = None
        if step == "stream":
            await super().do("fill", self.side(self.seq + 1))
        elif step == "ask":
            seq = max(1, self.seq + what)
            fill = streamed_fill(seq, self.side(seq), "BTC/USD", self.user.now - 7_200)
            self.outcome = (await self.user.copier.copy_asked_fill(Asked(fill=fill, by="x"))).outcome
        else:
            await super().do(step, what)

    def count(self, step: str, what: Any, died_at: str) -> None:
        if step == "stream":
            self.model.stream(self.seq, self.side(self.seq), arrives=died_at not in NOT_SENT[1:])
        elif step == "ask":
            seq = max(1, self.seq + what)
            assert self.outcome in {self.model.ask(seq, self.side(seq), died_at), None}
        assert self.ledger.wishes() == []


STEPS = st.lists(
    st.tuples(
        st.one_of(
            st.tuples(st.just("stream"), st.none()),
            st.tuples(st.just("ask"), st.integers(-8, AHEAD_MAX)),
            st.tuples(st.just("ask"), st.integers(-1, AHEAD_MAX)),
            st.tuples(st.just("say"), st.sampled_from(TradingState)),
            st.tuples(st.just("restart"), st.none()),
        ),
        st.sampled_from(["", "", *PLACES]),
    ),
    max_size=12,
)


@settings(deadline=None, max_examples=80)
@given(STEPS, st.lists(st.sampled_from([Side.BUY, Side.BUY, Side.SELL]), min_size=1, max_size=6))
def test_each_fill_is_copied_at_most_once_whether_it_is_streamed_or_asked_for_and_whatever_dies(
    steps: list[tuple[tuple[str, Any], str]], sides: list[Side]
) -> None:
    async def play(folder: Path) -> None:
        user = AskedUser(folder, sides)
        await user.start()
        for (step, what), dies_at in steps:
            await user.play(step, what, dies_at)
        await user.play("say", ACTIVE, "")
        assert user.model.owed == UNIT * 0
        await user.end()

    played(play)
