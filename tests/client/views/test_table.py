"""Columns are aligned, also in rows that come later, and leave out what there is no room for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.client.views.table import Column, Grid, pairs, table

CELLS = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=12)


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=8))
def test_columns_stand_under_their_titles_numbers_at_the_right(rows: list[tuple[str, str, str]]) -> None:
    lines = table([Column("NAME"), Column("NUMBER", right=True), Column("NOTE")], rows)
    start = lines[0].index("NOTE")
    end_of_number = start - 2
    for line, (name, number, note) in zip(lines[1:], rows, strict=True):
        padded = line.ljust(start)
        assert padded.startswith(name)
        assert padded[:end_of_number].endswith(number)
        assert padded[start:] == note


def test_a_row_that_comes_later_and_is_too_wide_pushes_only_itself_aside() -> None:
    grid = Grid([Column("A", width=3), Column("B")])
    assert grid.line(["x", "y"]) == "x    y"
    assert grid.line(["xxxxx", "y"]) == "xxxxx  y"
    assert grid.line(["x", "y"]) == "x    y"


WIDE = [Column("NAME"), Column("FEE", extra=1), Column("ID", extra=2), Column("REASON")]


ROW = ["n" * 10, "f" * 10, "i" * 10, "r" * 50]


@pytest.mark.parametrize(
    ("room", "titles"),
    [
        (None, ["NAME", "FEE", "ID", "REASON"]),
        (56, ["NAME", "FEE", "ID", "REASON"]),
        (55, ["NAME", "FEE", "REASON"]),
        (43, ["NAME", "REASON"]),
        (1, ["NAME", "REASON"]),
    ],
)
def test_where_the_room_is_small_extra_columns_are_left_out_the_last_extra_first(
    room: int | None, titles: list[str]
) -> None:
    header, row = table(WIDE, [ROW], room)
    assert header.split() == titles
    assert [cell[0].upper() for cell in row.split()] == [title[0] for title in titles]


def test_columns_that_were_left_out_stay_out_in_rows_that_come_later() -> None:
    grid = Grid(WIDE, 20)
    assert grid.header() == "NAME  FEE  REASON"
    assert grid.line(["bob", "0.1", "T1", "SCALED"]) == "bob   0.1  SCALED"


def test_pairs_leave_out_what_is_not_known() -> None:
    assert pairs([("pid", ""), ("state", "RUNNING"), ("a", "b")]) == ["state  RUNNING", "a      b"]
