"""``krakencopyd`` as a command, and configurations for it."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from pathlib import Path

from krakencopy.account_proc.contract.errors import ExitCode

ROOT = Path(__file__).parents[2]
#: Longer than anything here takes on a busy machine, in seconds.
LIMIT_S = 60

SECRET = base64.b64encode(b"secret of the tests").decode()
KEYS = {
    f"KRAKEN_{owner}_API_{part}": f"K{owner.lower()}" if part == "KEY" else SECRET
    for owner in ("MASTER", "USER_TANIA")
    for part in ("KEY", "SECRET")
}


def account(account_id: str, role: str = "user", more: str = "") -> str:
    return f'[[accounts]]\nid = "{account_id}"\nrole = "{role}"\nbroker = "kraken"\n{more}\n'


LIVE = '[exchange]\nmode = "live"\n'
#: Paper, but with an exchange of its own that is not there: so keys and journal are those of a real run.
ELSEWHERE = '[exchange]\nmode = "paper"\nrest_url = "http://127.0.0.1:1"\nws_url = "ws://127.0.0.1:1"\n'
MASTER, TANIA = account("master", "master"), account("tania")
GOOD = LIVE + MASTER + TANIA


def arguments_for(state: Path, *arguments: object) -> list[str]:
    return [
        sys.executable,
        "-m",
        "krakencopy.supervisor.daemon",
        *map(str, arguments),
        "--state-dir",
        str(state),
    ]


def environment(**more: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("KRAKEN")} | more


def krakencopyd(state: Path, *arguments: object, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments_for(state, *arguments),
        cwd=ROOT, env=environment(**more), capture_output=True, text=True, timeout=LIMIT_S, check=False,
    )  # fmt: skip


def assert_told(
    ended: subprocess.CompletedProcess[str], *told: str, code: ExitCode = ExitCode.CONFIGURATION
) -> None:
    """It ended with this code and these lines, each of which holds these words, and said nothing else."""
    lines = ended.stderr.splitlines()
    assert (ended.returncode, ended.stdout) == (code, ""), ended.stderr
    assert len(lines) == len(told), ended.stderr
    for line, words in zip(lines, told, strict=True):
        assert words in line
