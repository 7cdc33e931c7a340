"""What operators write is understood, or refused before anything is done: times, ids, pairs, amounts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from krakencopy.client.sdk.errors import BadInput
from tests.support.system import Paper, System, wait_for

SPELLINGS = ("BTC/USD", "XBT/USD", "XBTUSD", "BTCUSD", "XXBTZUSD", "btc-usd", "xbtusd")
VOLUME = Decimal("0.0001")


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    with Paper() as paper, System(paper, {"anna": "1000", "bert": "2000"}) as started:
        started.start().wait_ready()
        yield started


@pytest.fixture(scope="module")
def fills(system: System) -> list[Any]:
    """One for each spelling, and one of another pair."""
    with system.api() as api:
        for pair in (*SPELLINGS, "ethusd"):
            volume = Decimal("0.002") if pair == "ethusd" else VOLUME
            api.place_order("buy", pair, volume, request_id=f"of {pair}")
        system.settled(len(SPELLINGS) + 1)
        return list(api.list_fills())[::-1]


def moment(stamp: Timestamp) -> datetime:
    return stamp.ToDatetime(UTC)


def test_every_spelling_of_a_pair_is_the_same_pair_everywhere(system: System, fills: list[Any]) -> None:
    assert [fill.pair for fill in fills] == [*["BTC/USD"] * len(SPELLINGS), "ETH/USD"]
    with system.api() as api:
        assert api.get_status().pairs == ["BTC/USD", "ETH/USD"]
        # The same request in another spelling is the same order.
        again = api.place_order("buy", "xbt-usd", VOLUME, request_id="of BTC/USD")
        assert again.order_id == fills[0].order_id
        for pair in (*SPELLINGS, "btc_usd"):
            assert [fill.seq for fill in api.list_fills(pair=pair)] == [7, 6, 5, 4, 3, 2, 1]
            with api.watch_fills(0, pair=pair) as watch:
                assert [fill.seq for fill in islice(watch, 7)] == [1, 2, 3, 4, 5, 6, 7]
        assert [fill.seq for fill in api.list_fills(pair="XETHZUSD")] == [8]
    assert len(system.command("fills", "--pair", "btcusd").splitlines()) == 1 + len(SPELLINGS)
    said = system.command("fills", "--pair", "BTC/USDT")
    assert said.startswith("no fills of BTC/USDT (there are fills of BTC/USD")


def test_a_pair_that_is_not_listed_names_the_nearest(system: System) -> None:
    with (
        system.api() as api,
        pytest.raises(BadInput, match=r"'BTC/USDD' is not .* did you mean BTC/USD"),
    ):
        api.place_order("buy", "BTC/USDD", VOLUME)


def test_what_happened_is_asked_for_by_time_with_its_first_moment_and_without_its_last(
    system: System, fills: list[Any]
) -> None:
    times = [moment(fill.executed_at) for fill in fills]
    with system.api() as api:
        for first, last in ((0, 7), (2, 5), (3, 4), (7, 7)):
            since, until = times[first], times[last]
            wanted = [fill.seq for fill, at in zip(fills, times, strict=True) if since <= at < until]
            if since < until:
                assert [fill.seq for fill in api.list_fills(since=since, until=until)] == wanted[::-1]
                assert [fill.seq for fill in api.list_fills(since=since, until=until, after_seq=0)] == wanted
            since_then = [fill.seq for fill, at in zip(fills, times, strict=True) if at >= since]
            assert [fill.seq for fill in api.list_fills(since=since)] == since_then[::-1]
            assert [fill.seq for fill in api.list_fills(since=since, pair="ethusd")] == [8]
        copies = list(api.list_copies())
        cut = moment(copies[4].finished_at)
        wanted_copies = {
            (copy.account_id, copy.copy_id) for copy in copies if moment(copy.finished_at) >= cut
        }
        found = list(api.list_copies(since=cut))
        assert {(copy.account_id, copy.copy_id) for copy in found} == wanted_copies
        rest = list(api.list_copies(until=cut))
        assert len(rest) + len(found) == len(copies)
        events = list(api.list_events())
        at = moment(events[3].at)
        assert list(api.list_events(since=at)) == [event for event in events if moment(event.at) >= at]
        assert list(api.list_events(until=at)) == [event for event in events if moment(event.at) < at]
        assert list(api.list_events(since=datetime.now(UTC) + timedelta(hours=1))) == []
        with pytest.raises(BadInput, match="is not before until"):
            api.list_fills(since=at, until=at)


def test_the_command_takes_times_as_people_write_them(system: System, fills: list[Any]) -> None:
    first = moment(fills[0].executed_at)
    utc = (first + timedelta(microseconds=1)).isoformat().replace("+00:00", "Z")
    lines = system.command("-o", "json", "fills", "--since", utc).splitlines()
    assert [json.loads(line)["seq"] for line in lines] == [str(n) for n in range(2, 9)]
    assert system.command("fills", "--until", "2h") == "no fills\n"
    assert len(system.command("copies", "--since", "2h").splitlines()) == 1 + 2 * len(fills)
    assert len(system.command("events", "--since", "today").splitlines()) > 5
    lines = system.command("-o", "json", "logs", "anna", "--since", "1h").splitlines()
    assert len(lines) > 1
    at = json.loads(lines[1])["at"]
    assert system.command("-o", "json", "logs", "anna", "--since", at).splitlines() == lines[1:]
    assert (
        system.command("-o", "json", "logs", "anna", "--since", "1h", "--until", at).splitlines() == lines[:1]
    )


def test_nothing_is_stopped_where_one_id_is_wrong(system: System) -> None:
    before = system.pids()
    assert system.command("stop", "anna", "bertt", expect=1) == ""
    assert system.command("pause", "bert", "master", expect=1) == ""
    assert system.pids() == before
    assert not any("stop" in str(account.reason).lower() for account in system.accounts().values())


def test_all_users_are_paused_and_resumed_at_once(system: System) -> None:
    assert [line.split(":")[0] for line in system.command("pause", "--all").splitlines()] == ["anna", "bert"]

    def paused() -> bool:
        return all("PAUSED by an operator" in system.command("accounts", user) for user in ("anna", "bert"))

    wait_for("both to be paused", paused)
    system.command("resume", "--all")


def test_a_report_is_about_the_fills_of_its_interval(system: System, fills: list[Any]) -> None:
    since, until = moment(fills[2].executed_at), moment(fills[6].executed_at)
    with system.api() as api:
        report = api.get_report(since=since, until=until)
    assert report.fills == 4
    assert [account.fills for account in report.accounts] == [4, 4]
    assert not report.unanswered
    said = system.command("report", "--since", since.isoformat())
    assert said.startswith(f"6 fills from {since.astimezone().isoformat(sep=' ', timespec='milliseconds')}, ")
