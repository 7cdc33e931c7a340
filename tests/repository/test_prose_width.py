"""Prose is as wide as code: 110 characters, in pages, in comments of the protos, the Makefile and shell
scripts, and in the help that `make` prints. ruff holds Python to it.

Wider may be what cannot be broken: rows of tables, blocks of code, and a line that is one link.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.system import ROOT

WIDTH_MAX = 110

PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    ROOT / "tests" / "README.md",
    *(ROOT / "docs").rglob("*.md"),
]
COMMENTED = [
    ROOT / "Makefile",
    *(ROOT / "protos").glob("krakencopy/v1/*.proto"),
    *(ROOT / "findings").glob("*.sh"),
    *(path for path in (ROOT / ".ci").iterdir() if path.is_file()),
]

_FENCE = re.compile(r"^\s*(`{3,}|~{3,})")
_TABLE_ROW = re.compile(r"^\s*\|")
#: `[text](target)`, `[label]: target`, `<target>` or the target itself, and nothing else but a list's mark.
_ONE_LINK = re.compile(r"^\s*(?:[*-]\s+)?(?:!?\[[^\]]*\]\(\S+\)|\[[^\]]+\]:\s*\S+|<?https?://\S+>?)[.,;:]?$")
#: A line that is a comment as a whole, and the help beside a target of the Makefile.
_COMMENT = re.compile(r"^\s*(?://|#)|\s## ")


def wide_prose(text: str) -> Iterator[str]:
    """Lines of a page in Markdown that are too wide, with their number."""
    fence = ""
    for number, line in enumerate(text.splitlines(), start=1):
        mark = _FENCE.match(line)
        if mark and not fence:
            fence = mark[1]
        elif mark and line.strip().startswith(fence):
            fence = ""
        elif not fence and len(line) > WIDTH_MAX and not _TABLE_ROW.match(line) and not _ONE_LINK.match(line):
            yield f"{number}: {line}"


def wide_comments(text: str) -> Iterator[str]:
    """Comments of a proto, Makefile or shell script that are too wide, with the number of their line."""
    for number, line in enumerate(text.splitlines(), start=1):
        if len(line) > WIDTH_MAX and _COMMENT.search(line):
            yield f"{number}: {line}"


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_no_line_of_a_page_is_too_wide(page: Path) -> None:
    assert list(wide_prose(page.read_text())) == []


@pytest.mark.parametrize("file", COMMENTED, ids=name)
def test_no_comment_is_too_wide(file: Path) -> None:
    assert list(wide_comments(file.read_text())) == []


WIDE = "a word and " * 10 + "another one"


@pytest.mark.parametrize(
    "text",
    [
        WIDE[:WIDTH_MAX],
        f"| {WIDE} | b |\n|---|---|",
        f"```sh\n{WIDE}\n```\nshort",
        f"[a page](https://example.com/{'a' * WIDTH_MAX}).",
        f"* https://example.com/{'a' * WIDTH_MAX}",
        f"[label]: https://example.com/{'a' * WIDTH_MAX}",
    ],
)
def test_what_cannot_be_broken_may_be_wider(text: str) -> None:
    assert list(wide_prose(text)) == []


@pytest.mark.parametrize(
    "text", [WIDE, f"* {WIDE}", f"```sh\n{WIDE}\n```\n{WIDE}", f"{WIDE} [a](b.md)", f"# {WIDE}", f"> {WIDE}"]
)
def test_a_wide_line_is_named(text: str) -> None:
    assert len(list(wide_prose(text))) == 1


def test_code_beside_comments_may_be_wider() -> None:
    text = f'// {WIDE}\n  // {WIDE}\n# {WIDE}\nrun: all  ## {WIDE}\n\techo "{WIDE}" && exit\n'
    assert [line.partition(":")[0] for line in wide_comments(text)] == ["1", "2", "3", "4"]
