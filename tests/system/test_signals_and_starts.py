"""What SIGHUP does, and what a start or a run says where a file is not as it should be: swept away, of a
later version, or without room.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from krakencopy.client.sdk.errors import Unavailable
from krakencopy.v1 import types_pb2 as nouns
from tests.support.edited_file import edited
from tests.support.small_disk import OnDisk, disk_of, fill_disk
from tests.support.system import PATIENCE_S, ROOT, Paper, System, wait_for

#: What nohup(1) does before it starts a program.
NOHUP = (
    "import runpy, signal; signal.signal(signal.SIGHUP, signal.SIG_IGN); "
    "runpy.run_module('krakencopy.supervisor.daemon', run_name='__main__')"
)
#: A session with a terminal of its own.
TERMINAL = (
    "import fcntl, os, runpy, termios; fcntl.ioctl(os.openpty()[1], termios.TIOCSCTTY, 0); "
    "runpy.run_module('krakencopy.supervisor.daemon', run_name='__main__')"
)


def hang_up(system: System) -> None:
    assert system.process is not None
    system.process.send_signal(signal.SIGHUP)


def codes(system: System) -> list[str]:
    return [event.code for event in system.events()]


@pytest.fixture(autouse=True)
def _hangups_reach_children() -> Iterator[None]:
    """Also where the tests themselves run under nohup, whose disposition children inherit."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def test_a_hangup_reloads_a_run_without_a_terminal(paper: Paper) -> None:
    with System(paper, {"anna": "1000"}, is_daemon=True) as system:
        system.start().wait_ready()
        system.user_lines["anna"] = 'copy = { max_user_risk = "0.05" }'
        system.write_config()
        hang_up(system)
        wait_for("the reload", lambda: "RELOADED" in codes(system))
        system.wait_ready()
        (system.folder / "krakencopy.toml").write_text("[exchange\n")
        hang_up(system)
        wait_for("the refusal", lambda: "RELOAD_REFUSED" in codes(system))
        assert system.status().ready
        system.stop()


def test_a_hangup_ends_a_run_with_a_terminal(paper: Paper) -> None:
    with System(paper, {"anna": "1000"}, is_daemon=True, program=("-c", TERMINAL)) as system:
        system.start().wait_ready()
        hang_up(system)
        assert system.wait_death() == 0


def test_a_hangup_under_nohup_is_ignored(paper: Paper) -> None:
    with System(paper, {"anna": "1000"}, is_daemon=True, program=("-c", NOHUP)) as system:
        system.start().wait_ready()
        before = codes(system)
        hang_up(system)
        system.buy("BTC/USD", "0.001")
        system.settled(1)
        assert codes(system) == before
        system.stop()


def test_a_control_socket_that_was_swept_away_is_made_anew(paper: Paper) -> None:
    with System(paper, {"anna": "1000"}) as system:
        system.start().wait_ready()
        socket = Path(system.endpoint.removeprefix("unix:"))
        with system.api() as connected:
            connected.get_status()
            socket.unlink()
            wait_for("the socket", socket.exists)
            assert wait_for("an answer", system.status).ready
            assert connected.get_status().ready, "who was connected stays so"
        system.stop()
        assert not socket.exists()


def second_start(system: System) -> subprocess.CompletedProcess[str]:
    """Another supervisor of the same state folder, to its end."""
    return subprocess.run(
        [
            sys.executable, "-m", "krakencopy.supervisor.daemon", "--config", str(system.write_config()),
            "--state-dir", str(system.state_dir),
        ],
        cwd=ROOT, env=system.environment(), capture_output=True, text=True, timeout=PATIENCE_S,
        check=False,
    )  # fmt: skip


def test_a_second_start_is_refused_also_where_the_whole_run_folder_was_swept_away(paper: Paper) -> None:
    with System(paper, {"anna": "1000"}) as system:
        system.start().wait_ready()
        assert system.process is not None
        # Stopped, so that it does not make its socket anew before the second one looks.
        system.process.send_signal(signal.SIGSTOP)
        shutil.rmtree(system.state_dir / "run")
        second = second_start(system)
        system.process.send_signal(signal.SIGCONT)
        assert second.returncode == 76, second.stderr
        words = (
            f"the state folder {system.state_dir} is in use by another process (lock on {system.state_dir})"
        )
        assert words in second.stderr
        wait_for("the socket", (system.state_dir / "run" / "control.sock").exists)
        second = second_start(system)
        assert second.returncode == 76, second.stderr
        assert f"is in use by process {system.process.pid} (lock on {system.state_dir}/run/" in second.stderr
        system.stop()
        system.start().wait_ready()
        system.stop()


def test_a_second_start_does_not_take_a_living_socket_away(paper: Paper) -> None:
    with System(paper, {"anna": "1000"}) as system:
        system.start().wait_ready()
        assert system.process is not None
        (system.state_dir / "run" / "supervisor.lock").unlink()
        second = second_start(system)
        assert second.returncode == 76, second.stderr
        assert f"is in use by process {system.process.pid} (lock on {system.state_dir}/run/" in second.stderr
        assert system.status().ready
        system.stop()


def test_a_ledger_of_a_later_version_fails_at_once_with_the_way_out(paper: Paper) -> None:
    with System(paper, {"anna": "1000", "ben": "1000"}) as system:
        system.start().wait_ready()
        system.stop()
        ledger = system.state_dir / "accounts" / "anna.db"
        with edited(ledger) as file:
            file.execute("PRAGMA user_version=99")
        system.start()

        def failed() -> Any:
            account = system.accounts().get("anna")
            return account if account and account.state == nouns.ACCOUNT_STATE_FAILED else None

        account = wait_for("anna to be FAILED", failed)
        assert (account.reason, account.restarts) == ("NEWER_LEDGER", 0)
        assert f"{ledger} was written by a newer version of krakencopy (schema 99; " in account.message
        assert "install that version again, or a later one; nothing was changed" in account.message
        assert "is not known: ledger of schema 99, this version reads 4: " in system.command(
            "accounts", "anna"
        )
        system.stop()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with disk_of(tmp_path / "disk", 6) as disk:
        yield disk


def test_a_full_disk_at_the_start_is_told_as_such(paper: Paper, small_disk: Path) -> None:
    with OnDisk(paper, {"anna": "1000"}) as system:
        system.disk = small_disk
        system.start().wait_ready()
        system.buy("BTC/USD", "0.001")
        system.settled(1)
        system.stop()
        ballast = small_disk / "ballast"
        fill_disk(ballast)
        system.start()
        assert system.process is not None
        _, errors = system.process.communicate(timeout=PATIENCE_S)
        code, system.process = system.process.returncode, None
        assert code in {74, 78}, errors
        assert f"no room on {small_disk}: 0 of 6 MB free; nothing is lost" in errors
        assert "backup" not in errors
        # As a run is begun again that the full disk has ended.
        system.more_environment = {"KRAKENCOPYD_WAITS_FOR_ROOM": "1"}
        system.start()
        wait_for("the wait for room", lambda: "no room" in why_unavailable(system))
        words = f"no room on {small_disk}: 0 of 6 MB free; nothing is copied since 2"
        said = system.error("status", expect=2)
        assert said.startswith(f"krakencopy: {words}")
        assert "make room there, and all goes on by itself" in said
        assert f"not ready: {words}" in system.error("wait", "--ready", "--timeout", "0", expect=5)
        assert f"{words}" in system.error("pause", "anna", expect=2)
        assert system.command("shutdown", "--wait") == "the supervisor has stopped\n"
        assert system.wait_death() == 0
        system.more_environment = {}
        ballast.unlink()
        system.start().wait_ready()
        system.stop()


def why_unavailable(system: System) -> str:
    """Why it gives no status; empty where it does."""
    with system.api() as api:
        try:
            api.get_status()
        except Unavailable as error:
            return error.message
    return ""
