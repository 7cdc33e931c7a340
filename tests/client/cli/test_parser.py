"""The grammar's own manners: near commands are suggested, help lists commands by purpose."""

from __future__ import annotations

import pytest

from krakencopy.client.cli.parser import LeftOut, Parser, arguments_of, leaves_of, subparsers_of
from krakencopy.client.sdk.errors import BadInput


def a_grammar() -> Parser:
    parser = Parser(prog="program", description="Does things.")
    parser.add_argument("--loud", action="store_true", help="with noise")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", prog=parser.prog)
    commands.add_parser("status", description="Show it.").add_argument("id")
    context = commands.add_parser("context", description="Where it is.")
    contexts = context.add_subparsers(dest="action")
    contexts.add_parser("add", description="Add one.")
    contexts.add_parser("remove", description="Remove one.")
    return parser


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("stauts", "there is no command 'stauts'; did you mean status?; see: program --help"),
        ("context ad", "there is no command 'ad'; did you mean add?; see: program context --help"),
        ("xyz", "there is no command 'xyz'; see: program --help"),
    ],
)
def test_an_unknown_command_suggests_the_near_one(line: str, expected: str) -> None:
    with pytest.raises(BadInput) as refused:
        a_grammar().parse_args(line.split())
    assert refused.value.message == expected


def test_commands_are_read_from_the_grammar_with_their_words_and_arguments() -> None:
    parser = a_grammar()
    assert list(subparsers_of(parser)) == ["status", "context"]
    assert [words for words, _ in leaves_of(parser)] == ["status", "context add", "context remove"]
    assert [action.dest for action in arguments_of(parser)] == ["help", "loud"]


def test_help_lists_commands_by_purpose_and_forgets_none() -> None:
    parser = a_grammar()
    assert "look:" not in parser.format_help()
    parser.purposes = {"look": ("status",)}
    parser.texts = {"status": "show it", "context": "where it is"}
    page = parser.format_help()
    assert page.startswith("usage: program [OPTION ...] COMMAND ...\n\nDoes things.\n\nlook:\n")
    assert "\nlook:\n  status        show it\n\nothers:\n  context       where it is\n" in page
    assert parser.description == "Does things."


def test_what_is_left_out_takes_whatever_is_added_to_it() -> None:
    left_out = LeftOut()
    group = left_out.add_mutually_exclusive_group(required=True)
    assert group.add_argument("--all", help="all") is left_out
