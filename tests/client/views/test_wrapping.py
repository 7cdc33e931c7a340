"""A line that is too long for a terminal is broken between words, and nothing of it is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.client.views.wrapping import wrapped


@pytest.mark.parametrize(
    ("line", "room", "parts"),
    [
        ("short", 10, ["short"]),
        ("ann: the key is refused", 14, ["ann: the key", "  is refused"]),
        ("reason  the key is refused", 20, ["reason  the key is", "        refused"]),
        ("  KEY_ACCEPTED since now: refused", 20, ["  KEY_ACCEPTED since", "    now: refused"]),
        ("12  ann  the key is refused now", 20, ["12  ann  the key is", "         refused now"]),
        ("a" * 25, 10, ["a" * 10, "  " + "a" * 8, "  " + "a" * 7]),
    ],
)
def test_a_line_is_broken_between_words_and_goes_on_in_its_column(
    line: str, room: int, parts: list[str]
) -> None:
    assert wrapped(line, room) == parts


@given(st.text(alphabet="ab  ", max_size=200), st.integers(10, 120))
def test_no_part_is_too_long_and_no_word_is_lost(line: str, room: int) -> None:
    parts = wrapped(line, room)
    assert all(len(part) <= room for part in parts)
    assert "".join(parts).replace(" ", "") == line.replace(" ", "")
