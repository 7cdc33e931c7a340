"""Nothing in the README and in docs/operations.md is untrue: every command in them is executed here, as it
stands there.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.system import ROOT, wait_for

PAGES = [(ROOT / "README.md").read_text(), (ROOT / "docs" / "operations.md").read_text()]


def blocks(language: str) -> list[str]:
    pattern = re.compile(rf"^```{language}\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    return [block for page in PAGES for block in pattern.findall(page)]


def commands() -> list[str]:
    return [line for block in blocks("sh") for line in block.splitlines() if line.strip()]


#: Commands that start something are executed by tests of their own below.
STARTING = {
    "make run",
    "make test",
    ".venv/bin/krakencopyd --config krakencopy.toml --state-dir data",
}
OPERATING = [line for line in commands() if line.startswith(".venv/bin/krakencopy ")]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="kc"))
    (folder / ".venv").symlink_to(ROOT / ".venv")
    yield folder
    shutil.rmtree(folder)


def run(line: str, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KRAKEN")} | more
    environment["XDG_CONFIG_HOME"] = str(folder)  # no contexts
    return subprocess.run(
        ["/bin/sh", "-c", line],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )


def test_every_command_of_the_pages_is_executed_by_some_test_here() -> None:
    tested = STARTING | set(OPERATING)
    tested |= {line for line in commands() if line.startswith("export ") or "krakencopyd check" in line}
    assert set(commands()) == tested


def test_make_run_trades_stops_by_itself_and_agrees_with_the_exchange() -> None:
    folder = Path(tempfile.mkdtemp(prefix="kc"))
    try:
        done = run("make run", ROOT, DURATION="14", STATE_DIR=str(folder), SEED="7")
    finally:
        shutil.rmtree(folder)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    fills = re.search(r"^(\d+) fills of the master$", done.stdout, re.MULTILINE)
    assert fills is not None
    assert int(fills[1]) > 0
    assert "every fill was answered by every user" in done.stdout
    assert "the exchange's own record of fills says the same" in done.stdout


SOME_TESTS = "tests/account_proc/kraken/rest/test_signing.py"


def test_make_test_runs_tests() -> None:
    # What the make that runs these tests was given (TESTS=...) would be handed on to this one.
    done = run("unset MAKEFLAGS; make test", ROOT, TESTS=f"{SOME_TESTS} -p no:cacheprovider")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\d+ passed", done.stdout)


#: The whole file, and lines for its last account.
EXAMPLE, *MORE_LINES = blocks("toml")


@pytest.mark.parametrize("more", ["", *MORE_LINES])
def test_the_live_configuration_is_accepted_by_check(folder: Path, more: str) -> None:
    (folder / "krakencopy.toml").write_text(EXAMPLE + more)
    exports = [line for line in commands() if line.startswith("export ")]
    lines = [line.replace("=...", f"={letter * 40}") for line, letter in zip(exports, "AB", strict=True)]
    check = next(line for line in commands() if "krakencopyd check" in line)
    done = run("\n".join([*lines, check]), folder)
    assert done.returncode == 0, done.stderr
    assert "2 accounts, nothing wrong" in done.stdout


def test_a_live_start_without_keys_names_the_variables_and_starts_nothing(folder: Path) -> None:
    (folder / "krakencopy.toml").write_text(EXAMPLE)
    start = next(line for line in STARTING if "krakencopyd" in line)
    done = run(start, folder)
    assert done.returncode == 78
    assert "KRAKEN_MASTER_API_KEY" in done.stderr
    assert "KRAKEN_USER_TANIA_GILBERT_API_KEY" in done.stderr
    assert not (folder / "data").exists()


@pytest.fixture(scope="module")
def paper_run(folder: Path) -> Iterator[Path]:
    """What `make run` starts, in a folder of its own; the commands of the pages then find its state in
    data-paper/.
    """
    supervisor = subprocess.Popen(
        [".venv/bin/krakencopyd", "--paper", "--quiet"], cwd=folder, text=True,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_for("a first fill", lambda: run(".venv/bin/krakencopy why 1", folder).returncode == 0)
        yield folder
    finally:
        if supervisor.poll() is None:
            supervisor.send_signal(signal.SIGTERM)
        supervisor.wait(timeout=40)


def test_the_python_example_works(paper_run: Path) -> None:
    (example,) = blocks("python")
    (paper_run / "example.py").write_text(example)
    done = run(".venv/bin/python example.py", paper_run)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("True\n")
    assert "BTC/USD" in done.stdout


@pytest.mark.parametrize("line", [line for line in OPERATING if " shutdown" not in line])
def test_the_operators_commands_work(paper_run: Path, line: str) -> None:
    if line.endswith(" watch"):
        done = run(f"timeout --signal=INT 4 {line}", paper_run)
        assert done.returncode in {124, 130}, done.stderr
    else:
        done = run(line, paper_run)
        assert done.returncode == 0, done.stderr
    assert done.stdout


def test_the_shutdown_command_ends_it(paper_run: Path) -> None:
    (line,) = [line for line in OPERATING if " shutdown" in line]
    assert run(line, paper_run).returncode == 0
    wait_for("the supervisor to end", lambda: run(".venv/bin/krakencopy status", paper_run).returncode == 2)
