"""A whole log held against its own hashes, and against what is known to have been written: the files of a
state folder, or copies of them. Needs no supervisor.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from krakencopy.supervisor.audit.chain import Checker, Finding, Head, Why

#: Read at once, in bytes.
_BLOCK = 1 << 16
#: A longer line is no entry, in bytes; each is bounded far below.
LINE_BYTES_MAX = 1 << 18
#: After so many lines others have their turn, in a process that has more to do: half a millisecond of work.
_SLICE_LINES, _PAUSE_S = 32, 0.001


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found."""

    #: Entries that are there: the first and the last; 0 for none.
    first: int
    last: int
    #: Of the last one; empty where that cannot be trusted.
    hash: str
    files: int
    findings: tuple[Finding, ...]

    @property
    def intact(self) -> bool:
        """Whether nothing was changed, removed, added or cut, as far as that can be seen."""
        return not self.findings


def verify(
    files: Sequence[tuple[Path, int | None]], head: Head | None = None, sought: Iterable[str] = (), *,
    is_whole: bool, gently: bool = False,
) -> Verdict:  # fmt: skip
    """Goes over the files in their order; of each only its first bytes where a size is given with it.
    ``head``: what is known to have been written; ``sought``: hashes that must be among the entries';
    ``is_whole``: the log must begin with its first entry. ``gently``: others have their turn between lines.
    Raises OSError.
    """
    checker = Checker(head=head, sought=frozenset(sought))
    for path, size in files:
        checker.begin_file(path.name)
        _check_file(checker, path, size, gently=gently)
    if is_whole and checker.first > 1:
        words = f"the log begins with entry {checker.first}: the files before it are not there"
        checker.findings.insert(0, Finding(Why.MISSING, words, 1))
    findings = checker.finish()
    if len({path.name for path, _ in files}) < len(files):  # copies of one name
        findings = [replace(finding, file="") for finding in findings]
    return Verdict(checker.first, checker.number, checker.hash, len(files), tuple(findings))


def _check_file(checker: Checker, path: Path, size: int | None, *, gently: bool) -> None:
    for number, line in enumerate(lines_of(path, size)):
        if gently and number % _SLICE_LINES == _SLICE_LINES - 1:
            time.sleep(_PAUSE_S)
        if line.endswith(b"\n"):
            checker.check(line[:-1])
        else:
            checker.note_half_line(len(line))
    checker.note_empty()


def lines_of(path: Path, size: int | None = None) -> Iterator[bytes]:
    """The lines of a file with their newlines; the last one may have none. Of one that is too long only a
    part. Raises OSError.
    """
    with path.open("rb") as file:
        left = os.fstat(file.fileno()).st_size if size is None else size
        rest = b""
        while left > 0 and (block := file.read(min(_BLOCK, left))):
            left -= len(block)
            *whole, rest = (rest + block).split(b"\n")
            yield from (line + b"\n" for line in whole)
            if len(rest) > LINE_BYTES_MAX:
                yield rest[:LINE_BYTES_MAX] + b"\n"
                rest = b""
        if rest:
            yield rest
