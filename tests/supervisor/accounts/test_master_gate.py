"""Users start after their master, and hear of its loss; a shutdown is no loss."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from krakencopy.supervisor.accounts import master_gate
from krakencopy.supervisor.config.model import StartupConfig
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.lifecycle.state_machine import Life, State
from krakencopy.supervisor.supervisor import Supervisor
from krakencopy.v1 import account_pb2
from krakencopy.v1 import types_pb2 as pb
from tests.support.idle_supervisor import idle_supervisor, set_running
from tests.support.supervisor_samples import small_config


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Supervisor]:
    config = replace(small_config("anna"), startup=StartupConfig(nonce_separation_s=5.0))
    with closing(Journal(tmp_path / "journal.db")) as journal:
        yield idle_supervisor(tmp_path, journal, config)


def codes(supervisor: Supervisor) -> list[str]:
    return [f"{event.account_id} {event.code}" for event in supervisor.journal.events_after(0, 10)]


def test_users_start_a_separation_after_the_master_is_ready(it: Supervisor) -> None:
    masters, anna = it.masters, it.accounts["anna"].config
    assert masters.gate(anna).reason == "MASTER_NOT_READY"
    assert masters.gate(it.registry.master.config).open
    set_running(it.registry.master)
    assert masters.look()
    assert not masters.look()
    assert masters.gate(anna).reason == "SEPARATION_WAIT"
    masters.use_separation(0.0)
    assert masters.gate(anna).open
    assert codes(it) == ["master MASTER_READY"]


def test_a_master_that_is_lost_is_an_event_once_and_closes_the_gate(it: Supervisor) -> None:
    assert it.masters.lost()
    link = set_running(it.registry.master)
    it.masters.look()
    assert not it.masters.lost()
    link.serving = False
    assert it.masters.look()
    assert not it.masters.look()
    assert it.masters.lost()
    assert it.masters.gate(it.accounts["anna"].config).blocked
    # Its process says why a moment later.
    assert codes(it) == ["master MASTER_READY"]
    link.snapshot = _feed_down()
    for _ in range(2):
        assert not it.masters.look()
    assert codes(it) == ["master MASTER_READY", "master MASTER_LOST"]
    event = it.journal.events_after(0, 10)[-1]
    assert event.message == (
        "the master cannot trade (no token: EAPI:Invalid key); users finish what is in flight, no user is "
        "started"
    )
    assert event.data["reason"] == "INVALID_KEY"


def _feed_down() -> account_pb2.WatchSnapshotResponse:
    """A feed that follows from a key that is refused, and not from a clock that was wrong before."""
    lacking = pb.CONDITION_STATUS_FALSE
    return account_pb2.WatchSnapshotResponse(
        reason="FEED_DOWN", message="not connected", conditions=[
            pb.Condition(type="CLOCK_RIGHT", status=lacking, reason="CLOCK_OFF", matters=True,
                         since=Timestamp(seconds=1)),
            pb.Condition(type="KEY_ACCEPTED", status=lacking, reason="INVALID_KEY", matters=True,
                         message="no token: EAPI:Invalid key", since=Timestamp(seconds=2)),
            pb.Condition(type="FEED_FRESH", status=lacking, reason="FEED_DOWN", matters=True,
                         since=Timestamp(seconds=3)),
        ],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("life", "why"),
    [
        (
            Life(state=State.BACKOFF, reason="PROCESS_ENDED", message="signal 9; starting again"),
            "the master's process has ended (signal 9; starting again)",
        ),
        (Life(state=State.STOPPING, reason="RESTART"), "the master gets a new process"),
    ],
)
def test_a_master_without_its_process_is_lost_for_its_end(it: Supervisor, life: Life, why: str) -> None:
    master = it.registry.master
    set_running(master)
    it.masters.look()
    master.process.link = None
    it.masters.look()
    master.life = life
    it.masters.look()
    assert it.journal.events_after(0, 10)[-1].message.startswith(f"{why}; users finish")


def test_a_loss_without_a_cause_is_told_after_a_moment_and_before_it_is_over(
    it: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = set_running(it.registry.master)
    it.masters.look()
    link.serving = False
    it.masters.look()
    link.serving = True
    it.masters.look()
    assert codes(it)[1:] == ["master MASTER_LOST", "master MASTER_READY"]
    monkeypatch.setattr(master_gate, "CAUSE_WAIT_S", 0.0)
    link.serving = False
    it.masters.look()
    assert codes(it)[3:] == ["master MASTER_LOST"]


def test_many_users_that_are_blocked_at_once_are_one_event(it: Supervisor) -> None:
    it.masters.record_blocked({"anna": "the master is FAILED"})
    it.masters.record_blocked({f"user_{number}": "the master is FAILED" for number in range(12)})
    one, all_of_them = it.journal.events_after(0, 10)
    assert (one.account_id, one.code, one.severity) == ("anna", "KRAKEN_USER_BLOCKED", pb.SEVERITY_ERROR)
    assert all_of_them.account_id == ""
    assert all_of_them.message.startswith("12 users (user_0, user_1, ")
    assert all_of_them.message.endswith(", user_9 and 2 more): the master is FAILED")


def test_only_another_brokers_user_is_said_to_start_without_its_master(it: Supervisor) -> None:
    anna = it.accounts["anna"].config
    it.masters.record_start(anna)
    it.masters.record_start(replace(anna, id="eve", broker="coinbase"))
    assert codes(it) == ["eve USER_WITHOUT_MASTER"]
