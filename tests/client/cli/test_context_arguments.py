"""The grammar of contexts."""

from __future__ import annotations

import pytest

from krakencopy.client.cli.arguments import parse
from krakencopy.client.sdk.errors import BadInput


def test_a_context_is_named_before_or_behind_the_command() -> None:
    assert parse(["--context", "prod", "status"]).context == "prod"
    assert parse(["status", "--context", "prod"]).context == "prod"
    assert (parse(["status"]).context, parse(["status"]).context_name) == (None, "")


def test_options_may_stand_behind_an_action_too() -> None:
    line = "context add prod --endpoint https://box:7443 --ca ca.pem -o json"
    arguments = parse(line.split())
    assert (arguments.command, arguments.action, arguments.name) == ("context", "add", "prod")
    assert (arguments.endpoint, str(arguments.ca), arguments.output) == ("https://box:7443", "ca.pem", "json")


@pytest.mark.parametrize(
    "line", ["context use", "context use prod --none", "context add", "context show prod"]
)
def test_what_cannot_be_meant_is_refused(line: str) -> None:
    with pytest.raises(BadInput):
        parse(line.split())
