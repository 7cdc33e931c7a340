"""Every command has a purpose and examples, and each example is one that the command line understands."""

from __future__ import annotations

import importlib
import io
import shlex
from argparse import Namespace

import pytest

from krakencopy.client.cli import commands
from krakencopy.client.cli.arguments import grammar, parse
from krakencopy.client.cli.commands import COMMANDS
from krakencopy.client.cli.guide import EXAMPLES, PURPOSES, SHOWING
from krakencopy.client.cli.main import main
from krakencopy.client.cli.output import Output
from krakencopy.client.cli.parser import leaves_of, subparsers_of

LEAVES = [words for words, _ in leaves_of(grammar())]


@pytest.mark.parametrize("words", LEAVES)
def test_each_command_has_examples_of_its_own(words: str) -> None:
    """Where this fails, client/cli/guide.py lacks a line for the command."""
    examples = EXAMPLES.get(words, ())
    assert 1 <= len(examples) <= 3, f"{words} has {len(examples)} examples in client/cli/guide.py"
    for line in examples:
        assert line.split()[: len(words.split())] == words.split()


@pytest.mark.parametrize("line", [line for lines in EXAMPLES.values() for line in lines])
def test_each_example_is_understood(line: str) -> None:
    words = shlex.split(line)
    if words[0] == "help":
        with pytest.raises(SystemExit):
            parse(words)
    else:
        parse(words)


def test_examples_are_of_commands_that_there_are() -> None:
    assert set(EXAMPLES) == set(LEAVES)


def test_each_command_has_one_purpose() -> None:
    listed = [name for names in PURPOSES.values() for name in names]
    assert sorted(listed) == sorted(subparsers_of(grammar()))
    assert set(SHOWING) <= set(LEAVES)


def test_each_command_of_the_grammar_is_done_by_something() -> None:
    assert set(subparsers_of(grammar())) - {"help", "completion"} == set(COMMANDS)


@pytest.mark.parametrize("line", ["help", "--help"])
def test_help_lists_commands_by_purpose(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(line.split())
    assert not ended.value.code
    page = capsys.readouterr().out
    for title, names in PURPOSES.items():
        assert f"\n{title}:\n  {names[0]}" in page


def test_the_help_of_a_command_is_found_both_ways_and_has_its_examples(
    capsys: pytest.CaptureFixture[str],
) -> None:
    pages = []
    for line in ("help order", "order --help"):
        with pytest.raises(SystemExit):
            main(line.split())
        pages.append(capsys.readouterr().out)
    assert pages[0] == pages[1]
    assert "examples:\n  krakencopy order buy BTC/USD 0.005 --limit 60000\n" in pages[0]


def test_the_help_of_what_is_none_suggests_the_near_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", "ordre"]) == 3
    assert "did you mean order" in capsys.readouterr().err


def test_each_command_is_where_it_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands of other modules are looked for when they are given."""
    found = []

    def see(name: str) -> object:
        module = importlib.import_module(name)

        class Seen:
            def __getattr__(self, attribute: str) -> object:
                assert callable(getattr(module, attribute)), f"{name} has no command {attribute}"
                found.append(attribute)
                return lambda *_: 0

        return Seen()

    monkeypatch.setattr(commands, "import_module", see)
    for name, command in COMMANDS.items():
        if command.__name__ == "run":
            command(Namespace(command=name), lambda: pytest.fail("it dials"), Output(io.StringIO()))
    assert len(found) > 10
