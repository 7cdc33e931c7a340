"""`wait` and `shutdown --wait` against a real server: what they wait for, and how they end."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest

from krakencopy.client.cli.main import main
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns
from tests.support import client_samples as samples
from tests.support.client_process import LIMIT_S, interrupted, running
from tests.support.scripted_supervisor import Scripted, refuse, serve


def test_wait_ends_with_0_when_the_system_becomes_ready(
    endpoint: str, supervisor: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = [samples.status(ready=False), samples.status()]
    supervisor.on["GetStatus"] = lambda _request, _context: answers.pop(0)
    assert main(["wait", "--ready", "--endpoint", endpoint, "--timeout", str(LIMIT_S)]) == 0
    assert capsys.readouterr().out == "ready: 2 of 2 accounts running, 12 fills\n"


def test_wait_names_who_is_stopped_when_the_system_is_ready_without_them(
    endpoint: str, supervisor: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    stopped = samples.user("eve", nouns.ACCOUNT_STATE_STOPPED)
    supervisor.on["GetStatus"] = lambda _request, _context: samples.status(samples.master(), stopped)
    assert main(["wait", "--ready", "--endpoint", endpoint]) == 0
    assert capsys.readouterr().out == "ready: 1 of 2 accounts running, 12 fills; stopped: eve\n"


def test_wait_waits_for_the_socket_as_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "run").mkdir()
    supervisor = Scripted()
    supervisor.on["GetStatus"] = lambda _request, _context: samples.status()
    with ThreadPoolExecutor(1) as pool:
        code = pool.submit(main, ["wait", "--ready", "--state-dir", str(tmp_path), "--timeout", str(LIMIT_S)])
        with serve(supervisor, tmp_path / "run" / "control.sock"):
            assert code.result(LIMIT_S) == 0
    assert capsys.readouterr().out.startswith("ready")


def test_wait_ends_with_5_and_says_who_is_not_ready(
    endpoint: str, supervisor: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    blocked = samples.user("eve", nouns.ACCOUNT_STATE_WAITING, "MASTER_NOT_READY", "start the master")
    supervisor.on["GetStatus"] = lambda _request, _context: samples.status(
        samples.master(), blocked, ready=False, message="1 of 2 accounts is not running"
    )
    assert main(["wait", "--ready", "--timeout", "0", "--endpoint", endpoint]) == 5
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == ("krakencopy: not ready: 1 of 2 accounts is not running; eve: start the master\n")


def test_wait_does_not_wait_for_a_server_that_refuses_it(endpoint: str, supervisor: Scripted) -> None:
    supervisor.on["GetStatus"] = refuse(grpc.StatusCode.UNAUTHENTICATED, "NO_TOKEN", "no")
    assert main(["wait", "--ready", "--timeout", "1000", "--endpoint", endpoint]) == 1


def test_shutdown_with_wait_ends_when_the_supervisor_is_gone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = threading.Event()
    supervisor = Scripted()

    def answer(_request: Any, _context: Any) -> pb.ShutdownResponse:
        told.set()
        return pb.ShutdownResponse()

    supervisor.on["Shutdown"] = answer
    with ThreadPoolExecutor(1) as pool:
        with serve(supervisor, tmp_path / "control.sock") as endpoint:
            code = pool.submit(
                main, ["shutdown", "--wait", "--endpoint", endpoint, "--timeout", str(LIMIT_S)]
            )
            assert told.wait(LIMIT_S)
        assert code.result(LIMIT_S) == 0
    assert capsys.readouterr().out == "the supervisor has stopped\n"


def test_shutdown_with_wait_is_done_when_the_supervisor_was_quicker_than_its_answer(tmp_path: Path) -> None:
    supervisor = Scripted()
    stopping, over = threading.Event(), threading.Event()

    def answer(_request: Any, context: grpc.ServicerContext) -> pb.ShutdownResponse:
        if context.add_callback(over.set):
            stopping.set()
            over.wait(LIMIT_S)
        return pb.ShutdownResponse()

    supervisor.on["Shutdown"] = answer
    with ThreadPoolExecutor(1) as pool:
        with serve(supervisor, tmp_path / "control.sock") as endpoint:
            code = pool.submit(
                main, ["shutdown", "--wait", "--endpoint", endpoint, "--timeout", str(LIMIT_S)]
            )
            assert stopping.wait(LIMIT_S)
        assert code.result(LIMIT_S) == 0


def test_ctrl_c_says_what_goes_on_without_the_wait(endpoint: str, supervisor: Scripted) -> None:
    waits = threading.Semaphore(0)

    def status(_request: Any, _context: Any) -> pb.GetStatusResponse:
        if supervisor.requests(pb.ShutdownRequest):
            waits.release()
        return samples.status()

    supervisor.on["GetStatus"] = status
    with running("shutdown", "--wait", "--endpoint", endpoint) as process:
        for _ in range(2):
            assert waits.acquire(timeout=LIMIT_S)
        assert interrupted(process) == (
            130, "krakencopy: the supervisor goes on stopping; `krakencopy shutdown --now` hurries it\n",
        )  # fmt: skip


@pytest.mark.parametrize("words", [["shutdown"], ["shutdown", "--now"]])
def test_shutdown_says_whether_it_is_in_a_hurry(
    endpoint: str, supervisor: Scripted, words: list[str]
) -> None:
    assert main([*words, "--endpoint", endpoint]) == 0
    (asked,) = supervisor.requests(pb.ShutdownRequest)
    assert asked.now is ("--now" in words)


def test_shutdown_where_nobody_listens_ends_with_2(tmp_path: Path) -> None:
    assert main(["shutdown", "--wait", "--state-dir", str(tmp_path)]) == 2


def test_shutdown_with_wait_ends_with_5_when_the_supervisor_stays(
    endpoint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["shutdown", "--wait", "--endpoint", endpoint, "--timeout", "0.3"]) == 5
    assert "still answers" in capsys.readouterr().err
