"""The life of a copy: what may follow what, and that nothing can leave the machine before its intent is
written.
"""

from __future__ import annotations

import pytest

from krakencopy.account_proc.contract.copy_state import ENDS, MAY_BE_LIVE, TRANSITIONS, CopyState, advance
from krakencopy.v1 import types_pb2 as pb

S = CopyState


def reachable(start: CopyState, without: CopyState | None = None) -> set[CopyState]:
    found, todo = {start}, [start]
    while todo:
        for state in TRANSITIONS[todo.pop()] - found - {without}:
            found.add(state)
            todo.append(state)
    return found


@pytest.mark.parametrize("current", CopyState)
@pytest.mark.parametrize("new", CopyState)
def test_a_state_follows_another_by_the_table_or_not_at_all(current: CopyState, new: CopyState) -> None:
    if new in TRANSITIONS[current]:
        assert advance(current, new) is new
    else:
        with pytest.raises(AssertionError, match=f"from {current} to {new}"):
            advance(current, new)


def test_every_state_has_its_row_and_its_name_in_the_public_api() -> None:
    assert set(TRANSITIONS) == set(CopyState)
    public = {name.removeprefix("COPY_STATE_") for name in pb.CopyState.DESCRIPTOR.values_by_name} - {
        "UNSPECIFIED"
    }
    assert public == set(CopyState)


def test_every_state_can_be_reached_and_has_a_way_to_an_end() -> None:
    assert reachable(S.RECEIVED) == set(CopyState)
    for state in CopyState:
        assert reachable(state) & ENDS


def test_nothing_is_sent_without_an_intent() -> None:
    beyond = {S.SENT, S.ACKNOWLEDGED, S.UNKNOWN, S.FILLED, S.PART_FILLED, S.REJECTED}
    assert not reachable(S.RECEIVED, without=S.INTENT) & beyond


def test_an_order_that_may_exist_is_never_skipped() -> None:
    for state in MAY_BE_LIVE:
        assert S.SKIPPED not in reachable(state)
        assert state not in ENDS


def test_nothing_is_filled_that_was_not_acknowledged() -> None:
    assert not reachable(S.RECEIVED, without=S.ACKNOWLEDGED) & {S.FILLED, S.PART_FILLED}


def test_a_copy_whose_fate_is_unknown_is_looked_up_or_proven_absent_and_never_just_filled_or_carried() -> (
    None
):
    assert TRANSITIONS[S.UNKNOWN] == {S.ACKNOWLEDGED, S.REJECTED, S.INTENT}
