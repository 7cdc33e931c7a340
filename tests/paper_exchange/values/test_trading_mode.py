"""What each mode of the market and of a pair lets in."""

from __future__ import annotations

import pytest

from krakencopy.paper_exchange.values.errors import KrakenError
from krakencopy.paper_exchange.values.trading_mode import (
    MarketMode,
    PairStatus,
    check_amend,
    check_cancel,
    check_entry,
)

Mode = MarketMode | PairStatus
MODES: tuple[Mode, ...] = (*MarketMode, *PairStatus)


def lets_in(mode: Mode, ordertype: str, *, post: bool = False) -> bool:
    says = "EService:Unavailable" if mode is MarketMode.MAINTENANCE else f"EService:Market in {mode} mode"
    try:
        check_entry(mode, ordertype, post=post)
    except KrakenError as refused:
        return refused.text != says  # a refusal in other words is none of these
    return True


@pytest.mark.parametrize("mode", MODES, ids=repr)
def test_a_market_order_comes_in_when_all_is_well_alone(mode: Mode) -> None:
    assert lets_in(mode, "market") is (mode == "online")


@pytest.mark.parametrize("mode", MODES, ids=repr)
def test_a_limit_order_also_where_limits_are_taken_and_one_that_posts_where_orders_may_wait(
    mode: Mode,
) -> None:
    assert lets_in(mode, "limit") is (mode in {"online", "limit_only"})
    assert lets_in(mode, "limit", post=True) is (mode in {"online", "limit_only", "post_only"})


@pytest.mark.parametrize("mode", MODES, ids=repr)
def test_an_amend_needs_a_market_that_takes_orders(mode: Mode) -> None:
    if mode in {"maintenance", "cancel_only", "reduce_only"}:
        with pytest.raises(KrakenError, match="EService:"):
            check_amend(mode)
    else:
        check_amend(mode)


@pytest.mark.parametrize("mode", MarketMode)
def test_a_cancel_is_taken_but_in_maintenance(mode: MarketMode) -> None:
    if mode is MarketMode.MAINTENANCE:
        with pytest.raises(KrakenError, match="EService:Unavailable"):
            check_cancel(mode)
    else:
        check_cancel(mode)


def test_orders_fill_where_both_sides_may_come() -> None:
    assert {mode for mode in MarketMode if mode.matches} == {"online", "limit_only"}
    assert {mode for mode in PairStatus if mode.matches} == {"online", "limit_only", "reduce_only"}


def test_limit_only_is_no_state_of_the_system() -> None:
    assert [mode.system for mode in MarketMode] == [
        "online",
        "cancel_only",
        "post_only",
        "online",
        "maintenance",
    ]
