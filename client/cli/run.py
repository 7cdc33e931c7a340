"""One command, from words to an exit code. It never ends with a traceback.

Quick on purpose: gRPC takes longer to import than all the rest, so it is imported when something is dialled,
and `--help` and bad input never see it.
"""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable
from io import TextIOWrapper
from typing import TYPE_CHECKING

from krakencopy.client.cli import interrupts
from krakencopy.client.cli.arguments import parse
from krakencopy.client.cli.output_arguments import in_colours
from krakencopy.client.cli.stderr import complain, write_nowhere
from krakencopy.client.sdk.endpoint import ENDPOINT_VARIABLE, choose_endpoint
from krakencopy.client.sdk.errors import ExitCode, KrakenCopyError
from krakencopy.client.sdk.timeouts import CALL_TIMEOUT_S

if TYPE_CHECKING:
    from krakencopy.client.sdk.message_client import MessageClient

#: Dials what the arguments name. Replaced in tests, where the channel is another one.
Dial = Callable[[Namespace], "MessageClient"]
#: With this in the environment a defect shows where it is.
TRACEBACK_VARIABLE = "KRAKENCOPY_TRACEBACK"
#: A result is written in microseconds where somebody reads it; `wait --timeout 0` has a moment, too.
WRITING_MIN_S = 1.0


def run(argv: list[str], dial_with: Dial, *, is_process: bool = False) -> int:
    """Run one command and give its exit code. ``is_process``: it is a process of its own, whose Ctrl-C is
    looked after here (cli/interrupts.py).
    """
    if sys.stdout is None:
        complain("the result cannot be written: standard output is closed")
        return ExitCode.OUTPUT
    limit_s: float | None = None
    try:
        try:
            arguments = parse(argv)
            limit_s = writing_limit_s(arguments)
            return _perform(arguments, dial_with, limit_s, is_process=is_process)
        except (interrupts.TooSlow, KeyboardInterrupt):
            write_nowhere(sys.stdout)  # nobody waits for what is still buffered
            raise
        finally:
            with interrupts.within(limit_s):
                sys.stdout.flush()  # here, where a closed pipe can still be answered
    except KrakenCopyError as error:
        complain(str(error), limit_s)
        return error.exit_code
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # `krakencopy fills | head`: nobody reads on, and nothing is wrong. What is still buffered goes
        # nowhere, or Python complains about it while it ends.
        write_nowhere(sys.stdout)
        return ExitCode.DONE
    except interrupts.TooSlow:
        write_nowhere(sys.stdout)
        complain(f"the result cannot be written: nobody has read it for {limit_s:g} s", limit_s)
        return ExitCode.NOT_IN_TIME
    except OSError as error:
        # A full disk, a terminal that hung up: whatever else can fail so has an error of its own by here.
        write_nowhere(sys.stdout)
        complain(f"the result cannot be written: {error.strerror or error}", limit_s)
        return ExitCode.OUTPUT
    except Exception as error:
        if os.environ.get(TRACEBACK_VARIABLE):
            raise
        complain(
            f"a defect of this command, {type(error).__name__}: {error}; {TRACEBACK_VARIABLE}=1 in the "
            "environment shows where, for a report",
            limit_s,
        )
        return ExitCode.DEFECT


def writing_limit_s(arguments: Namespace) -> float | None:
    """How long a result may wait for a reader: as long as a call, where that was said; as long as it takes
    where a command goes on for ever.
    """
    is_endless = arguments.command == "watch" or getattr(arguments, "follow", False)
    return None if is_endless or arguments.timeout is None else max(arguments.timeout, WRITING_MIN_S)


def _perform(arguments: Namespace, dial_with: Dial, limit_s: float | None, *, is_process: bool) -> int:
    def connect() -> MessageClient:
        supervisor = dial_with(arguments)
        if is_process:
            interrupts.raise_once()
        return supervisor

    if arguments.command == "completion":
        from krakencopy.client.cli.completion_commands import completion  # others need none of it

        return completion(arguments, connect, sys.stdout)
    # Not before the arguments are known to be good: protobuf takes a third of the time of `--help`.
    from krakencopy.client.cli.commands import COMMANDS
    from krakencopy.client.cli.output import Output

    if is_process and isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # whatever the terminal's characters are
    out = Output(
        sys.stdout, form=arguments.output, columns=arguments.columns, limit_s=limit_s,
        colours=in_colours(arguments.color, sys.stdout, os.environ),
    )  # fmt: skip
    return COMMANDS[arguments.command](arguments, connect, out)


def dial(arguments: Namespace) -> MessageClient:
    """A connection to the supervisor that the arguments and the environment name. Raises BadInput."""
    # Help and bad input need no system.
    from krakencopy.client.cli.target import apply_context
    from krakencopy.client.sdk.access import Access, choose_access

    apply_context(arguments, os.environ)
    endpoint = choose_endpoint(arguments.endpoint, os.environ.get(ENDPOINT_VARIABLE), arguments.state_dir)
    # gRPC's C core would write its own log to standard error, beside our one clear line.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    given = Access(arguments.ca, arguments.certificate, arguments.key)
    access = choose_access(endpoint, given, os.environ, arguments.token_file)
    from krakencopy.client.sdk.message_client import (
        MessageClient,  # the slowest part of every command, because of gRPC
    )

    return MessageClient(endpoint, timeout_s=arguments.timeout or CALL_TIMEOUT_S, access=access)
