"""Nothing outlives its supervisor, however that ends, and nothing that it left behind keeps the next one
from working.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.measure.orphans import Measured
from tests.support.system import Paper, System, alive, freeze, wait_for

IDLE_END = "ending: the supervisor is gone, and nothing is in flight"


def stat_of(pid: int) -> list[str]:
    """State, parent and so on."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def parent_of(pid: int) -> int:
    return int(stat_of(pid)[1])


def log_lines(system: System, account: str) -> list[str]:
    return [line["message"] for line in system.logs(account)]


def test_a_supervisor_that_is_killed_leaves_no_process_and_the_next_start_works_whatever_was_in_flight(
    paper: Paper,
) -> None:
    paper.call("POST", "/faults", kind="hang_reply", method="AddOrder", delay_ms=300, count=0)
    measured = Measured(paper, users=3)
    with measured.system as system:
        system.start().wait_ready()
        measured.round(measured.idle)
        assert all(IDLE_END in log_lines(system, account) for account in system.pids())
        measured.round(measured.in_flight)
        measured.check()
        by_users = [line for user in system.users for line in log_lines(system, user)]
        assert "ending: LIFELINE" in by_users
        # Answers that were on their way were waited for and committed: the next start had nothing to look
        # for.
        assert not [line for line in by_users if line.startswith("taking up")]


def test_after_a_stop_as_by_power_with_a_stopped_process_left_the_next_start_ends_that_and_works(
    paper: Paper,
) -> None:
    with System(paper, {"anna": "100", "ben": "100"}) as system:
        system.start().wait_ready()
        old = system.pids()
        run = system.state_dir / "run"
        assert system.process is not None
        supervisor, forkserver = system.process.pid, parent_of(old["anna"])
        freeze(old["anna"])
        os.kill(forkserver, signal.SIGKILL)
        system.kill()
        wait_for(
            "all to be gone that can be", lambda: not any(alive(old[name]) for name in ("master", "ben"))
        )
        # Nobody wakes it, so it keeps its locks. What else was left says that everything runs.
        assert alive(old["anna"])
        assert {path.name for path in run.glob("*.sock")} == {
            "control.sock",
            "master.sock",
            "anna.sock",
            "ben.sock",
        }
        assert f"in use by process {supervisor} " in (run / "supervisor.lock").read_text()
        system.start().wait_ready()
        assert not any(map(alive, old.values()))
        system.buy("BTC/USD", "0.001")
        system.settled(1)
        assert sorted(row["account"] for row in paper.rows("fills")) == ["anna", "ben", "master"]


def stop_all_answers(paper: Paper, account: str) -> None:
    """The account's next order is carried out, and then nothing answers it."""
    of = {"account": account, "count": 0}
    paper.call("POST", "/faults", kind="ws_refuse", count=0)
    paper.call("POST", "/faults", kind="ws_cut", account=account)
    paper.call("POST", "/faults", kind="hang_reply", never=True, method="AddOrder", **of)
    for method in ("OpenOrders", "ClosedOrders"):
        paper.call("POST", "/faults", kind="html_5xx", method=method, **of)


def ends(system: System) -> list[str]:
    """In which order the accounts ended for good."""
    lines = [line for line in log_lines(system, "supervisor") if line.endswith("-> STOPPED")]
    return [line.partition(":")[0] for line in lines]


def hurry(system: System) -> None:
    """Signals until the second is noticed."""

    def is_noticed() -> bool:
        assert system.process is not None
        system.process.send_signal(signal.SIGINT)
        return any("SHUTDOWN_HURRIED" in line for line in log_lines(system, "supervisor"))

    wait_for("the second signal to be noticed", is_noticed)


def test_the_first_signal_waits_for_what_is_in_flight_and_the_second_for_nothing_and_loses_nothing(
    paper: Paper,
) -> None:
    with System(paper, {"anna": "100", "ben": "100"}) as system:
        system.start().wait_ready()
        paper.call("POST", "/faults", kind="hang_reply", method="AddOrder", account="anna", delay_ms=1500)
        system.buy("BTC/USD", "0.001")
        wait_for("anna's order", lambda: orders_of(paper, "anna"))
        # Two signals at once are one, as where timeout(1) or a shell repeats what the terminal has sent.
        assert system.process is not None
        system.process.send_signal(signal.SIGINT)
        system.stop()
        assert [line for line in log_lines(system, "supervisor") if "press Ctrl-C again to hurry" in line]
        assert not [line for line in log_lines(system, "supervisor") if "HURRIED" in line]
        system.start().wait_ready()
        assert system.settled(1).fills == 1
        assert not [line for line in log_lines(system, "anna") if line.startswith("taking up")]

        stop_all_answers(paper, "anna")
        old = system.pids()
        system.buy("BTC/USD", "0.001")
        wait_for("anna's second order", lambda: len(orders_of(paper, "anna")) == 2)
        hurry(system)
        assert system.wait_death() == 0
        assert not any(map(alive, old.values()))
        assert set(ends(system)[-3:-1]) == {"anna", "ben"}
        assert ends(system)[-1] == "master"
        paper.call("DELETE", "/faults")
        system.start().wait_ready()
        assert system.settled(2).fills == 2
        # It was not waited for, and came to its end all the same.
        assert [line for line in log_lines(system, "anna") if line.startswith("taking up copy c2")]
        assert sorted(row["account"] for row in paper.rows("fills")) == [
            *("anna",) * 2,
            *("ben",) * 2,
            *("master",) * 2,
        ]
        system.command("shutdown", "--now", "--wait")
        assert system.wait_death() == 0
        assert len([line for line in log_lines(system, "supervisor") if "SHUTDOWN_HURRIED" in line]) == 2


def orders_of(paper: Paper, account: str) -> list[str]:
    rows = paper.rows("requests")
    return [row["n"] for row in rows if (row["account"], row["method"]) == (account, "AddOrder")]
