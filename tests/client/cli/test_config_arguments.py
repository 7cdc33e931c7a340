"""The words of `krakencopy account` and `krakencopy group`."""

from __future__ import annotations

import pytest

from krakencopy.client.cli.arguments import parse
from krakencopy.client.sdk.errors import BadInput


def test_a_verb_an_id_and_fields_are_read_with_the_options_of_every_command() -> None:
    asked = parse(["account", "create", "bob", "group=vip", "--validate-only", "-o", "json"])
    assert (asked.command, asked.verb, asked.id, asked.words) == ("account", "create", "bob", ["group=vip"])
    assert (asked.validate_only, asked.output) == (True, "json")
    asked = parse(["--timeout", "3", "account", "update", "bob", "--unset", "group", "--etag", "e"])
    assert (asked.unset, asked.etag, asked.timeout) == (["group"], "e", 3)
    asked = parse(["account", "delete", "bob", "--on-leave", "close_all", "--yes"])
    assert (asked.on_leave, asked.yes, asked.etag) == ("close_all", True, "")
    asked = parse(["account", "history", "--limit", "7"])
    assert (asked.id, asked.limit) == ("", 7)
    assert parse(["account", "show"]).id == ""
    assert parse(["group", "list"]).verb == "list"
    assert parse(["group", "update", "vip", "ratio=2"]).words == ["ratio=2"]


@pytest.mark.parametrize("line", ["account", "group", "account create", "account history --limit x"])
def test_what_is_missing_or_no_number_is_refused(line: str) -> None:
    with pytest.raises(BadInput, match="--help"):
        parse(line.split())
