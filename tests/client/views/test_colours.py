"""States and severities have colours; what has none of them is as it was."""

from __future__ import annotations

import re

import pytest

from krakencopy.client.views.colours import painted


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("anna  RUNNING  up", "anna  \x1b[32mRUNNING\x1b[0m  up"),
        ("5  WARNING  bob", "5  \x1b[33mWARNING\x1b[0m  bob"),
        ("system  NOT READY: bob", "system  \x1b[31mNOT READY\x1b[0m: bob"),
        ("NOT_READY and MASTER-FAILED of x", "NOT_READY and MASTER-FAILED of x"),
        ("running well", "running well"),
    ],
)
def test_words_of_state_are_painted_and_nothing_else(line: str, expected: str) -> None:
    assert painted(line) == expected
    assert re.sub(r"\x1b\[\d*m", "", painted(line)) == line


def test_the_header_of_a_table_is_not() -> None:
    assert painted("ACCOUNT  FILLED  STATE (+01:00)") == "ACCOUNT  FILLED  STATE (+01:00)"
