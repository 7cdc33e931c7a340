"""A user with euros that follows a master with dollars: what tests of mapped pairs begin with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

from krakencopy.account_proc.contract.spec import CopyRules, Tier
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.kraken.pair_rows import pair_table
from krakencopy.account_proc.kraken.rest.rate_limits import AccountLimits
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.v1 import types_pb2 as pb
from tests.support.copying_user import User
from tests.support.scripted_kraken import ASSETS, PAIRS, execution

TO_EUROS = CopyRules(map={"*/USD": "*/EUR"})
#: A euro is worth so many dollars, by the master.
DOLLARS = "1.25"


def listed(*more: str) -> dict[str, Any]:
    """The pairs with dollars, and more of these: BTC/EUR, ETH/EUR, BTC/GBP, EUR/USD, ETH/BTC."""
    ids = {"BTC": "XXBT", "ETH": "XETH"}
    found = dict(PAIRS)
    for pair in more:
        base, _, quote = pair.partition("/")
        row = PAIRS["XETHZUSD" if base == "ETH" else "XXBTZUSD"]
        money = ids.get(quote, f"Z{quote}")
        short = base.replace("BTC", "XBT")
        found[f"{ids.get(base, f'Z{base}')}{money}"] = row | {
            "altname": f"{short}{quote}", "wsname": f"{short}/{quote}", "base": ids.get(base, f"Z{base}"),
            "quote": money,
        }  # fmt: skip
    return found


ALL_ASSETS = ASSETS | {f"Z{money}": {"altname": money} for money in ("EUR", "GBP")}
EUROS = listed("BTC/EUR", "ETH/EUR", "EUR/USD")
LISTED = pair_table(EUROS, ALL_ASSETS)
ALL_PAIRS = [LISTED.pair(pair) for pair in LISTED.names()]


class Mapped(User):
    """Its exchange fills orders in the pair that they are in, at half the dollars' price in pounds, and at
    what the master's euros are worth in euros.
    """

    def __init__(self, ledger: Ledger, rules: CopyRules, pairs: dict[str, Any]) -> None:
        super().__init__(ledger, AccountLimits(Tier.UNLIMITED), rules)
        self.pairs = pairs
        self.names = {row["altname"]: row["wsname"].replace("XBT", "BTC") for row in pairs.values()}
        ticker = {"b": ["39999", "1"], "a": ["40000", "1"], "c": ["40000", "1"]}
        self.kraken.always |= {
            "AssetPairs": pairs, "Assets": ALL_ASSETS, "Balance": {"ZEUR": "80"},
            "AddOrder": self._fill,
            "Ticker": {"XXBTZUSD": self.kraken.always["Ticker"]["XXBTZUSD"], "XXBTZEUR": ticker},
        }  # fmt: skip

    def _fill(self, params: dict[str, str]) -> Any:
        self.kraken.sent.append(params)
        number, pair = len(self.kraken.sent), pair_table(self.pairs, ALL_ASSETS).pair(params["pair"]).name
        prices = {"USD": "50000", "EUR": "40000", "GBP": "25000"}
        told = execution(
            order_id=f"O{number}", cl_ord_id=params["cl_ord_id"], exec_id=f"T{self.seq}-{number}",
            qty=params["volume"], side=Side(params["type"]), symbol=pair, price=prices[pair[-3:]],
        )  # fmt: skip
        asyncio.get_running_loop().call_soon(self.gateway.count_executions, [told])
        return {"descr": {"order": "an order"}, "txid": [f"O{number}"]}

    def trade(
        self, side: Side = Side.BUY, pair: str = "BTC/USD", marks: Mapping[str, str] | None = None,
        **more: Any,
    ) -> pb.Fill:  # fmt: skip
        """The next fill of the master, taken; a sale is of all that it holds. ``marks``: what comes with
        it.
        """
        fill = self.made(side, pair)
        fill.marks.update({"EUR": DOLLARS} if marks is None else marks)
        fill.MergeFrom(pb.Fill(**more))
        self.copier.take_fills([fill])
        return fill

    @property
    def orders(self) -> list[tuple[str, str, str]]:
        """What has left: side, pair, volume."""
        table = pair_table(self.pairs, ALL_ASSETS)
        return [(sent["type"], table.pair(sent["pair"]).name, sent["volume"]) for sent in self.kraken.sent]

    def held(self, coin: str = "BTC") -> Decimal:
        return self.book.coins.volume(coin)


@asynccontextmanager
async def mapped_user(
    ledger: Ledger, rules: CopyRules = TO_EUROS, pairs: dict[str, Any] | None = None,
    **balances: str,
) -> AsyncIterator[Mapped]:  # fmt: skip
    user = Mapped(ledger, rules, EUROS if pairs is None else pairs)
    user.kraken.always["Balance"] = balances or {"ZEUR": "80"}
    user.seq = ledger.cursor or 0
    await user.portfolio.load()
    user.kraken.every.clear()
    user.copier.recover_unfinished()
    yield user
    user.end()
