"""A long fault of the exchange is no flood: what an account's process and the supervisor make of it together,
with a clock that the test moves. One event when a condition begins, reminders ever more seldom and for all
alike in one, one event when it is over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from krakencopy.account_proc.contract.conditions import Conditions
from krakencopy.account_proc.contract.errors import ExchangeError, OutcomeUnknown
from krakencopy.account_proc.kraken.errors import FrontRefuses, classify
from krakencopy.account_proc.kraken.health import RATE_SHOWN_S, ExchangeHealth
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.lifecycle import steady_time
from krakencopy.supervisor.lifecycle.liveness import Pulses
from krakencopy.supervisor.supervisor import Supervisor
from krakencopy.v1 import account_pb2
from krakencopy.v1 import types_pb2 as pb
from tests.support.idle_supervisor import Link, idle_supervisor, set_running
from tests.support.supervisor_samples import small_config

USERS = ("anna", "ben", "carl", "dora")
EVERYONE = ("master", *USERS)
#: The fault lasts for three hours, and a call of each account fails every so often.
LASTS_S, EVERY_S = 3 * 3_600, 30
#: 1, 3, 7, 15, 31 and 63 minutes after its beginning, and then every hour (``Limits.remind``).
REMINDERS = 7


class World:
    """Five accounts whose processes meet what a test says."""

    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor = supervisor
        self.now = steady_time.now()
        self.health = {name: ExchangeHealth() for name in EVERYONE}
        self.conditions = {name: Conditions(lambda: self.now) for name in EVERYONE}
        self.links: dict[str, Link] = {
            name: set_running(account) for name, account in supervisor.accounts.items()
        }

    def pass_time(self, seconds: float, call: Callable[[ExchangeHealth, int], object]) -> None:
        """``call``: what each account's next call meets, by its number."""
        for number in range(int(seconds / EVERY_S)):
            self.now += EVERY_S
            for name, health in self.health.items():
                call(health, number)
                shown = self.conditions[name].update(health.findings(self.now))
                self.links[name].snapshot = account_pb2.WatchSnapshotResponse(
                    conditions=[each.to_proto() for each in shown]
                )
                self.supervisor.accounts[name].link_changed()
            with self.supervisor.journal.together():
                self.supervisor._take_turn()

    def codes(self) -> Counter[tuple[str, str]]:
        """Events by account and code."""
        events = self.supervisor.journal.events_after(0, 10_000)
        return Counter((event.account_id, event.code) for event in events)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with closing(Journal(tmp_path / "journal.db")) as journal:
        (tmp_path / "run").mkdir()
        world = World(idle_supervisor(tmp_path, journal, small_config(*USERS)))
        monkeypatch.setattr(steady_time, "now", lambda: world.now)
        # Pulses are looked at by the machine's time, in which this world's hours are late by hours.
        monkeypatch.setattr(Pulses, "due", lambda _self, _now_ns: False)
        world.pass_time(120, well)
        assert world.supervisor.readiness() == ""
        assert world.codes() == {("master", "MASTER_READY"): 1}
        yield world


def well(health: ExchangeHealth, number: int) -> None:
    health.note_success("Time" if number % 2 else "Balance", private=not number % 2)


def failing(
    *errors: Callable[[], ExchangeError], now: Callable[[], float]
) -> Callable[[ExchangeHealth, int], None]:
    """Each call meets the next of these."""

    def fail(health: ExchangeHealth, number: int) -> None:
        health.note_failure("Balance", errors[number % len(errors)](), now())

    return fail


def refused(*texts: str) -> list[Callable[[], ExchangeError]]:
    return [lambda text=text: classify("Balance", [text], is_order=False) for text in texts]  # type: ignore[misc]


FAULTS: dict[str, tuple[list[Callable[[], ExchangeError]], str]] = {
    "503": ([lambda: OutcomeUnknown("Balance", "HTTP 503")], "HTTP_ERROR"),
    "503 and other words": (
        [lambda: OutcomeUnknown("Balance", "HTTP 503"), lambda: OutcomeUnknown("Balance", "timed out")],
        "HTTP_ERROR",
    ),
    "429 of a front": ([lambda: FrontRefuses("Balance", 429, "HTTP 429")], "FRONT_REFUSES"),
    "rate refusals": (refused("EAPI:Rate limit exceeded"), "RATE_LIMITED"),
    "permission taken": (refused("EGeneral:Permission denied"), "PERMISSION_DENIED"),
    "key revoked, then locked out": (
        refused("EAPI:Invalid key", "EAPI:Invalid key", "EGeneral:Temporary lockout"), "INVALID_KEY",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_long_fault_of_all_accounts_is_one_event_each_with_reminders_for_all_and_an_end(
    world: World, fault: str
) -> None:
    errors, reason = FAULTS[fault]
    world.pass_time(LASTS_S, failing(*errors, now=lambda: world.now))
    assert "master is DEGRADED" in world.supervisor.readiness()
    begun = world.codes() - Counter({("master", "MASTER_READY"): 1})
    for name in EVERYONE:
        account = world.supervisor.accounts[name]
        (lacking,) = [each for each in account.conditions() if each.status == pb.CONDITION_STATUS_FALSE]
        assert lacking.reason == reason
        # As it was when it began, after hours of more of it.
        assert world.now - lacking.since.seconds == pytest.approx(LASTS_S, abs=3 * EVERY_S)
        assert begun.pop((name, reason)) == 1
        assert begun.pop((name, "ACCOUNT_STATE_CHANGED")) in {1, 2}
    # One for the master, and one for all users together.
    reminders = [begun.pop((about, "STILL_DEGRADED"), 0) for about in ("", "master")]
    assert max(reminders) == REMINDERS
    assert sum(reminders) <= 2 * REMINDERS
    assert begun.pop(("master", "MASTER_LOST"), 0) <= 1
    assert not begun

    before = world.codes()
    world.pass_time(3 * RATE_SHOWN_S, well)
    assert world.supervisor.readiness() == ""
    over = world.codes() - before
    for name in EVERYONE:
        assert over.pop((name, f"{reason}_OVER")) == 1
        assert over.pop((name, "ACCOUNT_STATE_CHANGED")) == 1
    assert over.pop(("master", "MASTER_READY"), 0) <= 1
    assert not over
