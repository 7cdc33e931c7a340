"""Manual pages of `krakencopy`, of each of its commands, and of `krakencopyd`, from their grammar.

`python -m tests.support.manual_pages FOLDER` (`make man`) writes them.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from krakencopy.client.cli.arguments import grammar
from krakencopy.supervisor.daemon import grammar as daemon_grammar
from tests.support.command_reference import (
    Command,
    Entry,
    by_purpose,
    commands,
    common_entries,
    own_arguments,
    sentence,
    usage_of,
)
from tests.support.command_reference import entry as entry_of

SECTION = "1"


def roff(text: str) -> str:
    """A text as roff prints it as it is."""
    shown = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{shown}" if shown[:1] in {".", "'"} else shown


def head(name: str, text: str) -> Iterator[str]:
    """Title and name."""
    yield f'.TH "{name.upper()}" "{SECTION}" "" "krakencopy" "krakencopy"'
    yield ".nh"
    yield ".SH NAME"
    yield f"{roff(name)} \\- {roff(text[:1].lower() + text[1:].removesuffix('.'))}"


def section(title: str, lines: Iterable[str]) -> Iterator[str]:
    """A section, where it has lines."""
    found = list(lines)
    if found:
        yield f'.SH "{title}"'
        yield from found


def tagged(entries: Iterable[Entry]) -> Iterator[str]:
    """What is given, and below it what it is."""
    for each in entries:
        yield from (".TP", f"\\fB{roff(each.invocation)}\\fR", roff(each.text) or "\\&")


def as_it_stands(lines: Iterable[str]) -> Iterator[str]:
    """Lines that are not filled."""
    yield from (".nf", *map(roff, lines), ".fi")


def paragraphs(text: str | None) -> Iterator[str]:
    """Text of more than one paragraph."""
    for paragraph in (text or "").split("\n\n"):
        yield from (".PP", *(roff(line.strip()) for line in paragraph.splitlines()))


def command_page(command: Command) -> list[str]:
    """The page of one command."""
    name = f"krakencopy-{command.words.replace(' ', '-')}"
    return [
        *head(name, command.text),
        *section("SYNOPSIS", [roff(command.usage)]),
        *section("DESCRIPTION", [roff(command.text)]),
        *section("ARGUMENTS", tagged(command.arguments)),
        *section("EXAMPLES", as_it_stands(f"krakencopy {line}" for line in command.examples)),
        *section("SEE ALSO", ["\\fBkrakencopy\\fR(1) has the options of every command and the exit codes."]),
    ]


def overview() -> list[str]:
    """The page of the whole."""
    root = grammar()
    lists = [
        line
        for title, found in by_purpose()
        for line in (
            f'.SS "{title}"',
            *tagged(Entry(f"krakencopy-{each.words.replace(' ', '-')}(1)", each.text) for each in found),
        )
    ]
    return [
        *head("krakencopy", root.description or ""),
        *section("SYNOPSIS", [roff("krakencopy [OPTION ...] COMMAND ...")]),
        *section("DESCRIPTION", [roff(root.description or "")]),
        *section("COMMANDS", lists),
        *section("OPTIONS", tagged(common_entries(root))),
        *section("NOTES", paragraphs(root.epilog)),
        *section("SEE ALSO", ["\\fBkrakencopyd\\fR(1)"]),
    ]


def daemon_page() -> list[str]:
    """The page of the supervisor."""
    parser = daemon_grammar()
    own = own_arguments(parser, argparse.ArgumentParser(add_help=False))
    return [
        *head("krakencopyd", parser.description or ""),
        *section("SYNOPSIS", [roff(usage_of(parser, own))]),
        *section("DESCRIPTION", [roff(sentence(parser.description))]),
        *section("OPTIONS", tagged(entry_of(each) for each in own)),
        *section("SEE ALSO", ["\\fBkrakencopy\\fR(1)"]),
    ]


def pages() -> dict[str, str]:
    """Each page's text by the name of its file."""
    found = {"krakencopy": overview(), "krakencopyd": daemon_page()}
    for command in commands(grammar()):
        found[f"krakencopy-{command.words.replace(' ', '-')}"] = command_page(command)
    return {f"{name}.{SECTION}": "\n".join(lines) + "\n" for name, lines in found.items()}


def write(folder: Path) -> int:
    """All pages into a folder, without those of commands that are gone. Gives how many there are."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(f"krakencopy*.{SECTION}"):
        if re.fullmatch(rf"krakencopyd?(-[a-z-]+)?\.{SECTION}", old.name):
            old.unlink()
    found = pages()
    for name, text in found.items():
        (folder / name).write_text(text)
    return len(found)


if __name__ == "__main__":
    sys.stdout.write(f"{write(Path(sys.argv[1]))} manual pages in {sys.argv[1]}\n")
