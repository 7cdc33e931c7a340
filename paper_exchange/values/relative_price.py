"""Prices that are written relative to another one: `+5`, `-5`, `#5`, each also in percent. Pure
arithmetic.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from krakencopy.paper_exchange.values.decimals import parse_plain, rounded
from krakencopy.paper_exchange.values.pairs import Pair
from krakencopy.paper_exchange.values.sides import OrderType, Side

_SIGNS: Final = frozenset("+-#")


@dataclass(frozen=True, slots=True)
class Offset:
    """A distance from a price: above it, below it, or (`#`) to the side that the order's kind means."""

    sign: str
    amount: Decimal
    percent: bool

    def __str__(self) -> str:
        """Kraken prints `+50.0000%` in an order's description."""
        return f"{self.sign}{self.amount:.4f}%" if self.percent else f"{self.sign}{self.amount:f}"

    def distance(self, reference: Decimal) -> Decimal:
        """How far from `reference`, not rounded."""
        return reference * self.amount / 100 if self.percent else self.amount

    def from_price(self, reference: Decimal, *, upwards: bool) -> Decimal:
        """The price at this distance; `upwards` decides for `#` alone. May be below zero; not rounded."""
        up = self.sign == "+" or (self.sign == "#" and upwards)
        return reference + self.distance(reference) if up else reference - self.distance(reference)


def parse_offset(text: str) -> Offset | None:
    """Read `+5`, `-5%` or `#0.5`; None where the text is no relative price."""
    sign, rest = text[:1], text[1:]
    percent = rest.endswith("%")
    amount = parse_plain(rest.removesuffix("%"))
    return Offset(sign, amount, percent) if sign in _SIGNS and amount is not None else None


def is_offset(text: str) -> bool:
    """Whether a price is meant to be relative; it may still be malformed."""
    return text[:1] in _SIGNS or text.endswith("%")


def goes_up(kind: OrderType, side: Side) -> bool:
    """Kraken: `#` adds or subtracts "depending on the direction and order type used".

    Away from the market for a limit or a take-profit (a seller's above it), into it for a stop.
    """
    waits_for_worse = kind.is_triggered and not kind.takes_profit
    return (side is Side.BUY) == waits_for_worse


def on_grid(price: Decimal, tick: Decimal, pair: Pair) -> Decimal:
    """A computed price on the tick grid, at least one tick, with all digits of its pair."""
    return max(rounded(price / tick, Decimal(1)) * tick, tick).quantize(pair.price_step)
