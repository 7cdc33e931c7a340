"""An order is followed from before it is sent until its end, or until it is known not to exist: by the feed,
and by questions where that is silent.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from typing import Any

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
from krakencopy.account_proc.kraken.feed.executions import Execution
from krakencopy.account_proc.trading import order_gateway
from krakencopy.account_proc.trading.order_gateway import OrderGateway
from krakencopy.account_proc.trading.placed_order import OrderNotShown, PlacedOrder
from krakencopy.account_proc.trading.timing import Timing
from tests.support.copying import NOW
from tests.support.scripted_kraken import (
    Answer,
    ScriptedKraken,
    execution,
    order_row,
    order_to_send,
    run,
    until,
)

TWO = Decimal(2)
TIMING = Timing(poll=3.0, margin=0.0, visibility_lag=0.0, retry=0.0)


class Clock:
    """Moves when it is looked at, so that every poll comes due."""

    def __init__(self, step: float = 0.0) -> None:
        self.now, self.step = NOW, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def gateway_of(kraken: ScriptedKraken | None = None, step: float = 0.0) -> OrderGateway:
    return OrderGateway((kraken or ScriptedKraken()).exchange, Clock(step), TIMING)


@asynccontextmanager
async def asking(gateway: OrderGateway) -> AsyncIterator[None]:
    """The gateway's own loop, as the process runs it."""
    task = asyncio.create_task(gateway.ask_for_ends())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def trade(exec_id: str, qty: str, price: str = "50000", **more: object) -> Execution:
    return execution(exec_id=exec_id, qty=qty, price=price, **more)  # type: ignore[arg-type]  # a test's shorthand


# -- from the feed -----------------------------------------------------------------------------------------


@asynccontextmanager
async def on_its_way(
    volume: str = "2",
) -> AsyncIterator[tuple[OrderGateway, asyncio.Event, asyncio.Task[PlacedOrder]]]:
    """An order that was sent, and is answered with O1 when the event is set."""
    answered = asyncio.Event()
    kraken = ScriptedKraken(
        {"AddOrder": {"txid": ["O1"]}, "QueryOrders": {"O1": order_row("canceled", "2", "0.75")}},
        held={"AddOrder": answered},
    )
    gateway = gateway_of(kraken)
    sending = asyncio.create_task(gateway.send(order_to_send(volume=volume)))
    await until(lambda: not gateway.idle)
    yield gateway, answered, sending


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


# -- by asking ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("last", ["canceled", "expired", "filled"])
def test_an_end_that_the_trades_do_not_explain_is_asked_about_at_once(last: str) -> None:
    async def steps() -> None:
        kraken = ScriptedKraken({"QueryOrders": {"O1": order_row("canceled", "2", "0.75")}})
        gateway = gateway_of(kraken)  # the clock stands still: nothing comes due by itself
        placed = gateway.resume(order_to_send(), "O1")
        async with asking(gateway):
            gateway.count_executions([trade("T1", "0.5"), execution(last)])
            ending = await placed.end()
        assert (ending.filled, ending.cost) == (Decimal("0.75"), Decimal(37_500))
        assert kraken.asked == [("QueryOrders", {"txid": "O1", "trades": "false"})]

    run(steps())


def test_an_end_that_the_feed_tells_together_with_the_answer_is_asked_about_at_once() -> None:
    async def steps() -> None:
        async with on_its_way() as (gateway, answered, sending), asking(gateway):
            await asyncio.sleep(0)  # until it waits
            # As where both were left unread for a moment. The clock stands still.
            answered.set()
            gateway.count_executions([execution("canceled", cl_ord_id="mine")])
            async with asyncio.timeout(5):
                ending = await (await sending).end()
        assert ending.filled == Decimal("0.75")

    run(steps())


def test_an_order_that_the_feed_is_silent_about_is_asked_about_until_it_is_over() -> None:
    async def steps() -> None:
        still_open, over = {"O1": order_row("open", "2", "1")}, {"O1": order_row("closed", "2", "2")}
        lost = OutcomeUnknown("QueryOrders", "timeout")
        kraken = ScriptedKraken(next={"QueryOrders": [{}, lost, still_open, over]})
        gateway = gateway_of(kraken, step=10)
        gateway.visibility_lag = 300.0
        placed = gateway.resume(order_to_send(), "O1")
        async with asking(gateway):
            ending = await placed.end()
        assert (ending.filled, kraken.times_asked("QueryOrders")) == (TWO, 4)

    run(steps())


NO_SUCH_ORDER = ExchangeRefused("QueryOrders", ("EOrder:Unknown order",))


@pytest.mark.parametrize("answer", [{}, NO_SUCH_ORDER])
def test_an_order_that_was_acknowledged_and_is_not_shown_in_time_is_nobodys(answer: Answer) -> None:
    async def steps() -> None:
        gateway = gateway_of(ScriptedKraken({"QueryOrders": answer}), step=10)
        placed = gateway.resume(order_to_send(), "O1")
        async with asking(gateway):
            with pytest.raises(OrderNotShown, match="acknowledged as O1"):
                await placed.end()
        assert gateway.idle

    run(steps())


@pytest.mark.parametrize("row", [order_row("open", "2", "1"), {"descr": {}}, None])
def test_an_order_that_is_on_record_is_waited_for_whatever_its_row_says(row: Any) -> None:
    async def steps() -> None:
        over = {"O1": order_row("closed", "2", "2")}
        kraken = ScriptedKraken({"QueryOrders": over}, next={"QueryOrders": [{"O1": row}] * 50})
        gateway = gateway_of(kraken, step=10)
        placed = gateway.resume(order_to_send(), "O1")
        async with asking(gateway):
            assert (await placed.end()).filled == TWO

    run(steps())


def test_one_id_that_nobody_has_hides_no_other_orders_end() -> None:
    async def steps() -> None:
        def answer(params: dict[str, str]) -> Answer:
            if "O1" in params["txid"].split(","):
                return NO_SUCH_ORDER
            return {"O2": order_row("closed", "2", "2")}

        gateway = gateway_of(ScriptedKraken({"QueryOrders": answer}), step=10)
        placed = gateway.resume(order_to_send(), "O1")
        other = gateway.resume(order_to_send("other"), "O2")
        async with asking(gateway):
            assert (await other.end()).filled == TWO
            with pytest.raises(OrderNotShown):
                await placed.end()

    run(steps())


def test_what_the_feed_calls_an_order_counts_and_not_an_id_that_nobody_has_seen() -> None:
    async def steps() -> None:
        gateway = gateway_of(ScriptedKraken())
        placed = gateway.resume(order_to_send(), "O1")
        gateway.count_executions([trade("T1", "1", order_id="O7", cl_ord_id="mine")])
        gateway.count_executions([trade("T2", "1", order_id="O7")])
        assert (await placed.end()).order_id == "O7"
        assert gateway.idle

    run(steps())


def test_many_orders_are_asked_about_together_in_batches_that_kraken_takes() -> None:
    async def steps() -> None:
        sizes: list[int] = []

        def answer(params: dict[str, str]) -> dict[str, object]:
            ids = params["txid"].split(",")
            sizes.append(len(ids))
            return {order_id: order_row("closed", "1", "1") for order_id in ids}

        gateway = gateway_of(ScriptedKraken({"QueryOrders": answer}), step=10)
        names = [f"mine {number}" for number in range(60)]
        placed = [gateway.resume(order_to_send(name, "1"), f"O{number}") for number, name in enumerate(names)]
        async with asking(gateway):
            for order in placed:
                assert (await order.end()).filled == 1
        assert sum(sizes) == 60
        assert max(sizes) <= 50

    run(steps())


@pytest.mark.parametrize("fcib", [True, False])
@pytest.mark.parametrize("fee", ["0.3", "0"])
def test_the_fee_of_an_order_that_was_asked_about_is_in_quote_whatever_it_was_taken_in(
    fcib: bool, fee: str
) -> None:
    async def steps() -> None:
        kraken = ScriptedKraken({"QueryOrders": {"O1": order_row("closed", "2", "2", fcib=fcib, fee=fee)}})
        gateway = gateway_of(kraken, step=10)
        placed = gateway.resume(order_to_send(), "O1")
        async with asking(gateway):
            ending = await placed.end()
        assert ending.fees == ({"USD": Decimal(fee)} if Decimal(fee) else {})
        assert ending.fees_certain is not fcib

    run(steps())


@pytest.mark.parametrize("descr", [{}, None, 7, {"pair": "gone"}])
def test_an_order_whose_row_does_not_tell_which_it_is_ends_all_the_same(descr: object) -> None:
    async def steps() -> None:
        row = order_row("canceled", "2", "0.75", fee="0.3") | {"descr": descr}
        gateway = gateway_of(ScriptedKraken({"QueryOrders": {"O1": row}}), step=10)
        placed = gateway.resume(order_to_send(), "O1")
        async with asking(gateway):
            ending = await placed.end()
        assert (ending.filled, ending.fees, ending.fees_certain) == (Decimal("0.75"), {}, False)

    run(steps())


def test_nothing_is_asked_while_nothing_is_open_and_a_new_order_wakes_the_loop() -> None:
    async def steps() -> None:
        kraken = ScriptedKraken({"QueryOrders": {"O1": order_row("closed", "2", "2")}})
        gateway = gateway_of(kraken, step=10)
        async with asking(gateway):
            for _ in itertools.repeat(None, 5):
                await asyncio.sleep(0)
            assert kraken.asked == []
            placed = gateway.resume(order_to_send(), "O1")
            await until(lambda: kraken.times_asked("QueryOrders") == 1)
            assert (await placed.end()).filled == TWO

    run(steps())


# -- what becomes of an order that is sent or looked for ---------------------------------------------------

NOWHERE: dict[str, Any] = {"OpenOrders": {"open": {}}, "ClosedOrders": {"closed": {}, "count": 0}}


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
