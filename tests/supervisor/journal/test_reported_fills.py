"""A report is about all fills, or about those of an interval, whatever their order in the journal."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.supervisor.journal import report as report_module
from krakencopy.supervisor.journal import reported_fills
from krakencopy.supervisor.journal.interval import ALL, Interval
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.journal.reported_fills import ReportedFills
from krakencopy.v1 import types_pb2 as pb
from tests.support.supervisor_samples import copy, fill


@given(st.sets(st.integers(1, 40)), st.integers(0, 45), st.integers(0, 45))
def test_chosen_fills_are_found_between_two_seqs(chosen: set[int], after: int, to: int) -> None:
    fills = ReportedFills(40, sorted(chosen))
    assert list(fills.within(after, to)) == sorted(seq for seq in chosen if after < seq <= to)
    assert [seq for seq in range(45) if fills.has(seq)] == sorted(chosen)
    every = ReportedFills(40)
    assert list(every.within(after, to)) == list(range(after + 1, to + 1))
    assert (every.is_all, fills.is_all) == (True, False)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Ten fills, a second apart from second 1 on; the last but one came late, and is of second 3."""
    with closing(Journal(tmp_path / "journal.db")) as journal:
        for user in ("anna", "bert"):
            journal.join(user)
        times = [1, 2, 3, 4, 5, 6, 7, 8, 3, 10]
        journal.append([fill(n, at=float(at)) for n, at in enumerate(times, 1)], 1)
        journal.put_reports([("anna", [copy("anna", [n], reason="CAPPED") for n in (1, 2)], 2)])
        journal.put_reports([("anna", [copy("anna", [3, 4], reason="SCALED")], 4)])
        journal.put_reports([("anna", [copy("anna", [9], pb.COPY_STATE_SKIPPED, reason="STALE_ENTRY")], 9)])
    return tmp_path / "journal.db"


def seconds(since: float | None, until: float | None) -> Interval:
    return Interval(*(None if limit is None else int(limit * 1e9) for limit in (since, until)))


@pytest.mark.parametrize(
    ("interval", "chosen"),
    [
        (ALL, list(range(1, 11))),
        (seconds(3, None), [3, 4, 5, 6, 7, 8, 9, 10]),
        (seconds(3, 4), [3, 9]),
        (seconds(None, 3), [1, 2]),
        (seconds(20, None), []),
    ],
)
def test_fills_of_an_interval_are_chosen_by_when_they_were_executed(
    path: Path, monkeypatch: pytest.MonkeyPatch, interval: Interval, chosen: list[int]
) -> None:
    monkeypatch.setattr(reported_fills, "BATCH", 3)
    with closing(Journal(path)) as journal:
        fills = asyncio.run(ReportedFills.of(journal, interval))
        assert list(fills.within(0, fills.head)) == chosen


def test_a_report_of_an_interval_counts_its_fills_and_the_copies_that_answer_them(path: Path) -> None:
    with closing(Journal(path)) as journal:
        users = ["anna", "bert"]
        found = asyncio.run(report_module.report(journal, users, seconds(2, 5)))
        anna, bert = found.accounts
        assert (found.fills, anna.fills, bert.fills) == (4, 4, 4)  # 2, 3, 4 and 9
        assert (anna.copies.filled, anna.merged, anna.copies.skipped, anna.unanswered) == (2, 1, 1, 0)
        assert (anna.copies.capped, anna.copies.sized_entries) == (1, 2)
        assert dict(anna.reasons) == {"STALE_ENTRY": 1}
        assert (bert.unanswered, found.unanswered, found.on_their_way) == (4, 4, 4)
        all_time = asyncio.run(report_module.report(journal, users, seconds(0, None)))
        assert all_time == asyncio.run(report_module.report(journal, users))
