"""The log is bounded, and its numbers go on without gaps."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from krakencopy.paper_exchange.venue.audit_log import NumberedLog

NUMBERS = st.integers(min_value=0, max_value=40)


@given(rows=NUMBERS, kept=st.integers(min_value=1, max_value=40), after=NUMBERS, most=NUMBERS)
def test_rows_are_read_after_a_number_as_far_as_they_are_kept(
    rows: int, kept: int, after: int, most: int
) -> None:
    log: NumberedLog[str] = NumberedLog(kept)
    assert [log.append(f"row {number}") for number in range(1, rows + 1)] == list(range(1, rows + 1))
    there = range(max(1, rows - kept + 1), rows + 1)
    expected = [(number, f"row {number}") for number in there if number > after]
    assert log.after(after, most) == expected[:most]
    assert log.count == rows
