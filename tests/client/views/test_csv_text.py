"""Records of CSV: each can be read back, stays on one line, and is no formula."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.client.views.csv_text import csv_line

LETTERS = st.characters(categories=["L", "N", "P", "Zs"])


@given(st.lists(st.text(LETTERS), min_size=1))
def test_what_can_be_shown_is_read_back_but_for_the_mark_of_a_text(row: list[str]) -> None:
    [found] = csv.reader(io.StringIO(csv_line(row), newline=""))
    assert [cell.removeprefix("'") for cell in found] == [
        "".join(c if c.isprintable() else " " for c in cell).removeprefix("'") for cell in row
    ]


@given(st.lists(st.text(), min_size=1))
def test_a_record_is_one_line_without_what_steers_a_terminal(row: list[str]) -> None:
    line = csv_line(row)
    assert line.endswith("\r\n")
    assert line[:-2].isprintable()


@pytest.mark.parametrize(
    "text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "  =1", "\t=1", "\r=1", "-"]
)
def test_a_text_that_a_spreadsheet_would_calculate_is_marked_as_text(text: str) -> None:
    [[cell]] = csv.reader(io.StringIO(csv_line([text]), newline=""))
    assert cell == "'" + text.replace("\t", " ").replace("\r", " ")


@pytest.mark.parametrize("text", ["-5.25", "+3", "0", "anna", "2026-11-29T08:00:00Z", "a=b"])
def test_numbers_and_other_texts_are_as_they_are(text: str) -> None:
    assert csv_line([text]) == f"{text}\r\n"
