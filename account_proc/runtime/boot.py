"""How an account's process begins, whether it was forked or executed: harden, read its instructions, run,
report a crash.

The spec and the key arrive on the boot pipe and nowhere else. It must not know who started the process, nor
what the entry does with what it is given.
"""

from __future__ import annotations

import ctypes
import faulthandler
import importlib
import json
import os
import resource
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import NoReturn

from krakencopy.account_proc.contract.errors import ExitCode
from krakencopy.account_proc.contract.spec import AccountSpec, Credentials

#: (spec, credentials, ready_fd, lifeline_fd, pulse_fd) -> exit code. Writes one line of JSON to ``ready_fd``
#: when it serves; ends when ``lifeline_fd`` reads EOF; beats on ``pulse_fd`` (runtime/liveness.py) from
#: before its ready line to its end.
Entry = Callable[[AccountSpec, Credentials, int, int, int], int]

DEFAULT_ENTRY = "krakencopy.account_proc.main:run_account"

#: Looked up before anything is forked: in each process of its own it would be memory of its own.
_prctl_of_libc = ctypes.CDLL(None, use_errno=True).prctl
# linux/prctl.h
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NAME = 15
#: The kernel keeps 15 bytes of a process's name.
_NAME_BYTES_MAX = 15


@dataclass(frozen=True, slots=True)
class BootPipes:
    """Descriptors that the process is started with."""

    #: Gives one JSON object, then EOF: ``boot_message``.
    boot: int
    ready: int
    #: Reads EOF when the supervisor is gone.
    lifeline: int
    #: Where the process's loop shows that it moves: runtime/liveness.py.
    pulse: int


def boot_message(spec: AccountSpec, credentials: Credentials) -> bytes:
    """What the boot pipe carries."""
    message = {
        "spec": spec.to_raw(), "key": credentials.key, "secret": credentials.secret, "link": credentials.link,
    }  # fmt: skip
    return json.dumps(message, default=str).encode("ascii")


def load_entry(name: str) -> Entry:
    """The function that ``module:function`` names. Raises what the import raises, or AttributeError."""
    module, _, function = name.partition(":")
    entry: Entry = getattr(importlib.import_module(module), function)
    return entry


def harden() -> None:
    """Files for this user only, and no dump of the memory that holds the key."""
    os.umask(0o077)
    keep_memory()


def keep_memory() -> None:
    """No way for keys to leave by a core dump or another process's debugger.

    Both are needed: core(5) says that RLIMIT_CORE does not hold where cores are piped to a program
    (systemd-coredump, apport), and a process that is not dumpable writes none either way. That also gives its
    /proc/<pid> to root, which closes environ, fd, mem and smaps to other processes of the same user; a
    process still reads its own /proc/self/{fd,fdinfo,task,stat,status}, but not its environ, and cannot write
    comm. Both last until exec; the limit beyond it.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _prctl(_PR_SET_DUMPABLE, ctypes.c_ulong(0))


def continue_when_parent_dies() -> None:
    """Be woken if stopped when the parent ends, so that this process can see EOF and end too.

    Nothing happens to a process that runs. The kernel means the parent's thread, so this may come too early
    as well.
    """
    _prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGCONT))


def die_with_parent() -> None:
    """Be killed when the parent ends, stopped or not. The kernel means the parent's thread."""
    _prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL))


def name_process(name: bytes) -> None:
    """What this process is called from now on; see ``process_name``."""
    # prctl, as /proc/self/comm is root's in a process that is not dumpable.
    _prctl(_PR_SET_NAME, ctypes.c_char_p(name))


def reset_signals() -> None:
    """Undo what the parent's imports did: default handlers, nothing blocked. SIGPIPE stays ignored, as
    Python has it.
    """
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGPIPE, signal.SIGXFSZ}:
        if signal.getsignal(number) not in {signal.SIG_DFL, None}:
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def run(load: Callable[[], Entry], pipes: BootPipes) -> int:
    """Read the boot pipe and run the entry; the exit code. Nothing escapes: a traceback goes to standard
    error, without keys.
    """
    credentials = Credentials("", "")
    try:
        if not faulthandler.is_enabled():  # as it is in what was forked
            faulthandler.enable()
        instructions = _read_to_end(pipes.boot)
        if not instructions:
            return ExitCode.OK  # the supervisor ended or changed its mind before it sent anything
        entry = load()
        message = json.loads(instructions)
        credentials = Credentials(message["key"], message["secret"], message["link"])
        _hide(credentials)
        spec = AccountSpec.from_raw(message["spec"])
        name_process(process_name(spec.id))
        return entry(spec, credentials, pipes.ready, pipes.lifeline, pipes.pulse)
    except BaseException:  # noqa: BLE001  - the last frame of the process: everything is a crash to be reported
        # The supervisor keeps it, and shows its last line to those who may see the account.
        sys.stderr.write(without(credentials, traceback.format_exc()))
        return ExitCode.CRASHED


def _hide(credentials: Credentials) -> None:
    """Also what Python itself prints about an error, of a thread or where nothing can be raised, is
    without keys.
    """

    def report(
        where: str, kind: type[BaseException], error: BaseException | None, trace: TracebackType | None
    ) -> None:
        text = "".join(traceback.format_exception(kind, error, trace))
        sys.stderr.write(without(credentials, f"{where}:\n{text}"))

    threading.excepthook = lambda hook: report(
        f"in thread {hook.thread.name if hook.thread else 'unknown'}",
        hook.exc_type,
        hook.exc_value,
        hook.exc_traceback,
    )
    sys.unraisablehook = lambda hook: report(
        f"{hook.err_msg or 'Exception ignored in'} {hook.object!r}",
        hook.exc_type,
        hook.exc_value,
        hook.exc_traceback,
    )


def without(credentials: Credentials, text: str) -> str:
    """The text with key and secret redacted."""
    for hidden in filter(None, credentials.hidden):
        text = text.replace(hidden, "[redacted]")
    return text


def leave(code: int) -> NoReturn:
    """End now: no handlers of other modules, no waiting for threads. What was printed is flushed."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            continue  # nobody to tell
    os._exit(code)


def _read_to_end(descriptor: int) -> bytes:
    with os.fdopen(descriptor, "rb") as pipe:
        return pipe.read()


def process_name(account_id: str) -> bytes:
    """What an account's process is called in ``ps -o comm`` and ``top``."""
    return f"kc:{account_id}".encode()[:_NAME_BYTES_MAX]


def _prctl(option: int, value: ctypes.c_ulong | ctypes.c_char_p) -> None:
    if _prctl_of_libc(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option})")
