"""Fills go out as they were committed, whoever reads them and from wherever; reports come in and are
committed in groups.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from krakencopy.account_proc.runtime import sqlite_file as database
from krakencopy.account_proc.runtime.change_signal import ChangeSignal
from krakencopy.supervisor.journal import fan_out as fanout
from krakencopy.supervisor.journal.fan_out import FillLog, ReportLog
from krakencopy.supervisor.journal.journal import Journal, UserMark
from krakencopy.supervisor.journal.journal_file import JournalFault
from krakencopy.v1 import account_pb2
from krakencopy.v1 import types_pb2 as pb
from tests.support.supervisor_samples import copy, fill

END = 2**62
#: For what must happen on a busy machine, in seconds; nothing waits that long when it works.
LIMIT_S = 30


def read_all(log: FillLog, seq: int) -> list[pb.Fill]:
    """As a user that is not disturbed reads."""
    found: list[pb.Fill] = []
    while (batch := log.after(found[-1].seq if found else seq)) is not None:
        fills = account_pb2.CopyFillsRequest.FromString(batch.encoded).fills
        assert [one.seq for one in fills] == list(range(batch.first_seq, batch.last_seq + 1))
        assert len(fills) <= fanout.BATCH
        found += fills
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
        expected = journal.fills_after(0, END)
        for seq in range(number + 2):
            assert read_all(live, seq) == read_all(without_memory, seq) == expected[seq:]


def test_what_goes_out_are_the_journalled_fills_as_one_request(journal: Journal) -> None:
    log = FillLog(journal)
    added = log.append([fill(1), fill(2)], 3)
    batch = log.after(0)
    assert batch is not None
    request = account_pb2.CopyFillsRequest.FromString(batch.encoded)
    assert request == account_pb2.CopyFillsRequest(fills=added)
    assert [(one.seq, one.epoch, one.exec_id) for one in request.fills] == [(1, 3, "E1"), (2, 3, "E2")]


def test_fills_are_encoded_once_for_all_users_that_keep_up(journal: Journal) -> None:
    log = FillLog(journal)
    for head in (2, 3):
        log.append([fill(1), fill(2), fill(head)], 1)
        assert log.after(0) is log.after(0) is not None
    assert read_all(log, 0) == journal.fills_after(0, END)


def test_large_fills_do_not_go_out_together_in_a_message_that_nobody_takes(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = FillLog(journal)
    log.append([fill(number, marks={"BTC": "1" * 400}) for number in range(1, 10)], 1)
    monkeypatch.setattr(fanout, "BATCH_BYTES", 1_000)
    batch = log.after(0)
    assert batch is not None
    assert (batch.last_seq, len(batch.encoded) < 2_000) == (3, True)
    assert read_all(log, 0) == journal.fills_after(0, END)


def test_the_bell_rings_for_new_fills_only(journal: Journal) -> None:
    log = FillLog(journal)
    log.append([fill(1), fill(2)], 1)
    assert log.change_signal.version == 1
    assert log.append([fill(2)], 1) == []
    assert log.append([], 1) == []
    assert (log.change_signal.version, log.head) == (1, 2)


def test_users_are_woken_in_the_turn_of_a_fill_and_those_who_are_only_shown_it_are_not(
    journal: Journal,
) -> None:
    async def play() -> None:
        log, user = FillLog(journal), ChangeSignal()
        log.users.join(user)
        copying = asyncio.create_task(user.wait(0))
        watches = [asyncio.create_task(log.change_signal.wait(0)) for _ in range(100)]
        await asyncio.sleep(0)
        log.append([fill(1)], 1)
        await asyncio.sleep(0)
        assert copying.done()
        assert not any(watch.done() for watch in watches)
        async with asyncio.timeout(LIMIT_S):
            assert set(await asyncio.gather(*watches)) == {1}

    asyncio.run(play())


def test_a_fill_that_could_not_be_committed_is_shown_to_nobody(journal: Journal) -> None:
    log = FillLog(journal)
    log.append([fill(1)], 1)
    journal._db.execute("PRAGMA query_only=1")
    with pytest.raises(JournalFault):
        log.append([fill(2)], 1)
    assert (log.head, log.change_signal.version, log.after(1), len(read_all(log, 0))) == (1, 1, None, 1)


def test_reports_that_come_together_are_committed_together(journal: Journal) -> None:
    for user in ("daivon", "tania"):
        journal.join(user)

    async def scene() -> None:
        log = ReportLog(journal)
        committing = asyncio.create_task(log.run())
        log.put_report("tania", [copy("tania", [1])], 1)
        await asyncio.sleep(0)
        log.put_report("daivon", [copy("daivon", [1])], 1)
        log.put_report("tania", [copy("tania", [2])], 2)
        assert journal.last_change == 0
        statements: list[str] = []
        journal._db.set_trace_callback(statements.append)
        async with asyncio.timeout(LIMIT_S):
            await log.change_signal.wait(0)
        assert [one for one in statements if one in {"BEGIN IMMEDIATE", "COMMIT"}] == [
            "BEGIN IMMEDIATE",
            "COMMIT",
        ]
        assert log.change_signal.version == 1
        log.put_report("daivon", [copy("daivon", [2])], 2)
        async with asyncio.timeout(LIMIT_S):
            await log.change_signal.wait(1)
        committing.cancel()

    asyncio.run(scene())
    journal._db.set_trace_callback(None)
    assert [made.account_id for _, made in journal.copies_after(0, END)] == [
        "tania",
        "tania",
        "daivon",
        "daivon",
    ]
    assert {user: journal.mark(user).acked_seq for user in ("daivon", "tania")} == {"daivon": 2, "tania": 2}


def test_of_what_a_user_tells_of_one_copy_only_the_last_is_written_and_nothing_of_another_is_left_out(
    journal: Journal,
) -> None:
    journal.join("tania")
    log = ReportLog(journal)
    sent = copy("tania", [1], pb.COPY_STATE_SENT, revision=1)
    filled = copy("tania", [1], pb.COPY_STATE_FILLED, revision=3)
    other = copy("tania", [2], revision=2)
    log.put_report("tania", [sent, other], 1)
    log.put_report("tania", [filled], 2)
    # After a break a user tells again what the journal does not have yet.
    log.put_report("tania", [other, filled], 2)
    log.flush()
    assert journal.copies_after(0, END) == [(1, other), (2, filled)]
    assert journal.mark("tania") == UserMark(0, 2, 3)


@settings(max_examples=40, deadline=None)
@given(
    told=st.lists(st.tuples(st.sampled_from(["daivon", "tania", "eve"]), st.integers(0, 5)), max_size=12),
    piece=st.integers(1, 4),
)
def test_in_pieces_of_any_size_the_journal_never_claims_more_of_a_user_than_it_has(
    told: list[tuple[str, int]], piece: int
) -> None:
    with pytest.MonkeyPatch.context() as patch, closing(Journal(Path(":memory:"))) as journal:
        patch.setattr(fanout, "FLUSH", piece)
        log, revisions = ReportLog(journal), Counter[str]()
        sizes: list[int] = []
        put = journal.put_reports

        def written(reports: list[tuple[str, list[pb.Copy], int]]) -> None:
            put(reports)
            sizes.append(sum(len(copies) for _, copies, _ in reports))
            # As if the supervisor died here.
            for user in revisions:
                found = {made.revision for _, made in journal.copies_after(0, END, user)}
                assert found == set(range(1, journal.mark(user).acked_revision + 1))
                assert journal.mark(user).acked_seq in {0, revisions[user]}

        patch.setattr(journal, "put_reports", written)
        for user, number in told:
            journal.join(user)
            first = revisions[user] + 1
            revisions[user] += number
            copies = [copy(user, [seq], revision=seq) for seq in range(first, first + number)]
            log.put_report(user, copies, revisions[user])
        log.flush()
        assert {user: journal.mark(user) for user in revisions} == {
            user: UserMark(0, last, last) for user, last in revisions.items()
        }
        assert max(sizes, default=0) <= piece


def test_a_flush_commits_at_once_what_came_in_and_nothing_twice(journal: Journal) -> None:
    log = ReportLog(journal)
    log.flush()
    assert log.change_signal.version == 0
    log.put_report("tania", [copy("tania", [1])], 1)
    log.flush()
    log.flush()
    assert not log._work.is_set()
    assert (log.change_signal.version, journal.last_change) == (1, 1)


def test_reports_that_cannot_be_kept_end_the_committing_with_the_fault(journal: Journal) -> None:
    journal._db.execute("PRAGMA query_only=1")

    async def scene() -> None:
        log = ReportLog(journal)
        log.put_report("tania", [copy("tania", [1])], 1)
        async with asyncio.timeout(LIMIT_S):
            with pytest.raises(JournalFault) as raised:
                await log.run()
        assert isinstance(raised.value.__cause__, sqlite3.Error)
        assert log.change_signal.version == 0

    asyncio.run(scene())


def test_a_checkpoint_waits_until_no_fill_has_come_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "CHECKPOINT_EVERY", 3)
    path = tmp_path / "journal.db"
    with closing(Journal(path)) as journal:
        log = FillLog(journal)
        log.tidy()
        size = path.stat().st_size
        for number in range(20):
            log.append([fill(number, marks={"BTC": "1" * 400})], 1)
            log.tidy()
        assert path.stat().st_size == size
        monkeypatch.setattr(fanout, "QUIET_S", 0.0)
        log.tidy()
        assert path.stat().st_size > size
