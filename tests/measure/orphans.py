"""How long account processes outlive a supervisor that was killed: measured on a whole system, with nothing
and with orders in flight.

``python -m tests.measure.orphans --users 20 --rounds 20`` prints numbers and asserts none but that the next
start works and that every fill was copied once.
"""

from __future__ import annotations

import argparse
import os
import select
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from tests.support.client import private
from tests.support.system import Key, Paper, System, alive, wait_for

#: The exchange answers an order after this, as one far away would, in ms.
ANSWER_MS = 50
#: Everyone must have ended after this, in seconds.
LIMIT_S = 30.0


def account_processes() -> set[int]:
    """All living processes of this machine that bear an account's name."""
    found = set()
    for path in Path("/proc").iterdir():
        if path.name.isdecimal() and alive(int(path.name)):
            try:
                if (path / "comm").read_text().startswith("kc:"):
                    found.add(int(path.name))
            except OSError:
                continue
    return found


def seconds_until_gone(system: System) -> float:
    """Kills the supervisor; how long until the last of its account processes has ended."""
    pids = set(system.pids().values())
    pidfds = {os.pidfd_open(pid) for pid in pids}
    poll = select.poll()
    for pidfd in pidfds:
        poll.register(pidfd, select.POLLIN)
    assert system.process is not None
    started = time.monotonic()
    # The signal alone: waiting for its end would be measured as well.
    system.process.kill()
    while pidfds:
        # A pidfd shows the moment of an end, and the processes that are measured keep both cores.
        for pidfd, _ in poll.poll(LIMIT_S * 1000):
            poll.unregister(pidfd)
            os.close(pidfd)
            pidfds.discard(pidfd)
        assert time.monotonic() < started + LIMIT_S, f"{len(pidfds)} processes are left"
    took = time.monotonic() - started
    system.kill()
    assert not account_processes() & pids
    return took


class Measured:
    """One system, killed and started again and again."""

    def __init__(self, paper: Paper, users: int) -> None:
        self.paper = paper
        self.system = System(paper, {f"user{number:03}": "10000" for number in range(users)}, "100000")
        self.hand = Key.make()
        paper.call("POST", "/accounts/master/keys", key=self.hand.key, secret=self.hand.secret)
        self.fills = 0
        self.gone: list[float] = []
        self.ready: list[float] = []

    def idle(self) -> None:
        """Nothing has been traded since the start."""

    def in_flight(self) -> None:
        """A fill of the master's, and the first of the users' orders that came of it is at the exchange."""
        before = len(self.paper.rows("requests"))
        volume = {"type": "buy", "ordertype": "market", "volume": "0.01"}
        order = threading.Thread(
            target=private,
            args=(self.paper.rest_url, self.hand, "AddOrder"),
            kwargs={"pair": "XBTUSD", **volume},
        )
        order.start()
        self.fills += 1
        wait_for(
            "the first order of a user",
            lambda: [
                row
                for row in self.paper.call("GET", f"/requests?after={before}")["requests"]
                if row["method"] == "AddOrder" and row["account"] != "master"
            ],
        )

    def round(self, prepare: Callable[[], None]) -> None:
        prepare()
        self.gone.append(seconds_until_gone(self.system))
        started = time.monotonic()
        self.system.start().wait_ready()
        self.ready.append(time.monotonic() - started)
        if self.fills:
            self.system.settled(self.fills)

    def check(self) -> None:
        """Every fill was copied once by everyone."""
        copies = Counter(row["account"] for row in self.paper.rows("fills"))
        assert set(copies.values()) == {self.fills}, copies


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.measure.orphans", description=__doc__)
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=20)
    given = parser.parse_args()
    with ExitStack() as stack:
        paper = stack.enter_context(Paper())
        paper.price("XBTUSD", "50000")
        paper.call("POST", "/faults", kind="hang_reply", method="AddOrder", delay_ms=ANSWER_MS, count=0)
        measured = Measured(paper, given.users)
        system = stack.enter_context(measured.system)
        system.start().wait_ready()
        for name, prepare in (("idle", measured.idle), ("orders in flight", measured.in_flight)):
            measured.gone.clear()
            measured.ready.clear()
            for _ in range(given.rounds):
                measured.round(prepare)
            sys.stdout.write(
                f"{given.users} users, {name}: {given.rounds} times killed; no account process left after "
                f"{statistics.median(measured.gone) * 1000:.0f} ms (median), "
                f"{max(measured.gone) * 1000:.0f} ms (worst); next start "
                f"ready after {statistics.median(measured.ready):.1f} s (median), {max(measured.ready):.1f} "
                "s (worst)\n"
            )
            sys.stdout.flush()
        measured.check()


if __name__ == "__main__":
    main()
