"""Typed calls against the real paper exchange, and against answers that it does not give."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from krakencopy.account_proc.contract.errors import ExchangeRefused, KeyRefused, OutcomeUnknown, RateLimited
from krakencopy.account_proc.contract.spec import Credentials
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.kraken.answers import ClOrdIdInUse
from krakencopy.account_proc.kraken.api import RATE_TRIES, KrakenExchange, OrderAck, OrderRequest
from krakencopy.account_proc.kraken.rest.client import KrakenRest
from krakencopy.account_proc.kraken.rest.request_queue import RequestQueue
from krakencopy.account_proc.state.nonce_custody import NonceCustody
from tests.support.odd_exchange import (
    SECRET,
    OddExchange,
    Paper,
    answer,
    odd_exchange,
    paper_exchange,
    roomy_limits,
)

Steps = Callable[[KrakenExchange], Awaitable[None]]


@pytest.fixture(scope="module")
def paper() -> Iterator[Paper]:
    with paper_exchange("--seed", "1") as running:
        running.control("POST", "markets/XBTUSD", {"price": "50000"})
        running.control("POST", "markets/ETHUSD", {"bid": "1999.99", "ask": "2000.01", "depth": "1000"})
        yield running


def on(url: str, name: str, folder: Path, steps: Steps) -> None:
    """Run steps with an exchange that has its own key, nonces and connection."""

    async def run() -> None:
        custody = NonceCustody.open(
            folder / f"{name}.txt", account_id=name, now_us=lambda: time.time_ns() // 1000
        )
        queue = RequestQueue(KrakenRest(url, Credentials(name, SECRET), custody, roomy_limits()))
        try:
            await steps(KrakenExchange(queue))
        finally:
            await asyncio.to_thread(queue.close)
            custody.close()

    asyncio.run(run())


def market(volume: str, side: Side = Side.BUY, **more: Any) -> OrderRequest:
    return OrderRequest(pair="BTC/USD", side=side, volume=Decimal(volume), **more)


def soon(seconds: float = 10) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def test_pairs_prices_and_the_clock(paper: Paper, tmp_path: Path) -> None:
    paper.account("public", {"ZUSD": "1"})

    async def steps(exchange: KrakenExchange) -> None:
        table = await exchange.asset_pairs()
        assert table.skipped == ()
        assert table.pair("XBTUSD").symbol == "BTC/USD"
        quotes = await exchange.ticker(["BTC/USD", "ETH/USD"])
        assert quotes["BTC/USD"].bid == quotes["BTC/USD"].ask == Decimal(50000)
        assert (quotes["ETH/USD"].bid, quotes["ETH/USD"].ask) == (Decimal("1999.99"), Decimal("2000.01"))
        assert await exchange.ticker([]) == {}
        assert await exchange.ticker(["BTC/XYZ"]) == {}
        assert abs(await exchange.server_time() - time.time()) < 5

    on(paper.rest_url, "public", tmp_path, steps)


def test_a_market_order_from_the_balance_to_the_history(paper: Paper, tmp_path: Path) -> None:
    paper.account("market", {"ZUSD": "1000", "XXDG": "7"})
    began = time.time()

    async def steps(exchange: KrakenExchange) -> None:
        assert await exchange.balances() == {"USD": Decimal(1000), "DOGE": Decimal(7)}
        ack = await exchange.add_order(market("0.01", cl_ord_id="first", deadline=soon()))
        assert "XBTUSD @ market" in ack.description
        balances = await exchange.balances()
        assert balances["BTC"] == Decimal("0.01")
        order = (await exchange.query_orders([ack.order_id], trades=True))[ack.order_id]
        assert (order.status, order.vol_exec, order.cl_ord_id) == ("closed", Decimal("0.01"), "first")
        assert (order.quote, order.fee_in_base) == ("USD", False)
        assert balances["USD"] == Decimal(1000) - order.cost - order.fee
        assert [row.txid for row in await exchange.closed_orders("first", began)] == [ack.order_id]
        assert await exchange.open_orders("first") == []
        trades = await exchange.trades_since(began)
        assert sum(trade.vol for trade in trades) == Decimal("0.01")
        assert {trade.ordertxid for trade in trades} == {ack.order_id}
        assert {trade.txid for trade in trades} == set(order.trades)
        assert {trade.margin for trade in trades} == {False}

    on(paper.rest_url, "market", tmp_path, steps)


def test_a_resting_order_is_found_by_its_id_and_guards_it(paper: Paper, tmp_path: Path) -> None:
    paper.account("resting", {"ZUSD": "10000"})

    async def steps(exchange: KrakenExchange) -> None:
        request = market("0.01", limit_price=Decimal("40000.1"), cl_ord_id="rests", deadline=soon())
        ack = await exchange.add_order(request)
        with pytest.raises(ClOrdIdInUse):
            await exchange.add_order(request)
        found = await exchange.open_orders("rests")
        assert [(row.txid, row.status, row.side) for row in found] == [(ack.order_id, "open", Side.BUY)]
        await exchange.cancel_order(ack.order_id)
        with pytest.raises(ExchangeRefused, match="EOrder:Unknown order"):
            await exchange.cancel_order(ack.order_id)
        closed = await exchange.closed_orders("rests", time.time() - 60)
        assert [(row.status, row.vol_exec) for row in closed] == [("canceled", Decimal(0))]

    on(paper.rest_url, "resting", tmp_path, steps)


def test_refusals_place_nothing(paper: Paper, tmp_path: Path) -> None:
    paper.account("poor", {"ZUSD": "10"})

    async def steps(exchange: KrakenExchange) -> None:
        with pytest.raises(ExchangeRefused, match="EOrder:Insufficient funds"):
            await exchange.add_order(market("1"))
        with pytest.raises(ExchangeRefused, match="volume minimum not met"):
            await exchange.add_order(market("0.00001"))
        with pytest.raises(ExchangeRefused, match="EQuery:Unknown asset pair"):
            await exchange.add_order(OrderRequest(pair="BTC/XYZ", side=Side.BUY, volume=Decimal(1)))
        validated = await exchange.add_order(market("0.0001", validate=True))
        assert validated.order_id == ""
        assert await exchange.closed_orders(None, 0) == []
        assert await exchange.query_orders(["OAAAAA-AAAAA-AAAAAA"]) == {}
        assert await exchange.query_orders([]) == {}

    on(paper.rest_url, "poor", tmp_path, steps)


def test_a_key_tells_what_it_may_do(paper: Paper, tmp_path: Path) -> None:
    paper.account("limited", {"ZUSD": "10"}, permissions=["query-funds", "create-ws-token"])

    async def steps(exchange: KrakenExchange) -> None:
        assert (await exchange.api_key_info()).permissions == {"query-funds", "create-ws-token"}
        assert await exchange.websocket_token()
        with pytest.raises(KeyRefused, match="Permission denied"):
            await exchange.add_order(market("0.001"))

    on(paper.rest_url, "limited", tmp_path, steps)


def test_a_history_of_several_pages_is_whole_and_in_order(paper: Paper, tmp_path: Path) -> None:
    paper.account("busy", {"ZUSD": "1000000"})
    began = time.time()

    async def steps(exchange: KrakenExchange) -> None:
        for _ in range(120):
            await exchange.add_order(market("0.0001"))
        trades = await exchange.trades_since(Decimal(str(began)))
        assert len({trade.txid for trade in trades}) == len(trades) == 120
        assert [trade.time for trade in trades] == sorted(trade.time for trade in trades)
        orders = await exchange.closed_orders(None, began)
        assert len(orders) == 120
        assert set(await exchange.query_orders([row.txid for row in orders])) == {row.txid for row in orders}
        assert await exchange.trades_since(0.0, began - 3600) == []

    on(paper.rest_url, "busy", tmp_path, steps)


# -- answers that the paper exchange does not give ---------------------------------------------------------

PAIRS = {
    "XXBTZUSD": {
        "altname": "XBTUSD", "wsname": "XBT/USD", "base": "XXBT", "quote": "ZUSD", "cost_decimals": 5,
        "pair_decimals": 1, "lot_decimals": 8, "ordermin": "0.00005", "costmin": "0.5", "tick_size": "0.1",
    }
}  # fmt: skip
ASSETS = {"XXBT": {"altname": "XBT"}, "ZUSD": {"altname": "USD"}}
#: Pairs and assets, each once more for tokenised ones, of which there are none.
TABLE = (answer(PAIRS), answer({}), answer(ASSETS), answer({}))


def trades(*numbers: int) -> dict[str, Any]:
    return {
        f"T{number}": {
            "ordertxid": "O", "pair": "XXBTZUSD", "time": 1_000 + number, "type": "buy", "price": "1",
            "cost": "1", "fee": "0", "vol": "1", "margin": "0", "trade_id": number,
        }
        for number in numbers
    }  # fmt: skip


def odd(folder: Path, steps: Steps, *answers: bytes) -> OddExchange:
    with odd_exchange(*TABLE, *answers) as exchange:
        on(exchange.url, "odd", folder, steps)
    return exchange


@pytest.mark.parametrize(
    "result",
    [{}, {"descr": {"order": "buy"}}, {"descr": {"order": "buy"}, "txid": []}, [], "O", 7],
)
def test_an_ack_without_an_order_id_is_no_ack(tmp_path: Path, result: object) -> None:
    async def steps(exchange: KrakenExchange) -> None:
        with pytest.raises(OutcomeUnknown):
            await exchange.add_order(market("1"))

    odd(tmp_path, steps, answer(result))


def test_an_ack_is_one_without_a_description(tmp_path: Path) -> None:
    async def steps(exchange: KrakenExchange) -> None:
        assert await exchange.add_order(market("1")) == OrderAck("O", "")

    odd(tmp_path, steps, answer({"txid": ["O"], "descr": {}}))


@pytest.mark.parametrize("result", [[], "none", 7])
def test_what_is_no_balances_is_not_taken_for_none(tmp_path: Path, result: object) -> None:
    async def steps(exchange: KrakenExchange) -> None:
        with pytest.raises(OutcomeUnknown):
            await exchange.balances()

    odd(tmp_path, steps, answer(result))


@pytest.mark.parametrize("row", ["1", [], {}, {"balance": "1", "hold_trade": "much"}, {"balance": None}])
def test_holdings_of_an_unexpected_form_are_not_known_and_not_zero(tmp_path: Path, row: object) -> None:
    async def steps(exchange: KrakenExchange) -> None:
        balances, holds = await exchange.holdings()
        assert balances == {"BTC": 1}
        assert balances.unknown == {"USD"}
        assert holds == {}

    odd(tmp_path, steps, answer({"ZUSD": row, "XXBT": {"balance": "1"}}))


def test_holdings_are_balances_and_what_open_orders_hold_of_them(tmp_path: Path) -> None:
    rows = {
        "ZUSD": {"balance": "25435.21", "hold_trade": "8249.76"},
        "XXBT": {"balance": 1.5},
        "USD.F": {"balance": "2", "hold_trade": "0"},
    }

    async def steps(exchange: KrakenExchange) -> None:
        balances, holds = await exchange.holdings()
        assert balances == {"USD": Decimal("25435.21"), "BTC": Decimal("1.5"), "USD.F": 2}
        assert holds == {"USD": Decimal("8249.76")}

    odd(tmp_path, steps, answer(rows))


@pytest.mark.parametrize("amount", ["much", "NaN", None, True, [], {}, "1e999999999"])
def test_a_balance_that_cannot_be_read_is_not_known_and_not_zero(tmp_path: Path, amount: object) -> None:
    async def steps(exchange: KrakenExchange) -> None:
        balances = await exchange.balances()
        assert balances == {"BTC": 1}
        assert balances.unknown == {"USD"}

    odd(tmp_path, steps, answer({"ZUSD": amount, "XXBT": "1"}))


def test_kinds_of_an_asset_and_unknown_ones_stand_by_themselves(tmp_path: Path) -> None:
    async def steps(exchange: KrakenExchange) -> None:
        assert await exchange.balances() == {"USD": 1, "USD.F": 2, "NEW": 3, "BTC.HOLD": 4}

    odd(tmp_path, steps, answer({"ZUSD": "1", "USD.F": "2", "NEW": 3, "XXBT.HOLD": "4"}))


def test_pages_that_shift_while_they_are_read_lose_and_double_nothing(tmp_path: Path) -> None:
    async def steps(exchange: KrakenExchange) -> None:
        found = await exchange.trades_since(0.0, 5_000.5)
        assert [trade.trade_id for trade in found] == list(range(1, 101))

    first = {"trades": trades(*range(51, 101)), "count": 100}
    shifted = {"trades": trades(*range(2, 52)), "count": 101}
    last = {"trades": trades(1), "count": 101}
    asked = odd(tmp_path, steps, answer(first), answer(shifted), answer(last)).asked[len(TABLE) :]
    assert [request.params["ofs"] for request in asked] == ["0", "50", "100"]
    assert {request.params["end"] for request in asked} == {"5001"}
    assert {request.params["consolidate_taker"] for request in asked} == {"false"}


def test_pages_without_a_count_end_with_a_short_one(tmp_path: Path) -> None:
    async def steps(exchange: KrakenExchange) -> None:
        assert len(await exchange.trades_since(0.0)) == 51

    odd(tmp_path, steps, answer({"trades": trades(*range(50))}), answer({"trades": trades(50)}))


def test_a_count_of_more_than_there_is_ends_with_an_empty_page(tmp_path: Path) -> None:
    async def steps(exchange: KrakenExchange) -> None:
        assert len(await exchange.trades_since(0.0)) == 2

    asked = odd(
        tmp_path, steps, answer({"trades": trades(1, 2), "count": 900}), answer({"trades": {}, "count": 900})
    )
    assert len(asked.asked) == len(TABLE) + 2


def test_trades_of_one_instant_are_ordered_by_their_number(tmp_path: Path) -> None:
    rows = {key: row | {"time": 1_000} for key, row in trades(3, 1, 2).items()}

    async def steps(exchange: KrakenExchange) -> None:
        assert [trade.trade_id for trade in await exchange.trades_since(1_000.7)] == [1, 2, 3]

    asked = odd(tmp_path, steps, answer({"trades": rows, "count": 3})).asked
    assert asked[-1].params["start"] == "999"


def test_a_page_that_is_refused_for_the_rate_is_asked_for_again_but_not_for_ever(tmp_path: Path) -> None:
    limited = answer(None, "EAPI:Rate limit exceeded")

    async def patient(exchange: KrakenExchange) -> None:
        assert len(await exchange.trades_since(0.0)) == 1

    odd(tmp_path, patient, limited, limited, answer({"trades": trades(1), "count": 1}))

    async def stopped(exchange: KrakenExchange) -> None:
        with pytest.raises(RateLimited):
            await exchange.trades_since(0.0)

    asked = odd(tmp_path, stopped, *[limited] * (RATE_TRIES + 1)).asked
    assert len(asked) == len(TABLE) + RATE_TRIES + 1


def test_an_exchange_without_pairs_is_no_exchange(tmp_path: Path) -> None:
    async def steps(exchange: KrakenExchange) -> None:
        with pytest.raises(OutcomeUnknown, match="unexpected form"):
            await exchange.asset_pairs()

    with odd_exchange(*[answer({})] * 4) as exchange:
        on(exchange.url, "odd", tmp_path, steps)


def test_numbers_of_the_answer_never_become_floats(tmp_path: Path) -> None:
    body = json.dumps({"error": [], "result": {"ZUSD": 0}}).replace("0}", "0.10000000000000000001}").encode()

    async def steps(exchange: KrakenExchange) -> None:
        assert (await exchange.balances())["USD"] == Decimal("0.10000000000000000001")

    odd(tmp_path, steps, answer(body=body))
