"""What is typed about what accounts may trade."""

from __future__ import annotations

import pytest

from krakencopy.client.cli.arguments import parse
from krakencopy.client.sdk.errors import BadInput


def test_accounts_groups_and_why_are_read() -> None:
    arguments = parse(["halt", "anna", "bob", "--group", "eu", "--group", "us", "--reason", "odd prices"])
    assert (arguments.ids, arguments.groups, arguments.all) == (["anna", "bob"], ["eu", "us"], False)
    assert (arguments.reason, arguments.offline) == ("odd prices", False)


def test_only_what_is_dangerous_is_answered_before_it_asks() -> None:
    assert parse(["flatten", "--all", "--yes", "--wait"]).yes
    assert parse(["resume", "--all", "--yes"]).yes
    assert "yes" not in parse(["halt", "--all"])


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("halt", "name accounts, --group or --all"),
        ("exit-only --all anna", "--all means every account"),
        ("flatten --all --group eu", "--all means every account"),
        ("halt --group ", "it is empty"),
        ("halt anna --yes", "unrecognized arguments: --yes"),
        (f"halt anna --reason {'x' * 201}", "at most 200 are taken"),
    ],
)
def test_what_cannot_be_meant_is_refused(line: str, expected: str) -> None:
    with pytest.raises(BadInput, match=expected):
        parse(line.split(" "))
