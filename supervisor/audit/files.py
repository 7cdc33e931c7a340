"""The files of the audit log: opened, held against what was written, written to, read.

A file holds some megabytes and is followed by another one, whose name has the number of its first entry; the
chain goes on over all of them, and none is ever deleted. What could not be written whole is taken back. Used
by one thread at a time. It must not know what a call is.
"""

from __future__ import annotations

import os
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from krakencopy.account_proc.runtime.durable_files import sync_folder
from krakencopy.supervisor.audit.chain import NOTHING, Checker, Finding, Head, Kind, Why, read_line, sealed
from krakencopy.supervisor.audit.verification import lines_of

#: Behind this another file is begun, in bytes: some 3,000 calls.
FILE_BYTES_MAX = 4 << 20
VERSION = 1
_PREFIX, _SUFFIX = "audit-", ".jsonl"
_FLAGS = os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(eq=False, slots=True)
class Draft:
    """An entry that is not written yet."""

    fields: dict[str, Any]
    #: Fields that are the numbers of others, which are written before it.
    refers: dict[str, Draft] = field(default_factory=dict)
    #: Once it is written.
    number: int = 0


@dataclass(slots=True)
class Opened:
    """What a log was found like."""

    findings: list[Finding] = field(default_factory=list)
    #: That a half-written line was completed or taken away, for people; empty for none.
    repaired: str = ""
    #: Calls that began and have no end, by the number of that entry.
    open_calls: dict[int, dict[str, Any]] = field(default_factory=dict)
    #: Calls that began, the latest last.
    calls: list[dict[str, Any]] = field(default_factory=list)


def now_text() -> str:
    """RFC 3339, in UTC."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


class AuditFiles:
    """Those of one state folder."""

    def __init__(self, folder: Path, file_bytes_max: int = FILE_BYTES_MAX) -> None:
        self.folder = folder
        self._file_bytes_max = file_bytes_max
        #: The last entry, and its hash.
        self.number, self.hash = 0, NOTHING
        self._fd = -1
        self._size = 0
        self._firsts: list[int] = []
        self._paths: list[Path] = []
        #: Where the lines of the last file begin, and those of another one that was read last.
        self._offsets = array("Q")
        self._other: tuple[Path, array[int]] | None = None
        #: Why a new chain was begun, for people; empty once that was recorded.
        self.broken = ""

    # -- opening --------------------------------------------------------------------------------------------

    def open(self, head: Head | None) -> Opened:
        """Opens the log, or begins it. What is half written is repaired; where the last file is not what was
        written, a new chain is begun that names it. Raises OSError.
        """
        self.folder.mkdir(mode=0o700, exist_ok=True)
        for leftover in self.folder.glob(f"{_PREFIX}*{_SUFFIX}.new"):
            leftover.unlink()
        self._find_files()
        opened = Opened()
        checker = Checker(head=head)
        if self._paths:
            self._check_last(checker, opened)
        # That its own chain was begun anew, the last file says itself.
        opened.findings = [each for each in checker.finish() if each.why is not Why.NEW_CHAIN]
        if opened.findings:
            words = "; ".join(finding.message for finding in opened.findings[:3])
            self._close()
            self.number = max(
                checker.number, head.number if head else 0, self._firsts[-1] if self._firsts else 0
            )
            self._begin_chain(words)
        elif not self._paths:
            self._begin_file("")
        return opened

    def _find_files(self) -> None:
        found = []
        for path in self.folder.glob(f"{_PREFIX}*{_SUFFIX}"):
            with suppress(ValueError):
                found.append((int(path.name[len(_PREFIX) : -len(_SUFFIX)]), path))
        found.sort()
        self._firsts, self._paths = [first for first, _ in found], [path for _, path in found]

    def _check_last(self, checker: Checker, opened: Opened) -> None:
        path = self._paths[-1]
        self._fd = os.open(path, _FLAGS)
        checker.begin_file(path.name)
        self._offsets, self._size = array("Q"), 0
        #: Behind a line that is damaged as a loss of power does it, nothing is trusted.
        for line in lines_of(path):
            if not line.endswith(b"\n") or b"\0" in line:
                self._repair(checker, opened, line)
                break
            self._offsets.append(self._size)
            self._size += len(line)
            entry = checker.check(line[:-1])
            if entry is not None:
                self._note(entry, opened)
        checker.note_empty()
        self.number, self.hash = checker.number, checker.hash or NOTHING

    def _repair(self, checker: Checker, opened: Opened, line: bytes) -> None:
        size = os.fstat(self._fd).st_size - self._size
        whole = read_line(line)
        if whole is not None and checker.check(line) is not None and not checker.findings:
            os.write(self._fd, b"\n")
            self._offsets.append(self._size)
            self._size += len(line) + 1
            self._note(whole, opened)
            opened.repaired = f"the newline behind entry {checker.number} was not written; it is now"
        else:
            os.ftruncate(self._fd, self._size)
            opened.repaired = (
                f"what stood behind entry {checker.number} was only half written ({size} bytes, as by a loss "
                "of power), and was taken away"
            )
        os.fsync(self._fd)

    @staticmethod
    def _note(entry: dict[str, Any], opened: Opened) -> None:
        kind = entry.get("kind")
        if kind == Kind.BEGAN:
            opened.calls.append(entry)
            opened.open_calls[entry["n"]] = entry
        elif kind == Kind.ENDED:
            opened.open_calls.pop(entry.get("began", 0), None)
        elif kind == Kind.FILE:
            for carried in entry.get("open", ()):
                opened.open_calls[carried["n"]] = carried

    def files(self) -> list[tuple[Path, int | None]]:
        """All of them, and how much of the last one is written."""
        return [*((path, None) for path in self._paths[:-1]), (self._paths[-1], self._size)]

    # -- writing --------------------------------------------------------------------------------------------

    def append(self, drafts: Sequence[Draft], carried: Sequence[dict[str, Any]] = ()) -> None:
        """Writes them, in their order; they are durable then, and have their numbers. ``carried``: what is
        noted in a new file of calls that have not ended. Raises OSError; then none is written.
        """
        state = os.fstat(self._fd)
        if state.st_size != self._size or not state.st_nlink:
            words = f"{self._paths[-1].name} was changed by somebody else behind entry {self.number}"
            self._begin_chain(words)
        elif self._size >= self._file_bytes_max:
            self._begin_file("", carried)
        number, last, lines = self.number, self.hash, []
        for draft in drafts:
            number += 1
            draft.number = number
            draft.fields |= {name: other.number for name, other in draft.refers.items()}
            line, last = sealed(number, last, draft.fields)
            lines.append(line)
        try:
            self._write(b"".join(lines))
        except OSError:
            for draft in drafts:
                draft.number = 0
            raise
        for line in lines:
            self._offsets.append(self._size)
            self._size += len(line)
        self.number, self.hash = number, last

    def _write(self, data: bytes) -> None:
        try:
            _write_all(self._fd, data)
            os.fsync(self._fd)
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._fd, self._size)
            raise

    def _begin_chain(self, words: str) -> None:
        before, self.hash = self.hash, NOTHING
        try:
            self._begin_file(words)
        except OSError:
            self.hash = before
            raise
        self.broken = words

    def _begin_file(self, broken: str, carried: Sequence[dict[str, Any]] = ()) -> None:
        """Another file, whose first entry follows the last one, or ``broken``, why it does not."""
        number = self.number + 1
        fields: dict[str, Any] = {"at": now_text(), "kind": Kind.FILE, "version": VERSION}
        if carried:
            fields["open"] = list(carried)
        if broken:
            fields["broken"] = broken
        line, found = sealed(number, self.hash, fields)
        path = self.folder / f"{_PREFIX}{number:012d}{_SUFFIX}"
        unfinished = path.with_name(f"{path.name}.new")
        opened = os.open(unfinished, _FLAGS | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            _write_all(opened, line)
            os.fsync(opened)
            unfinished.rename(path)
            sync_folder(self.folder)
        except OSError:
            os.close(opened)
            raise
        self._close()
        self._fd, self._size = opened, len(line)
        self._offsets = array("Q", [0])
        self._firsts.append(number)
        self._paths.append(path)
        self.number, self.hash = number, found

    # -- reading --------------------------------------------------------------------------------------------

    def after(self, number: int, most: int) -> list[tuple[int, bytes]]:
        """Entries behind a number, in their order, each with its line. Raises OSError."""
        found: list[tuple[int, bytes]] = []
        number = max(number + 1, self._firsts[0])
        while number <= self.number and len(found) < most:
            place = bisect_right(self._firsts, number) - 1
            lines = list(self._lines(place, number, most - len(found)))
            found += lines
            number = lines[-1][0] + 1 if lines else self._first_behind(place)
        return found

    def before(self, number: int, most: int) -> list[tuple[int, bytes]]:
        """Entries before a number, the latest first, each with its line. Raises OSError."""
        found: list[tuple[int, bytes]] = []
        number = min(number - 1, self.number)
        while number >= self._firsts[0] and len(found) < most:
            place = bisect_right(self._firsts, number) - 1
            first = max(self._firsts[place], number - (most - len(found)) + 1)
            found += reversed(list(self._lines(place, first, number - first + 1)))
            number = first - 1
        return found

    def _first_behind(self, place: int) -> int:
        return self._firsts[place + 1] if place + 1 < len(self._firsts) else self.number + 1

    def _lines(self, place: int, first: int, most: int) -> Iterator[tuple[int, bytes]]:
        """Of one file. A line's number is by its place."""
        offsets = self._offsets_of(place)
        begin = first - self._firsts[place]
        end = min(begin + most, len(offsets))
        if begin >= end:
            return
        is_last = place == len(self._paths) - 1
        until = offsets[end] if end < len(offsets) else self._size if is_last else None
        with self._paths[place].open("rb") as file:
            file.seek(offsets[begin])
            text = file.read() if until is None else file.read(until - offsets[begin])
        for index, line in enumerate(text.split(b"\n")[: end - begin]):
            yield first + index, line

    def _offsets_of(self, place: int) -> array[int]:
        path = self._paths[place]
        if place == len(self._paths) - 1:
            return self._offsets
        if self._other is None or self._other[0] != path:
            offsets, size = array("Q"), 0
            for line in lines_of(path):
                offsets.append(size)
                size += len(line)
            self._other = path, offsets
        return self._other[1]

    def _close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def close(self) -> None:
        """Nothing is written any more."""
        self._close()


def _write_all(opened: int, data: bytes) -> None:
    while data:
        data = data[os.write(opened, data) :]
