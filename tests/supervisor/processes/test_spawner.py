"""Processes start with what they need and nothing more, their ends are told truly, and none outlives the
supervisor.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import time
from pathlib import Path

import pytest

from krakencopy.account_proc.runtime.liveness import Beat
from krakencopy.supervisor.processes import spawner as spawning
from krakencopy.supervisor.processes.spawner import (
    ExecSpawner,
    ExitStatus,
    ForkserverSpawner,
    NotReady,
    SpawnFault,
    crash_path,
)
from tests.support.scripted_kraken import until
from tests.support.spawning import (
    KEY,
    LIMIT_S,
    PULSE,
    SECRET,
    AnySpawner,
    descriptors_of,
    environ,
    forkserver_pid,
    ready,
    spawned,
    spawning_with,
    spec_of,
)
from tests.support.system import freeze

BOTH = [ForkserverSpawner, ExecSpawner]


@pytest.fixture(params=BOTH, ids=["forkserver", "exec"])
def kind(request: pytest.FixtureRequest) -> type[AnySpawner]:
    result: type[AnySpawner] = request.param
    return result


def test_twenty_processes_each_get_their_own_spec_and_end_with_the_lifeline(
    kind: type[AnySpawner], tmp_path: Path
) -> None:
    async def scene() -> None:
        async with spawning_with(kind) as spawner:
            specs = [spec_of(tmp_path, f"user{number}") for number in range(20)]
            pairs = await asyncio.gather(*(ready(spawner, spec) for spec in specs))
            assert len({child.pid for child, _ in pairs}) == 20
            assert all(child.alive for child, _ in pairs)
            assert {found["key"] for _, found in pairs} == {KEY}
        ends = await asyncio.gather(*(child.wait_exit() for child, _ in pairs))
        assert set(ends) == {ExitStatus(0, None)}
        assert not any(child.alive for child, _ in pairs)

    asyncio.run(scene())


@pytest.mark.parametrize("code", [0, 1, 74, 78, 255])
def test_an_exit_code_is_told(kind: type[AnySpawner], tmp_path: Path, code: int) -> None:
    async def scene() -> None:
        async with spawning_with(kind) as spawner:
            child = await spawned(spawner, spec_of(tmp_path, strategy=f"exit {code}"))
            # Written before the end, so it is known after the end.
            assert await child.wait_exit() == ExitStatus(code, None)
            assert await child.wait_ready(LIMIT_S) == {"id": "tania", "pid": child.pid}

    asyncio.run(scene())


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_and_is_told_and_later_signals_reach_nobody(
    kind: type[AnySpawner], tmp_path: Path, signum: signal.Signals
) -> None:
    async def scene() -> None:
        async with spawning_with(kind) as spawner:
            child, _ = await ready(spawner, spec_of(tmp_path))
            assert child.signal(signum)
            assert await child.wait_exit() == ExitStatus(None, signum)
            assert not child.alive
            assert not child.signal(signal.SIGKILL)

    asyncio.run(scene())


def test_all_who_wait_hear_of_the_end_also_when_one_gives_up(kind: type[AnySpawner], tmp_path: Path) -> None:
    async def scene() -> None:
        async with spawning_with(kind) as spawner:
            child, _ = await ready(spawner, spec_of(tmp_path))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(child.wait_exit(), 0)
            waiting = [asyncio.create_task(child.wait_exit()) for _ in range(2)]
            child.signal(signal.SIGKILL)
            assert await asyncio.gather(*waiting) == [ExitStatus(None, signal.SIGKILL)] * 2

    asyncio.run(scene())


def test_an_exception_that_escapes_is_exit_70_with_its_traceback_in_the_crash_file(
    kind: type[AnySpawner], tmp_path: Path
) -> None:
    async def scene() -> None:
        async with spawning_with(kind) as spawner:
            for _ in range(2):
                child = await spawned(spawner, spec_of(tmp_path, strategy="raise"))
                assert await child.wait_exit() == ExitStatus(70, None)

    asyncio.run(scene())
    crash = crash_path(spec_of(tmp_path))
    assert crash.read_text().count("RuntimeError: something that nobody expected") == 2, (
        "appended, not replaced"
    )
    assert crash.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("strategy", "code", "where"),
    [
        ("raise key", 70, "Traceback"),
        ("raise key in thread", 3, "in thread feed:"),
        ("raise key where nothing can be raised", 3, "Exception ignored in"),
    ],
)
def test_a_traceback_in_the_crash_file_shows_no_key(
    kind: type[AnySpawner], tmp_path: Path, strategy: str, code: int, where: str
) -> None:
    async def scene() -> None:
        async with spawning_with(kind) as spawner:
            child = await spawned(spawner, spec_of(tmp_path, strategy=strategy))
            assert await child.wait_exit() == ExitStatus(code, None)

    asyncio.run(scene())
    told = crash_path(spec_of(tmp_path)).read_text()
    assert told.startswith(where)
    assert "RuntimeError: refused: [redacted], [redacted]" in told
    assert KEY not in told
    assert SECRET not in told


def test_a_crash_in_c_leaves_its_stack_in_the_crash_file(kind: type[AnySpawner], tmp_path: Path) -> None:
    async def scene() -> None:
        async with spawning_with(kind) as spawner:
            child = await spawned(spawner, spec_of(tmp_path, strategy="abort"))
            assert await child.wait_exit() == ExitStatus(None, signal.SIGABRT)

    asyncio.run(scene())
    assert "Fatal Python error: Aborted" in crash_path(spec_of(tmp_path)).read_text()


@pytest.mark.parametrize(
    ("strategy", "says"),
    [("exit early", "ended or closed"), ("garbage", "not a JSON object"), ("flood", "not a JSON object")],
)
def test_a_process_that_cannot_become_ready_is_told_at_once(
    kind: type[AnySpawner], tmp_path: Path, strategy: str, says: str
) -> None:
    async def scene() -> None:
        async with spawning_with(kind) as spawner:
            child = await spawned(spawner, spec_of(tmp_path, strategy=strategy))
            with pytest.raises(NotReady, match=says):
                await child.wait_ready(LIMIT_S)

    asyncio.run(scene())


def test_a_process_that_says_nothing_is_not_ready_in_time(kind: type[AnySpawner], tmp_path: Path) -> None:
    async def scene() -> None:
        async with spawning_with(kind) as spawner:
            child = await spawned(spawner, spec_of(tmp_path, strategy="silent"))
            with pytest.raises(TimeoutError):
                await child.wait_ready(0)
            assert child.alive

    asyncio.run(scene())


def test_a_key_is_in_no_command_line_and_no_environment(kind: type[AnySpawner], tmp_path: Path) -> None:
    variables = {"KRAKEN_MASTER_API_KEY": KEY, "KRAKEN_USER_TANIA_API_SECRET": SECRET}

    async def scene() -> None:
        async with spawning_with(kind, **variables) as spawner:
            child, found = await ready(spawner, spec_of(tmp_path))
            assert (found["key"], found["secret"]) == (KEY, SECRET)
            assert not found["environ"].keys() & variables.keys()
            seen = [json.dumps([found["argv"], found["environ"]]).encode()]
            for pid in filter(None, [child.pid, forkserver_pid(spawner)]):
                for name in ("cmdline", "environ"):
                    # A process that is not dumpable shows its environment to root alone.
                    with contextlib.suppress(PermissionError):
                        seen.append(content_of(f"/proc/{pid}/{name}"))
            assert len(seen) >= 2
            for text in seen:
                assert KEY.encode() not in text
                assert SECRET.encode() not in text

    asyncio.run(scene())


def content_of(path: str) -> bytes:
    return Path(path).read_bytes()


def test_a_process_holds_its_pipes_its_crash_file_and_nothing_else(
    kind: type[AnySpawner], tmp_path: Path
) -> None:
    async def scene() -> None:
        async with spawning_with(kind) as spawner:
            assert spawner._lifeline is not None
            lifeline = f"pipe:[{os.fstat(spawner._lifeline[0]).st_ino}]"
            for account_id in ("first", "second"):
                _, found = await ready(spawner, spec_of(tmp_path, account_id))
                held = {int(number): tuple(what) for number, what in found["descriptors"].items()}
                crash = (str(crash_path(spec_of(tmp_path, account_id))), True)
                assert held.pop(0)[0] == "/dev/null"
                assert (held.pop(1), held.pop(2)) == (crash, crash)
                assert [what for what in held.values() if what[0] == PULSE] == [(PULSE, True)]
                (ready_pipe,) = [what for what in held.values() if what[0] not in {lifeline, PULSE}]
                assert ready_pipe[0].startswith("pipe:")
                assert ready_pipe[1]
                assert [what for what in held.values() if what[0] == lifeline] == [(lifeline, False)]

    asyncio.run(scene())


def test_each_process_has_a_pulse_of_its_own_that_is_read_without_asking_it(
    kind: type[AnySpawner], tmp_path: Path
) -> None:
    async def scene() -> None:
        async with spawning_with(kind) as spawner:
            began = time.monotonic_ns()
            silent = await spawned(spawner, spec_of(tmp_path, "silent", strategy="silent"))
            child, _ = await ready(spawner, spec_of(tmp_path))
            child.signal(signal.SIGSTOP)
            assert began < child.last_beat.at_ns < time.monotonic_ns()
            assert silent.last_beat == Beat(0)
            child.signal(signal.SIGKILL)
            await child.wait_exit()
            assert child.last_beat == Beat(0)

    asyncio.run(scene())


def test_a_process_that_is_stopped_is_known_by_the_kernels_word(
    kind: type[AnySpawner], tmp_path: Path
) -> None:
    async def scene() -> None:
        async with spawning_with(kind) as spawner:
            child, _ = await ready(spawner, spec_of(tmp_path))
            seen = [child.stopped]
            freeze(child.pid)
            seen.append(child.stopped)
            child.signal(signal.SIGCONT)
            await until(lambda: not child.stopped)
            freeze(child.pid)
            child.signal(signal.SIGKILL)
            await child.wait_exit()
            assert [*seen, child.stopped] == [False, True, False]

    asyncio.run(scene())


def test_the_forkserver_never_holds_the_lifeline(tmp_path: Path) -> None:
    async def scene() -> None:
        async with spawning_with(ForkserverSpawner) as spawner:
            assert spawner._lifeline is not None
            lifeline = os.fstat(spawner._lifeline[0]).st_ino
            child, _ = await ready(spawner, spec_of(tmp_path))
            folder = f"/proc/{forkserver_pid(spawner)}/fd"
            assert lifeline not in [entry.stat().st_ino for entry in os.scandir(folder)]
            assert child.alive

    asyncio.run(scene())


def test_processes_that_have_ended_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spawning, "CHILDREN_MIN", 3)

    async def scene() -> None:
        async with spawning_with(ForkserverSpawner) as spawner:
            living, _ = await ready(spawner, spec_of(tmp_path))
            for _ in range(10):
                ended = await spawned(spawner, spec_of(tmp_path, strategy="exit 0"))
                await ended.wait_exit()
                assert living in spawner._children
                assert len(spawner._children) <= 4

    asyncio.run(scene())


def test_no_descriptor_is_left_when_processes_have_ended(kind: type[AnySpawner], tmp_path: Path) -> None:
    async def scene() -> None:
        before_all = descriptors_of("self")
        async with spawning_with(kind) as spawner:
            (server,) = [forkserver_pid(spawner)]
            before = descriptors_of("self"), server and descriptors_of(server)
            for strategy in ("exit 0", "raise", "exit early", "garbage", "exit 0"):
                child = await spawned(spawner, spec_of(tmp_path, strategy=strategy))
                with contextlib.suppress(NotReady):
                    await child.wait_ready(LIMIT_S)
                child.signal(signal.SIGKILL)
                await child.wait_exit()
            assert (descriptors_of("self"), server and descriptors_of(server)) == before
        assert descriptors_of("self") == before_all

    asyncio.run(scene())


def test_a_process_is_hardened_and_out_of_reach_of_the_terminal(
    kind: type[AnySpawner], tmp_path: Path
) -> None:
    async def scene() -> None:
        async with spawning_with(kind) as spawner:
            _, found = await ready(spawner, spec_of(tmp_path, "tania_gilbert"))
            assert found["umask"] == 0o077
            assert found["core_limit"] == [0, 0]
            assert found["dumpable"] == 0
            assert found["blocked"] == []
            assert found["sigint_is_default"]
            assert found["session"] != os.getsid(0)
            assert found["name"] == "kc:tania_gilber", "the kernel keeps 15 bytes"

    asyncio.run(scene())


def test_what_cannot_be_started_is_told_and_the_next_start_works(
    kind: type[AnySpawner], tmp_path: Path
) -> None:
    async def scene() -> None:
        async with spawning_with(kind) as spawner:
            with pytest.raises(SpawnFault, match="No such file"):
                await spawned(spawner, spec_of(tmp_path / "missing"))
            with pytest.raises(SpawnFault, match="use a shorter state folder"):
                await spawned(spawner, spec_of(tmp_path / ("d" * 900)))
            await ready(spawner, spec_of(tmp_path))
        with pytest.raises(SpawnFault, match="closed"):
            await spawned(spawner, spec_of(tmp_path))

    asyncio.run(scene())


def test_closing_kills_what_does_not_heed_the_lifeline(
    kind: type[AnySpawner], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spawning, "GRACE_S", 0.01)

    async def scene() -> None:
        async with spawning_with(kind) as spawner:
            child, _ = await ready(spawner, spec_of(tmp_path, strategy="deaf"))
        assert await child.wait_exit() == ExitStatus(None, signal.SIGKILL)

    asyncio.run(scene())


def test_closing_wakes_a_stopped_process_so_that_it_ends_by_itself(
    kind: type[AnySpawner], tmp_path: Path
) -> None:
    async def scene() -> None:
        async with spawning_with(kind) as spawner:
            child, _ = await ready(spawner, spec_of(tmp_path))
            child.signal(signal.SIGSTOP)
        assert await child.wait_exit() == ExitStatus(0, None)

    asyncio.run(scene())


def test_an_entry_that_cannot_be_imported_ends_an_executed_process_with_70(tmp_path: Path) -> None:
    async def scene() -> None:
        spawner = ExecSpawner("no_such_module:run", environ())
        await spawner.start()
        child = await spawned(spawner, spec_of(tmp_path))
        with pytest.raises(NotReady):
            await child.wait_ready(LIMIT_S)
        assert await child.wait_exit() == ExitStatus(70, None)
        await spawner.close()

    asyncio.run(scene())
    assert "No module named 'no_such_module'" in crash_path(spec_of(tmp_path)).read_text()
