"""A key is decided on the disk before anything follows, and whatever is wrong before leaves all as it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from krakencopy.account_proc.contract.spec import Credentials
from krakencopy.supervisor.control.change_refused import ChangeRefused
from krakencopy.supervisor.control.configurator import Asker
from krakencopy.supervisor.control.rotation import Rotation
from krakencopy.supervisor.lifecycle.state_machine import Life, State
from krakencopy.supervisor.processes.child import NotReady, SpawnFault
from krakencopy.v1 import configuration_pb2 as pb
from tests.support.configured import Configured, played, user_of_file, write_key
from tests.support.idle_supervisor import set_running

ASKER = Asker("ida", "root", "r", "d")
FIT = {"reason": "", "message": "", "identity": "a" * 40}


class Trial:
    """A process that has found something out, or an error."""

    def __init__(self, found: Any) -> None:
        self._found = found
        self.signals: list[int] = []

    async def wait_ready(self, _timeout_s: float) -> Any:
        if isinstance(self._found, Exception):
            raise self._found
        return self._found

    def signal(self, number: int) -> bool:
        self.signals.append(number)
        return True

    async def wait_exit(self) -> None:
        """At once."""


class Trials:
    """A spawner of trials."""

    def __init__(self, found: Any) -> None:
        self.trial = Trial(found)
        self.keys: list[str] = []
        self.error: Exception | None = None

    async def spawn(self, spec: Any, credentials: Credentials) -> Any:
        assert spec.checks_key
        if self.error is not None:
            raise self.error
        spec.nonce_path.write_text("tried")
        self.keys.append(credentials.key)
        return self.trial


@pytest.fixture
def it(state: Path) -> Iterator[Configured]:
    state.mkdir(mode=0o700)
    made = Configured(state, user_of_file("anna") + user_of_file("ben"))
    made.supervisor.launcher._spawner = cast("Any", Trials(FIT))
    made.supervisor.registry._turns.note_start("anna", Credentials("first", "c2VjcmV0"))
    set_running(made.supervisor.accounts["anna"])
    yield made
    made.close()


def trials(it: Configured, found: Any = None) -> Trials:
    made = cast("Trials", it.supervisor.launcher._spawner)
    if found is not None:
        made.trial = Trial(found)
    return made


async def rotate(it: Configured, *, validate_only: bool = False) -> pb.RotateCredentialsResponse:
    account = it.supervisor.accounts["anna"]
    return await Rotation(it.supervisor, it.reloader).rotate(account, ASKER, validate_only=validate_only)


def tried_nonce(it: Configured) -> Path:
    return it.folder / "kraken_nonce_user_anna.new.txt"


@played
async def test_a_fit_key_is_kept_first_and_then_a_process_has_it(it: Configured) -> None:
    answer = await rotate(it)
    assert answer.outcome == pb.ROTATION_OUTCOME_UNDER_WAY
    assert it.supervisor.accounts["anna"]._restart
    row = it.journal.last_rotation("anna")
    assert row is not None
    assert (row.old, row.changed_by) == (it.supervisor.registry.key_of("anna"), "ida")
    assert str(row.new) in answer.message
    assert it.journal.config_answer("d") == answer.SerializeToString()
    assert tried_nonce(it).read_text() == "tried", "its first process goes on from it"
    assert it.events("CREDENTIALS_ROTATED")[0].account_id == "anna"


@played
async def test_what_is_only_validated_or_the_same_key_changes_nothing(it: Configured) -> None:
    assert (await rotate(it, validate_only=True)).outcome == pb.ROTATION_OUTCOME_FIT
    assert not tried_nonce(it).exists()
    (key,) = trials(it).keys
    it.supervisor.registry._turns.note_start("anna", Credentials(key, "c2VjcmV0"))
    assert (await rotate(it)).outcome == pb.ROTATION_OUTCOME_SAME_KEY
    assert trials(it).keys == [key], "and is not tried"
    assert it.journal.last_rotation("anna") is None
    assert not it.supervisor.accounts["anna"]._restart


@played
async def test_a_key_of_variables_is_not_replaced_while_the_supervisor_runs(
    it: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = Credentials("from variables", "c2VjcmV0")
    account = it.supervisor.accounts["anna"]
    monkeypatch.setattr(account, "config", replace(account.config, credentials_file=None))
    write_key(it.conf / "anna.key", key.key.replace(" ", "-"), key.secret)
    it.supervisor.registry._turns.note_start("anna", Credentials("from-variables", key.secret))
    answer = await rotate(it)
    assert answer.outcome == pb.ROTATION_OUTCOME_SAME_KEY
    assert "variables are seen at the start of krakencopyd alone" in answer.message


@pytest.mark.parametrize(
    ("found", "reason", "says"),
    [
        ({**FIT, "reason": "KEY_EXPIRED", "message": "it expired"}, "KEY_EXPIRED", "it expired"),
        ({**FIT, "reason": "NONCE_FAULT", "message": "odd"}, "EXCHANGE", "odd"),
        ({**FIT, "identity": "b" * 40}, "OTHER_ACCOUNT", "make a key of that one"),
        ({**FIT, "identity": "c" * 40}, "SAME_ACCOUNT", "which is ben's already"),
        (NotReady("gone"), "EXCHANGE", "did not answer"),
        (TimeoutError(), "EXCHANGE", "did not answer"),
    ],
)
@played
async def test_a_key_that_is_no_good_leaves_all_as_it_is(
    it: Configured, found: Any, reason: str, says: str
) -> None:
    if reason == "OTHER_ACCOUNT":
        it.journal.put_identity("anna", "a" * 40)
    it.journal.put_identity("ben", "c" * 40)
    made = trials(it, found)
    with pytest.raises(ChangeRefused, match=says) as raised:
        await rotate(it)
    assert raised.value.reason == reason
    assert made.trial.signals == ([9] if isinstance(found, Exception) else [])
    assert not tried_nonce(it).exists()
    assert it.journal.last_rotation("anna") is None
    assert not it.supervisor.accounts["anna"]._restart
    (event,) = it.events("CREDENTIALS_REFUSED")
    assert event.data["reason"] == reason


@played
async def test_a_source_without_a_key_and_a_process_that_cannot_start(it: Configured) -> None:
    trials(it).error = SpawnFault("too many")
    with pytest.raises(ChangeRefused, match="too many"):
        await rotate(it)
    write_key(it.conf / "anna.key", key="a key with spaces")
    with pytest.raises(ChangeRefused, match="not an API key") as raised:
        await rotate(it, validate_only=True)
    assert raised.value.reason == "KEY_NOT_FOUND"
    assert len(it.events("CREDENTIALS_REFUSED")) == 1, "only of what was to be done"


@played
async def test_an_answer_waits_for_the_new_process_or_for_what_there_is(it: Configured) -> None:
    account, rotation = it.supervisor.accounts["anna"], Rotation(it.supervisor, it.reloader)
    answer = await rotate(it)
    (key,) = trials(it).keys
    it.supervisor.registry._turns.note_start("anna", Credentials(key, "c2VjcmV0"))
    account.life = Life(account_id="anna", state=State.RUNNING)
    await rotation.settled(account, answer)
    assert answer.outcome == pb.ROTATION_OUTCOME_ROTATED
    for life, stopped in ((State.FAILED, False), (State.STOPPED, True)):
        answer = pb.RotateCredentialsResponse(outcome=pb.ROTATION_OUTCOME_UNDER_WAY)
        account.life, account.stopped = Life(account_id="anna", state=life), stopped
        await rotation.settled(account, answer)
        assert answer.outcome == pb.ROTATION_OUTCOME_UNDER_WAY
