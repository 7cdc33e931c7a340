"""Times on the wire. Inside the exchange a time is an int of microseconds since the epoch (`_us`)."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

US_PER_S: Final = 1_000_000

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_RFC3339: Final = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)


@lru_cache(maxsize=256)  # all events of an order happen at one time, and each of them prints it
def rfc3339(at_us: int) -> str:
    """Write a time as Kraken's WebSocket does: UTC, six digits, `Z`."""
    return (_EPOCH + timedelta(microseconds=at_us)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def rfc3339_seconds(at_us: int) -> str:
    """Write a time as Kraken's REST status does: UTC, whole seconds, `Z`."""
    return (_EPOCH + timedelta(microseconds=at_us)).strftime("%Y-%m-%dT%H:%M:%SZ")


def rfc1123(at_us: int) -> str:
    """Write a time as Kraken's Time method does: `Tue, 11 Nov 25 00:17:04 +0000`."""
    return (_EPOCH + timedelta(microseconds=at_us)).strftime("%a, %d %b %y %H:%M:%S +0000")


def unix_seconds(at_us: int) -> float:
    """Seconds since the epoch with microseconds, as REST rows carry them; 0 stays 0.0."""
    return at_us / US_PER_S


def parse_rfc3339(text: str) -> int | None:
    """Read an RFC 3339 time into microseconds since the epoch; None where it is not one."""
    match = _RFC3339.fullmatch(text)
    if match is None:
        return None
    day, clock, fraction, zone = match.groups()
    offset = "+00:00" if zone in {"Z", "z"} else zone
    try:
        whole = datetime.fromisoformat(f"{day}T{clock}{offset}")
    except ValueError:
        return None
    micros = int((fraction or "0")[:6].ljust(6, "0"))
    return (whole - _EPOCH) // timedelta(microseconds=1) + micros
