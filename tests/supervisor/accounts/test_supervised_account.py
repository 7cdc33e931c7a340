"""What operators ask of one account holds for the state that they saw, and for no later one; what its process
says becomes events.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from krakencopy.account_proc.contract.spec import Role
from krakencopy.supervisor.accounts.account_link import AccountLink
from krakencopy.supervisor.accounts.coin_names import CoinNames
from krakencopy.supervisor.accounts.exit_records import LastEnds, Lived
from krakencopy.supervisor.accounts.holders import HoldersLog
from krakencopy.supervisor.accounts.launcher import Launcher
from krakencopy.supervisor.accounts.supervised_account import SupervisedAccount
from krakencopy.supervisor.accounts.work_queue import WorkQueue
from krakencopy.supervisor.config.model import AccountConfig
from krakencopy.supervisor.journal.event_log import EventLog
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.lifecycle.start_order import Gate
from krakencopy.supervisor.lifecycle.state_machine import Effect, Ended, Life, Limits, State
from krakencopy.supervisor.processes.child import ExitStatus
from krakencopy.v1 import account_pb2 as account_pb
from krakencopy.v1 import types_pb2 as pb
from tests.support.idle_supervisor import Link as StandIn

NOW = 1_800_000_000.0
CLOSED = Gate(open=False, reason="MASTER_NOT_READY", message="blocked")


class Names:
    """Counts how often the exchange's tables are to be read."""

    def __init__(self) -> None:
        self.reads = 0

    def read_again(self) -> None:
        self.reads += 1


class Scene:
    """One account of a supervisor that does nothing else."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.names = Names()
        self.queue = WorkQueue()
        self.master_lost = True
        events = EventLog(journal)
        self.account = SupervisedAccount(
            AccountConfig(id="tania", role=Role.USER, broker="kraken", strategy="own"),
            launcher=cast("Launcher", None),
            ends=LastEnds(journal),
            events=events,
            queue=self.queue,
            names=cast("CoinNames", self.names),
            holders=HoldersLog(events, dict),
            master_lost=lambda: self.master_lost,
        )
        self._read = 0

    def put_in(self, state: State, **life: Any) -> SupervisedAccount:
        self.account.life = Life(state=state, since=NOW - 10, **life)
        return self.account

    def step(self, gate: Gate = CLOSED, *, many_failed: bool = False) -> tuple[Effect, ...]:
        return self.account.step(gate, NOW, Limits(), master_serving=False, many_failed=many_failed)

    def state(self) -> State:
        return self.account.life.state

    def new_events(self) -> list[str]:
        """Since the last question."""
        events = self.journal.events_after(self._read, 100)
        self._read = self.journal.last_event
        return [
            f"{pb.Severity.Name(event.severity)} {event.account_id} {event.code} {event.message}"
            for event in events
        ]


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Scene]:
    with closing(Journal(tmp_path / "journal.db")) as journal:
        yield Scene(journal)


@pytest.mark.parametrize(
    ("ended", "state", "effects"),
    [
        (Ended(1, None), State.BACKOFF, (Effect.COUNT_FAILURE,)),
        (Ended(78, None, "bad rules"), State.FAILED, ()),
    ],
)
def test_a_start_of_an_account_that_runs_does_not_undo_what_happens_to_it_later(
    it: Scene, ended: Ended, state: State, effects: tuple[Effect, ...]
) -> None:
    account = it.put_in(State.RUNNING)
    account.reset()
    account.process.ended = ended
    assert it.step() == effects
    assert account.life.state is state
    it.step()
    assert account.life.state is state


@pytest.mark.parametrize("state", [State.BACKOFF, State.FAILED])
def test_a_start_of_an_account_that_waits_or_failed_is_another_try_now(it: Scene, state: State) -> None:
    account = it.put_in(state, deadline=NOW + 50)
    account.reset()
    it.step()
    assert account.life.state is State.WAITING
    assert it.new_events() == [
        f"SEVERITY_INFO tania ACCOUNT_STATE_CHANGED {state} -> WAITING (MASTER_NOT_READY: blocked)"
    ]


@pytest.mark.parametrize("reason", ["WRONG_PROCESS", "JOURNAL_DIFFERS"])
def test_a_start_of_an_account_whose_process_refuses_its_stream_is_a_new_process(
    it: Scene, reason: str
) -> None:
    account = it.put_in(State.RUNNING)
    account.link_refused(reason, "a human must look")
    account.reset()
    assert it.step() == (Effect.DRAIN,)
    assert it.state() is State.STOPPING
    account.process.ended = Ended(0, None)
    assert starts(it) == 0, "somebody asked for it"
    assert it.state() in {State.STARTING, State.RUNNING}


def test_a_step_moves_by_one_state_and_says_what_is_to_be_done(it: Scene) -> None:
    process = it.account.process
    assert (it.step(Gate(open=True)), it.state()) == ((), State.WAITING)
    assert (it.step(Gate(open=True)), it.state()) == ((Effect.SPAWN,), State.STARTING)
    assert process.instance_id == "", "the loop carries it out"


def ends_and_starts(it: Scene) -> int:
    """Its process ends by itself, and is started again when its time has come; its restarts then."""
    it.account.process.ended = Ended(1, None)
    it.step()
    return starts(it)


def starts(it: Scene) -> int:
    it.account.life = replace(it.account.life, deadline=0.0)
    while it.state() is not State.STARTING:
        it.step(Gate(open=True))
    return it.account.restarts


def test_restarts_are_those_that_nobody_asked_for(it: Scene) -> None:
    account = it.account
    assert starts(it) == 0
    assert ends_and_starts(it) == 1
    assert ends_and_starts(it) == 2
    account.restart()  # as an operator, or a reload
    it.step()
    assert it.state() is State.STOPPING
    account.process.ended = Ended(0, None)
    assert starts(it) == 2
    account.process.ended = Ended(1, None)
    it.step()
    account.reset()  # an operator does not wait for the backoff
    assert starts(it) == 2
    account.process.ended = Ended(78, None, "bad rules")
    it.step()
    assert it.state() is State.FAILED
    account.reset()
    assert starts(it) == 2
    account.restart()
    account.process.ended = Ended(1, None)  # before it was asked to end
    it.step()
    assert starts(it) == 2
    assert ends_and_starts(it) == 3


def test_an_account_runs_unless_somebody_wants_it_stopped(it: Scene) -> None:
    def wanted() -> bool:
        return it.account.wanted

    for why in ("stopped", "removed", "dismissed"):
        assert wanted()
        setattr(it.account, why, True)
        assert not wanted()
        setattr(it.account, why, False)


def test_an_account_that_is_held_up_by_something_wrong_says_so_once(it: Scene) -> None:
    account = it.put_in(State.WAITING)
    blocked = Gate(open=False, reason="MASTER_NOT_READY", message="the master is FAILED", blocked=True)
    it.step(blocked)
    it.step(blocked)
    assert [account.take_blocked(), account.take_blocked()] == ["the master is FAILED", ""]
    it.step(CLOSED)
    assert not account.take_blocked()
    it.step(blocked)
    assert account.take_blocked()
    assert account.life.state is State.WAITING


def test_a_change_that_the_process_explains_a_moment_later_is_recorded_with_its_reason(it: Scene) -> None:
    account = it.put_in(State.RUNNING)
    link = StandIn()
    account.process.link = cast("AccountLink", link)
    link.serving = False
    it.step()
    assert (account.life.state, account.life.reason, it.new_events()) == (State.DEGRADED, "NOT_SERVING", [])
    link.snapshot = account_pb.WatchSnapshotResponse(reason="FEED_DOWN", message="cut")
    it.step()
    assert it.new_events() == ["SEVERITY_WARNING tania ACCOUNT_STATE_CHANGED RUNNING -> DEGRADED (FEED_DOWN)"]
    event = it.journal.events_after(0, 10)[-1]
    assert dict(event.data) == {"from": "RUNNING", "to": "DEGRADED", "reason": "FEED_DOWN"}


def test_a_user_that_only_waits_for_its_master_alarms_nobody(it: Scene) -> None:
    account = it.put_in(State.RUNNING)
    account.process.link = cast("AccountLink", StandIn())
    it.step()
    (change,) = it.new_events()
    assert change == "SEVERITY_INFO tania ACCOUNT_STATE_CHANGED RUNNING -> DEGRADED (MASTER_LOST)"


def test_what_turns_out_to_be_nobodys_fault_is_forgiven_and_said_and_an_operators_word_is_kept(
    it: Scene,
) -> None:
    account = it.put_in(State.FAILED, reason="RESTART_LIMIT", failures=(NOW - 1,), attempt=1)
    account.reset()
    account.forgive(NOW - 10, NOW, Limits())
    assert it.state() is State.BACKOFF
    assert [words.split(" (")[0] for words in it.new_events()] == [
        "SEVERITY_WARNING tania ACCOUNT_STATE_CHANGED FAILED -> BACKOFF"
    ]
    it.step()
    assert it.state() is State.WAITING


def test_only_an_end_that_nobody_asked_for_is_kept(it: Scene) -> None:
    lived = Lived(17, "i1", NOW - 60, NOW, ExitStatus(1, None), ["KeyError"])
    account = it.put_in(State.RUNNING)
    end = account.unasked_end(lived)
    assert end is not None
    assert (end.pid, end.exit_code, list(end.output)) == (17, 1, ["KeyError"])
    account.stopped = True
    assert account.unasked_end(lived) is None
    account.stopped = False
    account.restart()
    assert account.unasked_end(lived) is None
    assert it.put_in(State.STOPPING).unasked_end(lived) is None


class Link:
    """A conversation of which only what it says is looked at."""

    serving = linked = True

    def __init__(self, *codes: str, reason: str = "") -> None:
        notices = [pb.Notice(code=code, message=f"about {code}") for code in codes]
        self.snapshot = account_pb.WatchSnapshotResponse(notices=notices, reason=reason)


def test_a_user_whose_coin_is_not_listed_any_more_has_the_tables_read_again_once(it: Scene) -> None:
    account = it.put_in(State.RUNNING)
    for _ in range(2):
        account.process.link = cast("AccountLink", Link("NOT_LISTED"))
        account.link_changed()
        assert it.names.reads == 1
    assert it.new_events() == ["SEVERITY_WARNING tania NOT_LISTED about NOT_LISTED"]
    assert it.queue.take_accounts() == {"tania"}


def test_a_new_process_that_has_said_nothing_yet_ends_nothing(it: Scene) -> None:
    account = it.put_in(State.RUNNING)
    for link in (Link("NOT_LISTED"), Link(), Link("NOT_LISTED")):
        account.process.link = cast("AccountLink", link)
        account.link_changed()
    assert it.new_events() == ["SEVERITY_WARNING tania NOT_LISTED about NOT_LISTED"]


def test_a_stream_that_is_refused_takes_the_account_out_of_service(it: Scene) -> None:
    account = it.put_in(State.RUNNING)
    account.process.link = cast("AccountLink", Link())
    account.link_refused("JOURNAL_DIFFERS", "other fills")
    it.step()
    assert (account.life.state, account.life.reason) == (State.DEGRADED, "JOURNAL_DIFFERS")
    assert it.new_events()[0] == "SEVERITY_ERROR tania JOURNAL_DIFFERS other fills"


def test_a_users_own_strategy_trades_while_the_master_is_lost_and_nothing_waits_to_be_copied(
    it: Scene,
) -> None:
    account = it.put_in(State.RUNNING)
    assert account.trading_mode(fills_wait=False) == pb.TRADING_MODE_OWN
    assert account.trading_mode(fills_wait=True) == pb.TRADING_MODE_COPYING
    account.paused = True
    assert account.trading_mode(fills_wait=False) == pb.TRADING_MODE_COPYING
    account.paused, it.master_lost = False, False
    assert account.trading_mode(fills_wait=False) == pb.TRADING_MODE_COPYING
    account.trading_mode_sent(pb.TRADING_MODE_OWN)
    account.trading_mode_sent(pb.TRADING_MODE_COPYING)
    assert [words.split()[2] for words in it.new_events()] == ["OWN_STRATEGY_ON", "OWN_STRATEGY_OFF"]
