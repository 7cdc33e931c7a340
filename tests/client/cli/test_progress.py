"""A line on a terminal says what is waited for; pipes have none of it."""

from __future__ import annotations

import os
import pty
import sys
import termios
import threading
from collections.abc import Callable

import pytest

from krakencopy.client.cli import progress as module
from krakencopy.client.cli.progress import progress
from tests.support.typed_lines import Typed

LIMIT_S = 30.0


class Screen(Typed):
    """A terminal that says when something was drawn."""

    def __init__(self) -> None:
        super().__init__()
        self.drawn = threading.Event()

    def write(self, text: str) -> int:
        written = super().write(text)
        self.drawn.set()
        return written


@pytest.fixture
def look(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Screen]:
    """From then on standard error is a screen: pytest sets it anew before the test itself."""
    return lambda: _screen(monkeypatch)


def _screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(module, "_draw_on", lambda terminal, text: terminal.write(text))
    monkeypatch.setattr(module, "_SHOWN_AFTER_S", 0.0)
    monkeypatch.setattr(module, "_INTERVAL_S", 0.001)
    monkeypatch.setattr("shutil.get_terminal_size", lambda **_: os.terminal_size((40, 24)))
    return screen


def until_drawn(screen: Screen) -> None:
    screen.drawn.clear()
    assert screen.drawn.wait(LIMIT_S)


def test_the_line_follows_what_is_said_and_is_taken_away(look: Callable[[], Screen]) -> None:
    screen = look()
    with progress("waiting for anna", "it goes on") as say:
        until_drawn(screen)
        say("waiting for \x1b[31mbob, who takes longer than a line is wide")
        until_drawn(screen)
        until_drawn(screen)
    first, *_ = lines = screen.getvalue().split("\r\x1b[K")[1:]
    assert first == "waiting for anna (0 s)"
    assert "waiting for  [31mbob, who takes l (0 s)" in lines
    assert lines[-1] == ""
    assert max(map(len, lines)) <= 39


def test_what_is_soon_over_shows_nothing(look: Callable[[], Screen], monkeypatch: pytest.MonkeyPatch) -> None:
    screen = look()
    monkeypatch.setattr(module, "_SHOWN_AFTER_S", LIMIT_S)
    with progress("waiting", "it goes on"):
        pass
    assert screen.getvalue() == ""


def test_ctrl_c_says_what_goes_on_below_no_line(look: Callable[[], Screen]) -> None:
    screen = look()

    def interrupted() -> None:
        with progress("waiting", "the stop of anna goes on"):
            until_drawn(screen)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert screen.getvalue().endswith("\r\x1b[Kkrakencopy: the stop of anna goes on\n")


def test_pipes_have_no_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SHOWN_AFTER_S", 0.0)
    before = threading.active_count()
    with progress("waiting", "it goes on"):
        assert threading.active_count() == before
    assert capsys.readouterr() == ("", "")


def test_a_terminal_that_is_stopped_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    screen, terminal = pty.openpty()
    monkeypatch.setattr(module, "_SHOWN_AFTER_S", 0.0)
    monkeypatch.setattr(module, "_INTERVAL_S", 0.0)
    try:
        with os.fdopen(os.dup(terminal), "w") as stderr:
            monkeypatch.setattr(sys, "stderr", stderr)
            termios.tcflow(terminal, termios.TCOOFF)  # as Ctrl-S does
            with progress("waiting for anna", "it goes on"):
                # Far more lines than a terminal keeps for its reader would be drawn meanwhile.
                threading.Event().wait(0.05)
            termios.tcflow(terminal, termios.TCOON)
            with progress("waiting for ben", "it goes on"):
                assert b"waiting for ben" in _read_until(screen, b"ben")
            assert os.get_blocking(terminal)
    finally:
        os.close(screen)
        os.close(terminal)


def _read_until(screen: int, wanted: bytes) -> bytes:
    read = b""
    while wanted not in read:
        read += os.read(screen, 1_024)
    return read
