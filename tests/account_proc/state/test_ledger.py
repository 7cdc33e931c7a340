"""The ledger gives back what was put in, all of a step or nothing of it, and is never taken for another
one or begun anew.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from krakencopy.account_proc.contract.copied_coins import Exchanged
from krakencopy.account_proc.contract.copy_state import MAY_BE_LIVE, CopyState, Reason
from krakencopy.account_proc.contract.errors import LedgerFault
from krakencopy.account_proc.domain.copy_plan import OrderPlan, Slice
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.domain.quantities import BaseVolume, QuoteAmount, Ratio, Side
from krakencopy.account_proc.domain.requested_order import OwnPosition, RequestedOrder
from krakencopy.account_proc.domain.sizing import CopyBook
from krakencopy.account_proc.runtime import sqlite_file as database
from krakencopy.account_proc.state.ledger import PLANS_IN_MEMORY, Ledger
from tests.support.torn import KilledFile

one_ledger = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])

numbers = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30)
bases, quotes = st.builds(BaseVolume, numbers), st.builds(QuoteAmount, numbers)
texts = st.text(max_size=20)
ids = st.text("abcXYZ0123456789-/", min_size=1, max_size=12)
times = st.floats(min_value=0, max_value=4e9)
slices = st.lists(st.builds(Slice, order_id=ids, volume=bases, cost=quotes, copy_id=texts), max_size=3)
copies = st.builds(
    CopyRecord,
    copy_id=ids,
    fill_seqs=st.lists(st.integers(1, 2**62), max_size=4).map(tuple),
    pair=texts,
    side=st.sampled_from(Side),
    state=st.sampled_from(CopyState),
    reason=st.sampled_from(Reason) | texts,
    detail=texts,
    planned=numbers,
    ordered=numbers,
    filled=numbers,
    cost=numbers,
    fee=numbers,
    fee_asset=texts,
    fee_base=numbers,
    limit_price=st.none() | numbers,
    master_price=numbers,
    order_id=texts,
    cl_ord_id=texts,
    attempts=st.integers(0, 99),
    joined_copy_id=texts,
    carried_in=st.lists(texts, max_size=3).map(tuple),
    slices=slices.map(tuple),
    sweep=st.booleans(),
    user_equity=numbers,
    deadline=times,
    executed_at=times,
    received_at=times,
    decided_at=times,
    sent_at=times,
    acknowledged_at=times,
    finished_at=times,
)
plans = st.builds(
    OrderPlan, order_id=ids, ratio=st.builds(Ratio, numbers), cap=quotes,
    user_equity=quotes, master_volume=bases, target=bases, allotted=bases, cost=quotes,
)  # fmt: skip
requested_orders = st.builds(
    RequestedOrder,
    request_id=texts.filter(bool),
    cl_ord_id=ids,
    pair=texts,
    side=st.sampled_from(Side),
    volume=numbers,
    limit_price=st.none() | numbers,
    state=st.sampled_from(CopyState),
    deadline=times,
    order_id=texts,
    description=texts,
    error=texts,
    strategy=texts,
    filled=numbers,
    cost=numbers,
    fee_base=numbers,
    fee_quote=numbers,
)
#: Of an own order, before there were strategies.
EARLY_FIELDS = {
    "request_id",
    "cl_ord_id",
    "pair",
    "side",
    "volume",
    "limit_price",
    "state",
    "deadline",
    "order_id",
    "description",
    "error",
}


@contextmanager
def opened(path: Path, account_id: str = "tania") -> Iterator[Ledger]:
    with closing(Ledger(path, account_id)) as ledger:
        yield ledger


def copy(copy_id: str, state: CopyState = CopyState.SKIPPED) -> CopyRecord:
    return CopyRecord(
        copy_id=copy_id, fill_seqs=(1,), pair="BTC/USD", side=Side.BUY, state=state, reason="", detail=""
    )


def plan(order_id: str) -> OrderPlan:
    none = QuoteAmount(Decimal(0))
    return OrderPlan(
        order_id=order_id, ratio=Ratio(Decimal(1)), cap=none, user_equity=none,
    )  # fmt: skip


# -- what is put in comes out ------------------------------------------------------------------------------


def test_a_new_ledger_knows_nothing(tmp_path: Path) -> None:
    with opened(tmp_path / "accounts" / "tania.db") as ledger:
        assert (ledger.cursor, ledger.journal_id, ledger.revision) == (None, None, 0)
        assert ledger.pending_fills() == []
        assert [*ledger.open_copies(), *ledger.copies_after(0, 10)] == []
        assert [ledger.get_plan("O1"), ledger.copy("c1"), ledger.requested_order("r1")] == [None, None, None]
        assert list(ledger.load_book().coins) == []


@one_ledger
@given(st.lists(copies, min_size=1, max_size=4, unique_by=lambda copy: copy.copy_id))
def test_copies_come_back_as_they_were(tmp_path: Path, records: list[CopyRecord]) -> None:
    path = tmp_path / "copies.db"
    with opened(path) as ledger:
        before = ledger.revision
        ledger.commit(copies=records)
    with opened(path) as ledger:
        assert ledger.copies_after(before, 10) == records
        assert [ledger.copy(record.copy_id) for record in records] == records
        assert [record.revision for record in records] == [
            before + 1 + index for index in range(len(records))
        ]
        live = [record for record in records if record.state in MAY_BE_LIVE]
        assert [found for found in ledger.open_copies() if found.revision > before] == live


@one_ledger
@given(st.lists(plans, min_size=1, max_size=4, unique_by=lambda plan: plan.order_id))
def test_plans_come_back_as_they_were(tmp_path: Path, kept: list[OrderPlan]) -> None:
    path = tmp_path / "plans.db"
    with opened(path) as ledger:
        for each in kept:
            ledger.put_plan(each)
        ledger.commit()
    with opened(path) as ledger:
        assert [ledger.get_plan(each.order_id) for each in kept] == kept


@one_ledger
@given(ids, bases, quotes, slices, slices)
def test_the_book_comes_back_as_it_was(
    tmp_path: Path, pair: str, volume: BaseVolume, cost: QuoteAmount, buys: list[Slice], sells: list[Slice]
) -> None:
    path = tmp_path / "book.db"
    with opened(path) as ledger:
        book = CopyBook(ledger)
        book.coins.bought(Exchanged(base=pair, quote="USD", volume=volume.amount, cost=cost.amount))
        position = book.coins.position(pair)
        for side, pieces in ((Side.BUY, buys), (Side.SELL, sells)):
            for piece in pieces:
                book.carry(pair, side, [piece], piece.copy_id)
        ledger.commit(book=book)
    with opened(path) as ledger:
        found = ledger.load_book()
        assert found.coins.position(pair) == position
        assert found.carried.get((pair, Side.BUY), []) == buys
        assert found.carried.get((pair, Side.SELL), []) == sells


@one_ledger
@given(requested_orders)
def test_orders_that_were_asked_for_come_back_as_they_were(tmp_path: Path, order: RequestedOrder) -> None:
    path = tmp_path / "own.db"
    with opened(path) as ledger:
        ledger.put_requested_order(replace(order, error="an earlier state"))
        ledger.put_requested_order(order)
    with opened(path) as ledger:
        assert ledger.requested_order(order.request_id) == order


def test_fills_wait_in_order_until_they_are_answered(tmp_path: Path) -> None:
    with opened(tmp_path / "tania.db") as ledger:
        ledger.join("journal", 4)
        for seq in (5, 6, 7):
            ledger.commit(cursor=(seq, f"T{seq}"), add_pending=[(seq, b"fill %d\0" % seq)])
        ledger.commit(drop_pending=[6])
    with opened(tmp_path / "tania.db") as ledger:
        assert ledger.pending_fills() == [(5, b"fill 5\0"), (7, b"fill 7\0")]
        assert (ledger.cursor, ledger.cursor_exec_id, ledger.journal_id) == (7, "T7", "journal")


def test_a_copy_that_changes_gets_a_new_revision_and_is_told_once_more(tmp_path: Path) -> None:
    with opened(tmp_path / "tania.db") as ledger:
        first, second = copy("c1", CopyState.INTENT), copy("c2", CopyState.UNKNOWN)
        ledger.commit(copies=(first, second))
        assert [found.copy_id for found in ledger.open_copies()] == ["c1", "c2"]
        first.state = CopyState.FILLED
        ledger.commit(copies=(first,))
        assert [(found.copy_id, found.revision) for found in ledger.copies_after(1, 10)] == [
            ("c2", 2),
            ("c1", 3),
        ]
        assert [found.copy_id for found in ledger.copies_after(0, 1)] == ["c2"]
        assert [found.copy_id for found in ledger.open_copies()] == ["c2"]


def test_plans_that_do_not_stay_in_memory_are_read_again(tmp_path: Path) -> None:
    many = PLANS_IN_MEMORY + 10
    with opened(tmp_path / "tania.db") as ledger:
        for number in range(many):
            ledger.put_plan(replace(plan(f"O{number}"), master_volume=BaseVolume(Decimal(number))))
        ledger.commit()
        assert len(ledger._plans) == PLANS_IN_MEMORY
        for number in range(many):
            found = ledger.get_plan(f"O{number}")
            assert found is not None
            assert found.master_volume.amount == number
        late = ledger.get_plan("O0")
        assert late is not None
        late.master_volume = BaseVolume(Decimal(-1))
        ledger.put_plan(late)
        ledger.commit()
        assert len(ledger._plans) == PLANS_IN_MEMORY
    with opened(tmp_path / "tania.db") as ledger:
        assert ledger.get_plan("O0") == late


# -- all or nothing ----------------------------------------------------------------------------------------


def test_a_step_that_cannot_be_written_whole_is_not_written_at_all(tmp_path: Path) -> None:
    path = tmp_path / "tania.db"
    with opened(path) as ledger:
        ledger.join("journal", 0)
        ledger.commit(cursor=(1, "T1"), add_pending=[(1, b"one")])
        book = CopyBook(ledger)
        book.coins.change("BTC").volume = Decimal(1)
        ledger.put_plan(plan("O1"))
        with pytest.raises(LedgerFault, match="nothing more is traded"):
            ledger.commit(
                copies=[copy("c1")],
                book=book,
                cursor=(2, "T2"),
                add_pending=[(1, b"again")],
            )
    with opened(path) as ledger:
        assert (ledger.cursor, ledger.revision, ledger.pending_fills()) == (1, 0, [(1, b"one")])
        assert [ledger.copy("c1"), ledger.get_plan("O1")] == [None, None]
        assert list(ledger.load_book().coins) == []


def test_a_full_disk_is_a_fault_and_the_file_still_opens_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "tania.db"
    with opened(path) as ledger:
        ledger.commit(copies=[copy("c1")])
        pages = ledger._db.execute("PRAGMA page_count").fetchone()[0]
        ledger._db.execute(f"PRAGMA max_page_count={pages}")
        with pytest.raises(LedgerFault, match="full"):
            ledger.commit(
                copies=[copy("c1", CopyState.FILLED), *(copy(f"c{number}") for number in range(2, 500))]
            )
    with opened(path) as ledger:
        assert [(found.copy_id, found.state) for found in ledger.copies_after(0, 10)] == [
            ("c1", CopyState.SKIPPED)
        ]
        ledger.commit(copies=[copy("c2")])


def step_of(ledger: Ledger) -> int:
    """How many steps are in it, each of them whole."""
    step = ledger.cursor or 0
    found = ledger.get_plan("O1")
    assert (0 if found is None else found.master_volume.amount) == step
    assert ledger.load_book().coins.volume("BTC") == step
    assert ledger.revision == step
    return step


def test_cut_off_at_any_byte_it_is_one_whole_step_or_the_one_before_or_says_that_it_is_damaged(
    tmp_path: Path,
) -> None:
    path, steps = tmp_path / "tania.db", 3
    with opened(path) as ledger:
        ledger.join("journal", 0)
        for step in range(1, steps + 1):
            book = CopyBook(ledger)
            book.coins.change("BTC").volume = Decimal(step)
            ledger.put_plan(replace(plan("O1"), master_volume=BaseVolume(Decimal(step))))
            ledger.commit(copies=[copy("c1")], book=book, cursor=(step, f"T{step}"))
        killed = KilledFile(path, tmp_path / "killed.db")
    found = []
    for _ in killed.cut_at_every_byte():
        try:
            with opened(killed.path) as ledger:
                found.append(step_of(ledger))
        except LedgerFault as fault:
            found.append(-1 if "killed.db-wal belongs beside it" in str(fault) else -99)
    assert found == sorted(found, reverse=True)
    assert set(found) == {-1, *range(steps + 1)}


def test_a_ledger_without_its_log_is_refused_and_with_it_again_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "tania.db"
    with opened(path) as ledger:
        ledger.commit(copies=[copy("c1")])
        killed = KilledFile(path, tmp_path / "killed.db")
    killed.without_log()
    with pytest.raises(LedgerFault, match=r"killed\.db-wal belongs beside it"), opened(killed.path):
        pass
    with opened(path) as ledger:
        assert ledger.revision == 1
    # Closed in order, the file is whole by itself.
    assert not Path(f"{path}-wal").exists()


def test_a_checkpoint_is_made_when_there_is_time_for_it_or_when_it_is_overdue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "CHECKPOINT_EVERY", 5)
    monkeypatch.setattr(database, "CHECKPOINT_SPREAD", 1.0)
    monkeypatch.setattr(database, "CHECKPOINT_OVERDUE", 20)
    with opened(tmp_path / "tania.db") as ledger:
        checkpoints: list[str] = []

        def note(statement: str) -> None:
            checkpoints.extend(["made"] if "wal_checkpoint" in statement else [])

        ledger._db.set_trace_callback(note)
        made = []
        for number in range(30):
            ledger.commit(copies=[copy(f"c{number}")])
            if number in {3, 6, 8}:
                ledger.tidy()
            made.append(len(checkpoints))
        # After 4 writes there is nothing to do yet; after 7 there is; then not again until it is overdue.
        assert [made.index(count) for count in (1, 2)] == [6, 26]


def test_what_was_checkpointed_long_ago_still_needs_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "CHECKPOINT_OVERDUE", 10)
    path = tmp_path / "tania.db"
    with opened(path) as ledger:
        for number in range(25):
            ledger.commit(copies=[copy(f"c{number}")])
        killed = KilledFile(path, tmp_path / "killed.db")
    with opened(killed.path) as ledger:
        assert ledger.revision == 25
        again = KilledFile(killed.path, tmp_path / "again.db")
    again.without_log()
    with pytest.raises(LedgerFault, match=r"again\.db-wal belongs beside it"), opened(again.path):
        pass


#: What each schema added to the one before.
ADDED = {
    4: (
        "DROP TABLE positions",
        "DROP TABLE carried",
        "CREATE TABLE pairs (pair TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID",
        """INSERT INTO pairs
           VALUES ('BTC/EUR', '{"volume": "0.25", "cost": "10000", "buy": [], "sell": []}')""",
        """INSERT INTO pairs VALUES ('BTC/USD', '{"volume": "0.5", "cost": "25000", "buy": [], "sell": [
           {"order_id": "", "volume": "0.1", "cost": "0", "copy_id": "c1"}]}')""",
    ),
    3: ("DROP TABLE own_positions", "DROP INDEX own_orders_live", "ALTER TABLE own_orders DROP COLUMN live"),
    2: ("DROP TABLE order_ids", "DROP TABLE drifts"),
}


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_ledger_of_an_earlier_schema_is_brought_up_to_date_and_keeps_everything(
    tmp_path: Path, version: int
) -> None:
    path = tmp_path / "tania.db"
    asked = RequestedOrder(
        request_id="r1", cl_ord_id="id", pair="BTC/USD", side=Side.BUY, volume=Decimal(1), limit_price=None,
        state=CopyState.ACKNOWLEDGED, deadline=5.0,
    )  # fmt: skip
    with opened(path) as ledger:
        ledger.join("journal", 4)
        ledger.commit(copies=[copy("c1")], cursor=(5, "T5"))
        ledger.put_requested_order(asked)
        for newer in (4, 3, 2):
            for undo in ADDED[newer] if newer > version else ():
                ledger._db.execute(undo)
        early = {name: value for name, value in json.loads(asked.to_json()).items() if name in EARLY_FIELDS}
        ledger._db.execute("UPDATE own_orders SET body = ?", (json.dumps(early),))
        ledger._db.execute(f"PRAGMA user_version={version}")
    with opened(path) as ledger:
        assert (ledger.cursor, ledger.revision, ledger.owner("any")) == (5, 1, None)
        assert (ledger.requested_order("r1"), ledger.live_requested_orders()) == (asked, [])
        ledger.put_reconciled(7.0, [])
        assert ledger.reconciled_at == 7.0
        book = ledger.load_book()
        held = book.coins.position("BTC")
        assert (held.volume, held.costs) == (
            Decimal("0.75"),
            {"EUR": Decimal(10_000), "USD": Decimal(25_000)},
        )
        assert book.owed("BTC").amount == Decimal("0.1")


# -- orders of a strategy ----------------------------------------------------------------------------------


def of_strategy(
    request_id: str, side: Side, state: CopyState, filled: str, fee_base: str = "0"
) -> RequestedOrder:
    return RequestedOrder(
        request_id=request_id,
        cl_ord_id=request_id,
        pair="BTC/USD",
        side=side,
        volume=Decimal(2),
        limit_price=None,
        state=state,
        deadline=5.0,
        strategy="sma",
        filled=Decimal(filled),
        cost=Decimal(filled) * 100,
        fee_base=Decimal(fee_base),
    )


def test_a_strategys_order_is_live_until_its_end_and_then_counts_once_into_its_position(
    tmp_path: Path,
) -> None:
    path = tmp_path / "tania.db"
    with opened(path) as ledger:
        ledger.put_requested_order(of_strategy("a", Side.BUY, CopyState.INTENT, "0"))
        ledger.put_requested_order(of_strategy("b", Side.BUY, CopyState.INTENT, "0"))
    with opened(path) as ledger:
        assert [order.request_id for order in ledger.live_requested_orders()] == ["a", "b"]
        for _ in range(2):  # told twice, counted once
            ledger.put_requested_order(
                of_strategy("a", Side.BUY, CopyState.PART_FILLED, "1.5", fee_base="0.1")
            )
        ledger.put_requested_order(of_strategy("b", Side.BUY, CopyState.REJECTED, "0"))
        assert ledger.own_positions() == {"BTC/USD": OwnPosition(Decimal("1.4"), Decimal(150))}
        assert ledger.live_requested_orders() == []
    with opened(path) as ledger:
        ledger.put_requested_order(of_strategy("c", Side.SELL, CopyState.INTENT, "0"))
        ledger.put_requested_order(of_strategy("c", Side.SELL, CopyState.FILLED, "0.7"))
        assert ledger.own_positions() == {"BTC/USD": OwnPosition(Decimal("0.7"), Decimal(75))}


def test_an_order_that_an_operator_asked_for_is_never_a_strategys(tmp_path: Path) -> None:
    with opened(tmp_path / "tania.db") as ledger:
        for state in (CopyState.INTENT, CopyState.ACKNOWLEDGED):
            ledger.put_requested_order(replace(of_strategy("a", Side.BUY, state, "1"), strategy=""))
        assert (ledger.live_requested_orders(), ledger.own_positions()) == ([], {})


# -- whose it is, and what it is ---------------------------------------------------------------------------


def test_another_accounts_ledger_is_refused_and_left_alone(tmp_path: Path) -> None:
    with opened(tmp_path / "tania.db") as ledger:
        ledger.commit(copies=[copy("c1")])
    with pytest.raises(LedgerFault, match="belongs to account 'tania', not 'jim'"):
        Ledger(tmp_path / "tania.db", "jim")
    with opened(tmp_path / "tania.db") as ledger:
        assert ledger.copy("c1") is not None


def test_a_ledger_of_another_schema_is_refused(tmp_path: Path) -> None:
    with opened(tmp_path / "tania.db") as ledger:
        ledger._db.execute("PRAGMA user_version=7")
    with pytest.raises(LedgerFault, match="has schema 7, this program knows 4"):
        Ledger(tmp_path / "tania.db", "tania")


@pytest.mark.parametrize("version", [0, 1])
def test_another_programs_database_is_refused_and_keeps_its_tables(tmp_path: Path, version: int) -> None:
    path = tmp_path / "tania.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE songs (title TEXT)")
        other.execute(f"PRAGMA user_version={version}")
        other.commit()
    with pytest.raises(LedgerFault, match=r"another program's database|no such table: meta"):
        Ledger(path, "tania")
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("songs",)]


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "tania.db"
    path.write_text("dear diary " * 1_000)
    with pytest.raises(LedgerFault, match="not a database"):
        Ledger(path, "tania")
    assert path.read_text() == "dear diary " * 1_000


def test_a_folder_in_the_files_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LedgerFault, match="Is a directory"):
        Ledger(tmp_path, "tania")


def filled(path: Path) -> bytes:
    with opened(path) as ledger:
        ledger.join("journal", 0)
        for number in range(300):
            ledger.commit(copies=[copy(f"c{number}")])
    return path.read_bytes()


PAGE = 4_096


def test_a_ledger_that_was_cut_short_is_refused_and_never_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "tania.db"
    whole = filled(path)
    for length in [2, 16, 99, 512, PAGE - 1, PAGE, PAGE + 1, *range(2 * PAGE, len(whole), 3 * PAGE)]:
        path.write_bytes(whole[:length])
        with pytest.raises(LedgerFault, match=str(path)):
            Ledger(path, "tania")
        assert path.read_bytes()[:16] == whole[: min(16, length)]
        for leftover in tmp_path.glob("tania.db-*"):
            leftover.unlink()
    path.write_bytes(whole)
    with opened(path) as ledger:
        assert ledger.revision == 300


@pytest.mark.parametrize("cut_to", [0, 1, -1])
def test_a_ledger_of_which_nearly_all_or_nearly_nothing_is_gone_is_refused(
    tmp_path: Path, cut_to: int
) -> None:
    path = tmp_path / "tania.db"
    path.write_bytes(filled(path)[:cut_to])
    with pytest.raises(LedgerFault):
        Ledger(path, "tania").close()


@pytest.mark.parametrize("page", [0, 1, 2, 10, -1])
def test_a_damaged_page_is_refused(tmp_path: Path, page: int) -> None:
    path = tmp_path / "tania.db"
    whole = filled(path)
    pages = [whole[at : at + PAGE] for at in range(0, len(whole), PAGE)]
    pages[page] = b"\xff" * PAGE
    path.write_bytes(b"".join(pages))
    with pytest.raises(LedgerFault, match=str(path)):
        Ledger(path, "tania")


def test_a_row_that_cannot_be_read_is_a_fault_of_the_ledger(tmp_path: Path) -> None:
    with opened(tmp_path / "tania.db") as ledger:
        ledger._db.execute("INSERT INTO carried VALUES ('BTC/USD', '{')")
        with pytest.raises(LedgerFault):
            ledger.load_book()


def test_a_ledger_that_is_closed_says_so(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "tania.db", "tania")
    ledger.close()
    with pytest.raises(LedgerFault, match="closed"):
        ledger.commit(cursor=(1, "T1"))


def test_a_new_file_is_on_the_disk_as_a_whole_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "anna.db"
    synced: list[tuple[str, bool]] = []
    sync = os.fsync

    def noted(descriptor: int) -> None:
        synced.append((Path(f"/proc/self/fd/{descriptor}").readlink().name, path.exists()))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    Ledger(path, "anna").close()
    assert synced == [("anna.db.new", False), (tmp_path.name, True)]
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert [leftover.name for leftover in tmp_path.glob("*.new*")] == []
