"""Faults that strike private requests, over real HTTP: what the client sees, what the engine did, what the
log says.
"""

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from urllib.parse import urlencode

import pytest
import requests

from tests.support.paper_server import PATIENCE_S, SECRET, Client, Server, until

BUY = {"pair": "XBTUSD", "type": "buy", "ordertype": "market", "volume": "0.01"}
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def client(faulty: Server) -> Client:
    """A new account that can buy."""
    faulty.pin("XBTUSD", price="50000")
    return faulty.account(ZUSD="10000")


def raw(client: Client, method: str, **params: str) -> bytes:
    """All bytes that the exchange sends for a request until it closes the connection."""
    path, nonce = f"/0/private/{method}", client.next_nonce()
    body = urlencode({"nonce": nonce, **params}).encode()
    host, port = client.rest_url.removeprefix("http://").split(":")
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nAPI-Key: {client.key}\r\n"
        f"API-Sign: {client.sign(path, nonce, body)}\r\nContent-Type: {FORM}\r\nContent-Length: "
        f"{len(body)}\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), PATIENCE_S) as connection:
        connection.sendall(head.encode() + body)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def owns(client: Client) -> str:
    """The bitcoin that the engine has booked."""
    balance = client.call("Balance").get("XXBT", "0")
    assert isinstance(balance, str)
    return balance.rstrip("0").rstrip(".")


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


# --- time passes


def test_a_reply_that_hangs_comes_after_the_delay_though_the_engine_acted_at_once(
    faulty: Server, client: Client
) -> None:
    faulty.fault("hang_reply", account=client.account, method="AddOrder", delay_ms=300)
    other = faulty.again(client)
    with ThreadPoolExecutor() as pool:
        began = time.monotonic()
        answer = pool.submit(client.answer, "AddOrder", **BUY)
        until(lambda: faulty.fills(client), "the engine acted")
        assert owns(other) == "0.01"
        assert answer.result()["error"] == []
        assert time.monotonic() - began >= 0.3
    assert faulty.outcomes(client)[0] == ("AddOrder", "ok", "hang_reply")


def test_a_reply_that_never_comes_ends_by_the_clients_patience(faulty: Server, client: Client) -> None:
    faulty.fault("hang_reply", account=client.account, never=True)
    path, nonce = "/0/private/AddOrder", client.next_nonce()
    body = urlencode({"nonce": nonce, **BUY}).encode()
    headers = {
        "API-Key": client.key,
        "API-Sign": client.sign(path, nonce, body),
        "Content-Type": FORM,
    }
    with pytest.raises(requests.ReadTimeout):
        requests.post(client.rest_url + path, data=body, headers=headers, timeout=0.3)
    assert faulty.outcomes(client) == [("AddOrder", "ok", "hang_reply")]
    assert len(faulty.fills(client)) == 1


def test_a_reply_that_trickles_comes_byte_by_byte_though_the_engine_acted_at_once(
    faulty: Server, client: Client
) -> None:
    faulty.fault("trickle_reply", account=client.account, method="AddOrder", delay_ms=2)
    began = time.monotonic()
    answer = client.answer("AddOrder", **BUY)
    assert answer["error"] == []
    assert time.monotonic() - began >= 0.002 * len(answer["result"]["txid"][0])
    assert faulty.outcomes(client) == [("AddOrder", "ok", "trickle_reply")]
    assert len(faulty.fills(client)) == 1


def test_odd_values_stand_in_the_answers_of_one_method_and_nothing_else_changes(
    faulty: Server, client: Client
) -> None:
    right = {method: client.answer(method) for method in ("Balance", "TradeBalance")}
    number = faulty.fault("odd_values", account=client.account, method="TradeBalance", seed=1)
    assert client.answer("Balance") == right["Balance"]
    assert client.answer("TradeBalance") != right["TradeBalance"]
    assert faulty.fired(number)
    assert client.answer("TradeBalance") == right["TradeBalance"], "once is the default"
    assert ("TradeBalance", "ok", "odd_values") in faulty.outcomes(client)


def test_a_request_that_hangs_has_used_its_nonce_but_is_done_after_the_delay(
    faulty: Server, client: Client
) -> None:
    number = faulty.fault("hang_request", account=client.account, method="AddOrder", delay_ms=1000)
    other = faulty.again(client)
    with ThreadPoolExecutor() as pool:
        late = pool.submit(client.answer, "AddOrder", **BUY, cl_ord_id="late")
        until(lambda: faulty.fired(number), "the request hangs")
        # Whoever looks now finds nothing, and the order comes all the same.
        assert other.call("OpenOrders", cl_ord_id="late") == {"open": {}}
        assert other.call("ClosedOrders", cl_ord_id="late")["count"] == 0
        assert late.result()["error"] == []
    assert other.call("ClosedOrders", cl_ord_id="late")["count"] == 1
    assert faulty.outcomes(client)[:3] == [
        ("OpenOrders", "ok", None),
        ("ClosedOrders", "ok", None),
        ("AddOrder", "ok", "hang_request"),
    ]


def test_a_deadline_that_passes_while_the_request_hangs_is_refused_by_the_engine(
    skewed: Server,
) -> None:
    client = skewed.account(ZUSD="10000")
    number = skewed.fault("hang_request", account=client.account, method="AddOrder", delay_ms=1000)
    deadline = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 20))
    with ThreadPoolExecutor() as pool:
        late = pool.submit(client.error, "AddOrder", **BUY, deadline=deadline)
        until(lambda: skewed.fired(number), "the request hangs")
        # The exchange's clock jumps, so that nobody has to wait for the deadline.
        jump = skewed.fault("clock_skew", seconds=30)
        assert late.result() == "EService:Deadline elapsed"
    assert skewed.outcomes(client) == [("AddOrder", "EService:Deadline elapsed", "hang_request")]
    assert skewed.fills(client) == []
    assert skewed.control("DELETE", f"/faults/{jump}").status_code == 200


def test_a_client_that_leaves_does_not_take_its_hanging_request_along(faulty: Server, client: Client) -> None:
    faulty.fault("hang_request", account=client.account, delay_ms=500)
    path, nonce = "/0/private/AddOrder", client.next_nonce()
    body = urlencode({"nonce": nonce, **BUY}).encode()
    headers = {"API-Key": client.key, "API-Sign": client.sign(path, nonce, body), "Content-Type": FORM}
    with pytest.raises(requests.ReadTimeout):
        requests.post(client.rest_url + path, data=body, headers=headers, timeout=0.1)
    (fill,) = until(lambda: faulty.fills(client), "the engine acted")
    (row,) = faulty.rows(client)
    assert fill["emitted_ns"] - row["received_ns"] >= 500_000_000, "long after the client had gone"
    assert faulty.outcomes(client) == [("AddOrder", "ok", "hang_request")]


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


# --- which requests


def test_other_accounts_and_methods_go_on_undisturbed(faulty: Server, client: Client) -> None:
    number = faulty.fault("drop_reply", account=client.account, method="AddOrder", count=0)
    other = faulty.account(ZUSD="10000")
    assert other.call("AddOrder", **BUY)["txid"]
    assert client.call("Balance") == {"ZUSD": "10000.0000"}
    for _ in range(2):
        with pytest.raises(requests.ConnectionError):
            client.answer("AddOrder", **BUY)
    assert faulty.fired(number) == 2
    assert faulty.outcomes(other) == [("AddOrder", "ok", None)]


def test_after_count_and_delete_say_which_requests_are_struck(faulty: Server, client: Client) -> None:
    number = faulty.fault("error", account=client.account, error="EService:Busy", after=1, count=2)
    errors = [client.answer("Balance")["error"] for _ in range(4)]
    assert errors == [[], ["EService:Busy"], ["EService:Busy"], []]
    lasting = faulty.fault("error", account=client.account, error="EService:Busy", count=0)
    assert lasting > number
    assert client.error("Balance") == "EService:Busy"
    assert faulty.control("DELETE", f"/faults/{lasting}").json() == {"deleted": [lasting]}
    assert client.answer("Balance")["error"] == []
    assert faulty.control("DELETE", f"/faults/{lasting}").status_code == 404


def test_an_unknown_key_is_struck_by_nothing(faulty: Server) -> None:
    number = faulty.fault("error", error="EService:Busy", count=0)
    assert Client(faulty.rest_url, "nobody's").error("Balance") == "EAPI:Invalid key"
    assert faulty.fired(number) == 0


def pattern(name: str, seed: int, *, company: bool) -> list[tuple[str, str | None]]:
    """What befalls twenty requests of an account on an exchange of its own, alone or beside another
    account.
    """
    running = Server("--tick-ms", "3600000")
    try:
        clients = []
        for number, account in enumerate([name, "company"]):
            key = {"key": f"k{number}", "secret": SECRET}
            assert running.control("POST", "/accounts", {"id": account, "keys": [key]}).status_code == 200
            clients.append(Client(running.rest_url, f"k{number}"))
            clients[-1].account = account
        running.fault("html_5xx", probability=0.4, seed=seed, count=0)
        running.fault("error", error="EService:Busy", probability=0.4, seed=seed, count=0)
        for number in range(20):
            for client in clients[: 1 + (company and number % 3 > 0)]:
                nonce = client.next_nonce()
                client.post("Balance", urlencode({"nonce": nonce}).encode(), nonce, FORM)
        return [outcome[1:] for outcome in running.outcomes(clients[0])]
    finally:
        for client in clients:
            client.http.close()
        assert running.stop() == 0


def test_a_seed_strikes_the_same_requests_of_an_account_again_whoever_else_is_there() -> None:
    alone = pattern("tania", 3, company=False)
    assert pattern("tania", 3, company=True) == alone
    assert {fault for _, fault in alone} == {None, "html_5xx", "error"}


# --- the control API


def test_faults_are_listed_with_all_that_they_have_until_they_are_deleted(
    faulty: Server, client: Client
) -> None:
    first = faulty.fault("hang_reply", account=client.account, method="AddOrder", delay_ms=5)
    second = faulty.fault("ordermin", pair="XBT/USD", ordermin="0.001")
    client.call("AddOrder", **BUY)
    rows = faulty.control("GET", "/faults").json()["faults"]
    expected: list[dict[str, Any]] = [
        {
            "id": first,
            "kind": "hang_reply",
            "account": client.account,
            "method": "AddOrder",
            "count": 1,
            "after": 0,
            "probability": "1",
            "seed": 0,
            "delay_ms": 5,
            "never": False,
            "matched": 1,
            "fired": 1,
        },
        {
            "id": second,
            "kind": "ordermin",
            "pair": "XBTUSD",
            "ordermin": "0.001",
            "costmin": None,
            "stale": False,
            "matched": 0,
            "fired": 0,
        },
    ]
    assert rows == expected
    assert faulty.control("DELETE", "/faults").json() == {"deleted": [first, second]}
    assert faulty.control("GET", "/faults").json() == {"faults": []}


def test_a_bad_fault_is_refused_and_none_is_set(faulty: Server) -> None:
    for body, field in (
        ({"kind": "drop"}, "kind"),
        ({"kind": "drop_reply", "account": "nobody"}, "account"),
        ({"kind": "drop_reply", "probability": 2}, "probability"),
        ({"kind": "drop_reply", "delay_ms": 5}, "delay_ms"),
        ({"kind": "drop_reply", "colour": "red"}, "colour"),
        ([], "body"),
    ):
        answer = faulty.control("POST", "/faults", body)
        assert answer.status_code == 400
        assert answer.json()["error"].startswith(f"{field}: ")
    assert faulty.control("GET", "/faults").json() == {"faults": []}
    assert faulty.control("DELETE", "/faults/x").status_code == 404


def test_the_exchange_stops_though_requests_hang() -> None:
    running = Server("--tick-ms", "3600000")
    methods = ("Balance", "OpenOrders", "ClosedOrders", "TradeBalance")
    body = {"id": "a", "keys": [{"key": method, "secret": SECRET} for method in methods]}
    assert running.control("POST", "/accounts", body).status_code == 200
    numbers = [
        running.fault("hang_reply", method="Balance", never=True),
        running.fault("hang_request", method="OpenOrders"),
        running.fault("swap", method="ClosedOrders", delay_ms=60_000),
        running.fault("trickle_reply", method="TradeBalance", delay_ms=60_000),
    ]
    with ThreadPoolExecutor() as pool:
        hanging = []
        for number, method in zip(numbers, methods, strict=True):
            hanging.append(pool.submit(raw, Client(running.rest_url, method), method))
            until(partial(running.fired, number), "it hangs")
        assert running.stop() == 0
        *unanswered, begun = [request.result() for request in hanging]
        assert unanswered == [b""] * 3
        assert begun.endswith(b"\r\n\r\n{")
