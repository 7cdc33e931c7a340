"""A redirect is no answer: it is never followed, and no key, signature or token reaches another address, over
neither way that signed calls take (the feed: tests/account_proc/kraken/feed/test_executions_feed.py, ccxt:
tests/account_proc/ccxt_broker/test_redirects.py).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import pytest

from krakencopy.account_proc.contract.errors import OutcomeUnknown
from krakencopy.account_proc.kraken.rest.client import KrakenRest
from krakencopy.account_proc.kraken.rest.order_connection import OrderConnection
from krakencopy.account_proc.kraken.rest.request_queue import Priority, RequestQueue
from tests.account_proc.kraken.rest.test_client import KEY, client
from tests.support.odd_exchange import odd_exchange, redirect
from tests.support.order_line import order, with_line

STATUSES = (301, 302, 303, 307, 308)


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize(
    "call",
    [
        lambda rest: rest.private("Balance"),
        lambda rest: rest.private("GetWebSocketsToken"),
        lambda rest: rest.private("AddOrder", {"volume": "1"}),
        lambda rest: rest.public("Time"),
    ],
    ids=["read", "token", "order", "public"],
)
def test_no_call_follows_a_redirect(status: int, call: Callable[[KrakenRest], object]) -> None:
    with odd_exchange() as elsewhere, odd_exchange(redirect(status, f"{elsewhere.url}/0/x")) as exchange:
        with closing(client(exchange)) as rest, pytest.raises(OutcomeUnknown, match=f"HTTP {status}"):
            call(rest)
        assert len(exchange.asked) == 1
        assert elsewhere.asked == []


@pytest.mark.parametrize("status", STATUSES)
def test_no_order_over_its_own_connection_follows_a_redirect(status: int) -> None:
    async def work(queue: RequestQueue, line: OrderConnection) -> None:
        assert line.ready
        with pytest.raises(OutcomeUnknown, match=f"HTTP {status}"):
            await order(queue)
        # The connection is one of the exchange's all the same.
        assert await queue.private("Balance", priority=Priority.READ) == {}

    with odd_exchange() as elsewhere, odd_exchange(redirect(status, f"{elsewhere.url}/0/x")) as exchange:
        with_line(exchange, work)
        assert KEY.key in str(exchange.asked[0].headers)
        assert elsewhere.asked == []
