"""Where results go: standard output, as lines for people or as JSON for programs."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TextIO, TypeVar

from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message

from krakencopy.client.cli.interrupts import within
from krakencopy.client.views.formats import plain
from krakencopy.client.views.table import Column, Grid
from krakencopy.client.views.wrapping import wrapped

M = TypeVar("M", bound=Message)


def to_json(message: Message) -> str:
    """The message on one line, in proto field names, with the fields that are empty."""
    return MessageToJson(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True, indent=None
    )


class Output:
    """Standard output in one of its two forms."""

    def __init__(self, stream: TextIO, *, as_json: bool, limit_s: float | None = None) -> None:
        """``limit_s``: how long each write may wait for a reader, which is for ever without it."""
        self.stream = stream
        self.as_json = as_json
        self._limit_s = limit_s

    @property
    def room(self) -> int | None:
        """How wide a line should be at most: the terminal's columns; None where there is no terminal."""
        return shutil.get_terminal_size().columns if self.stream.isatty() else None

    def lines(self, lines: Iterable[str]) -> None:
        """Write these lines, and let the reader of a pipe have them now; for people within the terminal's
        columns. Raises TooSlow.
        """
        room = None if self.as_json else self.room
        shown = [self._shown(line) for line in lines]
        if room:
            shown = [part for line in shown for each in line.split("\n") for part in wrapped(each, room)]
        with within(self._limit_s):
            self.stream.write("".join(f"{line}\n" for line in shown))
            self.stream.flush()

    def _shown(self, lines: str) -> str:
        """Without what would steer a terminal, in JSON escaped."""
        if lines.isprintable():
            return lines
        if self.as_json:
            return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in lines)
        return "\n".join(map(plain, lines.split("\n")))

    def one(self, message: M, page: Callable[[M], list[str]]) -> None:
        """One result: the message as JSON, or the page made of it."""
        self.lines([to_json(message)] if self.as_json else page(message))


class TableOutput(Generic[M]):
    """Messages of one kind: rows of one table that may go on growing, or one JSON object a line."""

    def __init__(self, out: Output, columns: Sequence[Column], row: Callable[[M], list[str]]) -> None:
        self._out = out
        self._grid = Grid(columns, out.room)
        self._row = row
        self._has_header = False

    def show(self, messages: Iterable[M]) -> None:
        """The next messages, in their order."""
        if self._out.as_json:
            self._out.lines(to_json(message) for message in messages)
            return
        rows = [self._row(message) for message in messages]
        if not rows:
            return
        self._grid.fit(rows)
        lines = []
        if not self._has_header:
            self._has_header = True
            lines.append(self._grid.header())
        self._out.lines(lines + [self._grid.line(row) for row in rows])

    def none(self, text: str) -> None:
        """For people: say that there is nothing, which an empty screen does not."""
        if not self._out.as_json:
            self._out.lines([text])
