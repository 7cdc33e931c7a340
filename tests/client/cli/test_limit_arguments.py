"""The words of the commands about limits to losses."""

from __future__ import annotations

import pytest

from krakencopy.client.cli.arguments import parse
from krakencopy.client.sdk.errors import BadInput


def test_limits_are_of_all_accounts_or_of_those_that_are_named() -> None:
    assert parse(["limits"]).ids == []
    assert parse(["limits", "ann", "bob"]).ids == ["ann", "bob"]


def test_a_reset_has_an_account_perhaps_a_name_and_a_reason() -> None:
    asked = parse(["reset-limit", "ann", "day", "--reason", "seen"])
    assert (asked.words, asked.reason, asked.total) == (["ann", "day"], "seen", False)
    assert parse(["reset-limit", "--total", "--reason", "seen"]).total
    with pytest.raises(BadInput, match="--reason"):
        parse(["reset-limit", "ann"])
