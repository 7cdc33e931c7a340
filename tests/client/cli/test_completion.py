"""What can follow the words so far, by the grammar."""

from __future__ import annotations

import pytest

from krakencopy.client.cli.arguments import grammar
from krakencopy.client.cli.completion import Completion, Kind, complete
from krakencopy.client.cli.parser import subparsers_of

GRAMMAR = grammar()


def typed(line: str) -> Completion:
    """What can follow a line; a blank at its end begins a new word."""
    return complete(GRAMMAR, line.split(" "))


def words(line: str) -> set[str]:
    return {value for value, _ in typed(line).matches()}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("sta", {"status", "start"}),
        ("order ", {"buy", "sell"}),
        ("order s", {"sell"}),
        ("--endpoint unix:/x sh", {"shutdown"}),
        ("fills --fo", {"--follow"}),
        ("fills --follow --fo", set()),
        ("-o ", {"table", "json", "yaml", "csv"}),
        ("status -o js", {"json"}),
        ("status --output=y", {"--output=yaml"}),
        ("status --output = y", {"yaml"}),
        ("orders --side ", {"buy", "sell"}),
        ("why 17 --account anna --ac", {"--account"}),
        (
            "order buy BTC/USD 1 --",
            {"--yes", "--validate", "--limit", "--request-id", "--help", "--endpoint"},
        ),
        ("help or", {"order", "orders"}),
        ("completion ", {"bash", "zsh", "fish"}),
    ],
)
def test_words_that_the_grammar_knows(line: str, expected: set[str]) -> None:
    found = words(line)
    assert found >= expected
    if not line.endswith("--"):
        assert found == expected


@pytest.mark.parametrize(
    "line", ["nope ", "nope sta", "status --nope ", "status extra ", "order buy BTC/USD 1 2 "]
)
def test_nothing_follows_what_is_not_understood(line: str) -> None:
    found = typed(line)
    assert (words(line), found.kinds) == (set(), frozenset())


@pytest.mark.parametrize(
    ("line", "kinds"),
    [
        ("accounts ", {Kind.ACCOUNTS}),
        ("stop ", {Kind.ACCOUNTS, Kind.GROUPS}),
        ("stop anna b", {Kind.ACCOUNTS, Kind.GROUPS}),
        ("halt --group ", {Kind.GROUPS}),
        ("copies --account ", {Kind.ACCOUNTS}),
        ("set ", {Kind.ACCOUNTS, Kind.GROUPS}),
        ("resync ", {Kind.ACCOUNTS}),
        ("nonce ", {Kind.ACCOUNTS}),
        ("logs ", {Kind.ACCOUNTS}),
        ("order buy ", {Kind.PAIRS}),
        ("fills --pair B", {Kind.PAIRS}),
        ("simulate --config ", {Kind.FILES}),
        ("status --state-dir ", {Kind.FILES}),
        ("orders ", set()),
        ("cancel ", set()),
        ("order --request-id ", set()),
        ("copy ", set()),
        ("copy 17 ", {Kind.ACCOUNTS, Kind.GROUPS}),
        ("accounts anna ", set()),
        ("stop -- ", {Kind.ACCOUNTS, Kind.GROUPS}),
    ],
)
def test_what_only_the_running_system_knows_is_named_by_its_kind(line: str, kinds: set[Kind]) -> None:
    found = typed(line)
    assert found.kinds == kinds
    assert not found.values


def test_the_options_so_far_say_which_system_is_asked() -> None:
    found = typed("--state-dir data-paper stop --endpoint=unix:/x an")
    assert found.given == {"state_dir": "data-paper", "endpoint": "unix:/x"}
    assert found.prefix == "an"


def test_every_command_can_be_completed_from_nothing() -> None:
    assert words("") == set(subparsers_of(GRAMMAR))
    assert complete(GRAMMAR, []).prefix == ""
