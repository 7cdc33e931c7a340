"""Moments as people write them: ``2h`` ago, ``05:00``, ``2026-11-28``, ``2026-11-28T05:00Z``. Pure, apart
from the machine's time zone.

What names no zone is of this machine's, as all times on the pages are.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo

FORMS = (
    "write how long ago (90s, 30m, 2h, 7d, 1h30m), a time (05:00, 05:00Z), a day (2026-11-28, today, "
    "yesterday) or both (2026-11-28T05:00Z, 2026-11-28 05:00:30, 11-28 05:00)"
)
#: Kiribati's clocks are the farthest from UTC.
OFFSET_HOURS_MAX, MINUTES = 14, 60
_AGO = re.compile(r"(?:(\d{1,5})w)?(?:(\d{1,6})d)?(?:(\d{1,7})h)?(?:(\d{1,8})m)?(?:(\d{1,9})s)?", re.ASCII)
_UNITS = ("weeks", "days", "hours", "minutes", "seconds")
_DAY = r"(?:(?P<year>\d{4})-)?(?P<month>\d\d)-(?P<day>\d\d)"
_CLOCK = r"(?P<hour>\d\d?):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.(?P<fraction>\d{1,9}))?)?"
_ZONE = r"(?P<zone>[Zz]|[+-]\d\d:?\d\d)?"
_WRITTEN = tuple(
    re.compile(form + _ZONE, re.ASCII) for form in (rf"{_DAY}[Tt ]{_CLOCK}", _CLOCK, _DAY)
)  # fmt: skip


def parse_moment(text: str, now: datetime) -> datetime:
    """The moment in UTC. ``now`` knows its zone. Raises ValueError, with what can be written."""
    try:
        return _moment(text.strip(), now).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"{text!r} is no time; {FORMS}") from None


def _moment(text: str, now: datetime) -> datetime:
    ago = _AGO.fullmatch(text)
    if text and ago is not None:
        return now - timedelta(**{unit: int(n) for unit, n in zip(_UNITS, ago.groups(), strict=True) if n})
    match text.lower():
        case "now":
            return now
        case "today":
            return _in_zone(_midnight(now.astimezone()), None)
        case "yesterday":
            return _in_zone(_midnight(now.astimezone()) - timedelta(days=1), None)
    found = next((match for form in _WRITTEN if (match := form.fullmatch(text)) is not None), None)
    if found is None:
        raise ValueError(text)
    parts = found.groupdict()
    zone = _zone(parts["zone"])
    naive = _midnight(now.astimezone(zone))
    if parts.get("day"):
        naive = naive.replace(int(parts["year"] or naive.year), int(parts["month"]), int(parts["day"]))
        if not parts["year"] and _in_zone(naive, zone) > now + timedelta(days=1):
            naive = naive.replace(naive.year - 1)  # tables show the latest day of that name
    if parts.get("hour"):
        fraction = (parts["fraction"] or "").ljust(6, "0")[:6]
        naive = naive.replace(
            hour=int(parts["hour"]), minute=int(parts["minute"]), second=int(parts["second"] or 0),
            microsecond=int(fraction),
        )  # fmt: skip
    return _in_zone(naive, zone)


def _midnight(moment: datetime) -> datetime:
    """The beginning of its day, without its zone: the day may have begun with another offset."""
    return datetime(moment.year, moment.month, moment.day)  # noqa: DTZ001 - given by _in_zone


def _in_zone(naive: datetime, zone: tzinfo | None) -> datetime:
    """``zone`` None: this machine's."""
    return naive.astimezone() if zone is None else naive.replace(tzinfo=zone)


def _zone(written: str | None) -> tzinfo | None:
    if not written:
        return None
    if written in {"Z", "z"}:
        return UTC
    hours, minutes = int(written[1:3]), int(written[-2:])
    if hours > OFFSET_HOURS_MAX or minutes >= MINUTES:
        raise ValueError(written)
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if written[0] == "-" else offset)
