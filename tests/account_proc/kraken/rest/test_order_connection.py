"""Orders that leave by one write: as carefully as by the other way, and in turn with it."""

from __future__ import annotations

import asyncio
import socket
import threading
import time

import pytest

from krakencopy.account_proc.contract.errors import ExchangeRefused, OutcomeUnknown, RateLimited
from krakencopy.account_proc.kraken.errors import NotSent
from krakencopy.account_proc.kraken.rest import client as client_module
from krakencopy.account_proc.kraken.rest import order_connection as order_line_module
from krakencopy.account_proc.kraken.rest import request_queue as queue_module
from krakencopy.account_proc.kraken.rest.order_connection import OrderConnection
from krakencopy.account_proc.kraken.rest.rate_limits import AccountLimits
from krakencopy.account_proc.kraken.rest.request_queue import Priority, RequestQueue
from krakencopy.account_proc.kraken.rest.signing import sign
from krakencopy.account_proc.runtime.read_deferral import ReadDeferral
from tests.support.odd_exchange import (
    HANG,
    RESET,
    SECRET,
    answer,
    odd_exchange,
)
from tests.support.order_line import KEY, order, trading, until, with_line


def test_an_order_goes_over_the_line_signed_as_by_the_other_way() -> None:
    with odd_exchange(answer({"txid": ["O1"]}), answer({"txid": ["O2"]})) as exchange:

        async def work(queue: RequestQueue, line: OrderConnection) -> None:
            assert await order(queue) == {"txid": ["O1"]}
            assert line.ready
            assert await queue.private(
                "AddOrder", {"volume": "1", "close[price]": "+1"}, priority=Priority.ORDER
            ) == {"txid": ["O2"]}  # fmt: skip

        with_line(exchange, work)
    over_line, by_thread = exchange.asked
    assert over_line.connection != by_thread.connection
    assert over_line.target == by_thread.target == "/0/private/AddOrder"
    for nonce, asked in enumerate(exchange.asked, 1):
        assert asked.params == {"nonce": str(nonce), "volume": "1", "close[price]": "+1"}
        assert asked.headers["api-key"] == KEY.key
        assert asked.headers["api-sign"] == sign(asked.target, nonce, asked.body, SECRET)
        assert asked.headers["content-type"] == "application/x-www-form-urlencoded"
    assert over_line.headers["host"] == by_thread.headers["host"]
    assert over_line.headers["user-agent"] == by_thread.headers["user-agent"]


def test_the_order_is_written_before_anything_is_waited_for() -> None:
    with odd_exchange(HANG + answer({"txid": ["O1"]})) as exchange:

        async def work(queue: RequestQueue, line: OrderConnection) -> None:
            sending = order(queue).__await__()
            next(sending)  # up to its first wait
            assert exchange.heard.wait(10)
            assert not line.ready
            with pytest.raises(asyncio.CancelledError):
                sending.throw(asyncio.CancelledError())

        with_line(exchange, work)
    assert len(exchange.asked) == 1


#: Whether it is whole nobody can know.
TO_THE_END = b'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{"error":[],"result":{"txid":["O1"]}}' + RESET


@pytest.mark.parametrize(
    "reply", [RESET, answer({"txid": ["O1"]})[:-3] + RESET, b"HTTP/9 nonsense\r\n\r\n", TO_THE_END]
)
def test_a_line_that_breaks_leaves_the_outcome_unknown_and_nothing_is_sent_twice(reply: bytes) -> None:
    with odd_exchange(reply) as exchange:

        async def work(queue: RequestQueue, line: OrderConnection) -> None:
            with pytest.raises(OutcomeUnknown) as caught:
                await order(queue)
            assert type(caught.value) is OutcomeUnknown
            assert not line.ready
            await until(lambda: line.ready)
            assert await order(queue) == {}

        with_line(exchange, work)
    assert [asked.params["nonce"] for asked in exchange.asked] == ["1", "2"]
    assert exchange.asked[0].connection != exchange.asked[1].connection


def test_a_late_answer_is_not_taken_for_the_next_one() -> None:
    with odd_exchange(HANG + answer({"txid": ["LATE"]}), answer({"txid": ["O2"]})) as exchange:

        async def work(queue: RequestQueue, _: OrderConnection) -> None:
            with pytest.raises(OutcomeUnknown, match=r"no answer within 0\.1 s"):
                await order(queue, timeout_s=0.1)
            exchange.released.set()
            assert await order(queue) == {"txid": ["O2"]}

        with_line(exchange, work)


def test_what_an_exchange_says_unasked_ends_the_line() -> None:
    with odd_exchange(answer({"txid": ["O1"]}) + answer({"txid": ["NOT MINE"]})) as exchange:

        async def work(queue: RequestQueue, line: OrderConnection) -> None:
            assert await order(queue) == {"txid": ["O1"]}
            await until(lambda: not line.ready)
            await until(lambda: line.ready)
            assert await order(queue) == {}

        with_line(exchange, work)
    assert exchange.asked[0].connection != exchange.asked[1].connection


CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b'b\r\n{"error":[]\r\n1d\r\n,"result":{"txid":["OCHUNK"]}\r\n1\r\n}\r\n0\r\n\r\n'
)


def test_an_answer_in_chunks_is_read_whole() -> None:
    with odd_exchange(b"HTTP/1.1 100 Continue\r\n\r\n" + CHUNKED) as exchange:

        async def work(queue: RequestQueue, _: OrderConnection) -> None:
            assert await order(queue) == {"txid": ["OCHUNK"]}

        with_line(exchange, work)


def test_an_answer_without_an_end_is_not_read_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_line_module, "ANSWER_BYTES_MAX", 100)
    with odd_exchange(answer("x" * 200)) as exchange:

        async def work(queue: RequestQueue, _: OrderConnection) -> None:
            with pytest.raises(OutcomeUnknown, match="longer than 100 bytes"):
                await order(queue)

        with_line(exchange, work)


def test_a_line_that_the_exchange_has_closed_is_not_written_to() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"

        async def main() -> None:
            async with trading(url) as (_, line):
                other_side, _ = await asyncio.to_thread(listener.accept)
                await until(lambda: line.ready)
                other_side.close()
                # The loop has had no turn to read it.
                assert not line.ready

        asyncio.run(main())


def test_an_order_without_a_line_goes_the_other_way(monkeypatch: pytest.MonkeyPatch) -> None:
    with odd_exchange(answer({"txid": ["O1"]})) as exchange:

        async def work(queue: RequestQueue, line: OrderConnection) -> None:
            monkeypatch.setattr(order_line_module, "IDLE_CONNECTION_S", 0.0)  # too old
            assert not line.ready
            assert await order(queue) == {"txid": ["O1"]}

        with_line(exchange, work)
    assert len(exchange.asked) == 1


def test_a_line_that_was_idle_for_long_is_made_anew_before_it_is_too_old(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(order_line_module, "RENEW_FROM", 0.0)
    monkeypatch.setattr(order_line_module, "RENEW_TO", 0.0)
    with odd_exchange() as exchange:

        async def main() -> None:
            async with trading(exchange.url) as (queue, line):
                await until(exchange.hung_up.is_set)
                monkeypatch.undo()
                await until(lambda: line.ready)
                assert await order(queue) == {}

        asyncio.run(main())
    assert exchange.asked[0].connection > 0


def test_an_order_takes_its_turn_behind_a_signed_call_that_is_on_its_way() -> None:
    with odd_exchange(HANG + answer({"ZUSD": "1"}), answer({"txid": ["O1"]})) as exchange:

        async def work(queue: RequestQueue, line: OrderConnection) -> None:
            reading = asyncio.create_task(queue.private("Balance", priority=Priority.READ))
            await until(exchange.heard.is_set)
            assert line.ready
            sending = asyncio.create_task(order(queue))
            await asyncio.sleep(0)
            exchange.released.set()
            assert await reading == {"ZUSD": "1"}
            assert await sending == {"txid": ["O1"]}

        with_line(exchange, work)
    # Kraken refuses a nonce that arrives after a larger one.
    assert [asked.params["nonce"] for asked in exchange.asked] == ["1", "2"]


@pytest.mark.parametrize(
    "late", [answer({"ZUSD": "1"}), answer(None, "EAPI:Invalid nonce")], ids=["answered", "too late"]
)
def test_orders_go_before_a_read_that_is_not_answered_and_it_is_asked_again_if_need_be(
    monkeypatch: pytest.MonkeyPatch, late: bytes
) -> None:
    monkeypatch.setattr(client_module, "READ_PATIENCE_S", 0.05)
    monkeypatch.setattr(queue_module, "READ_PATIENCE_S", 0.05)
    orders = [answer({"txid": [f"O{number}"]}) for number in range(3)]
    with odd_exchange(HANG + late, *orders, answer({"ZUSD": "1"})) as exchange:

        async def work(queue: RequestQueue, _: OrderConnection) -> None:
            reading = asyncio.create_task(queue.private("Balance", priority=Priority.READ))
            await until(exchange.heard.is_set)
            sent = await asyncio.gather(order(queue), order(queue), order(queue))
            assert sorted(ack["txid"][0] for ack in sent) == ["O0", "O1", "O2"]
            assert not reading.done()
            exchange.released.set()
            assert await reading == {"ZUSD": "1"}

        with_line(exchange, work)
    nonces = [int(asked.params["nonce"]) for asked in exchange.asked]
    assert nonces == sorted(set(nonces))
    assert nonces[0] == 1


def test_an_order_that_may_not_go_before_a_read_does_not_leave_behind_it_either(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever asked knows it as not sent, and may have sent another one meanwhile."""
    monkeypatch.setattr(client_module, "READ_PATIENCE_S", 0.05)
    monkeypatch.setattr(queue_module, "READ_PATIENCE_S", 0.05)
    throttled = threading.Event()
    until_s = property(lambda _: time.monotonic() + 60 if throttled.is_set() else 0.0)
    monkeypatch.setattr(AccountLimits, "throttled_until", until_s)
    with odd_exchange(HANG + answer({"ZUSD": "1"}), answer({"ZUSD": "2"})) as exchange:

        async def work(queue: RequestQueue, _: OrderConnection) -> None:
            reading = asyncio.create_task(queue.private("Balance", priority=Priority.READ))
            await until(exchange.heard.is_set)
            throttled.set()
            with pytest.raises(NotSent, match="sent nothing for"):
                await order(queue)
            throttled.clear()
            exchange.released.set()
            assert await reading == {"ZUSD": "1"}
            assert await queue.private("Balance", priority=Priority.READ) == {"ZUSD": "2"}

        with_line(exchange, work)
    assert [asked.target for asked in exchange.asked] == ["/0/private/Balance"] * 2


def test_a_read_takes_its_turn_behind_an_order_that_is_on_the_line() -> None:
    with odd_exchange(HANG + answer({"txid": ["O1"]}), answer({"ZUSD": "1"})) as exchange:

        async def work(queue: RequestQueue, _: OrderConnection) -> None:
            sending = asyncio.create_task(order(queue))
            await until(exchange.heard.is_set)
            reading = asyncio.create_task(queue.private("Balance", priority=Priority.READ))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.shield(reading), 0.1)
            exchange.released.set()
            assert await sending == {"txid": ["O1"]}
            assert await reading == {"ZUSD": "1"}

        with_line(exchange, work)
    assert [asked.target for asked in exchange.asked] == ["/0/private/AddOrder", "/0/private/Balance"]


def test_an_order_that_waits_for_another_ones_answer_ends_the_quiet() -> None:
    with odd_exchange(answer({"txid": ["O1"]}), answer({"txid": ["O2"]})) as exchange:

        async def main() -> None:
            read_deferral = ReadDeferral(60)
            async with trading(exchange.url, read_deferral=read_deferral) as (queue, line):
                await until(lambda: line.ready)
                read_deferral.defer()
                first = asyncio.create_task(order(queue))
                await until(exchange.heard.is_set)
                assert await order(queue) == {"txid": ["O2"]}
                assert await first == {"txid": ["O1"]}

        asyncio.run(main())


def test_refusals_over_the_line_count_as_by_the_other_way() -> None:
    with odd_exchange(
        answer(None, "EOrder:Insufficient funds"), answer(None, "EService:Throttled: 99999999999")
    ) as exchange:

        async def work(queue: RequestQueue, _: OrderConnection) -> None:
            with pytest.raises(ExchangeRefused, match="Insufficient funds"):
                await order(queue)
            with pytest.raises(RateLimited):
                await order(queue)
            # Kraken has asked for a pause.
            with pytest.raises(NotSent, match="asked to be sent nothing"):
                await order(queue)

        with_line(exchange, work)
    assert len(exchange.asked) == 2


def test_an_order_goes_under_the_path_of_its_url_as_other_calls_do() -> None:
    async def scene(url: str) -> None:
        async with trading(f"{url}/behind/") as (queue, line):
            await until(lambda: line.ready)
            await order(queue)
            await queue.private("Balance", priority=Priority.READ)
            await queue.public("Time", priority=Priority.READ)

    with odd_exchange() as exchange:
        asyncio.run(scene(exchange.url))
    assert [asked.target for asked in exchange.asked] == [
        "/behind/0/private/AddOrder", "/behind/0/private/Balance", "/behind/0/public/Time",
    ]  # fmt: skip
