"""What an order keeps on hold always suffices for what its fills cost, fees and rounding included."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from krakencopy.paper_exchange.accounts.holds import funds_needed, hold_needed
from krakencopy.paper_exchange.accounts.orders import OrderRequest, TimeInForce
from krakencopy.paper_exchange.values.decimals import ZERO, rounded
from krakencopy.paper_exchange.values.pairs import PAIRS
from krakencopy.paper_exchange.values.sides import OrderType, Side

BITCOIN = PAIRS[0]
RATE = Decimal("0.004")
VOLUMES = st.decimals(min_value="0.00000001", max_value=1000, places=8)
PRICES = st.decimals(min_value="0.1", max_value=200_000, places=1)


def limit(side: Side, price: Decimal | None, *, in_base: bool = False, **more: object) -> OrderRequest:
    kind = OrderType.MARKET if price is None else OrderType.LIMIT
    return OrderRequest(BITCOIN, side, kind, Decimal(1), price, fee_in_base=in_base, **more)  # type: ignore[arg-type]


def test_a_purchase_holds_its_cost_and_the_fee_where_it_is_taken_in_quote() -> None:
    price = Decimal(50_000)
    assert hold_needed(limit(Side.BUY, price), Decimal("0.1"), RATE) == Decimal(5020)
    assert hold_needed(limit(Side.BUY, price, in_base=True), Decimal("0.1"), RATE) == Decimal(5000)


def test_a_sale_holds_its_volume_and_the_fee_where_it_is_taken_in_base() -> None:
    price = Decimal(50_000)
    assert hold_needed(limit(Side.SELL, price), Decimal("0.1"), RATE) == Decimal("0.1")
    assert hold_needed(limit(Side.SELL, price, in_base=True), Decimal("0.1"), RATE) == Decimal("0.1004")


def test_an_order_without_a_limit_holds_what_it_waits_for() -> None:
    waits = limit(Side.BUY, None)
    assert hold_needed(waits, Decimal("0.1"), RATE, at_price=Decimal(40_000)) == Decimal(4016)


@given(VOLUMES, PRICES, st.sampled_from(Side), st.booleans())
def test_a_hold_is_never_below_what_a_fill_at_the_limit_takes(
    volume: Decimal, price: Decimal, side: Side, in_base: bool
) -> None:
    held = hold_needed(limit(side, price, in_base=in_base), volume, RATE)
    if side is Side.SELL:
        assert held >= volume + (rounded(volume * RATE, BITCOIN.lot_step) if in_base else ZERO)
    else:
        cost = rounded(volume * price, BITCOIN.cost_step)
        assert held >= cost + (ZERO if in_base else rounded(cost * RATE, BITCOIN.cost_step))


def test_a_market_order_needs_what_it_takes() -> None:
    fills = [(Decimal(50_000), Decimal("0.1")), (Decimal(50_100), Decimal("0.1"))]
    assert funds_needed(limit(Side.BUY, None), Decimal("0.2"), fills, RATE, RATE) == Decimal("10050.04")
    sold = limit(Side.SELL, None, in_base=True)
    assert funds_needed(sold, Decimal("0.2"), fills, RATE, RATE) == Decimal("0.2008")


def test_a_limit_order_needs_its_whole_volume_at_its_limit_however_well_it_fills() -> None:
    wanted = limit(Side.BUY, Decimal(50_000))
    better = [(Decimal(40_000), Decimal("0.1"))]
    needed = funds_needed(wanted, Decimal("0.2"), better, RATE, RATE)
    assert needed == hold_needed(wanted, Decimal("0.2"), RATE)


def test_what_does_not_rest_needs_no_money_for_the_rest() -> None:
    # Sums of exact fills are above the limit's own bound where each of them is rounded up.
    fills = [(Decimal(50_000), Decimal("0.00000001"))] * 3
    rests = funds_needed(limit(Side.SELL, Decimal(50_000)), Decimal("0.2"), fills, RATE, RATE)
    leaves = limit(Side.SELL, Decimal(50_000), time_in_force=TimeInForce.IOC)
    assert funds_needed(leaves, Decimal("0.2"), fills, RATE, RATE) == rests == Decimal("0.2")
