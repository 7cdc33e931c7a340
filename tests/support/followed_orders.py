"""A gateway whose orders a test follows: its clock, its loop, what the feed tells it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from decimal import Decimal

from krakencopy.account_proc.kraken.feed.executions import Execution
from krakencopy.account_proc.trading.order_gateway import OrderGateway
from krakencopy.account_proc.trading.placed_order import PlacedOrder
from krakencopy.account_proc.trading.timing import Timing
from tests.support.copying import NOW
from tests.support.scripted_kraken import (
    ScriptedKraken,
    execution,
    order_row,
    order_to_send,
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
