"""A start says what ended the run before, where that could not say so itself."""

from __future__ import annotations

import subprocess

from tests.support.system import Paper, System


def test_what_ended_the_run_before_is_an_event_and_the_first_line_of_the_next(paper: Paper) -> None:
    with System(paper, {"anna": "1000"}, arguments=()) as system:
        system.start().wait_ready()
        system.kill()
        system.stdout = subprocess.PIPE
        system.start()
        assert system.process is not None
        assert system.process.stdout is not None
        first = system.process.stdout.readline()
        assert first.startswith("the run before did not come to its own end, after 2")
        assert ": killed (SIGKILL); what was in flight is taken up" in first
        system.wait_ready()
        with system.api() as api:
            (event,) = [event for event in api.list_events() if event.code == "LAST_RUN_CUT_OFF"]
        assert event.message == first.strip()
        assert event.data["cause"] == "killed (SIGKILL)"
        stop(system)
        system.start()
        assert system.process.stdout is not None
        assert system.process.stdout.readline().startswith("state in ")
        stop(system)


def stop(system: System) -> None:
    """In order, and without a pipe that nobody closes."""
    assert system.process is not None
    output = system.process.stdout
    system.stop()
    if output is not None:
        output.close()
