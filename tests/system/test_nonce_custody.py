"""Nonces of one key only grow: on a real file, with real processes, killed at any moment, whatever was
done to file and clock.
"""

from __future__ import annotations

import itertools
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.client import private
from tests.support.system import Paper, System, alive, wait_for

ROOT = Path(__file__).parents[2]
HOUR_US = 3_600_000_000

#: Takes the file whenever it is free, draws nonces in two threads, and kills itself at a moment that it does
#: not choose. Each nonce is appended to the record right after it was drawn: thread, run, nonce.
WORKER = """
import os, random, signal, sys, threading, time
from pathlib import Path
from krakencopy.account_proc.contract.errors import LockHeld
from krakencopy.account_proc.state.nonce_custody import NonceCustody

path, record, name, chance = Path(sys.argv[1]), sys.argv[2], sys.argv[3], random.Random(int(sys.argv[4]))
out = os.open(record, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
# The clock of this process is wrong by up to an hour, to either side.
wrong_us = chance.randrange(-3_600_000_000, 60_000_000)
now_us = lambda: time.time_ns() // 1000 + wrong_us
while True:
    try:
        custody = NonceCustody.open(path, account_id="tania", now_us=now_us)
    except LockHeld:
        time.sleep(0.001)
        continue
    break
begun = threading.Event()

def draw(thread):
    begun.wait()
    while True:
        os.write(out, b"%s %d %d\\n" % (name.encode(), thread, custody.next()))

for thread in (1, 2):
    threading.Thread(target=draw, args=(thread,), daemon=True).start()
begun.set()
time.sleep(chance.uniform(0.0, 0.08))
if chance.random() < 0.2:
    custody.close()
os.kill(os.getpid(), signal.SIGKILL)
"""

#: Draws some nonces with a given clock (microseconds ahead of the real one) and says them, or why there are
#: none.
DRAW = """
import sys, time
from pathlib import Path
from krakencopy.account_proc.contract.errors import NonceFault
from krakencopy.account_proc.state.nonce_custody import NonceCustody
ahead_us, how = int(sys.argv[2]), sys.argv[3]
try:
    now_us = lambda: time.time_ns() // 1000 + ahead_us
    custody = NonceCustody.open(Path(sys.argv[1]), account_id="tania", now_us=now_us)
except NonceFault as fault:
    print(fault)
    sys.exit(77)
print(*(custody.next() for _ in range(5)))
if how == "close":
    custody.close()
else:
    sys.stdout.flush()
    import os, signal
    os.kill(os.getpid(), signal.SIGKILL)
"""


def draw(path: Path, ahead_us: int = 0, how: str = "kill") -> list[int]:
    """The nonces of one process that is killed at its end, or closes."""
    done = subprocess.run(
        [sys.executable, "-c", DRAW, str(path), str(ahead_us), how],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return [int(word) for word in done.stdout.split()]


def test_two_threads_eight_processes_and_a_hundred_thousand_nonces_under_kills_give_one_growing_sequence(
    tmp_path: Path,
) -> None:
    path, record, wanted = tmp_path / "kraken_nonce_user_tania.txt", tmp_path / "record", 100_000
    record.touch()
    chance = random.Random(4)  # noqa: S311 - no secret depends on it
    lives = 0
    workers: list[subprocess.Popen[bytes]] = []
    # Lines are at least 20 bytes long, so this is enough of them; they are counted below.
    while record.stat().st_size < 24 * wanted:
        workers = [worker for worker in workers if worker.poll() is None]
        while len(workers) < 8:
            lives += 1
            arguments = [str(path), str(record), str(lives), str(chance.randrange(2**32))]
            workers.append(subprocess.Popen([sys.executable, "-c", WORKER, *arguments], cwd=ROOT))
        time.sleep(0.005)
    for worker in workers:
        worker.kill()
        worker.wait()
    drawn = [
        tuple(map(int, line.split())) for line in record.read_bytes().splitlines() if line.count(b" ") == 2
    ]
    nonces = [nonce for _, _, nonce in drawn]
    assert len(nonces) >= wanted
    assert len(set(nonces)) == len(nonces)
    # One process at a time had the file: their nonces follow one another and never overlap, and each thread's
    # only grow.
    spans: dict[int, tuple[int, int]] = {}
    last: dict[tuple[int, int], int] = {}
    order: list[int] = []
    for life, thread, nonce in drawn:
        low, high = spans.get(life, (nonce, nonce))
        spans[life] = (min(low, nonce), max(high, nonce))
        assert nonce > last.get((life, thread), 0)
        last[life, thread] = nonce
        if not order or order[-1] != life:
            order.append(life)
    assert len(set(order)) == len(order), "two processes had the file at the same time"
    assert len(order) > 8
    for before, after in itertools.pairwise(order):
        assert spans[before][1] < spans[after][0]


def ages_ago(path: Path, kept: bytes) -> None:
    del kept
    path.write_bytes(b"")


FAULTS: dict[str, Callable[[Path, bytes], object]] = {
    "nothing": lambda path, kept: None,  # noqa: ARG005
    "the file was emptied": ages_ago,
    "the file was cut off in the first slot": lambda path, kept: path.write_bytes(kept[:20]),
    "the file was cut off in the second slot": lambda path, kept: path.write_bytes(kept[:100]),
    "a kill in the middle of writing": lambda path, kept: path.write_bytes(
        b"slot A: reserved 0000" + kept[21:]
    ),
    "both slots are garbage": lambda path, kept: path.write_bytes(b"\xff" * len(kept)),
    "the file was deleted": lambda path, kept: path.unlink(),  # noqa: ARG005
    "milliseconds of other software": lambda path, kept: path.write_text(f"{time.time_ns() // 10**6}\n"),  # noqa: ARG005
}


@pytest.mark.parametrize("what", FAULTS)
@pytest.mark.parametrize("how", ["kill", "close"])
def test_the_next_nonce_is_larger_than_every_used_one_after(tmp_path: Path, what: str, how: str) -> None:
    path = tmp_path / "kraken_nonce_user_tania.txt"
    used = draw(path, how=how)
    FAULTS[what](path, path.read_bytes())
    after = draw(path)
    assert min(after) > max(used)
    assert after == sorted(set(after))


def test_a_clock_that_was_set_back_by_an_hour_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "kraken_nonce_user_tania.txt"
    used: list[int] = []
    for ahead_us in (0, -HOUR_US, -2 * HOUR_US, 0):
        drawn = draw(path, ahead_us)
        assert min(drawn) > max(used, default=0)
        used += drawn


def test_a_backup_that_was_brought_back_repeats_nothing(tmp_path: Path) -> None:
    path = tmp_path / "kraken_nonce_user_tania.txt"
    used = draw(path, how="close")
    backup = path.read_bytes()
    used += draw(path, how="close") + draw(path)
    path.write_bytes(backup)
    assert min(draw(path)) > max(used)


def test_a_file_of_nanoseconds_is_refused_with_the_way_out_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "kraken_nonce_user_tania.txt"
    path.write_text(f"{time.time_ns()}\n")
    before = path.read_bytes()
    done = subprocess.run(
        [sys.executable, "-c", DRAW, str(path), "0", "close"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 77
    assert "make a new API key" in done.stdout
    assert path.read_bytes() == before


def test_an_operator_sees_file_lock_process_and_exchange_with_a_verdict() -> None:
    with Paper() as paper, System(paper, {"anna": "100"}) as system:
        system.start().wait_ready()
        pid = system.pids()["anna"]
        with system.api() as api:
            report = api.get_nonce("anna")
            asked = [
                int(row["nonce"])
                for row in paper.rows("requests")
                if row["account"] == "anna" and row["method"] == "GetApiKeyInfo"
            ]
            assert (report.verdict, report.holder_pid, report.exchange_known) == ("OK", pid, True)
            # The exchange names the nonce of this very question; the process may have asked something else
            # since.
            assert report.exchange_nonce == asked[-1] <= report.last <= report.reserved
            # Somebody else used the key before it is started again, with larger nonces: a bounded step,
            # logged, and it goes on.
            api.stop_account("anna")
            wait_for("its end", lambda: not alive(pid))
            foreign = time.time_ns() // 1_000 + HOUR_US + HOUR_US // 2
            private(paper.rest_url, system.keys["anna"], "Balance", nonce=str(foreign))
            api.start_account("anna")
            system.wait_ready()
            jumped = api.get_nonce("anna")
            assert jumped.verdict == "NONCE_AHEAD"
            assert foreign < jumped.exchange_nonce <= jumped.last
            assert jumped.ahead_us < 2 * HOUR_US
            # Beside us, it is another program that is alive: nonces stay, and the account stops.
            used = jumped.reserved + 1_000_000
            private(paper.rest_url, system.keys["anna"], "Balance", nonce=str(used))
            api.get_nonce("anna")
            wait_for("the account to stop", lambda: system.accounts()["anna"].reason == "KEY_USED_ELSEWHERE")
            stopped = api.get_nonce("anna")
            assert jumped.last < stopped.reserved < used
        assert (stopped.verdict, stopped.holder_pid, stopped.last) == ("NONCE_AHEAD", 0, 0)
        assert stopped.reserved >= jumped.last
        page = system.command("nonce", "anna")
        assert "lock held by" in page
        assert "nobody" in page
        assert str(stopped.reserved) in page
