"""Single values as people read them: enums, times, durations, money. Pure, apart from the machine's time
zone.
"""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

from google.protobuf.descriptor import EnumDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from krakencopy.v1 import types_pb2 as nouns

_NS_PER_S = 1_000_000_000


def word(enum: EnumDescriptor, value: int) -> str:
    """An enum's value without the prefix, e.g. ``RUNNING``; empty for UNSPECIFIED, the number when this
    client is too old.
    """
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


def joined(*parts: str) -> str:
    """The parts that say something."""
    return plain("; ".join(part for part in parts if part))


def money(amount: nouns.Money) -> str:
    """``12.50 USD``; empty when not known."""
    return f"{amount.amount} {amount.asset}" if amount.amount else ""


def nanoseconds(moment: Timestamp | Duration) -> int:
    """Since the Unix epoch, or as long; 0 when not given."""
    return int(moment.seconds) * _NS_PER_S + moment.nanos


def local_time(moment: Timestamp) -> str:
    """Local time with its offset, to the millisecond: ``2026-11-22 08:26:01.123+01:00``; empty when not
    given.
    """
    if nanoseconds(moment) == 0:
        return ""
    return _moment(moment, None).isoformat(sep=" ", timespec="milliseconds")


def zoned(title: str) -> str:
    """The title of a column of times: ``SINCE (+01:00)``, the machine's offset now, which holds for all
    its rows.
    """
    return f"{title} ({datetime.now(UTC).astimezone().isoformat()[-len('+01:00') :]})"


def table_time(moment: Timestamp) -> str:
    """For a column whose title is ``zoned``: ``11-22 08:26:01.123``; empty when not given."""
    if nanoseconds(moment) == 0:
        return ""
    # One offset for a whole table: astimezone() alone would take that of each row's own day.
    return f"{_moment(moment, datetime.now(UTC).astimezone().tzinfo):%m-%d %H:%M:%S.%f}"[:-3]


def clock_time(moment: Timestamp) -> str:
    """Local time of day, where the day is known: ``08:26:01.123``."""
    return f"{_moment(moment, None):%H:%M:%S.%f}"[:-3]


def is_some(amount: str) -> bool:
    """Whether a decimal string says more than nothing: not for an unknown one (empty) and not for zero."""
    return bool(amount.strip("0."))


def short(amount: str) -> str:
    """An average, a ratio or a product may have any number of decimals; no order has more than eight, so
    no more are shown.
    """
    whole, _, decimals = amount.partition(".")
    return f"{whole}.{decimals[:8]}" if len(decimals) > 8 else amount


def milliseconds(length: Duration, *, known: bool) -> str:
    """``3.214``; empty when not known."""
    return f"{nanoseconds(length) / 1e6:.3f}" if known else ""


def _moment(moment: Timestamp, zone: tzinfo | None) -> datetime:
    at = datetime.fromtimestamp(moment.seconds, UTC).replace(microsecond=moment.nanos // 1000)
    return at.astimezone(zone)
