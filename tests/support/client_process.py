"""The operator's command as a process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
#: Every wait in these tests ends by itself, long after it should have.
LIMIT_S = 30.0


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "krakencopy.client.cli.main", *arguments]


@contextmanager
def running(*arguments: str, **options: Any) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        command(*arguments),
        stdout=options.pop("stdout", subprocess.PIPE),
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        **options,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def interrupted(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Ctrl-C: how it ends, and what it says."""
    process.send_signal(signal.SIGINT)
    assert process.stderr
    code = process.wait(LIMIT_S)
    return code, process.stderr.read()
