"""Typed calls against the real paper exchange, and against answers that it does not give."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from krakencopy.account_proc.contract.errors import ExchangeRefused, KeyRefused
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.kraken.api import KrakenExchange
from krakencopy.account_proc.kraken.errors import ClOrdIdInUse
from krakencopy.account_proc.kraken.rest.order_request import OrderRequest
from tests.support.kraken_steps import market, on
from tests.support.odd_exchange import (
    Paper,
    paper_exchange,
)


@pytest.fixture(scope="module")
def paper() -> Iterator[Paper]:
    with paper_exchange("--seed", "1") as running:
        running.control("POST", "markets/XBTUSD", {"price": "50000"})
        running.control("POST", "markets/ETHUSD", {"bid": "1999.99", "ask": "2000.01", "depth": "1000"})
        yield running


def soon(seconds: float = 10) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def test_pairs_prices_and_the_clock(paper: Paper, tmp_path: Path) -> None:
    paper.account("public", {"ZUSD": "1"})

    async def steps(exchange: KrakenExchange) -> None:
        table = await exchange.market.asset_pairs()
        assert table.skipped == ()
        assert table.pair("XBTUSD").name == "BTC/USD"
        quotes = await exchange.market.ticker(["BTC/USD", "ETH/USD"])
        assert quotes["BTC/USD"].bid == quotes["BTC/USD"].ask == Decimal(50000)
        assert (quotes["ETH/USD"].bid, quotes["ETH/USD"].ask) == (Decimal("1999.99"), Decimal("2000.01"))
        assert await exchange.market.ticker([]) == {}
        assert await exchange.market.ticker(["BTC/XYZ"]) == {}
        assert abs(await exchange.market.server_time() - time.time()) < 5

    on(paper.rest_url, "public", tmp_path, steps)


def test_a_market_order_from_the_balance_to_the_history(paper: Paper, tmp_path: Path) -> None:
    paper.account("market", {"ZUSD": "1000", "XXDG": "7"})
    began = time.time()

    async def steps(exchange: KrakenExchange) -> None:
        assert await exchange.account.balances() == {"USD": Decimal(1000), "DOGE": Decimal(7)}
        ack = await exchange.orders.add_order(market("0.01", cl_ord_id="first", deadline=soon()))
        assert "XBTUSD @ market" in ack.description
        balances = await exchange.account.balances()
        assert balances["BTC"] == Decimal("0.01")
        order = (await exchange.record.query_orders([ack.order_id], trades=True))[ack.order_id]
        assert (order.status, order.vol_exec, order.cl_ord_id) == ("closed", Decimal("0.01"), "first")
        assert (order.quote, order.fee_in_base) == ("USD", False)
        assert balances["USD"] == Decimal(1000) - order.cost - order.fee
        assert [row.txid for row in await exchange.record.closed_orders("first", began)] == [ack.order_id]
        assert await exchange.record.open_orders("first") == []
        trades = await exchange.record.trades_since(began)
        assert sum(trade.vol for trade in trades) == Decimal("0.01")
        assert {trade.ordertxid for trade in trades} == {ack.order_id}
        assert {trade.txid for trade in trades} == set(order.trades)
        assert {trade.margin for trade in trades} == {False}

    on(paper.rest_url, "market", tmp_path, steps)


def test_a_resting_order_is_found_by_its_id_and_guards_it(paper: Paper, tmp_path: Path) -> None:
    paper.account("resting", {"ZUSD": "10000"})

    async def steps(exchange: KrakenExchange) -> None:
        request = market("0.01", limit_price=Decimal("40000.1"), cl_ord_id="rests", deadline=soon())
        ack = await exchange.orders.add_order(request)
        with pytest.raises(ClOrdIdInUse):
            await exchange.orders.add_order(request)
        found = await exchange.record.open_orders("rests")
        assert [(row.txid, row.status, row.side) for row in found] == [(ack.order_id, "open", Side.BUY)]
        await exchange.orders.cancel_order(ack.order_id)
        with pytest.raises(ExchangeRefused, match="EOrder:Unknown order"):
            await exchange.orders.cancel_order(ack.order_id)
        closed = await exchange.record.closed_orders("rests", time.time() - 60)
        assert [(row.status, row.vol_exec) for row in closed] == [("canceled", Decimal(0))]

    on(paper.rest_url, "resting", tmp_path, steps)


def test_orders_are_cancelled_by_either_id_and_all_at_once(paper: Paper, tmp_path: Path) -> None:
    paper.account("cancels", {"ZUSD": "10000"})

    async def steps(exchange: KrakenExchange) -> None:
        def asked(name: str) -> OrderRequest:
            return market("0.01", limit_price=Decimal(40_000), cl_ord_id=name, deadline=soon())

        await exchange.orders.add_order(asked("first"))
        await exchange.orders.cancel_order(cl_ord_id="first")
        with pytest.raises(ExchangeRefused, match="EOrder:Unknown order"):
            await exchange.orders.cancel_order(cl_ord_id="first")
        with pytest.raises(ExchangeRefused, match="EOrder:Invalid order"):
            await exchange.orders.cancel_order("OAAAAA-AAAAA-AAAAAA")
        for name in ("second", "third"):
            await exchange.orders.add_order(asked(name))
        shown, unreadable = await exchange.record.shown_open_orders()
        assert [(order.cl_ord_id, order.price) for order in shown] == [
            ("second", "40000.0"),
            ("third", "40000.0"),
        ]
        assert unreadable == []
        assert await exchange.orders.cancel_all() == 2
        assert await exchange.orders.cancel_all() == 0
        over = await exchange.record.shown_order(shown[0].txid)
        assert over is not None
        assert (over.status, over.is_over) == ("canceled", True)

    on(paper.rest_url, "cancels", tmp_path, steps)


def test_refusals_place_nothing(paper: Paper, tmp_path: Path) -> None:
    paper.account("poor", {"ZUSD": "10"})

    async def steps(exchange: KrakenExchange) -> None:
        with pytest.raises(ExchangeRefused, match="EOrder:Insufficient funds"):
            await exchange.orders.add_order(market("1"))
        with pytest.raises(ExchangeRefused, match="volume minimum not met"):
            await exchange.orders.add_order(market("0.00001"))
        with pytest.raises(ExchangeRefused, match="EQuery:Unknown asset pair"):
            await exchange.orders.add_order(OrderRequest(pair="BTC/XYZ", side=Side.BUY, volume=Decimal(1)))
        validated = await exchange.orders.add_order(market("0.0001", validate=True))
        assert validated.order_id == ""
        assert await exchange.record.closed_orders(None, 0) == []
        assert await exchange.record.query_orders(["OAAAAA-AAAAA-AAAAAA"]) == {}
        assert await exchange.record.query_orders([]) == {}

    on(paper.rest_url, "poor", tmp_path, steps)


def test_a_key_tells_what_it_may_do(paper: Paper, tmp_path: Path) -> None:
    paper.account("limited", {"ZUSD": "10"}, permissions=["query-funds", "create-ws-token"])

    async def steps(exchange: KrakenExchange) -> None:
        assert (await exchange.account.api_key_info()).permissions == {"query-funds", "create-ws-token"}
        assert await exchange.account.websocket_token()
        with pytest.raises(KeyRefused, match="Permission denied"):
            await exchange.orders.add_order(market("0.001"))

    on(paper.rest_url, "limited", tmp_path, steps)


def test_a_history_of_several_pages_is_whole_and_in_order(paper: Paper, tmp_path: Path) -> None:
    paper.account("busy", {"ZUSD": "1000000"})
    began = time.time()

    async def steps(exchange: KrakenExchange) -> None:
        for _ in range(120):
            await exchange.orders.add_order(market("0.0001"))
        trades = await exchange.record.trades_since(Decimal(str(began)))
        assert len({trade.txid for trade in trades}) == len(trades) == 120
        assert [trade.time for trade in trades] == sorted(trade.time for trade in trades)
        orders = await exchange.record.closed_orders(None, began)
        assert len(orders) == 120
        assert set(await exchange.record.query_orders([row.txid for row in orders])) == {
            row.txid for row in orders
        }
        assert await exchange.record.trades_since(0.0, began - 3600) == []

    on(paper.rest_url, "busy", tmp_path, steps)
