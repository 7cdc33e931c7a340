"""Self-trade prevention: what an order may take before it would meet an order of its own account. Pure.

Orders meet the market, never each other; but where an own order of the other side rests at the price that is
next, Kraken would match the two, and ends one of them instead. What the market offers at the very price of
the own order comes first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from krakencopy.paper_exchange.accounts.orders import Order, SelfTrade
from krakencopy.paper_exchange.values.decimals import ZERO
from krakencopy.paper_exchange.values.sides import Side

Fills = list[tuple[Decimal, Decimal]]


@dataclass(frozen=True, slots=True)
class Contact:
    """What is left of a plan: the fills, the own resting orders that end, and whether the new order ends
    with it.
    """

    fills: Fills
    ended: list[Order]
    ends_newest: bool


def meet_own(side: Side, volume: Decimal, fills: Fills, own: Sequence[Order], policy: SelfTrade) -> Contact:
    """Let an order with these fills meet `own` resting orders, which its limit reaches, best price first."""
    ended: list[Order] = []
    for resting in own:
        price = resting.request.price
        assert price is not None, "only limit orders rest"
        before = [fill for fill in fills if (fill[0] <= price if side is Side.BUY else fill[0] >= price)]
        if sum((part for _, part in before), ZERO) == volume:
            return Contact(before, ended, ends_newest=False)
        if policy is SelfTrade.CANCEL_NEWEST:
            return Contact(before, ended, ends_newest=True)
        ended.append(resting)
        if policy is SelfTrade.CANCEL_BOTH:
            return Contact(before, ended, ends_newest=True)
    return Contact(fills, ended, ends_newest=False)
