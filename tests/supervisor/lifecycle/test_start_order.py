"""Who may start when: masters first, Kraken's users only with their master, users of other brokers
whatever became of it.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.contract.spec import Role
from krakencopy.supervisor.lifecycle.start_order import Gate, MasterSeen, gate, narrower, without_master
from krakencopy.supervisor.lifecycle.state_machine import Life, State


def master(
    broker: str = "kraken", state: State = State.RUNNING, reason: str = "", *, wanted: bool = True,
    has_served: bool | None = None, users_from: float = 0.0,
) -> MasterSeen:  # fmt: skip
    serving = state is State.RUNNING
    return MasterSeen(
        id=f"{broker}-master",
        broker=broker,
        life=Life(state=state, reason=reason),
        wanted=wanted,
        serving=serving,
        has_served=serving if has_served is None else has_served,
        users_from=users_from,
        separation_s=5.0,
    )


STARTING = master(state=State.STARTING, reason="CONNECTING")
BROKEN = master(state=State.DEGRADED, reason="KEY_REFUSED")


@pytest.mark.parametrize("broker", ["kraken", "coinbase"])
def test_a_master_waits_for_nobody(broker: str) -> None:
    assert gate(Role.MASTER, broker, [STARTING], 0.0).open


@pytest.mark.parametrize(("seen", "blocked"), [(STARTING, False), (BROKEN, True)])
def test_a_kraken_user_waits_for_its_own_master(seen: MasterSeen, blocked: bool) -> None:
    closed = gate(Role.USER, "kraken", [seen, master("coinbase")], 0.0)
    assert (closed.open, closed.reason, closed.blocked) == (False, "MASTER_NOT_READY", blocked)


def test_a_kraken_user_does_not_wait_for_other_brokers_masters() -> None:
    other = master("coinbase", State.STARTING, "CONNECTING")
    assert gate(Role.USER, "kraken", [master(), other], 0.0).open


@pytest.mark.parametrize(
    "masters",
    [
        [STARTING],
        [master(), master("coinbase", State.STARTING)],
        [master(), master("binance", State.STARTING, "CONNECTING")],
        [BROKEN, master("coinbase", State.WAITING)],
        [master(state=State.STOPPED)],
    ],
)
def test_a_user_elsewhere_lets_every_master_have_its_first_try(masters: list[MasterSeen]) -> None:
    closed = gate(Role.USER, "coinbase", masters, 0.0)
    assert (closed.open, closed.reason, closed.blocked) == (False, "MASTERS_FIRST", False)


@pytest.mark.parametrize(
    "seen",
    [
        master(),
        BROKEN,
        master(state=State.FAILED, reason="CREDENTIALS"),
        master(state=State.BACKOFF, reason="PROCESS_ENDED"),
        master(state=State.STARTING, reason="EXCHANGE_UNREACHABLE"),
        master(state=State.STOPPED, wanted=False),
        # It starts again: that was not its first try.
        master(state=State.STARTING, has_served=True),
    ],
)
def test_then_it_starts_whatever_became_of_them(seen: MasterSeen) -> None:
    assert gate(Role.USER, "coinbase", [seen], 0.0).open


@pytest.mark.parametrize("broker", ["kraken", "coinbase"])
def test_users_of_all_brokers_start_after_the_separation(broker: str) -> None:
    seen = [master(users_from=15.0)]
    closed = gate(Role.USER, broker, seen, 14.9)
    assert (closed.open, closed.reason) == (False, "SEPARATION_WAIT")
    assert gate(Role.USER, broker, seen, 15.0).open


@pytest.mark.parametrize(
    ("role", "broker", "masters", "words"),
    [
        (Role.USER, "coinbase", [master()], "there is no master at coinbase"),
        (Role.USER, "coinbase", [master(), master("coinbase", State.FAILED)], "coinbase-master is FAILED"),
        (Role.USER, "coinbase", [BROKEN, master("coinbase")], ""),
        (Role.MASTER, "coinbase", [BROKEN], ""),
        (Role.USER, "kraken", [BROKEN], ""),
    ],
)
def test_a_user_elsewhere_that_starts_without_its_master_is_warned_of(
    role: Role, broker: str, masters: list[MasterSeen], words: str
) -> None:
    told = without_master(role, broker, masters)
    assert words in told
    assert bool(told) == bool(words)


NOW = 1_800_000_000.0
MASTERS = st.builds(
    MasterSeen,
    id=st.just("master"),
    broker=st.just("kraken"),
    life=st.builds(Life, state=st.sampled_from(State), reason=st.sampled_from(["", "FEED_DOWN", "HUNG"])),
    wanted=st.booleans(),
    serving=st.booleans(),
    has_served=st.booleans(),
    users_from=st.floats(NOW - 10, NOW + 10),
    separation_s=st.just(5.0),
)


@given(MASTERS)
def test_a_kraken_user_may_start_only_while_its_master_serves_and_the_separation_is_over(
    seen: MasterSeen,
) -> None:
    found = gate(Role.USER, "kraken", [seen], NOW)
    assert found.open == (seen.serving and seen.users_from <= NOW)
    assert found.open or (found.reason and found.message)


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
    found = gate(Role.USER, "kraken", [master(state=state, reason=reason, wanted=wanted)], NOW)
    assert (found.reason, found.blocked) == ("MASTER_NOT_READY", blocked)
    assert f"the master is {state}" in found.message


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
    order = gate(Role.USER, "kraken", [master(state=state, wanted=wanted)], NOW)
    assert narrower(order, HELD).reason == reason
    assert narrower(order, Gate(open=True)) == order
    assert narrower(Gate(open=True), HELD) == HELD
