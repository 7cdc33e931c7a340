"""The grammar of `krakencopy` and `krakencopyd` as pages are made of it: docs/cli.md and the manual pages."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

from krakencopy.client.cli.arguments import grammar
from krakencopy.client.cli.guide import EXAMPLES, PURPOSES
from krakencopy.client.cli.parser import Parser, arguments_of, leaves_of


@dataclass(frozen=True, slots=True)
class Entry:
    """An argument: how it is given, and what it is."""

    invocation: str
    text: str


@dataclass(frozen=True, slots=True)
class Command:
    """A command with what is its own: options of every command are left out."""

    words: str
    text: str
    usage: str
    arguments: list[Entry]
    examples: tuple[str, ...]


def value_of(action: argparse.Action) -> str:
    """How an argument's value is shown: `{a,b}`, `ID`, `[ID ...]`; empty where it takes none."""
    if action.nargs == 0:
        return ""
    shown = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
    if action.choices is not None and action.metavar is None:
        shown = "{" + ",".join(map(str, action.choices)) + "}"
    return {"*": f"[{shown} ...]", "?": f"[{shown}]"}.get(str(action.nargs), shown)


def entry(action: argparse.Action) -> Entry:
    """One argument."""
    value = value_of(action)
    shown = ", ".join(f"{name} {value}".rstrip() for name in action.option_strings) or value
    return Entry(shown, (action.help or "").replace("%%", "%"))


def own_arguments(parser: argparse.ArgumentParser, root: argparse.ArgumentParser) -> list[argparse.Action]:
    """Those that not every command has."""
    common = {name for action in arguments_of(root) for name in action.option_strings}
    return [each for each in arguments_of(parser) if common.isdisjoint(each.option_strings)]


def usage_of(parser: argparse.ArgumentParser, own: list[argparse.Action]) -> str:
    """On one line: what must be given, and that there are options."""
    words = [parser.prog]
    words += ["[OPTION ...]"] if any(each.option_strings and not each.required for each in own) else []
    words += [entry(each).invocation for each in own if each.option_strings and each.required]
    return " ".join([*words, *(value_of(each) for each in own if not each.option_strings)])


def sentence(text: str | None) -> str:
    """With a capital, and a full stop."""
    return f"{(text or '')[:1].upper()}{(text or '')[1:].removesuffix('.')}."


def commands(root: Parser) -> Iterator[Command]:
    """All, in the order of the grammar."""
    for words, parser in leaves_of(root):
        own = own_arguments(parser, root)
        yield Command(
            words, sentence(parser.description), usage_of(parser, own), [entry(each) for each in own],
            EXAMPLES.get(words, ()),
        )  # fmt: skip


def by_purpose() -> Iterator[tuple[str, list[Command]]]:
    """All commands below what they are for."""
    every = list(commands(grammar()))
    for title, names in PURPOSES.items():
        yield title, [each for name in names for each in every if each.words.split()[0] == name]


def common_entries(root: argparse.ArgumentParser) -> list[Entry]:
    """Options of every command."""
    return [entry(action) for action in arguments_of(root)]
