"""Standard output and standard error that nobody reads must not stop what writes to them: a terminal that was
stopped, a pipe whose other end is busy.

A pipe is put in the place of the descriptor, so that Python, C libraries such as gRPC's core and child
processes all write to it and never wait. A thread empties it into a bounded store, and another one writes
that to where the descriptor led. What does not fit is dropped, whole lines of it, and counted where it was.

What waits in the pipe is lost when this process is killed: the last words of a C library that aborts.
"""

from __future__ import annotations

import os
import select
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

#: Bytes that wait for a reader, at most: some thousand lines.
KEPT_BYTES_MAX = 262_144
#: Read from the pipe at once, in bytes.
READ_BYTES = 65_536
#: What is left is written for so long at the end, in seconds.
CLOSE_S = 0.5
#: A line without an end may be a prompt, such as for a passphrase: it is written when nothing follows for so
#: long, in seconds.
PROMPT_S = 0.1

STDOUT, STDERR = 1, 2


@contextmanager
def relayed_output() -> Iterator[None]:
    """Nothing that this process or a child of it writes to standard output or standard error waits for a
    reader, until the process's end.
    """
    with ExitStack() as stack:
        for descriptor in (STDOUT, STDERR):
            with suppress(OSError):  # it is closed
                stack.callback(OutputRelay(descriptor).close)
        try:
            yield
        finally:
            # Now: what Python writes at its end would wait.
            for stream in (sys.stdout, sys.stderr):
                with suppress(OSError, ValueError, AttributeError):
                    stream.flush()


class OutputRelay:
    """One descriptor of this process, 1 or 2, until ``close``."""

    def __init__(self, descriptor: int, kept_bytes_max: int = KEPT_BYTES_MAX) -> None:
        """Raises OSError, where the descriptor is closed: then nothing is changed."""
        self._descriptor = descriptor
        self._kept_bytes_max = kept_bytes_max
        self._reader = os.dup(descriptor)
        os.set_inheritable(self._reader, False)
        self._pipe, write_end = os.pipe()
        os.set_blocking(self._pipe, False)
        os.dup2(write_end, descriptor)  # which children inherit
        os.close(write_end)
        self._wake, self._waker = os.pipe()
        self._changed = threading.Condition()
        self._lines: deque[bytes] = deque()
        self._kept_bytes = 0
        #: Lines that were dropped since the last one that was kept.
        self._dropped = 0
        #: The beginning of a line whose end has not come.
        self._begun = b""
        self._ended = False
        self._threads = [
            threading.Thread(target=target, name=f"output-{descriptor}", daemon=True)
            for target in (self._empty_pipe, self._write_lines)
        ]
        for thread in self._threads:
            thread.start()

    def close(self, within_s: float = CLOSE_S) -> None:
        """What waits is written as far as it is read within so many seconds. The descriptor is put back then,
        or leads nowhere where nobody reads.
        """
        if self._ended:
            return
        os.write(self._waker, b"x")
        for thread in self._threads:
            thread.join(within_s)
        leads_to = os.open(os.devnull, os.O_WRONLY) if self._threads[-1].is_alive() else self._reader
        os.dup2(leads_to, self._descriptor)

    # -- the thread that empties the pipe -------------------------------------------------------------------

    def _empty_pipe(self) -> None:
        woken = False
        while True:
            if not woken:
                readable = select.select([self._pipe, self._wake], [], [], PROMPT_S if self._begun else None)[
                    0
                ]
                woken = self._wake in readable
                if not readable:
                    self._keep(b"", is_whole=True)
                    continue
            try:
                data = os.read(self._pipe, READ_BYTES)
            except BlockingIOError:
                if woken:
                    break
                continue
            if not data:
                break
            self._keep(data)
        with self._changed:
            if self._begun:
                self._keep_line(self._begun)
            self._ended = True
            self._changed.notify()

    def _keep(self, data: bytes, *, is_whole: bool = False) -> None:
        """Takes the lines of it, and keeps the beginning of another one unless it ``is_whole``."""
        *lines, begun = (self._begun + data).splitlines(keepends=True) or [b""]
        if is_whole or begun.endswith(b"\n") or len(begun) > READ_BYTES:  # then it is no line at all
            lines.append(begun)
            begun = b""
        self._begun = begun
        with self._changed:
            for line in lines:
                self._keep_line(line)
            self._changed.notify()

    def _keep_line(self, line: bytes) -> None:
        if self._kept_bytes + len(line) > self._kept_bytes_max:
            self._dropped += 1
            return
        if self._dropped:
            note = f"[{self._dropped} lines were dropped here: nobody read them]\n".encode()
            self._lines.append(note)
            self._kept_bytes += len(note)
            self._dropped = 0
        self._lines.append(line)
        self._kept_bytes += len(line)

    # -- the thread that waits for readers ------------------------------------------------------------------

    def _write_lines(self) -> None:
        is_read = True
        while True:
            with self._changed:
                while not self._lines and not self._ended:
                    self._changed.wait()
                if not self._lines:
                    return
                line = self._lines.popleft()
            rest = memoryview(line)
            while rest and is_read:
                try:
                    rest = rest[os.write(self._reader, rest) :]
                except BlockingIOError:  # the giver of the descriptor reads it without waiting
                    select.select([], [self._reader], [])
                except OSError:
                    # A closed pipe, a terminal that hung up, a full disk: nobody is there any more.
                    is_read = False
            with self._changed:
                self._kept_bytes -= len(line)
