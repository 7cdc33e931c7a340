"""docs/cli.md is what the grammar says, and has every command."""

from __future__ import annotations

from krakencopy.client.cli.arguments import grammar
from krakencopy.client.cli.parser import leaves_of
from tests.support.cli_page import PAGE, render


def test_the_page_is_what_the_grammar_says() -> None:
    """Where this fails: `.venv/bin/python -m tests.support.cli_page`."""
    assert PAGE.read_text() == render()


def test_the_page_has_every_command() -> None:
    text = PAGE.read_text()
    for words, _ in leaves_of(grammar()):
        assert f"\n#### {words}\n" in text
