"""The options that say how results look: --output, --columns, --color. As the rest of the grammar
(client/cli/arguments.py) it knows no gRPC and no protobuf.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any, TextIO

from krakencopy.client.sdk.errors import BadInput

FORMS = ("table", "json", "yaml", "csv")
#: In which forms columns can be chosen.
WITH_COLUMNS = ("table", "csv")
COLOURS = ("auto", "always", "never")
#: What is meant where an option is not given.
DEFAULTS: dict[str, Any] = {"output": "table", "columns": (), "color": "auto"}


def add_output(group: Any) -> None:
    """Options of every command, without defaults (client/cli/arguments.py says why)."""
    group.add_argument(
        "-o", "--output", default=argparse.SUPPRESS, choices=FORMS, help="for people (table) or programs"
    )
    group.add_argument(
        "--color", default=argparse.SUPPRESS, choices=COLOURS,
        help="states in colours; auto: on a terminal, unless NO_COLOR is set",
    )  # fmt: skip


def add_columns(parser: argparse.ArgumentParser) -> None:
    """For commands that show rows and change nothing: what is wrong with a name shows with the first row."""
    parser.add_argument(
        "--columns", default=argparse.SUPPRESS, type=_columns, metavar="A,B,C",
        help="only these of a table or CSV: a table's own, or fields as in JSON; `help` names them",
    )  # fmt: skip


def check_output(arguments: argparse.Namespace) -> None:
    """Raises BadInput where columns are chosen of what has none."""
    if arguments.columns and arguments.output not in WITH_COLUMNS:
        raise BadInput(f"--columns: {arguments.output} always has all fields; give it with -o table or csv")


def in_colours(wish: str, stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Whether states are shown in colours (https://no-color.org)."""
    if wish != "auto":
        return wish == "always"
    is_plain = bool(environment.get("NO_COLOR")) or environment.get("TERM") == "dumb"
    return stream.isatty() and not is_plain


def _columns(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip().lower() for name in text.split(",")))
    if not all(names):
        raise argparse.ArgumentTypeError(f"{text!r} is no list of columns, such as id,state")
    return names
