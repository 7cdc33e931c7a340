from __future__ import annotations

import json
import time

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.client.views import pages
from krakencopy.client.views import rows as views
from krakencopy.client.views.account_page import account_page
from krakencopy.client.views.formats import (
    because,
    clock_time,
    is_some,
    local_time,
    plain,
    short,
    table_time,
    word,
    zoned,
)
from krakencopy.client.views.table import Column, Grid, pairs, table
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns
from tests.support import client_samples as samples

CELLS = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=12)


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=8))
def test_columns_stand_under_their_titles_numbers_at_the_right(rows: list[tuple[str, str, str]]) -> None:
    lines = table([Column("NAME"), Column("NUMBER", right=True), Column("NOTE")], rows)
    start = lines[0].index("NOTE")
    end_of_number = start - 2
    for line, (name, number, note) in zip(lines[1:], rows, strict=True):
        padded = line.ljust(start)
        assert padded.startswith(name)
        assert padded[:end_of_number].endswith(number)
        assert padded[start:] == note


def test_a_row_that_comes_later_and_is_too_wide_pushes_only_itself_aside() -> None:
    grid = Grid([Column("A", width=3), Column("B")])
    assert grid.line(["x", "y"]) == "x    y"
    assert grid.line(["xxxxx", "y"]) == "xxxxx  y"
    assert grid.line(["x", "y"]) == "x    y"


WIDE = [Column("NAME"), Column("FEE", extra=1), Column("ID", extra=2), Column("REASON")]
ROW = ["n" * 10, "f" * 10, "i" * 10, "r" * 50]


@pytest.mark.parametrize(
    ("room", "titles"),
    [
        (None, ["NAME", "FEE", "ID", "REASON"]),
        (56, ["NAME", "FEE", "ID", "REASON"]),
        (55, ["NAME", "FEE", "REASON"]),
        (43, ["NAME", "REASON"]),
        (1, ["NAME", "REASON"]),
    ],
)
def test_where_the_room_is_small_extra_columns_are_left_out_the_last_extra_first(
    room: int | None, titles: list[str]
) -> None:
    header, row = table(WIDE, [ROW], room)
    assert header.split() == titles
    assert [cell[0].upper() for cell in row.split()] == [title[0] for title in titles]


def test_columns_that_were_left_out_stay_out_in_rows_that_come_later() -> None:
    grid = Grid(WIDE, 20)
    assert grid.header() == "NAME  FEE  REASON"
    assert grid.line(["bob", "0.1", "T1", "SCALED"]) == "bob   0.1  SCALED"


def test_pairs_leave_out_what_is_not_known() -> None:
    assert pairs([("pid", ""), ("state", "RUNNING"), ("a", "b")]) == ["state  RUNNING", "a      b"]


@pytest.mark.parametrize(
    "enum", list(nouns.DESCRIPTOR.enum_types_by_name.values()), ids=lambda enum: enum.name
)
def test_states_are_shown_without_the_enums_prefix(enum: object) -> None:
    for value in enum.values:  # type: ignore[attr-defined]  # a descriptor; pytest's ids want an object
        shown = word(enum, value.number)  # type: ignore[arg-type]  # as above
        assert value.name.endswith(f"_{shown}" if value.number else "_UNSPECIFIED")
        assert not shown.startswith(value.name.split("_")[0] + "_")


def test_a_state_that_this_client_does_not_know_is_shown_as_its_number() -> None:
    assert word(nouns.CopyState.DESCRIPTOR, 99) == "99"
    assert word(nouns.CopyState.DESCRIPTOR, nouns.COPY_STATE_PART_FILLED) == "PART_FILLED"


def test_times_are_local_and_say_so() -> None:
    assert local_time(samples.at(123)) == "2026-01-02 04:04:05.123+01:00"
    assert local_time(Timestamp()) == ""
    assert clock_time(samples.at(123)) == "04:04:05.123"


def test_a_tables_times_are_short_and_its_title_says_of_which_zone_they_are() -> None:
    assert zoned("SINCE") == "SINCE (+01:00)"
    assert table_time(samples.at(123)) == "01-02 04:04:05.123"
    assert table_time(Timestamp()) == ""


def test_a_tables_times_are_all_of_the_zone_in_its_title(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "XXX-1YYY-2,M3.5.0,M10.5.0")  # an hour more in summer, whenever this test runs
    time.tzset()
    hour = int(zoned("AT")[len("AT (+") :][:2])
    summer = Timestamp(seconds=samples.START_S + 180 * 86400)
    assert [table_time(samples.at())[6:8], table_time(summer)[6:8]] == [f"{3 + hour:02}", f"{3 + hour:02}"]


@pytest.mark.parametrize(
    ("amount", "shown"), [("0.00050000", "0.00050000"), ("1.234567891", "1.23456789"), ("", "")]
)
def test_no_more_decimals_are_shown_than_an_order_has(amount: str, shown: str) -> None:
    assert short(amount) == shown


@pytest.mark.parametrize(
    ("amount", "some"), [("", False), ("0", False), ("0.00", False), ("0.001", True), ("10", True)]
)
def test_nothing_and_not_known_are_no_amounts(amount: str, some: bool) -> None:
    assert is_some(amount) is some


@given(st.text())
def test_what_a_server_says_can_not_steer_the_terminal(text: str) -> None:
    assert plain(text).isprintable()
    assert len(plain(text)) == len(text)


def test_reason_and_message_are_shown_when_there_are_any() -> None:
    assert because("A", "b") == "A: b"
    assert because("A", "") == "A"
    assert because("", "") == ""


def test_the_status_page_shows_the_exchange_every_account_and_the_counts() -> None:
    blocked = samples.user("eve", nouns.ACCOUNT_STATE_WAITING, "MASTER_NOT_READY", "start the master")
    page = pages.status_page(
        samples.status(samples.master(), samples.user(), blocked, ready=False, message="1 account waits")
    )
    text = "\n".join(page)
    assert page[0] == "system       NOT READY: 1 account waits"
    assert "paper, REST http://127.0.0.1:8080, WebSocket ws://127.0.0.1:8080/v2" in text
    assert "copies       10 filled, 1 part filled, 2 rejected, 3 skipped, 4 carried, 5 open" in page
    assert "capped       0 of 0 entries" in page
    rows = [line.split() for line in page[page.index("") + 1 : -2]]
    assert [row[0] for row in rows] == ["ACCOUNT", "master", "bob", "eve"]
    assert [row[3] for row in rows] == ["STATE", "RUNNING", "RUNNING", "WAITING"]
    assert rows[-1][-1] == "MASTER_NOT_READY"
    assert page[-2:] == ["", "eve: start the master"]
    assert pages.status_page(samples.status())[0] == "system       READY"


def test_what_holds_for_several_accounts_is_said_once() -> None:
    lost = ("MASTER_LOST", "the master is not healthy")
    accounts = [
        samples.user(account_id, nouns.ACCOUNT_STATE_DEGRADED, *lost) for account_id in ("ann", "bob")
    ]
    assert views.account_notes(accounts) == ["", "ann, bob: the master is not healthy"]
    assert views.account_notes([samples.master()]) == []


@pytest.mark.parametrize("ready", [True, False])
def test_a_stopped_account_is_named_ready_or_not(ready: bool) -> None:
    stopped = samples.user("eve", nouns.ACCOUNT_STATE_STOPPED)
    page = pages.status_page(samples.status(samples.master(), stopped, ready=ready, message="no"))
    assert page[0] == f"system       {'READY' if ready else 'NOT READY: no'}; stopped: eve"


@pytest.mark.parametrize(
    ("capped", "sized_entries", "warns"),
    [(0, 0, False), (0, 9, False), (9, 18, False), (10, 18, True), (18, 18, True), (1, 1, True)],
)
def test_the_cap_that_cuts_more_than_half_of_the_sized_entries_is_warned_of_in_the_same_words_everywhere(
    capped: int, sized_entries: int, warns: bool
) -> None:
    status = samples.status(capped=capped, sized_entries=sized_entries)
    users = [pb.AccountReport(account_id="bob", copies=status.copies), pb.AccountReport(account_id="eve")]
    expected = [
        (
            f"WARNING: the risk cap cut {capped} of {sized_entries} entries: is max_user_risk meant to be "
            "this "
            "low?"
        )
    ]
    for page in (pages.status_page(status), pages.report_page(pb.GetReportResponse(accounts=users))):
        assert [line for line in page if line.startswith("WARNING")] == (expected if warns else [])


def test_the_warning_counts_the_entries_of_all_users_together() -> None:
    counts = [pb.CopyCounts(capped=3, sized_entries=4), pb.CopyCounts(capped=1, sized_entries=4)]
    users = [pb.AccountReport(account_id=str(n), copies=count) for n, count in enumerate(counts)]
    assert "WARNING" not in "".join(pages.report_page(pb.GetReportResponse(accounts=users)))
    users[1].copies.capped = 2
    assert "cut 5 of 8 entries" in pages.report_page(pb.GetReportResponse(accounts=users))[-1]


def test_status_and_report_count_copies_in_the_same_words() -> None:
    line = next(line for line in pages.status_page(samples.status()) if line.startswith("copies"))
    words = [part.partition(" ")[2].upper() for part in line.removeprefix("copies").strip().split(", ")]
    header = pages.report_page(pb.GetReportResponse())[2]
    assert words == ["FILLED", "PART FILLED", "REJECTED", "SKIPPED", "CARRIED", "OPEN"]
    assert "  ".join(words) in header


def test_an_account_in_backoff_says_when_it_starts_again() -> None:
    account = samples.user("bob", nouns.ACCOUNT_STATE_BACKOFF, "CRASHED", "exit 70")
    account.retry_at.CopyFrom(samples.at(5000))
    assert views.standing(account) == "BACKOFF (CRASHED: exit 70; next start 2026-01-02 04:04:10.000+01:00)"
    assert views.account_notes([account])[-1] == ("bob: exit 70; next start 2026-01-02 04:04:10.000+01:00")
    account.state = nouns.ACCOUNT_STATE_RUNNING
    assert "next start" not in views.standing(account)


@pytest.mark.parametrize(
    ("fills", "shown"), [((7,), "7"), ((7, 8, 9), "7-9"), ((7, 9), "7,9"), ((7, 8), "7-8")]
)
def test_the_fills_of_a_copy_are_written_shortly(fills: tuple[int, ...], shown: str) -> None:
    assert views.seqs(samples.copy("bob", *fills)) == shown


def test_sentences_tell_a_fill_a_copy_and_an_event() -> None:
    assert views.fill_line(samples.fill()) == (
        "2026-01-02 04:04:05.000+01:00  fill 12: buy 0.00500000 BTC/USD at 60000.0"
    )
    assert views.copy_line(samples.copy()) == (
        "2026-01-02 04:04:05.060+01:00  copy by bob of fill 12: FILLED, buy 0.00050000 BTC/USD at 60001.0 "
        "(SCALED)"
    )
    assert views.event_line(samples.event()) == (
        "2026-01-02 04:04:05.000+01:00  WARNING bob: ACCOUNT_STATE_CHANGED: RUNNING -> DEGRADED"
    )


def test_the_numbers_behind_a_copy_are_told_where_something_is_missing() -> None:
    skipped = samples.copy(state=nouns.COPY_STATE_SKIPPED)
    skipped.ordered_volume = skipped.filled_volume = "0"
    assert views.copy_row(skipped)[-1] == "SCALED: 0.005 x 1000 / 10000"
    assert "SKIPPED, buy 0.00050000 BTC/USD" in views.copy_line(skipped)
    assert views.copy_row(samples.copy())[-1] == "SCALED"


def test_a_line_of_a_log_is_told_with_its_local_time_and_its_traceback() -> None:
    entry = {"at": "2026-01-02T03:04:05.123456+00:00", "level": "INFO", "message": "a\x1b[2Jb", "logger": "x"}
    assert views.log_line(json.dumps(entry)) == "2026-01-02 04:04:05.123+01:00  INFO     a [2Jb"
    entry["exception"] = "Traceback:\n  boom"
    assert views.log_line(json.dumps(entry)).splitlines()[1:] == ["    Traceback:", "      boom"]


@pytest.mark.parametrize("line", ["", "not JSON", "[1]", "7", '{"at": "yesterday"}', '{"at": 3}'])
def test_a_line_of_a_log_that_is_something_else_is_shown_as_it_is(line: str) -> None:
    assert views.log_line(line) == line


def test_the_report_counts_and_names_reasons() -> None:
    account = pb.AccountReport(
        account_id="bob",
        copies=pb.CopyCounts(filled=4, capped=4, sized_entries=9),
        fills=5,
        unanswered=1,
        reasons={"BELOW_ORDERMIN": 2, "STALE_ENTRY": 7},
        bought={"USD": "12.5", "EUR": "1"},
        latency_median=Duration(nanos=3_214_000),
        latency_p99=Duration(nanos=9_000_000),
    )
    page = pages.report_page(pb.GetReportResponse(fills=5, accounts=[account], unanswered=1))
    assert page[0] == "5 fills in the journal, 1 UNANSWERED"
    assert page[3].split() == ["bob", "5", "4", "0", "0", "0", "0", "0", "4", "of", "9", "1"]
    assert "  unanswered  1 fills" in page
    assert "  bought      1 EUR, 12.5 USD" in page
    assert "  reasons     7 x STALE_ENTRY, 2 x BELOW_ORDERMIN" in page
    assert page[-1].startswith("  latency     3.214 ms median, 9.000 ms p99")
    assert pages.report_page(pb.GetReportResponse(fills=5))[0] == (
        "5 fills in the journal, all answered by every user"
    )


def test_what_is_missing_and_what_drifts_is_said_below_the_table_and_told_on_the_accounts_page() -> None:
    account = samples.user("anna", nouns.ACCOUNT_STATE_RUNNING)
    account.positions.add(
        pair="BTC/USD",
        asset="BTC",
        volume="0.2",
        missing_volume="0.1",
        exit_owed="0.05 BTC, held by the account's own orders",
    )
    account.drifts.add(code="ORDER_UNINTENDED", order_id="O9", message="order O9 was never made here")
    (line,) = views.account_notes([account])[1:]
    assert line.startswith("anna: ")
    assert "MISSING 0.1 BTC" in line
    assert "exit owed: 0.05 BTC, held by the account's own orders" in line
    assert any("0.05 BTC, held by the account's own orders" in told for told in account_page(account))
    assert "DRIFT 1: order O9 was never made here" in line
    assert account_page(account)[-1].endswith("ORDER_UNINTENDED order O9 was never made here")


def test_what_was_not_understood_is_said_below_the_table_and_told_on_the_accounts_page() -> None:
    account = samples.user("anna", nouns.ACCOUNT_STATE_RUNNING)
    account.notices.add(
        code="ROW_UNREADABLE", subject="O9", message="ClosedOrders: row O9 cannot be read", count=3
    )
    account.notices.add(
        code="UNKNOWN_PAIR", subject="NEW/USD", message="nobody lists NEW/USD", last_at=samples.at()
    )
    (line,) = views.account_notes([account])[1:]
    assert line == (
        "anna: UNKNOWN_PAIR; nobody lists NEW/USD; ROW_UNREADABLE; ClosedOrders: row O9 cannot be read"
    )
    for number in (1, 2):
        account.notices.add(code="MARKET_REFUSED", subject=f"X{number}/USD", message=f"refused {number}")
    (line,) = views.account_notes([account])[1:]
    assert line.endswith("; (and 1 more)")
    page = account_page(account)
    assert any(line.endswith("ROW_UNREADABLE ClosedOrders: row O9 cannot be read (3 times)") for line in page)


def test_warnings_stand_below_the_table_once_and_on_the_accounts_page() -> None:
    warned = [
        samples.with_preflight(samples.user(name), "the clock is\x1b behind") for name in ("ann", "bob")
    ]
    assert views.account_notes(warned) == ["", "ann, bob: WARNING the clock is  behind"]
    assert account_page(warned[0])[-1] == "WARNING the clock is  behind"
    limited = samples.user("eve")
    limited.rate.refused = 3
    assert views.account_notes([limited])[-1] == "eve: WARNING the exchange refused 3 calls for their rate"
    status = samples.status(samples.master(), *warned)
    assert "ann, bob: WARNING the clock is  behind" in pages.status_page(status)
