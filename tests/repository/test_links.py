"""Every relative link of the README and of the pages in docs leads somewhere: to a file or folder of this
repository, and to a heading where it names one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

#: What is shown as it is written: no link in it is one.
_FENCED = re.compile(r"^ {0,3}(`{3,}|~{3,})[^\n]*\n.*?(?:^ {0,3}\1[`~]*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
#: `[text](target)`, `![text](target "title")`, `[text](<target>)`; and `[label]: target` on its own line.
_INLINE = re.compile(r"\]\(\s*(<[^>\n]*>|[^()\s]*(?:\([^()\s]*\)[^()\s]*)*)(?:\s+[\"'(][^\n]*?[\"')])?\s*\)")
_DEFINITION = re.compile(r"^ {0,3}\[[^\]]+\]:\s*(\S+)", re.MULTILINE)
_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(.*?)[ \t]*#*[ \t]*$", re.MULTILINE)
_NAMED = re.compile(r"<a\s[^>]*?\b(?:id|name)=[\"']([^\"']+)[\"']")
#: Of a link's text in a heading, what is shown.
_SHOWN = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)


def links(text: str) -> Iterator[str]:
    """Targets of all links of a page, in no particular order."""
    prose = _CODE.sub("", _FENCED.sub("", text))
    for found in (*_INLINE.findall(prose), *_DEFINITION.findall(prose)):
        yield found.removeprefix("<").removesuffix(">")


def anchors(text: str) -> set[str]:
    """By which names the headings of a page can be linked to, as GitHub makes them."""
    page = _FENCED.sub("", text)
    seen: Counter[str] = Counter()
    names = set(_NAMED.findall(page))
    for heading in _HEADING.findall(page):
        shown = _SHOWN.sub(r"\1", heading).lower()
        name = re.sub(r"[^\w\- ]", "", shown).replace(" ", "-")
        names.add(f"{name}-{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return names


def broken(page: Path, root: Path) -> Iterator[str]:
    """What is wrong with each link of a page that leads nowhere, with the link. Links to other places than
    this repository are not looked at.
    """
    for link in links(page.read_text()):
        if _ELSEWHERE.match(link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / unquote(path)).resolve() if path else page
        if path.startswith("/") or not target.is_relative_to(root):
            yield f"{link}: not in this repository"
        elif not target.exists():
            yield f"{link}: no such file"
        elif "#" in link and (target.suffix != ".md" or unquote(anchor) not in anchors(target.read_text())):
            yield f"{link}: no such heading"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert list(broken(page, ROOT)) == []


def test_there_are_links_to_follow() -> None:
    assert sum(1 for page in PAGES for link in links(page.read_text()) if not _ELSEWHERE.match(link)) > 50


OTHER = "# Other page\n\n## Why, and *how*: `a_b`\n\n## Twice\n\n## Twice\n\n<a id='by-hand'></a>\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "other.md").write_text(OTHER)
    (tmp_path / "docs" / "plot (1).svg").touch()
    (tmp_path / "code.py").touch()
    return tmp_path


@pytest.mark.parametrize(
    "text",
    [
        "[a](docs/other.md), [b](docs), ![c](docs/plot%20(1).svg 'a plot'), [d](<docs/plot (1).svg>)",
        "[a](docs/other.md#other-page) [b](docs/other.md#why-and-how-a_b)",
        "[a](docs/other.md#twice) [b](docs/other.md#twice-1) [c](docs/other.md#by-hand)",
        "# Here\n\n[a](#here) [b](./code.py) [c][label]\n\n[label]: docs/other.md#twice\n",
        "[a](https://example.com/nowhere#at-all) [b](mailto:nobody@example.com) <https://example.com>",
        "`[a](nowhere.md)` and ``[`b`](nowhere.md)``\n\n```\n# None\n[c](nowhere.md)\n```\n",
    ],
)
def test_a_good_link_is_taken(root: Path, text: str) -> None:
    page = root / "README.md"
    page.write_text(text)
    assert list(broken(page, root)) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[a](docs/gone.md)", ["docs/gone.md: no such file"]),
        ("[a](Docs/other.md)", ["Docs/other.md: no such file"]),
        ("![a](docs/gone.svg 'a plot')", ["docs/gone.svg: no such file"]),
        ("[a](docs/other.md#thrice)", ["docs/other.md#thrice: no such heading"]),
        ("[a](docs/other.md#twice-2)", ["docs/other.md#twice-2: no such heading"]),
        ("[a](docs/other.md#Twice)", ["docs/other.md#Twice: no such heading"]),
        ("# Here\n\n[a](#there) [b](#)", ["#there: no such heading", "#: no such heading"]),
        ("```\n# Here\n```\n[a](#here)", ["#here: no such heading"]),
        ("[a](code.py#L10)", ["code.py#L10: no such heading"]),
        ("[a](../outside.md)", ["../outside.md: not in this repository"]),
        ("[a](/docs)", ["/docs: not in this repository"]),
        ("[a][label]\n\n[label]: gone.md\n", ["gone.md: no such file"]),
        ("`code` [a](gone.md) `more`", ["gone.md: no such file"]),
        ("[two\nlines](gone.md)", ["gone.md: no such file"]),
    ],
)
def test_a_broken_link_is_named(root: Path, text: str, found: list[str]) -> None:
    page = root / "README.md"
    page.write_text(text)
    assert list(broken(page, root)) == found
