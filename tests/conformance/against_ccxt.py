"""ccxt's REST side: unified calls, and errors as ccxt's own exceptions."""

from __future__ import annotations

import time
import uuid
from typing import Any, ClassVar

import ccxt  # type: ignore[import-untyped]  # ccxt has no types

from tests.conformance.checking import RoundRobin, calls, raises, same
from tests.conformance.world import Key, World

PAIR = "BTC/USD"


def pointed(client: Any, world: World) -> Any:
    """A client at the paper exchange: its URLs and nothing else."""
    api = client.urls["api"]
    api["public"] = api["private"] = world.rest_url
    if "ws" in api:
        for name in ("publicV2", "privateV2", "private"):
            api["ws"][name] = world.ws_url
    return client


def settings(key: Key) -> dict[str, Any]:
    """ccxt's own pause between calls (a second each) would only make this slow."""
    return {"apiKey": key.key, "secret": key.secret, "enableRateLimit": False}


class Ccxt(RoundRobin):
    distribution: ClassVar[str] = "ccxt"
    part: ClassVar[str] = " REST"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        world.pin("XBTUSD", "50000.0", "50000.1")
        world.pin("ETHUSD", "3000.00", "3000.01")
        self.api = self.client(world.account(ZUSD="20000", XXBT="1", XETH="3"))
        self.resting = ""

    def client(self, key: Key) -> Any:
        return pointed(ccxt.kraken(settings(key)), self.world)

    def placed(self, side: str = "buy", amount: float = 0.01, price: float = 40000, **params: Any) -> str:
        order = self.api.create_order(PAIR, "limit", side, amount, price, params)
        return str(order["id"])

    # --- public data

    @calls("load_markets, fetch_currencies")
    def markets(self) -> None:
        markets = self.api.load_markets()
        market = markets[PAIR]
        same((market["id"], market["precision"]), ("XXBTZUSD", {"amount": 1e-08, "price": 0.1}))
        same((market["limits"]["amount"]["min"], market["limits"]["cost"]["min"]), (0.00005, 0.5))
        same((market["taker"], market["maker"], market["active"]), (0.008, 0.004, True))
        assert "DOGE" in self.api.currencies

    @calls("fetch_time, fetch_status")
    def time_and_status(self) -> None:
        assert abs(self.api.fetch_time() / 1000 - time.time()) < 5
        same(self.api.fetch_status()["status"], "ok")

    @calls("fetch_ticker, fetch_tickers, fetch_order_book")
    def quotes(self) -> None:
        ticker = self.api.fetch_ticker(PAIR)
        same((ticker["bid"], ticker["ask"]), (50000.0, 50000.1))
        same(set(self.api.fetch_tickers([PAIR, "ETH/USD"])), {PAIR, "ETH/USD"})
        book = self.api.fetch_order_book(PAIR, 5)
        same(
            (len(book["asks"]), book["asks"][0][:2], book["bids"][0][:2]), (5, [50000.1, 5.0], [50000.0, 5.0])
        )

    @calls("fetch_trades, fetch_ohlcv")
    def history_of_the_market(self) -> None:
        trade = self.api.fetch_trades(PAIR)[-1]
        same((trade["symbol"], trade["type"]), (PAIR, "market"))
        assert 50000.0 <= trade["price"] <= 50000.1
        same(len(self.api.fetch_ohlcv(PAIR, "5m")[-1]), 6)

    # --- account

    @calls("fetch_balance, fetch_trading_fee, fetch_positions")
    def account(self) -> None:
        balance = self.api.fetch_balance()
        same((balance["USD"]["total"], balance["BTC"]["free"]), (20000.0, 1.0))
        fee = self.api.fetch_trading_fee(PAIR)
        same((fee["maker"], fee["taker"]), (0.004, 0.008))
        same(self.api.fetch_positions(), [])

    # --- orders

    @calls("create_order (validate)")
    def validated(self) -> None:
        order = self.api.create_order(PAIR, "limit", "buy", 0.01, 40000, {"validate": True})
        same((order["id"], order["side"], order["price"]), (None, "buy", 40000.0))

    @calls("create_order (market), fetch_order, fetch_order_trades")
    def market_order(self) -> None:
        placed = self.api.create_order(PAIR, "market", "buy", 0.01)
        order = self.api.fetch_order(placed["id"])
        same((order["status"], order["filled"], order["average"]), ("closed", 0.01, 50000.1))
        same((float(order["fee"]["cost"]), order["fee"]["currency"]), (4.00001, "USD"))
        (trade,) = self.api.fetch_order_trades(placed["id"], None, None, None, {"trades": order["trades"]})
        same((trade["order"], trade["price"], trade["takerOrMaker"]), (placed["id"], 50000.1, "taker"))

    @calls("create_market_buy_order_with_cost")
    def market_order_by_cost(self) -> None:
        placed = self.api.create_market_buy_order_with_cost(PAIR, 100)
        order = self.api.fetch_order(placed["id"])
        # Kraken: volumes of such an order are in quote, its cost is in base.
        same((order["status"], order["amount"], order["info"]["oflags"]), ("closed", 100.0, "fciq,viqc"))
        assert 99 < order["filled"] <= 100, order

    @calls("create_order (limit, post only, clientOrderId), fetch_open_orders")
    def limit_order(self) -> None:
        mine = str(uuid.uuid4())
        self.resting = self.placed("sell", 0.02, 60000, postOnly=True, clientOrderId=mine)
        (order,) = self.api.fetch_open_orders(PAIR)
        same((order["id"], order["clientOrderId"], order["postOnly"]), (self.resting, mine, True))
        same((order["price"], order["amount"], order["remaining"]), (60000.0, 0.02, 0.02))
        same(self.api.fetch_balance()["BTC"]["used"], 0.02)

    @calls("create_order (stop loss, take profit limit, trailing percent)")
    def triggered_orders(self) -> None:
        stop = self.api.create_order(PAIR, "market", "sell", 0.01, None, {"stopLossPrice": 45000})
        take = self.api.create_order(PAIR, "limit", "sell", 0.01, 55100, {"takeProfitPrice": 55000})
        trail = self.api.create_order(PAIR, "market", "sell", 0.01, None, {"trailingPercent": 5})
        found = {order["id"]: order for order in self.api.fetch_open_orders()}
        same(found[stop["id"]]["stopLossPrice"], 45000.0)
        same((found[take["id"]]["takeProfitPrice"], found[take["id"]]["price"]), (55000.0, 55100.0))
        same(found[trail["id"]]["info"]["descr"]["ordertype"], "trailing-stop")
        self.api.cancel_orders([order["id"] for order in (stop, take, trail)])

    @calls("edit_order (amends)")
    def amended(self) -> None:
        self.api.edit_order(self.resting, PAIR, "limit", "sell", 0.015, 61000)
        order = self.api.fetch_order(self.resting)
        same((order["price"], order["amount"]), (61000.0, 0.015))

    @calls("cancel_order, fetch_closed_orders")
    def cancelled(self) -> None:
        self.api.cancel_order(self.resting)
        found = {order["id"]: order for order in self.api.fetch_closed_orders(PAIR)}
        same(found[self.resting]["status"], "canceled")
        raises(ccxt.OrderNotFound, lambda: self.api.cancel_order(self.resting))

    @calls("create_orders, cancel_orders, fetch_orders_by_ids")
    def batches(self) -> None:
        lines = [
            {"symbol": PAIR, "type": "limit", "side": "buy", "amount": 0.01, "price": price}
            for price in (40000, 40001, 40002)
        ]
        placed = [order["id"] for order in self.api.create_orders(lines)]
        same(len(set(placed)), 3)
        self.api.cancel_orders(placed[:2])
        found = {order["id"]: order["status"] for order in self.api.fetch_orders_by_ids(placed)}
        same([found[name] for name in placed], ["canceled", "canceled", "open"])

    @calls("cancel_all_orders, cancel_all_orders_after")
    def everything_cancelled(self) -> None:
        self.placed()
        self.api.cancel_all_orders()
        same(self.api.fetch_open_orders(), [])
        armed = self.api.cancel_all_orders_after(60000)
        assert armed["result"]["triggerTime"] > armed["result"]["currentTime"]
        self.api.cancel_all_orders_after(0)

    # --- history

    @calls("fetch_my_trades (paged by ofs)")
    def trades_of_several_pages(self) -> None:
        for _ in range(53):
            self.api.create_order("ETH/USD", "market", "buy", 0.001)
        until = self.api.milliseconds() + 1000
        pages = [
            self.api.fetch_my_trades(None, None, None, {"until": until, "ofs": offset}) for offset in (0, 50)
        ]
        same([len(page) for page in pages], [50, 5])
        same(len({trade["id"] for page in pages for trade in page}), 55)
        same(pages[0][-1]["symbol"], "ETH/USD")

    @calls("fetch_closed_orders (paged by ofs)")
    def orders_of_several_pages(self) -> None:
        pages = [self.api.fetch_closed_orders(None, None, None, {"ofs": offset}) for offset in (0, 50)]
        same(len(pages[0]), 50)
        assert len(pages[1]) > 5
        same(len({order["id"] for page in pages for order in page}), len(pages[0]) + len(pages[1]))

    @calls("fetch_ledger, fetch_ledger_entry")
    def ledgers(self) -> None:
        entries = self.api.fetch_ledger("ETH")
        same((len(entries), entries[-1]["type"], entries[-1]["amount"]), (50, "trade", 0.001))
        same(self.api.fetch_ledger_entry(entries[-1]["id"])["referenceId"], entries[-1]["referenceId"])

    # --- errors

    @calls("exceptions of create_order: funds, minimum, pair, price")
    def refused_orders(self) -> None:
        raises(ccxt.InsufficientFunds, lambda: self.placed(amount=5))
        raises(
            ccxt.InvalidOrder,
            lambda: self.placed(amount=0.00001),
            "EGeneral:Invalid arguments:volume minimum not met",
        )
        raises(ccxt.BadSymbol, lambda: self.api.create_order("NO/SUCH", "limit", "buy", 1, 1))
        raises(
            ccxt.ExchangeError,
            lambda: self.api.publicGetTicker({"pair": "NOSUCH"}),
            "EQuery:Unknown asset pair",
        )
        raises(ccxt.OrderNotFound, lambda: self.api.fetch_order("nonsense"))
        mine = str(uuid.uuid4())
        self.placed(clientOrderId=mine)
        raises(ccxt.ExchangeError, lambda: self.placed(clientOrderId=mine), "cl_ord_id not unique")
        self.api.cancel_all_orders()

    @calls("exceptions: key, signature, permission, nonce, rate limit")
    def refused_keys(self) -> None:
        key = self.world.account(ZUSD="1")
        raises(
            ccxt.AuthenticationError,
            self.client(Key("", "nobody", key.secret)).fetch_balance,
            "EAPI:Invalid key",
        )
        forged = self.client(Key("", key.key, "d3Jvbmc="))
        raises(ccxt.ExchangeError, forged.fetch_balance, "EAPI:Invalid signature")
        reader = self.client(self.world.account(permissions=["query-open-trades"]))
        raises(ccxt.PermissionDenied, reader.fetch_balance)
        ahead, behind = self.client(key), self.client(key)
        ahead.options["timeDifference"] = -3_600_000
        ahead.fetch_balance()
        raises(ccxt.InvalidNonce, behind.fetch_balance)
        hasty = self.client(self.world.account(tier="starter", limits=True, ZUSD="1"))
        raises(
            ccxt.DDoSProtection,
            lambda: [hasty.fetch_balance() for _ in range(30)],
            "EAPI:Rate limit exceeded",
        )

    @calls("exceptions: closed market, unavailable, HTML of a proxy")
    def refused_states(self) -> None:
        fault = self.world.control("POST", "/faults", {"kind": "market_mode", "mode": "cancel_only"})["id"]
        raises(ccxt.OnMaintenance, self.placed)
        self.world.control("DELETE", f"/faults/{fault}")
        for fields in (
            {"kind": "error", "error": "EService:Unavailable"},
            {"kind": "html_5xx", "status": 502},
        ):
            self.world.control("POST", "/faults", fields | {"method": "BalanceEx"})
            raises(ccxt.ExchangeNotAvailable, self.api.fetch_balance)
        self.world.control("DELETE", "/faults")

    @calls("every endpoint that ccxt lists: known, or refused as unknown")
    def every_endpoint(self) -> None:
        api = self.api.describe()["api"]
        names = [f"public_get_{path}" for path in api["public"]["get"]]
        names += [f"private_post_{path}" for path in api["private"]["post"]]
        for name in names:
            text = self.refusal(getattr(self.api, name.lower().replace("/", "_")))
            assert not text or "EGeneral:" in text, text

    def refusal(self, call: Any) -> str:
        """What a call without arguments is refused with; empty where it is answered."""
        try:
            call()
        except ccxt.BaseError as error:
            return str(error)
        return ""
