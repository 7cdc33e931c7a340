"""`watch` outlives its supervisor: a restart, and another journal as a new paper exchange has."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from krakencopy.client.cli import watch
from krakencopy.client.cli.output import Output
from krakencopy.client.cli.watch import watch_all
from krakencopy.client.sdk.message_client import MessageClient
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns
from tests.support import client_samples as samples
from tests.support.scripted_supervisor import Live, Scripted, serve
from tests.support.system import wait_for
from tests.support.typed_lines import Typed

ROOT = Path(__file__).parents[3]
LIMIT_S = 30.0


@pytest.fixture
def changing(supervisor: Scripted) -> dict[str, Live]:
    live = {name: Live() for name in ("WatchFills", "WatchCopies", "WatchEvents")}
    supervisor.on.update(live)
    supervisor.on["GetStatus"] = lambda _request, _context: samples.status()
    return live


@contextmanager
def watching(endpoint: str, *words: str, **options: Any) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "krakencopy.client.cli.main", "watch", "--endpoint", endpoint, *words],
        text=True, cwd=ROOT, **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def another_run(number: int, milliseconds: float, head: int = 0) -> pb.GetStatusResponse:
    status = samples.status()
    status.epoch, status.head_seq, status.head_change, status.head_event = number, head, head, head
    status.started_at.CopyFrom(samples.at(milliseconds))
    return status


def test_a_watch_begins_behind_what_the_status_has(
    endpoint: str, supervisor: Scripted, changing: dict[str, Live]
) -> None:
    with watching(endpoint):
        for live in changing.values():
            live.opened.get(timeout=LIMIT_S)
    assert supervisor.requests(pb.WatchFillsRequest) == [pb.WatchFillsRequest(after_seq=12)]
    assert supervisor.requests(pb.WatchCopiesRequest) == [pb.WatchCopiesRequest(after_change=40)]
    assert supervisor.requests(pb.WatchEventsRequest) == [pb.WatchEventsRequest(after_seq=9)]


@pytest.mark.parametrize(("number", "milliseconds"), [(1, 5.0), (3, 5.0)])
def test_lines_go_on_with_all_of_another_journal(
    endpoint: str, supervisor: Scripted, changing: dict[str, Live], number: int, milliseconds: float
) -> None:
    with watching(endpoint) as process:
        assert process.stdout
        assert process.stderr
        for live in changing.values():
            live.opened.get(timeout=LIMIT_S)
        supervisor.on["GetStatus"] = lambda _request, _context: another_run(number, milliseconds, head=1)
        request: Any = changing["WatchFills"].opened.get(timeout=LIMIT_S)
        assert (request.after_seq, request.HasField("after_seq")) == (0, True)
        changing["WatchFills"].put(pb.WatchFillsResponse(fill=samples.fill(1)))
        assert process.stderr.readline() == (
            "krakencopy: the supervisor has begun another journal; what follows is from there\n"
        )
        while "fill 1: buy" not in process.stdout.readline():
            pass


def test_a_later_run_on_the_same_journal_is_followed_without_a_word(
    endpoint: str, supervisor: Scripted, changing: dict[str, Live]
) -> None:
    with watching(endpoint) as process:
        assert process.stdout
        for live in changing.values():
            live.opened.get(timeout=LIMIT_S)
        down = samples.user("bob", nouns.ACCOUNT_STATE_DEGRADED)
        later = another_run(4, 5.0, head=12)
        del later.accounts[1:]
        later.accounts.append(down)
        supervisor.on["GetStatus"] = lambda _request, _context: later
        while "account bob: DEGRADED" not in process.stdout.readline():
            pass
        process.send_signal(signal.SIGINT)
        assert process.wait(LIMIT_S) == 130
        assert process.stderr
        assert process.stderr.read() == ""


class Screen(Typed):
    """A terminal, until it is closed."""

    is_over = False

    def write(self, text: str) -> int:
        if self.is_over and text.startswith("\x1b[H"):
            raise KeyboardInterrupt
        return super().write(text)

    def shows(self, text: str) -> bool:
        page = self.getvalue().rpartition("\x1b[J")[0].rpartition("\x1b[H")[2]
        return text in page.replace("\x1b[K", "")


def test_a_page_waits_for_a_supervisor_that_is_away_and_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "_REFRESH_S", 0.05)
    monkeypatch.setattr(watch, "PATIENCE_S", 0.2)
    supervisor, socket, screen = Scripted(), tmp_path / "control.sock", Screen()
    for name in ("WatchFills", "WatchCopies", "WatchEvents"):
        supervisor.on[name] = Live()
    supervisor.on["GetStatus"] = lambda _request, _context: samples.status()
    supervisor.on["ListFills"] = lambda _request, _context: pb.ListFillsResponse(fills=[samples.fill(12)])
    with ThreadPoolExecutor(1) as pool, MessageClient(f"unix:{socket}", patience_s=0.2) as connected:
        with serve(supervisor, socket):
            ended = pool.submit(watch_all, connected, Output(screen))
            wait_for("the page", lambda: screen.shows("bob"), LIMIT_S)
            assert screen.shows("\n  12  ")
        wait_for("that nobody answers", lambda: screen.shows("again"), LIMIT_S)
        found = another_run(1, 5.0)
        found.accounts.append(samples.user("zoe"))
        supervisor.on["GetStatus"] = lambda _request, _context: found
        supervisor.on["ListFills"] = lambda _request, _context: pb.ListFillsResponse(fills=[samples.fill(1)])
        with serve(supervisor, socket):
            wait_for("the new page", lambda: screen.shows("zoe"), LIMIT_S)
            assert not screen.shows("again")
            assert screen.shows("\n   1  ")
            assert not screen.shows("\n  12  ")
            screen.is_over = True
            with pytest.raises(KeyboardInterrupt):
                ended.result(LIMIT_S)
    assert screen.getvalue().endswith("\x1b[?25h")
