"""A row or a sentence for a fill, a copy, an event and a line of a log."""

from __future__ import annotations

import json

import pytest

from krakencopy.client.views import rows as views
from krakencopy.v1 import types_pb2 as nouns
from tests.support import client_samples as samples


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


def test_the_cap_of_a_copy_that_was_filled_is_told() -> None:
    capped = samples.copy()
    capped.reason, capped.cap = "CAPPED", "max_daily_notional"
    assert views.copy_row(capped)[-1] == "CAPPED: max_daily_notional"
    assert views.copy_line(capped).endswith("(CAPPED: max_daily_notional)")


def test_a_line_of_a_log_is_told_with_its_local_time_and_its_traceback() -> None:
    entry = {"at": "2026-01-02T03:04:05.123456+00:00", "level": "INFO", "message": "a\x1b[2Jb", "logger": "x"}
    assert views.log_line(json.dumps(entry)) == "2026-01-02 04:04:05.123+01:00  INFO     a [2Jb"
    entry["exception"] = "Traceback:\n  boom"
    assert views.log_line(json.dumps(entry)).splitlines()[1:] == ["    Traceback:", "      boom"]


@pytest.mark.parametrize("line", ["", "not JSON", "[1]", "7", '{"at": "yesterday"}', '{"at": 3}'])
def test_a_line_of_a_log_that_is_something_else_is_shown_as_it_is(line: str) -> None:
    assert views.log_line(line) == line


def test_a_condition_that_does_not_hold_is_told_once_below_the_table() -> None:
    account = nouns.Account(id="bob")
    account.message = "set the clock"
    for kind, message in (("CLOCK_RIGHT", "set the clock"), ("FUNDS_PRESENT", "NO FUNDS IN EUR")):
        account.conditions.add(type=kind, status=nouns.CONDITION_STATUS_FALSE, reason="X", message=message)
    (note,) = [line for line in views.account_notes([account]) if line]
    assert note == "bob: set the clock; NO FUNDS IN EUR"


def test_what_an_accounts_message_says_is_not_said_again() -> None:
    positions = [
        nouns.CopiedPosition(asset="BTC", exit_owed="1 BTC, refused", missing_volume="0.5"),
        nouns.CopiedPosition(asset="ETH", exit_owed="2 ETH, refused"),
    ]
    message = "exit owed: 1 BTC, refused; 2 ETH, refused; it is tried again until it is done"
    account = nouns.Account(id="ann", message=message, positions=positions)
    (_, note) = views.account_notes([account])
    assert note == f"ann: {message}; {views.missing(account)}"
    account.message = views.missing(account)
    (_, note) = views.account_notes([account])
    assert note == f"ann: {views.missing(account)}; exit owed: 1 BTC, refused; exit owed: 2 ETH, refused"
