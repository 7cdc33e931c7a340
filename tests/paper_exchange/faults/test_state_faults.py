"""Faults that change the exchange itself: its mode, its minima, its clock, what its reads show, how its
engine ends orders.
"""

import time
from collections.abc import Iterator
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.paper_exchange.values.errors import KrakenError
from krakencopy.paper_exchange.values.trading_mode import MarketMode, check_cancel, check_entry
from tests.support.paper_feed import buy, feed
from tests.support.paper_server import Client, Server, until

BUY = {"pair": "XBTUSD", "type": "buy", "ordertype": "market", "volume": "0.01"}
REST = {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "price": "40000", "volume": "0.01"}
POST = REST | {"oflags": "post"}
HOUR_MS = 3_600_000


@pytest.fixture
def client(faulty: Server) -> Client:
    """A new account that can buy."""
    faulty.pin("XBTUSD", price="50000")
    return faulty.account(ZUSD="10000")


# --- the trading mode


@pytest.mark.parametrize(
    ("mode", "market", "limit", "post", "cancel"),
    [
        ("online", None, None, None, None),
        ("limit_only", "EService:Market in limit_only mode", None, None, None),
        ("post_only", "EService:Market in post_only mode", "EService:Market in post_only mode", None, None),
        ("cancel_only", *["EService:Market in cancel_only mode"] * 3, None),
        ("maintenance", *["EService:Unavailable"] * 4),
    ],
)
def test_each_mode_refuses_in_its_own_words(
    faulty: Server,
    client: Client,
    mode: str,
    market: str | None,
    limit: str | None,
    post: str | None,
    cancel: str | None,
) -> None:
    (txid,) = client.call("AddOrder", **REST)["txid"]
    number = faulty.fault("market_mode", mode=mode)
    requests: list[tuple[str, dict[str, str], str | None]] = [
        ("AddOrder", BUY, market),
        ("AddOrder", REST, limit),
        ("AddOrder", POST, post),
        ("CancelOrder", {"txid": txid}, cancel),
        ("CancelAll", {}, cancel),
    ]
    for method, params, refusal in requests:
        assert client.answer(method, **params)["error"] == ([] if refusal is None else [refusal])
    refusals = [refusal for _, _, refusal in requests]
    assert faulty.outcomes(client)[1:] == [
        (method, refusal or "ok", "market_mode" if refusal else None) for method, _, refusal in requests
    ]
    assert faulty.fired(number) == sum(refusal is not None for refusal in refusals)
    assert client.call("Balance"), "whoever asks is answered"
    system = "online" if mode == "limit_only" else mode
    assert faulty.public("SystemStatus")["result"]["status"] == system
    assert faulty.public("AssetPairs", pair="XBTUSD")["result"]["XXBTZUSD"]["status"] == mode


def test_every_socket_is_told_of_the_status_and_new_ones_are_greeted_with_it(faulty: Server) -> None:
    with feed(faulty) as connected:
        number = faulty.fault("market_mode", mode="cancel_only")
        told = connected.next()
        assert (told["channel"], told["type"], told["data"][0]["system"]) == (
            "status",
            "update",
            "cancel_only",
        )
        with feed(faulty) as late:
            late.send("subscribe", {"channel": "instrument"})
            late.next()
            assert {pair["status"] for pair in late.next()["data"]["pairs"]} == {"cancel_only"}
        faulty.fault("market_mode", mode="maintenance")
        assert connected.next()["data"][0]["system"] == "maintenance"
        faulty.control("DELETE", f"/faults/{number}")
        faulty.control("DELETE", "/faults")
        assert connected.next()["data"][0]["system"] == "online", "the newest mode had held"


def test_nothing_is_matched_until_the_mode_allows_it(faulty: Server, client: Client) -> None:
    client.call("AddOrder", **REST)
    faulty.fault("market_mode", mode="post_only")
    faulty.pin("XBTUSD", price="39000")
    assert len(client.call("OpenOrders")["open"]) == 1
    assert client.error("AddOrder", **POST) == "EOrder:Post only order"
    faulty.fault("market_mode", mode="online")
    assert client.call("OpenOrders")["open"] == {}
    (fill,) = faulty.fills(client)
    assert (fill["price"], fill["maker"]) == ("40000.0", True)


@given(st.sampled_from(MarketMode), st.sampled_from(["", "market", "limit", "iceberg"]), st.booleans())
def test_a_mode_lets_in_no_more_than_a_laxer_one(mode: MarketMode, ordertype: str, post: bool) -> None:
    order = [
        MarketMode.ONLINE,
        MarketMode.LIMIT_ONLY,
        MarketMode.POST_ONLY,
        MarketMode.CANCEL_ONLY,
        MarketMode.MAINTENANCE,
    ]
    entered = [lets_in(stricter, ordertype, post) for stricter in order]
    assert entered == sorted(entered, reverse=True)
    assert entered[0]
    if mode is not MarketMode.MAINTENANCE:
        check_cancel(mode)


def lets_in(mode: MarketMode, ordertype: str, post: bool) -> bool:
    try:
        check_entry(mode, ordertype, post=post)
    except KrakenError:
        return False
    return True


# --- minima


def test_a_higher_minimum_is_shown_and_checked_at_once_and_gone_with_the_fault(
    faulty: Server, client: Client
) -> None:
    number = faulty.fault("ordermin", pair="XBT/USD", ordermin="0.02")
    assert minima(faulty) == ("0.02", "0.5")
    assert client.error("AddOrder", **BUY) == "EGeneral:Invalid arguments:volume minimum not met"
    assert faulty.outcomes(client) == [
        ("AddOrder", "EGeneral:Invalid arguments:volume minimum not met", "ordermin")
    ]
    assert faulty.fired(number) == 1
    other = faulty.fault("ordermin", pair="XBTUSD", ordermin="0.001", costmin="1000")
    assert client.error("AddOrder", **BUY) == "EGeneral:Invalid arguments:cost minimum not met"
    faulty.control("DELETE", f"/faults/{other}")
    assert client.error("AddOrder", **BUY) == "EGeneral:Invalid arguments:volume minimum not met"
    faulty.control("DELETE", f"/faults/{number}")
    assert client.call("AddOrder", **BUY)["txid"]
    assert minima(faulty) == ("0.00005", "0.5")


def test_a_stale_minimum_is_checked_but_not_shown(faulty: Server, client: Client) -> None:
    faulty.fault("ordermin", pair="XBTUSD", ordermin="0.02", stale=True)
    assert minima(faulty) == ("0.00005", "0.5")
    assert client.error("AddOrder", **BUY) == "EGeneral:Invalid arguments:volume minimum not met"
    faulty.pin("ETHUSD", price="3000")
    assert client.error("AddOrder", **BUY | {"pair": "ETHUSD", "volume": "0.0009"})
    assert [outcome[2] for outcome in faulty.outcomes(client)] == ["ordermin", None], "another pair"


def test_a_lower_minimum_lets_smaller_orders_in(faulty: Server, client: Client) -> None:
    tiny = BUY | {"volume": "0.00000001"}
    assert client.error("AddOrder", **tiny) == "EGeneral:Invalid arguments:volume minimum not met"
    faulty.fault("ordermin", pair="XBTUSD", ordermin="0", costmin="0")
    assert client.call("AddOrder", **tiny)["txid"]
    with feed(faulty) as connected:
        connected.send("subscribe", {"channel": "instrument"})
        connected.next()
        pairs = connected.next()["data"]["pairs"]
    assert [(p["qty_min"], p["cost_min"]) for p in pairs if p["symbol"] == "BTC/USD"] == [(0, 0)]


def minima(server: Server) -> tuple[str, str]:
    row = server.public("AssetPairs", pair="XBTUSD")["result"]["XXBTZUSD"]
    return row["ordermin"], row["costmin"]


# --- the clock


@pytest.fixture
def clock(skewed: Server) -> Iterator[Server]:
    """The exchange whose clock may jump; it goes right afterwards."""
    skewed.pin("XBTUSD", price="50000")
    yield skewed
    assert skewed.control("DELETE", "/faults").status_code == 200


@pytest.mark.parametrize("seconds", [7200, -7200])
def test_a_skewed_clock_is_seen_wherever_a_time_is_shown(clock: Server, seconds: int) -> None:
    client = clock.account(ZUSD="10000")
    number = clock.fault("clock_skew", seconds=seconds)
    near = pytest.approx(time.time() + seconds, abs=60)
    assert clock.public("Time")["result"]["unixtime"] == near
    with feed(clock) as connected:
        connected.executions(client)
        txid = buy(client, "0.01")
        at = connected.rows(1)[0]["timestamp"]
        assert unix(at) == near
        connected.send("ping")
        connected.rows(3)
        assert unix(connected.next()["time_in"]) == near
    assert client.call("QueryOrders", txid=txid)[txid]["closetm"] == near
    (trade,) = client.call("TradesHistory")["trades"].values()
    assert trade["time"] == near
    header = clock.http.get(f"{clock.rest_url}/0/public/Time", timeout=10).headers["Date"]
    assert parsedate_to_datetime(header).timestamp() == near
    assert clock.fired(number) == 1
    clock.control("DELETE", "/faults")
    assert clock.public("Time")["result"]["unixtime"] == pytest.approx(time.time(), abs=60)


def test_deadlines_are_judged_by_the_skewed_clock(clock: Server) -> None:
    client = clock.account(ZUSD="10000")

    def deadline(ahead_s: float) -> str:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + ahead_s))

    clock.fault("clock_skew", seconds="120.5")
    assert client.error("AddOrder", **BUY, deadline=deadline(30)) == "EService:Deadline elapsed"
    assert client.call("AddOrder", **BUY, deadline=deadline(150))["txid"]
    clock.fault("clock_skew", seconds=-120)
    assert client.error("AddOrder", **BUY, deadline=deadline(30)) == "EGeneral:Invalid arguments:deadline"


def test_a_token_lives_as_long_as_ever_whatever_the_clock_shows(clock: Server) -> None:
    client = clock.account(ZUSD="10000")
    token = client.call("GetWebSocketsToken")["token"]
    clock.fault("clock_skew", seconds=3600)
    with feed(clock) as connected:
        connected.send("subscribe", {"channel": "executions", "token": token})
        assert connected.next()["success"]


def unix(rfc3339: str) -> float:
    return datetime.fromisoformat(rfc3339).timestamp()


# --- reads that trail the engine


def test_reads_trail_the_engine_and_the_feed_does_not(faulty: Server, client: Client) -> None:
    number = faulty.fault("visibility_lag", account=client.account, delay_ms=HOUR_MS)
    with feed(faulty) as connected:
        connected.executions(client)
        txid = buy(client, "0.01", cl_ord_id="mine")
        assert [row["exec_type"] for row in connected.rows(4)] == ["pending_new", "new", "trade", "filled"]
    (resting,) = client.call("AddOrder", **REST)["txid"]
    assert client.call("ClosedOrders", cl_ord_id="mine") == {"closed": {}, "count": 0}
    assert client.call("OpenOrders") == {"open": {}}
    assert client.call("QueryOrders", txid=f"{txid},{resting}") == {}
    assert client.call("TradesHistory") == {"trades": {}, "count": 0}
    assert client.call("QueryTrades", txid="TAAAAA-AAAAA-AAAAAA") == {}
    assert {name: float(amount) for name, amount in client.call("Balance").items()} == {
        "ZUSD": 10_000,
        "XXBT": 0,
    }
    assert client.call("BalanceEx")["ZUSD"] == {"balance": "10000.0000", "hold_trade": "0.0000"}
    assert client.call("TradeBalance")["eb"] == "10000.0000"
    assert faulty.fired(number) == 8
    assert {row["fault"] for row in faulty.rows(client)[3:]} == {"visibility_lag"}
    # What acts, acts on what is.
    assert client.call("CancelOrder", txid=resting) == {"count": 1}
    other = faulty.account(ZUSD="10000")
    assert buy(other, "0.01") in other.call("ClosedOrders")["closed"]
    faulty.control("DELETE", "/faults")
    assert client.call("ClosedOrders")["closed"].keys() == {txid, resting}


def test_what_happened_is_seen_after_the_delay(faulty: Server) -> None:
    client = faulty.account(limits=False, ZUSD="10000")
    faulty.fault("visibility_lag", account=client.account, delay_ms=700)
    txid = buy(client, "0.01")
    assert client.call("ClosedOrders")["closed"] == {}
    until(lambda: txid in client.call("ClosedOrders")["closed"], "the read has caught up")
    assert client.call("Balance")["XXBT"] == "0.0100000000"


def test_one_method_may_trail_while_another_does_not(faulty: Server, client: Client) -> None:
    faulty.fault("visibility_lag", account=client.account, method="ClosedOrders", delay_ms=HOUR_MS)
    (txid,) = client.call("AddOrder", **REST)["txid"]
    client.call("CancelOrder", txid=txid)
    assert client.call("OpenOrders")["open"] == {}
    assert client.call("ClosedOrders")["closed"] == {}, "for a while the order is nowhere"
    assert client.call("QueryOrders", txid=txid)[txid]["status"] == "canceled"


def test_reads_of_one_lag_jump_back_and_forth_by_jitter(faulty: Server) -> None:
    client = faulty.account(limits=False, ZUSD="10000")
    txid = buy(client, "0.01")
    faulty.fault("visibility_lag", account=client.account, delay_ms=0, jitter_ms=1000, seed=5)
    seen = [txid in client.call("ClosedOrders")["closed"] for _ in range(20)]
    assert False in seen
    until(lambda: txid in client.call("ClosedOrders")["closed"], "the read has caught up")


# --- orders that the engine ends early


def canceled_row(faulty: Server, client: Client, order: dict[str, str], **fault: Any) -> dict[str, Any]:
    """The last row of an order that ends early."""
    with feed(faulty) as connected:
        connected.executions(client)
        number = faulty.fault("partial_cancel", account=client.account, **fault)
        (txid,) = client.call("AddOrder", **order)["txid"]
        *trades, canceled = connected.rows(4)[2:]
        assert faulty.fired(number) == 1
    assert [row["exec_type"] for row in (*trades, canceled)] == ["trade", "canceled"]
    assert faulty.outcomes(client)[-1] == ("AddOrder", "ok", "partial_cancel")
    (fill,) = faulty.fills(client)
    row = client.call("QueryOrders", txid=txid)[txid]
    assert (row["status"], row["misc"], row["vol_exec"]) == ("canceled", "partial", fill["volume"])
    assert client.call("BalanceEx")["ZUSD"]["hold_trade"] == "0.0000"
    return canceled


@pytest.mark.parametrize("order", [BUY, REST, POST], ids=["market", "resting", "post-only"])
def test_an_order_is_filled_in_part_and_then_cancelled(
    faulty: Server, client: Client, order: dict[str, str]
) -> None:
    canceled = canceled_row(faulty, client, order, fraction="0.25")
    assert (f"{canceled['cum_qty']:f}", canceled["order_status"]) == ("0.00250000", "canceled")
    assert f"{canceled['avg_price']:.1f}" == ("50000.0" if order is BUY else "40000.0")
    (fill,) = faulty.fills(client)
    assert (fill["volume"], fill["maker"]) == ("0.00250000", order is not BUY)
    assert client.call("AddOrder", **BUY)["txid"]
    assert len(faulty.fills(client)) == 2, "the next one is whole again"


def test_the_cancel_row_may_lack_the_totals(faulty: Server, client: Client) -> None:
    canceled = canceled_row(faulty, client, BUY, cum_qty=False)
    assert not canceled.keys() & {"cum_qty", "cum_cost", "avg_price"}
    assert canceled["reason"] == "Insufficient liquidity"


def test_nothing_of_an_order_may_be_filled(faulty: Server, client: Client) -> None:
    faulty.fault("partial_cancel", account=client.account, fraction="0")
    (txid,) = client.call("AddOrder", **BUY)["txid"]
    row = client.call("QueryOrders", txid=txid)[txid]
    assert (row["status"], row["vol_exec"], row["price"]) == ("canceled", "0.00000000", "0.00000")


def test_an_order_that_is_refused_does_not_use_the_fault_up(faulty: Server, client: Client) -> None:
    number = faulty.fault("partial_cancel", account=client.account)
    assert client.error("AddOrder", **BUY | {"volume": "10"}) == "EOrder:Insufficient funds"
    client.call("AddOrder", **BUY, validate="true")
    assert faulty.fired(number) == 0
    assert [outcome[2] for outcome in faulty.outcomes(client)] == [None, None]
    client.call("AddOrder", **BUY)
    assert faulty.fired(number) == 1


def test_two_faults_may_strike_one_request(faulty: Server, client: Client) -> None:
    faulty.fault("partial_cancel", account=client.account)
    faulty.fault("error", account=client.account, error="EService:Busy", executed=True)
    assert client.error("AddOrder", **BUY) == "EService:Busy"
    assert faulty.outcomes(client) == [("AddOrder", "ok", "error,partial_cancel")]
