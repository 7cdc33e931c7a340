"""python-kraken-sdk's WebSocket client v2, which fetches and uses its token by itself, and its order book
client, which checks every checksum.
"""

from __future__ import annotations

import itertools
import logging
from typing import Any, ClassVar

from kraken.spot import (  # type: ignore[import-not-found]  # only in the environment of this target
    SpotClient,
    SpotOrderBookClient,
    SpotWSClient,
)

from tests.conformance.checking import RoundRobin, calls, same
from tests.conformance.inbox import Inbox
from tests.conformance.world import World

_URLS = ("URL", "WS_URL", "AUTH_WS_URL")


class SdkWebSocket(RoundRobin):
    distribution: ClassVar[str] = "python-kraken-sdk"
    part: ClassVar[str] = " WS"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        world.pin("XBTUSD", "50000.0", "50000.1")
        self.key = world.account(ZUSD="20000", XXBT="1")
        self.inbox = Inbox()
        self.ids = itertools.count(1)
        self.client: Any = None
        self.resting = ""
        # Its order book client takes no URLs, so the class attributes are set that it reads them from.
        self.kept = [
            (kind, name, vars(kind).get(name)) for kind in (SpotClient, SpotWSClient) for name in _URLS
        ]
        SpotClient.URL = world.rest_url
        SpotWSClient.WS_URL = SpotWSClient.AUTH_WS_URL = world.ws_url.removesuffix("/v2")
        logging.getLogger("kraken").setLevel(
            logging.ERROR
        )  # it warns of every refusal, which are wanted here

    async def begin(self) -> None:
        self.client = SpotWSClient(
            key=self.key.key, secret=self.key.secret, callback=self.inbox.take, rest_url=self.world.rest_url
        )
        await self.client.start()

    async def end(self) -> None:
        await self.client.close()
        for kind, name, value in self.kept:
            if value is None:
                delattr(kind, name) if name in vars(kind) else None
            else:
                setattr(kind, name, value)

    async def send(self, method: str, **params: Any) -> Any:
        """A request, and its answer."""
        req_id = next(self.ids)
        await self.client.send_message({"method": method, "req_id": req_id, "params": params})
        return await self.inbox.ack(method, req_id)

    async def subscribe(self, **params: Any) -> Any:
        req_id = next(self.ids)
        await self.client.subscribe(params=params, req_id=req_id)
        answer = await self.inbox.ack("subscribe", req_id)
        assert answer["success"], answer
        return answer["result"]

    async def placed(self, **order: Any) -> str:
        wanted = {
            "symbol": "BTC/USD",
            "side": "buy",
            "order_type": "limit",
            "limit_price": 40000,
            "order_qty": 0.01,
        }
        answer = await self.send("add_order", **wanted | order)
        assert answer["success"], answer
        return str(answer["result"]["order_id"])

    # --- public channels

    @calls("start (its own token), status, ping")
    async def greeted(self) -> None:
        (row,) = await self.inbox.data("status", "update")
        same((row["system"], row["api_version"]), ("online", "v2"))
        await self.inbox.find(lambda message: message.get("method") == "pong", "a pong")

    @calls("subscribe ticker, trade, ohlc")
    async def prices(self) -> None:
        same((await self.subscribe(channel="ticker", symbol=["BTC/USD"]))["symbol"], "BTC/USD")
        (ticker,) = await self.inbox.data("ticker", "snapshot")
        same((ticker["bid"], ticker["ask"]), (50000.0, 50000.1))
        await self.subscribe(channel="trade", symbol=["BTC/USD"])
        same((await self.inbox.data("trade", "snapshot"))[-1]["symbol"], "BTC/USD")
        same((await self.subscribe(channel="ohlc", symbol=["BTC/USD"], interval=5))["interval"], 5)
        same((await self.inbox.data("ohlc", "snapshot"))[-1]["interval"], 5)
        same(len(self.client.active_public_subscriptions), 3)

    @calls("subscribe book, instrument")
    async def books(self) -> None:
        same((await self.subscribe(channel="book", symbol=["BTC/USD"], depth=25))["depth"], 25)
        (book,) = await self.inbox.data("book", "snapshot")
        same((len(book["asks"]), book["bids"][0]), (25, {"price": 50000.0, "qty": 5.0}))
        await self.subscribe(channel="instrument")
        pairs = (await self.inbox.data("instrument", "snapshot"))["pairs"]
        same(next(pair["qty_min"] for pair in pairs if pair["symbol"] == "BTC/USD"), 0.00005)

    @calls("unsubscribe")
    async def unsubscribed(self) -> None:
        await self.client.unsubscribe(params={"channel": "ticker", "symbol": ["BTC/USD"]}, req_id=900)
        same((await self.inbox.ack("unsubscribe", 900))["success"], True)
        assert all(row["channel"] != "ticker" for row in self.client.active_public_subscriptions)

    @calls("errors of subscribe: unknown symbols, unknown channel")
    async def refused_subscriptions(self) -> None:
        for symbol, words in (("XBT/USD", "not supported"), ("XBTUSD", "not in ISO 4217-A3 format")):
            await self.client.subscribe(params={"channel": "ticker", "symbol": [symbol]}, req_id=901)
            same((await self.inbox.ack("subscribe", 901))["error"], f"Currency pair {words} {symbol}")
        await self.client.subscribe(params={"channel": "news", "symbol": ["BTC/USD"]}, req_id=902)
        same((await self.inbox.ack("subscribe", 902))["success"], False)

    @calls("SpotOrderBookClient (checks the checksum of every update)")
    async def order_book(self) -> None:
        books = Inbox()

        async def took(pair: str, message: dict[str, Any]) -> None:
            await books.take({"pair": pair, **message})

        self.world.release("ETHUSD")
        client = SpotOrderBookClient(depth=10, callback=took)
        await client.start()
        try:
            await client.add_book(pairs=["ETH/USD"])
            for _ in range(10):
                message = await books.find(lambda _message: True, "a book")
                assert "error" not in message, message
            book = client.get(pair="ETH/USD")
            assert book is not None
            same((book["valid"], len(book["ask"]), len(book["bid"])), (True, 10, 10))
        finally:
            await client.close()

    # --- private channels

    @calls("subscribe executions, balances")
    async def private_channels(self) -> None:
        result = await self.subscribe(channel="executions", snap_orders=True, snap_trades=True)
        same((result["maxratecount"], result["snap_trades"]), (125, True))
        same(await self.inbox.data("executions", "snapshot"), [])
        await self.subscribe(channel="balances")
        rows = {row["asset"]: row for row in await self.inbox.data("balances", "snapshot")}
        same((rows["USD"]["balance"], rows["BTC"]["wallets"][0]["balance"]), (20000.0, 1.0))
        same(len(self.client.active_private_subscriptions), 2)

    # --- orders

    @calls("add_order (market): executions, balances")
    async def market_order(self) -> None:
        answer = await self.send(
            "add_order", symbol="BTC/USD", side="buy", order_type="market", order_qty=0.01, order_userref=3
        )
        order_id = answer["result"]["order_id"]
        same(answer["result"]["order_userref"], 3)
        whole = await self.inbox.execution(order_id, "pending_new")
        same((whole["symbol"], whole["order_qty"], whole["order_userref"]), ("BTC/USD", 0.01, 3))
        trade = await self.inbox.execution(order_id, "trade")
        same(
            (trade["last_price"], trade["cost"], trade["fees"]),
            (50000.1, 500.001, [{"asset": "USD", "qty": 4.00001}]),
        )
        await self.inbox.execution(order_id, "filled")
        changes = [(await self.inbox.data("balances", "update"))[0] for _ in range(2)]
        same({row["ref_id"] for row in changes}, {trade["exec_id"]})
        by_asset = {row["asset"]: row for row in changes}
        same((by_asset["BTC"]["amount"], by_asset["BTC"]["balance"]), (0.01, 1.01))
        same((by_asset["USD"]["amount"], by_asset["USD"]["fee"]), (-500.001, 4.0))

    @calls("add_order (limit, post only, cl_ord_id)")
    async def limit_order(self) -> None:
        answer = await self.send(
            "add_order",
            symbol="BTC/USD",
            side="buy",
            order_type="limit",
            order_qty=0.02,
            limit_price=40000.5,
            post_only=True,
            cl_ord_id="conformance-1",
        )
        self.resting = answer["result"]["order_id"]
        same(answer["result"]["cl_ord_id"], "conformance-1")
        new = await self.inbox.execution(self.resting, "new")
        same((new["cl_ord_id"], "symbol" in new), ("conformance-1", False))

    @calls("add_order (validate)")
    async def validated(self) -> None:
        same(await self.placed(validate=True), "")

    @calls("amend_order")
    async def amended(self) -> None:
        answer = await self.send("amend_order", cl_ord_id="conformance-1", limit_price=41000, order_qty=0.03)
        same((answer["success"], answer["result"]["cl_ord_id"]), (True, "conformance-1"))
        row = await self.inbox.execution(self.resting, "amended")
        same((row["limit_price"], row["order_qty"], row["reason"]), (41000.0, 0.03, "User requested"))

    @calls("edit_order")
    async def edited(self) -> None:
        old = await self.placed()
        answer = await self.send(
            "edit_order", order_id=old, symbol="BTC/USD", order_qty=0.011, limit_price=39000
        )
        same(answer["result"]["original_order_id"], old)
        await self.inbox.execution(old, "canceled")
        row = await self.inbox.execution(answer["result"]["order_id"], "pending_new")
        same((row["order_qty"], row["limit_price"]), (0.011, 39000.0))

    @calls("cancel_order (several: one answer each)")
    async def cancelled(self) -> None:
        other = await self.placed()
        await self.client.send_message(
            {
                "method": "cancel_order",
                "req_id": 903,
                "params": {"order_id": [self.resting, other, "OAAAAA-BBBBB-CCCCCC"]},
            }
        )
        answers = [await self.inbox.ack("cancel_order", 903) for _ in range(3)]
        same([answer["success"] for answer in answers], [True, True, False])
        same([answer["result"]["order_id"] for answer in answers[:2]], [self.resting, other])
        same((await self.inbox.execution(other, "canceled"))["reason"], "User requested")

    @calls("batch_add, batch_cancel")
    async def batches(self) -> None:
        orders = [
            {
                "side": "buy",
                "order_type": "limit",
                "order_qty": 0.01,
                "limit_price": price,
                "order_userref": number,
            }
            for number, price in ((1, 40000), (2, 40001), (3, 40002))
        ]
        answer = await self.send("batch_add", symbol="BTC/USD", orders=orders)
        placed = [row["order_id"] for row in answer["result"]]
        same([row["order_userref"] for row in answer["result"]], [1, 2, 3])
        answer = await self.send("batch_cancel", orders=placed[:2])
        same((answer["orders_cancelled"], answer["success"]), (2, True))
        await self.inbox.execution(placed[1], "canceled")

    @calls("cancel_all, cancel_all_orders_after")
    async def everything_cancelled(self) -> None:
        same((await self.send("cancel_all"))["result"], {"count": 2})
        answer = await self.send("cancel_all_orders_after", timeout=60)
        assert answer["result"]["triggerTime"] > answer["result"]["currentTime"]
        same((await self.send("cancel_all_orders_after", timeout=0))["success"], True)

    @calls("a lost connection: again with a new token, and its subscriptions")
    async def reconnected(self) -> None:
        before = self.client._priv_conn.ws_conn_details["token"]
        self.world.control("POST", "/faults", {"kind": "ws_cut", "account": self.key.account})
        trades = [
            row for row in await self.inbox.data("executions", "snapshot") if row["exec_type"] == "trade"
        ]
        same(len(trades), 1)
        await self.inbox.data("balances", "snapshot")
        assert self.client._priv_conn.ws_conn_details["token"] != before

    @calls("errors of add_order: funds, minimum, id, field, session")
    async def refused_orders(self) -> None:
        order = {"symbol": "BTC/USD", "side": "buy", "order_type": "limit", "limit_price": 40000}
        for changes, words in (
            ({"order_qty": 5}, "EOrder:Insufficient funds"),
            ({"order_qty": 0.00001}, "EGeneral:Invalid arguments:volume minimum not met"),
            (
                {"order_qty": 0.01, "margin": True},
                "Unsupported field: 'margin' for the given msg type: add order",
            ),
            ({"order_qty": 0.01, "price": 1}, "Unsupported field: 'price' for the given msg type: add order"),
            ({"order_qty": 0.01, "deadline": "2020-01-01T00:00:00.000Z"}, "EService:Deadline elapsed"),
        ):
            answer = await self.send("add_order", **order, **changes)
            same((answer["success"], answer.get("error")), (False, words))
        await self.client.send_message(
            {"method": "add_order", "req_id": 904, "params": order | {"order_qty": 1, "token": "old"}},
            raw=True,
        )
        same((await self.inbox.ack("add_order", 904))["error"], "ESession:Invalid session")
        await self.client.subscribe(params={"channel": "executions"}, req_id=905)
        same((await self.inbox.ack("subscribe", 905))["error"], "Already subscribed")
