"""Who may start when: masters first, Kraken's users only with their master, users of other brokers whatever became of it."""

from __future__ import annotations

import pytest

from account_proc.spec import Role
from supervisor.gate import MasterSeen, gate, without_master
from supervisor.lifecycle import Life, State


def master(
    broker: str = "kraken", state: State = State.RUNNING, reason: str = "", *, wanted: bool = True,
    has_served: bool | None = None, users_from: float = 0.0,
) -> MasterSeen:  # fmt: skip
    serving = state is State.RUNNING
    return MasterSeen(
        id=f"{broker}-master", broker=broker, life=Life(state=state, reason=reason), wanted=wanted, serving=serving,
        has_served=serving if has_served is None else has_served,
        users_from=users_from, separation_s=5.0,
    )  # fmt: skip


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
