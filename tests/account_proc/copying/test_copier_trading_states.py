"""Trading states against an independent model: states that are set and lifted while fills come, and a process
that dies at each of its steps and is followed by another one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from krakencopy.account_proc.contract.trading_states import TradingState
from krakencopy.account_proc.domain.quantities import Side
from tests.support.dying_user import PLACES, played
from tests.support.modelled_user import ACTIVE, HALTED, ModelledUser

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
        user = ModelledUser(folder)
        await user.start()
        for (step, what), dies_at in steps:
            await user.play(step, what, dies_at)
        await user.play("say", ACTIVE, "")
        assert user.model.owed == 0
        await user.end()
        for side, state in user.exchange.seen:
            assert state is not HALTED
            assert state is ACTIVE or side == "sell"
        assert user.exchange.bought == user.model.held

    played(play)
