"""Each request is sent once, signed, in order of its nonce; what the caller is told about its fate is
never more than is known.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from decimal import Decimal
from email.utils import formatdate
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.contract.errors import (
    ConfigurationFault,
    CredentialsFault,
    ExchangeError,
    ExchangeRefused,
    InvalidNonce,
    KeyRefused,
    KeyUsedElsewhere,
    NonceFault,
    OutcomeUnknown,
    RateLimited,
)
from krakencopy.account_proc.contract.spec import Credentials, Tier
from krakencopy.account_proc.kraken.answers import LockedOut, NotSent
from krakencopy.account_proc.kraken.rest import client as rest_module
from krakencopy.account_proc.kraken.rest import rate_limits as limits_module
from krakencopy.account_proc.kraken.rest import request_queue as call_queue
from krakencopy.account_proc.kraken.rest.client import KrakenRest
from krakencopy.account_proc.kraken.rest.rate_limits import AccountLimits, DecayingCounter
from krakencopy.account_proc.kraken.rest.request_queue import RESERVES, CallQueue, Priority
from krakencopy.account_proc.kraken.rest.signing import sign
from tests.support.odd_exchange import (
    HANG,
    RESET,
    SECRET,
    OddExchange,
    answer,
    odd_exchange,
    roomy_limits,
)

KEY = Credentials("the-public-key", SECRET)


class Counter:
    """Nonces in memory."""

    def __init__(self) -> None:
        self.last = 0
        self.resynchronisations = 0

    def next(self) -> int:
        self.last += 1
        return self.last

    def top_up(self) -> None:
        pass

    def resynchronise(self) -> bool:
        self.resynchronisations += 1
        self.last += 1000
        return self.resynchronisations == 1


def client(exchange: OddExchange, limits: AccountLimits | None = None) -> KrakenRest:
    return KrakenRest(exchange.url, KEY, Counter(), roomy_limits() if limits is None else limits)


def error_of(call: Callable[[], Any]) -> Exception:
    with pytest.raises(ExchangeError) as caught:
        call()
    return caught.value


def test_a_private_call_is_signed_over_the_bytes_that_are_sent() -> None:
    with odd_exchange(answer({"txid": ["OA"], "n": 1.10})) as exchange:
        rest = client(exchange)
        result = rest.private("AddOrder", {"pair": "XBTUSD", "price": "+5", "close[price]": "1"})
        rest.close()
    asked = exchange.asked[0]
    assert result == {"txid": ["OA"], "n": Decimal("1.1")}
    assert asked.body == b"nonce=1&pair=XBTUSD&price=%2B5&close%5Bprice%5D=1"
    assert asked.target == "/0/private/AddOrder"
    assert asked.headers["api-key"] == "the-public-key"
    assert asked.headers["api-sign"] == sign("/0/private/AddOrder", 1, asked.body, SECRET)
    assert asked.headers["content-type"] == "application/x-www-form-urlencoded"
    assert asked.headers["user-agent"].startswith("krakencopy/")


def test_a_public_call_carries_no_key() -> None:
    with odd_exchange(answer({"unixtime": 1})) as exchange:
        rest = client(exchange)
        assert rest.public("Ticker", {"pair": "XBTUSD,ETHUSD"}) == {"unixtime": 1}
        rest.close()
    assert exchange.asked[0].target == "/0/public/Ticker?pair=XBTUSD%2CETHUSD"
    assert not {"api-key", "api-sign"} & exchange.asked[0].headers.keys()


def test_one_connection_is_used_for_everything() -> None:
    with odd_exchange() as exchange:
        rest = client(exchange)
        for _ in range(5):
            rest.private("Balance")
            rest.public("Time")
        rest.close()
    assert {asked.connection for asked in exchange.asked} == {0}
    assert len(exchange.asked) == 10


def test_nonces_arrive_in_order_from_many_threads() -> None:
    with odd_exchange() as exchange:
        rest = client(exchange)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: rest.private("Balance"), range(100)))
        rest.close()
    assert [int(asked.params["nonce"]) for asked in exchange.asked] == list(range(1, 101))


@pytest.mark.parametrize(
    "odd",
    [
        answer(body=b"<html>Bad gateway</html>", status="502 Bad Gateway"),
        answer(body=b"<html>Web server is down</html>", status="520 Unknown"),
        answer(body=b"<html>Just a moment...</html>"),
        answer(body=b'{"error":[],"result":{"txid":["OAB'),
        answer({"txid": ["OABC"]})[:-9] + RESET,
        answer({"txid": ["OABC"]})[:20] + RESET,
        b"HTTP/1.1 302 Found\r\nLocation: /0/private/AddOrder\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
        b"SSH-2.0-OpenSSH\r\n" + RESET,
        RESET,
        answer(None, "EService:Unavailable"),
        answer(None, "EGeneral:Internal error"),
    ],
)
def test_a_request_that_may_have_arrived_is_unknown_and_never_sent_again(odd: bytes) -> None:
    with odd_exchange(odd) as exchange:
        rest = client(exchange)
        error = error_of(lambda: rest.private("AddOrder", {"volume": "1"}))
        assert type(error) is OutcomeUnknown
        rest.private("Balance")
        rest.close()
    assert [asked.target for asked in exchange.asked] == ["/0/private/AddOrder", "/0/private/Balance"]


def test_reads_are_not_repeated_here_either() -> None:
    with odd_exchange(RESET) as exchange:
        rest = client(exchange)
        assert type(error_of(lambda: rest.public("Time"))) is OutcomeUnknown
        rest.close()
    assert len(exchange.asked) == 1


def test_a_kept_connection_that_breaks_after_the_request_leaves_the_outcome_unknown() -> None:
    with odd_exchange(answer({}), RESET) as exchange:
        rest = client(exchange)
        rest.private("Balance")
        error = error_of(lambda: rest.private("AddOrder"))
        rest.close()
    assert type(error) is OutcomeUnknown
    assert [asked.connection for asked in exchange.asked] == [0, 0]


def test_a_kept_connection_that_was_closed_meanwhile_is_replaced_before_anything_is_sent() -> None:
    with odd_exchange(answer({}) + RESET) as exchange:
        rest = client(exchange)
        rest.private("Balance")
        assert exchange.hung_up.wait(30)
        rest.private("AddOrder")
        rest.close()
    assert [asked.connection for asked in exchange.asked] == [0, 1]


def test_a_connection_that_was_idle_for_long_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest_module, "IDLE_CONNECTION_S", -1.0)
    with odd_exchange() as exchange:
        rest = client(exchange)
        rest.private("Balance")
        rest.private("AddOrder")
        rest.close()
    assert [asked.connection for asked in exchange.asked] == [0, 1]


def test_a_refused_connection_proves_that_nothing_was_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    rest = KrakenRest(f"http://127.0.0.1:{port}", KEY, Counter())
    assert type(error_of(lambda: rest.private("AddOrder"))) is NotSent
    rest.close()


def test_a_connection_that_never_comes_about_proves_that_nothing_was_sent() -> None:
    # The queue of a listener that accepts nothing takes two connections; the third gets no answer to its SYN.
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
            fillers.append(filler)
        rest = KrakenRest(f"http://127.0.0.1:{listener.getsockname()[1]}", KEY, Counter())
        assert type(error_of(lambda: rest.private("AddOrder", timeout_s=0.3))) is NotSent
        rest.close()
        for filler in fillers:
            filler.close()


def test_an_answer_that_never_comes_is_unknown_and_cannot_be_taken_for_a_later_one() -> None:
    with odd_exchange(HANG + answer({"late": 1}), answer({"next": 1})) as exchange:
        rest = client(exchange)
        assert type(error_of(lambda: rest.private("AddOrder", timeout_s=0.2))) is OutcomeUnknown
        exchange.released.set()
        assert rest.private("Balance") == {"next": 1}
        rest.close()


def test_an_answer_is_bounded_in_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest_module, "ANSWER_BYTES_MAX", 1000)
    with odd_exchange(answer("x" * 1000)) as exchange:
        rest = client(exchange)
        assert "longer than" in str(error_of(lambda: rest.private("AddOrder")))
        rest.close()


def test_krakens_refusals_are_told_as_such() -> None:
    with odd_exchange(answer(None, "EOrder:Insufficient funds")) as exchange:
        rest = client(exchange)
        refused = error_of(lambda: rest.private("AddOrder"))
        rest.close()
    assert type(refused) is ExchangeRefused
    assert refused.errors == ("EOrder:Insufficient funds",)


def test_a_read_before_any_nonce_is_asked_again_as_it_is_then_further_ahead_and_then_never() -> None:
    invalid = answer(None, "EAPI:Invalid nonce")
    with odd_exchange(invalid, invalid, invalid) as exchange:
        rest = client(exchange)
        with pytest.raises(NonceFault, match="make a new API key") as raised:
            rest.private("Balance")
        assert not isinstance(raised.value, KeyUsedElsewhere)
        rest.close()
    assert [asked.params["nonce"] for asked in exchange.asked] == ["1", "2", "1003"]


def test_a_key_that_took_our_nonces_and_refuses_larger_ones_is_used_by_somebody_else_and_nonces_stay() -> (
    None
):
    invalid = answer(None, "EAPI:Invalid nonce")
    good = answer({"ZUSD": "1"})
    refused = answer(None, "EGeneral:Permission denied")
    with odd_exchange(
        invalid, invalid, good, invalid, invalid, refused, invalid, invalid, invalid
    ) as exchange:
        rest = client(exchange)
        # The first time nonces go on ahead, and are taken; twice in a row is what a proxy can do, thrice it
        # is not.
        assert rest.private("Balance") == {"ZUSD": "1"}
        assert type(error_of(lambda: rest.private("Balance"))) is KeyRefused
        with pytest.raises(KeyUsedElsewhere, match="on another machine; stop it"):
            rest.private("Balance")
        rest.close()
    nonces = [int(asked.params["nonce"]) for asked in exchange.asked]
    assert nonces == [1, 2, *range(1003, 1010)]


def test_an_order_with_an_invalid_nonce_is_not_sent_again_here_and_moves_no_nonce() -> None:
    with odd_exchange(answer(None, "EAPI:Invalid nonce")) as exchange:
        rest = client(exchange)
        assert type(error_of(lambda: rest.private("AddOrder"))) is InvalidNonce
        rest.private("Balance")
        rest.close()
    assert [asked.params["nonce"] for asked in exchange.asked] == ["1", "2"]


def test_without_a_nonce_nothing_is_sent() -> None:
    class Broken(Counter):
        def next(self) -> int:
            raise NonceFault("no disk")

        def top_up(self) -> None:
            raise NonceFault("no disk")

    with odd_exchange() as exchange:
        rest = KrakenRest(exchange.url, KEY, Broken())
        with pytest.raises(NonceFault):
            rest.private("AddOrder")
        rest.tend()
        rest.close()
    assert exchange.asked == []


def test_the_environment_cannot_put_a_proxy_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with odd_exchange() as exchange:
        rest = client(exchange)
        assert rest.private("Balance") == {}
        rest.close()


@pytest.mark.parametrize("url", ["", "api.kraken.com", "ftp://api.kraken.com", "https://"])
def test_an_address_that_is_none_is_a_bad_configuration(url: str) -> None:
    with pytest.raises(ConfigurationFault):
        KrakenRest(url, KEY, Counter())


@pytest.mark.parametrize("key", ["", "with blank", "with\nline", "schlüssel"])
def test_a_key_that_is_none_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(CredentialsFault) as caught:
        KrakenRest("http://127.0.0.1", Credentials(key, SECRET), Counter())
    assert not key or key not in str(caught.value)


def test_logs_and_errors_hold_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with odd_exchange(answer({}), RESET) as exchange:
        rest = client(exchange)
        rest.private("Balance")
        error = error_of(lambda: rest.private("AddOrder"))
        rest.close()
    shown = caplog.text + str(error) + repr(error) + str(KEY) + repr(KEY)
    signatures = [asked.headers["api-sign"] for asked in exchange.asked]
    assert "Balance" in caplog.text
    assert not [secret for secret in (SECRET, KEY.key, *signatures) if secret in shown]


# -- the queue ---------------------------------------------------------------------------------------------


def in_queue(
    exchange: OddExchange,
    steps: Callable[[CallQueue], Coroutine[Any, Any, None]],
    limits: AccountLimits | None = None,
) -> None:
    async def run() -> None:
        queue = CallQueue(client(exchange, limits))
        try:
            await steps(queue)
        finally:
            await asyncio.to_thread(queue.close)

    asyncio.run(run())


async def begun(queue: CallQueue) -> tuple[threading.Event, asyncio.Task[bool]]:
    """A call that keeps the thread busy until the event is set."""
    release, started = threading.Event(), threading.Event()

    def wait() -> bool:
        started.set()
        return release.wait(30)

    task = asyncio.create_task(queue.call(Priority.BACKGROUND, wait))
    await asyncio.to_thread(started.wait, 30)
    return release, task


async def waiting(queue: CallQueue, priority: Priority, *args: Any) -> asyncio.Task[Any]:
    task = asyncio.create_task(queue.call(priority, *args))
    await asyncio.sleep(0)  # until the task has put its call into the queue
    return task


def test_orders_go_first_then_what_is_urgent_then_reads_then_the_rest() -> None:
    done: list[str] = []

    async def steps(queue: CallQueue) -> None:
        release, busy = await begun(queue)
        tasks = [
            await waiting(queue, priority, done.append, f"{priority.name}{number}")
            for number in range(2)
            for priority in reversed(Priority)
        ]
        release.set()
        await asyncio.gather(busy, *tasks)

    with odd_exchange() as exchange:
        in_queue(exchange, steps)
    assert done == [f"{priority.name}{number}" for priority in Priority for number in range(2)]


def test_results_and_errors_reach_whoever_waits() -> None:
    async def steps(queue: CallQueue) -> None:
        assert await queue.call(Priority.READ, queue.rest.private, "Balance") == {"ZUSD": "1"}
        with pytest.raises(ExchangeRefused, match="Insufficient"):
            await queue.call(Priority.ORDER, queue.rest.private, "AddOrder", {"volume": "1"}, timeout_s=5.0)

    with odd_exchange(answer({"ZUSD": "1"}), answer(None, "EOrder:Insufficient funds")) as exchange:
        in_queue(exchange, steps)


def test_a_cancelled_waiter_takes_back_only_a_call_that_has_not_begun() -> None:
    done: list[str] = []

    async def steps(queue: CallQueue) -> None:
        release, busy = await begun(queue)
        not_begun = await waiting(queue, Priority.ORDER, done.append, "taken back")
        not_begun.cancel()
        busy.cancel()
        release.set()
        await queue.call(Priority.BACKGROUND, done.append, "later")
        assert busy.cancelled()

    with odd_exchange() as exchange:
        in_queue(exchange, steps)
    assert done == ["later"]


def test_a_request_that_was_started_is_finished_although_nobody_waits() -> None:
    async def steps(queue: CallQueue) -> None:
        task = asyncio.create_task(queue.call(Priority.ORDER, queue.rest.private, "AddOrder"))
        await asyncio.to_thread(exchange.heard.wait, 30)
        task.cancel()
        exchange.released.set()
        assert await queue.call(Priority.READ, queue.rest.private, "Balance") == {"after": 1}

    with odd_exchange(HANG + answer({}), answer({"after": 1})) as exchange:
        in_queue(exchange, steps)
    assert [asked.connection for asked in exchange.asked] == [0, 0]


def test_a_full_queue_refuses_but_still_takes_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_queue, "WAITING_MAX", 3)

    async def steps(queue: CallQueue) -> None:
        release, busy = await begun(queue)
        reads = [await waiting(queue, Priority.READ, int) for _ in range(3)]
        with pytest.raises(NotSent, match="3 calls wait"):
            await queue.call(Priority.READ, int)
        order = await waiting(queue, Priority.ORDER, int)
        release.set()
        await asyncio.gather(busy, order, *reads)

    with odd_exchange() as exchange:
        in_queue(exchange, steps)


def test_closing_finishes_what_waits_and_takes_nothing_new() -> None:
    done: list[int] = []

    async def steps(queue: CallQueue) -> None:
        release, busy = await begun(queue)
        tasks = [await waiting(queue, Priority.BACKGROUND, done.append, number) for number in range(5)]
        closing = asyncio.create_task(asyncio.to_thread(queue.close))
        while not queue._closing:  # noqa: ASYNC110 - a flag that another thread sets
            await asyncio.sleep(0)
        with pytest.raises(NotSent, match="shutting down"):
            await queue.call(Priority.ORDER, queue.rest.private, "AddOrder")
        release.set()
        await asyncio.gather(closing, busy, *tasks)

    with odd_exchange() as exchange:
        in_queue(exchange, steps)
    assert done == [0, 1, 2, 3, 4]


def test_the_idle_thread_looks_after_the_nonces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_queue, "TEND_S", 0.005)
    tended = threading.Event()

    class Watched(Counter):
        def top_up(self) -> None:
            tended.set()

    async def run() -> None:
        queue = CallQueue(KrakenRest("http://127.0.0.1", KEY, Watched()))
        assert await asyncio.to_thread(tended.wait, 30)
        await asyncio.to_thread(queue.close)
        await asyncio.to_thread(queue.close)

    asyncio.run(run())


# -- limits ------------------------------------------------------------------------------------------------

#: So slow that nothing comes back while a test runs, and so fast that nobody has to wait for long.
HARDLY, SOON = 1e-4, 100.0


def limits_with(decay: float, level: float = 0.0, *, lockout_s: float = 960.0) -> AccountLimits:
    """Limits of Kraken's lowest tier, with another decay and something used already."""
    limits = AccountLimits(Tier.STARTER, lockout_s=lockout_s)
    limits.rest = DecayingCounter(15.0, decay)
    limits.rest.charge(level, time.monotonic())
    return limits


def targets(exchange: OddExchange) -> list[str]:
    return [asked.target.rpartition("/")[2] for asked in exchange.asked]


async def private(queue: CallQueue, priority: Priority, method: str) -> Any:
    return await queue.call(priority, queue.rest.private, method)


async def waiting_for_room(queue: CallQueue, priority: Priority, method: str) -> asyncio.Task[Any]:
    before = queue.rate_status().waiting
    task = asyncio.create_task(private(queue, priority, method))
    while queue.rate_status().waiting == before:  # noqa: ASYNC110 - until the task has put its call into the queue
        await asyncio.sleep(0)
    return task


def test_every_signed_call_is_charged_before_it_leaves_also_one_that_is_repeated_or_lost() -> None:
    levels: list[float] = []

    class Watched(Counter):
        def next(self) -> int:
            levels.append(round(limits.rest.level(time.monotonic())))
            return super().next()

    limits = limits_with(HARDLY)
    with odd_exchange(answer(None, "EAPI:Invalid nonce"), answer({}), RESET) as exchange:
        rest = KrakenRest(exchange.url, KEY, Watched(), limits)
        rest.private("Balance")
        assert type(error_of(lambda: rest.private("ClosedOrders"))) is OutcomeUnknown
        rest.private("AddOrder")
        rest.public("Time")
        rest.close()
    assert levels == [0, 1, 2, 6]
    assert round(limits.rest.level(time.monotonic())) == 6


def test_an_order_leaves_while_reads_wait_for_the_counter() -> None:
    async def steps(queue: CallQueue) -> None:
        reads = [await waiting_for_room(queue, Priority.READ, "Balance") for _ in range(3)]
        assert await private(queue, Priority.ORDER, "AddOrder") == {}
        assert not any(read.done() for read in reads)
        assert queue.rate_status().waiting == 3
        for read in reads:
            read.cancel()

    with odd_exchange() as exchange:
        in_queue(exchange, steps, limits_with(HARDLY, level=15.0))
    assert targets(exchange) == ["AddOrder"]


def test_reads_leave_room_for_what_is_urgent_and_the_background_for_reads() -> None:
    async def steps(queue: CallQueue) -> None:
        for _ in range(4):
            await private(queue, Priority.BACKGROUND, "Balance")
        background = await waiting_for_room(queue, Priority.BACKGROUND, "Balance")
        for _ in range(4):
            await private(queue, Priority.READ, "Balance")
        read = await waiting_for_room(queue, Priority.READ, "Balance")
        for method in ("GetWebSocketsToken", "OpenOrders", "ClosedOrders"):
            await private(queue, Priority.URGENT, method)
        urgent = await waiting_for_room(queue, Priority.URGENT, "GetWebSocketsToken")
        for task in (background, read, urgent):
            assert not task.done()
            task.cancel()

    with odd_exchange() as exchange:
        in_queue(exchange, steps, limits_with(HARDLY))
    assert targets(exchange) == ["Balance"] * 8 + ["GetWebSocketsToken", "OpenOrders", "ClosedOrders"]


def test_no_call_goes_out_above_what_its_priority_may_use() -> None:
    class Watched(AccountLimits):
        def charge(self, method: str, now: float) -> None:
            super().charge(method, now)
            levels.append(self.rest.level(now))

    levels: list[float] = []
    limits = Watched(Tier.STARTER)
    limits.rest = DecayingCounter(15.0, SOON)

    async def steps(queue: CallQueue) -> None:
        for priority in (Priority.BACKGROUND, Priority.READ, Priority.URGENT):
            levels.clear()
            calls = (
                private(queue, priority, method) for method in ("Balance", "ClosedOrders", "OpenOrders") * 5
            )
            await asyncio.gather(*calls)
            assert len(levels) == 15
            assert max(levels) <= 15.0 - RESERVES[priority] + 1e-6

    with odd_exchange() as exchange:
        in_queue(exchange, steps, limits)


@given(st.floats(0.0, 40.0), st.sampled_from(Tier))
def test_whenever_a_call_may_go_every_call_of_more_weight_may(level: float, tier: Tier) -> None:
    limits = AccountLimits(tier)
    limits.rest.charge(level, 0.0)
    for before, after in pairwise([Priority.URGENT, Priority.READ, Priority.BACKGROUND]):
        latest = max(limits.goes_at(method, RESERVES[before], 0.0) for method in ("Balance", "ClosedOrders"))
        assert latest <= min(
            limits.goes_at(method, RESERVES[after], 0.0) for method in ("Balance", "ClosedOrders")
        )


def test_a_waiter_that_is_cancelled_makes_way_for_whoever_needs_less_room() -> None:
    async def steps(queue: CallQueue) -> None:
        large = await waiting_for_room(queue, Priority.READ, "ClosedOrders")
        small = await waiting_for_room(queue, Priority.READ, "Balance")
        await queue.call(Priority.BACKGROUND, queue.rest.public, "Time")
        assert not small.done()
        large.cancel()
        await small

    with odd_exchange() as exchange:
        in_queue(exchange, steps, limits_with(HARDLY, level=6.0))
    assert targets(exchange) == ["Time", "Balance"]


def test_a_call_that_would_have_to_wait_ends_when_the_queue_is_closed() -> None:
    async def steps(queue: CallQueue) -> None:
        read = await waiting_for_room(queue, Priority.READ, "Balance")
        await asyncio.to_thread(queue.close)
        with pytest.raises(NotSent, match="shutting down"):
            await read

    with odd_exchange() as exchange:
        in_queue(exchange, steps, limits_with(HARDLY, level=15.0))
    assert exchange.asked == []


def test_a_refusal_for_the_rate_holds_back_what_can_wait_and_nothing_else() -> None:
    async def steps(queue: CallQueue) -> None:
        with pytest.raises(RateLimited):
            await private(queue, Priority.READ, "Balance")
        read = await waiting_for_room(queue, Priority.READ, "Balance")
        await private(queue, Priority.ORDER, "AddOrder")
        await private(queue, Priority.URGENT, "GetWebSocketsToken")
        assert not read.done()
        assert queue.rate_status().refused == 1
        await read

    # 15 + 1 are down to 14 after 20 ms, and to half after 80 ms.
    with odd_exchange(answer(None, "EAPI:Rate limit exceeded")) as exchange:
        in_queue(exchange, steps, limits_with(SOON))
    assert targets(exchange) == ["Balance", "AddOrder", "GetWebSocketsToken", "Balance"]


def test_during_a_lockout_nothing_that_is_signed_is_sent_and_afterwards_everything() -> None:
    limits = limits_with(SOON)

    async def steps(queue: CallQueue) -> None:
        with pytest.raises(KeyRefused):
            await private(queue, Priority.READ, "Balance")
        for priority, method in ((Priority.ORDER, "AddOrder"), (Priority.READ, "Balance")):
            with pytest.raises(LockedOut, match="not sent") as caught:
                await private(queue, priority, method)
            assert caught.value.errors == ("EGeneral:Temporary lockout",)
            assert 0 < caught.value.retry_after_s <= 960
        await queue.call(Priority.READ, queue.rest.public, "Time")
        limits._locked_until = time.monotonic()  # 16 minutes later
        await private(queue, Priority.ORDER, "AddOrder")

    with odd_exchange(answer(None, "EGeneral:Temporary lockout")) as exchange:
        in_queue(exchange, steps, limits)
    assert targets(exchange) == ["Balance", "Time", "AddOrder"]


def test_a_key_that_is_refused_three_times_in_a_row_is_not_tried_a_fourth_time() -> None:
    refused = answer(None, "EAPI:Invalid key")
    with odd_exchange(refused, refused, answer({}), refused, refused, refused) as exchange:
        rest = client(exchange)
        for expected in (
            KeyRefused,
            KeyRefused,
            None,
            KeyRefused,
            KeyRefused,
            KeyRefused,
            LockedOut,
            LockedOut,
        ):
            if expected is None:
                rest.private("Balance")
            else:
                assert type(error_of(lambda: rest.private("Balance"))) is expected
        rest.close()
    assert len(exchange.asked) == 6


def test_in_a_pause_that_kraken_asks_for_orders_are_given_back_and_the_rest_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits_module, "THROTTLE_S_MIN", 0.3)

    async def steps(queue: CallQueue) -> None:
        with pytest.raises(RateLimited):
            await private(queue, Priority.ORDER, "AddOrder")
        with pytest.raises(NotSent, match="sent nothing"):
            await private(queue, Priority.ORDER, "AddOrder")
        await asyncio.gather(
            private(queue, Priority.READ, "Balance"), queue.call(Priority.READ, queue.rest.public, "Time")
        )
        assert queue.rest.limits.throttled_until <= time.monotonic()
        await private(queue, Priority.ORDER, "AddOrder")

    with odd_exchange(answer(None, "EService:Throttled: 1")) as exchange:
        in_queue(exchange, steps)
    assert sorted(targets(exchange)[1:3]) == ["Balance", "Time"]
    assert [targets(exchange)[place] for place in (0, -1)] == ["AddOrder", "AddOrder"]


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=4))
def test_forms_say_what_was_meant(fields: dict[str, str]) -> None:
    form = rest_module._form(fields).decode()
    assert dict(parse_qsl(form, keep_blank_values=True)) == fields
    # As others sign and send it, but for blanks.
    assert form == urlencode(fields, quote_via=quote)


def dated(reply: bytes, at: float) -> bytes:
    """An answer with a Date."""
    head, _, body = reply.partition(b"\r\n")
    return head + b"\r\nDate: " + formatdate(at, usegmt=True).encode() + b"\r\n" + body


@pytest.mark.parametrize(
    ("method", "status", "is_heard"),
    [
        ("Balance", "200 OK", True),
        ("Time", "200 OK", True),
        ("Ticker", "200 OK", False),
        ("Balance", "429 No", False),
    ],
)
def test_the_time_is_heard_from_answers_that_come_from_the_exchange_itself(
    method: str, status: str, is_heard: bool
) -> None:
    with odd_exchange(dated(answer({}, status=status), time.time() + 90)) as exchange:
        rest = KrakenRest(exchange.url, KEY, Counter(), roomy_limits())
        call = rest.private if method == "Balance" else rest.public
        with suppress(OutcomeUnknown):
            call(method)
        reading = rest.clock.reading()
        assert (reading is not None) == is_heard
        assert reading is None or reading.offset == pytest.approx(90, abs=1.5)


@pytest.mark.parametrize("error", ["EGeneral:Invalid arguments:deadline", "EService:Deadline elapsed"])
def test_an_order_that_is_refused_for_its_time_corrects_the_clock_by_that_very_answer(error: str) -> None:
    right = [dated(answer({}), time.time()) for _ in range(2)]
    with odd_exchange(*right, dated(answer(None, error), time.time() + 4)) as exchange:
        rest = KrakenRest(exchange.url, KEY, Counter(), roomy_limits())
        for _ in right:
            rest.private("Balance")
        assert abs(rest.clock.now() - time.time()) < 0.01
        with pytest.raises(ExchangeError):
            rest.private("AddOrder")
        assert rest.clock.now() - time.time() == pytest.approx(4, abs=1.5)
