"""An argparse parser as this command line wants it: errors are BadInput, a mistyped command suggests the near
one, and help lists the commands by purpose. Knows no command.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn

from krakencopy.client.sdk.errors import BadInput

#: In the list of commands: the column of what each does, and the width of lines at most.
_TEXT_COLUMN, _WIDTH = 16, 100

#: How argparse begins with what it had no place for.
_LEFT_OVER = "unrecognized arguments"


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that raises BadInput instead of ending the process with 2."""

    #: Of a parser with commands: their names by purpose. Without it they are listed as they were added.
    purposes: Mapping[str, Sequence[str]] | None = None

    def __init__(self, **options: Any) -> None:
        #: What each command does: also of those that were left out, for the list of them.
        self.texts: dict[str, str] = {}
        options.setdefault("allow_abbrev", False)
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(**options)

    def error(self, message: str) -> NoReturn:
        """What is wrong, and where to read on."""
        if message.startswith(_LEFT_OVER) and "=" in message:
            message += ", which stands behind an option; write what has an = before all options"
        raise BadInput(f"{message}; see: {self.prog} --help")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """As argparse's; for a command it does not list them all."""
        if isinstance(action, argparse._SubParsersAction) and value not in action.choices:  # noqa: SLF001
            from difflib import get_close_matches  # what is typed right needs none of it

            near = get_close_matches(str(value), action.choices, n=2, cutoff=0.5)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            raise argparse.ArgumentError(None, f"there is no command {value!r}{hint}")
        super()._check_value(action, value)

    def format_help(self) -> str:
        """As argparse's, with the commands by purpose where these are known."""
        if self.purposes is None:
            return super().format_help()
        listed = "\n".join(line for lines in _listed(self.purposes, self.texts) for line in lines)
        kept = self.description, self.usage
        self.description = f"{self.description}\n\n{listed}"
        self.usage = f"{self.prog} [OPTION ...] COMMAND ..."
        try:
            return super().format_help()
        finally:
            self.description, self.usage = kept


class LeftOut:
    """In the place of a command's parser that nobody asks for: making all of them takes longer than most
    commands' own work. Takes every argument, and is itself what anything on it gives.
    """

    def __getattr__(self, _name: str) -> LeftOut:
        return self

    def __call__(self, *_args: object, **_options: object) -> LeftOut:
        """What a method that argparse has gives."""
        return self


def subparsers_of(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The commands of a parser by name; none where it is a command itself."""
    for action in parser._actions:  # noqa: SLF001 - argparse has no other way to read a grammar
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            return dict(action.choices)
    return {}


def leaves_of(
    parser: argparse.ArgumentParser, path: tuple[str, ...] = ()
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Each command that can be given, with its words, such as "context add"."""
    inner = subparsers_of(parser)
    if not inner:
        yield " ".join(path), parser
    for name, sub in inner.items():
        yield from leaves_of(sub, (*path, name))


def arguments_of(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """Options and positional arguments, in order, without commands of its own and what is hidden."""
    return [
        action
        for action in parser._actions  # noqa: SLF001 - as above
        if action.help != argparse.SUPPRESS and not isinstance(action, argparse._SubParsersAction)  # noqa: SLF001
    ]


def _listed(purposes: Mapping[str, Sequence[str]], texts: Mapping[str, str]) -> Iterator[list[str]]:
    import textwrap  # commands themselves need none of it

    width = max(min(shutil.get_terminal_size().columns, _WIDTH), 2 * _TEXT_COLUMN)
    others = [name for name in texts if not any(name in names for names in purposes.values())]
    for title, names in (*purposes.items(), *((("others", others),) if others else ())):
        lines = [f"{title}:"]
        for name in names:
            head = f"  {name}".ljust(_TEXT_COLUMN)
            head = head if head.endswith(" ") else f"{head} "
            lines += textwrap.wrap(head + texts[name], width, subsequent_indent=" " * _TEXT_COLUMN)
        yield [*lines, ""]
