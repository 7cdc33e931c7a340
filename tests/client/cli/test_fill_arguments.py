"""How `why` and `copy` are written; what they ask is in test_main.py and test_fill_commands.py."""

from __future__ import annotations

import argparse

import pytest

from krakencopy.client.cli.fill_arguments import add_fill_commands


@pytest.mark.parametrize(
    ("line", "read"),
    [
        ("why 7 --account ann --account bob", {"fill": 7, "accounts": ["ann", "bob"], "all": False}),
        ("why 7 --all", {"fill": 7, "accounts": [], "all": True}),
        ("copy 7", {"fill": 7, "ids": [], "dry_run": False, "request_id": ""}),
        ("copy 7 ann eu --dry-run", {"fill": 7, "ids": ["ann", "eu"], "dry_run": True}),
    ],
)
def test_a_fill_comes_first_and_then_whom_it_is_about(line: str, read: dict[str, object]) -> None:
    commands = argparse.ArgumentParser().add_subparsers()
    parsers: dict[str, argparse.ArgumentParser] = {}

    def command(name: str, _: str) -> argparse.ArgumentParser:
        return parsers.setdefault(name, commands.add_parser(name))

    add_fill_commands(command, int)
    name, *rest = line.split()
    assert read.items() <= vars(parsers[name].parse_args(rest)).items()
