"""The forkserver fails, hangs, dies or is full: it is said, and the next start works."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from krakencopy.supervisor.processes import forkserver
from krakencopy.supervisor.processes import forkserver_client as forkserver_link
from krakencopy.supervisor.processes import spawner as spawning
from krakencopy.supervisor.processes.spawner import (
    ExitStatus,
    ForkserverSpawner,
    SpawnFault,
    crash_path,
)
from tests.support.spawning import (
    descriptors_of,
    environ,
    forkserver_pid,
    ready,
    spawned,
    spawning_with,
    spec_of,
    wait_all_ended,
)


def test_a_start_that_is_given_up_is_told_nothing_and_leaves_no_process(tmp_path: Path) -> None:
    async def scene() -> None:
        async with spawning_with(ForkserverSpawner) as spawner:
            (server,) = [forkserver_pid(spawner)]
            assert server is not None
            before = descriptors_of(server)
            given_up = asyncio.create_task(spawned(spawner, spec_of(tmp_path, "given_up")))
            await asyncio.sleep(0)  # it has asked, and waits for the answer
            given_up.cancel()
            with pytest.raises(asyncio.CancelledError):
                await given_up
            await ready(spawner, spec_of(tmp_path))
            # The forkserver watches one process then, not two. It is another process: no event tells of it.
            while descriptors_of(server) != before + 1:  # noqa: ASYNC110  - for the reason above
                await asyncio.sleep(0.001)
            assert not spec_of(tmp_path, "given_up").ledger_path.exists()
            assert crash_path(spec_of(tmp_path, "given_up")).read_text() == ""

    asyncio.run(scene())


def test_the_forkserver_is_as_much_out_of_reach_as_what_it_forks(tmp_path: Path) -> None:
    async def scene() -> None:
        async with spawning_with(ForkserverSpawner) as spawner:
            await ready(spawner, spec_of(tmp_path))
            pid = forkserver_pid(spawner)
            assert resource.prlimit(pid or 0, resource.RLIMIT_CORE) == (0, 0)
            if os.getuid():  # root reads everything
                with pytest.raises(PermissionError):
                    os.close(os.open(f"/proc/{pid}/mem", os.O_RDONLY))

    asyncio.run(scene())


def test_the_forkserver_is_hardened_before_it_imports_or_forks_anything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps: list[str] = []
    mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    monkeypatch.setattr(sys, "argv", ["forkserver", "--control-fd", "7"])
    monkeypatch.setattr(
        forkserver, "socket", SimpleNamespace(socket=lambda fileno: theirs if fileno == 7 else None)
    )
    monkeypatch.setattr(forkserver, "harden", lambda: steps.append("harden"))
    monkeypatch.setattr(forkserver, "continue_when_parent_dies", lambda: None)

    def preload(_: str) -> None:
        steps.append("preload")
        raise ImportError("no such module")

    def leave(code: int) -> None:
        raise SystemExit(code)

    monkeypatch.setattr(forkserver, "_preload", preload)
    monkeypatch.setattr(forkserver, "leave", leave)
    with mine, theirs, pytest.raises(SystemExit):
        forkserver.main()
    assert steps == ["harden", "preload"]


@pytest.mark.parametrize(
    ("text", "entry", "says"),
    [
        ("import no_such_module", "faulty:run", "No module named 'no_such_module'"),
        ("", "faulty:run", "has no attribute 'run'"),
        ("raise SystemExit(3)", "faulty:run", "SystemExit: 3"),
        ("import os\nos._exit(9)", "faulty:run", "the forkserver ended: exit code 9"),
        (
            (
                "import threading\nthreading.Thread(target=threading.Event().wait, "
                "daemon=True).start()\nrun = "
                "print"
            ),
            "faulty:run",
            "its imports started threads",
        ),
        (f"raise ValueError({'x' * 100_000!r})", "faulty:run", "xxx"),
    ],
)
def test_a_preload_that_fails_is_told_with_its_reason(
    tmp_path: Path, text: str, entry: str, says: str
) -> None:
    (tmp_path / "faulty.py").write_text(text)

    async def scene() -> None:
        before = descriptors_of("self")
        spawner = ForkserverSpawner(entry, environ(PYTHONPATH=str(tmp_path)))
        with pytest.raises(SpawnFault, match=says):
            await spawner.start()
        assert descriptors_of("self") == before

    asyncio.run(scene())


@pytest.mark.parametrize("kills", [1, 2, 3])
def test_a_forkserver_that_is_killed_while_it_imports_is_started_again_and_not_for_ever(
    tmp_path: Path, kills: int
) -> None:
    (tmp_path / "faulty.py").write_text(
        "import os, pathlib, signal\n"
        f"left = [path for path in pathlib.Path({str(tmp_path)!r}).glob('kill*')]\n"
        "if left:\n    left[0].unlink()\n    os.kill(os.getpid(), signal.SIGKILL)\n"
        "def run(*_): pass\n"
    )
    for number in range(kills):
        (tmp_path / f"kill{number}").touch()

    async def scene() -> None:
        before = descriptors_of("self")
        spawner = ForkserverSpawner("faulty:run", environ(PYTHONPATH=str(tmp_path)))
        if kills < spawning.PRELOAD_TRIES:
            await spawner.start()
            assert forkserver_pid(spawner) is not None
            await spawner.close()
        else:
            with pytest.raises(SpawnFault, match="the forkserver ended: signal 9, Killed"):
                await spawner.start()
        assert descriptors_of("self") == before

    asyncio.run(scene())
    assert not list(tmp_path.glob("kill*"))


def test_processes_live_on_without_the_forkserver_and_the_next_start_makes_another(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        async with spawning_with(ForkserverSpawner) as spawner:
            first, _ = await ready(spawner, spec_of(tmp_path, "first"))
            second, _ = await ready(spawner, spec_of(tmp_path, "second"))
            server = forkserver_pid(spawner)
            assert server is not None
            server_pidfd = os.pidfd_open(server)
            os.kill(server, signal.SIGKILL)
            wait_all_ended([server_pidfd])
            os.close(server_pidfd)
            third, _ = await ready(spawner, spec_of(tmp_path, "third"))
            assert forkserver_pid(spawner) != server
            assert first.alive
            assert first.signal(signal.SIGKILL)
            assert await first.wait_exit() == ExitStatus(None, None), "nobody saw how"
            assert third.signal(signal.SIGTERM)
            assert await third.wait_exit() == ExitStatus(None, signal.SIGTERM)
            assert second.alive
        assert await second.wait_exit() == ExitStatus(None, None)
        assert not second.alive

    asyncio.run(scene())
    (record,) = caplog.records
    assert "signal 9, Killed; 2 processes of accounts live on" in record.getMessage()


def test_a_forkserver_that_does_not_answer_is_killed_and_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene() -> None:
        async with spawning_with(ForkserverSpawner) as spawner:
            first, _ = await ready(spawner, spec_of(tmp_path, "first"))
            server = forkserver_pid(spawner)
            assert server is not None
            os.kill(server, signal.SIGSTOP)
            with monkeypatch.context() as patch:
                patch.setattr(forkserver_link, "FORK_LIMIT_S", 0.01)
                with pytest.raises(SpawnFault, match="did not answer"):
                    await spawned(spawner, spec_of(tmp_path, "second"))
            await ready(spawner, spec_of(tmp_path, "third"))
            assert first.alive

    asyncio.run(scene())


def test_an_exit_that_a_stuck_forkserver_does_not_report_is_still_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forkserver_link, "REPORT_LIMIT_S", 0.01)

    async def scene() -> None:
        async with spawning_with(ForkserverSpawner) as spawner:
            child, _ = await ready(spawner, spec_of(tmp_path))
            server = forkserver_pid(spawner)
            assert server is not None
            os.kill(server, signal.SIGSTOP)
            child.signal(signal.SIGKILL)
            assert await child.wait_exit() == ExitStatus(None, None)
            os.kill(server, signal.SIGCONT)

    asyncio.run(scene())


def test_a_forkserver_that_runs_out_of_files_refuses_and_serves_on(tmp_path: Path) -> None:
    async def scene() -> None:
        async with spawning_with(ForkserverSpawner) as spawner:
            server = forkserver_pid(spawner)
            assert server is not None
            _, hard = limits = resource.prlimit(server, resource.RLIMIT_NOFILE)
            resource.prlimit(server, resource.RLIMIT_NOFILE, (descriptors_of(server) + 2, hard))
            with pytest.raises(SpawnFault, match="too many open files"):
                await spawned(spawner, spec_of(tmp_path))
            resource.prlimit(server, resource.RLIMIT_NOFILE, limits)
            await ready(spawner, spec_of(tmp_path))

    asyncio.run(scene())
