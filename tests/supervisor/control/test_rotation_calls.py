"""RotateCredentials on the real socket: once for each request, and refused with what stays as it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import grpc
import pytest

from krakencopy.account_proc.contract.spec import Credentials
from krakencopy.supervisor.lifecycle.state_machine import Life, State
from krakencopy.v1 import configuration_pb2 as pb
from tests.supervisor.control.test_rotation import FIT, Trials
from tests.support.configured import Configured, played, user_of_file
from tests.support.served_control import refused, served


@pytest.fixture
def it(state: Path) -> Iterator[Configured]:
    state.mkdir(mode=0o700)
    made = Configured(state, user_of_file("anna"))
    made.supervisor.launcher._spawner = cast("Any", Trials(FIT))
    made.supervisor.registry._turns.note_start("anna", Credentials("first", "c2VjcmV0"))
    yield made
    made.close()


def asked(request_id: str = "k1", account_id: str = "anna", **more: Any) -> pb.RotateCredentialsRequest:
    return pb.RotateCredentialsRequest(request_id=request_id, account_id=account_id, **more)


def begin(it: Configured) -> None:
    """A process of anna's with the key that her source has."""
    account = it.supervisor.accounts["anna"]
    it.supervisor.registry._turns.note_start("anna", it.keys(account.config))
    account.life = Life(account_id="anna", state=State.RUNNING)


@played
async def test_a_rotation_is_done_once_also_for_the_next_run(it: Configured) -> None:
    it.supervisor.accounts["anna"].stopped = True  # nobody waits for its next process
    async with served(it.supervisor, it.reloader) as stub:
        first = await stub.RotateCredentials(asked())
        assert first.outcome == pb.ROTATION_OUTCOME_UNDER_WAY
        assert first.account.id == "anna"
        again = await stub.RotateCredentials(asked())
        assert (again.outcome, again.message) == (first.outcome, first.message)
        begin(it)
        again = await stub.RotateCredentials(asked())
        assert (again.outcome, again.message) == (pb.ROTATION_OUTCOME_ROTATED, first.message), "by now"
    it = it.again()
    begin(it)
    async with served(it.supervisor, it.reloader) as stub:
        again = await stub.RotateCredentials(asked())
    assert (again.outcome, again.message) == (pb.ROTATION_OUTCOME_ROTATED, first.message)
    assert len(it.events("CREDENTIALS_ROTATED")) == 1
    it.close()


@played
async def test_refusals_say_that_nothing_was_changed(it: Configured) -> None:
    found = {**FIT, "reason": "EXCHANGE", "message": "it does not answer"}
    it.supervisor.launcher._spawner = cast("Any", Trials(found))
    async with served(it.supervisor, it.reloader) as stub:
        code, reason, words = await refused(stub.RotateCredentials(asked()))
        assert (code, reason) == (grpc.StatusCode.UNAVAILABLE, "EXCHANGE")
        assert words == "it does not answer; the old key is in use, and nothing was changed"
        assert (await refused(stub.RotateCredentials(asked("", "anna"))))[1] == "REQUEST_ID_MISSING"
        assert (await refused(stub.RotateCredentials(asked(account_id="zoe"))))[1] == "ACCOUNT_NOT_FOUND"
        secret = "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5"
        refusal = await refused(stub.RotateCredentials(asked(changed_by=secret[:64])))
        assert refusal[1] == "LOOKS_LIKE_A_SECRET"
