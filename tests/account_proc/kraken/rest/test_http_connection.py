"""A request is sent once, on one connection that is kept; what is said of its fate is never more than is
known, and no answer takes longer than the call may.
"""

from __future__ import annotations

import gzip
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

from krakencopy.account_proc.contract.errors import ExchangeError, OutcomeUnknown
from krakencopy.account_proc.kraken.errors import NotSent
from krakencopy.account_proc.kraken.rest import http_connection
from krakencopy.account_proc.kraken.rest.http_connection import HttpConnection
from tests.support.odd_exchange import HANG, RESET, TRICKLE, OddExchange, answer, odd_exchange

METHOD = "AddOrder"


REQUEST = b"POST /0/private/AddOrder HTTP/1.1\r\nHost: there\r\nContent-Length: 0\r\n\r\n"


@contextmanager
def connected(url: str) -> Iterator[HttpConnection]:
    made = HttpConnection(urlsplit(url))
    yield made
    made.close()


@contextmanager
def answered(*answers: bytes) -> Iterator[tuple[OddExchange, HttpConnection]]:
    """An exchange that answers so, and the connection to it."""
    with odd_exchange(*answers) as exchange, connected(exchange.url) as connection:
        yield exchange, connection


def send(connection: HttpConnection, timeout_s: float = 10.0) -> Any:
    """The result in an answer."""
    return json.loads(connection.send(METHOD, REQUEST, timeout_s).body)["result"]


def fault(connection: HttpConnection, timeout_s: float = 10.0) -> ExchangeError:
    with pytest.raises(ExchangeError) as caught:
        send(connection, timeout_s)
    return caught.value


def headed(whole: bytes, *lines: str) -> bytes:
    """An answer with further header lines."""
    return whole.replace(b"\r\n\r\n", "".join(f"\r\n{line}" for line in lines).encode() + b"\r\n\r\n", 1)


def test_an_answer_has_its_status_its_date_and_when_it_came() -> None:
    dated = headed(answer({}, status="429 Slow"), "Date: Thu, 01 Jan 2026 00:00:00 GMT")
    with answered(dated) as (_, connection):
        got = connection.send(METHOD, REQUEST, 10.0)
    assert (got.status, got.date) == (429, "Thu, 01 Jan 2026 00:00:00 GMT")
    assert got.sent_at <= got.answered_at


def test_a_kept_connection_is_used_again_and_one_that_was_closed_is_replaced_before_anything_is_sent() -> (
    None
):
    with answered(answer({}), answer({}) + RESET) as (exchange, connection):
        send(connection)
        send(connection)
        assert exchange.hung_up.wait(30)
        send(connection)
    assert [asked.connection for asked in exchange.asked] == [0, 0, 1]


def test_a_kept_connection_that_breaks_after_the_request_leaves_the_outcome_unknown() -> None:
    with answered(answer({}), RESET) as (exchange, connection):
        send(connection)
        assert type(fault(connection)) is OutcomeUnknown
    assert [asked.connection for asked in exchange.asked] == [0, 0]


def test_a_connection_that_was_idle_for_long_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_connection, "IDLE_CONNECTION_S", -1.0)
    with answered() as (exchange, connection):
        send(connection)
        send(connection)
    assert [asked.connection for asked in exchange.asked] == [0, 1]


@pytest.mark.parametrize(
    "reply",
    [
        headed(answer({}), "Connection: close"),
        # Nobody asked for the second one: it must not be taken for the next request's.
        answer({}) + answer({"unasked": 1}),
        b"HTTP/1.1 200 OK\r\n\r\n" + json.dumps({"result": {}}).encode() + RESET,
    ],
    ids=["not kept by the other side", "two at once", "ended by its end"],
)
def test_a_connection_that_may_say_more_or_no_more_is_not_used_again(reply: bytes) -> None:
    with answered(reply, answer({"next": 1})) as (exchange, connection):
        assert send(connection) == {}
        assert send(connection) == {"next": 1}
    assert [asked.connection for asked in exchange.asked] == [0, 1]


def test_a_refused_connection_proves_that_nothing_was_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with connected(f"http://127.0.0.1:{port}") as connection:
        error = fault(connection)
    assert type(error) is NotSent
    assert error.cause == "Connection refused"


def test_a_host_that_nobody_knows_proves_that_nothing_was_sent() -> None:
    with connected("http://nobody.invalid") as connection:
        assert type(fault(connection)) is NotSent


def test_a_connection_that_never_comes_about_proves_that_nothing_was_sent() -> None:
    # The queue of a listener that accepts nothing takes two connections; the third gets no answer to its SYN.
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
            fillers.append(filler)
        with connected(f"http://127.0.0.1:{listener.getsockname()[1]}") as connection:
            error = fault(connection, timeout_s=0.3)
        assert type(error) is NotSent
        assert "no connection within 0.3 s" in str(error)
        for filler in fillers:
            filler.close()


def test_an_answer_that_never_comes_is_unknown_and_cannot_be_taken_for_a_later_one() -> None:
    with answered(HANG + answer({"late": 1}), answer({"next": 1})) as (exchange, connection):
        assert type(fault(connection, timeout_s=0.2)) is OutcomeUnknown
        exchange.released.set()
        assert send(connection) == {"next": 1}


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 200 OK\r\nX-Slow: a",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0",
    ],
    ids=["head", "body", "chunk"],
)
def test_an_answer_that_trickles_in_ends_with_the_calls_time_and_not_with_a_bytes(reply: bytes) -> None:
    with answered(TRICKLE + reply, answer({"n": 1})) as (exchange, connection):
        error = fault(connection, timeout_s=0.5)
        assert type(error) is OutcomeUnknown
        assert "no whole answer within 0.5 s" in str(error)
        assert exchange.hung_up.wait(30)
        # And the next one is on a new connection.
        assert send(connection) == {"n": 1}
        assert [asked.connection for asked in exchange.asked] == [0, 1]


@pytest.mark.parametrize(
    "cut",
    [
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
        headed(answer(body=gzip.compress(b'{"result": {}}')[:-9]), "Content-Encoding: gzip"),
    ],
    ids=["head", "body", "chunks", "packed"],
)
def test_an_answer_that_is_cut_off_is_none(cut: bytes) -> None:
    with answered(cut + RESET) as (_, connection):
        assert type(fault(connection)) is OutcomeUnknown


def test_an_answer_may_come_in_chunks_packed_and_behind_an_informational_one() -> None:
    packed = gzip.compress(json.dumps({"result": {"n": 1}}).encode())
    chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(packed), packed)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
    early = b"HTTP/1.1 103 Early Hints\r\nDate: not this\r\n\r\n"
    with answered(early + head + chunks) as (_, connection):
        got = connection.send(METHOD, REQUEST, 10.0)
        assert json.loads(got.body) == {"result": {"n": 1}}
        assert (got.status, got.date) == (200, None)
        assert send(connection) == {}


@pytest.mark.parametrize("is_packed", [False, True])
def test_an_answer_is_bounded_in_length(is_packed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_connection, "ANSWER_BYTES_MAX", 1000)
    reply = answer("x" * 1000)
    if is_packed:
        reply = headed(answer(body=gzip.compress(b"x" * 1001)), "Content-Encoding: gzip")
    with answered(reply) as (_, connection):
        assert "longer than" in str(fault(connection))


def test_the_environment_cannot_put_a_proxy_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with answered() as (_, connection):
        assert send(connection) == {}


def test_a_redirect_is_an_answer_like_others_and_is_not_followed() -> None:
    with odd_exchange() as other:
        away = headed(answer({}, status="302 Found"), f"Location: {other.url}/0/private/{METHOD}")
        with answered(away) as (_, connection):
            assert connection.send(METHOD, REQUEST, 10.0).status == 302
    assert other.asked == []


def test_what_was_sent_instead_of_an_answer_is_quoted_without_what_a_terminal_would_act_on() -> None:
    garbage = b"\x1b[31m\x9b" + "\u202e".encode() + b"red" * 500 + b"\r\n\r\n"
    with answered(garbage + RESET) as (_, connection):
        error = fault(connection)
    assert str(error).isprintable()
    assert "red" in str(error)
    assert len(str(error)) <= 300
