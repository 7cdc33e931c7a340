"""Times of the API are exact to the microsecond, both ways."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.contract.proto_time import seconds, timestamp, utc, utc_clock


@given(st.integers(min_value=0, max_value=4_000_000_000_000_000))
def test_a_time_goes_there_and_back(micros: int) -> None:
    at = micros / 1_000_000
    assert timestamp(at).ToMicroseconds() == micros
    assert seconds(timestamp(at)) == at


def test_seconds_are_since_the_epoch_in_utc() -> None:
    assert utc(1_762_820_224.5) == datetime(2025, 11, 11, 0, 17, 4, 500_000, UTC)
    assert timestamp(1.000001).nanos == 1_000


def test_the_time_of_day_says_of_which_zone_it_is() -> None:
    assert utc_clock(1_762_820_224.9) == "00:17:04 UTC"
