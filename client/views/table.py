"""Aligned columns, also when rows arrive one by one. Pure: strings in, strings out."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

_GAP = "  "
_ELLIPSIS = "…"


@dataclass(frozen=True, slots=True)
class Column:
    """A column's title; numbers stand at the right. ``width`` is the least one, for rows that come later.

    ``extra`` columns are left out where the room is too small, the largest number first; 0 is never left out.
    After that, cells of a column with ``shortest`` are shortened in their middle, to no less than that.
    ``text``: how much of the last column, which may run on to the next line of a terminal, should stand
    beside the rest.
    """

    title: str
    right: bool = False
    width: int = 0
    extra: int = 0
    shortest: int = 0
    text: int = 20

    @property
    def name(self) -> str:
        """By which it is asked for: its title without the zone of times, `LAST HOP (+01:00)`: `last_hop`."""
        return self.title.partition(" (")[0].lower().replace(" ", "_")


class Grid:
    """Columns that are as wide as the widest cell seen so far; the last one is never padded.

    ``room`` is how many characters a line should have at most, None for no limit. What is left out, and what
    is shortened, is settled by the header.
    """

    def __init__(self, columns: Sequence[Column], room: int | None = None) -> None:
        self._columns = tuple(columns)
        self._widths = [max(column.width, len(column.title)) for column in columns]
        self._room = room
        self._shown = list(range(len(columns)))
        self._shortened: dict[int, int] = {}

    def fit(self, rows: Iterable[Sequence[str]]) -> None:
        """Make room for these rows."""
        for row in rows:
            for index, cell in enumerate(row):
                self._widths[index] = max(self._widths[index], len(cell))

    def header(self) -> str:
        """The titles."""
        shown = list(range(len(self._columns)))
        extras = sorted((index for index in shown if self._columns[index].extra), key=self._extra)
        while extras and self._room is not None and self._width(shown) > self._room:
            shown.remove(extras.pop())
        self._shown = shown
        self._shorten()
        return self.line([column.title for column in self._columns])

    def _shorten(self) -> None:
        self._shortened.clear()
        for index in self._shown:
            shortest = self._columns[index].shortest
            if self._room is None or not shortest:
                continue
            too_wide = self._width(self._shown) - self._room
            if too_wide > 0 and self._widths[index] > shortest:
                self._widths[index] = max(self._widths[index] - too_wide, shortest)
                self._shortened[index] = self._widths[index]

    def line(self, row: Sequence[str]) -> str:
        """One row; a cell that is wider than its column pushes the rest of the row aside."""
        cells = []
        for index in self._shown:
            width, cell = self._widths[index], row[index]
            if index in self._shortened:
                cell = shortened(cell, self._shortened[index])
            cells.append(cell.rjust(width) if self._columns[index].right else cell.ljust(width))
        return _GAP.join(cells).rstrip()

    def _extra(self, index: int) -> int:
        return self._columns[index].extra

    def _width(self, shown: Sequence[int]) -> int:
        widths = [self._widths[index] for index in shown]
        widths[-1] = min(widths[-1], self._columns[shown[-1]].text)
        return sum(widths) + len(_GAP) * (len(widths) - 1)


def shortened(text: str, width: int) -> str:
    """The text with its beginning and its end, and a sign for what is left out between them."""
    if len(text) <= width:
        return text
    end = (width - 1) // 2
    return f"{text[: width - 1 - end]}{_ELLIPSIS}{text[len(text) - end :]}"


def wrapped(line: str, width: int, lines_max: int) -> list[str]:
    """A sentence on lines of a width, those after the first one indented; the last one says where more is
    left out.
    """
    lines = textwrap.wrap(line, width, subsequent_indent=_GAP, break_on_hyphens=False) or [""]
    if len(lines) <= lines_max:
        return lines
    return [*lines[: lines_max - 1], f"{lines[lines_max - 1][: width - 1]}{_ELLIPSIS}"]


def table(columns: Sequence[Column], rows: Sequence[Sequence[str]], room: int | None = None) -> list[str]:
    """Header and rows, aligned. All rows are there, so that no column is wider than they are."""
    grid = Grid([replace(column, width=0) for column in columns], room)
    grid.fit(rows)
    return [grid.header(), *(grid.line(row) for row in rows)]


def pairs(rows: Iterable[tuple[str, str]], indent: str = "") -> list[str]:
    """``name  value`` lines; those without a value are left out."""
    kept = [(name, value) for name, value in rows if value]
    width = max((len(name) for name, _ in kept), default=0)
    return [f"{indent}{name.ljust(width)}{_GAP}{value}" for name, value in kept]
