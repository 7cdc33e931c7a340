from __future__ import annotations

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns

from client import views
from client.grid import Column, Grid, pairs, table
from client.words import because, local_time, plain, word
from tests.client import samples

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
    page = views.status_page(
        samples.status(samples.master(), samples.user(), blocked, ready=False, message="1 account waits")
    )
    text = "\n".join(page)
    assert page[0] == "system       NOT READY: 1 account waits"
    assert "paper, REST http://127.0.0.1:8080, WebSocket ws://127.0.0.1:8080/v2" in text
    assert "10 filled, 1 part filled, 2 rejected, 3 skipped, 4 carried, 5 open; 0 capped" in text
    rows = [line.split() for line in page[page.index("") + 1 :]]
    assert [row[0] for row in rows] == ["ACCOUNT", "master", "bob", "eve"]
    assert [row[3] for row in rows] == ["STATE", "RUNNING", "RUNNING", "WAITING"]
    assert page[-1].endswith("  MASTER_NOT_READY: start the master")
    assert views.status_page(samples.status())[0] == "system       READY"


@pytest.mark.parametrize(("capped", "warns"), [(0, False), (4, False), (5, True), (18, True)])
def test_the_status_warns_loudly_when_the_cap_decides_most_entries(capped: int, warns: bool) -> None:
    page = views.status_page(samples.status(capped=capped))  # 18 copies got as far as an order
    warnings = [line for line in page if line.startswith("WARNING")]
    assert bool(warnings) is warns
    if warns:
        assert f"cut {capped} entries (18 copies" in warnings[0]
        assert warnings[0].endswith("is max_user_risk meant to be this low?")


def test_an_account_in_backoff_says_when_it_starts_again() -> None:
    account = samples.user("bob", nouns.ACCOUNT_STATE_BACKOFF, "CRASHED", "exit 70")
    account.retry_at.CopyFrom(samples.at(5000))
    assert (
        views.account_line(account)
        == "bob: BACKOFF (CRASHED: exit 70; next start 2026-01-02 04:04:10.000+01:00)"
    )
    account.state = nouns.ACCOUNT_STATE_RUNNING
    assert "next start" not in views.account_line(account)


def test_an_accounts_page_shows_its_nonce_and_what_it_copied() -> None:
    account = samples.user()
    account.nonce.CopyFrom(nouns.NonceStatus(path="nonce.txt", last=7, reserved=9))
    account.positions.append(
        nouns.CopiedPosition(pair="BTC/USD", volume="0.5", cost="30000", carried_buy="0.1")
    )
    page = views.account_page(account)
    assert "nonce        7, reserved up to 9, in nonce.txt" in page
    assert page[-1].split() == ["BTC/USD", "0.5", "30000", "0.1"]


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
        "(SCALED: 0.005 x 1000 / 10000)"
    )
    assert views.event_line(samples.event()) == (
        "2026-01-02 04:04:05.000+01:00  WARNING bob: ACCOUNT_STATE_CHANGED: RUNNING -> DEGRADED"
    )


def test_the_report_counts_names_reasons_and_warns() -> None:
    account = pb.AccountReport(
        account_id="bob",
        copies=pb.CopyCounts(filled=4, capped=4),
        fills=5,
        unanswered=1,
        reasons={"BELOW_ORDERMIN": 2, "STALE_ENTRY": 7},
        bought={"USD": "12.5", "EUR": "1"},
        latency_median=Duration(nanos=3_214_000),
    )
    page = views.report_page(pb.GetReportResponse(fills=5, accounts=[account], unanswered=1))
    assert page[0].startswith("5 fills in the journal, 1 without")
    assert page[3].split() == ["bob", "5", "4", "0", "0", "0", "0", "0", "4", "1", "3.214"]
    assert "  bought   1 EUR, 12.5 USD" in page
    assert "  reasons  7 x STALE_ENTRY, 2 x BELOW_ORDERMIN" in page
    assert page[-1].startswith("WARNING: the risk cap cut 4 entries")
