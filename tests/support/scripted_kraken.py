"""The real exchange client over answers that a test gives by hand: no sockets, no threads, and every call
is on record.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast

from krakencopy.account_proc.contract.errors import ExchangeError
from krakencopy.account_proc.contract.spec import Tier
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.kraken.api import KrakenExchange
from krakencopy.account_proc.kraken.feed.executions import Execution
from krakencopy.account_proc.kraken.health import ExchangeHealth
from krakencopy.account_proc.kraken.order_gate import OrderGate
from krakencopy.account_proc.kraken.pair_rows import pair_table
from krakencopy.account_proc.kraken.rest.rate_limits import AccountLimits
from krakencopy.account_proc.kraken.rest.request_queue import Priority, RequestQueue
from krakencopy.account_proc.trading.broker import BrokerOrder
from krakencopy.account_proc.trading.kraken_broker import KrakenBroker
from krakencopy.account_proc.trading.order_gateway import OrderGateway
from krakencopy.account_proc.trading.portfolio import Portfolio
from tests.support.copying import NOW

_RULES = {"cost_decimals": 5, "lot_decimals": 8, "costmin": "0.5", "status": "online"}
PAIRS: dict[str, Any] = {
    "XXBTZUSD": {
        "altname": "XBTUSD", "wsname": "XBT/USD", "base": "XXBT", "quote": "ZUSD", "pair_decimals": 1,
        "tick_size": "0.1", "ordermin": "0.00005", **_RULES,
    },
    "XETHZUSD": {
        "altname": "ETHUSD", "wsname": "ETH/USD", "base": "XETH", "quote": "ZUSD", "pair_decimals": 2,
        "tick_size": "0.01", "ordermin": "0.001", **_RULES,
    },
}  # fmt: skip
ASSETS = {key: {"altname": name} for key, name in (("XXBT", "XBT"), ("XETH", "ETH"), ("ZUSD", "USD"))}
TABLE = pair_table(PAIRS, ASSETS)

#: Of an order that never arrived.
NOWHERE: dict[str, Any] = {"OpenOrders": {"open": {}}, "ClosedOrders": {"closed": {}, "count": 0}}

Answer = Any  # a result, an exception to raise, or a function of the parameters


@dataclass
class ScriptedKraken:
    """Answers by method: the next of a list, else the one that is always given."""

    always: dict[str, Answer] = field(default_factory=dict)
    next: dict[str, list[Answer]] = field(default_factory=dict)
    #: (method, parameters) of every call about the account.
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    #: Calls of these methods wait until the event is set.
    held: dict[str, asyncio.Event] = field(default_factory=dict)
    limits: AccountLimits = field(default_factory=lambda: AccountLimits(Tier.PRO))
    health: ExchangeHealth = field(default_factory=ExchangeHealth)
    gate: OrderGate = field(default_factory=OrderGate)

    def __post_init__(self) -> None:
        quote = {"b": ["49999", "1", "1"], "a": ["50001", "1", "1"], "c": ["50000", "1"]}
        always = {
            "AssetPairs": PAIRS,
            "Assets": ASSETS,
            "Ticker": {"XXBTZUSD": quote},
            "SystemStatus": {"status": "online"},
        }
        self.always = always | self.always

    @property
    def exchange(self) -> KrakenExchange:
        return KrakenExchange(cast("RequestQueue", self))

    # -- what the exchange client sees of a RequestQueue ----------------------------------------------------

    async def public(
        self, method: str, params: Mapping[str, str] | None = None, *, priority: Priority
    ) -> Any:
        del priority
        return await self._result_of(self.answer_public(method, dict(params or {})))

    async def private(
        self, method: str, params: Mapping[str, str] | None = None, *, priority: Priority
    ) -> Any:
        del priority
        if method in self.held:
            await self.held[method].wait()
        return await self._result_of(self.answer_private(method, dict(params or {})))

    async def order(self, method: str, params: Mapping[str, str], *, timeout_s: float) -> Any:
        if method != "AddOrder" or "validate" in params:
            return await self.private(method, params, priority=Priority.ORDER)
        # As kraken/rest/client.py looks right before an order leaves.
        with self.gate.order_out(Side(params["type"]), timeout_s):
            return await self.private(method, params, priority=Priority.ORDER)

    @staticmethod
    async def _result_of(answer: Answer) -> Any:
        if isinstance(answer, Awaitable):
            answer = await answer
        if isinstance(answer, ExchangeError):
            raise answer
        return answer

    # -- what it answers ------------------------------------------------------------------------------------

    def answer_public(self, method: str, _: dict[str, str]) -> Answer:
        return self.always[method]

    def answer_private(self, method: str, params: dict[str, str]) -> Answer:
        self.asked.append((method, params))
        if method == "BalanceEx" and method not in self.always:
            # What is answered to Balance, and nothing of it on hold.
            return _nothing_held(self._answer("Balance", params))
        return self._answer(method, params)

    def _answer(self, method: str, params: dict[str, str]) -> Answer:
        waiting = self.next.get(method)
        answer = waiting.pop(0) if waiting else self.always[method]
        answer = answer(params) if callable(answer) else answer
        if "cl_ord_id" in params and isinstance(answer, dict):
            return {key: _with_id(found, params["cl_ord_id"]) for key, found in answer.items()}
        return answer

    def times_asked(self, method: str) -> int:
        return sum(asked == method for asked, _ in self.asked)


def _nothing_held(balances: Answer) -> Answer:
    if isinstance(balances, ExchangeError):
        return balances
    return {asset: {"balance": amount, "hold_trade": "0"} for asset, amount in balances.items()}


def _with_id(rows: Any, cl_ord_id: str) -> Any:
    """Kraken finds orders by that id alone, and their rows have it."""
    if not isinstance(rows, dict):
        return rows
    return {
        txid: {"cl_ord_id": cl_ord_id} | row if isinstance(row, dict) else row for txid, row in rows.items()
    }


def order_row(
    status: str, vol: str, vol_exec: str, *, fcib: bool = False, fee: str = "0.3", **more: Any
) -> dict[str, Any]:
    """A row of QueryOrders, OpenOrders and ClosedOrders."""
    return {
        "descr": {"pair": "XBTUSD", "type": "buy", "order": f"buy {vol} XBTUSD @ market"},
        "status": status,
        "vol": vol,
        "vol_exec": vol_exec,
        "cost": str(Decimal(vol_exec) * 50_000),
        "fee": fee,
        "price": "50000",
        "opentm": NOW,
        "oflags": "fcib" if fcib else "fciq",
    } | more


def execution(
    exec_type: str = "trade",
    order_id: str = "O1",
    *,
    cl_ord_id: str | None = None,
    exec_id: str = "T1",
    qty: str = "0",
    price: str = "50000",
    side: Side = Side.BUY,
    fees: tuple[tuple[str, str], ...] = (),
    symbol: str = "BTC/USD",
    margin: bool = False,
    cost: str | None = None,
) -> Execution:
    """One event of the feed, whole."""
    is_trade = exec_type == "trade"
    volume, paid = Decimal(qty), Decimal(price)
    return Execution(
        exec_type=exec_type,
        order_id=order_id,
        cl_ord_id=cl_ord_id,
        pair=symbol,
        side=side,
        order_type="market",
        order_status="",
        order_qty=None,
        exec_id=exec_id if is_trade else "",
        trade_id=1 if is_trade else 0,
        last_qty=volume,
        last_price=paid,
        cost=volume * paid if cost is None else Decimal(cost),
        fees=tuple((asset, Decimal(amount)) for asset, amount in fees),
        liquidity="t" if is_trade else "",
        cum_qty=None,
        margin=margin,
        reason="",
        timestamp=datetime.fromtimestamp(NOW, UTC),
    )


async def until(condition: Callable[[], bool]) -> None:
    """Lets others run until it holds; for at most some seconds."""
    async with asyncio.timeout(10):
        # Nothing that could be awaited is known: the condition may be about any state.
        while not condition():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0)


def run(steps: Awaitable[None]) -> None:
    """Runs a test's steps, for at most some seconds."""

    async def limited() -> None:
        async with asyncio.timeout(20):
            await steps

    asyncio.run(limited())


def order_to_send(cl_ord_id: str = "mine", volume: str = "2", *, deadline: float = NOW) -> BrokerOrder:
    """A market order that buys BTC/USD."""
    return BrokerOrder(
        cl_ord_id=cl_ord_id,
        pair="BTC/USD",
        side=Side.BUY,
        volume=Decimal(volume),
        limit_price=None,
        ioc=False,
        deadline=deadline,
    )


def broker_of(kraken: ScriptedKraken, gateway: OrderGateway) -> KrakenBroker:
    """Kraken as a broker, for an account without copies that holds nothing."""
    portfolio = Portfolio(kraken.exchange, lambda: None, lambda: NOW, 0.0)
    portfolio.pairs.latest = TABLE
    return KrakenBroker(gateway, portfolio, lambda _: Decimal(0))
