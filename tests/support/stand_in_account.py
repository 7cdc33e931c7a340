"""An account's process without an account: it writes down how it finds itself, then does what its
``strategy`` says.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from krakencopy.account_proc.contract.spec import AccountSpec, Credentials

_PR_GET_DUMPABLE = 3


def circumstances(credentials: Credentials) -> dict[str, object]:
    umask = os.umask(0o077)
    return {
        "key": credentials.key,
        "secret": credentials.secret,
        "argv": sys.argv,
        "environ": dict(os.environ),
        "descriptors": descriptors(),
        "umask": umask,
        "core_limit": resource.getrlimit(resource.RLIMIT_CORE),
        "dumpable": ctypes.CDLL(None).prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0),
        "session": os.getsid(0),
        "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
        "sigint_is_default": signal.getsignal(signal.SIGINT) is signal.SIG_DFL,
        "name": Path("/proc/self/comm").read_text().strip(),
    }


def descriptors() -> dict[int, tuple[str, bool]]:
    """What each open descriptor is, and whether it can be written to."""
    found = {}
    for path in list(Path("/proc/self/fd").iterdir()):
        with contextlib.suppress(FileNotFoundError):  # the listing's own
            flags = Path(f"/proc/self/fdinfo/{path.name}").read_text().split("flags:")[1].split()[0]
            writable = int(flags, 8) & os.O_ACCMODE != os.O_RDONLY
            found[int(path.name)] = str(path.readlink()), writable
    return found


def run(spec: AccountSpec, credentials: Credentials, ready_fd: int, lifeline_fd: int, pulse_fd: int) -> int:
    before_ready: dict[str, Callable[[], object]] = {
        "silent": lambda: wait_for_end(lifeline_fd),
        "exit early": lambda: os._exit(3),
        "garbage": lambda: os.write(ready_fd, b"ready!\n"),
        "flood": lambda: os.write(ready_fd, b"x" * 10_000),
    }
    command = spec.strategy or ""
    if command in before_ready:
        before_ready[command]()
        return wait_for_end(lifeline_fd)
    os.pwrite(pulse_fd, (time.monotonic_ns() << 1).to_bytes(8, "little"), 0)  # it has no loop
    spec.ledger_path.write_text(json.dumps(circumstances(credentials)))
    os.write(ready_fd, json.dumps({"id": spec.id, "pid": os.getpid()}).encode() + b"\n")
    if command.startswith("exit "):
        return int(command.removeprefix("exit "))
    if command == "raise":
        raise RuntimeError("something that nobody expected")
    if command == "raise key":
        raise_key(credentials)
    if command == "raise key in thread":
        thread = threading.Thread(target=raise_key, args=(credentials,), name="feed")
        thread.start()
        thread.join()
        return 3
    if command == "raise key where nothing can be raised":
        Unraisable(credentials)  # gone at once
        return 3
    if command == "abort":
        os.abort()
    if command == "deaf":
        while True:
            signal.pause()
    return wait_for_end(lifeline_fd)


def raise_key(credentials: Credentials) -> None:
    raise RuntimeError(f"refused: {credentials.key}, {credentials.secret}")


class Unraisable:
    def __init__(self, credentials: Credentials) -> None:
        self.credentials = credentials

    def __del__(self) -> None:
        raise_key(self.credentials)


def wait_for_end(lifeline_fd: int) -> int:
    select.select([lifeline_fd], [], [])
    return len(os.read(lifeline_fd, 1))
