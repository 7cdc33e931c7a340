from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from krakencopy.client.views.dashboard import ROWS_MAX, Board, change_line
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns
from tests.support import client_samples as samples


def test_an_account_is_told_once_and_again_only_when_it_stands_differently() -> None:
    board = Board()
    first = board.take_status(samples.status())
    assert [change.account.id for change in first if isinstance(change, pb.GetAccountResponse)] == [
        "master",
        "bob",
    ]
    richer = samples.user()
    richer.equity.amount, richer.cursor_seq = "1001.00", 13
    assert board.take_status(samples.status(samples.master(), richer)) == []
    waiting = samples.user("bob", nouns.ACCOUNT_STATE_WAITING, "MASTER_NOT_READY")
    [change] = board.take_status(samples.status(samples.master(), waiting))
    assert change_line(change) == "2026-01-02 04:04:06.000+01:00  account bob: WAITING (MASTER_NOT_READY)"


def test_a_copy_that_changes_keeps_one_row_and_moves_to_the_end() -> None:
    board = Board()
    board.take_status(samples.status())
    for copy in (samples.copy("bob", state=nouns.COPY_STATE_SENT), samples.copy("eve"), samples.copy("bob")):
        board.take_change(pb.WatchCopiesResponse(copy=copy))
    page = board.page(500, 100)
    rows = [line.split() for line in page[next(i for i, line in enumerate(page) if "AVG PRICE" in line) :]]
    assert [row[0] for row in rows] == ["ACCOUNT", "eve", "bob"]
    assert "SENT" not in rows[2]


def test_the_page_shows_the_latest_rows_and_fits_the_terminal() -> None:
    board = Board()
    board.take_status(samples.status())
    for seq in range(1, ROWS_MAX + 3):
        board.take_change(pb.WatchFillsResponse(fill=samples.fill(seq)))
        board.take_change(pb.WatchEventsResponse(event=samples.event(seq)))
        board.take_change(pb.WatchCopiesResponse(copy=samples.copy("bob", seq)))
    page = board.page(500, 100)
    start = next(i for i, line in enumerate(page) if "EXEC ID" in line)
    assert [int(line.split()[0]) for line in page[start + 1 : start + 1 + ROWS_MAX]] == list(
        range(3, ROWS_MAX + 3)
    )
    small = board.page(30, 10)
    assert len(small) == 10
    assert max(map(len, small)) <= 30
    assert any(line.endswith("…") for line in small)


def test_on_a_small_screen_fills_copies_and_events_share_what_the_accounts_leave() -> None:
    board = Board()
    board.take_status(samples.status())
    for seq in range(1, ROWS_MAX + 1):
        board.take_change(pb.WatchFillsResponse(fill=samples.fill(seq)))
        board.take_change(pb.WatchEventsResponse(event=samples.event(seq)))
        board.take_change(pb.WatchCopiesResponse(copy=samples.copy("bob", seq)))
    page = board.page(120, 25)
    for title in ("EXECUTED", "FILLED", "SEVERITY"):
        start = next(i for i, line in enumerate(page) if title in line)
        rows = page[start + 1 :][: ((*page[start + 1 :], "").index(""))]
        assert len(rows) >= 2
        assert str(ROWS_MAX) in rows[-1].split()[:2]


def test_of_many_accounts_those_that_do_not_run_are_shown() -> None:
    board = Board()
    running = [samples.user(f"u{n:03}") for n in range(100)]
    board.take_status(
        samples.status(samples.master(), *running, samples.user("zoe", nouns.ACCOUNT_STATE_FAILED))
    )
    page = board.page(120, 24)
    rows = page[page.index("") + 2 :]
    assert rows[0].split()[0] == "zoe"
    assert rows[1].split()[0] == "master"
    assert page[-1] == "... and 94 more accounts"


def test_trouble_stands_on_top_until_it_is_over() -> None:
    board = Board()
    board.trouble = "no supervisor answers"
    assert board.page(80, 24)[0] == "!! no supervisor answers"
    board.trouble = ""
    assert not board.page(80, 24)[0].startswith("!!")


def test_each_kind_of_change_has_its_sentence() -> None:
    assert "fill 12: buy" in change_line(pb.WatchFillsResponse(fill=samples.fill()))
    assert "copy by bob" in change_line(pb.WatchCopiesResponse(copy=samples.copy()))
    assert "WARNING bob" in change_line(pb.WatchEventsResponse(event=samples.event()))


REASONS = ["MASTER_NOT_READY", "LEDGER_BEHIND_JOURNAL", "EXCHANGE_UNREACHABLE", "KEY_LACKS_PERMISSION"]
IDS = st.text("abcdefghijklmnopqrstuvwxyz0123456789_-", min_size=1, max_size=64)


def _busy_board(ids: list[str]) -> Board:
    board = Board()
    users = [
        samples.user(name, nouns.ACCOUNT_STATE_WAITING, REASONS[number % 4], f"what is wrong with {number}")
        for number, name in enumerate(ids)
    ]
    why = "the master is DEGRADED (EXCHANGE_UNREACHABLE): 503 from http://127.0.0.1:8080"
    board.take_status(samples.status(samples.master(), *users, ready=False, message=why))
    for seq in range(1, ROWS_MAX + 1):
        for account in ids:
            board.take_change(pb.WatchCopiesResponse(copy=samples.copy(account, seq)))
            board.take_change(pb.WatchEventsResponse(event=samples.event(seq, account)))
        board.take_change(pb.WatchFillsResponse(fill=samples.fill(seq)))
    return board


@given(st.lists(IDS, min_size=1, max_size=5, unique=True), st.integers(40, 200), st.integers(10, 60))
def test_a_page_fits_any_terminal(ids: list[str], width: int, height: int) -> None:
    page = _busy_board(ids).page(width, height)
    assert len(page) <= height
    assert max(map(len, page)) <= width


@given(st.lists(IDS, min_size=1, max_size=4, unique=True), st.integers(60, 200))
def test_why_accounts_do_not_run_is_whole_from_60_columns_on(ids: list[str], width: int) -> None:
    page = "\n".join(_busy_board(ids).page(width, 60))
    for number in range(len(ids)):
        assert f" {REASONS[number]}\n" in page
    told = " ".join(page.split())
    assert "the master is DEGRADED (EXCHANGE_UNREACHABLE): 503 from http://127.0.0.1:8080" in told
    assert all(f"what is wrong with {number}" in told for number in range(len(ids)))


def test_what_is_known_already_changes_nothing() -> None:
    board = Board()
    board.take_status(samples.status())
    for seq in (1, 2, 2, 1):
        board.take_change(pb.WatchFillsResponse(fill=samples.fill(seq)))
        board.take_change(pb.WatchEventsResponse(event=samples.event(seq)))
    page = board.page(200, 50)
    start = next(i for i, line in enumerate(page) if "EXEC ID" in line)
    assert [line.split()[0] for line in page[start + 1 : start + 3]] == ["1", "2"]
    assert page[start + 3] == ""
