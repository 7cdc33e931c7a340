"""A request is sent once, on one connection that is kept; what is said of its fate is never more than is
known, and no answer takes longer than the call may.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from krakencopy.account_proc.contract.errors import ExchangeError, OutcomeUnknown
from krakencopy.account_proc.kraken.errors import NotSent
from krakencopy.account_proc.kraken.rest import http_connection
from krakencopy.account_proc.kraken.rest.http_connection import HttpConnection
from tests.support.odd_exchange import HANG, RESET, TRICKLE, answer, odd_exchange

METHOD = "AddOrder"


@pytest.fixture
def connection() -> Iterator[HttpConnection]:
    made = HttpConnection("http")
    yield made
    made.close()


def send(connection: HttpConnection, url: str, timeout_s: float = 10.0) -> Any:
    """The result in an answer."""
    request = requests.Request("POST", f"{url}/0/private/{METHOD}").prepare()
    return json.loads(connection.send(METHOD, request, timeout_s).body)["result"]


def fault(connection: HttpConnection, url: str, timeout_s: float = 10.0) -> ExchangeError:
    with pytest.raises(ExchangeError) as caught:
        send(connection, url, timeout_s)
    return caught.value


def test_an_answer_has_its_status_its_date_and_when_it_came(connection: HttpConnection) -> None:
    dated = answer({}, status="429 Slow").replace(
        b"\r\n\r\n", b"\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\n", 1
    )
    with odd_exchange(dated) as exchange:
        got = connection.send(METHOD, requests.Request("POST", f"{exchange.url}/x").prepare(), 10.0)
    assert (got.status, got.date) == (429, "Thu, 01 Jan 2026 00:00:00 GMT")
    assert got.sent_at <= got.answered_at


def test_a_kept_connection_is_used_again_and_one_that_was_closed_is_replaced_before_anything_is_sent(
    connection: HttpConnection,
) -> None:
    with odd_exchange(answer({}), answer({}) + RESET) as exchange:
        send(connection, exchange.url)
        send(connection, exchange.url)
        assert exchange.hung_up.wait(30)
        send(connection, exchange.url)
    assert [asked.connection for asked in exchange.asked] == [0, 0, 1]


def test_a_kept_connection_that_breaks_after_the_request_leaves_the_outcome_unknown(
    connection: HttpConnection,
) -> None:
    with odd_exchange(answer({}), RESET) as exchange:
        send(connection, exchange.url)
        assert type(fault(connection, exchange.url)) is OutcomeUnknown
    assert [asked.connection for asked in exchange.asked] == [0, 0]


def test_a_connection_that_was_idle_for_long_is_not_used_again(
    connection: HttpConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_connection, "IDLE_CONNECTION_S", -1.0)
    with odd_exchange() as exchange:
        send(connection, exchange.url)
        send(connection, exchange.url)
    assert [asked.connection for asked in exchange.asked] == [0, 1]


def test_a_refused_connection_proves_that_nothing_was_sent(connection: HttpConnection) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    error = fault(connection, f"http://127.0.0.1:{port}")
    assert type(error) is NotSent
    assert error.cause == "Connection refused"


def test_a_connection_that_never_comes_about_proves_that_nothing_was_sent(connection: HttpConnection) -> None:
    # The queue of a listener that accepts nothing takes two connections; the third gets no answer to its SYN.
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
            fillers.append(filler)
        error = fault(connection, f"http://127.0.0.1:{listener.getsockname()[1]}", timeout_s=0.3)
        assert type(error) is NotSent
        for filler in fillers:
            filler.close()


def test_an_answer_that_never_comes_is_unknown_and_cannot_be_taken_for_a_later_one(
    connection: HttpConnection,
) -> None:
    with odd_exchange(HANG + answer({"late": 1}), answer({"next": 1})) as exchange:
        assert type(fault(connection, exchange.url, timeout_s=0.2)) is OutcomeUnknown
        exchange.released.set()
        assert send(connection, exchange.url) == {"next": 1}


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 200 OK\r\nX-Slow: a",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0",
    ],
    ids=["head", "body", "chunk"],
)
def test_an_answer_that_trickles_in_ends_with_the_calls_time_and_not_with_a_bytes(
    connection: HttpConnection, reply: bytes
) -> None:
    with odd_exchange(TRICKLE + reply, answer({"n": 1})) as exchange:
        error = fault(connection, exchange.url, timeout_s=0.5)
        assert type(error) is OutcomeUnknown
        assert any(words in str(error) for words in ("no whole answer within 0.5 s", "too slowly"))
        assert exchange.hung_up.wait(30)
        # And the next one is on a new connection.
        assert send(connection, exchange.url) == {"n": 1}
        assert [asked.connection for asked in exchange.asked] == [0, 1]


def test_an_answer_is_bounded_in_length(connection: HttpConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_connection, "ANSWER_BYTES_MAX", 1000)
    with odd_exchange(answer("x" * 1000)) as exchange:
        assert "longer than" in str(fault(connection, exchange.url))


def test_the_environment_cannot_put_a_proxy_in_between(
    connection: HttpConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with odd_exchange() as exchange:
        assert send(connection, exchange.url) == {}


def test_a_redirect_is_an_answer_like_others_and_is_not_followed(connection: HttpConnection) -> None:
    with odd_exchange() as other:
        away = answer({}, status="302 Found").replace(
            b"\r\n\r\n", f"\r\nLocation: {other.url}/0/private/{METHOD}\r\n\r\n".encode(), 1
        )
        with odd_exchange(away) as exchange:
            request = requests.Request("POST", f"{exchange.url}/0/private/{METHOD}").prepare()
            assert connection.send(METHOD, request, 10.0).status == 302
    assert other.asked == []


def test_what_was_sent_instead_of_an_answer_is_quoted_without_what_a_terminal_would_act_on(
    connection: HttpConnection,
) -> None:
    with odd_exchange(b"\x1b[31m\x9b" + "\u202e".encode() + b"red" * 500 + b"\r\n\r\n" + RESET) as exchange:
        error = fault(connection, exchange.url)
    assert str(error).isprintable()
    assert "red" in str(error)
    assert len(str(error)) <= 300
