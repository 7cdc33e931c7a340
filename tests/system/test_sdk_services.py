"""The two services under docs/examples, as an integrator runs them: killed at any time, with a supervisor
that is killed, and with what was deleted before they saw it.
"""

from __future__ import annotations

import asyncio
import importlib.util
import queue
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import grpc
import pytest

from krakencopy.client import AsyncKrakenCopy
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns
from tests.support.front import run, until
from tests.support.reloaded_system import Reloaded
from tests.support.scripted_supervisor import Live, Scripted, refuse, serve
from tests.support.system import PATIENCE_S, ROOT, Paper, wait_for

EXAMPLES = ROOT / "docs" / "examples"


@contextmanager
def service(name: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """An example as a process; what it prints can be read."""
    process = subprocess.Popen(
        [sys.executable, str(EXAMPLES / name), *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def system() -> Iterator[Reloaded]:
    with Paper() as paper:
        paper.price("XBTUSD", "50000")
        with Reloaded(paper, {"anna": "500"}) as made:
            made.start().wait_ready()
            yield made


def rows(database: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(database)) as db:
        return db.execute(query).fetchall()


def test_fills_are_mirrored_once_each_over_kills_of_the_service_and_of_the_supervisor(
    system: Reloaded, tmp_path: Path
) -> None:
    database = tmp_path / "mirror.db"

    def mirrored(count: int) -> bool:
        return [seq for (seq,) in rows(database, "SELECT seq FROM fills ORDER BY seq")] == list(
            range(1, count + 1)
        )

    with service("fill_mirror.py", "--endpoint", system.endpoint, str(database)) as mirror:
        assert mirror.stderr is not None
        assert mirror.stderr.readline() == "mirrored up to fill 0 and change 0\n"
        system.buy("XBTUSD", "0.002")
        wait_for("the first fill", lambda: mirrored(1))
        mirror.send_signal(signal.SIGKILL)
        mirror.wait()
    system.buy("XBTUSD", "0.002")
    system.settled(2)
    with service("fill_mirror.py", "--endpoint", system.endpoint, str(database)) as mirror:
        assert mirror.stderr is not None
        assert mirror.stderr.readline().startswith("mirrored up to fill 1 and change ")
        wait_for("the fill of the time between", lambda: mirrored(2))
        system.kill()
        system.start().wait_ready()
        system.sell("XBTUSD", "0.001")
        system.settled(3)
        wait_for("the fill of the next run", lambda: mirrored(3))
        copies = {(copy.account_id, copy.copy_id): copy for copy in system.copies("anna")}

        def all_copies() -> bool:
            found = rows(database, "SELECT account_id, copy_id, state, filled_volume FROM copies")
            return {row[:2]: row[2:] for row in found} == {
                key: (nouns.CopyState.Name(copy.state).removeprefix("COPY_STATE_"), copy.filled_volume)
                for key, copy in copies.items()
            }

        wait_for("every copy as it ended", all_copies)
        assert mirror.poll() is None
        mirror.send_signal(signal.SIGINT)
        assert mirror.wait(PATIENCE_S) == 0
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "fill_mirror.py"), "--status", str(database)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.startswith("mirrored up to fill 3 and change ")
    assert "gap" not in done.stdout


class Reader:
    """What a process prints, line by line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.seen: list[str] = []
        threading.Thread(target=self._read, args=(process.stdout,), daemon=True).start()

    def _read(self, stream: Any) -> None:
        for line in stream:
            self._lines.put(line)

    def until(self, words: str) -> None:
        while words not in (line := self._lines.get(timeout=PATIENCE_S)):
            self.seen.append(line)


@contextmanager
def onboarding(system: Reloaded, client: str, folder: Path, *more: str) -> Iterator[Any]:
    """``folder``: where the supervisor looks for the key."""
    key = system.paper.open_account(client, {"ZUSD": "500"})
    folder.mkdir(exist_ok=True, mode=0o700)
    path = folder / f"{client}.key"
    path.write_text(f'key = "{key.key}"\nsecret = "{key.secret}"\n')
    path.chmod(0o600)
    with service(
        "onboard_client.py", "--endpoint", system.endpoint, "--credentials", path.name,
        "--fills", "1", "--limit", str(PATIENCE_S), "--go-live", *more, client,
    ) as process:  # fmt: skip
        yield process


@pytest.mark.parametrize("client", ["bob", "carl"])
def test_a_client_is_brought_in_as_a_shadow_and_then_for_real(system: Reloaded, client: str) -> None:
    """Bob by the file, and Carl over the API."""
    config = ("--config", str(system.folder / "krakencopy.toml")) if client == "bob" else ()
    folder = system.folder if config else system.state_dir / "credentials"
    with onboarding(system, client, folder, *config) as process:
        said = Reader(process)
        said.until(f"{client}-shadow: waits for 1 copies")
        system.buy("XBTUSD", "0.002")
        said.until("BUY BTC/USD: FILLED")
        assert system.paper.held(client) == 0
        said.until(f"{client}: copies for real")
        wait_for(client, lambda: system.pids().get(client) and system.status().ready)
        system.buy("XBTUSD", "0.002")
        said.until("BUY BTC/USD: FILLED")
        said.until(f"{client}: done")
        assert process.wait(PATIENCE_S) == 0
    assert system.paper.held(client) > 0


def loaded(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def fill(seq: int) -> nouns.Fill:
    made = nouns.Fill(seq=seq, exec_id=f"T{seq}", pair="BTC/USD", price="1", volume="2")
    made.executed_at.seconds = seq
    return made


def compacted_before(first: int, field: str, *live: Any) -> Any:
    """A watch of which what is before ``first`` was deleted."""

    def answer(request: Any, context: grpc.ServicerContext) -> Any:
        if getattr(request, field) < first - 1:
            refuse(grpc.StatusCode.OUT_OF_RANGE, "COMPACTED", f"there is nothing before {first}")(
                request, context
            )
        yield from Live(*live)(request, context)

    return answer


def test_what_was_deleted_before_it_was_mirrored_is_a_gap_that_is_said(tmp_path: Path) -> None:
    mirror_of, supervisor = loaded("fill_mirror"), Scripted()
    supervisor.on["WatchFills"] = compacted_before(5, "after_seq", pb.WatchFillsResponse(fill=fill(5)))
    supervisor.on["ListFills"] = lambda _request, _context: pb.ListFillsResponse(fills=[fill(5)])
    supervisor.on["WatchCopies"] = compacted_before(9, "after_change")
    supervisor.on["GetStatus"] = lambda _request, _context: pb.GetStatusResponse(head_change=8, head_seq=5)
    copies = [nouns.Copy(account_id="bob", copy_id="5")]
    supervisor.on["ListCopies"] = lambda _request, _context: pb.ListCopiesResponse(copies=copies)

    async def play(endpoint: str) -> None:
        with closing(mirror_of.Mirror(tmp_path / "mirror.db")) as mirror:
            following = asyncio.create_task(mirror_of.run(endpoint, mirror))
            await until("fill 5", lambda: mirror.position("fills") == 5 and mirror.position("copies") == 8)
            following.cancel()
            with pytest.raises(asyncio.CancelledError):
                await following
            assert mirror.status().splitlines() == [
                "mirrored up to fill 5 and change 8",
                "gap: copies 1 to 8 were deleted before",
                "gap: fills 1 to 4 were deleted before",
            ]

    with serve(supervisor, tmp_path / "s") as endpoint:
        run(play(endpoint))
    assert rows(tmp_path / "mirror.db", "SELECT seq, exec_id FROM fills") == [(5, "T5")]
    assert rows(tmp_path / "mirror.db", "SELECT account_id, copy_id FROM copies") == [("bob", "5")]


@pytest.mark.parametrize("how", ["another execution", "not so far"])
def test_another_journal_is_not_mirrored_to_the_same_database(
    tmp_path: Path, how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    mirror_of, supervisor = loaded("fill_mirror"), Scripted()
    if how == "not so far":
        supervisor.on["ExplainFill"] = refuse(grpc.StatusCode.NOT_FOUND, "FILL_NOT_FOUND", "no fill 5")
        supervisor.on["WatchFills"] = refuse(grpc.StatusCode.OUT_OF_RANGE, "AFTER_HEAD", "the last one is 1")
    else:
        other = fill(5)
        other.exec_id = "T-of-another"
        supervisor.on["ExplainFill"] = lambda _request, _context: pb.ExplainFillResponse(fill=other)
    supervisor.on["WatchCopies"] = Live()
    with (
        closing(mirror_of.Mirror(tmp_path / "mirror.db")) as mirror,
        serve(supervisor, tmp_path / "s") as endpoint,
    ):
        mirror.take_fill(mirror_of.Fill(fill(5)))
        assert mirror_of.mirrored(endpoint, mirror) == 3
    assert "mirror it to another database" in capsys.readouterr().err


def test_a_mirror_waits_for_a_supervisor_that_is_not_there_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror_of, supervisor = loaded("fill_mirror"), Scripted()
    monkeypatch.setattr(mirror_of, "PAUSE_S", 0.01)
    supervisor.on["WatchFills"], supervisor.on["WatchCopies"] = (
        Live(pb.WatchFillsResponse(fill=fill(1))),
        Live(),
    )

    async def play() -> None:
        with closing(mirror_of.Mirror(tmp_path / "mirror.db")) as mirror:
            following = asyncio.create_task(mirror_of.run(f"unix:{tmp_path}/s", mirror))
            await asyncio.sleep(0.05)
            with serve(supervisor, tmp_path / "s"):
                await until("fill 1", lambda: mirror.position("fills") == 1)
                following.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await following

    run(play())
    assert AsyncKrakenCopy is mirror_of.AsyncKrakenCopy


BEFORE = "[exchange]\n"


def bob(**more: Any) -> nouns.Account:
    """An account that runs."""
    preflight = nouns.Preflight(key_known=True, warnings=["the key may withdraw"])
    return nouns.Account(id="bob", state=nouns.ACCOUNT_STATE_RUNNING, preflight=preflight, **more)


@pytest.fixture
def client_of(tmp_path: Path, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Brings bob in by a scripted supervisor; the exit code."""
    example = loaded("onboard_client")
    (tmp_path / "krakencopy.toml").write_text(BEFORE)

    def bring_in(*more: str) -> int:
        words = ["--endpoint", endpoint, "--config", str(tmp_path / "krakencopy.toml"), "--limit", "0"]
        monkeypatch.setattr(
            sys, "argv", ["x", *words, "--credentials", "bob.key", "--fills", "1", *more, "bob"]
        )
        code: int = example.main()
        return code

    return bring_in


@pytest.fixture
def endpoint(supervisor: Scripted, tmp_path: Path) -> Iterator[str]:
    with serve(supervisor, tmp_path / "s") as found:
        yield found


@pytest.fixture
def supervisor() -> Scripted:
    """Takes every file; bob and his shadow run, and the first copy of each is FILLED."""
    made = Scripted()
    copy = nouns.Copy(account_id="bob", state=nouns.COPY_STATE_FILLED, side=nouns.SIDE_BUY)
    made.on["GetAccount"] = lambda _request, _context: pb.GetAccountResponse(account=bob())
    made.on["ListCopies"] = lambda _request, _context: pb.ListCopiesResponse(copies=[copy])
    made.on["SetTradingState"] = lambda request, _context: pb.SetTradingStateResponse(
        accounts=[pb.TradingAcknowledgement(account_id=request.target.account_ids[0])]
    )
    return made


def halted(supervisor: Scripted) -> list[str]:
    return [str(request.target.account_ids[0]) for request in supervisor.requests(pb.SetTradingStateRequest)]


def test_a_client_stays_a_shadow_unless_it_is_to_go_live(
    client_of: Callable[..., int], supervisor: Scripted, tmp_path: Path
) -> None:
    assert client_of() == 0
    assert 'mode = "shadow"' in (tmp_path / "krakencopy.toml").read_text()
    assert client_of("--go-live") == 0
    assert 'id = "bob"' in (tmp_path / "krakencopy.toml").read_text()
    assert halted(supervisor) == []


def test_a_client_whose_real_orders_are_rejected_is_halted(
    client_of: Callable[..., int], supervisor: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    def copies(request: Any, _context: Any) -> pb.ListCopiesResponse:
        is_shadow = request.account_id == "bob-shadow"
        state = nouns.COPY_STATE_FILLED if is_shadow else nouns.COPY_STATE_REJECTED
        return pb.ListCopiesResponse(copies=[nouns.Copy(account_id=request.account_id, state=state)])

    supervisor.on["ListCopies"] = copies
    assert client_of("--go-live") == 1
    assert halted(supervisor) == ["bob"]
    assert "bob: the exchange rejects its orders" in capsys.readouterr().err
    supervisor.on["SetTradingState"] = refuse(grpc.StatusCode.INTERNAL, "STATES_NOT_WRITTEN", "disk full")
    assert client_of("--go-live") == 1
    assert "bob is NOT halted: disk full" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("account", "words"),
    [
        (
            nouns.Account(preflight=nouns.Preflight(missing_permissions=["modify-trades"])),
            "lacks modify-trades",
        ),
        (
            nouns.Account(state=nouns.ACCOUNT_STATE_FAILED, reason="LOCK_HELD", message="see"),
            "(LOCK_HELD): see",
        ),
        (
            bob(conditions=[nouns.Condition(type="X", status=nouns.CONDITION_STATUS_FALSE, matters=True)]),
            "X does not hold",
        ),
    ],
)
def test_a_client_that_cannot_copy_is_not_brought_in(
    client_of: Callable[..., int], supervisor: Scripted, capsys: pytest.CaptureFixture[str],
    account: nouns.Account, words: str,
) -> None:  # fmt: skip
    supervisor.on["GetAccount"] = lambda _request, _context: pb.GetAccountResponse(account=account)
    assert client_of("--go-live") == 1
    assert words in capsys.readouterr().err
    assert halted(supervisor) == []


def test_a_configuration_that_is_not_taken_is_put_back(
    client_of: Callable[..., int], supervisor: Scripted, tmp_path: Path
) -> None:
    supervisor.on["Reload"] = refuse(grpc.StatusCode.INVALID_ARGUMENT, "BAD_CONFIGURATION", "no such file")
    assert client_of() == 1
    assert (tmp_path / "krakencopy.toml").read_text() == BEFORE


def test_a_shadow_that_makes_no_copies_in_time_does_not_go_live(
    client_of: Callable[..., int], supervisor: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    supervisor.on["ListCopies"] = lambda _request, _context: pb.ListCopiesResponse()
    assert client_of("--go-live") == 1
    assert "1 copies of bob-shadow did not come within 0 s" in capsys.readouterr().err
