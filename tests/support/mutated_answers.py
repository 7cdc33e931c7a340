"""Answers of the exchange that are odd in one to three places, and all that is made of them: readers of REST
and WebSocket, portfolio, fills, sizing, orders, preflight. Everything follows from a seed, so that a finding
is played again by its number.

What may come out is a value, or an error with a name of ours (``AccountError``).
"""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any

from krakencopy.account_proc.contract.decimal_text import plain
from krakencopy.account_proc.contract.errors import AccountError
from krakencopy.account_proc.contract.request_bounds import violations
from krakencopy.account_proc.contract.spec import CopyRules, Credentials, Role
from krakencopy.account_proc.domain.copy_book import CopyBook
from krakencopy.account_proc.domain.copy_plan import Order, UserBalances
from krakencopy.account_proc.domain.copy_record import master_fill
from krakencopy.account_proc.domain.counted_trades import Trade
from krakencopy.account_proc.domain.pair_table import UnknownName
from krakencopy.account_proc.domain.quantities import BaseVolume, QuoteAmount, Side
from krakencopy.account_proc.domain.sent_values import WIDE
from krakencopy.account_proc.domain.sizing import decide
from krakencopy.account_proc.kraken.errors import ORDER_METHODS, result_of
from krakencopy.account_proc.kraken.exchange_clock import ExchangeClock
from krakencopy.account_proc.kraken.feed.executions import Execution, ExecutionsMerge, Incomplete
from krakencopy.account_proc.kraken.feed.session import (
    BalanceChanged,
    Connected,
    Executed,
    FeedSession,
    TimeTold,
)
from krakencopy.account_proc.kraken.key_check import READS, TRADES, KeyCheck, Needs
from krakencopy.account_proc.kraken.rest.order_request import OrderRequest
from krakencopy.account_proc.kraken.rest.signing import CallSigner
from krakencopy.account_proc.master.fill_maker import FillMaker
from krakencopy.account_proc.master.trade_rows import from_feed, from_history
from krakencopy.account_proc.service.account_snapshot import EQUITY_STEP
from krakencopy.account_proc.trading.order_gateway import OrderGateway
from krakencopy.account_proc.trading.portfolio import Portfolio
from krakencopy.account_proc.trading.timing import Timing
from tests.support.copying import NOW, MemoryPlans
from tests.support.odd_exchange import SECRET
from tests.support.scripted_kraken import ASSETS, PAIRS, ScriptedKraken, order_row, order_to_send

#: Pages of a history that a mutated answer may cost: the second one shows that it does not end.
PAGES_MAX = 3

_QUOTE = {"a": ["50001", "1", "1"], "b": ["49999", "1", "1"], "c": ["50000", "1"], "o": "49000"}
_TRADE = {
    "ordertxid": "O1", "pair": "XXBTZUSD", "time": NOW - 10.25, "type": "buy", "ordertype": "market",
    "price": "50000.0", "cost": "500.0", "fee": "1.3", "vol": "0.01", "margin": "0", "misc": "",
    "trade_id": 7, "maker": False,
}  # fmt: skip
#: What Kraken answers, by method.
ANSWERS: dict[str, Any] = {
    "AssetPairs": PAIRS,
    "Assets": ASSETS,
    "Ticker": {"XXBTZUSD": _QUOTE, "XETHZUSD": _QUOTE | {"c": ["2500", "1"]}},
    "SystemStatus": {"status": "online", "timestamp": "2026-11-22T10:33:05Z"},
    "Time": {"unixtime": int(NOW), "rfc1123": "Sun, 22 Nov 26 10:33:05 +0000"},
    "Balance": {"ZUSD": "1000.5", "XXBT": "0.5", "XETH": "2", "ETH2.S": "0.1"},
    "BalanceEx": {
        "ZUSD": {"balance": "1000.5", "hold_trade": "10"}, "XXBT": {"balance": "0.5", "hold_trade": "0"},
        "XETH": {"balance": "2", "hold_trade": "0"},
    },
    "GetApiKeyInfo": {
        "api_key_name": "a key", "permissions": [*READS, *TRADES], "nonce": "5", "nonce_window": 0,
        "valid_until": "0", "ip_allowlist": [""], "iban": "AA12 N84G ABCD EFGH",
    },
    "TradeVolume": {
        "currency": "ZUSD", "volume": "0", "fees": {"XXBTZUSD": {"fee": "0.4"}},
        "fees_maker": {"XXBTZUSD": {"fee": "0.25"}},
    },
    "GetWebSocketsToken": {"token": "a token", "expires": 900},
    "OpenOrders": {"open": {"O1": order_row("open", "1", "0.5") | {"userref": None, "trades": ["T1"]}}},
    "ClosedOrders": {
        "closed": {"O2": order_row("closed", "1", "1", closetm=NOW, reason="User requested")}, "count": 1,
    },
    "QueryOrders": {"O1": order_row("closed", "1", "1", fcib=True)},
    "TradesHistory": {"trades": {"T1": _TRADE, "T2": _TRADE | {"type": "sell"}}, "count": 2},
    "CancelOrder": {"count": 1},
    "AddOrder": {"descr": {"order": "buy 2 XBTUSD @ market"}, "txid": ["O9"]},
}  # fmt: skip
_EXECUTION = {
    "order_id": "O1", "order_userref": 0, "exec_id": "T9", "exec_type": "trade", "trade_id": 9,
    "symbol": "BTC/USD", "side": "buy", "order_type": "market", "order_status": "partially_filled",
    "order_qty": 1.0, "last_qty": 0.01, "last_price": 50000.0, "cost": 500.0, "cum_qty": 0.01,
    "fees": [{"asset": "USD", "qty": 1.3}], "liquidity_ind": "t", "cl_ord_id": "mine",
    "timestamp": "2026-11-22T08:33:20.123456Z",
}  # fmt: skip
#: What Kraken's feed says, in order.
FRAMES: list[Any] = [
    {"channel": "status", "type": "update", "data": [{"system": "online", "version": "2.0.9"}]},
    {
        "method": "subscribe", "success": True, "req_id": 1, "result": {"channel": "executions"},
        "time_in": "2026-11-22T08:33:20.100000Z", "time_out": "2026-11-22T08:33:20.100500Z",
    },
    {
        "method": "pong", "req_id": 3,
        "time_in": "2026-11-22T08:33:20.200000Z", "time_out": "2026-11-22T08:33:20.200500Z",
    },
    {"channel": "heartbeat"},
    {
        "channel": "executions", "type": "snapshot", "sequence": 1,
        "data": [_EXECUTION | {"exec_type": "pending_new", "exec_id": ""}],
    },
    {"channel": "executions", "type": "update", "sequence": 2, "data": [_EXECUTION]},
    {
        "channel": "balances", "type": "update", "sequence": 1,
        "data": [{"asset": "USD", "amount": 5.0, "fee": 0.1, "type": "deposit", "balance": 1005.5}],
    },
]  # fmt: skip

#: In the text of an answer instead of what it stands for: JSON that Python would not write.
_RAW = {
    "<raw 1e400>": "1e400", "<raw 1e9999>": "1e9999", "<raw 1e30>": "1e30", "<raw -1e-400>": "-1e-400",
    "<raw beyond>": "1e9999999999999999999", "<raw long>": "9" * 4_000, "<raw deep>": "[" * 60 + "]" * 60,
    "<raw twice>": '{"a": 1, "a": 2}', "<raw digits>": "0." + "1" * 60,
}  # fmt: skip
ODD: tuple[Any, ...] = (
    *_RAW, None, True, False, "", " ", "abc", 0, -1, 1, "0", "-0.0", "-1", 0.5, 1e30, -1e30, "1e30", "-1e30",
    "1e400", "-1e400", "1e-400", "1e39", "1e-39", "NaN", "-NaN", "sNaN", "Infinity", "-Infinity", "1_000",
    " 1", "1 ", "+1", "0x10", "\u0661\u0662", "\uff11", "1" * 300, 10**30, -(10**30), 2**63, 2**64,
    253_402_300_800, -62_135_596_801, 9e15, "\ud800", "a\udfff/b", "a\u202eb", "\x1b[31mred", "a\nb",
    "a\x00b", "x" * 5_000, [], [[]], {}, {"a": {}}, ["1"], [None], "9999-12-31T23:59:59.999999-23:59",
    "0001-01-01T00:00:00+23:59", "1600-01-01T00:00:00Z", "BTC/USD", "buy", "trade", "filled", "closed",
)  # fmt: skip


def _places(value: Any, found: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Every place in a structure, as what holds it and its key there."""
    items: Iterator[tuple[Any, Any]] = iter(())
    if isinstance(value, dict):
        items = iter(list(value.items()))
    elif isinstance(value, list):
        items = iter(list(enumerate(value)))
    for key, inner in items:
        found.append((value, key))
        _places(inner, found)
    return found


def mutate_one(dice: Random, told: Any, rest: Any) -> None:
    places = _places(told, [])
    if not places:
        return
    holder, key = dice.choice(places)
    way = dice.random()
    if way < 0.75:
        holder[key] = copy.deepcopy(dice.choice(ODD))
    elif way < 0.85:  # of another place, perhaps of another answer
        other, there = dice.choice(_places(rest, []))
        holder[key] = copy.deepcopy(other[there])
    elif way < 0.93 or isinstance(holder, list):
        del holder[key]
    else:
        holder[str(dice.choice(ODD))] = holder.pop(key)


def to_json(told: Any) -> bytes:
    """Its text as the exchange might send it."""
    text = json.dumps(told)
    for name, raw in _RAW.items():
        text = text.replace(json.dumps(name), raw)
    return text.encode("ascii")


@dataclass
class Found:
    """What one seed came to."""

    #: Exceptions without a name of ours, and what else must not be, with the place where they came up.
    faults: list[str] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)
    #: How often an answer was refused by an error with a name.
    named: int = 0


class _Answers(ScriptedKraken):
    """Public calls are answered by functions as well."""

    def answer_public(self, method: str, params: dict[str, str]) -> Any:
        return self._answer(method, params)


class _Played:
    """One exchange whose answers are odd, and an account that reads them."""

    def __init__(self, seed: int) -> None:
        dice = Random(seed)  # noqa: S311 - guards nothing
        answers, frames = copy.deepcopy(ANSWERS), copy.deepcopy(FRAMES)
        if dice.random() < 0.5:
            answers.pop("BalanceEx")  # what is answered to Balance
        for _ in range(dice.randint(1, 3) if seed >= 0 else 0):
            of_feed = dice.random() < 0.35
            told = frames if of_feed else answers[dice.choice(sorted(answers))]
            mutate_one(dice, told, [answers, frames])
        self.found = Found()
        self.kraken = _Answers({method: self._answer(method, told) for method, told in answers.items()})
        self.frames = [to_json(frame) for frame in frames]
        self.exchange = self.kraken.exchange
        self.portfolio = Portfolio(self.exchange, lambda: None, lambda: NOW, 1.0)
        self.clock = ExchangeClock(lambda: NOW, lambda: 100.0)
        self.executions: list[Execution | Incomplete] = []
        self.trades: list[Trade] = []

    def _answer(self, method: str, told: Any) -> Any:
        body = b'{"error":[],"result":' + to_json(told) + b"}"
        try:
            result = result_of(method, 200, body, is_order=method in ORDER_METHODS)
        except AccountError as error:
            return error
        except Exception as error:  # noqa: BLE001 - it is what is looked for
            self.fault("answer", error)
            return {}
        # Read anew for each call: nobody may change it under another one's hands.
        return lambda _: copy.deepcopy(result)

    def fault(self, place: str, error: BaseException | str) -> None:
        words = error if isinstance(error, str) else f"{type(error).__name__}: {error}"
        self.found.faults.append(f"{place}: {words!a}"[:300])
        if not isinstance(error, str):
            self.found.errors.append(error)

    async def step(self, place: str, read: Callable[[], Any]) -> Any:
        """One thing that the account does; what it came to, None after an error with a name."""
        try:
            result = read()
            return await result if isinstance(result, Awaitable) else result
        except (AccountError, UnknownName):
            self.found.named += 1
        except Exception as error:  # noqa: BLE001 - it is what is looked for
            self.fault(place, error)
        return None

    # -- what an account does --------------------------------------------------------------------------------

    async def play(self) -> Found:
        await self.step("load", self.portfolio.load)
        if self.portfolio.pairs.latest is None:
            return self.found
        self.exchange.market.read_names_by(self.portfolio.pairs.table)
        await self.step("refresh", self.portfolio.refresh)
        await self._read_all()
        await self.step("preflight", self._preflight)
        await self.step("feed", self._feed)
        await self._history()
        for trade in self.trades:
            await self.step("fill", partial(self._fill, trade))
        for execution in self.executions:
            if isinstance(execution, Execution):
                await self.step("executed", partial(self.portfolio.executed, execution))
        await self.step("worth", self._worth)
        await self.step("order", self._order)
        return self.found

    async def _read_all(self) -> None:
        account, market, record = self.exchange.account, self.exchange.market, self.exchange.record
        await self.step("time", market.server_time)
        await self.step("ticker", lambda: market.ticker(["BTC/USD", "ETH/USD"]))
        await self.step("states", lambda: market.market_states("BTC/USD"))
        await self.step("balances", account.balances)
        await self.step("token", account.websocket_token)
        for read in (
            record.open_orders,
            lambda: record.closed_orders(None, NOW - 100),
            lambda: record.orders_of("mine", NOW - 100),
            lambda: record.query_orders(["O1"]),
            lambda: record.ends_of(["O1"]),
            record.shown_open_orders,
            lambda: record.shown_order("O1"),
            lambda: record.shown_order(cl_ord_id="mine"),
        ):
            rows = await self.step("orders", read)
            await self.step("orders shown", f"{rows}".encode)

    async def _preflight(self) -> None:
        needs = Needs.of(Role.USER, has_strategy=False, allow_withdraw=False)
        check = KeyCheck(
            self.exchange,
            needs,
            lambda: None,
            handed_out=lambda: 7,
            now=lambda: NOW,
            pause=_no_pause,
            clock=self.clock,
        )
        try:
            await check.check()
        finally:
            await check._learn_fees(["BTC/USD"])
            told = check.to_proto(self.portfolio.pairs.latest)
            if told is not None:
                told.SerializeToString()
            _ = check.identity

    def _feed(self) -> None:
        session = FeedSession(ExecutionsMerge())
        session.subscribes(99.9)
        session.ping(99.9)
        for frame in self.frames:
            for event in session.receive(frame, 100.0):
                match event:
                    case TimeTold():
                        self.clock.hear_span(event.time_in, event.time_out, event.sent_at, 100.0)
                    case Connected() | Executed():
                        self.executions += event.rows
                        for row in event.rows:
                            if isinstance(row, Execution):
                                self.clock.hear_event(row.timestamp.timestamp())
                        self.trades += from_feed(event.rows)
                    case BalanceChanged():
                        event.asset.encode()
                        self.portfolio.count_outside_change({event.asset: event.amount}, event.kind)
        session.system_status.encode()

    async def _history(self) -> None:
        rows = await self.step("history", lambda: self.exchange.record.trades_since(NOW - 100, NOW))
        asked = sum(method in {"TradesHistory", "ClosedOrders"} for method, _ in self.kraken.asked)
        if asked > 3 * PAGES_MAX:
            self.fault("history", f"{asked} pages were read")
        for row in rows or ():
            trade = await self.step("row", partial(from_history, row, self.portfolio.pairs.table))
            self.trades += [trade] if trade is not None else []

    def _fill(self, trade: Trade) -> None:
        portfolio, table = self.portfolio, self.portfolio.pairs.table
        portfolio.before_trade(trade.executed_at)
        fill = FillMaker().make_fill(
            trade, portfolio.wallet, portfolio.prices.marks, table, NOW, portfolio.kept_out
        )
        fill.SerializeToString()
        # What the supervisor would refuse is a fill that nobody copies, and which ends nothing.
        for violation in violations(fill):
            self.fault("fill", f"outside the bounds of requests: {violation}")
        pair = table.find(fill.pair)
        if pair is None:
            return
        copied = master_fill(fill)
        equity = portfolio.equity(pair.quote)
        holdings = UserBalances(
            equity=None if equity is None else QuoteAmount(equity),
            cash=QuoteAmount(max(portfolio.cash(pair.quote), Decimal(0))),
            base=BaseVolume(portfolio.holding(pair.base)),
        )
        verdict = decide(CopyBook(MemoryPlans()), [copied], pair, CopyRules(), holdings, NOW)
        for decision in verdict.decisions:
            if isinstance(decision, Order):
                request = OrderRequest(
                    pair=pair.name, side=Side(trade.side), volume=decision.volume.amount,
                    limit_price=None if decision.limit_price is None else decision.limit_price.amount,
                    cl_ord_id="mine",
                )  # fmt: skip
                params = request.params(pair.altname, pair.asset_class)
                CallSigner(Credentials("key", SECRET), "test").signed_call("AddOrder", params, 1)

    def _worth(self) -> None:
        for quote in ("USD", "EUR", "BTC"):
            equity = self.portfolio.equity(quote)
            if equity is not None:
                plain(equity.quantize(EQUITY_STEP, context=WIDE))
        self.portfolio.cash("USD")
        for asset in self.portfolio.wallet.assets():
            asset.encode()
            self.portfolio.free(asset)
        for notice in self.portfolio.notices.shown():
            notice.to_proto().SerializeToString()

    async def _order(self) -> None:
        gateway = OrderGateway(self.exchange, lambda: NOW, Timing())
        before = self.kraken.times_asked("AddOrder")
        placed = await gateway.send(order_to_send())
        placed.order_id.encode()
        await self.exchange.orders.cancel_order("O1")
        if self.kraken.times_asked("AddOrder") != before + 1:
            self.fault("order", "it was sent more than once")


async def _no_pause(_: float) -> None:
    return None


def play(seed: int) -> Found:
    """All that an account makes of the answers of one seed."""
    return asyncio.run(_Played(seed).play())
