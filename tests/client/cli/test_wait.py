"""Waiting asks again until the system is as it should be, and says in the end why it is not."""

from __future__ import annotations

import socket
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import pytest

from krakencopy.client.cli import wait
from krakencopy.client.cli.run import dial, run
from krakencopy.client.cli.wait import wait_until_gone, wait_until_ready
from krakencopy.client.sdk.endpoint import ENDPOINT_VARIABLE
from krakencopy.client.sdk.errors import KrakenCopyError, Refused, TimedOut, Unavailable
from krakencopy.client.sdk.message_client import MessageClient
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns

READY = pb.GetStatusResponse(ready=True)
STARTS = pb.GetStatusResponse(
    message="2 of 3 accounts run",
    accounts=[
        nouns.Account(id="anna", state=nouns.ACCOUNT_STATE_STARTING, message="reads its orders"),
        nouns.Account(id="ben", state=nouns.ACCOUNT_STATE_STOPPED, message="stopped by an operator"),
    ],
)


class Machine:
    """A clock that only sleeping and calls move, and what each call finds."""

    def __init__(self, *answers: pb.GetStatusResponse | KrakenCopyError, call_s: float = 0.0) -> None:
        self.now_s = 100.0
        self._call_s = call_s
        self._answers = list(answers)
        self.limits_s: list[float] = []

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, length_s: float) -> None:
        self.now_s += length_s

    def status(self, limit_s: float) -> pb.GetStatusResponse:
        self.limits_s.append(limit_s)
        self.now_s += self._call_s
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, KrakenCopyError):
            raise answer
        return answer


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Machine]:
    def make(*answers: pb.GetStatusResponse | KrakenCopyError, call_s: float = 0.0) -> Machine:
        made = Machine(*answers, call_s=call_s)
        monkeypatch.setattr(wait, "time", made)
        return made

    return make


def test_it_is_asked_until_it_is_ready(machine: Callable[..., Machine]) -> None:
    system = machine(Unavailable("nobody"), TimedOut("busy"), STARTS, READY)
    assert wait_until_ready(system.status, 10.0) == READY
    assert len(system.limits_s) == 4


def test_even_without_any_time_it_is_asked_once(machine: Callable[..., Machine]) -> None:
    assert wait_until_ready(machine(READY).status, 0.0) == READY
    with pytest.raises(TimedOut, match=r"^not ready: nobody answers$"):
        wait_until_ready(machine(Unavailable("nobody answers")).status, 0.0)


def test_why_it_is_not_ready_names_accounts_that_should_run(
    machine: Callable[..., Machine],
) -> None:
    with pytest.raises(TimedOut) as late:
        wait_until_ready(machine(STARTS).status, 3.0)
    assert late.value.message.startswith("not ready after 3 s: 2 of 3 accounts run; ")
    assert "anna" in late.value.message
    assert "ben" not in late.value.message


def test_a_supervisor_that_gives_no_reason_is_told_so(machine: Callable[..., Machine]) -> None:
    with pytest.raises(TimedOut, match="the supervisor gives no reason"):
        wait_until_ready(machine(pb.GetStatusResponse()).status, 1.0)


def test_what_it_refuses_is_not_waited_for(machine: Callable[..., Machine]) -> None:
    system = machine(Refused("no"))
    with pytest.raises(Refused):
        wait_until_ready(system.status, 10.0)
    assert len(system.limits_s) == 1


def test_a_call_lasts_no_longer_than_the_wait_and_at_least_a_second(machine: Callable[..., Machine]) -> None:
    system = machine(STARTS, call_s=3.0)
    with pytest.raises(TimedOut):
        wait_until_ready(system.status, 8.0)
    assert system.limits_s == [5.0, 4.75, 1.5]


def test_it_is_gone_when_nobody_answers(machine: Callable[..., Machine]) -> None:
    system = machine(READY, TimedOut("busy with ending"), Unavailable("nobody"))
    wait_until_gone(system.status, 10.0)
    assert len(system.limits_s) == 3


def test_one_that_stays_is_told_with_the_time_it_had(machine: Callable[..., Machine]) -> None:
    with pytest.raises(TimedOut, match="the supervisor still answers 2 s after it was asked to stop"):
        wait_until_gone(machine(READY).status, 2.0)


def test_a_wait_finds_a_supervisor_that_starts_meanwhile_in_the_other_default_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(ENDPOINT_VARIABLE, raising=False)
    (tmp_path / "data-paper" / "run").mkdir(parents=True)
    dialled: list[str] = []

    def dial_and_start(arguments: Namespace) -> MessageClient:
        found = dial(arguments)
        dialled.append(str(found.endpoint))
        if len(dialled) == 2:
            listener.bind("data-paper/run/control.sock")
            listener.listen()
        return found

    with socket.socket(socket.AF_UNIX) as listener:
        assert run(["wait", "--ready", "--timeout", "2"], dial_and_start) == 5
    assert dialled[:2] == ["unix:data/run/control.sock"] * 2
    assert dialled[2] == "unix:data-paper/run/control.sock"
