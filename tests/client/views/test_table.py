"""Columns are aligned, also in rows that come later, and leave out what there is no room for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.client.views.table import Column, Grid, pairs, shortened, table, wrapped

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


def test_ids_are_shortened_in_their_middle_where_the_rest_would_not_fit() -> None:
    columns = [Column("ACCOUNT", shortest=8), Column("PID", extra=1), Column("REASON", text=30)]
    rows = [["bert_gilbert_the_second", "1", "MASTER_NOT_READY"], ["anna", "2", ""]]
    assert table(columns, rows, 44)[1] == "bert_gilbert_the_second  MASTER_NOT_READY"
    assert table(columns, rows, 30) == [
        "ACCOUNT       REASON",
        "bert_g…econd  MASTER_NOT_READY",
        "anna",
    ]
    assert table(columns, rows, 10)[1] == "bert…ond  MASTER_NOT_READY"
    assert table(columns, rows)[1].split() == rows[0]


@given(st.text(max_size=30), st.integers(1, 30))
def test_a_shortened_text_has_its_beginning_and_its_end(text: str, width: int) -> None:
    short = shortened(text, width)
    assert len(short) <= width
    if short != text:
        begin, _, end = short.partition("…") if "…" not in text else (short, "", "")
        assert text.startswith(begin) or "…" in text
        assert text.endswith(end)


def test_a_sentence_is_wrapped_and_says_where_more_is_left_out() -> None:
    assert wrapped("one two three four", 9, 4) == ["one two", "  three", "  four"]
    assert wrapped("one two three four", 9, 2) == ["one two", "  three…"]
    assert wrapped("", 9, 2) == [""]
    assert max(map(len, wrapped("x" * 100, 9, 3))) == 9
