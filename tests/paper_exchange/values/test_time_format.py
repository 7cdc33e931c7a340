"""Times on the wire: each of Kraken's four forms, to the microsecond."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.paper_exchange.values.time_format import (
    parse_rfc3339,
    rfc1123,
    rfc3339,
    rfc3339_seconds,
    unix_seconds,
)

#: Tue, 11 Nov 2025 00:17:04.000001 UTC
AT_US = 1_762_820_224_000_001


def test_a_time_is_written_in_krakens_forms() -> None:
    assert rfc3339(AT_US) == "2025-11-11T00:17:04.000001Z"
    assert rfc3339_seconds(AT_US) == "2025-11-11T00:17:04Z"
    assert rfc1123(AT_US) == "Tue, 11 Nov 25 00:17:04 +0000"
    assert unix_seconds(AT_US) == 1_762_820_224.000001
    assert unix_seconds(0) == 0.0


@given(st.integers(min_value=0, max_value=4_000_000_000_000_000))
def test_what_is_written_is_read_again(at_us: int) -> None:
    assert parse_rfc3339(rfc3339(at_us)) == at_us


@pytest.mark.parametrize(
    "text",
    ["2025-11-11T00:17:04.000001Z", "2025-11-11t00:17:04.000001999z", "2025-11-11T01:17:04.000001+01:00"],
)
def test_zones_cases_and_further_digits_are_read(text: str) -> None:
    assert parse_rfc3339(text) == AT_US


@pytest.mark.parametrize(
    "text", ["", "2025-11-11", "2025-11-11 00:17:04Z", "2025-11-11T00:17:04", "2025-13-11T00:17:04Z", "now"]
)
def test_what_is_no_time_is_none(text: str) -> None:
    assert parse_rfc3339(text) is None
