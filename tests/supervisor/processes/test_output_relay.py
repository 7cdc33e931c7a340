"""Output that nobody reads stops nothing; what is dropped is counted. Seen from outside, with real
processes.
"""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

from krakencopy.supervisor.processes.output_relay import KEPT_BYTES_MAX

#: A hung writer fails here, in seconds.
LIMIT_S = 60


BEGIN = """
    import os, subprocess, sys
    from krakencopy.supervisor.processes.output_relay import OutputRelay
    relay = OutputRelay(1)
    def say(word):
        os.write(int(sys.argv[1]), word.encode())
"""


class Relayed:
    """A process whose output is relayed, and what it says to the test beside that."""

    def __init__(self, code: str, stdout: int) -> None:
        self._said, writes = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(BEGIN) + textwrap.dedent(code), str(writes)],
            stdin=subprocess.PIPE,
            stdout=stdout,
            pass_fds=(writes,),
        )
        os.close(writes)

    @property
    def stdout(self) -> IO[bytes]:
        assert self._process.stdout is not None
        return self._process.stdout

    def said(self) -> str:
        """What it says next; the test's own limit of time ends a wait for ever."""
        return os.read(self._said, 100).decode()

    def go_on(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(b"x")
        self._process.stdin.close()

    def end(self) -> None:
        self._process.kill()
        self._process.wait(LIMIT_S)
        os.close(self._said)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()


@contextmanager
def _running(code: str, stdout: int = subprocess.PIPE) -> Iterator[Relayed]:
    relayed = Relayed(code, stdout)
    try:
        yield relayed
    finally:
        relayed.end()


def test_a_pipe_that_nobody_reads_holds_up_nobody_and_tells_what_it_lost() -> None:
    code = """
        for number in range(20_000):
            print("line", number, "x" * 80, flush=True)
        say("done")
        sys.stdin.read(1)
        print("the last one", flush=True)
        relay.close(30)
    """
    with _running(code) as process:
        assert process.said() == "done"
        first = [process.stdout.readline() for _ in range(10)]
        assert [line.split()[1] for line in first] == [str(number).encode() for number in range(10)]
        kept = bytearray(b"".join(first))
        while not kept.count(b"\n") >= 2_000:  # what had been stored is out, so that there is room again
            kept += process.stdout.readline()
        process.go_on()
        kept += process.stdout.read()
        lines = kept.decode().splitlines()
        assert lines[-1] == "the last one"
        notes = [line for line in lines if "dropped" in line]
        numbers = [int(line.split()[1]) for line in lines if line.startswith("line")]
        dropped = sum(int(note.removeprefix("[").split()[0]) for note in notes)
        assert len(numbers) + dropped == 20_000
        assert dropped > 10_000
        assert len(kept) < 2 * KEPT_BYTES_MAX
        assert numbers == sorted(numbers)


def test_what_c_code_and_children_write_is_relayed_in_whole_lines() -> None:
    code = """
        os.write(1, b"from C ")
        os.write(1, b"code\\n")
        subprocess.run([sys.executable, "-c", "print('from a child')"])
        os.write(1, b"without an end")
        relay.close()
        os.write(1, b" and directly\\n")
    """
    with _running(code) as process:
        text = process.stdout.read()
    assert text == b"from C code\nfrom a child\nwithout an end and directly\n"


def test_a_prompt_is_written_before_its_line_has_an_end() -> None:
    code = """
        os.write(1, b"Passphrase: ")
        sys.stdin.read(1)
    """
    with _running(code) as process:
        assert os.read(process.stdout.fileno(), 100) == b"Passphrase: "
        process.go_on()


def test_the_end_waits_for_nobody() -> None:
    code = """
        from krakencopy.supervisor.processes.output_relay import relayed_output
        relay.close()
        with relayed_output():
            print("x" * 1_000_000)
            print("without a flush", end="")
        os.write(1, b"y" * 1_000_000)  # as C code may on its way out
        print("z" * 1_000_000, flush=True)
        say("done")
    """
    with _running(code) as process:
        assert process.said() == "done"


def test_a_reader_that_has_gone_is_no_reason_to_end() -> None:
    code = """
        say("begun")
        sys.stdin.read(1)
        for number in range(5_000):
            print("line", number, "x" * 80, flush=True)
        relay.close()
        say("done")
    """
    with _running(code) as process:
        assert process.said() == "begun"
        process.stdout.close()
        process.go_on()
        assert process.said() == "done"


def test_a_terminal_that_was_stopped_holds_up_nobody() -> None:
    ours, theirs = pty.openpty()
    os.write(ours, b"\x13")  # Ctrl-S
    try:
        with _running('print("x" * 200_000, flush=True)\nsay("done")', stdout=theirs) as process:
            assert process.said() == "done"
    finally:
        os.close(theirs)
        os.close(ours)


def test_a_closed_descriptor_is_left_as_it_is() -> None:
    code = """
        from krakencopy.supervisor.processes.output_relay import OutputRelay
        import os
        os.close(0)
        try:
            OutputRelay(0)
        except OSError:
            print("left")
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, timeout=LIMIT_S, check=True
    )
    assert ran.stdout == b"left\n"
