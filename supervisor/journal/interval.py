"""From when to when a list, a report or a log is asked for: half-open, with its first moment and without its
last one. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

from google.protobuf.timestamp_pb2 import Timestamp

from krakencopy.v1 import audit_pb2, control_pb2, types_pb2

_NS_PER_S = 1_000_000_000
#: Times of a copy, from its last hop to its first one.
_HOPS: tuple[Literal["finished_at", "acknowledged_at", "sent_at", "decided_at", "received_at"], ...] = (
    "finished_at",
    "acknowledged_at",
    "sent_at",
    "decided_at",
    "received_at",
)


#: A request that may be about a part of time only.
Limited = (
    control_pb2.ListFillsRequest
    | control_pb2.ListCopiesRequest
    | control_pb2.ListEventsRequest
    | control_pb2.ReadLogRequest
    | control_pb2.GetReportRequest
    | audit_pb2.ListAuditEntriesRequest
)


@dataclass(frozen=True, slots=True)
class Interval:
    """In nanoseconds since the Unix epoch; None for no limit."""

    since_ns: int | None = None
    until_ns: int | None = None

    @classmethod
    def of(cls, request: Limited) -> Self:
        """What a request asks for."""
        since = _nanoseconds(request.since) if request.HasField("since") else None
        return cls(since, _nanoseconds(request.until) if request.HasField("until") else None)

    @property
    def is_all(self) -> bool:
        """Whether it has no limit."""
        return self.since_ns is None and self.until_ns is None

    @property
    def is_empty(self) -> bool:
        """Whether nothing can be in it."""
        return self.since_ns is not None and self.until_ns is not None and self.since_ns >= self.until_ns

    def holds(self, moment: Timestamp) -> bool:
        """Whether a moment is in it."""
        return self.holds_ns(_nanoseconds(moment))

    def holds_ns(self, moment_ns: int) -> bool:
        """The same of nanoseconds since the Unix epoch."""
        return (self.since_ns is None or moment_ns >= self.since_ns) and (
            self.until_ns is None or moment_ns < self.until_ns
        )


#: All of time.
ALL = Interval()


def last_hop(copy: types_pb2.Copy) -> Timestamp:
    """When the copy took its last step, as `krakencopy copies` shows it; the epoch's begin where none is
    known.
    """
    for name in _HOPS:
        if copy.HasField(name):
            moment: Timestamp = getattr(copy, name)
            return moment
    return Timestamp()


def _nanoseconds(moment: Timestamp) -> int:
    return int(moment.seconds) * _NS_PER_S + moment.nanos
