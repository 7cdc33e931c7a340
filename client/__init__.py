"""The control API for people and programs: a Python SDK and the `krakencopy` command.

    from krakencopy.client import KrakenCopy

    with KrakenCopy("unix:data/run/control.sock") as supervisor:
        for fill in supervisor.watch_fills(after_seq=0):
            ...

The way of a command: cli/main.py -> cli/run.py -> cli/arguments.py -> cli/commands.py -> sdk/client.py ->
sdk/connection.py (the only one that knows gRPC, with sdk/grpc_errors.py and sdk/watch_stream.py).
"""

from __future__ import annotations

import importlib

TYPE_CHECKING = False  # as typing's, which takes milliseconds in which Ctrl-C shows a traceback
if TYPE_CHECKING:
    from krakencopy.client.sdk.access import Access
    from krakencopy.client.sdk.client import KrakenCopy
    from krakencopy.client.sdk.errors import (
        BadConfiguration,
        BadInput,
        ExitCode,
        KrakenCopyError,
        NotConnected,
        NotFound,
        PositionGone,
        Refused,
        ServerFault,
        TimedOut,
        Unavailable,
        Violation,
    )
    from krakencopy.client.sdk.watch_stream import Watch

__all__ = [
    "Access",
    "BadConfiguration",
    "BadInput",
    "ExitCode",
    "KrakenCopy",
    "KrakenCopyError",
    "NotConnected",
    "NotFound",
    "PositionGone",
    "Refused",
    "ServerFault",
    "TimedOut",
    "Unavailable",
    "Violation",
    "Watch",
]

#: Where the public names live that are no errors.
_HOMES = {
    "Access": "krakencopy.client.sdk.access",
    "KrakenCopy": "krakencopy.client.sdk.client",
    "Watch": "krakencopy.client.sdk.watch_stream",
}


def __getattr__(name: str) -> object:
    """Import what is asked for when it is first used: the command's `--help` has no need to wait for gRPC."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES.get(name, "krakencopy.client.sdk.errors")), name)
