"""Another broker over ccxt, for real: ccxt's Kraken against the paper exchange, which lies as it is told
to.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import pytest

from krakencopy.account_proc.ccxt_broker.broker import CcxtBroker
from krakencopy.account_proc.ccxt_broker.client import CcxtClient, CcxtPriority
from krakencopy.account_proc.contract.errors import (
    ConfigurationFault,
    ExchangeError,
    ExchangeRefused,
    KeyRefused,
    OutcomeUnknown,
    RateLimited,
)
from krakencopy.account_proc.contract.spec import Credentials
from krakencopy.account_proc.contract.trading_states import TradingState
from krakencopy.account_proc.domain.order import Ending
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.kraken.order_gate import (
    OrderGate,
    ShadowSendsNothing,
    TradingHalted,
    TradingReducing,
)
from krakencopy.account_proc.trading.broker import BrokerOrder
from krakencopy.account_proc.trading.timing import Timing
from krakencopy.account_proc.trading.trading_guard import TradingGuard
from tests.support.account_specs import states_file_in
from tests.support.system import Key, Paper
from tests.support.trading_states import say_state

T = TypeVar("T")

#: As in paper mode, and a shorter wait for what was lost.
TIMING = replace(Timing.paper(), visibility_lag=0.5, retry=0.1)


@pytest.fixture(scope="module")
def paper() -> Iterator[Paper]:
    with Paper() as paper:
        paper.call("POST", "/markets/XBTUSD", bid="49999.9", ask="50000", depth="1")
        yield paper


@pytest.fixture
def key(paper: Paper) -> Key:
    return paper.open_account(uuid.uuid4().hex[:12], {"ZUSD": "1000", "XXBT": "0.01"})


def broker_of(paper: Paper, key: Key, gate: OrderGate | None = None) -> CcxtBroker:
    credentials = Credentials(key.key, key.secret)
    return CcxtBroker(CcxtClient("kraken", paper.rest_url, credentials, paced=False, gate=gate), TIMING)


def with_broker(
    paper: Paper, key: Key, use: Callable[[CcxtBroker], Awaitable[T]], gate: OrderGate | None = None
) -> T:
    async def run() -> T:
        broker = broker_of(paper, key, gate)
        try:
            await broker.load()
            await broker.refresh()
            return await use(broker)
        finally:
            broker.close()

    return asyncio.run(run())


#: An answer that never comes, of one request.
LOST = {"kind": "html_5xx", "status": 502, "executed": True}


def order(side: Side = Side.BUY, volume: str = "0.001", limit: str | None = None) -> BrokerOrder:
    price = None if limit is None else Decimal(limit)
    return BrokerOrder(
        cl_ord_id=str(uuid.uuid4()),
        pair="BTC/USD",
        side=side,
        volume=Decimal(volume),
        limit_price=price,
        ioc=price is not None,
        deadline=time.time() + TIMING.deadline,
    )


def test_rules_balances_equity_and_prices_are_read(paper: Paper, key: Key) -> None:
    async def use(broker: CcxtBroker) -> None:
        market = broker.market("BTC/USD")
        assert market is not None
        assert market is broker.market("xxbtzusd") is broker.market("XBTUSD")
        assert (market.lot, market.tick) == (Decimal("1e-8"), Decimal("0.1"))
        assert (market.ordermin, market.costmin) == (Decimal("0.00005"), Decimal("0.5"))
        held = broker.holdings(market)
        assert (held.cash, held.base) == (Decimal(1000), Decimal("0.01"))
        assert held.equity is not None
        assert abs(held.equity - 1500) < 1
        quote = await broker.quote("BTC/USD")
        assert (quote.bid, quote.ask) == (Decimal("49999.9"), Decimal(50000))

    with_broker(paper, key, use)


@pytest.mark.parametrize(
    ("asked", "cost"),
    [
        (order(), "50"),
        (order(Side.SELL), "49.9999"),
        (order(limit="50000"), "50"),
        (order(Side.SELL, limit="50001"), "0"),
    ],
    ids=["market-buy", "market-sell", "ioc-filled", "ioc-not-filled"],
)
def test_an_order_ends_with_what_it_cost(paper: Paper, key: Key, asked: BrokerOrder, cost: str) -> None:
    async def use(broker: CcxtBroker) -> None:
        mine = replace(asked, cl_ord_id=str(uuid.uuid4()), deadline=time.time() + TIMING.deadline)
        ack = await broker.send(mine)
        ending = await broker.end(mine, ack.order_id)
        assert (ending.order_id, ending.cost) == (ack.order_id, Decimal(cost))
        assert ending.filled == (mine.volume if ending.cost else 0)
        # 0.8 % in the lowest tier.
        fee = (Decimal(cost) * Decimal("0.008")).quantize(Decimal("0.00001"))
        assert ending.fees == ({"USD": fee} if fee else {})
        assert broker.stale.is_set(), "balances are read again"

    with_broker(paper, key, use)


@pytest.mark.parametrize(
    ("asked", "kind", "words"),
    [
        (order(volume="1"), ExchangeRefused, "Insufficient funds"),
        (order(volume="0.00001"), ExchangeRefused, "minimum"),
        (replace(order(), deadline=time.time() - 1), ExchangeRefused, "its time was over"),
    ],
    ids=["funds", "minimum", "late"],
)
def test_a_refusal_leaves_no_order(
    paper: Paper, key: Key, asked: BrokerOrder, kind: type[ExchangeError], words: str
) -> None:
    async def use(broker: CcxtBroker) -> None:
        late = asked.deadline < time.time() - 0.5 and words == "its time was over"
        mine = asked if late else replace(asked, deadline=time.time() + TIMING.deadline)
        with pytest.raises(kind, match=words):
            await broker.send(mine)

    with_broker(paper, key, use)
    sent = [row for row in paper.rows("requests") if row["params"].get("cl_ord_id") == asked.cl_ord_id]
    assert bool(sent) == (words != "its time was over")
    assert not any(row["cl_ord_id"] == asked.cl_ord_id for row in paper.rows("fills"))


def faults() -> list[tuple[dict[str, Any], type[ExchangeError], bool]]:
    """What happens to the order, what sending says, and whether there is an order."""
    return [
        ({"kind": "drop_request"}, OutcomeUnknown, False),
        ({"kind": "drop_reply"}, OutcomeUnknown, True),
        # The first look comes too early for reads that trail.
        ({"kind": "drop_reply", "reads_trail_ms": 3300}, OutcomeUnknown, True),
        ({"kind": "truncate_reply"}, OutcomeUnknown, True),
        # The engine gets to it when its deadline is over.
        ({"kind": "hang_request", "delay_ms": 6000}, OutcomeUnknown, False),
        ({"kind": "html_5xx", "status": 502, "executed": True}, OutcomeUnknown, True),
        ({"kind": "html_5xx", "status": 520, "executed": False}, OutcomeUnknown, False),
        ({"kind": "error", "error": "EService:Deadline elapsed", "executed": True}, OutcomeUnknown, True),
        ({"kind": "error", "error": "EService:Unavailable", "executed": True}, OutcomeUnknown, True),
        ({"kind": "error", "error": "EGeneral:Internal error", "executed": True}, OutcomeUnknown, True),
        ({"kind": "duplicate_delivery"}, OutcomeUnknown, True),
        ({"kind": "error", "error": "EAPI:Rate limit exceeded", "executed": False}, RateLimited, False),
    ]


def test_a_lost_answer_resolves_to_one_order_or_none(paper: Paper) -> None:
    """All faults at once, each on an account of its own: each search waits, and they wait together."""

    async def one(fault: dict[str, Any], kind: type[ExchangeError], exists: bool) -> str:
        account, trail = uuid.uuid4().hex[:12], fault.get("reads_trail_ms")
        fault = {name: value for name, value in fault.items() if name != "reads_trail_ms"}
        key = await asyncio.to_thread(paper.open_account, account, {"ZUSD": "1000"})
        broker = broker_of(paper, key)
        await broker.load()
        await asyncio.to_thread(paper.call, "POST", "/faults", account=account, method="AddOrder", **fault)
        # Nor are the first looks answered: a read that fails proves nothing.
        for method in ("OpenOrders", "ClosedOrders"):
            await asyncio.to_thread(
                paper.call, "POST", "/faults", account=account, method=method, kind="html_5xx", status=502
            )
        if trail:
            await asyncio.to_thread(
                paper.call, "POST", "/faults", account=account, kind="visibility_lag", delay_ms=trail
            )
        asked = order()
        with pytest.raises(kind):
            await broker.send(asked)
        found = None if kind is RateLimited else await broker.find(asked)
        assert (found is not None) == exists, fault
        if found is not None:
            assert found.ending is not None, fault
            assert found.ending.filled == asked.volume, fault
        broker.close()
        return asked.cl_ord_id

    async def all_of_them() -> list[str]:
        return list(await asyncio.gather(*(one(*case) for case in faults())))

    ids = asyncio.run(all_of_them())
    # The exchange's own record, once what hung has been dealt with.
    fills = [row["cl_ord_id"] for row in paper.rows("fills")]
    placed = [row["params"] for row in paper.rows("requests") if row["method"] == "AddOrder"]
    assert all(params["deadline"] for params in placed), "the engine is told when it is too late"
    requests = [params["cl_ord_id"] for params in placed]
    for cl_ord_id, (fault, _, exists) in zip(ids, faults(), strict=True):
        assert fills.count(cl_ord_id) == exists, fault
        assert requests.count(cl_ord_id) <= (2 if fault["kind"] == "duplicate_delivery" else 1), fault


def test_an_order_is_asked_for_until_it_is_over_whatever_the_answers(paper: Paper) -> None:
    paper.price("XBTUSD", "50000")

    key = paper.open_account("asked", {"ZUSD": "1000"})

    async def use(broker: CcxtBroker) -> Ending:
        resting = replace(order(limit="40000"), ioc=False)
        placed = await broker.send(resting)
        await asyncio.to_thread(paper.call, "POST", "/faults", account="asked", method="QueryOrders", **LOST)
        ended = asyncio.create_task(broker.end(resting, placed.order_id))
        await asyncio.sleep(0.5)
        assert not ended.done()
        await asyncio.to_thread(paper.price, "XBTUSD", "39000")
        return await ended

    ending = with_broker(paper, key, use)
    paper.price("XBTUSD", "50000")
    assert (ending.filled, ending.cost) == (Decimal("0.001"), Decimal(40))


def test_an_order_that_must_not_rest_is_not_sent_where_ccxt_cannot_say_so(
    paper: Paper, key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CcxtBroker, "_feature", lambda *_: None)
    with pytest.raises(ExchangeRefused, match="ccxt knows no IOC order at kraken; not sent"):
        with_broker(paper, key, lambda broker: broker.send(order(limit="50000")))


def test_before_it_has_loaded_nothing_is_known_and_nothing_waits(paper: Paper, key: Key) -> None:
    broker = broker_of(paper, key)
    assert broker.equity() is None
    assert broker.wait_s("BTC/USD") == 0
    broker.close()


def test_a_key_that_is_refused_says_so(paper: Paper) -> None:
    with pytest.raises(KeyRefused, match="Invalid key"):
        with_broker(paper, Key.make(), lambda broker: asyncio.sleep(0, broker))


def test_an_exchange_that_takes_more_than_a_key_is_a_fault_of_the_configuration() -> None:
    with pytest.raises(ConfigurationFault, match="password"):
        CcxtClient("okx", "", Credentials("key", "secret"), paced=True)


def test_orders_go_before_reads_that_wait(paper: Paper, key: Key) -> None:
    async def use(broker: CcxtBroker) -> None:
        client, done = broker._client, []

        async def call(priority: CcxtPriority) -> None:
            await client._in_turn(priority, lambda: done.append(priority))

        first = [CcxtPriority.READ, CcxtPriority.READ, CcxtPriority.URGENT, CcxtPriority.ORDER]
        await asyncio.gather(*map(call, first))
        assert done == [CcxtPriority.READ, CcxtPriority.ORDER, CcxtPriority.URGENT, CcxtPriority.READ]

    with_broker(paper, key, use)


def test_a_call_that_nobody_waits_for_any_more_does_not_hold_up_the_rest(paper: Paper, key: Key) -> None:
    async def use(broker: CcxtBroker) -> None:
        calls = [asyncio.ensure_future(broker.quote("BTC/USD")) for _ in range(3)]
        await asyncio.sleep(0)
        calls[0].cancel()
        calls[1].cancel()
        assert (await calls[2]).ask == 50000
        assert (await broker.quote("BTC/USD")).ask == 50000

    with_broker(paper, key, use)


def test_of_a_shadow_no_order_leaves_for_another_broker_either(
    paper: Paper, key: Key, tmp_path: Path
) -> None:
    guard = TradingGuard(states_file_in(tmp_path), "anna", is_shadow=True)

    async def use(broker: CcxtBroker) -> None:
        for side in Side:
            with pytest.raises(ShadowSendsNothing):
                await broker.send(order(side))
        await broker.refresh()

    with_broker(paper, key, use, guard.gate)


def test_an_order_that_may_not_leave_is_not_sent_and_reads_go_on(
    paper: Paper, key: Key, tmp_path: Path
) -> None:
    path = states_file_in(tmp_path)
    guard = TradingGuard(path, "anna")

    async def use(broker: CcxtBroker) -> None:
        say_state(path, TradingState.REDUCING)
        with pytest.raises(TradingReducing, match="by operator root"):
            await broker.send(order(Side.BUY))
        assert (await broker.send(order(Side.SELL))).order_id
        say_state(path, TradingState.HALTED)
        with pytest.raises(TradingHalted):
            await broker.send(order(Side.SELL))
        await broker.refresh()
        assert not guard.gate.may_arrive(guard.gate.mark)

    with_broker(paper, key, use, guard.gate)
