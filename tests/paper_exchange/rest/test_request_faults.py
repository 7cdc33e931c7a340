"""Faults that strike private requests, over real HTTP: what the client sees, what the engine did, what the
log says.
"""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import pytest
import requests

from tests.support.faulty_requests import BUY, FORM, owns, raw
from tests.support.paper_server import PATIENCE_S, SECRET, Client, Server, until

# --- the connection fails


def test_a_dropped_request_never_reached_the_engine_and_its_nonce_is_still_good(
    faulty: Server, client: Client
) -> None:
    faulty.fault("drop_request", account=client.account, method="AddOrder")
    with pytest.raises(requests.ConnectionError):
        client.answer("AddOrder", **BUY, nonce="7")
    assert faulty.outcomes(client) == [("AddOrder", "unseen", "drop_request")]
    assert faulty.rows(client)[0]["params"] == BUY
    assert faulty.fills(client) == []
    assert client.answer("AddOrder", **BUY, nonce="7")["error"] == []
    assert len(faulty.fills(client)) == 1


def test_a_dropped_reply_leaves_an_order_that_exists(faulty: Server, client: Client) -> None:
    faulty.fault("drop_reply", account=client.account, method="AddOrder")
    with pytest.raises(requests.ConnectionError):
        client.answer("AddOrder", **BUY)
    assert faulty.outcomes(client) == [("AddOrder", "ok", "drop_reply")]
    assert len(faulty.fills(client)) == 1
    assert owns(client) == "0.01"


@pytest.mark.parametrize("kind", ["drop_request", "drop_reply"])
def test_a_drop_closes_the_connection_without_a_byte(faulty: Server, client: Client, kind: str) -> None:
    faulty.fault(kind, account=client.account)
    assert raw(client, "Balance") == b""
    assert client.call("Balance") == {"ZUSD": "10000.0000"}


def test_a_truncated_reply_is_half_of_the_json_under_the_length_of_the_whole(
    faulty: Server, client: Client
) -> None:
    faulty.fault("truncate_reply", account=client.account, method="AddOrder", count=2)
    head, _, half = raw(client, "AddOrder", **BUY).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    (length,) = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    assert len(half) == int(length.split(b":")[1]) // 2
    assert half.startswith(b'{"error":[],"result":{"descr":')
    with pytest.raises(json.JSONDecodeError):
        json.loads(half)
    with pytest.raises(requests.RequestException):
        client.answer("AddOrder", **BUY)
    assert faulty.outcomes(client) == [("AddOrder", "ok", "truncate_reply")] * 2
    assert owns(client) == "0.02"


# --- the answer lies


@pytest.mark.parametrize("executed", [True, False])
def test_an_order_is_acknowledged_under_an_id_that_nobody_has(
    faulty: Server, client: Client, *, executed: bool
) -> None:
    faulty.fault("wrong_order_id", account=client.account, method="AddOrder", executed=executed)
    (txid,) = client.call("AddOrder", **BUY)["txid"]
    assert faulty.outcomes(client) == [("AddOrder", "ok" if executed else "unseen", "wrong_order_id")]
    assert txid not in str(faulty.fills(client))
    assert len(faulty.fills(client)) == executed


@pytest.mark.parametrize("status", [502, 503, 504, 520])
@pytest.mark.parametrize("executed", [True, False])
def test_an_html_page_says_nothing_of_what_the_engine_did(
    faulty: Server, client: Client, status: int, *, executed: bool
) -> None:
    faulty.fault(
        "html_5xx", account=client.account, method="AddOrder", status=status, executed=executed, count=1
    )
    nonce = client.next_nonce()
    body = urlencode({"nonce": nonce, **BUY}).encode()
    answer = client.post("AddOrder", body, nonce, FORM)
    assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (status, "text/html")
    assert "<html>" in answer.text
    assert faulty.outcomes(client) == [("AddOrder", "ok" if executed else "unseen", "html_5xx")]
    assert len(faulty.fills(client)) == executed
    again = client.post("AddOrder", body, nonce, FORM).json()
    assert again["error"] == (["EAPI:Invalid nonce"] if executed else [])


@pytest.mark.parametrize("executed", [True, False])
@pytest.mark.parametrize(
    "text",
    ["EService:Deadline elapsed", "EService:Busy", "EAPI:Rate limit exceeded", "EGeneral:Internal error"],
)
def test_an_error_is_answered_whether_or_not_the_engine_acted(
    faulty: Server, client: Client, text: str, *, executed: bool
) -> None:
    faulty.fault("error", account=client.account, method="AddOrder", error=text, executed=executed)
    nonce = client.next_nonce()
    assert client.error("AddOrder", **BUY, nonce=nonce) == text
    assert faulty.outcomes(client) == [("AddOrder", "ok" if executed else text, "error")]
    assert len(faulty.fills(client)) == executed
    assert client.error("AddOrder", **BUY, nonce=nonce) == "EAPI:Invalid nonce"


def test_an_error_strikes_at_the_door_only_who_would_get_through_it(faulty: Server, client: Client) -> None:
    faulty.fault("error", account=client.account, error="EService:Busy")
    client.secret = SECRET[::-1].replace("=", "A")
    assert client.error("Balance") == "EService:Busy"
    assert faulty.outcomes(client) == [("Balance", "EAPI:Invalid signature", "error")], "the truth"


def test_throttled_names_a_time_to_come(faulty: Server, client: Client) -> None:
    faulty.fault("error", account=client.account, error="EService:Throttled: <ts>")
    head, _, until_s = client.error("Balance").rpartition(" ")
    assert head == "EService:Throttled:"
    assert time.time() - PATIENCE_S < int(until_s) <= time.time() + 1


# --- the network repeats and reorders


def test_of_two_deliveries_the_first_acts_and_the_second_is_answered(faulty: Server, client: Client) -> None:
    faulty.fault("duplicate_delivery", account=client.account, method="AddOrder")
    assert client.error("AddOrder", **BUY) == "EAPI:Invalid nonce"
    assert faulty.outcomes(client) == [
        ("AddOrder", "ok", "duplicate_delivery"),
        ("AddOrder", "EAPI:Invalid nonce", "duplicate_delivery"),
    ]
    first, second = faulty.rows(client)
    assert first["nonce"] == second["nonce"]
    assert len(faulty.fills(client)) == 1


def test_swapped_requests_are_handled_in_the_other_order_so_the_first_has_a_bad_nonce(
    faulty: Server, client: Client
) -> None:
    number = faulty.fault("swap", account=client.account, delay_ms=60_000, count=0)
    other = faulty.again(client)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(client.error, "AddOrder", **BUY)
        until(lambda: faulty.fired(number), "the first is held")
        assert other.call("Balance") == {"ZUSD": "10000.0000"}
        assert first.result() == "EAPI:Invalid nonce"
    assert faulty.outcomes(client) == [
        ("Balance", "ok", None),
        ("AddOrder", "EAPI:Invalid nonce", "swap"),
    ]
    assert faulty.fired(number) == 1, "the second was not held for a third"


def test_swapped_requests_are_both_done_within_a_nonce_window(faulty: Server) -> None:
    faulty.pin("XBTUSD", price="50000")
    client = faulty.account(ZUSD="10000")
    path = f"/accounts/{client.account}/keys"
    assert faulty.control("POST", path, {"key": client.key, "nonce_window": 10**12}).status_code == 200
    number = faulty.fault("swap", account=client.account, delay_ms=60_000)
    other = faulty.again(client)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(client.answer, "AddOrder", **BUY)
        until(lambda: faulty.fired(number), "the first is held")
        # By now the fault is exhausted: the second has to let the first go all the same.
        other.call("AddOrder", **BUY)
        assert first.result()["error"] == []
    assert [outcome[1:] for outcome in faulty.outcomes(client)] == [("ok", None), ("ok", "swap")]
    first_row, second_row = faulty.rows(client)
    assert first_row["received_ns"] > second_row["received_ns"]


def test_a_request_that_nobody_follows_is_held_no_longer_than_the_delay(
    faulty: Server, client: Client
) -> None:
    faulty.fault("swap", account=client.account, delay_ms=100)
    assert client.call("AddOrder", **BUY)["txid"]
    assert faulty.outcomes(client) == [("AddOrder", "ok", "swap")]
