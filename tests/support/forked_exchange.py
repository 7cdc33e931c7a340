"""Paper exchanges that are only there to trade with, forked from one process that has imported what they
need: half a second of processor time less for each test of a whole system.

Each is a process of its own, and runs what `python -m krakencopy.paper_exchange` runs.
"""

from __future__ import annotations

import atexit
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TextIO

ROOT = Path(__file__).parents[2]
#: Of one request: a command line.
REQUEST_BYTES_MAX = 65_536


class ForkedExchange:
    """A process, as subprocess.Popen has it."""

    def __init__(self, pid: int, stdout: TextIO) -> None:
        self.pid, self.stdout = pid, stdout
        self._pidfd = os.pidfd_open(pid)
        self._code: int | None = None

    def send_signal(self, number: signal.Signals) -> None:
        """Also to one that has ended: its number is its own until it is waited for."""
        if self._code is None:
            signal.pidfd_send_signal(self._pidfd, number)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, negative for the signal that ended it. Raises TimeoutExpired; ``timeout`` in
        seconds.
        """
        if self._code is None:
            if not select.select([self._pidfd], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("krakencopy.paper_exchange", timeout or 0)
            self._code = _ask({"wait": self.pid})["code"]
            os.close(self._pidfd)
        return self._code


def fork_exchange(*arguments: str) -> ForkedExchange:
    """A new one with this command line."""
    ours, its = os.pipe()
    try:
        pid = _ask({"arguments": arguments}, its)["pid"]
    finally:
        os.close(its)
    return ForkedExchange(pid, os.fdopen(ours))


_forks: socket.socket | None = None


def _ask(request: dict[str, object], *descriptors: int) -> dict[str, int]:
    global _forks  # noqa: PLW0603 - one for each process that runs tests
    if _forks is None:
        _forks = _start()
    socket.send_fds(_forks, [json.dumps(request).encode()], descriptors)
    answer: dict[str, int] = json.loads(_forks.recv(REQUEST_BYTES_MAX))
    return answer


def _start() -> socket.socket:
    ours, its = socket.socketpair(type=socket.SOCK_SEQPACKET)
    with its:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.forked_exchange", str(its.fileno())],
            cwd=ROOT,
            pass_fds=[its.fileno()],
            # The exchange's own tests measure what they reach of it; here that would only make it slow.
            env={name: value for name, value in os.environ.items() if name != "COVERAGE_PROCESS_START"},
        )
    atexit.register(_end, ours, process)
    return ours


def _end(ours: socket.socket, process: subprocess.Popen[bytes]) -> None:
    ours.close()
    process.wait()


def main() -> None:
    """Forks one for each request, until whoever asks is gone; then they end as well."""
    from krakencopy.paper_exchange import server  # noqa: F401 - each of them needs it

    asked = socket.socket(fileno=int(sys.argv[1]))
    # Ctrl-C is for the tests, which end what they have started.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    running: set[int] = set()
    while True:
        encoded, descriptors, _, _ = socket.recv_fds(asked, REQUEST_BYTES_MAX, 1)
        if not encoded:
            break
        request = json.loads(encoded)
        if "wait" in request:
            _, status = os.waitpid(request["wait"], 0)
            running.discard(request["wait"])
            answer = {"code": os.waitstatus_to_exitcode(status)}
        else:
            (stdout,) = descriptors
            pid = os.fork()
            if not pid:
                asked.close()
                os.dup2(stdout, sys.stdout.fileno())
                os.close(stdout)
                signal.signal(signal.SIGINT, signal.default_int_handler)
                sys.argv = ["krakencopy.paper_exchange", *request["arguments"]]
                code = 1
                try:
                    runpy.run_module("krakencopy.paper_exchange", run_name="__main__")
                except SystemExit as end:
                    code = int(end.code or 0)
                sys.stdout.flush()
                os._exit(code)
            os.close(stdout)
            running.add(pid)
            answer = {"pid": pid}
        asked.send(json.dumps(answer).encode())
    for pid in running:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
