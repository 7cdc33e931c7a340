"""Where results go: standard output, as lines for people or as data (JSON, YAML, CSV) for programs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, TextIO, TypeVar

from google.protobuf.descriptor import Descriptor
from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message

from krakencopy.client.cli.interrupts import within
from krakencopy.client.sdk.errors import BadInput
from krakencopy.client.views.field_columns import cells, field_names, kind_of_rows, rows_of, to_dict
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
    """Standard output in one of its forms: table, json, yaml or csv."""

    def __init__(
        self, stream: TextIO, *, form: str = "table", columns: Sequence[str] = (),
        limit_s: float | None = None, colours: bool = False,
    ) -> None:  # fmt: skip
        """``columns``: those of tables and CSV that are asked for, else all. ``limit_s``: how long each
        write may wait for a reader, which is for ever without it.
        """
        self.stream = stream
        self.form = form
        self.columns = tuple(columns)
        self._limit_s = limit_s
        self._colours = colours and form == "table"
        #: The columns of rows that are written without TableOutput, once they are known.
        self._names: list[str] = []

    @property
    def as_data(self) -> bool:
        """For programs: what is written are messages, whatever is passed in to show them."""
        return self.form != "table"

    @property
    def room(self) -> int | None:
        """How wide a line should be at most: the terminal's columns; None where there is no terminal."""
        return shutil.get_terminal_size().columns if self.stream.isatty() else None

    def lines(self, lines: Iterable[str]) -> None:
        """Write these lines, and let the reader of a pipe have them now; for people within the terminal's
        columns. Raises TooSlow.
        """
        room = None if self.as_data else self.room
        shown = [self._shown(line) for line in lines]
        if room:
            shown = [part for line in shown for each in line.split("\n") for part in wrapped(each, room)]
        self._write("".join(f"{self.painted(line)}\n" for line in shown))

    def painted(self, line: str) -> str:
        """A line that may be shown, with colours for its states and severities where they are wanted."""
        if not self._colours:
            return line
        from krakencopy.client.views.colours import painted  # most commands write to pipes and files

        return painted(line)

    def _write(self, text: str) -> None:
        with within(self._limit_s):
            self.stream.write(text)
            self.stream.flush()

    def _shown(self, lines: str) -> str:
        """Without what would steer a terminal, in JSON escaped."""
        if lines.isprintable():
            return lines
        if self.as_data:
            return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in lines)
        return "\n".join(map(plain, lines.split("\n")))

    def one(self, message: M, page: Callable[[M], list[str]]) -> None:
        """One result: the message as data, or the page made of it; with columns its rows as a table."""
        if self.as_data:
            self.messages([message], kinds=(kind_of_rows(message),))
        elif self.columns:
            TableOutput[Message](self, (), lambda _: [], kind_of_rows(message)).show(rows_of(message))
        else:
            self.lines(page(message))

    def messages(self, messages: Iterable[Message], *, kinds: Sequence[Descriptor]) -> None:
        """Messages as data, one after the other. ``kinds``: of which kinds rows are, by whose fields CSV has
        its columns, for the whole command.
        """
        if self.form == "csv":
            self._csv((row for message in messages for row in rows_of(message)), kinds)
        elif self.form == "yaml":
            for message in messages:
                self.document(to_dict(message))
        else:
            self.lines(map(to_json, messages))

    def document(self, value: Any) -> None:
        """What JSON can say, as a document of YAML."""
        from krakencopy.client.views.yaml_text import yaml_document  # other forms need none of it

        self._write("".join(f"{line}\n" for line in yaml_document(value)))

    def _csv(self, rows: Iterable[Message], kinds: Sequence[Descriptor]) -> None:
        header = self._header(lambda: field_names(*kinds))
        self._write(header + "".join(self._record(cells(row, self._names)) for row in rows))

    @staticmethod
    def _record(found: Sequence[str]) -> str:
        from krakencopy.client.views.csv_text import csv_line  # other forms need none of it

        return csv_line(found)

    def _header(self, known: Callable[[], Sequence[str]]) -> str:
        """Settles the columns; the record that names them where that was not written yet."""
        if self._names:
            return ""
        self._names = chosen(self.columns, known())
        return self._record(self._names)

    def objects(self, found: Iterable[str], names: Sequence[str], line: Callable[[str], str]) -> None:
        """Objects that are JSON already: in CSV these fields of each, for people as ``line`` says."""
        for text in found:
            if self.form == "table" and not self.columns:
                self.lines([line(text)])
            elif self.form == "json":
                self.lines([text])
            else:
                self._object(_read(text), names)
        if self.form == "csv":
            self._write(self._header(lambda: names))

    def _object(self, value: Mapping[str, Any], names: Sequence[str]) -> None:
        if self.form == "yaml":
            self.document(value)
            return
        header = self._header(lambda: names)
        found = [str(value.get(name, "")) for name in self._names]
        if self.form == "csv":
            self._write(header + self._record(found))
        else:
            self.lines(["  ".join(found)])


def _read(line: str) -> dict[str, Any]:
    """A line that should be an object; one that is none is the message of one."""
    try:
        value = json.loads(line)
    except ValueError:
        value = None
    return value if isinstance(value, dict) else {"message": line}


def chosen(asked: Sequence[str], known: Sequence[str]) -> list[str]:
    """The columns that are asked for, all without any. Raises BadInput, which names those that are known."""
    if list(asked) == ["help"]:
        raise BadInput(f"--columns takes some of these: {', '.join(known)}")
    if unknown := [name for name in asked if name not in known]:
        raise BadInput(f"--columns: {', '.join(unknown)} is no column here; there are {', '.join(known)}")
    return list(asked or known)


class TableOutput(Generic[M]):
    """Messages of one kind: rows of one table that may go on growing, or data."""

    def __init__(
        self, out: Output, columns: Sequence[Column], row: Callable[[M], list[str]],
        kind: Descriptor,
    ) -> None:  # fmt: skip
        """``kind``: of which the messages are; by it columns are known before there is a row."""
        self._out = out
        self._columns = tuple(columns)
        self._row = row
        self._kind = kind
        self._grid: Grid | None = None
        self._names: list[str] = []

    def show(self, messages: Iterable[M]) -> None:
        """The next messages, in their order."""
        messages = list(messages)
        if self._out.as_data:
            self._out.messages(messages, kinds=(self._kind,))
            return
        is_first = self._grid is None
        grid = self._grid = self._grid or self._new_grid()
        if not messages:
            self._grid = None if is_first else grid
            return
        rows = [self._cells(message) for message in messages]
        grid.fit(rows)
        self._out.lines(([grid.header()] if is_first else []) + [grid.line(row) for row in rows])

    def _new_grid(self) -> Grid:
        """A table of the columns that are asked for: by their titles, or by fields as in JSON."""
        if not self._out.columns:
            return Grid(self._columns, self._out.room)
        titled = {column.name: column for column in self._columns}
        fields = field_names(self._kind)
        self._names = chosen(self._out.columns, [*titled, *(name for name in fields if name not in titled)])
        return Grid([titled.get(name) or Column(name.upper()) for name in self._names])

    def _cells(self, message: M) -> list[str]:
        if not self._out.columns:
            return self._row(message)
        titled = dict(zip((column.name for column in self._columns), self._row(message), strict=True))
        fields = dict(zip(self._names, cells(message, self._names), strict=True))
        return [titled[name] if name in titled else plain(fields[name]) for name in self._names]

    def none(self, text: str) -> None:
        """For people: say that there is nothing, which an empty screen does not."""
        if not self._out.as_data:
            self._out.lines([text])
