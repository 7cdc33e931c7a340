"""The control API for people and programs: a Python SDK and the `krakencopy` command.

    from krakencopy.client import KrakenCopy

    with KrakenCopy("unix:data/run/control.sock") as supervisor:
        for fill in supervisor.watch_fills(after_seq=0):
            ...

``AsyncKrakenCopy`` is the same for asyncio; docs/sdk.md is the guide.

The way of a command: cli/main.py -> cli/run.py -> cli/arguments.py -> cli/commands.py ->
sdk/message_client.py ->
sdk/calls -> sdk/calling.py, which makes them (with sdk/grpc_errors.py, sdk/following.py and sdk/retries.py).
"""

from __future__ import annotations

import importlib

TYPE_CHECKING = False  # as typing's, which takes milliseconds in which Ctrl-C shows a traceback
if TYPE_CHECKING:
    from krakencopy.client.sdk.access import Access
    from krakencopy.client.sdk.async_client import AsyncKrakenCopy
    from krakencopy.client.sdk.async_watch import AsyncWatch
    from krakencopy.client.sdk.errors import (
        AfterHead,
        BadConfiguration,
        BadInput,
        Compacted,
        ExitCode,
        KrakenCopyError,
        NoRoom,
        NotAllowed,
        NotConnected,
        NotCurrent,
        NotFound,
        NotReady,
        OutcomeUnknown,
        PositionGone,
        Refused,
        RefusedByExchange,
        ServerFault,
        TimedOut,
        TooMany,
        TradingStopped,
        Unavailable,
        Violation,
    )
    from krakencopy.client.sdk.generated.enums import (
        AccessRole,
        AccountState,
        AuditKind,
        CancelOutcome,
        ChangeKind,
        ConditionStatus,
        ConfigAction,
        ConfigOwner,
        CopyFillOutcome,
        CopyMode,
        CopyState,
        CredentialKind,
        FillSource,
        FlattenState,
        LimitState,
        OnLeave,
        OrderOrigin,
        Role,
        RotationOutcome,
        Severity,
        Side,
        TradingMode,
        TradingState,
    )
    from krakencopy.client.sdk.generated.reasons import Reason
    from krakencopy.client.sdk.generated.values import (
        Account,
        Copy,
        Event,
        Fill,
        LossLimit,
        Money,
        Order,
    )
    from krakencopy.client.sdk.sync_client import KrakenCopy
    from krakencopy.client.sdk.watch_stream import Watch

__all__ = [
    "Access",
    "AccessRole",
    "Account",
    "AccountState",
    "AfterHead",
    "AsyncKrakenCopy",
    "AsyncWatch",
    "AuditKind",
    "BadConfiguration",
    "BadInput",
    "CancelOutcome",
    "ChangeKind",
    "Compacted",
    "ConditionStatus",
    "ConfigAction",
    "ConfigOwner",
    "Copy",
    "CopyFillOutcome",
    "CopyMode",
    "CopyState",
    "CredentialKind",
    "Event",
    "ExitCode",
    "Fill",
    "FillSource",
    "FlattenState",
    "KrakenCopy",
    "KrakenCopyError",
    "LimitState",
    "LossLimit",
    "Money",
    "NoRoom",
    "NotAllowed",
    "NotConnected",
    "NotCurrent",
    "NotFound",
    "NotReady",
    "OnLeave",
    "Order",
    "OrderOrigin",
    "OutcomeUnknown",
    "PositionGone",
    "Reason",
    "Refused",
    "RefusedByExchange",
    "Role",
    "RotationOutcome",
    "ServerFault",
    "Severity",
    "Side",
    "TimedOut",
    "TooMany",
    "TradingMode",
    "TradingState",
    "TradingStopped",
    "Unavailable",
    "Violation",
    "Watch",
]

_GENERATED = "krakencopy.client.sdk.generated"
#: Where the public names live that are neither errors nor enums.
_HOMES = {
    "Access": "krakencopy.client.sdk.access",
    "AsyncKrakenCopy": "krakencopy.client.sdk.async_client",
    "AsyncWatch": "krakencopy.client.sdk.async_watch",
    "KrakenCopy": "krakencopy.client.sdk.sync_client",
    "Reason": f"{_GENERATED}.reasons",
    "Watch": "krakencopy.client.sdk.watch_stream",
    **dict.fromkeys(
        ("Account", "Copy", "Event", "Fill", "LossLimit", "Money", "Order"), f"{_GENERATED}.values"
    ),
}


def __getattr__(name: str) -> object:
    """Import what is asked for when it is first used: the command's `--help` has no need to wait for gRPC."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = importlib.import_module(_HOMES.get(name, "krakencopy.client.sdk.errors"))
    if not hasattr(home, name):
        home = importlib.import_module(f"{_GENERATED}.enums")
    return getattr(home, name)
