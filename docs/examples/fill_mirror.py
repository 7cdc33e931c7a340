"""Mirrors the master's fills and what users made of them to an SQLite database, each exactly once.

    python fill_mirror.py --endpoint unix:data/run/control.sock mirror.db
    python fill_mirror.py --status mirror.db

A row and the position that it moves are one transaction. So whatever is killed, this program or the
supervisor, it goes on behind the last row that is there: none is missing and none is there twice. What was
deleted at the supervisor before it was mirrored is noted in the table `gaps`, and said.
"""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import sys
from contextlib import closing, suppress
from pathlib import Path

from krakencopy import AfterHead, AsyncKrakenCopy, Compacted, Copy, Fill, NotFound, TimedOut, Unavailable

SCHEMA = """
CREATE TABLE IF NOT EXISTS positions (stream TEXT PRIMARY KEY, position INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS fills (
    seq INTEGER PRIMARY KEY, exec_id TEXT NOT NULL UNIQUE, executed_at TEXT NOT NULL, pair TEXT NOT NULL,
    side TEXT NOT NULL, volume TEXT NOT NULL, price TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS copies (
    account_id TEXT, copy_id TEXT, change INTEGER NOT NULL, pair TEXT NOT NULL, state TEXT NOT NULL,
    reason TEXT NOT NULL, filled_volume TEXT, avg_price TEXT, PRIMARY KEY (account_id, copy_id)
);
CREATE TABLE IF NOT EXISTS gaps (stream TEXT, first INTEGER, last INTEGER, PRIMARY KEY (stream, first));
"""
#: Between two attempts to reach a supervisor that has been away for longer than the SDK waits.
PAUSE_S = 1.0


class AnotherJournal(Exception):
    """The supervisor does not have what was mirrored before."""


class Mirror:
    """The database."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")  # a committed row survives a crash of the machine
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        """Nothing waits to be written."""
        self._db.close()

    def position(self, stream: str) -> int:
        """The last seq or change that was mirrored; 0 before the first."""
        row = self._db.execute("SELECT position FROM positions WHERE stream = ?", (stream,)).fetchone()
        return int(row[0]) if row else 0

    def last_fill(self) -> tuple[int, str] | None:
        """The seq and the execution of the last fill that was mirrored."""
        row = self._db.execute("SELECT seq, exec_id FROM fills ORDER BY seq DESC LIMIT 1").fetchone()
        return (int(row[0]), str(row[1])) if row else None

    def take_fill(self, fill: Fill) -> None:
        """One more; a fill that was there already would be an error, and not be passed over."""
        row = (
            fill.seq, fill.exec_id, fill.executed_at.isoformat(), fill.pair, fill.side.name, str(fill.volume),
            str(fill.price),
        )  # fmt: skip
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute("INSERT INTO fills VALUES (?, ?, ?, ?, ?, ?, ?)", row)
            self._move("fills", fill.seq)

    def take_copy(self, change: int, copy: Copy) -> None:
        """A copy as it stands after a change."""
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._keep(change, copy)
            self._move("copies", change)

    def take_copies(self, change: int, copies: list[Copy]) -> None:
        """All copies as they stand at a change, in the place of changes that were not seen."""
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            for copy in copies:
                self._keep(change, copy)
            self._note_gap("copies", change)

    def skip_fills(self, before: int) -> None:
        """Fills before this one will never be seen."""
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._note_gap("fills", before - 1)

    def status(self) -> str:
        """Where it stopped, for people."""
        fills, copies = self.position("fills"), self.position("copies")
        lines = [f"mirrored up to fill {fills} and change {copies}"]
        gaps = self._db.execute("SELECT stream, first, last FROM gaps ORDER BY stream, first")
        lines += [f"gap: {stream} {first} to {last} were deleted before" for stream, first, last in gaps]
        return "\n".join(lines)

    def _keep(self, change: int, copy: Copy) -> None:
        amounts = [None if each is None else str(each) for each in (copy.filled_volume, copy.avg_price)]
        row = (
            copy.account_id, copy.copy_id, change, copy.pair, copy.state.name, copy.reason, *amounts,
        )  # fmt: skip
        self._db.execute("INSERT OR REPLACE INTO copies VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def _note_gap(self, stream: str, last: int) -> None:
        self._db.execute("INSERT INTO gaps VALUES (?, ?, ?)", (stream, self.position(stream) + 1, last))
        self._move(stream, last)

    def _move(self, stream: str, position: int) -> None:
        self._db.execute("INSERT OR REPLACE INTO positions VALUES (?, ?)", (stream, position))


async def follow_fills(supervisor: AsyncKrakenCopy, mirror: Mirror) -> None:
    """Mirrors fills until it is cancelled."""
    while True:
        try:
            async with supervisor.watch_fills(mirror.position("fills")) as watch:
                async for fill in watch:
                    mirror.take_fill(fill)
        except AfterHead as gone:
            raise AnotherJournal("the supervisor has not come as far as this database") from gone
        except Compacted:
            kept = supervisor.list_fills(after_seq=mirror.position("fills"), limit=1)
            first = await anext(kept, None)
            head = (await supervisor.get_status()).head_seq
            mirror.skip_fills(head + 1 if first is None else first.seq)
            say(mirror.status())


async def follow_copies(supervisor: AsyncKrakenCopy, mirror: Mirror) -> None:
    """Mirrors changes of copies until it is cancelled."""
    while True:
        try:
            async with supervisor.watch_copies(mirror.position("copies")) as watch:
                async for changed in watch:
                    mirror.take_copy(changed.change, changed.copy)
        except Compacted:
            # In this order: what changes while they are listed comes again in the watch.
            head = (await supervisor.get_status()).head_change
            mirror.take_copies(head, await supervisor.list_copies().all())
            say(mirror.status())


async def check_journal(supervisor: AsyncKrakenCopy, mirror: Mirror) -> None:
    """Raises AnotherJournal where the last mirrored fill is another one at the supervisor."""
    last = mirror.last_fill()
    if last is None:
        return
    seq, exec_id = last
    try:
        there = (await supervisor.explain_fill(seq=seq)).fill.exec_id
    except NotFound:
        return  # deleted, or another journal: the watch says which
    if there != exec_id:
        raise AnotherJournal(f"fill {seq} is {there} there and {exec_id} here")


async def follow(endpoint: str, mirror: Mirror) -> None:
    """Mirrors both while the supervisor is there; the SDK waits half a minute for one that restarts."""
    async with AsyncKrakenCopy(endpoint) as supervisor:
        await check_journal(supervisor, mirror)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(follow_fills(supervisor, mirror))
            tasks.create_task(follow_copies(supervisor, mirror))


async def run(endpoint: str, mirror: Mirror) -> None:
    """Mirrors for ever. Raises AnotherJournal, alone or in a group."""
    while True:
        say(mirror.status())
        try:
            await follow(endpoint, mirror)
        except* (Unavailable, TimedOut) as lost:
            say(f"trying again: {lost.exceptions[0]}")
        await asyncio.sleep(PAUSE_S)


def say(line: str) -> None:
    """For whoever looks after it."""
    print(line, file=sys.stderr, flush=True)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="Mirror fills and copies to an SQLite database.")
    parser.add_argument("database", type=Path)
    parser.add_argument("--endpoint", default="unix:data/run/control.sock")
    parser.add_argument("--status", action="store_true", help="only show where it stopped")
    arguments = parser.parse_args()
    with closing(Mirror(arguments.database)) as mirror:
        if arguments.status:
            print(mirror.status())
            return 0
        return mirrored(arguments.endpoint, mirror)


def mirrored(endpoint: str, mirror: Mirror) -> int:
    """Mirrors until it is interrupted; the exit code."""
    code = 0
    try:
        with suppress(KeyboardInterrupt):
            asyncio.run(run(endpoint, mirror))
    except* AnotherJournal as found:
        say(f"another journal: {found.exceptions[0]}; mirror it to another database")
        code = 3
    return code


if __name__ == "__main__":
    sys.exit(main())
