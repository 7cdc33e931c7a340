"""Copying and an own strategy never both: a user's strategy trades when nothing speaks for copying."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.supervisor.lifecycle.trading_mode import told_mode
from krakencopy.v1 import types_pb2 as pb

#: A user with a strategy whose master is gone, and nothing else.
ALONE = {
    "has_strategy": True,
    "master_serving": False,
    "paused": False,
    "leaving": False,
    "fills_wait": False,
}


def test_a_user_with_a_strategy_trades_by_itself_while_its_master_is_gone() -> None:
    assert told_mode(**ALONE) == pb.TRADING_MODE_OWN


@pytest.mark.parametrize("fact", ALONE)
def test_each_single_fact_speaks_for_copying(fact: str) -> None:
    assert told_mode(**ALONE | {fact: not ALONE[fact]}) == pb.TRADING_MODE_COPYING


@given(st.fixed_dictionaries({fact: st.booleans() for fact in ALONE}))
def test_nothing_but_all_of_them_together_lets_a_strategy_trade(facts: dict[str, bool]) -> None:
    assert (told_mode(**facts) == pb.TRADING_MODE_OWN) == (facts == ALONE)
