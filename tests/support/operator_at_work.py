"""An operator who types commands at a real supervisor with a paper exchange."""

from __future__ import annotations

import io
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from krakencopy.client.cli.main import main
from tests.support.system import ROOT, wait_for

USERS = {"daivon_frazier", "small_account", "tania_gilbert"}


#: Every wait in these tests ends by itself, long after it should have.
LIMIT_S = 30


@dataclass(frozen=True)
class Said:
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str

    def objects(self) -> list[dict[str, Any]]:
        """Standard output, read as one JSON object a line."""
        return [json.loads(line) for line in self.out.splitlines()]


class Operator:
    """Someone who types commands for one supervisor."""

    def __init__(self, folder: Path) -> None:
        self.state_dir = folder / "state"
        self.folder = folder
        with (folder / "said").open("wb") as said:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "krakencopy.supervisor.daemon",
                    "--paper",
                    "--state-dir",
                    str(self.state_dir),
                    "--quiet",
                ],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )

    def types(self, line: str) -> Said:
        """Runs one command to its end, in this process: that spares an interpreter's start."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = main(["--state-dir", str(self.state_dir), *line.split()])
        return Said(code, out.getvalue(), err.getvalue())

    def done(self, line: str) -> str:
        """The same for a command that must succeed: what it wrote."""
        said = self.types(line)
        assert (said.code, said.err) == (0, ""), line
        return said.out

    def objects(self, line: str) -> list[dict[str, Any]]:
        """The same with -o json."""
        return [json.loads(text) for text in self.done(f"{line} -o json").splitlines()]

    def account(self, account_id: str) -> dict[str, Any]:
        [account] = self.objects(f"accounts {account_id}")
        return account

    def comes_to(self, account_id: str, state: str) -> dict[str, Any]:
        """The account, once it is in this state."""

        def there() -> dict[str, Any] | None:
            account = self.account(account_id)
            return account if account["state"] == f"ACCOUNT_STATE_{state}" else None

        return wait_for(f"{account_id} {state}", there, LIMIT_S)

    def buys(self) -> dict[str, Any]:
        """A fill of an order that was just given: its last one, which every user has answered to the end."""
        [placed] = self.objects("order buy BTC/USD 0.01")

        def filled() -> dict[str, Any] | None:
            fills = [fill for fill in self.objects("fills") if fill["order_id"] == placed["order_id"]]
            whole = sum(round(float(fill["volume"]) * 1e8) for fill in fills) == 1_000_000
            return fills[-1] if whole else None

        fill: dict[str, Any] = wait_for("the fill of the order", filled, LIMIT_S)
        wait_for("every user's answer to it", lambda: self._answered(fill["seq"]), LIMIT_S)
        return fill

    def _answered(self, seq: str) -> bool:
        ended = [copy for copy in self.objects(f"copies --fill {seq}") if "finished_at" in copy]
        return {copy["account_id"] for copy in ended} == USERS

    @contextmanager
    def follows(self, line: str, stdout: int = subprocess.PIPE) -> Iterator[subprocess.Popen[str]]:
        """A command that goes on until Ctrl-C, which ends it quietly with 130."""
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "krakencopy.client.cli.main",
                "--state-dir",
                str(self.state_dir),
                *line.split(),
            ],
            cwd=ROOT,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **SCREEN},
        )
        try:
            yield process
            process.send_signal(signal.SIGINT)
            assert process.stderr is not None
            assert (process.wait(LIMIT_S), process.stderr.read()) == (130, "")
        finally:
            process.kill()
            process.communicate()

    def family(self) -> set[tuple[int, str]]:
        """The supervisor's process and all below it, each with its start time, which tells a pid that was
        given out again.
        """
        parents, starts = {}, {}
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = path.read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if fields[0] not in {"Z", "X"}:
                pid = int(path.parent.name)
                parents[pid], starts[pid] = int(fields[1]), fields[19]
        found = {self.process.pid} & set(parents)
        while more := {pid for pid, parent in parents.items() if parent in found} - found:
            found |= more
        return {(pid, starts[pid]) for pid in found}

    def said(self) -> str:
        return (self.folder / "said").read_text()


#: What `watch` takes a terminal's size from.
SCREEN = {"COLUMNS": "100", "LINES": "40", "NO_COLOR": "1"}


def is_alive(process: tuple[int, str]) -> bool:
    """Whether that very process still runs."""
    try:
        fields = Path(f"/proc/{process[0]}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return fields[0] not in {"Z", "X"} and fields[19] == process[1]


def next_line(process: subprocess.Popen[str]) -> str:
    """What a command that goes on says next."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, "it has ended"
    return line


def drawn_on(screen: int, is_enough: Callable[[str], bool]) -> str:
    """What a terminal got, until it is enough."""
    drawn = ""
    while not is_enough(drawn):
        ready, _, _ = select.select([screen], [], [], LIMIT_S)
        assert ready, f"nothing more came after {drawn!r}"
        drawn += os.read(screen, 65536).decode()
    return drawn


def all_gone(processes: set[tuple[int, str]]) -> Callable[[], bool]:
    return lambda: not any(map(is_alive, processes))
