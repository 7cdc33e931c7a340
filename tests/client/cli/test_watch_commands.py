"""`watch` against a real server: as lines, as JSON, and as a page on a terminal."""

from __future__ import annotations

import csv
import json
import os
import pty
import select
import threading
import time
from itertools import takewhile

import pytest
import yaml

from krakencopy.client.cli.main import main
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns
from tests.support import client_samples as samples
from tests.support.client_process import LIMIT_S, interrupted, running
from tests.support.scripted_supervisor import Live, Scripted, then_compacted


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
    with running("watch", "--endpoint", endpoint) as process:
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
        assert interrupted(process) == (130, "")


def test_watch_as_json_is_one_response_a_line(endpoint: str, changing: dict[str, Live]) -> None:
    with running("watch", "-o", "json", "--endpoint", endpoint) as process:
        assert process.stdout
        accounts = [json.loads(process.stdout.readline()) for _ in range(2)]
        assert [line["account"]["id"] for line in accounts] == ["master", "bob"]
        changing["WatchCopies"].opened.get(timeout=LIMIT_S)
        changing["WatchCopies"].put(pb.WatchCopiesResponse(change=7, copy=samples.copy()))
        line = json.loads(process.stdout.readline())
        assert (line["change"], line["copy"]["account_id"]) == ("7", "bob")
        assert interrupted(process) == (130, "")


def test_watch_as_csv_has_one_header_for_all_that_changes(endpoint: str, changing: dict[str, Live]) -> None:
    with running("watch", "-o", "csv", "--endpoint", endpoint) as process:
        assert process.stdout
        header, *accounts = [next(csv.reader([process.stdout.readline()])) for _ in range(3)]
        found = [dict(zip(header, record, strict=True)) for record in accounts]
        assert [each["account.id"] for each in found] == ["master", "bob"]
        changing["WatchFills"].opened.get(timeout=LIMIT_S)
        changing["WatchFills"].put(pb.WatchFillsResponse(fill=samples.fill()))
        fill = dict(zip(header, next(csv.reader([process.stdout.readline()])), strict=True))
        assert (fill["account.id"], fill["fill.seq"], fill["copy.copy_id"]) == ("", "12", "")
        assert interrupted(process) == (130, "")


def test_watch_as_yaml_is_a_document_for_each_change(endpoint: str, changing: dict[str, Live]) -> None:
    with running("watch", "-o", "yaml", "--endpoint", endpoint) as process:
        assert process.stdout
        changing["WatchEvents"].opened.get(timeout=LIMIT_S)
        changing["WatchEvents"].put(pb.WatchEventsResponse(event=samples.event()))
        lines = iter(process.stdout.readline, "")
        written = "".join(takewhile(lambda line: not line.startswith("event:"), lines))
        assert [each["account"]["id"] for each in yaml.safe_load_all(written.rpartition("---")[0])] == [
            "master",
            "bob",
        ]
        assert next(lines) == '  seq: "5"\n'
        assert interrupted(process) == (130, "")


def test_columns_of_a_watch_are_those_of_csv(endpoint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", "--columns", "fill.seq", "--endpoint", endpoint]) == 3
    assert "are those of -o csv" in capsys.readouterr().err


def test_watch_ends_with_the_error_of_a_watch_after_what_came_before_it(
    endpoint: str, supervisor: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    supervisor.on.update(WatchCopies=Live(), WatchEvents=Live())
    supervisor.on["WatchFills"] = then_compacted(pb.WatchFillsResponse(fill=samples.fill()))
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
        with running("watch", "--endpoint", endpoint, stdout=terminal_fd, env=_wide_terminal()) as process:
            _read_until(master_fd, "RUNNING")
            changing["WatchFills"].opened.get(timeout=LIMIT_S)
            changing["WatchFills"].put(pb.WatchFillsResponse(fill=samples.fill(77)))
            drawn = _read_until(master_fd, "  77  01-02")
            assert "\x1b[H" in drawn
            code, error = interrupted(process)
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
