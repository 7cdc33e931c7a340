"""Ctrl-C ends a command at any time without a traceback, and nothing stands still for longer than it may."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from krakencopy.client.cli import interrupts
from tests.support.scripted_supervisor import Live, Scripted

ROOT = Path(__file__).parents[3]
LIMIT_S = 30.0
#: As the installed command does it; until Ctrl-C is looked after it waits, as Python's own start cannot be
#: told from outside.
COMMAND = """
import signal, sys
from krakencopy.client.cli.main import interrupts, main
begin = interrupts.begin
def begin_and_listen():
    is_ours = begin()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    return is_ours
interrupts.begin = begin_and_listen
sys.exit(main())
"""


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_ends_the_process_until_there_is_something_to_put_back() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    assert interrupts.begin()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL
    interrupts.raise_once()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL
    interrupts.end_at_once()  # the one that would come by itself


def test_an_interrupt_that_is_ignored_stays_so() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    assert not interrupts.begin()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_an_interrupt_that_is_lost_ends_the_process_a_moment_later() -> None:
    code = """
import os, signal, time
from krakencopy.client.cli import interrupts
interrupts.ORDERLY_S = 0.1
interrupts.raise_once()
class Finalized:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)
last = Finalized()
del last
time.sleep(60)
"""
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert process.returncode == -signal.SIGINT
    assert "Exception ignored in" in process.stderr


def test_in_another_thread_signals_are_left_alone() -> None:
    found: list[bool] = []

    def play() -> None:
        found.append(interrupts.begin())
        with interrupts.within(0.0):
            found.append(True)

    thread = threading.Thread(target=play)
    thread.start()
    thread.join()
    assert found == [False, True]


def test_what_stands_still_in_a_system_call_is_given_up() -> None:
    reading, writing = os.pipe()
    try:
        with pytest.raises(interrupts.TooSlow), interrupts.within(0.05):
            os.read(reading, 1)
        with interrupts.within(LIMIT_S):
            pass
        with interrupts.within(None):
            pass
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    finally:
        os.close(reading)
        os.close(writing)


@pytest.mark.parametrize("words", [["status"], ["fills", "--follow"], ["watch"], ["--help"], ["order"]])
def test_ctrl_c_at_any_time_shows_no_traceback(endpoint: str, supervisor: Scripted, words: list[str]) -> None:
    for name in ("WatchFills", "WatchCopies", "WatchEvents"):
        supervisor.on[name] = Live()
    dice = random.Random(" ".join(words))  # noqa: S311 - no secret depends on it
    for _ in range(8):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # the process begins with it
        process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, *words, "--endpoint", endpoint],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        assert process.stderr is not None
        with suppress(subprocess.TimeoutExpired):
            process.wait(dice.uniform(0.01, 0.6))
        process.send_signal(signal.SIGINT)
        try:
            _, said = process.communicate(timeout=LIMIT_S)
        finally:
            process.kill()
            process.communicate()
        assert process.returncode in {0, 3, 130, -signal.SIGINT}
        assert "Traceback" not in said
        assert "Exception ignored" not in said
