"""What operators ask of one account holds for the state that they saw, and for no later one."""

from __future__ import annotations

from typing import Any, cast

import pytest

from krakencopy.account_proc.contract.spec import Role
from krakencopy.supervisor.accounts.account_link import AccountLink
from krakencopy.supervisor.accounts.supervised_account import SupervisedAccount, Surroundings
from krakencopy.supervisor.config.model import AccountConfig
from krakencopy.supervisor.lifecycle.start_order import Gate
from krakencopy.supervisor.lifecycle.state_machine import Ended, Life, Limits, State
from krakencopy.supervisor.processes.spawner import Spawner
from krakencopy.v1 import account_pb2 as account_pb
from krakencopy.v1 import types_pb2 as pb

NOW = 1_800_000_000.0


class Around:
    """A supervisor in which nothing may start."""

    limits = Limits()

    def __init__(self) -> None:
        self.told: list[str] = []

    def gate(self, _: AccountConfig) -> Gate:
        return Gate(open=False, reason="MASTER_NOT_READY", message="blocked")

    def wanted(self, _: str) -> bool:
        return True

    def master_serving(self) -> bool:
        return False

    def ended_by_itself(self, _: str, __: float) -> bool:
        return False

    def tell(self, severity: pb.Severity.ValueType, account_id: str, code: str, message: str) -> None:
        self.told.append(f"{pb.Severity.Name(severity)} {account_id} {code} {message}")

    def names_doubted(self) -> None:
        self.told.append("names are doubted")

    def dirty(self, _: str) -> None:
        pass


def account_in(state: State, **life: Any) -> tuple[SupervisedAccount, Around]:
    around = Around()
    config = AccountConfig(id="tania", role=Role.USER, broker="kraken")
    account = SupervisedAccount(config, cast("Surroundings", around), cast("Spawner", None))
    account.life = Life(state=state, since=NOW - 10, **life)
    return account, around


@pytest.mark.parametrize(
    ("ended", "state"), [(Ended(1, None), State.BACKOFF), (Ended(78, None, "bad rules"), State.FAILED)]
)
def test_a_start_of_an_account_that_runs_does_not_undo_what_happens_to_it_later(
    ended: Ended, state: State
) -> None:
    account, _ = account_in(State.RUNNING)
    account.reset()
    account._process_ended(ended)
    account.step(NOW)
    assert account.life.state is state


@pytest.mark.parametrize("state", [State.BACKOFF, State.FAILED])
def test_a_start_of_an_account_that_waits_or_failed_is_another_try_now(state: State) -> None:
    account, around = account_in(state, deadline=NOW + 50)
    account.reset()
    account.step(NOW)
    assert account.life.state is State.WAITING
    assert around.told[0] == (
        f"SEVERITY_INFO tania ACCOUNT_STATE_CHANGED {state} -> WAITING (MASTER_NOT_READY: blocked)"
    )


class Link:
    """A conversation of which only what it tells is looked at."""

    def __init__(self, *codes: str, reason: str = "") -> None:
        notices = [pb.Notice(code=code, message=f"about {code}") for code in codes]
        self.snapshot = account_pb.WatchSnapshotResponse(notices=notices, reason=reason)


def test_what_operators_should_know_is_an_event_when_it_begins_and_when_it_ends() -> None:
    account, around = account_in(State.RUNNING)

    def told(*codes: str, reason: str = "") -> list[str]:
        around.told.clear()
        account.link = cast("AccountLink", Link(*codes, reason=reason))
        account.noticed()
        return around.told

    assert told() == []
    assert told("CLOCK_OFF") == ["SEVERITY_WARNING tania CLOCK_OFF about CLOCK_OFF"]
    assert told("CLOCK_OFF") == []
    # A new process knows nothing yet.
    assert told(reason="CONNECTING") == []
    assert told("CLOCK_OFF", reason="CONNECTING") == []
    assert told("NO_FUNDS") == [
        "SEVERITY_WARNING tania NO_FUNDS about NO_FUNDS",
        "SEVERITY_INFO tania CLOCK_OFF_OVER over: about CLOCK_OFF",
    ]
    assert told() == ["SEVERITY_INFO tania NO_FUNDS_OVER over: about NO_FUNDS"]
    assert told("NOT_LISTED") == ["SEVERITY_WARNING tania NOT_LISTED about NOT_LISTED", "names are doubted"]
    assert told("NOT_LISTED") == []
