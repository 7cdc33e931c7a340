"""python-kraken-sdk's REST clients: Market, User, Trade. Errors are its own exceptions."""

from __future__ import annotations

import time
import uuid
import warnings
from decimal import Decimal
from typing import Any, ClassVar

import kraken.exceptions as refusals  # type: ignore[import-not-found]  # only in the environment of this target
from kraken.spot import (  # type: ignore[import-not-found]  # as above
    Earn,
    Funding,
    Market,
    SpotClient,
    Trade,
    User,
)

from tests.conformance.checking import RoundRobin, calls, raises, same
from tests.conformance.world import Key, World


class Sdk(RoundRobin):
    distribution: ClassVar[str] = "python-kraken-sdk"
    part: ClassVar[str] = " REST"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        world.pin("XBTUSD", "50000.0", "50000.1")
        world.pin("ETHUSD", "3000.00", "3000.01")
        self.key = world.account(ZUSD="20000", XXBT="1", XETH="3")
        self.market = Market(url=world.rest_url)
        self.user = self.made(User, self.key)
        self.trade = self.made(Trade, self.key)
        self.resting = ""

    def made(self, kind: Any, key: Key) -> Any:
        return kind(key=key.key, secret=key.secret, url=self.world.rest_url)

    def placed(self, side: str, price: str, volume: str, **rest: Any) -> str:
        result = self.trade.create_order(
            ordertype="limit", side=side, pair="XBTUSD", volume=volume, price=price, **rest
        )
        (txid,) = result["txid"]
        return str(txid)

    # --- public data

    @calls("Market.get_system_status, get_assets, get_asset_pairs")
    def what_there_is(self) -> None:
        same(self.market.get_system_status()["status"], "online")
        same(self.market.get_assets(assets=["XBT", "ETH"])["XETH"]["altname"], "ETH")
        pairs = self.market.get_asset_pairs(pair=["XBTUSD", "SOLUSD"])
        same((pairs["SOLUSD"]["ordermin"], pairs["XXBTZUSD"]["tick_size"]), ("0.06", "0.1"))

    @calls("Market.get_asset_pairs (by v2 symbol)")
    def pair_by_symbol(self) -> None:
        # Its order book client reads the row under the very name that it asked for.
        same(self.market.get_asset_pairs(pair="BTC/USD")["BTC/USD"]["altname"], "XBTUSD")

    @calls("Market.get_ticker, get_order_book, get_recent_spreads")
    def quotes(self) -> None:
        same(self.market.get_ticker(pair="XBTUSD")["XXBTZUSD"]["a"][0], "50000.10000")
        same(self.market.get_order_book(pair="XBTUSD", count=5)["XXBTZUSD"]["bids"][0][0], "50000.00000")
        same(self.market.get_recent_spreads(pair="XBTUSD")["XXBTZUSD"][-1][1], "50000.00000")

    @calls("Market.get_ohlc, get_recent_trades")
    def history_of_the_market(self) -> None:
        same(len(self.market.get_ohlc(pair="XBTUSD", interval=1)["XXBTZUSD"][-1]), 8)
        trades = self.market.get_recent_trades(pair="XBTUSD", count=10)
        same(len(trades["XXBTZUSD"][0]), 7)

    # --- account

    @calls("User.get_account_balance, get_balances, get_balance, get_trade_balance")
    def balances(self) -> None:
        same(Decimal(self.user.get_account_balance()["ZUSD"]), 20000)
        same(Decimal(self.user.get_balances()["XXBT"]["balance"]), 1)
        found = self.user.get_balance(currency="USD")
        same((found["currency"], found["available_balance"]), ("ZUSD", 20000.0))
        assert Decimal(self.user.get_trade_balance(asset="ZUSD")["eb"]) > 70000

    @calls("User.get_trade_volume, get_open_positions")
    def volume_and_positions(self) -> None:
        volume = self.user.get_trade_volume(pair=["XBTUSD", "ETHUSD"])
        same(set(volume["fees"]), {"XXBTZUSD", "XETHZUSD"})
        # It asks for positions by market, which are a list.
        same(self.user.get_open_positions(), [])

    # --- orders

    @calls("Trade.create_order (validate)")
    def validated(self) -> None:
        result = self.trade.create_order(
            ordertype="limit", side="buy", pair="XBTUSD", volume="0.01", price="40000", validate=True
        )
        same(result, {"descr": {"order": "buy 0.01000000 XBTUSD @ limit 40000.0"}})

    @calls("Trade.create_order (market), User.get_orders_info")
    def market_order(self) -> None:
        (txid,) = self.trade.create_order(ordertype="market", side="sell", pair="XBTUSD", volume=0.01)["txid"]
        row = self.user.get_orders_info(txid=txid, trades=True)[txid]
        same((row["status"], row["cost"], row["fee"]), ("closed", "500.00000", "4.00000"))

    @calls("Trade.create_order (limit, post only, GTD, cl_ord_id)")
    def limit_orders(self) -> None:
        mine = str(uuid.uuid4())
        self.resting = self.placed("buy", "40000", "0.02", cl_ord_id=mine, oflags="post")
        same(list(self.user.get_open_orders(cl_ord_id=mine)["open"]), [self.resting])
        timed = self.placed("buy", "39000", "0.01", timeinforce="GTD", expiretm="+60")
        row = self.user.get_open_orders()["open"][timed]
        assert abs(row["expiretm"] - time.time() - 60) < 5, row
        self.trade.cancel_order(txid=timed)

    @calls("Trade.create_order (IOC)")
    def immediate_or_cancel(self) -> None:
        txid = self.placed("buy", "40000", "0.01", timeinforce="IOC")
        row = self.user.get_closed_orders()["closed"][txid]
        same((row["status"], row["vol_exec"]), ("canceled", "0.00000000"))

    @calls("Trade.create_order (stop-loss-limit with a close order)")
    def triggered_order(self) -> None:
        result = self.trade.create_order(
            ordertype="stop-loss-limit",
            side="sell",
            pair="XBTUSD",
            volume="0.01",
            price="45000",
            price2="44900",
        )
        (txid,) = result["txid"]
        same(result["descr"]["order"], "sell 0.01000000 XBTUSD @ stop loss 45000.0 -> limit 44900.0")
        row = self.user.get_open_orders()["open"][txid]
        same((row["descr"]["price"], row["descr"]["price2"]), ("45000.0", "44900.0"))
        self.trade.cancel_order(txid=txid)

    @calls("Trade.amend_order, User.get_order_amends")
    def amended(self) -> None:
        same(self.trade.amend_order(txid=self.resting, limit_price="40500")["amend_id"][0], "T")
        amends = self.user.get_order_amends(order_id=self.resting)["amends"]
        same([row["amend_type"] for row in amends], ["original", "user"])
        same(self.user.get_open_orders()["open"][self.resting]["descr"]["price"], "40500.0")

    @calls("Trade.edit_order")
    def edited(self) -> None:
        txid = self.placed("buy", "40000", "0.01", userref=11)
        result = self.trade.edit_order(txid=txid, pair="XBTUSD", volume="0.012", price="41000")
        same((result["status"], result["originaltxid"]), ("ok", txid))
        row = self.user.get_open_orders()["open"][result["txid"]]
        same((row["vol"], row["descr"]["price"]), ("0.01200000", "41000.0"))

    @calls("Trade.cancel_order, User.get_closed_orders")
    def cancelled(self) -> None:
        same(self.trade.cancel_order(txid=self.resting)["count"], 1)
        same(self.user.get_closed_orders()["closed"][self.resting]["status"], "canceled")
        raises(refusals.KrakenUnknownOrderError, lambda: self.trade.cancel_order(txid=self.resting))

    @calls("Trade.create_order_batch, cancel_order_batch")
    def batches(self) -> None:
        lines = [
            {"ordertype": "limit", "type": "buy", "price": 40000, "volume": "0.01", "userref": number}
            for number in (1, 2, 3)
        ]
        result = self.trade.create_order_batch(orders=lines, pair="XBTUSD")
        placed = [line["txid"] for line in result["orders"]]
        same(len(set(placed)), 3)
        same(self.trade.cancel_order_batch(orders=placed[:2])["count"], 2)
        assert placed[2] in self.user.get_open_orders()["open"]

    @calls("Trade.create_order_batch (one line without funds)")
    def batch_with_a_failure(self) -> None:
        lines = [
            {"ordertype": "limit", "type": "buy", "price": "40000", "volume": volume}
            for volume in ("0.01", "50")
        ]
        good, bad = self.trade.create_order_batch(orders=lines, pair="XBTUSD")["orders"]
        assert good["txid"], good
        same(bad["error"], "EOrder:Insufficient funds")

    @calls("Trade.cancel_all_orders, cancel_all_orders_after_x")
    def everything_cancelled(self) -> None:
        open_orders = len(self.user.get_open_orders()["open"])
        same(self.trade.cancel_all_orders()["count"], open_orders)
        same(self.user.get_open_orders(), {"open": {}})
        armed = self.trade.cancel_all_orders_after_x(timeout=60)
        assert armed["triggerTime"] > armed["currentTime"]
        self.trade.cancel_all_orders_after_x(timeout=0)

    # --- history

    @calls("User.get_trades_history (paged), get_trades_info")
    def trades_of_several_pages(self) -> None:
        for _ in range(54):
            self.trade.create_order(ordertype="market", side="buy", pair="ETHUSD", volume="0.001")
        end = int(time.time()) + 1
        pages = [self.user.get_trades_history(end=end, ofs=offset) for offset in (0, 50)]
        same([(page["count"], len(page["trades"])) for page in pages], [(55, 50), (55, 5)])
        newest = next(iter(pages[0]["trades"]))
        same(self.user.get_trades_info(txid=[newest])[newest]["type"], "buy")

    @calls("User.get_ledgers_info, get_ledgers")
    def ledgers(self) -> None:
        page = self.user.get_ledgers_info(asset="ETH", type_="trade")
        same((page["count"], len(page["ledger"])), (54, 50))
        name, row = next(iter(page["ledger"].items()))
        same((row["asset"], Decimal(row["amount"])), ("XETH", Decimal("0.001")))
        same(self.user.get_ledgers(id_=name)[name]["refid"], row["refid"])

    # --- errors

    @calls("exceptions of create_order: funds, minima, tick, price, pair")
    def refused_orders(self) -> None:
        def order(**changes: Any) -> Any:
            wanted = {
                "side": "buy",
                "pair": "XBTUSD",
                "volume": "0.01",
                "price": "40000",
                "ordertype": "limit",
            }
            return lambda: self.trade.create_order(**wanted | changes)

        raises(refusals.KrakenInsufficientFundsError, order(volume="5"))
        # The words that are seen, and those that are documented.
        raises(refusals.KrakenInvalidArgumentsError, order(volume="0.00001"))
        self.world.control("POST", "/house", {"minimum_words": "order"})
        raises(refusals.KrakenOrderMinimumNotMetError, order(volume="0.00001"))
        raises(refusals.KrakenCostMinimumNotMetError, order(volume="0.00005", price="100"))
        self.world.control("POST", "/house", {"minimum_words": "arguments"})
        raises(refusals.KrakenInvalidPriceError, order(price="40000.12"))
        raises(refusals.KrakenInvalidArgumentsError, order(oflags="nonsense"))
        # Its table names the asset before the pair, so an unknown pair is an unknown asset.
        raises(refusals.KrakenUnknownAssetError, order(pair="XBTXXX"))

    @calls("exceptions: key, signature, permission, method")
    def refused_keys(self) -> None:
        nobody, key = Key("", "nobody"), self.world.account(ZUSD="1")
        raises(refusals.KrakenInvalidAPIKeyError, self.made(User, nobody).get_account_balance)
        forged = Key("", key.key, "d3Jvbmc=")
        raises(refusals.KrakenInvalidSignatureError, self.made(User, forged).get_account_balance)
        reader = self.made(User, self.world.account(permissions=["query-open-trades"]))
        raises(refusals.KrakenPermissionDeniedError, reader.get_account_balance)
        client = self.made(SpotClient, key)
        raises(refusals.KrakenUnknownMethodError, lambda: client.request("POST", "/0/private/Stake"))

    @calls("exceptions: nonce, rate limit, deadline, closed market")
    def refused_states(self) -> None:
        key = self.world.account(ZUSD="1")
        late = self.made(User, key)
        late.get_account_balance()
        late.get_nonce = lambda: "1"  # a clock that was set back
        raises(refusals.KrakenInvalidNonceError, late.get_account_balance)
        hasty = self.made(User, self.world.account(tier="starter", limits=True, ZUSD="1"))
        raises(refusals.KrakenApiLimitExceededError, lambda: [hasty.get_account_balance() for _ in range(30)])
        fault = self.world.control("POST", "/faults", {"kind": "market_mode", "mode": "cancel_only"})["id"]
        raises(refusals.KrakenMarketInOnlyCancelModeError, lambda: self.placed("buy", "40000", "0.01"))
        self.world.control("DELETE", f"/faults/{fault}")
        raises(
            refusals.KrakenDeadlineElapsedError,
            lambda: self.placed("buy", "40000", "0.01", deadline="2020-01-01T00:00:00Z"),
        )

    @calls("calls of funding, earn, exports and sub-accounts, which are refused")
    def not_there(self) -> None:
        funding, earn = self.made(Funding, self.key), self.made(Earn, self.key)
        for call in (
            lambda: funding.get_deposit_methods(asset="XBT"),
            lambda: funding.get_deposit_address(asset="XBT", method="Bitcoin"),
            lambda: funding.get_recent_deposits_status(asset="XBT"),
            lambda: funding.get_withdrawal_info(asset="XBT", key="mine", amount="1"),
            lambda: funding.withdraw_funds(asset="XBT", key="mine", amount="1"),
            lambda: funding.get_recent_withdraw_status(asset="XBT"),
            lambda: funding.cancel_withdraw(asset="XBT", refid="A"),
            funding.withdraw_methods,
            funding.withdraw_addresses,
            lambda: funding.wallet_transfer(asset="XBT", from_="Spot", to_="Futures", amount="1"),
            earn.list_earn_strategies,
            earn.list_earn_allocations,
            lambda: earn.allocate_earn_funds(amount="1", strategy_id="A"),
            lambda: earn.deallocate_earn_funds(amount="1", strategy_id="A"),
            lambda: earn.get_allocation_status(strategy_id="A"),
            lambda: earn.get_deallocation_status(strategy_id="A"),
            lambda: self.user.request_export_report(report="trades", description="mine"),
            lambda: self.user.get_export_report_status(report="trades"),
            lambda: self.user.delete_export_report(id_="A", type_="delete"),
            lambda: self.user.create_subaccount(username="a", email="a@example.org"),
            lambda: self.user.account_transfer(asset="XBT", amount="1", from_="a", to_="b"),
        ):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # some are deprecated
                raises(refusals.KrakenUnknownMethodError, call)
        # A report is handed over as it comes, an error like anything else.
        assert "EGeneral:Unknown method" in self.user.retrieve_export(id_="A").text
