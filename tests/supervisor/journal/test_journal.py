"""What the journal took stays in it, once and in order."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from krakencopy.supervisor.journal.journal import Journal, UserMark
from krakencopy.v1 import types_pb2 as pb
from tests.support.journal_samples import END, USERS, exec_ids
from tests.support.supervisor_samples import NOW, copy, event, fill

# -- anything in any order ---------------------------------------------------------------------------------


class JournalOfADay(RuleBasedStateMachine):
    """A journal that is written, closed and opened at any moment, beside plain lists that do the same."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.journal = Journal(self.folder / "journal.db")
        self.identity = (self.journal.journal_id, self.journal.created_at)
        self.epoch = self.journal.next_epoch()
        self.fills: list[str] = []
        self.marks: dict[str, UserMark] = {}
        self.copies: dict[tuple[str, str], pb.Copy] = {}
        self.order_of_change: list[tuple[str, str]] = []
        self.changes = 0
        self.stopped: set[str] = set()
        self.events: list[str] = []

    def teardown(self) -> None:
        self.journal.close()
        shutil.rmtree(self.folder)

    @rule()
    def the_supervisor_starts_again(self) -> None:
        self.journal.close()
        self.journal = Journal(self.folder / "journal.db")
        epoch = self.journal.next_epoch()
        assert epoch == self.epoch + 1
        self.epoch = epoch

    @rule(numbers=st.lists(st.integers(1, 20), max_size=8))
    def fills_arrive(self, numbers: list[int]) -> None:
        new = [f"E{n}" for n in dict.fromkeys(numbers) if f"E{n}" not in self.fills]
        added = self.journal.append([fill(n) for n in numbers], self.epoch)
        assert [one.exec_id for one in added] == new
        assert [one.seq for one in added] == list(range(len(self.fills) + 1, len(self.fills) + len(new) + 1))
        assert {one.epoch for one in added} <= {self.epoch}
        self.fills += new

    @rule(user=st.sampled_from(USERS))
    def a_user_joins(self, user: str) -> None:
        head = len(self.fills)
        self.marks.setdefault(user, UserMark(head, head, 0))
        assert self.journal.join(user) == self.marks[user]

    @rule(
        user=st.sampled_from(USERS),
        data=st.data(),
        states=st.lists(st.integers(1, 11), min_size=1, max_size=4),
    )
    def a_user_reports(self, user: str, data: st.DataObject, states: list[int]) -> None:
        self.a_user_joins(user)
        mark = self.marks[user]
        cursor = data.draw(st.integers(0, len(self.fills)))
        copies = []
        for number, state in enumerate(states, start=1):
            seq = data.draw(st.integers(1, max(len(self.fills), 1)))
            copies.append(
                copy(user, [seq], pb.CopyState.ValueType(state), revision=mark.acked_revision + number)
            )
        self.journal.put_reports([(user, copies, cursor)])
        for made in copies:
            key = (user, made.copy_id)
            self.changes += 1
            self.copies[key] = made
            self.order_of_change = [*(other for other in self.order_of_change if other != key), key]
        self.marks[user] = UserMark(mark.joined_seq, max(mark.acked_seq, cursor), copies[-1].revision)

    @rule(user=st.sampled_from(USERS), wanted=st.booleans())
    def an_operator_wants(self, user: str, wanted: bool) -> None:
        self.journal.set_wanted(user, wanted=wanted)
        (self.stopped.discard if wanted else self.stopped.add)(user)

    @rule(user=st.sampled_from(("", *USERS)))
    def something_happens(self, user: str) -> None:
        self.events.append(user)
        assert self.journal.add_event(event(len(self.events), account_id=user)).seq == len(self.events)

    @invariant()
    def it_holds_what_it_was_given(self) -> None:
        journal = self.journal
        assert (journal.journal_id, journal.created_at) == self.identity
        assert exec_ids(journal) == list(enumerate(self.fills, start=1))
        assert journal.head == len(self.fills)
        assert {user: journal.mark(user) for user in self.marks} == self.marks
        assert {user for user in USERS if not journal.wanted(user)} == self.stopped
        assert [one.account_id for one in journal.events_after(0, END)] == self.events
        assert journal.last_event == len(self.events)

    @invariant()
    def it_knows_each_copy_as_it_was_reported_last(self) -> None:
        rows = self.journal.copies_after(0, END)
        assert [made for _, made in rows] == [self.copies[key] for key in self.order_of_change]
        assert [number for number, _ in rows] == sorted({number for number, _ in rows})
        assert self.journal.last_change == (rows[-1][0] if rows else 0) == self.changes
        ends = Counter((user, made.state, made.reason) for (user, _), made in self.copies.items())
        assert {(user, state, reason): number for user, state, reason, number in self.journal.ends()} == ends


JournalOfADay.TestCase.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
TestJournalOfADay = JournalOfADay.TestCase


# -- fills -------------------------------------------------------------------------------------------------


def test_a_fill_comes_back_as_it_was_with_its_seq_its_run_and_when_it_was_journalled(
    journal: Journal,
) -> None:
    given_fill = fill(1, received=NOW + 0.25, margin=True, marks={"BTC": "10000"})
    (kept,) = journal.append([given_fill], epoch=7)
    assert (kept.seq, kept.epoch, kept.HasField("journalled_at")) == (1, 7, True)
    assert journal.fills_after(0, 10) == [kept] == [journal.fill(seq=1)] == [journal.fill(exec_id="E1")]
    kept.ClearField("seq")
    kept.ClearField("epoch")
    kept.ClearField("journalled_at")
    assert (kept.journal_position, kept.journal_position_after) == ("0", "0")
    kept.ClearField("journal_position")
    kept.ClearField("journal_position_after")
    assert kept == fill(1, received=NOW + 0.25, margin=True, marks={"BTC": "10000"})


def test_a_fill_that_is_not_there_is_none(journal: Journal) -> None:
    journal.append([fill(1)], 1)
    assert journal.fill(seq=2) is None
    assert journal.fill(exec_id="E2") is None


def test_an_execution_counts_once_in_a_batch_in_a_run_and_after_a_restart(path: Path) -> None:
    with closing(Journal(path)) as journal:
        assert len(journal.append([fill(1), fill(1), fill(2)], 1)) == 2
        assert journal.append([fill(2), fill(1)], 1) == []
    with closing(Journal(path)) as journal:
        assert [one.seq for one in journal.append([fill(2), fill(3)], 2)] == [3]
        assert exec_ids(journal) == [(1, "E1"), (2, "E2"), (3, "E3")]
        # The first word stands: a repeated fill does not change what was handed out.
        first = journal.fill(seq=2)
        assert first is not None
        assert first.epoch == 1


PAIRS = ("BTC/USD", "ETH/USD")


@settings(max_examples=25, deadline=None)
@given(
    pairs=st.lists(st.sampled_from(PAIRS), max_size=12),
    size=st.integers(1, 5),
    pair=st.sampled_from(("", *PAIRS)),
)
def test_pages_of_any_size_give_every_fill_once(pairs: list[str], size: int, pair: str) -> None:
    with closing(Journal(Path(":memory:"))) as journal:
        journal.append([fill(n, pair=name) for n, name in enumerate(pairs, start=1)], 1)
        wanted = [n for n, name in enumerate(pairs, start=1) if pair in {"", name}]
        up = pages(lambda seq: journal.fills_after(seq, size, pair), 0, lambda one: one.seq)
        down = pages(lambda seq: journal.fills_before(seq, size, pair), END, lambda one: one.seq)
    assert up == wanted
    assert down == wanted[::-1]


def pages(read: Callable[[int], list[Any]], start: int, number: Callable[[Any], int]) -> list[int]:
    found: list[int] = []
    while page := read(found[-1] if found else start):
        found += [number(row) for row in page]
    return found


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(USERS), st.integers(1, 6), st.integers(1, 11)), max_size=12),
    st.integers(1, 5),
)
def test_pages_of_any_size_give_every_copy_once_and_filters_leave_out_the_others(
    reported: list[tuple[str, int, int]], size: int
) -> None:
    with closing(Journal(Path(":memory:"))) as journal:
        for user, seq, state in reported:
            journal.put_reports([(user, [copy(user, [seq], pb.CopyState.ValueType(state))], seq)])
        everything = journal.copies_after(0, END)
        for user in ("", *USERS):
            mine = [number for number, made in everything if user in {"", made.account_id}]
            assert pages(partial(copies_up, journal, size, user), 0, first) == mine
            assert pages(partial(copies_down, journal, size, user), END, first) == mine[::-1]
        for state in range(1, 12):
            assert [row[1] for row in journal.copies_before(END, END, state=state)] == [
                made for _, made in reversed(everything) if made.state == state
            ]
        for seq in range(1, 7):
            of_fill = [row[1] for row in journal.copies_before(END, END, fill_seq=seq)]
            assert of_fill == [made for _, made in reversed(everything) if seq in made.fill_seqs]
            assert journal.copies_of_fill(seq) == {made.account_id: made for made in of_fill}


def first(row: tuple[int, pb.Copy]) -> int:
    return row[0]


def copies_up(journal: Journal, size: int, user: str, change: int) -> list[tuple[int, pb.Copy]]:
    return journal.copies_after(change, size, user)


def copies_down(journal: Journal, size: int, user: str, change: int) -> list[tuple[int, pb.Copy]]:
    return journal.copies_before(change, size, user)


def test_events_are_paged_by_account_too(journal: Journal) -> None:
    for number in range(1, 7):
        journal.add_event(event(number, account_id="tania" if number % 2 else ""))
    assert [one.seq for one in journal.events_before(END, 2, "tania")] == [5, 3]
    assert [one.seq for one in journal.events_before(5, 10, "tania")] == [3, 1]
    assert [one.seq for one in journal.events_after(4, 10)] == [5, 6]


def test_the_master_is_told_all_fills_of_every_order_that_it_might_still_fill(journal: Journal) -> None:
    journal.append(
        [
            fill(1, order_id="OLD", at=NOW),
            fill(2, order_id="LONG", at=NOW + 1),
            fill(3, order_id="LONG", at=NOW + 100),
            fill(4, order_id="NEW", at=NOW + 101),
        ],
        1,
    )
    assert [one.exec_id for one in journal.known_since(NOW + 100)] == ["E2", "E3", "E4"]
    assert journal.known_since(NOW + 102) == []
    assert journal.last_executed_at() == NOW + 101


def test_an_empty_journal_has_no_last_execution(journal: Journal) -> None:
    assert journal.last_executed_at() is None
    assert (journal.head, journal.last_change, journal.last_event) == (0, 0, 0)


# -- users and copies --------------------------------------------------------------------------------------


def test_a_user_joins_behind_the_last_fill_and_only_once(path: Path) -> None:
    with closing(Journal(path)) as journal:
        journal.append([fill(1), fill(2)], 1)
        assert journal.join("tania") == UserMark(joined_seq=2, acked_seq=2, acked_revision=0)
        journal.append([fill(3)], 1)
        journal.put_reports([("tania", [copy("tania", [3], revision=5)], 3)])
    with closing(Journal(path)) as journal:
        assert journal.join("tania") == journal.mark("tania") == UserMark(2, 3, 5)


def test_a_report_that_comes_again_changes_nothing_but_the_number_of_the_change(journal: Journal) -> None:
    journal.append([fill(1), fill(2), fill(3)], 1)
    journal.join("tania")
    report = ("tania", [copy("tania", [1, 2], revision=1), copy("tania", [3], revision=2)], 3)

    def stand() -> tuple[object, ...]:
        copies = [made for _, made in journal.copies_after(0, END)]
        return copies, journal.mark("tania"), journal.ends(), journal.answers(0, END)

    journal.put_reports([report])
    before, change = stand(), journal.last_change
    journal.put_reports([report, report])
    assert stand() == before
    assert [number for number, _ in journal.copies_after(change, END)] == [change + 3, change + 4]


def test_a_late_report_does_not_move_a_user_back(journal: Journal) -> None:
    journal.append([fill(n) for n in range(1, 10)], 1)
    journal.put_reports([("tania", [], 0)])
    journal.join("tania")
    journal.put_reports([("tania", [copy("tania", [9], revision=9)], 9)])
    journal.put_reports([("tania", [], 4), ("tania", [copy("tania", [2], revision=2)], 2)])
    assert journal.mark("tania") == UserMark(9, 9, 9)


def test_copies_are_counted_by_user_state_and_reason(journal: Journal) -> None:
    skipped = copy("tania", [3], pb.COPY_STATE_SKIPPED, reason="STALE_ENTRY")
    journal.put_reports(
        [
            ("tania", [copy("tania", [1]), copy("tania", [2]), skipped], 3),
            ("daivon", [copy("daivon", [1])], 1),
        ]
    )
    assert sorted(journal.ends()) == [
        ("daivon", pb.COPY_STATE_FILLED, "SCALED", 1),
        ("tania", pb.COPY_STATE_FILLED, "SCALED", 2),
        ("tania", pb.COPY_STATE_SKIPPED, "STALE_ENTRY", 1),
    ]
    assert sorted(journal.answers(0, 1)) == [
        (1, "daivon", "c1", pb.COPY_STATE_FILLED),
        (1, "tania", "c1", pb.COPY_STATE_FILLED),
    ]
    assert journal.answers(2, 9) == [(3, "tania", "c3", pb.COPY_STATE_SKIPPED)]
    assert journal.copy("tania", "c3") == skipped
    assert journal.copy("daivon", "c3") is None


def test_an_account_is_wanted_until_an_operator_stops_it_and_again_when_one_starts_it(path: Path) -> None:
    with closing(Journal(path)) as journal:
        assert journal.wanted("tania")
        journal.set_wanted("tania", wanted=False)
    with closing(Journal(path)) as journal:
        assert not journal.wanted("tania")
        assert journal.wanted("daivon")
        journal.set_wanted("tania", wanted=True)
        assert journal.wanted("tania")


def test_the_last_change_of_a_setting_holds_and_every_change_is_kept(path: Path) -> None:
    with closing(Journal(path)) as journal:
        assert journal.settings() == []
        journal.change_settings("anna", {"ratio": "1", "order": "market"}, "jim", 5.0)
        journal.change_settings("", {"ratio": "3"}, "ida", 6.0)
        journal.change_settings("anna", {"ratio": "2", "order": None}, "ida", 7.0)
    with closing(Journal(path)) as journal:
        assert journal.settings() == [("", "ratio", "3", "ida", 6.0), ("anna", "ratio", "2", "ida", 7.0)]
        journal.change_settings("anna", {"ratio": None}, "jim", 8.0)
        assert [row.target for row in journal.settings()] == [""]
    with closing(sqlite3.connect(path)) as file:
        rows = file.execute("SELECT at, set_by, old_value, new_value FROM setting_changes ORDER BY number")
        assert rows.fetchall() == [
            (5.0, "jim", None, "1"), (5.0, "jim", None, "market"), (6.0, "ida", None, "3"),
            (7.0, "ida", "1", "2"), (7.0, "ida", "market", None), (8.0, "jim", "2", None),
        ]  # fmt: skip
