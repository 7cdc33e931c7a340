"""Single values as people read them: enums, times, durations, money. Pure, apart from the machine's time zone."""

from __future__ import annotations

from datetime import UTC, datetime

from google.protobuf.descriptor import EnumDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from krakencopy.v1 import types_pb2 as nouns

_NS_PER_S = 1_000_000_000


def word(enum: EnumDescriptor, value: int) -> str:
    """An enum's value without the prefix, e.g. ``RUNNING``; empty for UNSPECIFIED, the number when this client is too old."""
    known = enum.values_by_number.get(value)
    prefix = enum.values[0].name.removesuffix("UNSPECIFIED")
    if known is None:
        return str(value)
    return "" if value == 0 else known.name.removeprefix(prefix)


def side(value: int) -> str:
    """``buy`` or ``sell``."""
    return word(nouns.Side.DESCRIPTOR, value).lower()


def plain(text: str) -> str:
    """The text on one line, without what would steer a terminal."""
    return "".join(c if c.isprintable() else " " for c in text)


def because(reason: str, message: str) -> str:
    """``REASON: message``, or whichever of the two there is."""
    return plain(": ".join(part for part in (reason, message) if part))


def money(amount: nouns.Money) -> str:
    """``12.50 USD``; empty when not known."""
    return f"{amount.amount} {amount.asset}" if amount.amount else ""


def nanoseconds(moment: Timestamp | Duration) -> int:
    """Since the Unix epoch, or as long; 0 when not given."""
    return int(moment.seconds) * _NS_PER_S + moment.nanos


def local_time(moment: Timestamp) -> str:
    """Local time with its offset, to the millisecond: ``2026-11-22 08:26:01.123+01:00``; empty when not given."""
    if nanoseconds(moment) == 0:
        return ""
    at = datetime.fromtimestamp(moment.seconds, UTC).replace(microsecond=moment.nanos // 1000)
    return at.astimezone().isoformat(sep=" ", timespec="milliseconds")


def milliseconds(length: Duration, *, known: bool) -> str:
    """``3.214``; empty when not known."""
    return f"{nanoseconds(length) / 1e6:.3f}" if known else ""
