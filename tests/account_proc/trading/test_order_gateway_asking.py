"""An order whose end the feed does not tell, or not in full, is asked about: when, and what counts."""

from __future__ import annotations

import asyncio
import itertools
from decimal import Decimal
from typing import Any

import pytest

from krakencopy.account_proc.contract.errors import (
    ExchangeRefused,
    OutcomeUnknown,
)
from krakencopy.account_proc.trading.placed_order import OrderNotShown
from tests.support.followed_orders import TWO, asking, gateway_of, on_its_way, trade
from tests.support.scripted_kraken import (
    Answer,
    ScriptedKraken,
    execution,
    order_row,
    order_to_send,
    run,
    until,
)


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
