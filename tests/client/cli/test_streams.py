"""Commands against a real server: what streams, waits, or ends in its own way."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import grpc
import pytest

from krakencopy.client.cli.main import main
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns
from tests.support import client_samples as samples
from tests.support.client_process import LIMIT_S, ROOT, command, interrupted, running
from tests.support.scripted_supervisor import Live, Scripted, refuse, then_compacted


def test_fills_follow_goes_on_behind_the_list(
    endpoint: str, supervisor: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    supervisor.on["GetStatus"] = lambda _request, _context: samples.status()
    supervisor.on["ListFills"] = lambda _request, _context: pb.ListFillsResponse(
        fills=[samples.fill(13), samples.fill(12)]
    )
    supervisor.on["WatchFills"] = then_compacted(pb.WatchFillsResponse(fill=samples.fill(14)))
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
    supervisor.on["WatchFills"] = then_compacted(pb.WatchFillsResponse(fill=other))
    assert main(["fills", "--follow", "--pair", "eth/usd", "--endpoint", endpoint]) == 1
    nothing, header, row = capsys.readouterr().out.splitlines()
    assert nothing == "no fills of eth/usd yet"
    assert header.split()[0] == "FILL"
    assert row.split()[0] == "14"
    assert supervisor.requests(pb.WatchFillsRequest) == [pb.WatchFillsRequest(after_seq=12, pair="eth/usd")]


def test_fills_after_a_seq_that_are_followed_have_no_gap(endpoint: str, supervisor: Scripted) -> None:
    supervisor.on["GetStatus"] = lambda _request, _context: samples.status()
    supervisor.on["WatchFills"] = then_compacted()
    assert main(["fills", "--follow", "--after", "3", "--endpoint", endpoint]) == 1
    assert supervisor.requests(pb.WatchFillsRequest) == [pb.WatchFillsRequest(after_seq=3)]


def test_what_is_followed_since_a_time_leaves_out_what_is_older(
    endpoint: str, supervisor: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    supervisor.on["GetStatus"] = lambda _request, _context: samples.status()
    late, new, event = samples.fill(13), samples.fill(14), samples.event(10)
    new.executed_at.CopyFrom(samples.at(1000))
    event.at.CopyFrom(samples.at(1000))
    supervisor.on["WatchFills"] = then_compacted(
        pb.WatchFillsResponse(fill=late), pb.WatchFillsResponse(fill=new)
    )
    supervisor.on["WatchEvents"] = then_compacted(
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
    supervisor.on["WatchCopies"] = then_compacted(
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
    supervisor.on["WatchEvents"] = then_compacted(
        *(pb.WatchEventsResponse(event=event) for event in (samples.event(11, "eve"), samples.event(12)))
    )
    assert main(["events", "--follow", "--account", "bob", "-o", "json", "--endpoint", endpoint]) == 1
    assert [json.loads(line)["seq"] for line in capsys.readouterr().out.splitlines()] == [str(listed), "12"]
    assert supervisor.requests(pb.ListEventsRequest) == [pb.ListEventsRequest(page_size=20, account_id="bob")]
    assert supervisor.requests(pb.WatchEventsRequest) == [pb.WatchEventsRequest(after_seq=after)]


def test_logs_as_json_shows_the_lines_as_they_are_until_ctrl_c(endpoint: str, supervisor: Scripted) -> None:
    supervisor.on["ReadLog"] = live = Live(pb.ReadLogResponse(line='{"n":1}'))
    with running("logs", "bob", "-n", "5", "-f", "-o", "json", "--endpoint", endpoint) as process:
        assert process.stdout
        assert process.stdout.readline() == '{"n":1}\n'
        live.put(pb.ReadLogResponse(line='{"n":2}'))
        assert process.stdout.readline() == '{"n":2}\n'
        assert interrupted(process) == (130, "")
    assert supervisor.asked == [pb.ReadLogRequest(account_id="bob", lines=5, follow=True)]


def test_a_reader_that_goes_away_is_no_error(endpoint: str, supervisor: Scripted) -> None:
    fills = [samples.fill(seq) for seq in range(1, 1001)]  # more than a pipe holds
    supervisor.on["ListFills"] = lambda _request, _context: pb.ListFillsResponse(fills=fills)
    with running("fills", "--limit", "0", "-o", "json", "--endpoint", endpoint) as process:
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
        command(*line.split(), "--endpoint", endpoint), capture_output=True, text=True, cwd=ROOT, check=False
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
        command("status", "--state-dir", str(tmp_path)),
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
    others = {name for name in imported if name.endswith("_commands")}
    assert others <= {"krakencopy.client.cli.completion_commands"}  # which knows its own grammar


def test_importing_the_package_does_not_import_grpc() -> None:
    for name in ("krakencopy", "krakencopy.client", "client"):
        code = (
            f"import {name} as package, sys; assert 'grpc' not in sys.modules; package.KrakenCopy; "
            "assert 'grpc' in sys.modules"
        )
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
