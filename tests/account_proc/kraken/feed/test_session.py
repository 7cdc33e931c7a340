"""Frames in, events out: what is told, what is doubted, and what ends a subscription."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.contract.errors import ExchangeError, KeyRefused
from krakencopy.account_proc.kraken.feed.executions import ExecutionsMerge, Incomplete
from krakencopy.account_proc.kraken.feed.session import (
    FIRST_PING,
    SNAPSHOT_WAIT_S,
    BalanceChanged,
    Connected,
    Executed,
    FeedCut,
    FeedSession,
    TimeTold,
    subscription,
)

HEARTBEAT = b'{"channel":"heartbeat"}'
ACK = b'{"method":"subscribe","req_id":1,"result":{"channel":"executions"},"success":true}'
ROW = {
    "order_id": "OA",
    "exec_id": "TA",
    "exec_type": "trade",
    "trade_id": 1,
    "symbol": "BTC/USD",
    "side": "buy",
    "last_qty": 1,
    "last_price": 2,
    "cost": 2,
    "timestamp": "2026-11-22T10:00:00Z",
    "order_status": "filled",
}


def message(sequence: int | None, kind: str = "update", *rows: dict[str, Any]) -> bytes:
    body: dict[str, Any] = {"channel": "executions", "type": kind, "data": list(rows)}
    return json.dumps(body if sequence is None else body | {"sequence": sequence}).encode()


def session() -> FeedSession:
    return FeedSession(ExecutionsMerge())


def test_the_subscription_asks_for_all_snapshots() -> None:
    asked = json.loads(subscription("secret token"))
    assert asked["method"] == "subscribe"
    assert asked["params"] == {
        "channel": "executions",
        "token": "secret token",
        "snap_orders": True,
        "snap_trades": True,
        "order_status": True,
        "ratecounter": False,
    }


def test_a_snapshot_connects_and_updates_follow() -> None:
    feed = session()
    assert feed.receive(ACK, 0.0) == []
    (connected,) = feed.receive(message(1, "snapshot", ROW), 0.1)
    (executed,) = feed.receive(message(2, "update", ROW, ROW), 0.2)
    assert isinstance(connected, Connected)
    assert isinstance(executed, Executed)
    assert (len(connected.rows), len(executed.rows)) == (1, 2)


def test_answers_tell_the_exchanges_time_and_when_their_requests_were_sent() -> None:
    feed = session()
    time_in, time_out = "2026-11-22T10:00:00.000001Z", "2026-11-22T10:00:00.000002Z"
    feed.subscribes(5.0)
    first, second = json.loads(feed.ping(6.0)), json.loads(feed.ping(7.0))
    assert first == {"method": "ping", "req_id": FIRST_PING}

    def answered(number: object, method: str = "pong") -> list[object]:
        return [
            *feed.receive(
                json.dumps(
                    {"method": method, "req_id": number, "time_in": time_in, "time_out": time_out}
                ).encode(),
                9.0,
            )
        ]

    # Whichever comes first, each belongs to its own request.
    assert answered(second["req_id"]) == [TimeTold(time_in, time_out, 7.0)]
    assert answered(1, "subscribe") == [TimeTold(time_in, time_out, 5.0)]
    assert answered(first["req_id"]) == [TimeTold(time_in, time_out, 6.0)]
    # Nobody asked for these.
    unasked: list[object] = [first["req_id"], 99, None, "3", [3], {}]
    for number in unasked:
        assert answered(number) == []


def test_a_snapshot_that_never_comes_is_not_waited_for_for_ever() -> None:
    feed = session()
    assert feed.receive(HEARTBEAT, 0.0) == []
    assert feed.receive(ACK, 100.0) == []
    assert feed.receive(HEARTBEAT, 100.0 + SNAPSHOT_WAIT_S / 2) == []
    assert feed.receive(HEARTBEAT, 100.0 + SNAPSHOT_WAIT_S) == [Connected(())]
    assert feed.receive(HEARTBEAT, 200.0) == []


def test_an_update_before_any_snapshot_is_not_lost() -> None:
    connected, executed = session().receive(message(7, "update", ROW), 0.0)
    assert connected == Connected(())
    assert isinstance(executed, Executed)
    assert len(executed.rows) == 1


def balances(kind: str, *rows: Any) -> bytes:
    return json.dumps({"channel": "balances", "type": kind, "data": rows, "sequence": 9}).encode()


def test_changes_of_balances_are_told_without_their_fees_and_a_row_that_is_none_costs_that_row() -> None:
    feed = session()
    row = {"asset": "BTC", "amount": -0.5, "fee": 0.0001, "type": "withdrawal", "ledger_id": "L1"}
    assert feed.receive(balances("update", {"asset": "BTC"}, row, None, "x"), 0.0) == [
        BalanceChanged("BTC", Decimal("-0.5001"), "withdrawal")
    ]
    # The fee of a margin trade is told with its execution.
    closed = {"asset": "USD", "amount": -40, "fee": 0.3, "type": "margin"}
    assert feed.receive(balances("update", closed), 0.0) == [BalanceChanged("USD", Decimal(-40), "margin")]
    assert feed.receive(balances("snapshot", row), 0.0) == []
    assert feed.receive(b'{"channel":"balances","type":"update"}', 0.0) == []


@pytest.mark.parametrize(
    ("subtype", "kind"),
    [("spotfromfutures", "spotfromfutures"), ("spottostaking", "transfer"), (None, "transfer")],
)
def test_what_comes_from_the_futures_wallet_is_told_apart_from_moves_within_spot(
    subtype: str | None, kind: str
) -> None:
    row = {"asset": "USD", "amount": 9000, "type": "transfer", "subtype": subtype, "ledger_id": "L1"}
    assert session().receive(balances("update", row), 0.0) == [BalanceChanged("USD", Decimal(9000), kind)]


def test_a_key_that_may_not_hear_of_balances_still_hears_of_executions() -> None:
    feed = session()
    refused = b'{"method":"subscribe","req_id":2,"success":false,"error":"EGeneral:Permission denied"}'
    assert feed.receive(refused, 0.0) == []
    assert (
        feed.receive(b'{"method":"subscribe","req_id":2,"result":{"channel":"balances"},"success":true}', 0.0)
        == []
    )
    # The one subscription's acknowledgement is not the other's.
    assert feed.receive(HEARTBEAT, 2 * SNAPSHOT_WAIT_S) == []
    (connected,) = feed.receive(message(1, "snapshot"), 0.0)
    assert connected == Connected(())


def test_a_second_snapshot_is_news_like_any_other() -> None:
    feed = session()
    feed.receive(message(1, "snapshot"), 0.0)
    (executed,) = feed.receive(message(2, "snapshot", ROW), 0.0)
    assert isinstance(executed, Executed)


@given(st.integers(-5, 10), st.integers(1, 5))
def test_any_step_in_the_count_but_one_is_a_doubt(step: int, first: int) -> None:
    feed = session()
    feed.receive(message(first, "snapshot"), 0.0)
    if step == 1:
        assert feed.receive(message(first + step), 0.0)
    else:
        with pytest.raises(FeedCut, match=f"message {first + step} came after message {first}"):
            feed.receive(message(first + step), 0.0)


def test_messages_without_a_count_are_taken_as_they_come() -> None:
    feed = session()
    feed.receive(message(None, "snapshot"), 0.0)
    assert feed.receive(message(None), 0.0)


def test_the_status_of_the_market_is_kept() -> None:
    feed = session()
    feed.receive(b'{"channel":"status","type":"update","data":[{"system":"cancel_only","version":"2"}]}', 0.0)
    assert feed.system_status == "cancel_only"
    feed.receive(b'{"channel":"status","data":[]}', 0.0)
    assert feed.system_status == "cancel_only"


@pytest.mark.parametrize(
    "frame",
    [
        b'{"method":"subscribe","success":false,"error":"ESession:Invalid session"}',
        b'{"method":"subscribe","success":false,"error":"EAPI:Invalid token"}',
        b'{"method":"subscribe","success":false}',
        b'{"Error":"Exceeded msg rate"}',
        b'{"method":"ping","success":false,"error":"EGeneral:Internal error"}',
        b"not json",
        b"[]",
        b"",
        b"\xff",
    ],
)
def test_what_cannot_be_trusted_cuts_the_feed(frame: bytes) -> None:
    with pytest.raises(FeedCut):
        session().receive(frame, 0.0)


@pytest.mark.parametrize("data", [b"", b',"data":{}', b',"data":null', b',"data":[7]'])
def test_a_message_without_rows_is_one_row_that_cannot_be_read(data: bytes) -> None:
    (event,) = session().receive(b'{"channel":"executions","type":"snapshot"' + data + b',"sequence":1}', 0.0)
    assert isinstance(event, Connected)
    assert [type(row) for row in event.rows] == [Incomplete]


@pytest.mark.parametrize(
    "error", ["EGeneral:Permission denied", "EAPI:Invalid key", "EGeneral:Temporary lockout"]
)
def test_a_key_that_may_not_subscribe_is_not_tried_again(error: str) -> None:
    frame = json.dumps({"method": "subscribe", "success": False, "error": error}).encode()
    with pytest.raises(KeyRefused):
        session().receive(frame, 0.0)


@pytest.mark.parametrize(
    "frame",
    [
        b'{"method":"pong","req_id":1}',
        b'{"channel":"ticker","data":[]}',
        b'{"channel": "heartbeat"}',
        b"{}",
    ],
)
def test_what_is_none_of_ours_is_passed_over(frame: bytes) -> None:
    assert session().receive(frame, 0.0) == []


@given(st.binary() | st.builds(message, st.none() | st.integers(), st.text(), st.just(ROW)))
def test_any_frame_gives_events_or_an_error_of_ours(frame: bytes) -> None:
    feed = session()
    try:
        events = feed.receive(frame, 0.0)
    except ExchangeError:
        return
    assert all(isinstance(event, Connected | Executed | BalanceChanged) for event in events)
