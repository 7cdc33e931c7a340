"""The `krakencopy` command: from words to an exit code.

Quick on purpose: gRPC takes longer to import than all the rest, so it is imported when something is dialled,
and `--help` and bad input never see it.
"""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from krakencopy.client.cli.arguments import parse
from krakencopy.client.cli.stderr import complain
from krakencopy.client.sdk.endpoint import ENDPOINT_VARIABLE, choose_endpoint
from krakencopy.client.sdk.errors import ExitCode, KrakenCopyError
from krakencopy.client.sdk.timeouts import CALL_TIMEOUT_S

if TYPE_CHECKING:
    from krakencopy.client.sdk.client import KrakenCopy

#: Dials what the arguments name. Replaced in tests, where the channel is another one.
Dial = Callable[[Namespace], "KrakenCopy"]


def main(argv: list[str] | None = None) -> int:
    """Run one command and give its exit code. ``--help`` and ``--version`` end with SystemExit(0), as
    argparse does.
    """
    return run(sys.argv[1:] if argv is None else argv, dial)


def run(argv: list[str], dial_with: Dial) -> int:
    """The same, with another way to dial."""
    if sys.stdout is None:
        complain("the result cannot be written: standard output is closed")
        return ExitCode.OUTPUT
    try:
        try:
            return _perform(parse(argv), dial_with)
        finally:
            sys.stdout.flush()  # here, where a closed pipe can still be answered
    except KrakenCopyError as error:
        complain(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # `krakencopy fills | head`: nobody reads on, and nothing is wrong. What is still buffered goes
        # nowhere, or Python complains about it while it ends.
        _write_nowhere()
        return ExitCode.DONE
    except OSError as error:
        # A full disk, a terminal that hung up: whatever else can fail so has an error of its own by here.
        _write_nowhere()
        complain(f"the result cannot be written: {error.strerror or error}")
        return ExitCode.OUTPUT


def _write_nowhere() -> None:
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _perform(arguments: Namespace, dial_with: Dial) -> int:
    # Not before the arguments are known to be good: protobuf takes a third of the time of `--help`.
    from krakencopy.client.cli.commands import COMMANDS
    from krakencopy.client.cli.output import Output

    out = Output(sys.stdout, as_json=arguments.output == "json")
    return COMMANDS[arguments.command](arguments, lambda: dial_with(arguments), out)


def dial(arguments: Namespace) -> KrakenCopy:
    """A connection to the supervisor that the arguments and the environment name. Raises BadInput."""
    endpoint = choose_endpoint(arguments.endpoint, os.environ.get(ENDPOINT_VARIABLE), arguments.state_dir)
    # gRPC's C core would write its own log to standard error, beside our one clear line.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    from krakencopy.client.sdk.client import KrakenCopy  # the slowest part of every command, because of gRPC

    return KrakenCopy(endpoint, timeout_s=arguments.timeout or CALL_TIMEOUT_S)


if __name__ == "__main__":
    sys.exit(main())
