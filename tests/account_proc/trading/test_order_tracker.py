"""How an order ended is known from its trades, each counted once; where the feed is silent, the exchange
is asked.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.contract.errors import OutcomeUnknown
from krakencopy.account_proc.kraken.feed.executions import Execution
from krakencopy.account_proc.trading import order_tracker as order_watch
from krakencopy.account_proc.trading.order_tracker import OrderTracker
from tests.support.copying import NOW
from tests.support.scripted_kraken import ScriptedKraken, execution, order_row, run, until

TWO = Decimal(2)


class Clock:
    """Moves when it is looked at, so that every poll comes due."""

    def __init__(self, step: float = 0.0) -> None:
        self.now, self.step = NOW, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def watching(kraken: ScriptedKraken | None = None, step: float = 0.0) -> OrderTracker:
    return OrderTracker((kraken or ScriptedKraken()).exchange, Clock(step), 3.0)


@asynccontextmanager
async def asking(watch: OrderTracker) -> AsyncIterator[None]:
    """The watch's own loop, as the process runs it."""
    task = asyncio.create_task(watch.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def trade(exec_id: str, qty: str, price: str = "50000", **more: object) -> Execution:
    return execution(exec_id=exec_id, qty=qty, price=price, **more)  # type: ignore[arg-type]  # a test's shorthand


# -- from the feed -----------------------------------------------------------------------------------------


def test_an_order_is_over_when_its_trades_add_up_to_it() -> None:
    async def steps() -> None:
        watch = watching()
        watch.expect("mine", TWO)
        watch.acknowledged("mine", "O1")
        watch.executed([trade("T1", "0.5", "100", fees=(("USD", "0.1"),))])
        ended = asyncio.create_task(watch.end("mine"))
        await asyncio.sleep(0)
        assert not ended.done()
        watch.executed([trade("T2", "1.5", "102", fees=(("USD", "0.3"),))])
        ending = await ended
        assert (ending.order_id, ending.filled, ending.cost) == ("O1", TWO, Decimal(203))
        assert ending.fees == {"USD": Decimal("0.4")}

    run(steps())


@given(st.permutations(["T1", "T2", "T3", "ack", "T1", "T2", "T3"]), st.booleans())
def test_trades_count_once_in_whatever_order_they_and_the_answer_come(events: list[str], named: bool) -> None:
    async def steps() -> None:
        watch = watching()
        watch.expect("mine", Decimal(3))
        for event in events:
            if event == "ack":
                watch.acknowledged("mine", "O1")
            else:
                watch.executed([trade(event, "1", "10", cl_ord_id="mine" if named else None)])
        ending = await watch.end("mine")
        assert (ending.order_id, ending.filled, ending.cost) == ("O1", Decimal(3), Decimal(30))

    run(steps())


def test_the_feed_may_tell_the_orders_id_before_the_answer_does() -> None:
    async def steps() -> None:
        watch = watching()
        watch.expect("mine", TWO)
        assert watch.seen_order_id("mine") == watch.seen_order_id("unheard of") == ""
        watch.executed([execution("pending_new", "O7", cl_ord_id="mine")])
        assert watch.seen_order_id("mine") == "O7"
        watch.executed([trade("T1", "2", order_id="O7")])
        assert (await watch.end("mine")).order_id == "O7"

    run(steps())


def test_the_trades_of_other_orders_count_for_nobody() -> None:
    async def steps() -> None:
        watch = watching()
        watch.expect("mine", TWO)
        watch.acknowledged("mine", "O1")
        watch.executed([trade("T1", "2", order_id="O2"), trade("T2", "2", order_id="O3", cl_ord_id="theirs")])
        ended = asyncio.create_task(watch.end("mine"))
        await asyncio.sleep(0)
        assert not ended.done()
        ended.cancel()

    run(steps())


def test_trades_that_nobody_claims_take_a_bounded_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_watch, "UNCLAIMED_ORDERS", 3)

    async def steps() -> None:
        watch = watching()
        for number in range(10):
            watch.executed([trade(f"T{number}", "1", order_id=f"O{number}")])
        assert list(watch._unclaimed) == ["O7", "O8", "O9"]
        watch.expect("mine", Decimal(1))
        watch.acknowledged("mine", "O9")
        assert (await watch.end("mine")).filled == 1

    run(steps())


def test_an_order_that_was_followed_to_its_end_leaves_nothing_behind() -> None:
    async def steps() -> None:
        watch = watching()
        watch.expect("mine", TWO)
        watch.expect("other", TWO)
        watch.acknowledged("mine", "O1")
        watch.executed([trade("T1", "2")])
        await watch.end("mine")
        watch.forget("other")
        watch.forget("never heard of")
        assert watch._by_client_id == {}
        assert watch._by_order_id == {}

    run(steps())


def test_whoever_gives_up_waiting_does_not_end_the_order_for_others() -> None:
    async def steps() -> None:
        watch = watching()
        watch.expect("mine", TWO)
        watch.acknowledged("mine", "O1")
        impatient = asyncio.create_task(watch.end("mine"))
        await asyncio.sleep(0)
        impatient.cancel()
        with suppress(asyncio.CancelledError):
            await impatient
        watch.executed([trade("T1", "2")])
        assert (await watch.end("mine")).filled == TWO

    run(steps())


# -- by asking ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("last", ["canceled", "expired", "filled"])
def test_an_end_that_the_trades_do_not_explain_is_asked_about_at_once(last: str) -> None:
    async def steps() -> None:
        kraken = ScriptedKraken({"QueryOrders": {"O1": order_row("canceled", "2", "0.75")}})
        watch = watching(kraken)  # the clock stands still: nothing comes due by itself
        watch.expect("mine", TWO)
        watch.acknowledged("mine", "O1")
        async with asking(watch):
            watch.executed([trade("T1", "0.5"), execution(last)])
            ending = await watch.end("mine")
        assert (ending.filled, ending.cost) == (Decimal("0.75"), Decimal(37_500))
        assert kraken.asked == [("QueryOrders", {"txid": "O1", "trades": "false"})]

    run(steps())


def test_an_order_that_the_feed_is_silent_about_is_asked_about_until_it_is_over() -> None:
    async def steps() -> None:
        still_open, over = {"O1": order_row("open", "2", "1")}, {"O1": order_row("closed", "2", "2")}
        lost = OutcomeUnknown("QueryOrders", "timeout")
        kraken = ScriptedKraken(next={"QueryOrders": [{}, lost, still_open, over]})
        watch = watching(kraken, step=10)
        watch.expect("mine", TWO)
        watch.acknowledged("mine", "O1")
        async with asking(watch):
            ending = await watch.end("mine")
        assert (ending.filled, kraken.times_asked("QueryOrders")) == (TWO, 4)

    run(steps())


def test_many_orders_are_asked_about_together_in_batches_that_kraken_takes() -> None:
    async def steps() -> None:
        sizes: list[int] = []

        def answer(params: dict[str, str]) -> dict[str, object]:
            ids = params["txid"].split(",")
            sizes.append(len(ids))
            return {order_id: order_row("closed", "1", "1") for order_id in ids}

        watch = watching(ScriptedKraken({"QueryOrders": answer}), step=10)
        names = [f"mine {number}" for number in range(60)]
        for number, name in enumerate(names):
            watch.expect(name, Decimal(1))
            watch.acknowledged(name, f"O{number}")
        async with asking(watch):
            for name in names:
                assert (await watch.end(name)).filled == 1
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
        watch = watching(kraken, step=10)
        watch.expect("mine", TWO)
        watch.acknowledged("mine", "O1")
        async with asking(watch):
            ending = await watch.end("mine")
        assert ending.fees == ({"USD": Decimal(fee)} if Decimal(fee) else {})
        assert ending.fees_certain is not fcib

    run(steps())


@pytest.mark.parametrize("descr", [{}, None, 7, {"pair": "gone"}])
def test_an_order_whose_row_does_not_tell_which_it_is_ends_all_the_same(descr: object) -> None:
    async def steps() -> None:
        row = order_row("canceled", "2", "0.75", fee="0.3") | {"descr": descr}
        watch = watching(ScriptedKraken({"QueryOrders": {"O1": row}}), step=10)
        watch.expect("mine", TWO)
        watch.acknowledged("mine", "O1")
        async with asking(watch):
            ending = await watch.end("mine")
        assert (ending.filled, ending.fees, ending.fees_certain) == (Decimal("0.75"), {}, False)

    run(steps())


def test_nothing_is_asked_while_nothing_is_open_and_a_new_order_wakes_the_loop() -> None:
    async def steps() -> None:
        kraken = ScriptedKraken({"QueryOrders": {"O1": order_row("closed", "2", "2")}})
        watch = watching(kraken, step=10)
        async with asking(watch):
            for _ in itertools.repeat(None, 5):
                await asyncio.sleep(0)
            assert kraken.asked == []
            watch.expect("mine", TWO)
            watch.acknowledged("mine", "O1")
            await until(lambda: kraken.times_asked("QueryOrders") == 1)
            assert (await watch.end("mine")).filled == TWO

    run(steps())


def test_a_fee_in_base_is_not_lost_behind_one_in_quote() -> None:
    async def steps() -> None:
        watch = watching()
        watch.expect("mine", TWO)
        watch.acknowledged("mine", "O1")
        watch.executed([trade("T1", "1", fees=(("USD", "0.1"),)), trade("T2", "1", fees=(("BTC", "0.004"),))])
        assert (await watch.end("mine")).fees == {"USD": Decimal("0.1"), "BTC": Decimal("0.004")}

    run(steps())


# -- who waits for news ------------------------------------------------------------------------------------


def test_the_feed_is_woken_before_an_order_is_sent_and_is_idle_when_none_is_followed() -> None:
    async def steps() -> None:
        woken: list[bool] = []
        watch = OrderTracker(ScriptedKraken().exchange, Clock(), 3.0, lambda: woken.append(watch.idle))
        assert watch.idle
        watch.expect("mine", TWO)
        watch.expect("mine", TWO)
        assert woken == [False]
        watch.acknowledged("mine", "O1")
        watch.executed([trade("T1", "2")])
        await watch.end("mine")
        assert watch.idle
        watch.expect("another", TWO)
        watch.forget("another")
        assert watch.idle
        assert woken == [False, False]

    run(steps())


def test_orders_that_are_begun_and_whatever_the_feed_tells_is_news() -> None:
    async def steps() -> None:
        watch = watching()
        heard = [watch.news.version]
        watch.expect("mine", TWO)
        heard.append(watch.news.version)
        watch.executed([trade("T1", "1", order_id="of a person's own order")])
        heard.append(watch.news.version)
        assert heard == sorted(set(heard))
        watch.executed([])
        assert watch.news.version == heard[-1]

    run(steps())
