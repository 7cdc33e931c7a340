"""Faults of private requests that take time: who waits, for how long, and what the engine did meanwhile."""

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from urllib.parse import urlencode

import pytest
import requests

from tests.support.faulty_requests import BUY, FORM, owns, raw
from tests.support.paper_server import SECRET, Client, Server, until


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
