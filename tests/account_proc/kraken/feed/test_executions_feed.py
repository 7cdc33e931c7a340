"""The feed against the real paper exchange, and against servers that fall silent, skip, refuse and hang
up.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from krakencopy.account_proc.contract.errors import KeyRefused
from krakencopy.account_proc.contract.spec import Credentials
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.kraken.api import KrakenExchange
from krakencopy.account_proc.kraken.exchange_clock import DISAGREE_S, ExchangeClock
from krakencopy.account_proc.kraken.feed import executions_feed as feed_module
from krakencopy.account_proc.kraken.feed.executions import Execution
from krakencopy.account_proc.kraken.feed.executions_feed import (
    ExecutionsFeed,
)
from krakencopy.account_proc.kraken.rest.client import KrakenRest
from krakencopy.account_proc.kraken.rest.order_request import OrderRequest
from krakencopy.account_proc.kraken.rest.request_queue import RequestQueue
from krakencopy.account_proc.state.nonce_custody import NonceCustody
from tests.support.feed_sink import COALESCING_OR_NOT, LIMIT_S, Heard, running
from tests.support.odd_exchange import SECRET, Paper, paper_exchange, roomy_limits

# -- the real paper exchange -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def paper() -> Iterator[Paper]:
    with paper_exchange("--seed", "1") as exchange:
        exchange.control("POST", "markets/XBTUSD", {"price": "50000"})
        yield exchange


@contextlib.asynccontextmanager
async def client(paper: Paper, name: str, folder: Path) -> AsyncIterator[KrakenExchange]:
    custody = NonceCustody.open(folder / name, account_id=name, now_us=lambda: time.time_ns() // 1000)
    queue = RequestQueue(KrakenRest(paper.rest_url, Credentials(name, SECRET), custody, roomy_limits()))
    try:
        yield KrakenExchange(queue)
    finally:
        await asyncio.to_thread(queue.close)
        custody.close()


def test_a_trade_is_told_in_full_with_the_id_that_the_history_gives_it(paper: Paper, tmp_path: Path) -> None:
    paper.account("trader", {"ZUSD": "10000"})

    async def run() -> None:
        heard = Heard()
        async with client(paper, "trader", tmp_path) as exchange:
            feed = ExecutionsFeed(paper.ws_url, exchange.account.websocket_token, heard)
            assert not feed.fresh
            async with running(feed):
                await heard.until(lambda: len(heard.snapshots) == 1 and feed.fresh)
                assert feed.system_status == "online"
                ack = await exchange.orders.add_order(
                    OrderRequest(pair="BTC/USD", side=Side.BUY, volume=Decimal("0.01"), cl_ord_id="mine")
                )
                await heard.until(lambda: len(heard.trades) == 1)
            history = await exchange.record.trades_since(time.time() - 60)
        trade = heard.trades[0]
        assert trade.exec_id == history[0].txid
        assert (trade.order_id, trade.cl_ord_id, trade.side) == (ack.order_id, "mine", Side.BUY)
        assert (trade.pair, trade.last_qty, trade.last_price) == (
            "BTC/USD",
            Decimal("0.01"),
            Decimal(50000),
        )
        assert trade.fees == (("USD", history[0].fee),)
        assert trade.cost == history[0].cost
        assert not trade.margin
        assert heard.reasons == []

    asyncio.run(run())


def test_what_happened_before_is_in_the_snapshot(paper: Paper, tmp_path: Path) -> None:
    paper.account("earlier", {"ZUSD": "10000"})

    async def run() -> None:
        heard = Heard()
        async with client(paper, "earlier", tmp_path) as exchange:
            filled = await exchange.orders.add_order(
                OrderRequest(pair="BTC/USD", side=Side.BUY, volume=Decimal("0.01"))
            )
            resting = await exchange.orders.add_order(
                OrderRequest(
                    pair="BTC/USD", side=Side.BUY, volume=Decimal("0.01"), limit_price=Decimal(40000)
                )
            )
            async with running(ExecutionsFeed(paper.ws_url, exchange.account.websocket_token, heard)):
                await heard.until(lambda: bool(heard.snapshots))
                await exchange.orders.cancel_order(resting.order_id)
                await heard.until(lambda: any(row.exec_type == "canceled" for row in heard.rows))
        assert {row.order_id for row in heard.snapshots[0]} == {filled.order_id, resting.order_id}
        cancelled = next(row for row in heard.rows if row.exec_type == "canceled")
        assert isinstance(cancelled, Execution)
        assert (cancelled.pair, cancelled.order_id) == ("BTC/USD", resting.order_id)

    asyncio.run(run())


@COALESCING_OR_NOT
@pytest.mark.parametrize("step", ["0.7", "-0.7", "30"])
def test_a_step_of_the_exchanges_clock_is_measured_to_a_fraction_of_a_second_as_soon_as_anything_tells_of_it(
    tmp_path: Path, is_idle: Callable[[], bool] | None, step: str
) -> None:
    async def run(paper: Paper) -> None:
        clock = ExchangeClock()
        heard = Heard()
        async with client(paper, "stepping", tmp_path) as exchange:
            feed = ExecutionsFeed(
                paper.ws_url, exchange.account.websocket_token, heard, is_idle=is_idle, clock=clock
            )
            async with running(feed):
                await heard.until(lambda: len(heard.snapshots) == 1)
                assert (reading := clock.reading()) is not None
                assert abs(reading.offset) <= DISAGREE_S + reading.doubt
                paper.control("POST", "faults", {"kind": "clock_skew", "seconds": step})
                # A Date has whole seconds, so that one may agree with both, and another bounds by a second.
                async with asyncio.timeout(LIMIT_S):
                    while abs(clock.now() - time.time() - float(step)) > 2 * DISAGREE_S:
                        sent_at = clock.steady()
                        second = await exchange.market.server_time()
                        clock.hear_second(second, sent_at, clock.steady())
                        await asyncio.sleep(0.05)
                assert (reading := clock.reading()) is not None
                assert reading.doubt < 0.3, "a Date alone leaves half a second"
        assert heard.reasons == []

    with paper_exchange() as exchange:
        exchange.account("stepping", {"ZUSD": "1"})
        asyncio.run(run(exchange))


@COALESCING_OR_NOT
def test_an_exchange_that_stands_still_is_noticed_and_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_idle: Callable[[], bool] | None
) -> None:
    # Nobody waits for its goodbye.
    monkeypatch.setattr(feed_module, "CLOSE_TIMEOUT_S", 3600.0)

    async def run(paper: Paper) -> None:
        heard = Heard()
        async with client(paper, "frozen", tmp_path) as exchange:
            feed = ExecutionsFeed(
                paper.ws_url, exchange.account.websocket_token, heard, silence_s=0.4, is_idle=is_idle
            )
            async with running(feed):
                await heard.until(lambda: len(heard.snapshots) == 1)
                paper.process.send_signal(signal.SIGSTOP)
                await heard.until(lambda: bool(heard.reasons))
                assert not feed.fresh
                paper.process.send_signal(signal.SIGCONT)
                await heard.until(lambda: len(heard.snapshots) == 2)
        assert "silent" in heard.reasons[0]

    with paper_exchange() as exchange:
        exchange.account("frozen", {"ZUSD": "1"})
        asyncio.run(run(exchange))


def test_a_key_without_the_permission_ends_the_feed(paper: Paper, tmp_path: Path) -> None:
    paper.account("forbidden", {"ZUSD": "1"}, permissions=["query-funds"])

    async def run() -> None:
        heard = Heard()
        async with client(paper, "forbidden", tmp_path) as exchange:
            with pytest.raises(KeyRefused, match="Permission denied"):
                await ExecutionsFeed(paper.ws_url, exchange.account.websocket_token, heard).run()
        assert len(heard.reasons) == 1

    asyncio.run(run())
