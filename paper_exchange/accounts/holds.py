"""What orders cost before they are filled: the money that they need, and what they keep on hold. Pure
arithmetic.
"""

from collections.abc import Sequence
from decimal import Decimal

from krakencopy.paper_exchange.accounts.orders import Order, OrderRequest
from krakencopy.paper_exchange.values.decimals import ZERO, rounded, rounded_up
from krakencopy.paper_exchange.values.sides import Side


def hold_needed(
    request: OrderRequest, volume: Decimal, rate: Decimal, at_price: Decimal | None = None
) -> Decimal:
    """What a waiting volume keeps on hold. The fee (a fraction) is part of it where it is paid in the same
    asset.

    `at_price` stands for the limit where the order has none: what it waits for.
    """
    pair = request.pair
    if request.side is Side.SELL:
        return volume + (rounded_up(volume * rate, pair.lot_step) if request.fee_in_base else ZERO)
    price = request.price if request.price is not None else at_price
    assert price is not None, "an order that waits has a price"
    cost = rounded_up(volume * price, pair.cost_step)
    return cost + (ZERO if request.fee_in_base else rounded_up(cost * rate, pair.cost_step))


def funds_needed(
    request: OrderRequest,
    volume: Decimal,
    fills: Sequence[tuple[Decimal, Decimal]],
    taker_rate: Decimal,
    maker_rate: Decimal,
) -> Decimal:
    """What must be available for `volume` of an order, in the asset that it pays with.

    A market order needs what it takes. A limit order needs its whole volume at its limit, as if it got
    nothing better; the exact costs of its fills are a second bound, because each of them is rounded.
    """
    pair = request.pair
    taken = sum((part for _, part in fills), ZERO)
    exact = ZERO
    for price, part in fills:
        if request.side is Side.SELL:
            exact += part + (rounded(part * taker_rate, pair.lot_step) if request.fee_in_base else ZERO)
        else:
            cost = rounded(price * part, pair.cost_step)
            exact += cost + (ZERO if request.fee_in_base else rounded(cost * taker_rate, pair.cost_step))
    if request.price is None:
        return exact
    if request.time_in_force.rests:
        exact += hold_needed(request, volume - taken, maker_rate)
    return max(exact, hold_needed(request, volume, taker_rate if fills else maker_rate))


def within(
    available: Decimal, order: Order, cost: Decimal, fee: Decimal, *, reserved: Decimal
) -> tuple[Decimal, Decimal]:
    """Cost and fee of a resting order's fill, cut by rounding dust where the last fills would overdraw the
    balance.

    `reserved` is the base volume that the fill and the order's rest need of what is available.
    """
    if order.side is Side.SELL:
        return cost, max(ZERO, min(fee, available - reserved)) if order.request.fee_in_base else fee
    if order.request.fee_in_base:
        return min(cost, available), fee
    fee = max(ZERO, min(fee, available - cost))
    return min(cost, available), fee
