"""Pages: what of the system, of an account, of a report is told, and in which words."""

from __future__ import annotations

import pytest
from google.protobuf.duration_pb2 import Duration

from krakencopy.client.views import pages
from krakencopy.client.views import rows as views
from krakencopy.client.views.account_page import account_page
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns
from tests.support import client_samples as samples


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
            f"WARNING: caps cut {capped} of {sized_entries} entries: are they meant to be this low? "
            "(max_user_risk, or another one; `krakencopy copies` names it)"
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
    # What is open is on its way, as is what has no answer yet.
    assert "  ".join([*words[:-1], "MERGED", "ON ITS WAY"]) in header


def test_an_account_in_backoff_says_when_it_starts_again() -> None:
    account = samples.user("bob", nouns.ACCOUNT_STATE_BACKOFF, "CRASHED", "exit 70")
    account.retry_at.CopyFrom(samples.at(5000))
    assert views.standing(account) == "BACKOFF (CRASHED: exit 70; next start 2026-01-02 04:04:10.000+01:00)"
    assert views.account_notes([account])[-1] == ("bob: exit 70; next start 2026-01-02 04:04:10.000+01:00")
    account.state = nouns.ACCOUNT_STATE_RUNNING
    assert "next start" not in views.standing(account)


def test_the_report_counts_and_names_reasons() -> None:
    account = pb.AccountReport(
        account_id="bob",
        copies=pb.CopyCounts(filled=4, capped=4, sized_entries=9, open=1),
        without_fill=pb.CopyCounts(filled=2, rejected=1),
        fills=8,
        merged=2,
        unanswered=1,
        reasons={"BELOW_ORDERMIN": 2, "STALE_ENTRY": 7},
        bought={"USD": "12.5", "EUR": "1"},
        latency_median=Duration(nanos=3_214_000),
        latency_p99=Duration(nanos=9_000_000),
    )
    page = pages.report_page(pb.GetReportResponse(fills=8, accounts=[account], unanswered=1, on_their_way=2))
    assert page[0] == "8 fills in the journal, 2 fills on their way (at 1 of 1 users)"
    assert page[3].split() == ["bob", "8", "4", "0", "0", "0", "0", "2", "2", "4", "of", "9"]
    assert "  on its way  1 without an answer, 1 answered, and not at an end" in page
    assert (
        "  beside      2 filled, 1 rejected (exits that were owed, syncs, and orders that were found)" in page
    )
    assert "  bought      1 EUR, 12.5 USD" in page
    assert "  reasons     7 x STALE_ENTRY, 2 x BELOW_ORDERMIN" in page
    assert page[-1].startswith("  latency     3.214 ms median, 9.000 ms p99")
    assert pages.report_page(pb.GetReportResponse(fills=5))[0] == (
        "5 fills in the journal, all answered to the end by every user"
    )


def test_one_fill_that_waits_for_five_users_is_one_fill_and_totals_stand_last() -> None:
    users = [
        pb.AccountReport(account_id=f"u{n}", fills=3, unanswered=1, merged=1, copies=pb.CopyCounts(filled=1))
        for n in range(5)
    ]
    report = pb.GetReportResponse(fills=3, accounts=users, unanswered=5, on_their_way=1)
    page = pages.report_page(report)
    assert page[0] == "3 fills in the journal, 1 fill on its way (at 5 of 5 users)"
    assert page[8].split() == ["all", "15", "5", "0", "0", "0", "0", "5", "5", "0", "of", "0"]


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


def test_what_a_state_is_named_by_is_said_once_below_the_table() -> None:
    account = samples.user("anna", nouns.ACCOUNT_STATE_DEGRADED, "EXIT_OWED", "exit owed: 0.05 BTC, held")
    account.positions.add(asset="BTC", missing_volume="0.1", exit_owed="0.05 BTC, held")
    (line,) = views.account_notes([account])[1:]
    assert line.count("exit owed: 0.05 BTC") == 1
    assert line.count("MISSING 0.1 BTC") == 1
    account.reason, account.message = "COINS_MISSING", views.missing(account)
    (line,) = views.account_notes([account])[1:]
    assert (line.count("exit owed: 0.05 BTC"), line.count("MISSING 0.1 BTC")) == (1, 1)


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


def value_of(page: list[str], name: str) -> str | None:
    """What stands behind a name on an account's page."""
    return next((line.removeprefix(name).strip() for line in page if line.startswith(f"{name} ")), None)


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
