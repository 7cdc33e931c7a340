"""Datetimes of Python's as the limits of a request."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from krakencopy.client.sdk.errors import BadInput
from krakencopy.client.sdk.intervals import limits

AT = datetime(2026, 11, 28, 5, 0, 0, 123456, UTC)


def test_limits_are_fields_of_a_request_whatever_their_zone() -> None:
    elsewhere = AT.astimezone(timezone(timedelta(hours=-8)))
    found = limits(elsewhere, AT + timedelta(seconds=1))
    assert found["since"].ToDatetime(UTC) == AT
    assert found["until"].ToDatetime(UTC) == AT + timedelta(seconds=1)
    assert limits(None, None) == {}


@pytest.mark.parametrize(
    ("since", "until", "said"),
    [
        (AT.replace(tzinfo=None), None, r"since 2026-11-28 05:00:00\.123456 has no time zone"),
        (None, AT.replace(tzinfo=None), "until .* has no time zone"),
        (AT, AT, "nothing can be between them"),
        (AT, AT - timedelta(seconds=1), "is not before until"),
    ],
)
def test_what_is_no_interval_is_bad_input(since: datetime | None, until: datetime | None, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        limits(since, until)
