"""Commands against a real server: what streams, waits, or ends in its own way."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from krakencopy.client.cli.main import main
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns
from tests.support import client_samples as samples
from tests.support.scripted_supervisor import Live, Scripted, refuse, serve

ROOT = Path(__file__).parents[3]
#: Every wait in these tests ends by itself, long after it should have.
LIMIT_S = 30.0


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "krakencopy.client.cli.main", *arguments]


@contextmanager
def _running(*arguments: str, **options: Any) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        _command(*arguments),
        stdout=options.pop("stdout", subprocess.PIPE),
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        **options,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _interrupted(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Ctrl-C: how it ends, and what it says."""
    process.send_signal(signal.SIGINT)
    assert process.stderr
    code = process.wait(LIMIT_S)
    return code, process.stderr.read()


def _then_compacted(*messages: Any) -> Any:
    """A stream that ends with an error, so that a command that follows it ends as well."""

    def answer(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        yield from messages
        refuse(grpc.StatusCode.OUT_OF_RANGE, "COMPACTED", "the end")(request, context)

    return answer


def test_fills_follow_goes_on_behind_the_list(
    endpoint: str, supervisor: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    supervisor.on["GetStatus"] = lambda _request, _context: samples.status()
    supervisor.on["ListFills"] = lambda _request, _context: pb.ListFillsResponse(
        fills=[samples.fill(13), samples.fill(12)]
    )
    supervisor.on["WatchFills"] = _then_compacted(pb.WatchFillsResponse(fill=samples.fill(14)))
    assert main(["fills", "--follow", "-o", "json", "--endpoint", endpoint]) == 1
    captured = capsys.readouterr()
    assert [json.loads(line)["seq"] for line in captured.out.splitlines()] == ["12", "13", "14"]
    assert captured.err == "krakencopy: the end (COMPACTED)\n"
    assert supervisor.requests(pb.WatchFillsRequest) == [pb.WatchFillsRequest(after_seq=13)]


def test_fills_follow_with_a_pair_starts_at_the_head_and_shows_only_that_pair(
    endpoint: str, supervisor: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    supervisor.on["GetStatus"] = lambda _request, _context: samples.status()
    other = samples.fill(14, pair="ETH/USD")
    supervisor.on["WatchFills"] = _then_compacted(pb.WatchFillsResponse(fill=other))
    assert main(["fills", "--follow", "--pair", "eth/usd", "--endpoint", endpoint]) == 1
    nothing, header, row = capsys.readouterr().out.splitlines()
    assert nothing == "no fills of eth/usd yet"
    assert header.split()[0] == "FILL"
    assert row.split()[0] == "14"
    assert supervisor.requests(pb.WatchFillsRequest) == [pb.WatchFillsRequest(after_seq=12, pair="eth/usd")]


def test_fills_after_a_seq_that_are_followed_have_no_gap(endpoint: str, supervisor: Scripted) -> None:
    supervisor.on["GetStatus"] = lambda _request, _context: samples.status()
    supervisor.on["WatchFills"] = _then_compacted()
    assert main(["fills", "--follow", "--after", "3", "--endpoint", endpoint]) == 1
    assert supervisor.requests(pb.WatchFillsRequest) == [pb.WatchFillsRequest(after_seq=3)]


def test_what_is_followed_since_a_time_leaves_out_what_is_older(
    endpoint: str, supervisor: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    supervisor.on["GetStatus"] = lambda _request, _context: samples.status()
    late, new, event = samples.fill(13), samples.fill(14), samples.event(10)
    new.executed_at.CopyFrom(samples.at(1000))
    event.at.CopyFrom(samples.at(1000))
    supervisor.on["WatchFills"] = _then_compacted(
        pb.WatchFillsResponse(fill=late), pb.WatchFillsResponse(fill=new)
    )
    supervisor.on["WatchEvents"] = _then_compacted(
        pb.WatchEventsResponse(event=samples.event(9)), pb.WatchEventsResponse(event=event)
    )
    supervisor.on["ReadLog"] = lambda _request, _context: [pb.ReadLogResponse(line="{}")]
    since = ["--since", "2026-01-02T03:04:06Z", "--endpoint", endpoint, "-o", "json"]
    assert main(["fills", "--follow", *since]) == 1
    assert [json.loads(line)["seq"] for line in capsys.readouterr().out.splitlines()] == ["14"]
    assert main(["events", "--follow", *since]) == 1
    assert [json.loads(line)["seq"] for line in capsys.readouterr().out.splitlines()] == ["10"]
    [listed] = supervisor.requests(pb.ListFillsRequest)
    assert (listed.since, listed.page_size) == (samples.at(1000), 1000)
    assert main(["logs", "bob", *since]) == 0
    assert supervisor.requests(pb.ReadLogRequest) == [
        pb.ReadLogRequest(account_id="bob", lines=10_000, since=samples.at(1000))
    ]


def test_copies_follow_watches_from_the_head_before_the_list_and_shows_what_is_in_both_once(
    endpoint: str, supervisor: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = samples.copy("bob", 1, revision=4), samples.copy("bob", 1, revision=5)
    skipped = samples.copy("bob", 2, state=nouns.COPY_STATE_SKIPPED, revision=6)
    supervisor.on["GetStatus"] = lambda _request, _context: samples.status()  # its head_change is 40
    supervisor.on["ListCopies"] = lambda _request, _context: pb.ListCopiesResponse(copies=[old])
    supervisor.on["WatchCopies"] = _then_compacted(
        *(pb.WatchCopiesResponse(change=n, copy=copy) for n, copy in enumerate((old, new, skipped), 41))
    )
    line = ["copies", "--follow", "-o", "json", "--endpoint", endpoint, "--account", "bob"]
    assert main(line) == 1
    assert [json.loads(line)["revision"] for line in capsys.readouterr().out.splitlines()] == ["4", "5", "6"]
    assert supervisor.requests(pb.WatchCopiesRequest) == [
        pb.WatchCopiesRequest(after_change=40, account_id="bob")
    ]
    asked = [type(request) for request in supervisor.asked]
    assert asked.index(pb.GetStatusRequest) < asked.index(pb.ListCopiesRequest)
    assert main([*line, "--state", "SKIPPED", "--fill", "2"]) == 1
    assert [json.loads(line)["revision"] for line in capsys.readouterr().out.splitlines()] == ["4", "6"]


@pytest.mark.parametrize(("listed", "after"), [(7, 9), (10, 10)])
def test_events_follow_goes_on_behind_the_head_or_the_list_and_shows_one_account(
    endpoint: str, supervisor: Scripted, capsys: pytest.CaptureFixture[str], listed: int, after: int
) -> None:
    supervisor.on["GetStatus"] = lambda _request, _context: samples.status()  # its head_event is 9
    supervisor.on["ListEvents"] = lambda _request, _context: pb.ListEventsResponse(
        events=[samples.event(listed)]
    )
    supervisor.on["WatchEvents"] = _then_compacted(
        *(pb.WatchEventsResponse(event=event) for event in (samples.event(11, "eve"), samples.event(12)))
    )
    assert main(["events", "--follow", "--account", "bob", "-o", "json", "--endpoint", endpoint]) == 1
    assert [json.loads(line)["seq"] for line in capsys.readouterr().out.splitlines()] == [str(listed), "12"]
    assert supervisor.requests(pb.ListEventsRequest) == [pb.ListEventsRequest(page_size=20, account_id="bob")]
    assert supervisor.requests(pb.WatchEventsRequest) == [pb.WatchEventsRequest(after_seq=after)]


def test_logs_as_json_shows_the_lines_as_they_are_until_ctrl_c(endpoint: str, supervisor: Scripted) -> None:
    supervisor.on["ReadLog"] = live = Live(pb.ReadLogResponse(line='{"n":1}'))
    with _running("logs", "bob", "-n", "5", "-f", "-o", "json", "--endpoint", endpoint) as process:
        assert process.stdout
        assert process.stdout.readline() == '{"n":1}\n'
        live.put(pb.ReadLogResponse(line='{"n":2}'))
        assert process.stdout.readline() == '{"n":2}\n'
        assert _interrupted(process) == (130, "")
    assert supervisor.asked == [pb.ReadLogRequest(account_id="bob", lines=5, follow=True)]


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


@pytest.fixture
def changing(supervisor: Scripted) -> dict[str, Live]:
    """A supervisor whose watches are open and quiet."""
    supervisor.on["GetStatus"] = lambda _request, _context: samples.status()
    live = {name: Live() for name in ("WatchFills", "WatchCopies", "WatchEvents")}
    supervisor.on.update(live)
    return live


def test_watch_prints_a_line_for_each_change_when_not_on_a_terminal(
    endpoint: str, supervisor: Scripted, changing: dict[str, Live]
) -> None:
    with _running("watch", "--endpoint", endpoint) as process:
        assert process.stdout
        lines = [process.stdout.readline(), process.stdout.readline()]
        assert ["account master: RUNNING" in lines[0], "account bob: RUNNING" in lines[1]] == [True, True]
        for live in changing.values():
            live.opened.get(timeout=LIMIT_S)
        changing["WatchFills"].put(pb.WatchFillsResponse(fill=samples.fill()))
        assert "fill 12: buy" in process.stdout.readline()
        changing["WatchCopies"].put(pb.WatchCopiesResponse(change=1, copy=samples.copy()))
        assert "copy by bob of fill 12: FILLED" in process.stdout.readline()
        down = samples.user("bob", nouns.ACCOUNT_STATE_DEGRADED)
        supervisor.on["GetStatus"] = lambda _request, _context: samples.status(samples.master(), down)
        changing["WatchEvents"].put(pb.WatchEventsResponse(event=samples.event()))
        assert "RUNNING -> DEGRADED" in process.stdout.readline()
        assert "account bob: DEGRADED" in process.stdout.readline()
        assert _interrupted(process) == (130, "")


def test_watch_as_json_is_one_response_a_line(endpoint: str, changing: dict[str, Live]) -> None:
    with _running("watch", "-o", "json", "--endpoint", endpoint) as process:
        assert process.stdout
        accounts = [json.loads(process.stdout.readline()) for _ in range(2)]
        assert [line["account"]["id"] for line in accounts] == ["master", "bob"]
        changing["WatchCopies"].opened.get(timeout=LIMIT_S)
        changing["WatchCopies"].put(pb.WatchCopiesResponse(change=7, copy=samples.copy()))
        line = json.loads(process.stdout.readline())
        assert (line["change"], line["copy"]["account_id"]) == ("7", "bob")
        assert _interrupted(process) == (130, "")


def test_watch_ends_with_the_error_of_a_watch_after_what_came_before_it(
    endpoint: str, supervisor: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    supervisor.on.update(WatchCopies=Live(), WatchEvents=Live())
    supervisor.on["WatchFills"] = _then_compacted(pb.WatchFillsResponse(fill=samples.fill()))
    assert main(["watch", "--endpoint", endpoint]) == 1
    captured = capsys.readouterr()
    assert "fill 12: buy" in captured.out
    assert captured.err == "krakencopy: the end (COMPACTED)\n"
    assert not [thread for thread in threading.enumerate() if thread.name == "krakencopy-watch"]


def test_watch_redraws_a_page_on_a_terminal_and_gives_the_cursor_back(
    endpoint: str, changing: dict[str, Live]
) -> None:
    master_fd, terminal_fd = pty.openpty()
    try:
        with _running("watch", "--endpoint", endpoint, stdout=terminal_fd, env=_wide_terminal()) as process:
            _read_until(master_fd, "RUNNING")
            changing["WatchFills"].opened.get(timeout=LIMIT_S)
            changing["WatchFills"].put(pb.WatchFillsResponse(fill=samples.fill(77)))
            drawn = _read_until(master_fd, "  77  01-02")
            assert "\x1b[H" in drawn
            code, error = _interrupted(process)
            assert (code, error) == (130, "")
            _read_until(master_fd, "\x1b[?25h")
    finally:
        os.close(master_fd)
        os.close(terminal_fd)


def _wide_terminal() -> dict[str, str]:
    return {**os.environ, "COLUMNS": "200", "LINES": "50"}


def _read_until(descriptor: int, text: str) -> str:
    """What the terminal got, up to and with the text."""
    deadline = time.monotonic() + LIMIT_S
    got = ""
    while text not in got:
        ready, _, _ = select.select([descriptor], [], [], max(deadline - time.monotonic(), 0))
        assert ready, f"{text!r} did not come, but {got!r}"
        got += os.read(descriptor, 65536).decode()
    return got


def test_a_reader_that_goes_away_is_no_error(endpoint: str, supervisor: Scripted) -> None:
    fills = [samples.fill(seq) for seq in range(1, 1001)]  # more than a pipe holds
    supervisor.on["ListFills"] = lambda _request, _context: pb.ListFillsResponse(fills=fills)
    with _running("fills", "--limit", "0", "-o", "json", "--endpoint", endpoint) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(LIMIT_S) == 0
        assert process.stderr.read() == ""
        process.stdout = None


@pytest.mark.parametrize(
    ("line", "code"), [("status -o json", 0), ("accounts eve", 1), ("bogus", 3), ("report", 4), ("fills", 5)]
)
def test_the_commands_exit_code_and_outputs_as_a_shell_sees_them(
    endpoint: str, supervisor: Scripted, line: str, code: int
) -> None:
    supervisor.on["GetAccount"] = refuse(grpc.StatusCode.NOT_FOUND, "ACCOUNT_NOT_FOUND", "no account 'eve'")
    supervisor.on["GetReport"] = refuse(grpc.StatusCode.INTERNAL, "", "boom")
    supervisor.on["ListFills"] = refuse(grpc.StatusCode.DEADLINE_EXCEEDED, "", "")
    done = subprocess.run(
        _command(*line.split(), "--endpoint", endpoint), capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == code
    if code == 0:
        assert json.loads(done.stdout)["ready"] is False
        assert done.stderr == ""
    else:
        assert done.stdout == ""
        assert done.stderr.startswith("krakencopy: ")
        assert done.stderr.count("\n") == 1


def test_no_supervisor_ends_with_2_and_says_what_to_do(tmp_path: Path) -> None:
    done = subprocess.run(
        _command("status", "--state-dir", str(tmp_path)),
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "is krakencopyd running" in done.stderr
    assert done.stderr.count("\n") == 1


def _imported(*arguments: str) -> set[str]:
    """The top-level packages that a command imports, and the modules of Google's namespace."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "krakencopy.client.cli.main", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    modules = {
        line.rpartition("|")[2].strip()
        for line in done.stderr.splitlines()
        if line.startswith("import time:")
    }
    return modules | {module.partition(".")[0] for module in modules}


@pytest.mark.parametrize("line", ["--help", "bogus", "order buy BTC/USD nan"])
def test_help_and_bad_input_wait_for_neither_grpc_nor_protobuf(line: str) -> None:
    imported = _imported(*line.split())
    assert "krakencopy.client.cli.arguments" in imported
    assert not imported & {"grpc", "krakencopy.v1", "google.protobuf", "requests"}


def test_a_state_that_does_not_exist_is_found_without_grpc() -> None:
    assert "grpc" not in _imported("copies", "--state", "nope")


def test_status_imports_nothing_that_it_does_not_need(endpoint: str) -> None:
    imported = _imported("status", "--endpoint", endpoint)
    assert "grpc" in imported
    assert not imported & {
        "requests",
        "google.rpc",
        "grpc_status.rpc_status",
        "grpc_health.v1",
        "krakencopy.supervisor",
        "krakencopy.account_proc",
    }


def test_importing_the_package_does_not_import_grpc() -> None:
    for name in ("krakencopy", "krakencopy.client", "client"):
        code = (
            f"import {name} as package, sys; assert 'grpc' not in sys.modules; package.KrakenCopy; "
            "assert 'grpc' in sys.modules"
        )
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
