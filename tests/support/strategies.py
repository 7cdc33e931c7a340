"""What a strategy is given in tests: an account that holds what a test says, and prices."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from krakencopy.account_proc.strategy.api import OrderIntent, Strategy, Tick


@dataclass
class Held:
    """An account that holds what a test says."""

    volumes: dict[str, Decimal] = field(default_factory=dict)

    def equity(self, pair: str) -> Decimal | None:
        return Decimal(1000) if pair else None

    def position(self, pair: str) -> Decimal:
        return self.volumes.get(pair, Decimal(0))


def tick(price: Decimal | int, at: float = 0.0) -> Tick:
    return Tick(pair="BTC/USD", bid=Decimal(price), ask=Decimal(price), last=Decimal(price), at=at)


def wanted(strategy: Strategy, prices: Iterable[int]) -> list[OrderIntent]:
    return [intent for price in prices for intent in strategy.on_market(tick(price))]
