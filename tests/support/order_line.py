"""A line for orders to an exchange, with the queue whose orders go over it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from krakencopy.account_proc.contract.spec import Credentials
from krakencopy.account_proc.kraken.rest.client import KrakenRest
from krakencopy.account_proc.kraken.rest.order_connection import OrderConnection
from krakencopy.account_proc.kraken.rest.request_queue import RequestQueue
from krakencopy.account_proc.kraken.tls import EXCHANGE_TLS
from krakencopy.account_proc.runtime.read_deferral import ReadDeferral
from tests.account_proc.kraken.rest.test_client import Counter
from tests.support.odd_exchange import (
    SECRET,
    OddExchange,
    roomy_limits,
)

KEY = Credentials("the-public-key", SECRET)


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not happened():  # noqa: ASYNC110 - threads of a server cannot set what a loop waits for
            await asyncio.sleep(0.005)


@asynccontextmanager
async def trading(
    url: str, context: ssl.SSLContext = EXCHANGE_TLS, read_deferral: ReadDeferral | None = None
) -> AsyncIterator[tuple[RequestQueue, OrderConnection]]:
    line = OrderConnection(url, read_deferral or ReadDeferral(0.1), context)
    queue = RequestQueue(KrakenRest(url, KEY, Counter(), roomy_limits()), line)
    keeping = asyncio.create_task(line.keep_ready())
    try:
        yield queue, line
    finally:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping
        await asyncio.to_thread(queue.close)


async def order(queue: RequestQueue, timeout_s: float = 5.0) -> Any:
    return await queue.order("AddOrder", {"volume": "1", "close[price]": "+1"}, timeout_s=timeout_s)


def with_line(
    exchange: OddExchange,
    work: Callable[[RequestQueue, OrderConnection], Awaitable[None]],
    context: ssl.SSLContext = EXCHANGE_TLS,
) -> None:
    async def main() -> None:
        async with trading(exchange.url, context) as (queue, line):
            await until(lambda: line.ready)
            await work(queue, line)

    asyncio.run(main())
