"""An order is followed from before it is sent until its end, or until it is known not to exist: by the feed,
and by questions where that is silent.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.contract.errors import (
    ExchangeError,
    ExchangeRefused,
    InvalidNonce,
    OutcomeUnknown,
    RateLimited,
)
from krakencopy.account_proc.kraken.errors import NotSent
from krakencopy.account_proc.trading import order_gateway
from krakencopy.account_proc.trading.order_gateway import OrderGateway
from tests.support.copying import NOW
from tests.support.followed_orders import TIMING, TWO, Clock, gateway_of, on_its_way, trade
from tests.support.scripted_kraken import (
    NOWHERE,
    ScriptedKraken,
    execution,
    order_row,
    order_to_send,
    run,
    until,
)

# -- from the feed -----------------------------------------------------------------------------------------


@given(st.permutations(["T1", "T2", "T3", "ack", "T1", "T2", "T3"]), st.booleans())
def test_trades_count_once_in_whatever_order_they_and_the_answer_come(events: list[str], named: bool) -> None:
    async def steps() -> None:
        async with on_its_way("3") as (gateway, answered, sending):
            for event in events:
                if event == "ack":
                    answered.set()
                    await sending
                else:
                    gateway.count_executions([trade(event, "1", "10", cl_ord_id="mine" if named else None)])
            ending = await (await sending).end()
        assert (ending.order_id, ending.filled, ending.cost) == ("O1", Decimal(3), Decimal(30))

    run(steps())


def test_the_feed_may_tell_the_orders_id_before_the_answer_does() -> None:
    async def steps() -> None:
        gateway = gateway_of()
        finding = asyncio.create_task(gateway.find(order_to_send(deadline=NOW + 3600)))
        await until(lambda: not gateway.idle)
        gateway.count_executions([execution("pending_new", "O7", cl_ord_id="another")])
        gateway.count_executions([execution("pending_new", "O7", cl_ord_id="mine")])
        placed = await gateway.find(order_to_send(deadline=NOW + 3600))
        assert placed is not None
        assert placed.order_id == "O7"
        finding.cancel()
        gateway.count_executions([trade("T1", "2", order_id="O7")])
        assert (await placed.end()).order_id == "O7"

    run(steps())


def test_the_trades_of_other_orders_count_for_nobody() -> None:
    async def steps() -> None:
        gateway = gateway_of()
        placed = gateway.resume(order_to_send(), "O1")
        gateway.count_executions(
            [trade("T1", "2", order_id="O2"), trade("T2", "2", order_id="O3", cl_ord_id="theirs")]
        )
        ended = asyncio.create_task(placed.end())
        await asyncio.sleep(0)
        assert not ended.done()
        ended.cancel()

    run(steps())


def test_trades_that_nobody_claims_take_a_bounded_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_gateway, "UNCLAIMED_ORDERS", 3)

    async def steps() -> None:
        gateway = gateway_of()
        for number in range(10):
            gateway.count_executions([trade(f"T{number}", "1", order_id=f"O{number}")])
        assert list(gateway._unclaimed) == ["O7", "O8", "O9"]
        placed = gateway.resume(order_to_send(volume="1"), "O9")
        assert (await placed.end()).filled == 1

    run(steps())


def test_an_order_that_was_followed_to_its_end_leaves_nothing_behind() -> None:
    async def steps() -> None:
        gateway = gateway_of()
        placed = gateway.resume(order_to_send(), "O1")
        other = gateway.resume(order_to_send("other"), "O2")
        gateway.count_executions([trade("T1", "2")])
        await placed.end()
        other.forget()
        other.forget()
        assert gateway._by_client_id == {}
        assert gateway._by_order_id == {}

    run(steps())


# -- what becomes of an order that is sent or looked for ---------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        ExchangeRefused("AddOrder", ("EOrder:Insufficient funds",)),
        RateLimited("AddOrder", ("EOrder:Rate limit exceeded",)),
        NotSent("AddOrder", "no connection"),
    ],
)
def test_an_order_that_was_refused_for_certain_is_followed_no_more(error: ExchangeError) -> None:
    async def steps() -> None:
        gateway = gateway_of(ScriptedKraken({"AddOrder": error}))
        with pytest.raises(type(error)):
            await gateway.send(order_to_send())
        assert gateway.idle

    run(steps())


@pytest.mark.parametrize(
    "error", [OutcomeUnknown("AddOrder", "timeout"), InvalidNonce("AddOrder", ("EAPI:Invalid nonce",))]
)
def test_an_order_whose_outcome_nobody_knows_is_followed_on_and_found_by_the_feed(
    error: ExchangeError,
) -> None:
    async def steps() -> None:
        kraken = ScriptedKraken({"AddOrder": error})
        gateway = gateway_of(kraken)
        order = order_to_send(deadline=NOW + 3600)
        with pytest.raises(OutcomeUnknown):
            await gateway.send(order)
        finding = asyncio.create_task(gateway.find(order))
        await asyncio.sleep(0)
        gateway.count_executions([trade("T1", "0.5", cl_ord_id="mine"), trade("T2", "1.5")])
        placed = await gateway.find(order)
        assert placed is not None
        assert (await placed.end()).filled == TWO
        assert kraken.times_asked("OpenOrders") == 0
        finding.cancel()

    run(steps())


def test_an_order_that_is_proven_not_to_exist_is_followed_no_more() -> None:
    async def steps() -> None:
        gateway = gateway_of(ScriptedKraken(NOWHERE))
        assert await gateway.find(order_to_send()) is None
        assert gateway.idle

    run(steps())


def test_an_order_that_is_on_record_is_followed_when_it_is_found() -> None:
    async def steps() -> None:
        row = order_row("closed", "2", "2")
        record = {"OpenOrders": {"open": {}}, "ClosedOrders": {"closed": {"O5": row}, "count": 1}}
        gateway = gateway_of(ScriptedKraken(record))
        gateway.count_executions([trade("T1", "2", order_id="O5")])
        assert (found := await gateway.look_for(order_to_send())) is not None
        assert (found.order_id, gateway.idle) == ("O5", True)
        placed = await gateway.find(order_to_send())
        assert placed is not None
        assert await placed.ends_within(0.0)
        assert (await placed.end()).order_id == "O5"

    run(steps())


def test_an_order_that_nobody_waits_for_is_not_followed() -> None:
    async def steps() -> None:
        gateway = gateway_of(ScriptedKraken({"AddOrder": {"txid": ["O1"]}}))
        assert (await gateway.send_unfollowed(order_to_send())).order_id == "O1"
        assert gateway.idle
        gateway.count_executions([trade("T1", "2")])
        assert (await gateway.resume(order_to_send(), "O1").end()).filled == TWO

    run(steps())


def test_what_was_given_up_does_not_end_what_follows_the_same_order_anew() -> None:
    async def steps() -> None:
        gateway = gateway_of()
        before = gateway.resume(order_to_send(), "O1")
        before.forget()
        placed = gateway.resume(order_to_send(), "O1")
        before.forget()
        gateway.count_executions([trade("T1", "2")])
        assert (await placed.end()).filled == TWO

    run(steps())


# -- who waits for news ------------------------------------------------------------------------------------


def test_the_feed_is_woken_before_an_order_is_sent_and_is_idle_when_none_is_followed() -> None:
    async def steps() -> None:
        woken: list[bool] = []
        gateway = OrderGateway(ScriptedKraken().exchange, Clock(), TIMING, lambda: woken.append(gateway.idle))
        assert gateway.idle
        placed = gateway.resume(order_to_send(), "O1")
        assert gateway.resume(order_to_send(), "O1") is placed
        assert woken == [False]
        gateway.count_executions([trade("T1", "2")])
        await placed.end()
        assert gateway.idle
        gateway.resume(order_to_send("another"), "O2").forget()
        assert gateway.idle
        assert woken == [False, False]

    run(steps())


def test_orders_that_are_begun_and_whatever_the_feed_tells_is_news() -> None:
    async def steps() -> None:
        gateway = gateway_of()
        heard = [gateway.news.version]
        gateway.resume(order_to_send(), "O1")
        heard.append(gateway.news.version)
        gateway.count_executions([trade("T1", "1", order_id="of a person's own order")])
        heard.append(gateway.news.version)
        assert heard == sorted(set(heard))
        gateway.count_executions([])
        assert gateway.news.version == heard[-1]

    run(steps())
