"""A process that has imported all that an account's process needs, and forks one whenever the supervisor
asks.

It is started by exec before the supervisor has any gRPC object and never makes one itself, so what it forks
is clean. It never sees a key: a child reads its boot pipe itself. It must not know what an account is, nor
decide when one is started, stopped or started again.

One SOCK_SEQPACKET socket joins it to the supervisor:

    forkserver  {"hello": pid} or {"error": text}         once, after the imports
    supervisor  a request, with boot, ready, lifeline, pulse and output descriptors
    forkserver  {"forked": pid} with a pidfd, or {"refused": text}
    forkserver  {"exited": pid, "code": n, "signal": n}   one of the two is null
    supervisor  EOF: it is gone, or wants no more. Children that do not end by themselves are killed,
                then this process ends
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import gc
import itertools
import json
import os
import resource
import select
import signal
import socket
import time
import traceback
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from krakencopy.account_proc.contract.errors import ExitCode
from krakencopy.account_proc.runtime.boot import (
    DEFAULT_ENTRY,
    BootPipes,
    Entry,
    continue_when_parent_dies,
    harden,
    leave,
    load_entry,
    reset_signals,
    run,
)
from krakencopy.account_proc.runtime.json_log import set_levels
from krakencopy.supervisor.processes.malloc_holes import fill_holes
from krakencopy.supervisor.processes.type_versions import number_types

#: One message in either direction.
MESSAGE_BYTES_MAX = 32_768
#: The end of a traceback says most; JSON may write six bytes for a character.
TRACEBACK_LENGTH_MAX = 5_000
#: boot, ready, lifeline, pulse, output
DESCRIPTORS_OF_REQUEST = 5
REQUEST = b"fork"
#: How long children have, when the supervisor is gone, to see EOF on the lifeline, finish the request in
#: flight and commit.
GRACE_S = 5.0


@dataclass(frozen=True, slots=True)
class Birth:
    """What a fresh child needs of the request that made it."""

    pipes: BootPipes
    #: Becomes its standard output and standard error.
    output: int


class Forkserver:
    """The parent's loop. In each child ``serve`` returns, so that nothing of the loop lives on there."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        #: pid of each child that has not been waited for, by its pidfd.
        self._children: dict[int, int] = {}

    def serve(self) -> Birth | None:
        """Fork and reap until the supervisor is gone; None then, with no child left."""
        try:
            while True:
                ready = _readable([self._control.fileno(), *self._children])
                # Exits first: a request may be answered with a pid that was free only after its wait.
                self._reap(ready & self._children.keys())
                if self._control.fileno() in ready and (birth := self._answer()):
                    return birth
        except (EOFError, ConnectionError):
            self._end_children()
            return None

    def _answer(self) -> Birth | None:
        """Carry out one request. In the child that it makes, the result is what the child needs."""
        message, descriptors, _, _ = socket.recv_fds(
            self._control, len(REQUEST), DESCRIPTORS_OF_REQUEST, socket.MSG_CMSG_CLOEXEC
        )
        if not message:
            raise EOFError
        pid = self._fork(descriptors)
        if pid == 0:
            # Or a later garbage collection would close a number that is another file's by then.
            self._control.detach()
            boot, ready, lifeline, pulse, output = descriptors
            return Birth(BootPipes(boot=boot, ready=ready, lifeline=lifeline, pulse=pulse), output)
        for descriptor in descriptors:
            os.close(descriptor)
        if pid is not None:
            self._adopt(pid)
        return None

    def _fork(self, descriptors: Collection[int]) -> int | None:
        """As ``os.fork``; None if that was refused."""
        if len(descriptors) == DESCRIPTORS_OF_REQUEST:
            try:
                return os.fork()
            except OSError as error:
                why = f"fork: {error.strerror}"
        else:
            # The kernel drops descriptors that do not fit under the limit of open files.
            why = "too many open files"
        self._send({"refused": why})
        return None

    def _adopt(self, pid: int) -> None:
        """Tell of a new child and wait for its end from now on."""
        try:
            pidfd = os.pidfd_open(pid)
        except OSError as error:
            # It has not been sent anything yet, and nobody could watch it. By its pid, which stays its own
            # until it is waited for.
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            self._send({"refused": f"pidfd_open: {error.strerror}"})
            return
        self._children[pidfd] = pid
        self._send({"forked": pid}, [pidfd])

    def _reap(self, pidfds: Collection[int]) -> None:
        for pidfd in pidfds:
            ended = os.waitid(os.P_PIDFD, pidfd, os.WEXITED)
            assert ended is not None, "without WNOHANG there is an answer"
            pid = self._children.pop(pidfd)
            os.close(pidfd)
            by_itself = ended.si_code == os.CLD_EXITED
            code, number = (ended.si_status, None) if by_itself else (None, ended.si_status)
            self._send({"exited": pid, "code": code, "signal": number})

    def _end_children(self) -> None:
        """Let the children end by themselves, then kill those that do not."""
        self._signal_all(signal.SIGCONT)  # a stopped one sees no EOF
        deadline = time.monotonic() + GRACE_S
        while self._children:
            remaining_s = deadline - time.monotonic()
            if remaining_s <= 0:
                self._signal_all(signal.SIGKILL)
            # The supervisor may be there still to hear of them, when it closed its side only.
            with contextlib.suppress(ConnectionError):
                self._reap(_readable(self._children, remaining_s if remaining_s > 0 else None))

    def _signal_all(self, signum: int) -> None:
        for pidfd in self._children:
            signal.pidfd_send_signal(pidfd, signum)

    def _send(self, message: dict[str, object], descriptors: Collection[int] = ()) -> None:
        socket.send_fds(self._control, [json.dumps(message).encode()], list(descriptors))


def _readable(descriptors: Collection[int], timeout_s: float | None = None) -> set[int]:
    # select.poll keeps nothing in the kernel that a child would share, as epoll does.
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return {descriptor for descriptor, _ in poll.poll(None if timeout_s is None else timeout_s * 1000)}


def _preload(entry_name: str) -> Entry:
    entry = load_entry(entry_name)
    threads = len(list(Path("/proc/self/task").iterdir()))
    if threads != 1:
        raise RuntimeError(
            f"{entry_name}: its imports started threads ({threads - 1}), which a forked process would lack"
        )
    # What all children would do alike, each in memory of its own.
    reset_signals()
    faulthandler.enable()
    set_levels()
    number_types()
    # What is frozen is never looked at by a collection, so its pages stay shared with the children.
    gc.collect()
    gc.freeze()
    fill_holes()
    return entry


def _live(birth: Birth, entry: Entry) -> NoReturn:
    """Be the account's process; does not return."""
    code: int = ExitCode.CRASHED
    try:
        os.dup2(birth.output, 1)
        os.dup2(birth.output, 2)
        pipes = birth.pipes
        _close_all_but({0, 1, 2, pipes.boot, pipes.ready, pipes.lifeline, pipes.pulse})
        harden()
        code = run(lambda: entry, pipes)
    except BaseException:  # noqa: BLE001  - a child must never become a second forkserver
        traceback.print_exc()
    leave(code)


def _close_all_but(kept: set[int]) -> None:
    """Close the siblings' pidfds and whatever the imports opened."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    for below, above in itertools.pairwise([-1, *sorted(kept), limit]):
        if below + 1 < above:  # Python takes closerange(0, 0) for all that there are
            os.closerange(below + 1, above)


def main() -> None:
    """Import, say hello, serve."""
    parser = argparse.ArgumentParser(
        prog="python -m krakencopy.supervisor.processes.forkserver", description="Started by the supervisor."
    )
    parser.add_argument("--control-fd", type=int, required=True)
    parser.add_argument("--entry", default=DEFAULT_ENTRY, metavar="MODULE:FUNCTION")
    given = parser.parse_args()
    # Before it forks: descriptors and memory of a fresh child, which is about to read its key, are as much
    # out of the reach of others as its own are.
    harden()
    continue_when_parent_dies()
    control = socket.socket(fileno=given.control_fd)
    control.set_inheritable(False)
    try:
        entry = _preload(given.entry)
    except BaseException:  # noqa: BLE001  - an import may raise anything, and the supervisor is to hear of it
        control.send(json.dumps({"error": traceback.format_exc()[-TRACEBACK_LENGTH_MAX:]}).encode())
        leave(ExitCode.CRASHED)
    control.send(json.dumps({"hello": os.getpid()}).encode())
    birth = Forkserver(control).serve()
    if birth is not None:
        _live(birth, entry)


if __name__ == "__main__":
    main()
