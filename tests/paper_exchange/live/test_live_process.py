"""One exchange follows another over its public feed: the code that follows Kraken, without a network."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.paper_feed import buy, feed
from tests.support.paper_server import PATIENCE_S, ROOT, Client, Server, until

# Short, so that a test need not wait for the usual ten seconds; longer than heartbeats are apart (1 s).
SHORT = ("--live-silence-s", "3")
CLOSED = "EService:Market in cancel_only mode"


@pytest.fixture
def source() -> Iterator[Server]:
    """What plays Kraken. Its markets stand still until a test pins them."""
    running = Server("--tick-ms", "3600000")
    yield running
    if running.process.poll() is None:
        assert running.stop() == 0


@contextmanager
def following(source: Server, *more: str, **popen: Any) -> Iterator[Server]:
    running = Server("--market", "live", "--live-url", source.ws_url, *more, **popen)
    try:
        yield running
    finally:
        code = running.stop()
    assert code == 0


def market(server: Server) -> Any:
    return server.control("GET", "/market").json()


def state(server: Server, pair: str = "XBTUSD") -> Any:
    return market(server)["pairs"][pair]["state"]


def asked(server: Server, pair: str = "XBTUSD") -> Any:
    return market(server)["pairs"][pair]["ask"]


def filled_at(server: Server, client: Client) -> list[str]:
    return [fill["price"] for fill in server.fills(client)]


def refusal(client: Client) -> str:
    return client.error("AddOrder", pair="XBTUSD", type="buy", ordertype="market", volume="0.01")


def again(source: Server) -> Server:
    """The source, ended and started anew at its address."""
    return Server("--tick-ms", "3600000", "--port", source.rest_url.rpartition(":")[2])


def test_prices_follow_and_a_price_that_is_pinned_there_is_what_an_order_fills_at_here(
    source: Server,
) -> None:
    source.pin("XBTUSD", bid="41000.0", ask="41000.1", depth="0.5")
    with following(source) as follower:
        row = market(follower)
        assert (row["market"], row["feed"]["connected"]) == ("live", True)
        assert {pair["state"] for pair in row["pairs"].values()} == {"open"}, (
            "prices are there once it has begun"
        )
        client = follower.account(ZUSD="100000", XXBT="1")
        buy(client, "0.1")
        source.pin("XBTUSD", price="42000.5")
        until(lambda: asked(follower) == "42000.5", "the follower has the new price")
        buy(client, "0.1")
        assert filled_at(follower, client) == ["41000.1", "42000.5"]
        shown = follower.public("Ticker", pair="XBTUSD")["result"]["XXBTZUSD"]
        assert (shown["a"][0], shown["b"][0]) == ("42000.50000", "42000.50000")


def test_the_sizes_of_the_best_levels_are_those_of_the_feed(source: Server) -> None:
    source.pin("ETHUSD", bid="2999.00", ask="3000.00", depth="0.125")
    with following(source) as follower, feed(follower) as client:
        client.subscribe("ticker", symbol=["ETH/USD"], event_trigger="bbo")
        (row,) = client.next()["data"]
        assert [str(row[name]) for name in ("bid", "bid_qty", "ask", "ask_qty")] == [
            "2999.00", "0.12500000", "3000.00", "0.12500000",
        ]  # fmt: skip


def test_a_resting_order_fills_when_the_real_market_trades_through_it(source: Server) -> None:
    source.pin("XBTUSD", bid="41000.0", ask="41000.1")
    with following(source) as follower:
        client = follower.account(ZUSD="100000")
        (txid,) = client.call(
            "AddOrder", pair="XBTUSD", type="buy", ordertype="limit", price="40500", volume="0.1"
        )["txid"]
        assert client.call("OpenOrders")["open"].keys() == {txid}
        source.pin("XBTUSD", price="40400")
        until(lambda: filled_at(follower, client), "the order filled")
        assert filled_at(follower, client) == ["40500.0"]


def test_trades_there_are_trades_here() -> None:
    moving = Server("--tick-ms", "20")
    with following(moving) as follower:

        def last() -> int:
            return int(follower.public("Trades", pair="XBTUSD")["result"]["XXBTZUSD"][-1][6])

        until(lambda: last() > 20, "the record grows")
        assert market(follower)["pairs"]["XBTUSD"]["trades_missed"] == 0
    assert moving.stop() == 0


def test_a_source_that_falls_silent_closes_the_pairs_after_the_limit_and_one_that_speaks_again_opens_them(
    source: Server,
) -> None:
    source.pin("XBTUSD", price="41000")
    with following(source, *SHORT) as follower:
        client = follower.account(ZUSD="100000")
        source.process.send_signal(signal.SIGSTOP)
        try:
            until(lambda: state(follower) == "stale", "the silence was noticed")
            assert refusal(client) == CLOSED
            shown = follower.public("AssetPairs", pair="XBTUSD")["result"]["XXBTZUSD"]
            assert shown["status"] == "cancel_only"
        finally:
            source.process.send_signal(signal.SIGCONT)
        until(lambda: state(follower) == "open", "the pair trades again")
        buy(client, "0.01")
        assert filled_at(follower, client) == ["41000.0"]


def test_a_source_that_is_gone_closes_the_pairs_and_its_return_opens_them_at_its_new_price(
    source: Server,
) -> None:
    source.pin("XBTUSD", price="41000")
    with following(source, *SHORT) as follower:
        client = follower.account(ZUSD="100000")
        assert source.stop() == 0
        until(lambda: not market(follower)["feed"]["connected"], "the loss was noticed")
        until(lambda: state(follower) == "stale", "the limit has passed")
        assert refusal(client) == CLOSED
        assert "Cannot connect" in market(follower)["feed"]["trouble"]
        returned = again(source)
        try:
            until(lambda: state(follower) == "open", "the follower came back")
            assert asked(follower) == "60000.1"
            buy(client, "0.01")
            assert filled_at(follower, client) == ["60000.1"]
        finally:
            assert returned.stop() == 0


def test_without_a_feed_it_begins_after_a_while_and_waits_for_it_with_its_orders_refused(
    source: Server,
) -> None:
    source.pin("XBTUSD", price="41000")
    source.process.send_signal(signal.SIGSTOP)
    with following(source) as follower:
        client = follower.account(ZUSD="100000")
        assert state(follower) == "waiting"
        assert refusal(client) == CLOSED
        assert follower.public("Ticker", pair="XBTUSD")["error"] == ["EService:Unavailable"]
        assert follower.public("Ticker")["result"] == {}
        assert float(client.call("TradeBalance")["eb"]) == 100000
        source.process.send_signal(signal.SIGCONT)
        until(lambda: state(follower) == "open", "prices have come")
        assert buy(client, "0.01")


def test_a_connection_that_is_refused_is_tried_again(source: Server) -> None:
    number = source.fault("ws_refuse", count=2)
    with following(source) as follower:
        until(lambda: state(follower) == "open", "the third try")
    assert source.fired(number) == 2


def test_terms_and_status_are_those_of_the_source(source: Server) -> None:
    changed = {"ordermin": "0.5", "tick_size": "0.5"}
    assert source.control("POST", "/pairs/XBTUSD", changed).status_code == 200
    with following(source) as follower:
        assert {**follower.control("GET", "/pairs/XBTUSD").json(), **changed} == {
            "pair": "XBTUSD", "ordermin": "0.5", "costmin": "0.5", "tick_size": "0.5", "status": "online",
            "listed": True,
        }  # fmt: skip
        assert source.control("POST", "/pairs/XBTUSD", {"status": "post_only"}).status_code == 200
        until(lambda: market(follower)["pairs"]["XBTUSD"]["status"] == "post_only", "the status was told")
        source.fault("market_mode", mode="maintenance")
        until(lambda: state(follower, "ETHUSD") == "halted", "the maintenance was told")


def test_each_change_has_a_line_in_the_log(source: Server, tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("w") as log, following(source, *SHORT, stderr=log):
        assert source.stop() == 0
        until(lambda: "stale: " in path.read_text(), "the loss was told")
    lines = [line.partition("live prices: ")[2] for line in path.read_text().splitlines()]
    words = [line.partition(":")[0] for line in lines]
    assert words[:2] == ["connected", "open"]
    assert words[-1] == "stale"
    assert "no connection" in words


def test_other_markets_are_shown_as_what_they_are(server: Server) -> None:
    shown = market(server)
    assert (shown["market"], "feed" in shown) == ("synthetic", False)
    assert shown["pairs"]["XBTUSD"].keys() == {"status", "bid", "ask", "pinned"}


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--live-url", "ws://127.0.0.1:1/v2"), "--live-url goes with --market live"),
        (("--live-silence-s", "5"), "--live-silence-s goes with --market live"),
        (("--market", "live", "--live-url", "https://ws.kraken.com/v2"), "expected a ws:// or wss:// URL"),
        (("--market", "live", "--live-silence-s", "0"), "expected seconds from 0.1"),
        (("--market", "live", "--replay", "XBTUSD.csv"), "--market replay and --replay FILE go together"),
    ],
)
def test_a_bad_command_line_is_told_in_one_line(arguments: tuple[str, ...], reason: str) -> None:
    command = [sys.executable, "-m", "krakencopy.paper_exchange", "--port", "0", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=PATIENCE_S, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (78, "", 1)
    assert reason in ended.stderr
