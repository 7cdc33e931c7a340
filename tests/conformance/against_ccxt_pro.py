"""ccxt.pro: the WebSocket side of ccxt, streams and orders."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

import ccxt.pro as ccxt  # type: ignore[import-untyped]  # ccxt has no types

from tests.conformance.against_ccxt import PAIR, pointed, settings
from tests.conformance.checking import RoundRobin, calls, raises_later, same
from tests.conformance.world import World


class CcxtPro(RoundRobin):
    distribution: ClassVar[str] = "ccxt"
    part: ClassVar[str] = " WS"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        world.pin("XBTUSD", "50000.0", "50000.1")
        world.release("ETHUSD")
        self.key = world.account(ZUSD="20000", XXBT="1")
        self.api: Any = None
        self.resting = ""

    async def begin(self) -> None:
        self.api = pointed(ccxt.kraken(settings(self.key)), self.world)
        await self.api.load_markets()

    async def end(self) -> None:
        await self.api.close()

    async def placed(
        self, side: str = "buy", amount: float = 0.01, price: float = 40000, **params: Any
    ) -> str:
        order = await self.api.create_order_ws(PAIR, "limit", side, amount, price, params)
        return str(order["id"])

    # --- public streams

    @calls("watch_ticker, watch_tickers")
    async def tickers(self) -> None:
        ticker = await self.api.watch_ticker("ETH/USD")
        assert ticker["bid"] < ticker["ask"]
        later = await self.api.watch_ticker("ETH/USD")
        assert later["baseVolume"] > ticker["baseVolume"], (ticker, later)
        same(list(await self.api.watch_tickers(["SOL/USD"])), ["SOL/USD"])

    @calls("watch_bids_asks")
    async def bids_and_asks(self) -> None:
        # It waits under a name that its own ticker handler resolves.
        found = await self.api.watch_bids_asks(["LTC/USD"])
        same(list(found), ["LTC/USD"])

    @calls("watch_order_book")
    async def order_book(self) -> None:
        for _ in range(3):
            book = await self.api.watch_order_book("ETH/USD", 25)
            same((len(book["asks"]), len(book["bids"])), (25, 25))
            assert book["bids"][0][0] < book["asks"][0][0]

    @calls("watch_trades, watch_ohlcv")
    async def trades_and_bars(self) -> None:
        trade = (await self.api.watch_trades("ETH/USD"))[-1]
        same((trade["symbol"], trade["type"]), ("ETH/USD", "market"))
        bar = (await self.api.watch_ohlcv("ETH/USD", "1m"))[-1]
        same(len(bar), 6)

    @calls("errors: unknown symbol")
    async def unknown_symbol(self) -> None:
        await raises_later(ccxt.BadSymbol, self.api.watch_ticker("NO/SUCH"))

    # --- private streams and orders

    @calls("watch_balance (snapshot)")
    async def balance(self) -> None:
        balance = await self.api.watch_balance()
        same((balance["USD"]["total"], balance["BTC"]["total"]), (20000.0, 1.0))

    @calls("watch_orders, create_order_ws (limit, clientOrderId)")
    async def orders(self) -> None:
        watching = asyncio.create_task(self.api.watch_orders(PAIR))
        await asyncio.sleep(0)
        self.resting = await self.placed(clientOrderId="conformance-1", postOnly=True)
        orders = await watching
        same((orders[-1]["id"], orders[-1]["price"], orders[-1]["amount"]), (self.resting, 40000.0, 0.01))
        same(orders[-1]["info"]["cl_ord_id"], "conformance-1")

    @calls("create_order_ws (market), watch_my_trades, watch_balance")
    async def market_order(self) -> None:
        watching = asyncio.create_task(self.api.watch_my_trades(PAIR))
        money = asyncio.create_task(self.api.watch_balance())
        await asyncio.sleep(0)
        order = await self.api.create_order_ws(PAIR, "market", "buy", 0.01)
        (trade,) = await watching
        same((trade["order"], trade["price"], trade["amount"]), (order["id"], 50000.1, 0.01))
        same((trade["cost"], trade["fee"]), (500.001, {"cost": 4.00001, "currency": "USD"}))
        balance = await money
        if balance["BTC"]["total"] != 1.01:  # each asset comes in a message of its own
            balance = await self.api.watch_balance()
        same(balance["BTC"]["total"], 1.01)

    @calls("edit_order_ws")
    async def amended(self) -> None:
        order = await self.api.edit_order_ws(self.resting, PAIR, "limit", "buy", 0.02, 41000)
        same(order["id"], self.resting)
        found = await self.api.fetch_order(self.resting)
        same((found["price"], found["amount"]), (41000.0, 0.02))

    @calls("cancel_order_ws, cancel_orders_ws, cancel_all_orders_ws")
    async def cancelled(self) -> None:
        answer = await self.api.cancel_order_ws(self.resting)
        same(answer["result"]["order_id"], self.resting)
        others = [await self.placed(), await self.placed()]
        answer = await self.api.cancel_orders_ws(others)
        same(answer["result"]["order_id"], others[0])
        await self.placed()
        answer = await self.api.cancel_all_orders_ws()
        same(answer["result"], {"count": 1})
        same(await self.api.fetch_open_orders(), [])

    @calls("a lost connection: NetworkError, and again")
    async def reconnected(self) -> None:
        watching = asyncio.create_task(self.api.watch_orders(PAIR))
        await asyncio.sleep(0)
        self.world.control("POST", "/faults", {"kind": "ws_cut", "account": self.key.account})
        await raises_later(ccxt.NetworkError, watching)
        watching = asyncio.create_task(self.api.watch_orders(PAIR))
        await asyncio.sleep(0)
        self.resting = await self.placed(price=39000)
        same((await watching)[-1]["id"], self.resting)
        await self.api.cancel_order_ws(self.resting)

    @calls("exceptions of create_order_ws: funds, minimum, order")
    async def refused_orders(self) -> None:
        # Its table of WebSocket errors has these only with an explanation in brackets behind, so they are
        # plain ones.
        await raises_later(ccxt.ExchangeError, self.placed(amount=5), "EOrder:Insufficient funds")
        await raises_later(
            ccxt.BadRequest,
            self.placed(amount=0.00001),
            "EGeneral:Invalid arguments:volume minimum not met",
        )
        await raises_later(ccxt.OrderNotFound, self.api.cancel_order_ws(self.resting), "EOrder:Unknown order")
        await raises_later(ccxt.BadRequest, self.placed(clientOrderId="x" * 19), "EGeneral:Invalid arguments")
