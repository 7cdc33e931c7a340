"""Orders over a line of their own by TLS."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from pathlib import Path

import pytest

from krakencopy.account_proc.contract.errors import OutcomeUnknown
from krakencopy.account_proc.kraken.rest.order_connection import OrderConnection
from krakencopy.account_proc.kraken.rest.request_queue import RequestQueue
from tests.support.odd_exchange import (
    OddExchange,
    answer,
    odd_exchange,
)
from tests.support.order_line import order, trading, until, with_line

#: For a server at 127.0.0.1; made for these tests.
CERTIFICATE = Path(__file__).parents[3] / "support" / "localhost.pem"


@contextmanager
def https_exchange(reply: bytes) -> Iterator[OddExchange]:
    """The same behind TLS."""
    trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trusted.load_cert_chain(CERTIFICATE)
    exchange = OddExchange([reply])
    with (
        socket.create_server(("127.0.0.1", 0)) as plain,
        trusted.wrap_socket(plain, server_side=True) as listener,
    ):
        exchange.url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        threading.Thread(target=_serve, args=(exchange, listener), daemon=True).start()
        yield exchange


def _serve(exchange: OddExchange, listener: socket.socket) -> None:
    for number in range(100):
        try:
            connection, _ = listener.accept()
        except ssl.SSLError:
            exchange.hung_up.set()  # they did not trust us
            continue
        except OSError:
            return
        threading.Thread(target=exchange._serve_one, args=(connection, number), daemon=True).start()


def test_orders_go_over_tls() -> None:
    with https_exchange(answer({"txid": ["O1"]})) as exchange:

        async def work(queue: RequestQueue, line: OrderConnection) -> None:
            assert await order(queue) == {"txid": ["O1"]}
            assert line.ready

        with_line(exchange, work, ssl.create_default_context(cafile=str(CERTIFICATE)))


def test_an_exchange_whose_certificate_nobody_trusts_gets_no_order() -> None:
    with https_exchange(answer({"txid": ["O1"]})) as exchange:

        async def main() -> None:
            async with trading(exchange.url) as (queue, line):
                await until(exchange.hung_up.is_set)
                assert not line.ready
                with pytest.raises(OutcomeUnknown):
                    await order(queue)

        asyncio.run(main())
    assert exchange.asked == []


def test_the_time_is_heard_from_the_answer_to_an_order() -> None:
    head, _, body = answer({"txid": ["O1"]}).partition(b"\r\n")
    date = formatdate(time.time() - 60, usegmt=True).encode()
    with odd_exchange(head + b"\r\ndate: " + date + b"\r\n" + body) as exchange:

        async def work(queue: RequestQueue, line: OrderConnection) -> None:
            await order(queue)
            reading = line._clock.reading()
            assert reading is not None
            assert reading.offset == pytest.approx(-60, abs=1.5)

        with_line(exchange, work)
