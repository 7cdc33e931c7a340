"""An order of a replay ends as the real order of the same fills did, never past its own bound."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.contract.copy_state import CopyState, Reason
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.domain.order import Ending
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.simulation.replayed_market import Refusal, ending_of, was_ordered

TAKER = Decimal("0.004")
D = Decimal


def made(ordered: str, **more: Any) -> CopyRecord:
    fields: dict[str, Any] = {
        "copy_id": "c1", "fill_seqs": (1,), "pair": "BTC/USD", "side": Side.BUY, "state": CopyState.INTENT,
        "reason": Reason.SCALED, "detail": "", "ordered": D(ordered), "cl_ord_id": "kc-1",
        "master_price": D(100), "limit_price": D(101),
    }  # fmt: skip
    return CopyRecord(**(fields | more))


def really(ordered: str, filled: str, cost: str, **more: Any) -> CopyRecord:
    state = CopyState.FILLED if filled == ordered else CopyState.PART_FILLED
    return made(
        ordered, filled=D(filled), cost=D(cost), fee=D(1), fee_asset="USD", **({"state": state} | more)
    )


def ended(copy: CopyRecord, real: CopyRecord | None) -> tuple[Decimal, Decimal, dict[str, Decimal]]:
    ending = ending_of(copy, real, TAKER)
    assert isinstance(ending, Ending)
    return ending.filled, ending.cost, ending.fees


def test_the_same_order_ends_as_it_did() -> None:
    assert ended(made("3"), really("3", "3", "301")) == (D(3), D(301), {"USD": D(1)})
    assert ended(made("3"), really("3", "2", "200")) == (D(2), D(200), {"USD": D(1)})


def test_another_volume_has_the_price_that_was_paid() -> None:
    assert ended(made("6"), really("3", "3", "301")) == (D(6), D(602), {"USD": D(2)})


def test_no_more_was_there_than_a_real_order_found() -> None:
    assert ended(made("6"), really("3", "2", "200")) == (D(2), D(200), {"USD": D(1)})
    assert ended(made("1"), really("3", "2", "200")) == (D(1), D(100), {"USD": D("0.5")})


def test_nothing_is_paid_beyond_the_bound() -> None:
    assert ended(made("3", limit_price=D(100)), really("3", "3", "303")) == (D(0), D(0), {})


@pytest.mark.parametrize(("limit", "filled", "cost"), [("101", "0", "0"), ("102", "3", "306")])
def test_a_wider_bound_pays_all_of_it_where_there_was_nothing(limit: str, filled: str, cost: str) -> None:
    real = made("3", state=CopyState.REJECTED, reason=Reason.SLIPPAGE_BOUND)
    assert ended(made("3", limit_price=D(limit)), real)[:2] == (D(filled), D(cost))


def test_what_was_refused_is_refused_again() -> None:
    real = made("3", state=CopyState.REJECTED, reason="EOrder:Insufficient funds", detail="no money")
    refused = ending_of(made("3"), real, TAKER)
    assert isinstance(refused, Refusal)
    assert (refused.reason, refused.detail) == (
        "EOrder:Insufficient funds",
        "as the order of then: no money",
    )


@pytest.mark.parametrize("real", [None, made("0", cl_ord_id="", state=CopyState.SKIPPED)])
def test_without_a_real_order_all_is_had_at_the_masters_price(real: CopyRecord | None) -> None:
    assert ended(made("3"), real) == (D(3), D(300), {"USD": D("1.2")})


def test_what_was_never_ordered_was_not_ordered() -> None:
    assert was_ordered(made("3"))
    assert not was_ordered(made("3", cl_ord_id=""))


amounts = st.decimals("0.01", "1000", places=2)


@given(amounts, amounts, amounts, amounts, amounts)
def test_no_order_buys_more_than_it_says_or_pays_more_than_its_bound(
    ordered: Decimal, bound: Decimal, really_ordered: Decimal, filled: Decimal, price: Decimal
) -> None:
    filled = min(filled, really_ordered)
    real = made(
        str(really_ordered), filled=filled, cost=filled * price, limit_price=price,
        state=CopyState.FILLED if filled == really_ordered else CopyState.PART_FILLED,
    )  # fmt: skip
    there, cost, _ = ended(made(str(ordered), limit_price=bound), real)
    assert there <= ordered
    assert cost <= there * bound
