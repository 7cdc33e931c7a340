"""Kills the master's process again and again while a person trades it, and prints how fast its users notice
and go on.

``python -m tests.measure.master_kills --users 100 --kills 50``. From the events' own times:

    degraded   from the kill until the last user is DEGRADED
    back       from the master's health (MASTER_READY) until the last user is RUNNING and has taken and
               decided a fill of meanwhile
    ordering   ... until the last user's first order has left
    caught up  ... until the last user has answered all that happened meanwhile: one to four orders each

Fails when a user's process was restarted, a fill was lost, or a copy disagrees with the exchange's own
record.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from krakencopy.v1.types_pb2 import ACCOUNT_STATE_BACKOFF, ACCOUNT_STATE_FAILED
from tests.support.client import private
from tests.support.system import Key, Paper, System

PATIENCE_S = 120.0
#: Between two looks, in seconds: looking costs what is measured, and the times come from the events.
LOOK_S = 0.5


def main() -> None:
    """The campaign."""
    parser = argparse.ArgumentParser(prog="python -m tests.measure.master_kills", description=__doc__)
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    users = {f"user{number:03}": "1000" for number in range(given.users)}
    with Paper() as paper:
        paper.price("XBTUSD", "50000")
        with System(paper, users) as system:
            system.start().wait_ready()
            person = Person(paper)
            dice = random.Random(given.seed)  # noqa: S311 - no secret depends on it
            pids = system.pids()
            kills = [kill_once(system, person, dice) for _ in range(given.kills)]
            seldom("every user's answers", lambda: all_answered(system, person.orders))
            judge(paper, system, person, pids)
            tell(system, kills)


def seldom(what: str, probe: Callable[[], object]) -> None:
    """Waits for it, looking seldom."""
    until = time.monotonic() + PATIENCE_S
    while not probe():
        assert time.monotonic() < until, f"waited in vain for {what}"
        time.sleep(LOOK_S)


class Person:
    """Trades the master with a key of their own: in, out, in, out."""

    def __init__(self, paper: Paper) -> None:
        self._paper = paper
        self._key = Key.make()
        self.orders = 0
        paper.call("POST", "/accounts/master/keys", key=self._key.key, secret=self._key.secret)

    def trade(self) -> None:
        """One market order."""
        side = "sell" if self.orders % 2 else "buy"
        answer = private(
            self._paper.rest_url,
            self._key,
            "AddOrder",
            pair="XBTUSD",
            type=side,
            ordertype="market",
            volume="0.01",
        )
        assert not answer["error"], answer
        self.orders += 1


def kill_once(system: System, person: Person, dice: random.Random) -> float:
    """One death of the master, with orders before, right at, and after it; when it was killed (Unix
    seconds).
    """
    time.sleep(dice.uniform(0, 0.5))
    pid = system.pids()["master"]
    for _ in range(dice.randrange(3)):
        person.trade()
    at = time.time()
    os.kill(pid, signal.SIGKILL)
    for _ in range(dice.randrange(1, 3)):
        person.trade()
    seldom("the users to notice", lambda: all_lost_it(system))
    seldom("its end to be seen", lambda: is_over(system, pid))
    with system.api() as api:
        # An operator does not wait for the backoff, nor mind the limit of restarts: fifty deaths are many.
        api.start_account("master")
    seldom("everyone's return", lambda: (status := system.status()) and status.ready)
    return at


def is_over(system: System, pid: int) -> bool:
    """Whether the supervisor has judged the master's end: asked earlier for another start, it would have
    nothing to do.
    """
    master = system.accounts()["master"]
    return master.state in {ACCOUNT_STATE_BACKOFF, ACCOUNT_STATE_FAILED} or master.pid not in {0, pid}


def all_lost_it(system: System) -> bool:
    """Whether every user says that it has lost its master."""
    with system.api() as api:
        accounts = api.get_status().accounts
    return all(account.reason == "MASTER_LOST" for account in accounts if account.id != "master")


def all_answered(system: System, fills: int) -> bool:
    """Whether every user has taken every fill and has nothing on its way. Cheaper than the report, which
    reads every copy.
    """
    status = system.status()
    users = [] if status is None else [account for account in status.accounts if account.id != "master"]
    return bool(users) and all(user.cursor_seq == fills and not user.copies_open for user in users)


def judge(paper: Paper, system: System, person: Person, pids: dict[str, int]) -> None:
    """Raises AssertionError where something was lost, doubled, wrong or restarted."""
    now = system.pids()
    restarted = [user for user in system.users if now.get(user) != pids[user]]
    assert not restarted, f"processes that were restarted: {restarted}"
    with system.api() as api:
        report = api.get_report(timeout_s=PATIENCE_S)
        assert (report.fills, report.unanswered) == (person.orders, 0)
        told: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for copy in api.list_copies():
            told[copy.account_id, "buy" if copy.side == 1 else "sell"] += Decimal(copy.filled_volume or 0)
    happened: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in paper.rows("fills"):
        if row["account"] != "master":
            happened[row["account"], row["side"]] += Decimal(row["volume"])
    assert {key: volume for key, volume in told.items() if volume} == happened


def tell(system: System, kills: list[float]) -> None:
    """Both times of each kill."""
    with system.api() as api:
        events = sorted(api.list_events(), key=lambda event: event.seq)
        copies = list(api.list_copies())
        fills = {fill.seq: fill for fill in api.list_fills()}
    degraded, back, ordering, caught_up = [], [], [], []
    for number, at in enumerate(kills):
        until = kills[number + 1] if number + 1 < len(kills) else float("inf")
        during = [event for event in events if at <= seconds(event.at) < until]
        lost = [seconds(e.at) for e in during if "-> DEGRADED (MASTER_LOST" in e.message]
        ready = next(seconds(e.at) for e in during if e.code == "MASTER_READY")
        assert len(lost) >= len(system.users)
        missed = {seq for seq, fill in fills.items() if at <= seconds(fill.executed_at) < ready}
        answers: dict[str, list[Any]] = defaultdict(list)
        for copy in copies:
            if missed.intersection(copy.fill_seqs):
                answers[copy.account_id].append(copy)
        assert answers.keys() == system.users.keys(), "a user without a copy"
        running = max(seconds(e.at) for e in during if "DEGRADED -> RUNNING" in e.message)
        degraded.append(max(lost[: len(system.users)]) - at)
        decided = [min(seconds(copy.decided_at) for copy in mine) for mine in answers.values()]
        back.append(max(running, *decided) - ready)
        ordering.append(
            max(min(seconds(copy.sent_at or copy.decided_at) for copy in mine) for mine in answers.values())
            - ready
        )
        caught_up.append(max(seconds(copy.finished_at) for mine in answers.values() for copy in mine) - ready)
    for name, values in (
        ("degraded", degraded),
        ("back", back),
        ("ordering", ordering),
        ("caught up", caught_up),
    ):
        sys.stdout.write(
            f"{name}: median {statistics.median(values):.2f} s, worst {max(values):.2f} s of {len(values)}\n"
        )


def seconds(stamp: Any) -> float:
    """A protobuf timestamp as Unix seconds."""
    return float(stamp.ToMicroseconds()) / 1_000_000


if __name__ == "__main__":
    main()
