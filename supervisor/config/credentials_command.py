"""Runs an operator's command, such as a password manager's, and takes what it prints.

It may ask the person at the terminal: standard input and standard error are the supervisor's own, and its
process group has the terminal meanwhile. It must not
know what the output means, and never shows any of it.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

#: Enough for a person to type a passphrase; a start that hangs for longer should say so.
LIMIT_S = 30.0
_CHUNK_BYTES = 4096


class CommandFailed(Exception):
    """The command gave nothing that can be used. ``str`` goes on after the program's name, and shows no
    output.
    """


def output_of(command: Sequence[str], environ: Mapping[str, str], folder: Path, length_max: int) -> bytes:
    """What the command prints on standard output, run without a shell in ``folder``. Raises CommandFailed.

    It is read until it is closed or the command has ended: what a command leaves running in the background,
    such as an agent, may keep it open for ever.
    """
    try:
        process = subprocess.Popen(  # noqa: S603  - the operator's own command, from the configuration
            command, stdout=subprocess.PIPE, env=environ, cwd=folder, process_group=0
        )
    except OSError as error:
        raise CommandFailed(f"cannot be started: {error.strerror}") from None
    except ValueError:  # a NUL in a word
        raise CommandFailed("cannot be started: not a command") from None
    with process, _at_the_terminal(process.pid):
        try:
            output = _read(process, time.monotonic() + LIMIT_S, length_max)
            code = process.wait()
        except BaseException:
            # Also on Ctrl-C: with all that it has started. The group is its own for as long as nobody has
            # waited for it.
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
            raise
    if code != 0:
        how = f"ended with exit code {code}" if code > 0 else f"was ended by signal {-code}"
        raise CommandFailed(how)
    return output


@contextmanager
def _at_the_terminal(group: int) -> Iterator[None]:
    """Lets a process group of this session read from the terminal, as a shell does, if we can ourselves."""
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:  # there is none
        yield
        return
    try:
        if os.tcgetpgrp(terminal) != os.getpgrp():
            yield
            return
        _give_terminal(terminal, group)
        try:
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGCONT)  # where it asked before it could
            yield
        finally:
            _give_terminal(terminal, os.getpgrp())
    finally:
        os.close(terminal)


def _give_terminal(terminal: int, group: int) -> None:
    """Also from the background, in which SIGTTOU would stop us."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
    try:
        with suppress(OSError):  # the group has ended, or the terminal has hung up
            os.tcsetpgrp(terminal, group)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _read(process: subprocess.Popen[bytes], until: float, length_max: int) -> bytes:
    """Its output until its end, and its end. Raises CommandFailed."""
    assert process.stdout is not None
    pipe, pidfd = process.stdout.fileno(), os.pidfd_open(process.pid)
    try:
        poll = select.poll()
        for descriptor in (pipe, pidfd):
            poll.register(descriptor, select.POLLIN)
        output, has_ended, is_open = b"", False, True
        while is_open or not has_ended:
            # After its end only what is in the pipe already.
            wait_s = 0.0 if has_ended else max(0.0, until - time.monotonic())
            ready = {descriptor for descriptor, _ in poll.poll(wait_s * 1000)}
            if not ready and not has_ended:
                raise CommandFailed(f"did not end within {LIMIT_S:g} s")
            if pipe in ready:
                part = os.read(pipe, _CHUNK_BYTES)
                output += part
                if not part:
                    is_open = False
                    poll.unregister(pipe)
                if len(output) > length_max:
                    raise CommandFailed(f"printed more than {length_max} bytes")
            elif has_ended:
                break
            if pidfd in ready and not has_ended:
                has_ended = True
                poll.unregister(pidfd)
    finally:
        os.close(pidfd)
    return output
