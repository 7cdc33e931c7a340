"""What was said about trading: the strictest holds, each change is the next version, and a text that was cut
or changed is found out.
"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.contract.trading_states import (
    ALL,
    StateSetting,
    StatesUnreadable,
    TradingState,
    TradingStates,
    account_scope,
    from_text,
    group_scope,
    to_text,
)

ACTIVE, REDUCING, HALTED = TradingState
WORDS = st.text(max_size=20)
TIMES = st.floats(0, 4e9)
SCOPES = st.sampled_from([ALL, group_scope("g"), account_scope("anna"), account_scope("bea")])
SETTINGS = st.builds(StateSetting, state=st.sampled_from(TradingState), by=WORDS, reason=WORDS, at=TIMES)


def said(state: TradingState, by: str = "operator root") -> StateSetting:
    return StateSetting(state=state, by=by, reason="", at=1.0)


@given(st.lists(st.tuples(st.sets(SCOPES), SETTINGS), max_size=12))
def test_the_strictest_of_what_was_said_last_for_each_scope_holds(
    changes: list[tuple[set[str], StateSetting]],
) -> None:
    states, last = TradingStates(), dict[str, TradingState]()
    for scopes, setting in changes:
        states = states.with_state(scopes, setting)
        last |= dict.fromkeys(scopes, setting.state)
    assert states.version == len(changes)
    for account_id, group in (("anna", "g"), ("anna", ""), ("bea", "g"), ("carl", "h")):
        mine = {last.get(scope, ACTIVE) for scope in ("all", f"group:{group}", f"account:{account_id}")}
        strictest = next(state for state in (HALTED, REDUCING, ACTIVE) if state in mine)
        assert states.state_of(account_id, group) is strictest
        shown = states.settings_of(account_id, group)
        assert {setting.state for setting in shown.values()} == mine - {ACTIVE}


def test_an_account_without_a_group_is_in_none() -> None:
    states = TradingStates().with_state([group_scope("g"), group_scope("")], said(HALTED))
    assert states.state_of("anna", "g") is HALTED
    assert states.state_of("anna") is ACTIVE


@given(st.lists(st.tuples(st.sets(st.sampled_from(["anna", "bea"])), WORDS, WORDS, TIMES), max_size=6))
def test_each_flatten_has_the_number_of_its_version_and_is_the_last_of_its_accounts(
    orders: list[tuple[set[str], str, str, float]],
) -> None:
    states = TradingStates()
    for ids, by, reason, at in orders:
        states = states.with_flatten(sorted(ids), by, reason, at)
        for account_id in ids:
            assert states.flattens[account_id].number == states.version
            assert states.state_of(account_id) is REDUCING
    assert from_text(to_text(states)) == states


def test_a_file_that_was_made_anew_at_a_later_version_repeats_no_number() -> None:
    first = TradingStates().with_flatten(["anna"], "", "", 1.0)
    again = TradingStates(version=first.version).with_flatten(["anna"], "", "", 2.0)
    assert again.flattens["anna"].number > first.flattens["anna"].number


def test_a_flatten_does_not_lift_a_halt() -> None:
    states = TradingStates().with_state([account_scope("anna")], said(HALTED))
    states = states.with_flatten(["anna", "bea"], "operator root", "", 2.0)
    assert (states.state_of("anna"), states.state_of("bea")) == (HALTED, REDUCING)


def test_what_somebody_has_said_is_under_what_a_limit_says() -> None:
    by_limit, anna = replace(said(HALTED), by="limit day of all users"), account_scope("anna")
    other = replace(by_limit, by="limit week of all users")
    own = said(REDUCING)
    states = TradingStates().with_state([anna], own).with_limit([anna], by_limit).with_limit([anna], other)
    assert (states.version, states.state_of("anna"), states.states[anna].under) == (3, HALTED, own)
    assert from_text(to_text(states)) == states
    assert states.without([anna]).states == {anna: own}
    # A flatten of somebody, too; but not one that a limit or leaving has ordered.
    halted = TradingStates().with_limit([anna], by_limit)
    for by in ("limit day of all users, hit 1", "on_leave"):
        assert halted.with_flatten(["anna"], by, "", 1.0).without([anna]).states == {}
    after = halted.with_flatten(["anna"], "olga", "", 1.0)
    assert after.state_of("anna") is HALTED
    assert after.without([anna]).state_of("anna") is REDUCING


@given(st.dictionaries(SCOPES, SETTINGS), st.integers(0, 10**9))
def test_what_was_written_is_read_as_it_was(states: dict[str, StateSetting], version: int) -> None:
    whole = TradingStates(version=version, states=states).with_flatten(["anna"], "", "é", 0.5)
    assert from_text(to_text(whole)) == whole


@given(st.data())
def test_a_text_that_was_cut_or_changed_is_not_read(data: st.DataObject) -> None:
    text = to_text(TradingStates().with_state([ALL], said(HALTED)).with_flatten(["anna"], "o", "why", 3.0))
    at = data.draw(st.integers(0, len(text) - 2))
    other = data.draw(
        st.sampled_from([text[:at], text[:at] + "7" + text[at + 1 :], text[:at] + text[at + 1 :]])
    )
    try:
        read = from_text(other)
    except StatesUnreadable:
        return
    # Only what does not mean anything was changed: a space, or a digit of a number into itself.
    assert read == from_text(text)


@pytest.mark.parametrize("text", ["", "[]", "7", "{}", "null", '{"sum": "", "format": 1}', "[" * 100_000])
def test_what_is_no_such_file_says_so(text: str) -> None:
    with pytest.raises(StatesUnreadable, match="cut or damaged"):
        from_text(text)


def test_numbers_that_are_none_are_damage() -> None:
    body = json.loads(to_text(TradingStates())) | {"version": float("inf")}
    with pytest.raises(StatesUnreadable, match="cut or damaged"):
        from_text(json.dumps(body))


def test_another_versions_form_is_not_guessed_at() -> None:
    body = json.loads(to_text(TradingStates())) | {"format": 2}
    with pytest.raises(StatesUnreadable, match="format is 2, and this version reads 1"):
        from_text(json.dumps(body))


def test_a_change_by_hand_is_found_out() -> None:
    text = to_text(TradingStates().with_state([ALL], said(HALTED)))
    with pytest.raises(StatesUnreadable, match="by hand or damaged"):
        from_text(text.replace("HALTED", "ACTIVE"))


def test_a_flatten_is_taken_back_once_and_none_that_came_of_a_limit_or_of_leaving() -> None:
    states = TradingStates()
    for account_id, by in (("anna", "olga"), ("ben", "limit day of all users, hit 1"), ("carl", "on_leave")):
        states = states.with_flatten([account_id], by, "", 5.0)
    taken = states.with_flatten_taken_back(["anna", "ben", "carl", "dora"], "paul", "a slip", 7.0)
    assert taken.version == states.version + 1
    assert {key: order.taken_back for key, order in taken.flattens.items()} == {
        "anna": True, "ben": False, "carl": False
    }  # fmt: skip
    assert (taken.flattens["anna"].number, taken.states) == (taken.version, states.states)
    assert not taken.may_take_back("anna")
    assert from_text(to_text(taken)) == taken
    # Who has ordered it may.
    taken = states.with_flatten_taken_back(["anna", "ben", "carl"], "on_leave", "", 7.0)
    assert [order.taken_back for order in taken.flattens.values()] == [True, False, True]
