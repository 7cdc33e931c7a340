"""Many failures at once are held against nobody, and one account is tried for all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from krakencopy.supervisor.accounts.health_watch import HealthWatch
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.lifecycle import steady_time
from krakencopy.supervisor.lifecycle.state_machine import Life, Limits, State
from krakencopy.supervisor.supervisor import Supervisor
from tests.support.idle_supervisor import idle_supervisor, set_running
from tests.support.supervisor_samples import small_config

USERS = ("anna", "ben", "eve")


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Supervisor]:
    with closing(Journal(tmp_path / "journal.db")) as journal:
        yield idle_supervisor(tmp_path, journal, small_config(*USERS))


def fail(it: Supervisor, account_id: str, now: float) -> None:
    """As the loop does: the life says so first."""
    account = it.accounts[account_id]
    account.life = Life(
        account_id=account_id, state=State.FAILED, reason="RESTART_LIMIT", failures=(now,), attempt=1
    )
    it._watch.count_failure(account_id, now, Limits())


def test_the_failures_that_open_the_breaker_are_forgiven_whoevers_was_the_last(it: Supervisor) -> None:
    now = steady_time.now()
    for name in USERS[:2]:
        fail(it, name, now)
    assert not it._watch.message
    assert [it.accounts[name].life.state for name in USERS[:2]] == [State.FAILED] * 2
    it._queue.take_accounts()
    fail(it, "eve", now)
    assert it._watch.many_failed
    for name in USERS:
        life = it.accounts[name].life
        assert (life.state, life.failures, life.attempt) == (State.BACKOFF, (), 0)
    assert it._queue.take_accounts() == {"master", *USERS}
    codes = [event.code for event in it.journal.events_after(0, 10)]
    assert codes == ["MANY_FAILED", *["ACCOUNT_STATE_CHANGED"] * 3]


def test_while_many_fail_nobody_starts_until_one_is_tried_and_holds(
    it: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = steady_time.now()
    monkeypatch.setattr(steady_time, "now", lambda: at)
    for name in USERS:
        fail(it, name, at)
        it.accounts[name].life = Life(account_id=name, state=State.WAITING)
    it.registry.master.life = Life(account_id="master", state=State.WAITING)
    assert not it._watch.gate("master").open
    assert "of 4 accounts ended within 10 s" in it._watch.message
    it._watch.try_now()
    it._watch.look()
    assert it._watch.gate("master").open, "the master is tried first"
    assert not it._watch.gate("anna").open
    set_running(it.registry.master)
    it._watch.look()
    at += 4.0
    it._watch.look()
    assert it._watch.gate("anna").open
    assert not it._watch.message


def test_a_watch_that_looks_late_gives_everyone_that_time(
    it: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = steady_time.now()
    monkeypatch.setattr(steady_time, "now", lambda: at)
    watch = HealthWatch(it.registry, it._queue, it.events, it.masters.gate)
    monkeypatch.setattr(watch._pulses, "due", lambda _: True)
    it.accounts["anna"].life = Life(state=State.BACKOFF, deadline=at + 1)
    at += 60.0
    watch.look()
    assert it.accounts["anna"].life.deadline == pytest.approx(at + 1 - 0.5)
