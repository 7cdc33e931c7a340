"""krakenex: REST by method name. It raises nothing of its own: errors are the list in the answer."""

from __future__ import annotations

import time
import uuid
from decimal import Decimal
from typing import Any, ClassVar

import krakenex  # type: ignore[import-not-found]  # only in the environment of this target

from tests.conformance.checking import RoundRobin, calls, same
from tests.conformance.world import Key, World

# Its nonce is the clock in milliseconds: two calls within one would be refused by Kraken, too.
PAUSE_S = 0.002


class Krakenex(RoundRobin):
    distribution: ClassVar[str] = "krakenex"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        world.pin("XBTUSD", "50000.0", "50000.1")
        world.pin("ETHUSD", "3000.00", "3000.01")
        self.key = world.account(ZUSD="20000", XXBT="1", XETH="3")
        self.api = self.client(self.key)
        self.resting = ""

    def client(self, key: Key) -> Any:
        api = krakenex.API(key.key, key.secret)
        api.uri = self.world.rest_url
        return api

    async def end(self) -> None:
        self.api.close()

    def public(self, method: str, **query: Any) -> Any:
        answer = self.api.query_public(method, query)
        same(answer["error"], [])
        return answer["result"]

    def private(self, method: str, **params: Any) -> Any:
        time.sleep(PAUSE_S)
        answer = self.api.query_private(method, params)
        same(answer["error"], [])
        return answer["result"]

    def refused(self, method: str, **params: Any) -> list[str]:
        return self.refused_by(self.api, method, **params)

    def refused_by(self, api: Any, method: str, **params: Any) -> list[str]:
        time.sleep(PAUSE_S)
        answer = api.query_private(method, params)
        assert not answer.get("result"), answer
        errors: list[str] = answer["error"]
        return errors

    # --- public data

    @calls("query_public Time, SystemStatus")
    def time_and_status(self) -> None:
        now = self.public("Time")
        assert abs(now["unixtime"] - time.time()) < 5
        assert now["rfc1123"].endswith("+0000")
        same(self.public("SystemStatus")["status"], "online")

    @calls("query_public Assets, AssetPairs")
    def assets_and_pairs(self) -> None:
        same(self.public("Assets", asset="XBT,ZUSD")["XXBT"]["altname"], "XBT")
        pair = self.public("AssetPairs", pair="XBTUSD")["XXBTZUSD"]
        same((pair["wsname"], pair["base"], pair["quote"]), ("XBT/USD", "XXBT", "ZUSD"))
        same((pair["pair_decimals"], pair["lot_decimals"], pair["ordermin"]), (1, 8, "0.00005"))

    @calls("query_public Ticker, Depth")
    def quotes(self) -> None:
        ticker = self.public("Ticker", pair="XBTUSD,ETHUSD")
        same(set(ticker), {"XXBTZUSD", "XETHZUSD"})
        same((ticker["XXBTZUSD"]["a"][0], ticker["XXBTZUSD"]["b"][0]), ("50000.10000", "50000.00000"))
        book = self.public("Depth", pair="XBTUSD", count=3)["XXBTZUSD"]
        same((len(book["asks"]), book["asks"][0][0], book["bids"][0][0]), (3, "50000.10000", "50000.00000"))

    @calls("query_public OHLC, Trades, Spread")
    def history_of_the_market(self) -> None:
        bars = self.public("OHLC", pair="XBTUSD", interval=5)
        same(len(bars["XXBTZUSD"][-1]), 8)
        trades = self.public("Trades", pair="XBTUSD", count=2)
        assert len(trades["XXBTZUSD"]) <= 2
        assert trades["last"].isdigit()
        spread = self.public("Spread", pair="XBTUSD")
        same(spread["XXBTZUSD"][-1][1:], ["50000.00000", "50000.10000"])

    # --- account

    @calls("query_private Balance, BalanceEx, TradeBalance")
    def balances(self) -> None:
        same(Decimal(self.private("Balance")["ZUSD"]), 20000)
        same(Decimal(self.private("BalanceEx")["XXBT"]["hold_trade"]), 0)
        equity = Decimal(self.private("TradeBalance", asset="ZUSD")["eb"])
        assert 78900 < equity < 79100, equity

    @calls("query_private GetApiKeyInfo, TradeVolume, OpenPositions")
    def about_the_account(self) -> None:
        info = self.private("GetApiKeyInfo")
        same((info["apiKey"], info["nonceWindow"]), (self.key.key, 0))
        volume = self.private("TradeVolume", pair="XBTUSD")
        same((volume["volume"], volume["fees"]["XXBTZUSD"]["fee"]), ("0.0000", "0.8000"))
        same(self.private("OpenPositions"), {})

    # --- orders

    @calls("query_private AddOrder (validate)")
    def validated(self) -> None:
        order = {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "price": "40000.1", "volume": "0.01"}
        result = self.private("AddOrder", **order, validate="true")
        same(result, {"descr": {"order": "buy 0.01000000 XBTUSD @ limit 40000.1"}})

    @calls("query_private AddOrder (market), QueryOrders")
    def market_order(self) -> None:
        order = {"pair": "XBTUSD", "type": "buy", "ordertype": "market", "volume": "0.01", "userref": 7}
        (txid,) = self.private("AddOrder", **order)["txid"]
        row = self.private("QueryOrders", txid=txid, trades="true")[txid]
        same((row["status"], row["vol_exec"], row["userref"]), ("closed", "0.01000000", 7))
        same((row["cost"], row["fee"]), ("500.00100", "4.00001"))
        same(len(row["trades"]), 1)

    @calls("query_private AddOrder (limit, cl_ord_id), OpenOrders")
    def limit_order(self) -> None:
        mine = str(uuid.uuid4())
        order = {"pair": "XBTUSD", "type": "sell", "ordertype": "limit", "price": "60000", "volume": "0.02"}
        (self.resting,) = self.private("AddOrder", **order, cl_ord_id=mine)["txid"]
        found = self.private("OpenOrders", cl_ord_id=mine)["open"]
        same(list(found), [self.resting])
        same(found[self.resting]["descr"]["price"], "60000.0")
        same(
            self.refused("AddOrder", **order, cl_ord_id=mine),
            ["EGeneral:Invalid arguments:cl_ord_id not unique"],
        )

    @calls("query_private AmendOrder, OrderAmends")
    def amended(self) -> None:
        self.private("AmendOrder", txid=self.resting, order_qty="0.015", limit_price="61000")
        row = self.private("OpenOrders")["open"][self.resting]
        same((row["vol"], row["descr"]["price"]), ("0.01500000", "61000.0"))
        amends = self.private("OrderAmends", order_id=self.resting)
        same((amends["count"], [row["amend_type"] for row in amends["amends"]]), (2, ["original", "user"]))

    @calls("query_private CancelOrder, ClosedOrders")
    def cancelled(self) -> None:
        same(self.private("CancelOrder", txid=self.resting)["count"], 1)
        same(self.refused("CancelOrder", txid=self.resting), ["EOrder:Unknown order"])
        same(self.refused("CancelOrder", txid="OAAAAA-AAAAAA-AAAAAA"), ["EOrder:Invalid order"])
        same(self.private("QueryOrders", txid="OAAAAA-AAAAA-AAAAAA"), {})
        row = self.private("ClosedOrders")["closed"][self.resting]
        same((row["status"], row["reason"]), ("canceled", "User requested"))

    @calls("query_private EditOrder")
    def edited(self) -> None:
        order = {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "price": "40000", "volume": "0.01"}
        (txid,) = self.private("AddOrder", **order)["txid"]
        result = self.private("EditOrder", txid=txid, pair="XBTUSD", price="41000")
        same((result["status"], result["originaltxid"], result["orders_cancelled"]), ("ok", txid, 1))
        row = self.private("OpenOrders")["open"][result["txid"]]
        same(row["descr"]["price"], "41000.0")

    @calls("query_private CancelAll")
    def everything_cancelled(self) -> None:
        order = {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "price": "40000", "volume": "0.01"}
        self.private("AddOrder", **order)
        same(self.private("CancelAll")["count"], 2)
        same(self.private("OpenOrders"), {"open": {}})

    @calls("query_private CancelAllOrdersAfter")
    def dead_mans_switch(self) -> None:
        armed = self.private("CancelAllOrdersAfter", timeout=60)
        assert armed["currentTime"] < armed["triggerTime"], armed
        self.private("CancelAllOrdersAfter", timeout=0)

    # --- history

    @calls("query_private TradesHistory (paged), QueryTrades")
    def trades_of_several_pages(self) -> None:
        for _ in range(54):
            self.private("AddOrder", pair="ETHUSD", type="buy", ordertype="market", volume="0.001")
        end = time.time()
        pages = [self.private("TradesHistory", end=end, ofs=offset) for offset in (0, 50, 100)]
        same([len(page["trades"]) for page in pages], [50, 5, 0])
        same({page["count"] for page in pages}, {55})
        trades = {name: row for page in pages for name, row in page["trades"].items()}
        same(len(trades), 55)
        newest = next(iter(pages[0]["trades"]))
        same(self.private("QueryTrades", txid=newest)[newest]["pair"], "XETHZUSD")

    @calls("query_private ClosedOrders (paged)")
    def orders_of_several_pages(self) -> None:
        pages = [self.private("ClosedOrders", ofs=offset) for offset in (0, 50)]
        same([page["count"] for page in pages], [59, 59])
        same([len(page["closed"]) for page in pages], [50, 9])

    @calls("query_private Ledgers, QueryLedgers")
    def ledgers(self) -> None:
        page = self.private("Ledgers", asset="ZUSD", type="trade")
        same((page["count"], len(page["ledger"])), (55, 50))
        name, row = next(iter(page["ledger"].items()))
        same((row["asset"], row["type"]), ("ZUSD", "trade"))
        same(self.private("QueryLedgers", id=name)[name]["refid"], row["refid"])

    @calls("query_private GetWebSocketsToken")
    def token(self) -> None:
        same(self.private("GetWebSocketsToken")["expires"], 900)

    # --- errors

    @calls("errors of AddOrder: funds, minimum, tick, pair, volume")
    def refused_orders(self) -> None:
        order = {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "price": "40000", "volume": "1"}
        same(self.refused("AddOrder", **order), ["EOrder:Insufficient funds"])
        same(
            self.refused("AddOrder", **order | {"volume": "0.00001"}),
            ["EGeneral:Invalid arguments:volume minimum not met"],
        )
        same(self.refused("AddOrder", **order | {"pair": "XBTXXX"}), ["EQuery:Unknown asset pair"])
        same(self.refused("AddOrder", **order | {"volume": "1e-3"}), ["EGeneral:Invalid arguments:volume"])
        (text,) = self.refused("AddOrder", **order | {"price": "40000.11"})
        assert text.startswith("EOrder:Invalid price"), text

    @calls("errors: key, signature, permission, method")
    def refused_keys(self) -> None:
        same(self.refused_by(self.client(Key("", "nobody")), "Balance"), ["EAPI:Invalid key"])
        wrong = self.world.account(ZUSD="1")
        same(
            self.refused_by(self.client(Key("", wrong.key, "d3Jvbmc=")), "Balance"),
            ["EAPI:Invalid signature"],
        )
        reader = self.client(self.world.account(permissions=["query-funds"]))
        order = {"pair": "XBTUSD", "type": "buy", "ordertype": "market", "volume": "1"}
        same(self.refused_by(reader, "AddOrder", **order), ["EGeneral:Permission denied"])
        same(self.refused("Stake"), ["EGeneral:Unknown method"])

    @calls("errors: nonce of another unit on the same key")
    def nonce_in_another_unit(self) -> None:
        key = self.world.account(ZUSD="1")
        finer = self.client(key)
        finer._nonce = time.time_ns  # what a user's other program does, not a change of this one
        same(finer.query_private("Balance")["error"], [])
        same(self.refused_by(self.client(key), "Balance"), ["EAPI:Invalid nonce"])

    @calls("errors: rate limit")
    def rate_limit(self) -> None:
        api = self.client(self.world.account(tier="starter", limits=True, ZUSD="1"))
        seen: list[str] = []
        for _ in range(30):
            time.sleep(PAUSE_S)
            seen += api.query_private("Balance")["error"]
        same(set(seen), {"EAPI:Rate limit exceeded"})
