"""The `krakencopy` command in a terminal: what an operator types, and what stands on the screen."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from contextlib import closing
from pathlib import Path

from tests.support.system import PATIENCE_S, ROOT

#: Of the terminal: rows and columns.
ROWS, COLUMNS = 50, 120
#: A command that a page advises.
ADVISED = re.compile(r"`(krakencopy [^`]+)`")
#: What a terminal makes of a line that says what is waited for, and is taken away; and of states in colours.
_SHOWN_LATER = re.compile(r"(\r\x1b\[K[^\r\n]*)*\r\x1b\[K")
_COLOUR = re.compile(r"\x1b\[(3[0-9]|0)m")


class Screen(str):
    """What a command has written, without line ends of the terminal."""

    __slots__ = ()

    @property
    def text(self) -> str:
        """On one line, as broken lines have no meaning."""
        return " ".join(self.split())


class Terminal:
    """An operator at one supervisor. Each page is checked for what no page may have, and kept."""

    def __init__(self, endpoint: str) -> None:
        self._environment = os.environ | {"KRAKENCOPY_ENDPOINT": endpoint}
        self.advised: set[str] = set()
        self.transcript: list[str] = []

    def run(self, line: str, *, expect: int = 0) -> Screen:
        """A line that is typed; what stands there then. Standard output and error are the terminal."""
        program, *words = line.split()
        assert program == "krakencopy"
        command = [sys.executable, "-m", "krakencopy.client.cli.main", *words]
        leader, follower = pty.openpty()
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        environment = {name: value for name, value in self._environment.items() if name != "COLUMNS"}
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=follower, stdout=follower, stderr=follower
        )
        os.close(follower)
        with closing(os.fdopen(leader, "rb", buffering=0)) as screen:
            written = _read_all(screen)
        code = process.wait(timeout=PATIENCE_S)
        page = Screen(_SHOWN_LATER.sub("", _COLOUR.sub("", written.decode().replace("\r\n", "\n"))))
        self.transcript.append(f"$ {line}\n{page}")
        assert code == expect, f"{line} ended with {code}:\n{page}"
        self._check(line, page)
        return page

    def _check(self, line: str, page: Screen) -> None:
        assert "Traceback" not in page, page
        for shown in page.split("\n"):
            assert shown.isprintable(), f"{line} shows {shown!r}"
            assert len(shown) <= COLUMNS, f"{line} shows {len(shown)} columns: {shown}"
        self.advised.update(ADVISED.findall(page.text))


def _read_all(screen: object) -> bytes:
    written = b""
    while True:
        try:
            part = screen.read(65_536)  # type: ignore[attr-defined]
        except OSError:  # Linux: the last one who had it open has closed it
            return written
        if not part:
            return written
        written += part


def keep(terminal: Terminal, path: Path) -> None:
    """The whole night as a text, for who wants to read it."""
    path.write_text("\n".join(terminal.transcript))
