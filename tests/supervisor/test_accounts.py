"""What operators ask of one account holds for the state that they saw, and for no later one."""

from __future__ import annotations

from typing import Any, cast

import pytest
from krakencopy.v1 import types_pb2 as pb

from account_proc.spec import Role
from supervisor.accounts import SupervisedAccount, Surroundings
from supervisor.config import AccountConfig
from supervisor.gate import Gate
from supervisor.lifecycle import Ended, Life, Limits, State
from supervisor.spawning import Spawner

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

    def tell(self, severity: pb.Severity.ValueType, account_id: str, code: str, message: str) -> None:
        self.told.append(f"{pb.Severity.Name(severity)} {account_id} {code} {message}")

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
