"""Sides and kinds of orders."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Side(StrEnum):
    """Who took: a buyer lifted the ask, or a seller hit the bid."""

    BUY = "buy"
    SELL = "sell"


class OrderType(StrEnum):
    """The order types that the engine builds; the public record knows only the first two."""

    MARKET = "market"
    LIMIT = "limit"
    ICEBERG = "iceberg"
    STOP_LOSS = "stop-loss"
    TAKE_PROFIT = "take-profit"
    STOP_LOSS_LIMIT = "stop-loss-limit"
    TAKE_PROFIT_LIMIT = "take-profit-limit"
    TRAILING_STOP = "trailing-stop"
    TRAILING_STOP_LIMIT = "trailing-stop-limit"

    @property
    def executes_as(self) -> OrderType:
        """What the order is once it meets the market."""
        return _EXECUTES_AS[self]

    @property
    def is_triggered(self) -> bool:
        """Whether the order waits for a price first."""
        return self in _TRIGGERED

    @property
    def trails(self) -> bool:
        """Whether the price that it waits for follows the market."""
        return self in {OrderType.TRAILING_STOP, OrderType.TRAILING_STOP_LIMIT}

    @property
    def takes_profit(self) -> bool:
        """Whether it waits for a better price instead of a worse one."""
        return self in {OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT}


_EXECUTES_AS: Final = {
    OrderType.MARKET: OrderType.MARKET,
    OrderType.LIMIT: OrderType.LIMIT,
    OrderType.ICEBERG: OrderType.LIMIT,
    OrderType.STOP_LOSS: OrderType.MARKET,
    OrderType.TAKE_PROFIT: OrderType.MARKET,
    OrderType.STOP_LOSS_LIMIT: OrderType.LIMIT,
    OrderType.TAKE_PROFIT_LIMIT: OrderType.LIMIT,
    OrderType.TRAILING_STOP: OrderType.MARKET,
    OrderType.TRAILING_STOP_LIMIT: OrderType.LIMIT,
}


_TRIGGERED: Final = frozenset(OrderType) - {OrderType.MARKET, OrderType.LIMIT, OrderType.ICEBERG}
