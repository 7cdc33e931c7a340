"""A sentence for a fill, a copy, an event and a line of a log."""

from __future__ import annotations

import json

import pytest

from krakencopy.client.views import lines
from krakencopy.v1 import types_pb2 as nouns
from tests.support import client_samples as samples


def test_sentences_tell_a_fill_a_copy_and_an_event() -> None:
    assert lines.fill_line(samples.fill()) == (
        "2026-01-02 04:04:05.000+01:00  fill 12: buy 0.00500000 BTC/USD at 60000.0"
    )
    assert lines.copy_line(samples.copy()) == (
        "2026-01-02 04:04:05.060+01:00  copy by bob of fill 12: FILLED, buy 0.00050000 BTC/USD at 60001.0 "
        "(SCALED)"
    )
    assert lines.event_line(samples.event()) == (
        "2026-01-02 04:04:05.000+01:00  WARNING bob: ACCOUNT_STATE_CHANGED: RUNNING -> DEGRADED"
    )


def test_a_copy_that_answers_no_fill_has_its_own_name() -> None:
    owed = samples.copy()
    del owed.fill_seqs[:]
    owed.copy_id = "x7"
    assert "  copy x7 by bob: FILLED, buy" in lines.copy_line(owed)


def test_a_sentence_about_a_copy_says_why_it_is_less_than_was_wanted() -> None:
    skipped = samples.copy(state=nouns.COPY_STATE_SKIPPED)
    skipped.ordered_volume = skipped.filled_volume = "0"
    assert "SKIPPED, buy 0.00050000 BTC/USD" in lines.copy_line(skipped)
    capped = samples.copy()
    capped.reason, capped.cap = "CAPPED", "max_daily_notional"
    assert lines.copy_line(capped).endswith("(CAPPED: max_daily_notional)")


def test_a_line_of_a_log_is_told_with_its_local_time_and_its_traceback() -> None:
    entry = {"at": "2026-01-02T03:04:05.123456+00:00", "level": "INFO", "message": "a\x1b[2Jb", "logger": "x"}
    assert lines.log_line(json.dumps(entry)) == "2026-01-02 04:04:05.123+01:00  INFO     a [2Jb"
    entry["exception"] = "Traceback:\n  boom"
    assert lines.log_line(json.dumps(entry)).splitlines()[1:] == ["    Traceback:", "      boom"]


@pytest.mark.parametrize("line", ["", "not JSON", "[1]", "7", '{"at": "yesterday"}', '{"at": 3}'])
def test_a_line_of_a_log_that_is_something_else_is_shown_as_it_is(line: str) -> None:
    assert lines.log_line(line) == line
