"""Times of the public API: Unix seconds to protobuf timestamps and back."""

from __future__ import annotations

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp


def timestamp(seconds: float) -> Timestamp:
    """Unix seconds as a protobuf timestamp, to the microsecond."""
    stamp = Timestamp()
    stamp.FromMicroseconds(round(seconds * 1_000_000))
    return stamp


def seconds(stamp: Timestamp) -> float:
    """A protobuf timestamp as Unix seconds."""
    return (stamp.seconds * 1_000_000 + stamp.nanos // 1_000) / 1_000_000


def utc(at: float) -> datetime:
    """Unix seconds as an aware datetime."""
    return datetime.fromtimestamp(at, UTC)


def utc_clock(at: float) -> str:
    """The time of day of a time in Unix seconds, for people who may be anywhere: ``18:30:05 UTC``."""
    return f"{datetime.fromtimestamp(at, UTC):%H:%M:%S} UTC"
