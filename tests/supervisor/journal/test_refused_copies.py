"""Refused copies are told at once, and then together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from krakencopy.supervisor.journal.event_log import EventLog
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.journal.refused_copies import KNOWN_MAX, PERIOD_S, RefusedCopies
from krakencopy.v1 import types_pb2 as pb


@dataclass
class Told:
    journal: Journal
    refused: RefusedCopies
    now: float = 1_000.0

    def events(self) -> list[tuple[str, str, str]]:
        """Of what is due now: account, reason and count."""
        read = self.journal.last_event
        self.refused.record_due()
        found = self.journal.events_after(read, 10)
        assert all(event.code == "COPY_REFUSED" for event in found)
        return [(event.account_id, event.data["reason"], event.data["count"]) for event in found]


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    journal = Journal(tmp_path / "journal.db")
    it = Told(journal, RefusedCopies(EventLog(journal), lambda: it.now))
    yield it
    journal.close()


def copy(
    copy_id: str, reason: str = "EOrder:X", state: pb.CopyState.ValueType = pb.COPY_STATE_REJECTED
) -> pb.Copy:
    return pb.Copy(copy_id=copy_id, state=state, reason=reason, pair="BTC/USD", ordered_volume="0.1")


def test_the_first_is_told_at_once_and_those_that_follow_together(told: Told) -> None:
    told.refused.count("ann", [copy("1")])
    assert told.events() == [("ann", "EOrder:X", "1")]
    for number in range(2, 7):
        told.refused.count("ann", [copy(str(number))])
    assert told.events() == []
    told.now += PERIOD_S
    assert told.events() == [("ann", "EOrder:X", "5")]


def test_periods_grow_while_it_goes_on_and_begin_anew_when_it_is_over(told: Told) -> None:
    told.refused.count("ann", [copy("1")])
    told.events()
    told.now += PERIOD_S
    told.refused.count("ann", [copy("2")])
    assert told.events()
    told.now += PERIOD_S
    told.refused.count("ann", [copy("3")])
    assert told.events() == []
    told.now += PERIOD_S
    assert told.events()
    told.now += 100 * PERIOD_S
    assert told.events() == []
    told.refused.count("ann", [copy("4")])
    assert told.events() == [("ann", "EOrder:X", "1")]


def test_accounts_and_reasons_are_told_apart(told: Told) -> None:
    told.refused.count("ann", [copy("1"), copy("2", "EOrder:Y"), copy("3", state=pb.COPY_STATE_FILLED)])
    told.refused.count("bob", [copy("1")])
    assert told.events() == [("ann", "EOrder:X", "1"), ("ann", "EOrder:Y", "1"), ("bob", "EOrder:X", "1")]


def test_a_copy_that_is_reported_again_counts_once_and_memory_is_bounded(told: Told) -> None:
    told.refused.count("ann", [copy("1"), copy("1")])
    assert told.events() == [("ann", "EOrder:X", "1")]
    told.refused.count("ann", [copy(f"n{number}") for number in range(2 * KNOWN_MAX)])
    told.now += PERIOD_S
    assert told.events() == [("ann", "EOrder:X", str(2 * KNOWN_MAX))]


def test_what_trading_states_have_kept_here_was_refused_by_nobody_there(told: Told) -> None:
    told.refused.count("ann", [copy("1", "TRADING_HALTED"), copy("2", "TRADING_REDUCING"), copy("3")])
    assert told.events() == [("ann", "EOrder:X", "1")]
