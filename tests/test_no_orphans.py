"""Nothing outlives its supervisor, however that ends, and nothing that it left behind keeps the next one from working."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.measure_orphans import Measured
from tests.support.system import Paper, System

IDLE_END = "ending: the supervisor is gone, and nothing is in flight"


@pytest.fixture
def paper() -> Iterator[Paper]:
    with Paper() as paper:
        paper.price("XBTUSD", "50000")
        yield paper


def said(system: System, account: str) -> list[str]:
    return [line["message"] for line in system.logs(account)]


def test_a_supervisor_that_is_killed_leaves_no_process_and_the_next_start_works_whatever_was_in_flight(
    paper: Paper,
) -> None:
    paper.call("POST", "/faults", kind="hang_reply", method="AddOrder", delay_ms=300, count=0)
    measured = Measured(paper, users=3)
    with measured.system as system:
        system.start().wait_ready()
        measured.round(measured.idle)
        assert all(IDLE_END in said(system, account) for account in system.pids())
        measured.round(measured.in_flight)
        measured.check()
        by_users = [line for user in system.users for line in said(system, user)]
        assert "ending: LIFELINE" in by_users
        # Answers that were on their way were waited for and committed: the next start had nothing to look for.
        assert not [line for line in by_users if line.startswith("taking up")]
