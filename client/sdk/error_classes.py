"""Which class of errors a reason of the server's has.

The gRPC status says what kind of error it is, and with that the exit code; a reason makes it a narrower class
of that kind. A reason that is not named here has the class of its status.
"""

from __future__ import annotations

from krakencopy.client.sdk.errors import (
    AfterHead,
    Compacted,
    KrakenCopyError,
    NoRoom,
    NotAllowed,
    NotCurrent,
    NotFound,
    NotReady,
    OutcomeUnknown,
    RefusedByExchange,
    TooMany,
    TradingStopped,
)

_REASONS: dict[type[KrakenCopyError], tuple[str, ...]] = {
    Compacted: ("COMPACTED",),
    AfterHead: ("AFTER_HEAD",),
    NotFound: ("NO_NONCE",),
    NotAllowed: ("KEY_MAY_NOT_TRADE", "KEY_MAY_NOT_CANCEL", "UNAUTHENTICATED"),
    NotCurrent: ("ETAG_NOT_CURRENT",),
    NotReady: (
        "MASTER_NOT_READY", "NOT_CONNECTED", "NOBODY_CONNECTED", "NO_ANSWER", "WRONG_PROCESS",
        "SHUTTING_DOWN", "MASTER_EQUITY_UNKNOWN", "OWN_STRATEGY_TRADES", "LEAVES_ALREADY",
    ),
    TooMany: ("TOO_MANY_CALLS", "TOO_MANY_CONNECTIONS", "TOO_MANY_WATCHES", "RATE_LIMITED"),
    TradingStopped: ("TRADING_HALTED", "TRADING_REDUCING", "LIMIT_HIT", "SHADOW", "STATES_UNREADABLE"),
    RefusedByExchange: (
        "EXCHANGE_REFUSED", "BELOW_MINIMUM", "CL_ORD_ID_IN_USE", "MARKET_REFUSED", "INVALID_NONCE",
        "KEY_REFUSED", "LOCKED_OUT", "BAD_CREDENTIALS",
    ),
    NoRoom: ("DISK_NOT_WRITABLE",),
    OutcomeUnknown: ("ORDER_OUTCOME_UNKNOWN", "CANCEL_OUTCOME_UNKNOWN", "OUTCOME_UNKNOWN"),
}  # fmt: skip

#: By reason.
CLASSES: dict[str, type[KrakenCopyError]] = {
    reason: kind for kind, reasons in _REASONS.items() for reason in reasons
}
#: Reasons that end so are of NotFound.
_NOT_FOUND = "_NOT_FOUND"


def class_of(reason: str, kind: type[KrakenCopyError]) -> type[KrakenCopyError]:
    """The class of an error of ``kind``, as its status says, with a reason."""
    found = NotFound if reason.endswith(_NOT_FOUND) else CLASSES.get(reason, kind)
    return found if issubclass(found, kind) else kind
