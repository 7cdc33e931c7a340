"""What the control API shows of an account."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from krakencopy.supervisor.accounts.account_view import PB_STATE, account_message, nonce_message
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.lifecycle.state_machine import NO_ANSWER, Life, State
from krakencopy.supervisor.supervisor import Supervisor
from krakencopy.v1 import account_pb2
from krakencopy.v1 import types_pb2 as pb
from tests.support.idle_supervisor import Link, idle_supervisor, set_running
from tests.support.supervisor_samples import NOW, small_config


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Supervisor]:
    with closing(Journal(tmp_path / "journal.db")) as journal:
        yield idle_supervisor(tmp_path, journal, small_config("anna"))


def test_every_state_has_its_name_in_the_api() -> None:
    assert {state: pb.AccountState.Name(shown) for state, shown in PB_STATE.items()} == {
        state: f"ACCOUNT_STATE_{state}" for state in State
    }


def test_an_account_without_a_process_shows_what_is_known_of_it(it: Supervisor) -> None:
    anna = it.accounts["anna"]
    anna.life = Life(
        state=State.BACKOFF, reason="PROCESS_ENDED", message="again", since=NOW, deadline=NOW + 5
    )
    anna.paused = True
    shown = account_message(anna, pb.ProcessEnd(pid=17), acked_seq=4)
    assert (shown.id, shown.role, shown.state, shown.reason) == (
        "anna",
        pb.ROLE_USER,
        pb.ACCOUNT_STATE_BACKOFF,
        "PROCESS_ENDED",
    )
    assert (shown.pid, shown.restarts, shown.instance_id, shown.last_end.pid) == (0, 0, "", 17)
    assert (shown.copy_mode, shown.cursor_seq) == (pb.COPY_MODE_PAUSED, 4)
    assert shown.retry_at.seconds - shown.since.seconds == 5
    (alive,) = shown.conditions
    assert (alive.type, alive.status, alive.reason) == (
        "PROCESS_ALIVE",
        pb.CONDITION_STATUS_FALSE,
        "PROCESS_ENDED",
    )


def test_what_its_process_says_is_shown(it: Supervisor) -> None:
    snapshot = account_pb2.WatchSnapshotResponse(
        cursor_seq=9, copies_open=2, feed_connected=True, trading_mode=pb.TRADING_MODE_OWN,
        strategy=pb.StrategyStatus(name="sma_cross"), notices=[pb.Notice(code="NOT_LISTED")],
        conditions=[pb.Condition(type="CLOCK_RIGHT")],
    )  # fmt: skip
    set_running(it.accounts["anna"], Link(snapshot))
    shown = account_message(it.accounts["anna"], None, acked_seq=4)
    assert (shown.cursor_seq, shown.copies_open, shown.feed_connected) == (9, 2, True)
    assert (shown.trading_mode, shown.strategy.name, shown.notices[0].code) == (
        pb.TRADING_MODE_OWN,
        "sma_cross",
        "NOT_LISTED",
    )
    assert [each.type for each in shown.conditions] == ["PROCESS_ALIVE", "CLOCK_RIGHT"]
    assert shown.conditions[0].status == pb.CONDITION_STATUS_TRUE
    assert not shown.HasField("last_end")
    assert not shown.HasField("preflight")
    master = account_message(it.registry.master, None, acked_seq=0)
    assert (master.role, master.copy_mode) == (pb.ROLE_MASTER, pb.COPY_MODE_UNSPECIFIED)


def test_a_nonce_is_read_from_its_file_where_no_process_can_be_asked(it: Supervisor, tmp_path: Path) -> None:
    report = asyncio.run(nonce_message(it.accounts["anna"], tmp_path / "nonce.txt"))
    assert (report.account_id, report.path) == ("anna", str(tmp_path / "nonce.txt"))


def test_a_process_that_answers_lives_whatever_its_account_lacks(it: Supervisor) -> None:
    anna = it.accounts["anna"]
    link = set_running(anna)
    anna.life = Life(account_id="anna", state=State.DEGRADED, reason=NO_ANSWER, message="silent", since=NOW)
    link.linked = False
    assert account_message(anna, None, acked_seq=0).conditions[0].reason == NO_ANSWER
    link.linked = True
    assert account_message(anna, None, acked_seq=0).conditions[0].status == pb.CONDITION_STATUS_TRUE
