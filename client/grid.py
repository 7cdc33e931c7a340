"""Aligned columns, also when rows arrive one by one. Pure: strings in, strings out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_GAP = "  "


@dataclass(frozen=True, slots=True)
class Column:
    """A column's title; numbers stand at the right. ``width`` is the least one, for rows that come later."""

    title: str
    right: bool = False
    width: int = 0


class Grid:
    """Columns that are as wide as the widest cell seen so far; the last one is never padded."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = tuple(columns)
        self._widths = [max(column.width, len(column.title)) for column in columns]

    def fit(self, rows: Iterable[Sequence[str]]) -> None:
        """Make room for these rows."""
        for row in rows:
            for index, cell in enumerate(row):
                self._widths[index] = max(self._widths[index], len(cell))

    def header(self) -> str:
        """The titles."""
        return self.line([column.title for column in self._columns])

    def line(self, row: Sequence[str]) -> str:
        """One row; a cell that is wider than its column pushes the rest of the row aside."""
        cells = []
        for column, width, cell in zip(self._columns, self._widths, row, strict=True):
            cells.append(cell.rjust(width) if column.right else cell.ljust(width))
        return _GAP.join(cells).rstrip()


def table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> list[str]:
    """Header and rows, aligned."""
    grid = Grid(columns)
    grid.fit(rows)
    return [grid.header(), *(grid.line(row) for row in rows)]


def pairs(rows: Iterable[tuple[str, str]], indent: str = "") -> list[str]:
    """``name  value`` lines; those without a value are left out."""
    kept = [(name, value) for name, value in rows if value]
    width = max((len(name) for name, _ in kept), default=0)
    return [f"{indent}{name.ljust(width)}{_GAP}{value}" for name, value in kept]
