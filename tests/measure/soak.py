"""A whole system under steady fills for as long as one likes: does anything grow that must not, and is every
fill answered once?

``python -m tests.measure.soak --users 10 --minutes 30``, as root (only root may read the memory of these
processes). A person trades the master, in and out of several pairs in turn: first quickly, until what each
process remembers of its last thousand orders is full, then every second. Each minute one line shows what the
processes hold; at the end follow a straight line through the last two thirds of it, what a copy costs on
disk, and the exchange's own record against every user's copies. Fails when the memory of users grows, or a
fill was lost or answered twice. Master and supervisor remember more (up to 100,000 and 10,000 fills), so
theirs is printed and not judged.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from tests.support.client import private
from tests.support.footprint import cpu_s, pss_mib
from tests.support.system import Key, Paper, System

#: What is traded in turn: its price, and a volume of about 100 dollars, a hundredth of what everyone has.
PAIRS = {
    "XBTUSD": ("50000", "0.002"),
    "ETHUSD": ("2500", "0.04"),
    "SOLUSD": ("100", "1"),
    "XRPUSD": ("0.5", "200"),
}
BALANCE = "10000"
ROW_S = 60.0
#: Orders of the master before the first look, and how long each has: a user remembers 1,000 of its orders and
#: a page cache of 2 MB. Measured: its memory grows by some 5 MiB until 1,400 fills, and is flat from there
#: on.
WARM_FILLS, WARM_EVERY_S = 1_500, 0.2
#: Growth over the fitted time that is still called flat, as a share: the allocator's unevenness.
GROWTH_MAX = 0.05
COLUMNS = (
    "min",
    "fills",
    "PSS user",
    "worst",
    "master",
    "superv.",
    "CPU ms/s user",
    "master",
    "superv.",
    "files",
    "threads",
    "journal",
    "wal",
    "ledger",
    "wal",
    "logs",
)
TABLE = "{:>4} {:>6} {:>9} {:>7} {:>7} {:>7} {:>14} {:>7} {:>7} {:>6} {:>8} {:>8} {:>7} {:>7} {:>7} {:>7}"


@dataclass(frozen=True, slots=True)
class Row:
    """One look. PSS in MiB, CPU in seconds since the start, sizes in KiB; of users' values the median
    unless said otherwise.
    """

    minute: float
    fills: int
    pss_user: float
    pss_user_worst: float
    pss_master: float
    pss_supervisor: float
    cpu_user: float
    cpu_master: float
    cpu_supervisor: float
    #: Of all processes together.
    files: int
    threads: int
    journal: float
    journal_wal: float
    ledger: float
    ledger_wal: float
    logs: float


def main() -> None:
    """One soak."""
    parser = argparse.ArgumentParser(prog="python -m tests.measure.soak", description=__doc__)
    parser.add_argument("--users", type=int, default=10)
    parser.add_argument("--minutes", type=int, default=30)
    parser.add_argument(
        "--every", type=float, default=1.0, metavar="S", help="between two orders of the master"
    )
    parser.add_argument("--warm", type=int, default=WARM_FILLS, metavar="FILLS", help="before the first look")
    given = parser.parse_args()
    with Paper() as paper:
        for pair, (price, _) in PAIRS.items():
            paper.price(pair, price)
        users = {f"user{number:03}": BALANCE for number in range(given.users)}
        with System(paper, users, master_balance=BALANCE) as system:
            system.start().wait_ready()
            pids = system.pids()
            person = Person(paper)
            trade_steadily(person, given.warm)
            rows = soak(system, person, given.minutes * 60.0, given.every)
            fills = person.orders
            system.settled(fills)
            assert system.pids() == pids, "a process was restarted"
            judge_copies(paper, system, fills)
            is_flat = judge_growth(rows)
            system.stop()
            tell_disk(system, fills)
            if not is_flat:
                sys.exit("memory grows")


class Person:
    """Trades the master with a key of their own: into each pair in turn, then out of each."""

    def __init__(self, paper: Paper) -> None:
        self._paper = paper
        self._key = Key.make()
        self.orders = 0
        paper.call("POST", "/accounts/master/keys", key=self._key.key, secret=self._key.secret)

    def trade(self) -> None:
        """One market order, which is one fill: these markets have no depth."""
        pairs = list(PAIRS)
        turn, place = divmod(self.orders, len(pairs))
        _, volume = PAIRS[pairs[place]]
        answer = private(
            self._paper.rest_url,
            self._key,
            "AddOrder",
            pair=pairs[place],
            type="sell" if turn % 2 else "buy",
            ordertype="market",
            volume=volume,
        )
        assert not answer["error"], answer
        self.orders += 1


def trade_steadily(person: Person, times: int) -> None:
    """So many orders, as quickly as an idle machine copies them."""
    for _ in range(times):
        person.trade()
        time.sleep(WARM_EVERY_S)


def soak(system: System, person: Person, duration_s: float, every_s: float) -> list[Row]:
    """Trades, and looks each minute."""
    say(TABLE.format(*COLUMNS))
    began = time.monotonic()
    rows = [look(system, 0.0, person.orders)]
    trade_at, row_at = began + every_s, began + ROW_S
    while time.monotonic() < began + duration_s:
        time.sleep(max(min(trade_at, row_at) - time.monotonic(), 0.0))
        if time.monotonic() >= trade_at:
            person.trade()
            trade_at += every_s
        if time.monotonic() >= row_at:
            rows.append(look(system, (time.monotonic() - began) / 60, person.orders))
            say_row(rows[-2], rows[-1])
            row_at += ROW_S
    return rows


def look(system: System, minute: float, fills: int) -> Row:
    """What everything holds now."""
    assert system.process is not None
    pids = system.pids()
    master, supervisor = pids.pop("master"), system.process.pid
    users = list(pids.values())
    pss = [memory(pid) for pid in users]
    ledgers = [system.state_dir / "accounts" / f"{user}.db" for user in pids]
    journal = system.state_dir / "journal.db"
    everyone = [*users, master, supervisor]
    return Row(
        minute=minute,
        fills=fills,
        pss_user=statistics.median(pss),
        pss_user_worst=max(pss),
        pss_master=memory(master),
        pss_supervisor=memory(supervisor),
        cpu_user=statistics.median(map(cpu_s, users)),
        cpu_master=cpu_s(master),
        cpu_supervisor=cpu_s(supervisor),
        files=sum(entries(f"/proc/{pid}/fd") for pid in everyone),
        threads=sum(entries(f"/proc/{pid}/task") for pid in everyone),
        journal=kib(journal),
        journal_wal=kib(wal(journal)),
        ledger=statistics.median(map(kib, ledgers)),
        ledger_wal=max(kib(wal(ledger)) for ledger in ledgers),
        logs=sum(map(kib, (system.state_dir / "logs").iterdir())),
    )


def memory(pid: int) -> float:
    """Proportional set size in MiB."""
    found = pss_mib(pid)
    if found is None:
        sys.exit("only root may read the memory of these processes")
    return found


def entries(folder: str) -> int:
    """How much is in a folder."""
    return sum(1 for _ in Path(folder).iterdir())


def wal(database: Path) -> Path:
    """What SQLite has not taken into the file itself yet."""
    return database.with_name(database.name + "-wal")


def kib(path: Path) -> float:
    """Its size; nothing for one that is not there."""
    return path.stat().st_size / 1024 if path.exists() else 0.0


def say_row(before: Row, row: Row) -> None:
    """One minute."""
    seconds = (row.minute - before.minute) * 60
    cpu = [
        f"{(now - then) / seconds * 1000:.2f}"
        for then, now in (
            (before.cpu_user, row.cpu_user),
            (before.cpu_master, row.cpu_master),
            (before.cpu_supervisor, row.cpu_supervisor),
        )
    ]
    pss = [f"{mib:.2f}" for mib in (row.pss_user, row.pss_user_worst, row.pss_master, row.pss_supervisor)]
    sizes = [f"{size:.0f}" for size in (row.journal, row.journal_wal, row.ledger, row.ledger_wal, row.logs)]
    say(TABLE.format(f"{row.minute:.0f}", row.fills, *pss, *cpu, row.files, row.threads, *sizes))


# -- at the end --------------------------------------------------------------------------------------------


def judge_growth(rows: Sequence[Row]) -> bool:
    """Tells how memory grows in the last two thirds of the time; whether that of users does not."""
    first, last = rows[len(rows) // 3], rows[-1]
    fitted = rows[len(rows) // 3 :]
    fills = max(last.fills - first.fills, 1)
    is_flat = True
    for name, is_judged, series in (
        ("a user's", True, [row.pss_user for row in fitted]),
        ("the worst user's", True, [row.pss_user_worst for row in fitted]),
        ("the master's", False, [row.pss_master for row in fitted]),
        ("the supervisor's", False, [row.pss_supervisor for row in fitted]),
    ):
        slope = statistics.linear_regression([row.minute for row in fitted], series).slope
        growth = slope * (last.minute - first.minute)
        share = growth / series[0]
        verdict = "" if not is_judged else ": flat" if share <= GROWTH_MAX else ": GROWS"
        is_flat = is_flat and (not is_judged or share <= GROWTH_MAX)
        say(
            f"{name} memory: {slope * 1024:+.1f} KiB a minute, {growth * 2**20 / fills:+.0f} bytes a fill, "
            f"{share:+.1%} in {last.minute - first.minute:.0f} minutes{verdict}"
        )
    return is_flat


def tell_disk(system: System, fills: int) -> None:
    """What is kept for ever, once all of it is in the files themselves."""
    ledgers = [kib(system.state_dir / "accounts" / f"{user}.db") for user in system.users]
    say(f"a user's ledger: {statistics.median(ledgers) * 1024 / fills:.0f} bytes a copy")
    journal = kib(system.state_dir / "journal.db") * 1024 / fills
    say(f"the journal: {journal:.0f} bytes a fill with the copies of {len(system.users)} users")


def judge_copies(paper: Paper, system: System, fills: int) -> None:
    """Every user has answered every fill once, and the exchange's own record of its orders says what its
    copies say.
    """
    traded: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for row in paper.rows("fills"):
        traded[row["account"]][row["cl_ord_id"]] += Decimal(row["volume"])
    for user in system.users:
        copies = system.copies(user)
        answered = Counter(seq for copy in copies for seq in copy.fill_seqs)
        assert answered == Counter(range(1, fills + 1)), f"{user}: {wrong(answered.items(), fills)}"
        told = {copy.cl_ord_id: Decimal(copy.filled_volume) for copy in copies if copy.cl_ord_id}
        assert traded[user] == {order: volume for order, volume in told.items() if volume}, user
    say(
        f"every one of {len(system.users)} users answered each of {fills} fills exactly once; the "
        "exchange's record agrees"
    )


def wrong(answered: Iterable[tuple[int, int]], fills: int) -> str:
    """Which fills were not answered once."""
    often = dict(answered)
    return str({seq: often.get(seq, 0) for seq in range(1, fills + 1) if often.get(seq, 0) != 1})


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
