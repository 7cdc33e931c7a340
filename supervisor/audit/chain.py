"""The chain of the audit log: how an entry is written as a line, and how lines are held against each other.
Pure.

A line is one JSON object in ASCII. It begins with its number, by one more than the one before (``n``), and
the hash of the one before (``prev``), and ends with its own: ``,"hash":"HASH"}``, where HASH is the SHA-256,
in hexadecimal, of the bytes of the line before that ending. So it takes no more than SHA-256 to check it. The
first line of each file is of the kind ``file``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import Any

#: What the first entry of a chain follows.
NOTHING = "0" * 64
_BEGIN, _END = b',"hash":"', b'"}'
#: What a line ends with, its own hash included, without the newline.
SEAL_BYTES = len(_BEGIN) + len(NOTHING) + len(_END)
#: Of one log: what comes behind is mostly of the same cause.
FINDINGS_MAX = 20
_HEX = frozenset(b"0123456789abcdef")


class Kind(StrEnum):
    """What an entry says."""

    #: A file begins, and with the first one of a chain that chain.
    FILE = "file"
    #: A call is about to be carried out.
    BEGAN = "began"
    #: What came of it.
    ENDED = "ended"


class Why(StrEnum):
    """What is wrong with a log."""

    #: A line that is no entry.
    UNREADABLE = "UNREADABLE"
    #: The content of an entry is not what its hash says.
    CHANGED = "CHANGED"
    #: An entry follows another one than the one before it.
    NOT_LINKED = "NOT_LINKED"
    #: Entries are not there.
    MISSING = "MISSING"
    #: An entry stands where it does not belong.
    MISPLACED = "MISPLACED"
    #: The file does not begin as each does.
    NO_BEGINNING = "NO_BEGINNING"
    #: It ends before an entry that is known to have been written.
    CUT = "CUT"
    #: It goes on behind the entry that is known to have been the last.
    ADDED = "ADDED"
    #: The entry that is known to have been written is another one here.
    REPLACED = "REPLACED"
    #: Here the log was found to be broken, and a new chain was begun.
    NEW_CHAIN = "NEW_CHAIN"
    #: The last line was only half written, as by a loss of power. No sign that anybody changed it.
    HALF_WRITTEN = "HALF_WRITTEN"


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, and where."""

    why: Why
    #: For people; names the entry.
    message: str
    #: The entry; 0 where it has no number.
    number: int = 0
    #: Of the file, from 1.
    line: int = 0
    file: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """An entry that is known to have been written: the end of the log at some time."""

    number: int
    hash: str
    #: Whether it was the last one when the log was closed.
    closed: bool = False

    def to_text(self) -> str:
        """As it is kept."""
        return json.dumps({"number": self.number, "hash": self.hash, "closed": self.closed})

    @classmethod
    def of(cls, text: str) -> Head:
        """Raises ValueError for what is none."""
        found = json.loads(text)
        try:
            return cls(int(found["number"]), str(found["hash"]), bool(found["closed"]))
        except (KeyError, TypeError) as error:
            raise ValueError(f"no head: {text!r}") from error


def sealed(number: int, previous: str, fields: Mapping[str, Any]) -> tuple[bytes, str]:
    """An entry as its line, with the newline, and its hash."""
    text = json.dumps({"n": number, "prev": previous, **fields}, separators=(",", ":"))
    body = text[:-1].encode("ascii")
    found = sha256(body).hexdigest()
    return b"".join((body, _BEGIN, found.encode(), _END, b"\n")), found


def read_line(line: bytes) -> dict[str, Any] | None:
    """What a line says, without its newline, with its hash as it stands there; None for what is no entry."""
    seal = line[-SEAL_BYTES:]
    if not (seal.startswith(_BEGIN) and seal.endswith(_END) and _HEX.issuperset(seal[len(_BEGIN) : -2])):
        return None
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(entry, dict) or not isinstance(entry.get("n"), int) or "prev" not in entry:
        return None
    return entry


def is_unchanged(line: bytes, entry: Mapping[str, Any]) -> bool:
    """Whether a line is what was hashed when it was written."""
    return sha256(line[:-SEAL_BYTES]).hexdigest() == entry.get("hash")


@dataclass(slots=True)
class Checker:
    """Goes over the lines of a log in their order; what is wrong is in ``findings``."""

    #: What is known to have been written.
    head: Head | None = None
    #: The first entry; 0 before there is one.
    first: int = 0
    #: The last entry that was seen, and its hash; empty where that is not known.
    number: int = 0
    hash: str = ""
    findings: list[Finding] = field(default_factory=list)
    #: Which of the hashes that were looked for were seen.
    seen: set[str] = field(default_factory=set)
    sought: frozenset[str] = frozenset()
    _file: str = ""
    _line: int = 0
    _hash_at_head: str = ""

    def begin_file(self, name: str) -> None:
        """The lines that follow are of this file."""
        self._file, self._line = name, 0

    def check(self, line: bytes) -> dict[str, Any] | None:
        """The next line, without its newline; what it says where it is an entry."""
        self._line += 1
        entry = read_line(line)
        if entry is None:
            self._find(Why.UNREADABLE, f"line {self._line}, behind entry {self.number}, is no entry", 0)
            self.hash = ""
            return None
        number = int(entry["n"])
        if self._line == 1:
            self._check_beginning(entry, number)
        if not is_unchanged(line, entry):
            # Its number may be what was changed.
            number = self.number + 1 if self.number else number
            self._find(Why.CHANGED, f"entry {number} is not what was written", number)
            self._go_on(number, "")
            return entry
        if self.number and number <= self.number:
            self._find(Why.MISPLACED, f"entry {number} stands behind entry {self.number}", number)
            return entry
        if self._line > 1 or entry["prev"] != NOTHING:
            self._check_link(entry, number)
        self._go_on(number, str(entry["hash"]))
        return entry

    def _check_beginning(self, entry: Mapping[str, Any], number: int) -> None:
        if entry.get("kind") != Kind.FILE:
            words = f"the file begins with entry {number}, which begins no file: what was before it is gone"
            self._find(Why.NO_BEGINNING, words, number)
        elif entry["prev"] == NOTHING and number > 1:
            words = (
                f"a new chain begins with entry {number}, as the log was broken: {entry.get('broken', '')}"
            )
            self._find(Why.NEW_CHAIN, words, number)

    def _check_link(self, entry: Mapping[str, Any], number: int) -> None:
        if not self.number:  # whatever was before is not here
            return
        if number > self.number + 1:
            first, last = self.number + 1, number - 1
            gone = f"entry {first} is" if first == last else f"entries {first} to {last} are"
            self._find(Why.MISSING, f"{gone} not there", first)
        elif self.hash and entry["prev"] != self.hash:
            words = f"entry {number} does not follow entry {self.number} as that is here"
            self._find(Why.NOT_LINKED, words, number)

    def _go_on(self, number: int, found: str) -> None:
        self.first = self.first or number
        self.number, self.hash = max(number, self.number), found
        if self.head is not None and number == self.head.number:
            self._hash_at_head = found
        if found in self.sought:
            self.seen.add(found)

    def note_half_line(self, size: int) -> None:
        """The file ends with so many bytes that are no whole line."""
        words = f"the last line, behind entry {self.number}, is only half written ({size} bytes)"
        self._line += 1
        self._find(Why.HALF_WRITTEN, f"{words}, as by a loss of power or in a copy of a log in use", 0)

    def note_empty(self) -> None:
        """The file that was begun last has no line."""
        if self._line == 0:
            self._find(Why.NO_BEGINNING, "the file is empty", 0)

    def finish(self) -> list[Finding]:
        """After the last line: all that is wrong."""
        head = self.head
        if head is not None and head.number > self.number:
            words = f"the log ends with entry {self.number}, and entry {head.number} was written"
            self._find(Why.CUT, words, self.number + 1)
        elif head is not None and head.number >= self.first and self._hash_at_head != head.hash:
            words = f"entry {head.number} is another one than the one that was written"
            if not any(found.number == head.number for found in self.findings):
                self._find(Why.REPLACED, words, head.number)
        elif head is not None and head.closed and self.number > head.number:
            words = f"the log was closed with entry {head.number}, and goes on to entry {self.number}"
            self._find(Why.ADDED, words, head.number + 1)
        for sought in self.sought - self.seen:
            self._find(Why.CUT, f"no entry has the hash {sought}: the log was cut or replaced", 0)
        return self.findings

    def _find(self, why: Why, words: str, number: int) -> None:
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append(Finding(why, words, number, self._line, self._file))
