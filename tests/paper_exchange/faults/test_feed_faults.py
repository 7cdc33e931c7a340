"""Faults of the executions channel and of WebSocket connections, over real sockets."""

from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.support.paper_feed import Feed, buy, feed
from tests.support.paper_server import Client, Server

WHOLE_STORY = ["pending_new", "new", "trade", "filled"]
HOURS_MS = 3_000_000


@pytest.fixture
def client(faulty: Server) -> Client:
    """A new account that can buy."""
    faulty.pin("XBTUSD", price="50000")
    return faulty.account(ZUSD="10000")


def messages(connected: Feed, count: int) -> list[tuple[str, int]]:
    """What the next messages tell, and their sequence numbers."""
    found = []
    for _ in range(count):
        message = connected.next()
        assert (message["channel"], message["type"]) == ("executions", "update")
        (row,) = message["data"]
        found.append((row["exec_type"], message["sequence"]))
    return found


def told_nothing_more(connected: Feed) -> bool:
    """Whether what was sent so far has all been read."""
    connected.send("ping")
    return bool(connected.next().get("method") == "pong")


# --- cuts


def test_a_cut_now_takes_the_sockets_of_the_account_and_no_others(faulty: Server, client: Client) -> None:
    other = faulty.account(ZUSD="10000")
    with feed(faulty) as first, feed(faulty) as second, feed(faulty) as others, feed(faulty) as public:
        first.executions(client)
        second.executions(client)
        others.executions(other)
        number = faulty.fault("ws_cut", account=client.account)
        assert [first.wait_closed(), second.wait_closed()] == [None, None], "a network says no goodbye"
        assert faulty.fired(number) == 1
        buy(other, "0.01")
        assert [kind for kind, _ in messages(others, 4)] == WHOLE_STORY
        assert told_nothing_more(public)


def test_a_cut_after_new_loses_the_trades_of_that_socket_but_not_the_trades(
    faulty: Server, client: Client
) -> None:
    number = faulty.fault("ws_cut", account=client.account, when="after_new")
    with feed(faulty) as connected:
        connected.executions(client)
        resting = {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "price": "40000", "volume": "0.01"}
        client.call("AddOrder", **resting)
        assert messages(connected, 2) == [("pending_new", 2), ("new", 3)]
        txid = buy(client, "0.01")
        assert messages(connected, 2) == [("pending_new", 4), ("new", 5)]
        assert connected.wait_closed() is None
    assert faulty.fired(number) == 1
    (fill,) = faulty.fills(client)
    with feed(faulty) as connected:
        snapshot = connected.executions(client)
    trades = [row for row in snapshot["data"] if row["exec_type"] == "trade"]
    assert [(row["order_id"], row["exec_id"]) for row in trades] == [(txid, fill["exec_id"])]


def test_a_cut_before_an_event_loses_all_of_it(faulty: Server, client: Client) -> None:
    faulty.fault("ws_cut", account=client.account, when="before_event", after=1)
    with feed(faulty) as connected:
        connected.executions(client)
        buy(client, "0.01")
        assert [kind for kind, _ in messages(connected, 4)] == WHOLE_STORY
        buy(client, "0.01")
        assert connected.last_words() == []
    assert len(faulty.fills(client)) == 2


def test_a_cut_waits_until_somebody_listens(faulty: Server, client: Client) -> None:
    number = faulty.fault("ws_cut", account=client.account, when="before_event")
    buy(client, "0.01")
    assert faulty.fired(number) == 0
    with feed(faulty) as connected:
        connected.executions(client)
        buy(client, "0.01")
        assert connected.wait_closed() is None
    assert faulty.fired(number) == 1


def test_a_snapshot_after_a_cut_repeats_fills_that_were_told_before(faulty: Server, client: Client) -> None:
    with feed(faulty) as connected:
        connected.executions(client)
        buy(client, "0.01")
        trade = connected.rows(4)[2]
        faulty.fault("ws_cut", account=client.account)
        assert connected.wait_closed() is None
    for _ in range(2):
        with feed(faulty) as connected:
            (again,) = connected.executions(client)["data"]
        assert (again["exec_type"], again["exec_id"]) == ("trade", trade["exec_id"])


def test_connects_are_refused_as_often_as_was_asked_for(faulty: Server) -> None:
    number = faulty.fault("ws_refuse", count=2)
    for _ in range(2):
        with pytest.raises(InvalidStatus) as refused, connect(faulty.ws_url):
            pass
        assert refused.value.response.status_code == 503
    with feed(faulty) as connected:
        assert told_nothing_more(connected)
    assert faulty.fired(number) == 2


# --- silence


def test_what_falls_into_a_silence_is_lost_with_its_sequence_numbers_and_no_heart_beats(
    faulty: Server, client: Client
) -> None:
    with feed(faulty) as connected, feed(faulty) as other:
        connected.executions(client)
        other.executions(faulty.account())
        number = faulty.fault("ws_silence", account=client.account, delay_ms=HOURS_MS)
        buy(client, "0.01")
        connected.send("ping")
        assert other.next(heartbeats=True) == {"channel": "heartbeat"}
        assert connected.hears_nothing(1.3)
        assert faulty.control("DELETE", f"/faults/{number}").status_code == 200
        buy(client, "0.01")
        assert messages(connected, 4) == list(zip(WHOLE_STORY, [6, 7, 8, 9], strict=True))


def test_what_falls_into_a_silence_that_loses_nothing_comes_late(faulty: Server, client: Client) -> None:
    with feed(faulty) as connected:
        connected.executions(client)
        number = faulty.fault("ws_silence", account=client.account, delay_ms=HOURS_MS, lose=False)
        assert connected.hears_nothing(1.3)
        buy(client, "0.01")
        connected.send("ping")
        assert faulty.control("DELETE", f"/faults/{number}").status_code == 200
        first = connected.next(heartbeats=True)
        assert first["data"][0]["exec_type"] == "pending_new", "heartbeats are not kept"
        assert messages(connected, 3) == list(zip(WHOLE_STORY[1:], [3, 4, 5], strict=True))
        assert connected.next()["method"] == "pong"


def test_a_silence_ends_by_itself(faulty: Server, client: Client) -> None:
    with feed(faulty) as connected:
        connected.executions(client)
        faulty.fault("ws_silence", delay_ms=100, lose=False)
        buy(client, "0.01")
        assert messages(connected, 4) == list(zip(WHOLE_STORY, [2, 3, 4, 5], strict=True))


def test_whoever_subscribes_during_a_silence_hears_nothing_either(faulty: Server, client: Client) -> None:
    number = faulty.fault("ws_silence", account=client.account, delay_ms=HOURS_MS, lose=False)
    longer = faulty.fault("ws_silence", account=client.account, delay_ms=HOURS_MS, lose=False)
    token = client.call("GetWebSocketsToken")["token"]
    with feed(faulty) as connected:
        connected.send("subscribe", {"channel": "executions", "token": token})
        assert connected.hears_nothing(0.2)
        assert faulty.control("DELETE", f"/faults/{longer}").status_code == 200
        assert connected.hears_nothing(0.2), "the other one goes on"
        assert faulty.control("DELETE", f"/faults/{number}").status_code == 200
        assert connected.next()["success"]
        assert connected.next()["type"] == "snapshot"


# --- single events


def test_a_message_that_is_left_out_leaves_a_gap_in_the_sequence(faulty: Server, client: Client) -> None:
    number = faulty.fault("sequence_gap", account=client.account, after=2)
    with feed(faulty) as first, feed(faulty) as second:
        first.executions(client)
        second.executions(client)
        buy(client, "0.01")
        for connected in (first, second):
            assert messages(connected, 3) == [("pending_new", 2), ("new", 3), ("filled", 5)]
            assert told_nothing_more(connected)
    assert faulty.fired(number) == 1
    assert len(faulty.fills(client)) == 1


def test_a_message_that_its_subscriber_would_not_hear_is_not_left_out(faulty: Server, client: Client) -> None:
    faulty.fault("sequence_gap", account=client.account)
    with feed(faulty) as connected:
        connected.executions(client, order_status=False)
        buy(client, "0.01")
        assert messages(connected, 2) == [("trade", 3), ("filled", 4)], "it was the first that is heard"


def test_a_trade_is_told_twice_under_one_exec_id_and_two_numbers(faulty: Server, client: Client) -> None:
    faulty.fault("duplicate_event", account=client.account)
    with feed(faulty) as connected:
        connected.executions(client)
        buy(client, "0.01")
        found = [connected.next() for _ in range(5)]
        assert told_nothing_more(connected)
    assert [message["sequence"] for message in found] == [2, 3, 4, 5, 6]
    first, second = (message["data"][0] for message in found[2:4])
    assert first == second
    assert [fill["exec_id"] for fill in faulty.fills(client)] == [first["exec_id"]]


def test_an_order_ends_without_its_filled_marker(faulty: Server, client: Client) -> None:
    faulty.fault("no_filled_marker", account=client.account)
    with feed(faulty) as connected:
        connected.executions(client)
        txid = buy(client, "0.01")
        pending, new, trade = (connected.next() for _ in range(3))
        assert [message["sequence"] for message in (pending, new, trade)] == [2, 3, 4]
        (row,) = trade["data"]
        assert (row["order_status"], row["cum_qty"]) == ("partially_filled", row["last_qty"])
        assert told_nothing_more(connected)
        buy(client, "0.01")
        assert messages(connected, 4) == list(zip(WHOLE_STORY, [5, 6, 7, 8], strict=True)), "no gap"
    assert client.call("QueryOrders", txid=txid)[txid]["status"] == "closed"


def test_the_trades_of_an_order_come_in_reverse_order(faulty: Server, client: Client) -> None:
    faulty.pin("XBTUSD", bid="49999.9", ask="50000.0", depth="0.01")
    faulty.fault("reorder_events", account=client.account)
    with feed(faulty) as connected:
        connected.executions(client)
        buy(client, "0.01")
        assert [kind for kind, _ in messages(connected, 4)] == WHOLE_STORY, "one trade has no order"
        buy(client, "0.03")
        found = [connected.next() for _ in range(6)]
    assert [message["sequence"] for message in found] == [6, 7, 8, 9, 10, 11]
    rows: list[dict[str, Any]] = [message["data"][0] for message in found]
    assert [row["exec_type"] for row in rows] == ["pending_new", "new", *["trade"] * 3, "filled"]
    told = [row["exec_id"] for row in rows[2:5]]
    assert told == [fill["exec_id"] for fill in faulty.fills(client)[:0:-1]]
    assert [f"{row['cum_qty']:f}" for row in rows[2:5]] == ["0.03000000", "0.02000000", "0.01000000"]


# --- tokens


def test_an_expired_token_is_refused_and_the_live_socket_stays(faulty: Server, client: Client) -> None:
    with feed(faulty) as live, feed(faulty) as late:
        live.executions(client)
        token = client.call("GetWebSocketsToken")["token"]
        faulty.fault("expire_token", account=client.account)
        late.send("subscribe", {"channel": "executions", "token": token})
        assert late.next()["error"] == "ESession:Invalid session"
        buy(client, "0.01")
        assert [kind for kind, _ in messages(live, 4)] == WHOLE_STORY
        late.executions(client)  # with a new token


def test_an_expired_token_takes_its_socket_along_where_that_was_asked_for(
    faulty: Server, client: Client
) -> None:
    other = faulty.account()
    with feed(faulty) as live, feed(faulty) as others:
        live.executions(client)
        others.executions(other)
        faulty.fault("expire_token", account=client.account, close=True)
        assert live.wait_closed() == 1008
        assert told_nothing_more(others)
    with feed(faulty) as again:
        again.executions(client)
