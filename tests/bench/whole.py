"""The whole system without a contestant: start, memory, idle time, status, a burst, and what its journal's
disk can do.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from decimal import Decimal
from pathlib import Path

from krakencopy.supervisor.journal.journal import Journal
from krakencopy.v1 import types_pb2 as pb
from tests.bench.ours import Running, rest, started
from tests.bench.person import Person
from tests.bench.rows import Burst, Standing, Who
from tests.bench.timing import NS_PER_MS, Spread
from tests.bench.venue import PAIR, Record, answering, exchange
from tests.support.footprint import idle_cores, memory_mib, user_pids
from tests.support.system import System

#: How often the status is asked.
STATUS_CALLS = 50
#: A level of the burst's book, in base: a fill of the master. A hundredth of it is a user's, and above the
#: exchange's minimum.
LEVEL = Decimal("0.01")
#: As many fills has each order of a burst: less than a twentieth of the equity, so that no cap bites.
FILLS_AN_ORDER = 100


def standing(who: Who, running: Running, idle_s: float) -> Standing:
    """A system that has done what its start left to do."""
    system = running.system
    idle = idle_cores(system, idle_s)
    memory = memory_mib(user_pids(system))
    return Standing(
        users=len(system.users),
        start_s=running.start_s,
        idle_cores=idle,
        memory_mib=statistics.median(memory) if memory else None,
        memory_worst_mib=memory[-1] if memory else None,
        status=_status(system),
        who=who,
    )


def _status(system: System) -> Spread:
    """Over a connection that is there: as a board that is looked at all day asks."""
    with system.api() as api:
        api.get_status()
        took = []
        for _ in range(STATUS_CALLS):
            began_ns = time.monotonic_ns()
            api.get_status()
            took.append((time.monotonic_ns() - began_ns) / NS_PER_MS)
    return Spread.of(took)


def bursts(who: Who, checkout: Path, users: int, fills: int, answers_ms: list[int]) -> list[Burst]:
    """The master buys level by level, order by order, as fast as the exchange answers; one system has all
    bursts.
    """
    with exchange() as paper:
        paper.call("POST", f"/markets/{PAIR}", bid="49999.9", ask="50000", depth=str(LEVEL))
        with started(paper, users, checkout) as (system, person), system.api() as api:
            found: list[Burst] = []
            uncopied = 0
            for answer_ms in answers_ms:
                with answering(paper, answer_ms):
                    record = Record(paper)
                    _buy(person, fills)
                    rest(api, person, fills * (len(found) + 1))
                copies, before = api.get_status().copies, uncopied
                uncopied = copies.skipped + copies.rejected
                found.append(_burst(who, record, users, fills, answer_ms, uncopied - before))
    return found


def _burst(who: Who, record: Record, users: int, fills: int, answer_ms: int, uncopied: int) -> Burst:
    """What the exchange has seen of it."""
    orders, filled = record.orders(), record.master_fills()
    assert len(filled) == fills, f"{len(filled)} fills instead of {fills}"
    assert orders, "nothing was copied"
    began_ns = filled[0]["emitted_ns"]
    return Burst(
        users=users,
        fills=fills,
        answer_ms=answer_ms,
        orders=len(orders),
        merged=users * fills - len(orders) - uncopied,
        refused=len(record.refused),
        uncopied=uncopied,
        fills_s=(filled[-1]["emitted_ns"] - began_ns) / 1e9,
        last_s=(max(row["received_ns"] for row in orders) - began_ns) / 1e9,
        who=who,
    )


def _buy(person: Person, fills: int) -> None:
    left = fills
    while left:
        now = min(left, FILLS_AN_ORDER)
        person.order("buy", str(LEVEL * now))
        left -= now


def commits_per_s(seconds: float) -> float:
    """Fills that the journal makes durable one by one, on the disk of temporary files, where the measured
    systems are as well.
    """
    with tempfile.TemporaryDirectory(prefix="kc") as folder:
        journal = Journal(Path(folder) / "journal.db")
        began = time.monotonic()
        while (took := time.monotonic() - began) < seconds:
            number = journal.head + 1
            fill = pb.Fill(
                exec_id=f"E{number}", order_id=f"O{number}", pair="BTC/USD", side=pb.SIDE_BUY, price="50000",
                volume="0.1", master_equity="1000000", master_position_before="0",
            )  # fmt: skip
            journal.append([fill], 1)
        done = journal.head
        journal.close()
    return done / took
