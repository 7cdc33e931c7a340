"""Who may start when: the master always, a Kraken user only behind a master that serves."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from account_proc.spec import Role
from supervisor.gate import Gate, MasterSeen, gate, narrower
from supervisor.lifecycle import Life, State

NOW = 1_800_000_000.0
READY = MasterSeen(
    life=Life(state=State.RUNNING), wanted=True, serving=True, users_from=NOW - 1, separation_s=5.0
)

MASTERS = st.builds(
    MasterSeen,
    life=st.builds(Life, state=st.sampled_from(State), reason=st.sampled_from(["", "FEED_DOWN", "HUNG"])),
    wanted=st.booleans(),
    serving=st.booleans(),
    users_from=st.floats(NOW - 10, NOW + 10),
    separation_s=st.just(5.0),
)


@given(MASTERS)
def test_a_kraken_user_may_start_only_while_the_master_serves_and_the_separation_is_over(
    master: MasterSeen,
) -> None:
    found = gate(Role.USER, "kraken", master, NOW)
    assert found.open == (master.serving and master.users_from <= NOW)
    assert found.open or (found.reason and found.message)


@given(MASTERS, st.sampled_from([(Role.MASTER, "kraken"), (Role.USER, "other")]))
def test_the_master_and_users_of_other_brokers_wait_for_nobody(
    master: MasterSeen, who: tuple[Role, str]
) -> None:
    assert gate(*who, master, NOW).open


@pytest.mark.parametrize(
    ("state", "reason", "wanted", "blocked"),
    [
        (State.STOPPED, "", True, False),
        (State.STARTING, "CONNECTING", True, False),
        (State.STARTING, "CATCHING_UP", True, False),
        (State.STARTING, "KEY_REFUSED", True, True),
        (State.DEGRADED, "FEED_DOWN", True, True),
        (State.BACKOFF, "PROCESS_ENDED", True, True),
        (State.FAILED, "CREDENTIALS", True, True),
        (State.STOPPED, "", False, True),
    ],
)
def test_a_master_on_its_way_is_no_fault_and_one_that_is_held_up_or_lost_is(
    state: State, reason: str, wanted: bool, blocked: bool
) -> None:
    life = Life(state=state, reason=reason, message="why")
    found = gate(Role.USER, "kraken", replace(READY, life=life, wanted=wanted, serving=False), NOW)
    assert (found.reason, found.blocked) == ("MASTER_NOT_READY", blocked)
    assert f"the master is {state}" in found.message


def test_the_separation_says_how_long_it_is_and_that_nothing_is_wrong() -> None:
    found = gate(Role.USER, "kraken", replace(READY, users_from=NOW + 1), NOW)
    assert (found.reason, found.blocked) == ("SEPARATION_WAIT", False)
    assert "5 s" in found.message


HELD = Gate(open=False, reason="MANY_FAILED")


@pytest.mark.parametrize(
    ("state", "wanted", "reason"),
    [
        (State.WAITING, True, "MANY_FAILED"),
        (State.BACKOFF, True, "MANY_FAILED"),
        (State.FAILED, True, "MASTER_NOT_READY"),
        (State.STOPPED, False, "MASTER_NOT_READY"),
    ],
)
def test_a_trouble_of_many_is_what_is_waited_for_unless_the_master_needs_its_operator(
    state: State, wanted: bool, reason: str
) -> None:
    master = replace(READY, life=Life(state=state), wanted=wanted, serving=False)
    order = gate(Role.USER, "kraken", master, NOW)
    assert narrower(order, HELD).reason == reason
    assert narrower(order, Gate(open=True)) == order
    assert narrower(Gate(open=True), HELD) == HELD
