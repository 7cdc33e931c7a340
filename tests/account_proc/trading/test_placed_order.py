"""How an order ended is known from its trades, each counted once, or from the exchange's row of it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from decimal import Decimal

import pytest

from krakencopy.account_proc.domain.pair_table import PairTable
from krakencopy.account_proc.kraken.feed.executions import Execution
from krakencopy.account_proc.kraken.pair_rows import pair_table
from krakencopy.account_proc.kraken.rest.messages import order_row as parsed
from krakencopy.account_proc.trading.placed_order import PlacedOrder, ending_of
from tests.support.scripted_kraken import TABLE, execution, order_row, run

TWO = Decimal(2)


def placed_order(followed: list[PlacedOrder] | None = None) -> PlacedOrder:
    """An order of 2, in the list while it is followed."""
    orders = [] if followed is None else followed
    placed = PlacedOrder("mine", TWO, lambda order: orders.remove(order) if order in orders else None)
    placed.order_id = "O1"
    orders.append(placed)
    return placed


def trade(exec_id: str, qty: str, price: str = "50000", fee: str = "0", asset: str = "USD") -> Execution:
    return execution(exec_id=exec_id, qty=qty, price=price, fees=((asset, fee),) if fee != "0" else ())


def test_an_order_is_over_when_its_trades_add_up_to_it() -> None:
    async def steps() -> None:
        followed: list[PlacedOrder] = []
        placed = placed_order(followed)
        assert not placed.count(trade("T1", "0.5", "100", "0.1"))
        assert not placed.count(trade("T1", "0.5", "100", "0.1"))
        assert not await placed.ends_within(0.0)
        assert not placed.count(trade("T2", "1.5", "102", "0.3"))
        assert await placed.ends_within(0.0)
        assert followed == [placed]
        ending = await placed.end()
        assert followed == []
        assert (ending.order_id, ending.filled, ending.cost) == ("O1", TWO, Decimal(203))
        assert ending.fees == {"USD": Decimal("0.4")}

    run(steps())


def test_whoever_waits_for_an_end_that_comes_soon_gets_it() -> None:
    async def steps() -> None:
        placed = placed_order()
        asyncio.get_running_loop().call_later(0.01, placed.count, trade("T1", "2"))
        assert await placed.ends_within(5.0)

    run(steps())


def test_whoever_gives_up_waiting_does_not_end_the_order_for_others() -> None:
    async def steps() -> None:
        placed = placed_order()
        impatient = asyncio.create_task(placed.end())
        await asyncio.sleep(0)
        impatient.cancel()
        with suppress(asyncio.CancelledError):
            await impatient
        placed.count(trade("T1", "2"))
        assert (await placed.end()).filled == TWO

    run(steps())


@pytest.mark.parametrize("last", ["canceled", "expired", "filled"])
def test_an_end_that_the_trades_do_not_explain_has_to_be_asked_about(last: str) -> None:
    async def steps() -> None:
        placed = placed_order()
        placed.count(trade("T1", "0.5"))
        assert placed.count(execution(last))
        assert not placed.is_over
        placed.ended(parsed("O1", order_row("canceled", "2", "0.75"), TABLE))
        placed.count(trade("T2", "1.5"))  # too late: its end is known
        assert (await placed.end()).filled == Decimal("0.75")

    run(steps())


def test_a_fee_in_base_is_not_lost_behind_one_in_quote() -> None:
    async def steps() -> None:
        placed = placed_order()
        placed.count(trade("T1", "1", fee="0.1"))
        placed.count(trade("T2", "1", fee="0.004", asset="BTC"))
        assert (await placed.end()).fees == {"USD": Decimal("0.1"), "BTC": Decimal("0.004")}

    run(steps())


def test_an_order_that_is_forgotten_is_followed_no_more_and_has_no_end() -> None:
    async def steps() -> None:
        followed: list[PlacedOrder] = []
        placed = placed_order(followed)
        placed.forget()
        assert followed == []
        assert placed.is_over
        placed.count(trade("T1", "2"))
        with pytest.raises(asyncio.CancelledError):
            await placed.end()

    run(steps())


@pytest.mark.parametrize(
    ("fcib", "table", "fees", "is_certain"),
    [
        (False, TABLE, {"USD": Decimal("0.3")}, True),
        (True, TABLE, {"USD": Decimal("0.3")}, False),
        (False, pair_table({}, {}), {}, False),
    ],
)
def test_the_fee_of_a_row_is_in_quote_and_certain_where_that_is_known(
    fcib: bool, table: PairTable, fees: dict[str, Decimal], is_certain: bool
) -> None:
    row = parsed("O1", order_row("closed", "2", "2", fcib=fcib, reason="why"), table)
    ending = ending_of(row, "by the feed")
    assert (ending.fees, ending.fees_certain, ending.reason) == (fees, is_certain, "why")
