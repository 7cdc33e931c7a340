"""What the journal took stays in it, once and in order; what it cannot read or write it refuses and never
makes empty.
"""

from __future__ import annotations

import resource
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.supervisor.journal.journal import Journal, JournalFault, UserMark
from krakencopy.supervisor.journal.schema import SCHEMA_VERSION
from krakencopy.v1 import types_pb2 as pb
from tests.support.supervisor_samples import NOW, copy, event, fill
from tests.support.torn import KilledFile

USERS = ("daivon", "tania")
#: Larger than any number that is given out.
END = 2**62


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    with closing(Journal(path)) as journal:
        yield journal


def exec_ids(journal: Journal) -> list[tuple[int, str]]:
    return [(fill.seq, fill.exec_id) for fill in journal.fills_after(0, END)]


def refused(path: Path) -> str:
    with pytest.raises(JournalFault) as raised:
        Journal(path)
    assert str(path) in str(raised.value)
    still_open = {one.resolve() for one in Path("/proc/self/fd").iterdir()}
    assert path not in still_open
    return str(raised.value)


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


def test_what_is_written_together_is_one_commit_and_nothing_of_it_stays_when_it_is_broken_off(
    path: Path,
) -> None:
    def break_off(journal: Journal) -> None:
        with journal.together():
            journal.add_event(pb.Event(code="C"))
            raise ZeroDivisionError

    with closing(Journal(path)) as journal, closing(sqlite3.connect(path)) as other:
        count = "SELECT count(*) FROM events"
        with journal.together():
            journal.add_event(pb.Event(code="A"))
            journal.set_wanted("tania", wanted=False)
            assert other.execute(count).fetchone() == (0,)
        assert other.execute(count).fetchone() == (1,)
        with journal.together():
            pass
        journal.add_event(pb.Event(code="B"))
        assert other.execute(count).fetchone() == (2,)
        with pytest.raises(ZeroDivisionError):
            break_off(journal)
        assert other.execute(count).fetchone() == (2,)
    with closing(Journal(path)) as journal:
        assert [one.code for one in journal.events_after(0, 10)] == ["A", "B"]
        assert not journal.wanted("tania")


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


def test_what_it_took_is_on_the_disk_when_it_says_so(journal: Journal) -> None:
    """FULL: with less, a loss of power may take back a fill that users have copied."""
    full = 2
    assert journal._db.execute("PRAGMA synchronous").fetchone() == (full,)
    assert journal._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


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
        return copies, journal.mark("tania"), journal.ends(), journal.answered("tania", 0)

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
    assert [journal.answered("tania", after) for after in (0, 1, 3)] == [3, 2, 0]
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


def test_two_journals_are_never_taken_for_one_another(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "a.db")) as one, closing(Journal(tmp_path / "b.db")) as other:
        assert one.journal_id != other.journal_id


# -- what cannot be read -----------------------------------------------------------------------------------


def filled(path: Path, fills: int = 40) -> None:
    with closing(Journal(path)) as journal:
        journal.append([fill(n) for n in range(1, fills + 1)], 1)
        journal.put_reports([(user, [copy(user, [n]) for n in range(1, fills + 1)], fills) for user in USERS])
    assert not path.with_name("journal.db-wal").exists()


@cache
def filled_content() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.db"
        filled(path)
        return path.read_bytes()


def run_sql(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for statement in statements:
            db.execute(statement)


@pytest.mark.parametrize("content", [b"hello", b"unix_time,price,volume\n" * 400, b"\0" * 8192])
def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert "not a database" in refused(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("statements", "words"),
    [
        (["CREATE TABLE songs (name TEXT)"], "another program's database"),
        (["CREATE TABLE songs (name TEXT)", "PRAGMA user_version=1"], "no such table"),
        (
            ["CREATE TABLE meta (key TEXT, value TEXT)", "PRAGMA user_version=1"],
            "is not a journal of krakencopy",
        ),
        (["CREATE TABLE meta (name TEXT)", "PRAGMA user_version=1"], "no such column"),
        (["PRAGMA user_version=5"], "has schema 5, this program knows 4"),
        (["PRAGMA user_version=-1"], "has schema -1, this program knows 4"),
    ],
)
def test_another_programs_or_versions_database_is_refused_and_left_alone(
    path: Path, statements: list[str], words: str
) -> None:
    run_sql(path, *statements)
    before = path.read_bytes()
    assert words in refused(path)
    assert path.read_bytes() == before


def test_a_users_ledger_is_not_a_journal(path: Path) -> None:
    with closing(Ledger(path, "tania")) as ledger:
        ledger._db.execute("PRAGMA user_version=1")
    assert "is not a journal of krakencopy" in refused(path)


@pytest.mark.parametrize("key", ["journal_id", "created_at", "epoch"])
def test_a_journal_that_lost_a_part_of_itself_is_refused(path: Path, key: str) -> None:
    filled(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("DELETE FROM meta WHERE key = ?", (key,))
    assert "is not a journal of krakencopy" in refused(path)


def test_a_journal_of_a_newer_program_keeps_its_fills(path: Path) -> None:
    filled(path)
    run_sql(path, f"PRAGMA user_version={SCHEMA_VERSION + 1}")
    assert f"schema {SCHEMA_VERSION + 1}" in refused(path)
    run_sql(path, f"PRAGMA user_version={SCHEMA_VERSION}")
    with closing(Journal(path)) as journal:
        assert journal.head == 40


def test_a_journal_of_the_first_version_keeps_its_fills_and_learns_of_ends(path: Path) -> None:
    filled(path)
    run_sql(
        path, "DROP TABLE process_ends", "DROP TABLE positions", "DROP TABLE renames", "PRAGMA user_version=1"
    )
    for _ in range(2):
        with closing(Journal(path)) as journal:
            assert journal.head == 40
            assert journal.process_ends() == {}
    with closing(Journal(path)) as journal:
        journal.put_process_end("tania", pb.ProcessEnd(pid=1))
        journal.put_process_end("tania", pb.ProcessEnd(pid=2))
    with closing(Journal(path)) as journal:
        assert journal.process_ends() == {"tania": pb.ProcessEnd(pid=2)}


def test_a_journal_of_before_knows_its_renames_and_lets_a_name_be_given_again(path: Path) -> None:
    filled(path)
    run_sql(
        path,
        "DROP TABLE renames",
        "CREATE TABLE renames (number INTEGER PRIMARY KEY, old_name TEXT NOT NULL UNIQUE, new_name TEXT NOT "
        "NULL)",
        "INSERT INTO renames VALUES (1, 'ETH', 'NEW')",
        "PRAGMA user_version=3",
    )
    with closing(Journal(path)) as journal:
        assert journal.current_name("ETH") == "NEW"
        assert not journal.rename("ETH", "NEW")
        with pytest.raises(ValueError, match="ETH was renamed to NEW already"):
            journal.rename("ETH", "OTHER")
        assert journal.rename("NEW", "ETH")
        assert journal.rename("ETH", "NEW")
        assert journal.rename("NEW", "ETH")
    with closing(Journal(path)) as journal:
        assert [rename.number for rename in journal.renames] == [1, 2, 3, 4]
        assert (journal.current_name("ETH"), journal.current_name("NEW")) == ("ETH", "ETH")


def test_a_name_in_a_fill_means_the_coin_that_had_it_then(path: Path) -> None:
    filled(path)
    with closing(Journal(path)) as journal:
        journal.rename("LUNA", "LUNC")
        journal.rename("LUNA2", "LUNA")
    with closing(Journal(path)) as journal:
        for pair, before, after in (
            ("LUNA/USD", "LUNC/USD", "LUNA/USD"),
            ("LUNA2/USD", "LUNA/USD", "LUNA2/USD"),
            ("ETH/LUNA", "ETH/LUNC", "ETH/LUNA"),
            ("LUNA", "LUNA", "LUNA"),
        ):
            assert journal.pair_now(pb.Fill(seq=journal.head, pair=pair)) == before
            assert journal.pair_now(pb.Fill(seq=journal.head + 1, pair=pair)) == after


def test_a_folder_that_does_not_exist_and_a_folder_in_its_place_are_refused(tmp_path: Path) -> None:
    refused(tmp_path / "nowhere" / "journal.db")
    refused(tmp_path)


def refused_or_whole(path: Path) -> bool:
    """Whether it was refused; if not, every fill must be where it was."""
    try:
        journal = Journal(path)
    except JournalFault:
        return True
    with closing(journal):
        assert journal.head == 40
        with suppress(JournalFault):  # the bit that says who may write it is one of those that can flip
            assert journal.next_epoch() > 0
    return False


def test_a_journal_that_lost_its_end_is_refused(path: Path) -> None:
    filled(path)
    whole = path.read_bytes()
    for size in (0, 1, 2, 15, 16, 99, 100, *range(512, len(whole), 512), len(whole) - 1):
        path.write_bytes(whole[:size])
        assert refused_or_whole(path), f"cut off at {size}"
        assert path.stat().st_size == size


def test_cut_off_at_any_byte_of_its_log_it_has_the_first_fills_or_says_that_it_is_damaged(path: Path) -> None:
    with closing(Journal(path)) as journal:
        epoch = journal.next_epoch()
        for number in range(1, 5):
            journal.append([fill(number)], epoch)
        killed = KilledFile(path, path.with_name("killed.db"))
    found = []
    for _ in killed.cut_at_every_byte():
        try:
            journal = Journal(killed.path)
        except JournalFault as fault:
            found.append(-1 if "killed.db-wal belongs beside it" in str(fault) else -99)
            continue
        with closing(journal):
            told = [one.exec_id for one in journal.fills_after(0, 10)]
            assert told == [fill(number).exec_id for number in range(1, journal.head + 1)]
            # No run is ever numbered like an earlier one, whatever was lost.
            assert journal.next_epoch() == epoch + 1
            found.append(journal.head)
    assert found == sorted(found, reverse=True)
    assert set(found) == {-1, 0, 1, 2, 3, 4}


def test_a_journal_that_was_never_finished_is_begun_again(path: Path) -> None:
    path.with_name("journal.db.new").write_bytes(b"half of a page")
    with closing(Journal(path)) as journal:
        assert journal.head == 0
    assert [one.name for one in path.parent.iterdir()] == ["journal.db"]


@settings(max_examples=100, deadline=None)
@given(place=st.integers(0, 200) | st.integers(0, 10**6), bit=st.integers(0, 7))
@example(place=125, bit=3)  # in the schema's text, which is then no text
def test_a_flipped_bit_is_refused_or_leaves_every_fill_where_it_was(place: int, bit: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.db"
        content = bytearray(filled_content())
        content[place % len(content)] ^= 1 << bit
        path.write_bytes(content)
        refused_or_whole(path)


def test_a_row_that_cannot_be_read_is_a_fault_of_the_journal(path: Path) -> None:
    filled(path)
    run_sql(path, "UPDATE fills SET body = x'ff' WHERE seq = 3")
    with closing(Journal(path)) as journal, pytest.raises(JournalFault, match="is damaged"):
        journal.fill(seq=3)


# -- what cannot be written --------------------------------------------------------------------------------


def test_a_journal_with_a_gap_is_refused(path: Path) -> None:
    filled(path)
    run_sql(path, "DELETE FROM fills WHERE seq = 20")
    assert "ends with fill 40 and has 39" in refused(path)


@contextmanager
def full_by_pages(journal: Journal) -> Iterator[None]:
    pages_now = journal._db.execute("PRAGMA page_count").fetchone()[0]
    journal._db.execute(f"PRAGMA max_page_count={pages_now}")
    yield
    journal._db.execute("PRAGMA max_page_count=1000000")


@contextmanager
def full_by_the_kernel(journal: Journal) -> Iterator[None]:
    """No file of this process may grow: the write itself fails, at the commit."""
    wal = journal.path.with_name("journal.db-wal")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (wal.stat().st_size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def full_amid_a_write(journal: Journal) -> Iterator[None]:
    """As above, but SQLite's memory is so small that it writes, and fails, before the commit."""
    journal._db.execute("PRAGMA cache_size=5")
    with full_by_the_kernel(journal):
        yield


@pytest.mark.parametrize("full", [full_by_pages, full_by_the_kernel, full_amid_a_write])
def test_when_the_disk_is_full_it_says_so_and_nothing_is_half_written(
    path: Path, full: Callable[[Journal], Any]
) -> None:
    many = [fill(n) for n in range(3, 3_000)]
    with closing(Journal(path)) as journal:
        journal.append([fill(1), fill(2)], 1)
        journal.join("tania")
        reports = [("tania", [copy("tania", [n]) for n in range(1, 3_000)], 2)]
        with full(journal):
            for write in (lambda: journal.append(many, 1), lambda: journal.put_reports(reports)):
                with pytest.raises(JournalFault, match=r"disk is full|disk I/O error") as raised:
                    write()
                assert str(path) in str(raised.value)
                assert "nothing is copied before it can be written" in str(raised.value)
            assert (journal.head, journal.last_change) == (2, 0)
            assert exec_ids(journal) == [(1, "E1"), (2, "E2")]
            assert journal.copies_after(0, END) == []
            assert journal.mark("tania") == UserMark(2, 2, 0)
    with closing(Journal(path)) as journal:
        assert exec_ids(journal) == [(1, "E1"), (2, "E2")]
        assert [one.seq for one in journal.append(many[:2], 2)] == [3, 4]


def test_when_space_is_there_again_it_goes_on_without_a_gap(journal: Journal) -> None:
    journal.append([fill(1)], 1)
    with full_by_the_kernel(journal), pytest.raises(JournalFault):
        journal.append([fill(n) for n in range(2, 3_000)], 1)
    assert [one.seq for one in journal.append([fill(2), fill(3)], 1)] == [2, 3]


def test_an_error_amid_a_batch_leaves_nothing_of_it(journal: Journal) -> None:
    def breaks() -> Iterator[pb.Fill]:
        yield fill(1)
        raise RuntimeError("the stream broke")

    with pytest.raises(RuntimeError, match="the stream broke"):
        journal.append(breaks(), 1)
    assert (journal.head, exec_ids(journal)) == (0, [])


def test_a_journal_on_which_another_process_writes_is_a_fault(journal: Journal) -> None:
    journal._db.execute("PRAGMA busy_timeout=0")
    with closing(sqlite3.connect(journal.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalFault, match="locked"):
            journal.append([fill(1)], 1)
    assert [one.seq for one in journal.append([fill(1)], 1)] == [1]
