"""What can follow the words of a command line that is not finished: read from the grammar. Pure: what only a
running system knows (accounts, groups, pairs) is named by its kind.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from krakencopy.client.cli.parser import arguments_of, subparsers_of


class Kind(StrEnum):
    """What the values of an argument are, where the grammar does not list them."""

    ACCOUNTS = "accounts"
    GROUPS = "groups"
    PAIRS = "pairs"
    CONTEXTS = "contexts"
    FILES = "files"


#: By how an argument is shown in help.
_BY_METAVAR: Mapping[str, Kind] = {
    "G": Kind.GROUPS, "GROUP": Kind.GROUPS, "P": Kind.PAIRS, "PAIR": Kind.PAIRS, "FILE": Kind.FILES,
    "DIR": Kind.FILES, "CONTEXT": Kind.CONTEXTS,
}  # fmt: skip
#: Of what is shown as an ID, that is an account whose help says so: orders have ids as well.
_OF_ACCOUNTS = re.compile(r"\b(accounts?|users?)\b")
_OF_GROUPS = re.compile(r"\bgroups?\b")
_ID = re.compile(r"ID\b")


@dataclass(frozen=True, slots=True)
class Completion:
    """What the last word can become."""

    #: The word as far as it is typed.
    prefix: str = ""
    #: Values and what they are, without those of kinds.
    values: Mapping[str, str] = field(default_factory=dict)
    kinds: frozenset[Kind] = frozenset()
    #: Of the options that are typed already, by name: they may say which system is asked.
    given: Mapping[str, str] = field(default_factory=dict)

    def matches(self) -> Iterator[tuple[str, str]]:
        """The values that begin as the word does."""
        return ((value, text) for value, text in self.values.items() if value.startswith(self.prefix))


class _Typed:
    """The words so far, taken one by one."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self.root = self.parser = parser
        self.given: dict[str, str] = {}
        self.used: set[str] = set()
        #: An option whose value is the next word.
        self.open: argparse.Action | None = None
        self.only_positional = False
        self._positional = 0

    def take(self, word: str) -> bool:
        """False where nobody knows what follows this word."""
        if self.open is not None:
            self.given[self.open.dest] = word
            self.open = None
        elif word == "--" and not self.only_positional:
            self.only_positional = True
        elif word.startswith("-") and word != "-" and not self.only_positional:
            return self._take_option(word)
        elif inner := subparsers_of(self.parser):
            if word not in inner:
                return False
            self.parser, self._positional = inner[word], 0
        else:
            self._positional += 1
        return True

    def _take_option(self, word: str) -> bool:
        name, has_value, value = word.partition("=")
        action = self.option(name)
        if action is None:
            return False
        self.used.add(name)
        if has_value:
            self.given[action.dest] = value
        elif action.nargs != 0:
            self.open = action
        return True

    def option(self, name: str) -> argparse.Action | None:
        """The option of this name."""
        return next((each for each in arguments_of(self.parser) if name in each.option_strings), None)

    def positional(self) -> argparse.Action | None:
        """What the next word is where it is no option."""
        expected = [action for action in arguments_of(self.parser) if not action.option_strings]
        for index, action in enumerate(expected):
            if index == self._positional or action.nargs in {"*", "+"}:
                return action
        return None

    def options(self) -> dict[str, str]:
        """Those that may still be given, each by its long names."""
        found: dict[str, str] = {}
        for action in arguments_of(self.parser):
            is_used = not self.used.isdisjoint(action.option_strings)
            if not is_used or isinstance(action, argparse._AppendAction):  # noqa: SLF001 - has no public name
                found |= {name: action.help or "" for name in action.option_strings if name.startswith("--")}
        return found


def complete(parser: argparse.ArgumentParser, words: Sequence[str]) -> Completion:
    """What the last of these words can become: those behind the program's name."""
    *before, prefix = _joined(words) or [""]
    typed = _Typed(parser)
    if not all(typed.take(word) for word in before):
        return Completion(prefix)
    name, has_value, value = prefix.partition("=")
    if typed.open is not None:
        return _of_action(typed, typed.open, prefix)
    if prefix.startswith("-") and not typed.only_positional:
        action = typed.option(name) if has_value else None
        if action is None:
            return Completion(prefix, typed.options(), given=typed.given)
        found = _of_action(typed, action, value)
        return Completion(prefix, {f"{name}={each}": text for each, text in found.values.items()})
    if inner := subparsers_of(typed.parser):
        return Completion(prefix, {word: sub.description or "" for word, sub in inner.items()})
    action = typed.positional()
    return Completion(prefix) if action is None else _of_action(typed, action, prefix)


def _joined(words: Sequence[str]) -> list[str]:
    """Without the signs that bash makes words of: `--account = anna`."""
    return [word for at, word in enumerate(words) if word != "=" or not words[at - 1].startswith("--")]


def _of_action(typed: _Typed, action: argparse.Action, prefix: str) -> Completion:
    if action.choices is not None:
        return Completion(prefix, dict.fromkeys(map(str, action.choices), ""), given=typed.given)
    shown, text = action.metavar if isinstance(action.metavar, str) else "", action.help or ""
    if shown == "COMMAND":
        inner = subparsers_of(typed.root)
        return Completion(prefix, {word: sub.description or "" for word, sub in inner.items()})
    kinds: set[Kind] = set()
    if shown in _BY_METAVAR:
        kinds.add(_BY_METAVAR[shown])
    elif _ID.match(shown):
        kinds |= {Kind.ACCOUNTS} if not text or _OF_ACCOUNTS.search(text) else set()
        kinds |= {Kind.GROUPS} if _OF_GROUPS.search(text) else set()
    return Completion(prefix, {}, frozenset(kinds), typed.given)
