"""The exchange's clock: off, drifting, stepped while it runs; every time that a client sees is of the same
one.
"""

import time
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.paper_exchange.values.clock import Clock
from tests.support.paper_feed import feed
from tests.support.paper_server import Client, Server, until

BUY = {"pair": "XBTUSD", "type": "buy", "ordertype": "market", "volume": "0.01"}
START_US = 1_700_000_000_000_000
S_US = 1_000_000


@pytest.fixture
def client(skewed: Server) -> Iterator[Client]:
    skewed.pin("XBTUSD", price="50000")
    yield skewed.account(ZUSD="10000")
    assert skewed.control("DELETE", "/faults").status_code == 200


def unix(rfc3339: str) -> float:
    return datetime.fromisoformat(rfc3339).timestamp()


def shown_times(server: Server, client: Client) -> dict[str, float]:
    """Every kind of time that a client sees, at about one instant."""
    answer = server.http.get(f"{server.rest_url}/0/public/Time", timeout=10)
    refused = server.http.get(f"{server.rest_url}/no/such/page", timeout=10)
    with feed(server) as connected:
        connected.executions(client, snap_trades=False)
        connected.balances(client)
        (txid,) = client.call("AddOrder", **BUY)["txid"]
        messages = [connected.next() for _ in range(6)]
        connected.send("ping")
        pong = connected.next()
    order = client.call("QueryOrders", txid=txid)[txid]
    trade = next(iter(client.call("TradesHistory")["trades"].values()))
    entry = next(iter(client.call("Ledgers", type="trade")["ledger"].values()))
    return {
        "Time": answer.json()["result"]["unixtime"],
        "Date": parsedate_to_datetime(answer.headers["Date"]).timestamp(),
        "Date of a refusal": parsedate_to_datetime(refused.headers["Date"]).timestamp(),
        "SystemStatus": unix(server.public("SystemStatus")["result"]["timestamp"]),
        "opentm": order["opentm"],
        "closetm": order["closetm"],
        "trade": trade["time"],
        "ledger": entry["time"],
        "pong": unix(pong["time_in"]),
    } | {f"{m['channel']} {place}": unix(m["data"][0]["timestamp"]) for place, m in enumerate(messages)}


@pytest.mark.parametrize("seconds", [0, 400, -400, 3600])
def test_every_time_is_of_one_clock(skewed: Server, client: Client, seconds: int) -> None:
    if seconds:
        skewed.fault("clock_skew", seconds=seconds)
    near = pytest.approx(time.time() + seconds, abs=60)
    times = shown_times(skewed, client)
    assert {name: at for name, at in times.items() if at != near} == {}


def test_a_clock_that_drifts_goes_further_off_while_it_runs(skewed: Server, client: Client) -> None:
    skewed.fault("clock_skew", seconds=100, drift="0.5")

    def off_s() -> float:
        return unix(skewed.public("SystemStatus")["result"]["timestamp"]) - time.time()

    until(lambda: off_s() > 102, "the clock has gained two seconds more")
    assert client.error("AddOrder", **BUY, deadline=deadline(100)) == "EService:Deadline elapsed"


def deadline(ahead_s: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + ahead_s))


def test_a_deadline_is_2_to_60_seconds_ahead_by_the_exchanges_clock(skewed: Server, client: Client) -> None:
    def errors(ahead_s: float) -> list[str]:
        errors = client.answer("AddOrder", **BUY, deadline=deadline(ahead_s))["error"]
        assert isinstance(errors, list)
        return errors

    assert errors(10) == []
    skewed.fault("clock_skew", seconds=40)
    assert errors(10) == ["EService:Deadline elapsed"]
    assert errors(50) == []
    # Stepped back in the middle, as by a time server.
    skewed.fault("clock_skew", seconds=-40)
    assert errors(30) == ["EGeneral:Invalid arguments:deadline"]
    assert errors(10) == []
    assert skewed.control("DELETE", "/faults").status_code == 200
    assert errors(10) == []


@given(
    st.integers(-86_400 * S_US, 86_400 * S_US),
    st.decimals("-0.5", "0.5", places=6),
    st.integers(0, 10**6 * S_US),
)
def test_a_time_is_found_again_from_what_the_clock_shows(
    offset_us: int, drift: Decimal, gone_us: int
) -> None:
    clock = Clock(offset_us, drift, START_US)
    true_us = START_US + gone_us
    assert abs(clock.true_us(clock.wall_us(true_us)) - true_us) <= 2
    assert clock.is_true == (not offset_us and not drift)
