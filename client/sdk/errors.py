"""Every error that the client raises on purpose, and the exit code that each one ends the command with.

    KrakenCopyError
    ├── Refused                the server understood and will not do it           exit 1
    │   ├── NotFound           no such account, group, fill, order, limit, log
    │   ├── PositionGone       a watch can't go on from where it was
    │   │   ├── Compacted      what follows was deleted
    │   │   └── AfterHead      the server has not come that far: another journal
    │   ├── NotAllowed         this caller may not
    │   ├── NotCurrent         somebody has changed it since it was read (``etag``)
    │   ├── NotReady           not now: something has to connect, or come to its end, first
    │   ├── TooMany            more than a caller may have at once
    │   ├── TradingStopped     what was said of trading, or a limit, lets no such order leave
    │   └── RefusedByExchange  the exchange said no; ``exchange_error`` has its own words
    ├── Unavailable            the connection was lost                            exit 2
    │   ├── NotConnected       there never was one: nothing was sent
    │   └── NoRoom             it is there and has no room to write: nothing was done
    ├── BadInput               the question makes no sense                        exit 3
    │   └── BadConfiguration   the supervisor cannot use its configuration file any more    exit 78
    ├── ServerFault            the server failed at it                            exit 4
    │   └── OutcomeUnknown     the exchange gave no answer that can be trusted
    └── TimedOut               no answer, or not healthy, in time                 exit 5

Which class a reason of the server's has is in sdk/error_classes.py; all reasons are in generated/reasons.py.
Knows nothing of gRPC: sdk/grpc_errors.py builds these from what gRPC reports.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

#: The reason of an order that the exchange refused; its own text is in the metadata, under the name below
#: (control.proto, PlaceOrder).
EXCHANGE_REFUSED, EXCHANGE_ERROR = "EXCHANGE_REFUSED", "exchange_error"


class ExitCode(IntEnum):
    """How the command ends; part of its contract."""

    DONE = 0
    REFUSED = 1
    UNAVAILABLE = 2
    BAD_INPUT = 3
    SERVER_FAULT = 4
    NOT_IN_TIME = 5
    DEFECT = 70  # EX_SOFTWARE
    OUTPUT = 74  # EX_IOERR: the result could not be written
    CONFIGURATION = 78  # EX_CONFIG, as krakencopyd itself ends with it
    INTERRUPTED = 130  # 128 + SIGINT, as shells count


@dataclass(frozen=True, slots=True)
class Violation:
    """A field of the request that is outside its bounds (google.rpc.BadRequest)."""

    #: Where: "volume", "limit_price".
    field: str
    #: What must be otherwise, for people.
    description: str


class KrakenCopyError(Exception):
    """Base of all errors that this package raises on purpose.

    ``message`` is for people; ``reason`` is the server's stable code, e.g. ``"ACCOUNT_NOT_FOUND"``, or empty.
    ``metadata`` is what the server says beside its reason.
    ``request_id`` is that of the mutation that failed, or empty: after ``Unavailable`` (but not
    ``NotConnected``), ``TimedOut`` and ``ServerFault`` nobody knows whether it was done, and asking again
    with the same id does it at most once.
    """

    exit_code = ExitCode.SERVER_FAULT

    def __init__(
        self, message: str, *, reason: str = "", request_id: str = "",
        metadata: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        self.metadata = dict(metadata or {})
        self.message = message
        self.reason = reason
        self.request_id = request_id
        super().__init__(message)

    @property
    def meaning(self) -> str:
        """What ``reason`` means, for people; empty for a reason that this version does not know."""
        return self._described[0]

    @property
    def remedy(self) -> str:
        """What to do about it; empty for nothing, and for a reason that this version does not know."""
        return self._described[1]

    @property
    def _described(self) -> tuple[str, str]:
        # Here and not above: the command does without.
        from krakencopy.client.sdk.meanings import described

        return described(self.reason)

    @property
    def exchange_error(self) -> str:
        """The exchange's own text, e.g. ``"EOrder:Insufficient funds"``, where ``reason`` is
        ``EXCHANGE_REFUSED``; else empty.
        """
        return self.metadata.get(EXCHANGE_ERROR, "")

    def __str__(self) -> str:
        # The exchange's own text says more than that it refused, and is mostly a part of the message.
        word = self.exchange_error or self.reason
        return self.message if not word or word in self.message else f"{self.message} ({word})"


class Refused(KrakenCopyError):
    """The server understood and will not do it; nothing was done."""

    exit_code = ExitCode.REFUSED


class NotFound(Refused):
    """The account, group, fill, order, limit or log does not exist."""


class PositionGone(Refused):
    """A watch can't go on from its position. List what there is, keep that something is missing between, and
    watch from there (docs/sdk.md).
    """


class Compacted(PositionGone):
    """What follows the position was deleted: some of it will never be seen."""


class AfterHead(PositionGone):
    """The server has not come as far as the position: it has another journal than before."""


class NotAllowed(Refused):
    """The caller may not; nothing was done."""


class NotCurrent(Refused):
    """Somebody has changed it since it was read: read it again, and decide anew. Nothing was done."""


class NotReady(Refused):
    """Not now: something has to connect, to answer, or to come to its end first. Nothing was done."""


class TooMany(Refused):
    """More than a caller may have at once, or more often: wait, and ask again. Nothing was done."""


class TradingStopped(Refused):
    """What was said of trading, or a limit to losses, lets no such order leave. Nothing was sent."""


class RefusedByExchange(Refused):
    """The exchange refused it; ``exchange_error`` has its own words where it had some."""


class Unavailable(KrakenCopyError):
    """Nobody answers at the endpoint, or the connection was lost; what became of a mutation is not known."""

    exit_code = ExitCode.UNAVAILABLE


class NotConnected(Unavailable):
    """Nobody answers at the endpoint: nothing was sent, so nothing was done."""


class NoRoom(Unavailable):
    """The supervisor answers and has no room to write (``DISK_NOT_WRITABLE``): nothing was done."""


class BadInput(KrakenCopyError):
    """The question makes no sense: found here, or by the server (INVALID_ARGUMENT)."""

    exit_code = ExitCode.BAD_INPUT
    #: Each field that is outside its bounds; ``reason`` is ``FIELD_INVALID`` then.
    violations: tuple[Violation, ...] = ()


class BadConfiguration(BadInput):
    """The configuration file as it stands now cannot be used, and nothing was changed; ``message`` has one
    line a fault.
    """

    exit_code = ExitCode.CONFIGURATION


class ServerFault(KrakenCopyError):
    """The server failed at it; what became of a mutation is not known."""

    exit_code = ExitCode.SERVER_FAULT


class OutcomeUnknown(ServerFault):
    """The exchange gave no answer that can be trusted. Ask again with the same ``request_id``: that does it
    at most once, and finds out.
    """


class TimedOut(KrakenCopyError):
    """No answer within the time given; what became of a mutation is not known."""

    exit_code = ExitCode.NOT_IN_TIME
