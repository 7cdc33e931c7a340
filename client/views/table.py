"""Aligned columns, also when rows arrive one by one. Pure: strings in, strings out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_GAP = "  "
#: Of the last column, which is free text and may run on to the next line of a terminal, so much should stand
#: beside the rest.
_TEXT_WIDTH = 20


@dataclass(frozen=True, slots=True)
class Column:
    """A column's title; numbers stand at the right. ``width`` is the least one, for rows that come later.

    ``extra`` columns are left out where the room is too small, the largest number first; 0 is never left out.
    """

    title: str
    right: bool = False
    width: int = 0
    extra: int = 0


class Grid:
    """Columns that are as wide as the widest cell seen so far; the last one is never padded.

    ``room`` is how many characters a line should have at most, None for no limit. What is left out is settled
    by the header.
    """

    def __init__(self, columns: Sequence[Column], room: int | None = None) -> None:
        self._columns = tuple(columns)
        self._widths = [max(column.width, len(column.title)) for column in columns]
        self._room = room
        self._shown = list(range(len(columns)))

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
        return self.line([column.title for column in self._columns])

    def line(self, row: Sequence[str]) -> str:
        """One row; a cell that is wider than its column pushes the rest of the row aside."""
        cells = []
        for index in self._shown:
            width, cell = self._widths[index], row[index]
            cells.append(cell.rjust(width) if self._columns[index].right else cell.ljust(width))
        return _GAP.join(cells).rstrip()

    def _extra(self, index: int) -> int:
        return self._columns[index].extra

    def _width(self, shown: Sequence[int]) -> int:
        widths = [self._widths[index] for index in shown]
        widths[-1] = min(widths[-1], _TEXT_WIDTH)
        return sum(widths) + len(_GAP) * (len(widths) - 1)


def table(columns: Sequence[Column], rows: Sequence[Sequence[str]], room: int | None = None) -> list[str]:
    """Header and rows, aligned."""
    grid = Grid(columns, room)
    grid.fit(rows)
    return [grid.header(), *(grid.line(row) for row in rows)]


def pairs(rows: Iterable[tuple[str, str]], indent: str = "") -> list[str]:
    """``name  value`` lines; those without a value are left out."""
    kept = [(name, value) for name, value in rows if value]
    width = max((len(name) for name, _ in kept), default=0)
    return [f"{indent}{name.ljust(width)}{_GAP}{value}" for name, value in kept]
