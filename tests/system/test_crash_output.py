"""How an account's process ended by itself is shown by `accounts ID`, with what it wrote, also by the next
supervisor.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.system import Paper, System, wait_for


@pytest.fixture
def paper() -> Iterator[Paper]:
    with Paper() as paper:
        yield paper


def last_end(system: System, account: str, restarts: int) -> Any:
    """The end, once the process was started so often since."""

    def found() -> Any:
        known = system.accounts().get(account)
        end = known.last_end if known is not None and known.HasField("last_end") else None
        return end if end is not None and end.restarts >= restarts else None

    return wait_for(f"an end of {account}'s process", found)


def test_what_ended_a_process_is_told_in_words_with_its_output_and_outlives_the_supervisor(
    paper: Paper,
) -> None:
    # Three that end in a short time are no "many" among ten.
    read_deferral = {f"quiet{number}": "100" for number in range(6)}
    with System(paper, {"anna": "100", "ben": "100", "carl": "100"} | read_deferral) as system:
        system.start().wait_ready()
        before = system.accounts()
        assert not any(account.HasField("last_end") for account in before.values())

        os.kill(before["anna"].pid, signal.SIGKILL)
        # A log that is a folder: an error that nobody expects. It is corrected before a second process may
        # meet it.
        log = system.state_dir / "logs" / "ben.jsonl"
        log.rename(log.with_suffix(".aside"))
        log.mkdir()
        os.kill(before["ben"].pid, signal.SIGKILL)
        wait_for("a traceback", lambda: "IsADirectoryError" in log.with_suffix(".crash").read_text())
        log.rmdir()

        def crashed() -> Any:
            end = last_end(system, "ben", 0)
            return end if end.exit_code else None

        wait_for("the crash to be shown", crashed)
        # An operator's stop leaves nothing; a ledger that was damaged meanwhile ends the next process.
        with system.api() as api:
            api.stop_account("carl")
            wait_for("carl to be stopped", lambda: not system.accounts()["carl"].pid)
            assert not system.accounts()["carl"].HasField("last_end")
            ledger = system.state_dir / "accounts" / "carl.db"
            good = ledger.read_bytes()
            ledger.write_bytes(b"no ledger " * 1_000)
            api.start_account("carl")
        damaged = last_end(system, "carl", 0)
        ledger.write_bytes(good)
        # Where the machine is slow, another one has met it meanwhile, whose end is kept instead.
        damaged = last_end(system, "carl", 1)
        assert (damaged.exit_code, damaged.state) == (74, 3)
        assert damaged.output[-1].startswith(f"LEDGER_FAULT: {ledger} is not a database")

        killed, crash = last_end(system, "anna", 1), last_end(system, "ben", 1)
        assert (killed.signal, killed.pid, killed.state) == ("SIGKILL", before["anna"].pid, 4)
        assert (killed.instance_id, list(killed.output)) == (before["anna"].instance_id, [])
        assert (crash.exit_code, crash.signal, crash.killed_for) == (70, "", "")
        assert crash.output[-1].startswith("IsADirectoryError: ")
        system.stop()
        system.start().wait_ready()
        page = system.command("accounts", "ben")
        assert ": exit code 70\n" in page
        assert "An error that nobody expected ended it." in page
        assert f"    {crash.output[-1]}\n" in page
        assert "out of memory" in system.command("accounts", "anna")
        shown = json.loads(system.command("-o", "json", "accounts", "carl"))["last_end"]
        assert (shown["exit_code"], shown["output"]) == (74, list(damaged.output))
        assert shown["restarts"] >= 2, "each start counts, also those of the next supervisor"
