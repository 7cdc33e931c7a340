"""An order that was asked for is kept as it was, and a strategy's position follows from those that ended."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.contract.copy_state import CopyState
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.domain.requested_order import LIVE, OwnPosition, RequestedOrder

AMOUNTS = st.decimals(min_value=0, max_value=10**6, places=8)
NAMES = st.text("abcdef-", max_size=8)
ORDERS = st.builds(
    RequestedOrder,
    request_id=NAMES, cl_ord_id=NAMES, pair=NAMES, side=st.sampled_from(Side), volume=AMOUNTS,
    limit_price=st.none() | AMOUNTS, state=st.sampled_from(CopyState), deadline=st.floats(0, 2e9),
    order_id=NAMES, description=NAMES, error=NAMES, strategy=NAMES,
    filled=AMOUNTS, cost=AMOUNTS, fee_base=AMOUNTS, fee_quote=AMOUNTS,
)  # fmt: skip


def order(side: Side, filled: str = "0", cost: str = "0", fee_base: str = "0", **more: Any) -> RequestedOrder:
    usual: dict[str, Any] = {
        "request_id": "r", "cl_ord_id": "c", "pair": "BTC/USD", "volume": Decimal(9), "limit_price": None,
        "state": CopyState.FILLED, "deadline": 1.0,
    }  # fmt: skip
    return RequestedOrder(
        side=side, filled=Decimal(filled), cost=Decimal(cost), fee_base=Decimal(fee_base), **usual | more
    )


@given(ORDERS)
def test_an_order_is_read_as_it_was_kept(kept: RequestedOrder) -> None:
    assert RequestedOrder.from_json(kept.to_json()) == kept


def test_an_order_of_an_earlier_version_has_filled_nothing() -> None:
    raw = json.loads(order(Side.BUY).to_json())
    for name in ("filled", "cost", "fee_base", "fee_quote", "strategy"):
        del raw[name]
    assert RequestedOrder.from_json(json.dumps(raw)) == order(Side.BUY)


@pytest.mark.parametrize(
    "change", [{"colour": "red"}, {"side": "hold"}, {"state": "?"}, {"volume": "much"}, {"limit_price": "x"}]
)
def test_anything_else_is_refused(change: dict[str, str]) -> None:
    raw = json.loads(order(Side.BUY).to_json()) | change
    with pytest.raises((KeyError, TypeError, ValueError, ArithmeticError)):
        RequestedOrder.from_json(json.dumps(raw))


@pytest.mark.parametrize("state", CopyState)
def test_a_strategys_order_is_followed_to_its_end_and_an_operators_is_not(state: CopyState) -> None:
    assert order(Side.BUY, state=state, strategy="sma_cross").live == (state in LIVE)
    assert not order(Side.BUY, state=state).live


def test_a_purchase_adds_what_came_in_and_what_was_paid() -> None:
    held = OwnPosition(Decimal(1), Decimal(100))
    assert held.after(order(Side.BUY, "2", "180", "0.1")) == OwnPosition(Decimal("2.9"), Decimal(280))


def test_a_sale_takes_its_share_of_what_was_paid() -> None:
    held = OwnPosition(Decimal(4), Decimal(100))
    assert held.after(order(Side.SELL, "1", "900")) == OwnPosition(Decimal(3), Decimal(75))
    assert held.after(order(Side.SELL, "4")) == OwnPosition(Decimal(0), Decimal(0))


def test_more_than_there_was_is_never_less_than_nothing() -> None:
    assert OwnPosition(Decimal(1), Decimal(100)).after(order(Side.SELL, "2")) == OwnPosition()
    assert OwnPosition().after(order(Side.SELL, "2")) == OwnPosition()
