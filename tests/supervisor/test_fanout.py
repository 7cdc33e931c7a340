"""Fills go out as they were committed, whoever reads them and from wherever; reports come in and are committed in groups."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from krakencopy.v1 import account_pb2

from supervisor import fanout
from supervisor.fanout import FillLog, ReportLog, encode
from supervisor.journal import Journal, JournalFault
from tests.supervisor.samples import copy, fill

END = 2**62
#: For what must happen on a busy machine, in seconds; nothing waits that long when it works.
LIMIT_S = 30


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with closing(Journal(tmp_path / "journal.db")) as journal:
        yield journal


def read_all(log: FillLog, seq: int) -> list[tuple[int, bytes]]:
    """As a user that is not disturbed reads."""
    found: list[tuple[int, bytes]] = []
    while batch := log.after(found[-1][0] if found else seq):
        assert len(batch) <= fanout.BATCH
        found += batch
    return found


@settings(max_examples=40, deadline=None)
@given(
    earlier=st.integers(0, 12),
    batches=st.lists(st.integers(1, 4), max_size=5),
    window=st.integers(1, 8),
    batch=st.integers(1, 5),
)
def test_a_user_gets_the_same_fills_from_memory_and_from_the_journal_wherever_it_starts(
    earlier: int, batches: list[int], window: int, batch: int
) -> None:
    with pytest.MonkeyPatch.context() as patch, closing(Journal(Path(":memory:"))) as journal:
        patch.setattr(fanout, "WINDOW", window)
        patch.setattr(fanout, "BATCH", batch)
        journal.append([fill(n) for n in range(earlier)], 1)
        live, number = FillLog(journal), earlier
        for size in batches:
            live.append([fill(n) for n in range(number, number + size)], 2)
            number += size
        without_memory = FillLog(journal)
        expected = [(one.seq, encode(one)) for one in journal.fills_after(0, END)]
        for seq in range(number + 2):
            assert read_all(live, seq) == read_all(without_memory, seq) == expected[seq:]


def test_what_goes_out_is_the_journalled_fill_as_a_request(journal: Journal) -> None:
    log = FillLog(journal)
    (added,) = log.append([fill(1)], 3)
    ((seq, encoded),) = log.after(0)
    request = account_pb2.CopyFillsRequest.FromString(encoded)
    assert (seq, request.WhichOneof("item"), request.fill) == (1, "fill", added)
    assert (request.fill.seq, request.fill.epoch, request.fill.exec_id) == (1, 3, "E1")


def test_a_fill_is_encoded_once_for_all_users(journal: Journal) -> None:
    log = FillLog(journal)
    log.append([fill(1), fill(2)], 1)
    assert all(one is other for (_, one), (_, other) in zip(log.after(0), log.after(0), strict=True))


def test_the_bell_rings_for_new_fills_only(journal: Journal) -> None:
    log = FillLog(journal)
    log.append([fill(1), fill(2)], 1)
    assert log.bell.version == 1
    assert log.append([fill(2)], 1) == []
    assert log.append([], 1) == []
    assert (log.bell.version, log.head) == (1, 2)


def test_a_fill_that_could_not_be_committed_is_shown_to_nobody(journal: Journal) -> None:
    log = FillLog(journal)
    log.append([fill(1)], 1)
    journal._db.execute("PRAGMA query_only=1")
    with pytest.raises(JournalFault):
        log.append([fill(2)], 1)
    assert (log.head, log.bell.version, log.after(1), len(log.after(0))) == (1, 1, [], 1)


def test_reports_that_come_together_are_committed_together(journal: Journal) -> None:
    for user in ("daivon", "tania"):
        journal.join(user)

    async def scene() -> None:
        log = ReportLog(journal)
        committing = asyncio.create_task(log.run())
        log.put("tania", [copy("tania", [1])], 1)
        await asyncio.sleep(0)
        log.put("daivon", [copy("daivon", [1])], 1)
        log.put("tania", [copy("tania", [2])], 2)
        assert journal.last_change == 0
        statements: list[str] = []
        journal._db.set_trace_callback(statements.append)
        async with asyncio.timeout(LIMIT_S):
            await log.bell.wait(0)
        assert [one for one in statements if one in {"BEGIN IMMEDIATE", "COMMIT"}] == [
            "BEGIN IMMEDIATE",
            "COMMIT",
        ]
        assert log.bell.version == 1
        log.put("daivon", [copy("daivon", [2])], 2)
        async with asyncio.timeout(LIMIT_S):
            await log.bell.wait(1)
        committing.cancel()

    asyncio.run(scene())
    journal._db.set_trace_callback(None)
    assert [made.account_id for _, made in journal.copies_after(0, END)] == [
        "tania",
        "daivon",
        "tania",
        "daivon",
    ]
    assert {user: journal.mark(user).acked_seq for user in ("daivon", "tania")} == {"daivon": 2, "tania": 2}


def test_a_flush_commits_at_once_what_came_in_and_nothing_twice(journal: Journal) -> None:
    log = ReportLog(journal)
    log.flush()
    assert log.bell.version == 0
    log.put("tania", [copy("tania", [1])], 1)
    log.flush()
    log.flush()
    assert not log._work.is_set()
    assert (log.bell.version, journal.last_change) == (1, 1)


def test_reports_that_cannot_be_kept_end_the_committing_with_the_fault(journal: Journal) -> None:
    journal._db.execute("PRAGMA query_only=1")

    async def scene() -> None:
        log = ReportLog(journal)
        log.put("tania", [copy("tania", [1])], 1)
        async with asyncio.timeout(LIMIT_S):
            with pytest.raises(JournalFault) as raised:
                await log.run()
        assert isinstance(raised.value.__cause__, sqlite3.Error)
        assert log.bell.version == 0

    asyncio.run(scene())
