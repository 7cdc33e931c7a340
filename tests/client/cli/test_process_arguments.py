"""What is typed about processes."""

from __future__ import annotations

import pytest

from krakencopy.client.cli.arguments import parse
from krakencopy.client.sdk.errors import BadInput


def test_what_is_done_with_processes_can_be_waited_for() -> None:
    assert parse(["stop", "anna", "--wait"]).wait
    assert not parse(["start", "--all"]).wait
    assert "wait" not in parse(["pause", "anna"])


@pytest.mark.parametrize("line", ["stop", "stop anna --all", "pause anna --wait", "wait"])
def test_what_cannot_be_meant_is_refused(line: str) -> None:
    with pytest.raises(BadInput):
        parse(line.split())


def test_a_shutdown_may_be_answered_before_it_asks() -> None:
    arguments = parse(["shutdown", "--now", "--wait", "--yes"])
    assert (arguments.now, arguments.wait, arguments.yes) == (True, True, True)
