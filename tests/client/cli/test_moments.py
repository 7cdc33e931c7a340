"""Times as people write them, of this machine's zone (here UTC+1, conftest.py) unless they name another."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.client.cli.moments import parse_moment

NOW = datetime(2026, 11, 28, 17, 30, tzinfo=UTC)  # 18:30 here


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0s", "2026-11-28T17:30:00"),
        ("90s", "2026-11-28T17:28:30"),
        ("30m", "2026-11-28T17:00:00"),
        ("2h", "2026-11-28T15:30:00"),
        ("7d", "2026-11-21T17:30:00"),
        ("1w", "2026-11-21T17:30:00"),
        ("1h30m", "2026-11-28T16:00:00"),
        ("now", "2026-11-28T17:30:00"),
        ("today", "2026-11-27T23:00:00"),
        ("Yesterday", "2026-11-26T23:00:00"),
        ("05:00", "2026-11-28T04:00:00"),
        ("5:00", "2026-11-28T04:00:00"),
        ("05:00Z", "2026-11-28T05:00:00"),
        ("05:00:30", "2026-11-28T04:00:30"),
        ("2026-11-28", "2026-11-27T23:00:00"),
        ("2026-11-28Z", "2026-11-28T00:00:00"),
        ("2026-11-28T05:00Z", "2026-11-28T05:00:00"),
        ("2026-11-28T05:00", "2026-11-28T04:00:00"),
        ("2026-11-28 05:00", "2026-11-28T04:00:00"),
        ("2026-11-28T05:00:01.25+05:30", "2026-11-27T23:30:01.250000"),
        ("2026-11-28T05:00:01.123456789-0800", "2026-11-28T13:00:01.123456"),
        ("11-28 05:00", "2026-11-28T04:00:00"),
        ("12-24 20:00:00.123", "2025-12-24T19:00:00.123000"),
        (" 2h ", "2026-11-28T15:30:00"),
    ],
)
def test_a_moment_in_each_of_its_forms(text: str, expected: str) -> None:
    assert parse_moment(text, NOW) == datetime.fromisoformat(expected + "+00:00")


def test_a_moment_is_read_as_the_pages_show_it() -> None:
    shown = "2026-11-28 06:00:01.123+01:00"
    assert parse_moment(shown, NOW).astimezone().isoformat(sep=" ", timespec="milliseconds") == shown


@pytest.mark.parametrize(
    "text",
    ["", " ", "soon", "2", "2hours", "-2h", "1_0h", "h", "25:00", "05:60", "2026-13-01", "2026-02-30",
     "2026-11-28T", "T05:00", "1764300000", "05:00+25:00", "05:00+01:70", "0000-01-01", "999999d", "1m1h",
     "0001-01-01", "\uff12h"],
)  # fmt: skip
def test_what_is_no_moment_is_refused_with_what_can_be_written(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no time; write how long ago \(90s, 30m, 2h"):
        parse_moment(text, NOW)


@given(st.text(max_size=30))
def test_any_text_is_a_moment_or_refused(text: str) -> None:
    try:
        assert parse_moment(text, NOW).tzinfo is UTC
    except ValueError as error:
        assert "is no time" in str(error)  # noqa: PT017 - either of the two


@given(st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1)))  # noqa: DTZ001 - hypothesis wants them so
def test_any_moment_of_this_zone_is_read_with_and_without_its_offset(moment: datetime) -> None:
    here = moment.astimezone()
    assert parse_moment(here.isoformat(), NOW) == here
    assert parse_moment(here.replace(tzinfo=None).isoformat(), NOW) == here
    assert parse_moment(here.astimezone(UTC).isoformat().replace("+00:00", "Z"), NOW) == here


def test_the_same_day_of_the_year_before_is_meant_where_this_years_is_still_to_come() -> None:
    assert parse_moment("11-29", NOW) == datetime(2026, 11, 28, 23, tzinfo=UTC)
    assert parse_moment("11-30", NOW) == datetime(2025, 11, 29, 23, tzinfo=UTC)
    assert NOW - parse_moment("12-01", NOW) > timedelta(days=300)
