"""Fills of one run are answered one by one where they are not copied, and together where they are."""

from __future__ import annotations

from decimal import Decimal

import pytest

from krakencopy.account_proc.contract.copy_state import Reason
from krakencopy.account_proc.contract.spec import BalanceBasis, CopyRules
from krakencopy.account_proc.domain.copy_plan import Order, Skip
from tests.support.copying import (
    BTC,
    LOTS,
    NOW,
    Follower,
    TradingMaster,
)


def test_an_entry_on_margin_is_skipped_and_so_is_an_exit() -> None:
    master, user = TradingMaster(position={BTC.base: Decimal(1)}), Follower()
    user.holds(Decimal(1))
    for fill in (master.buy("O1", "1", "50000", margin=True), master.sell("O2", "1", "50000", margin=True)):
        (skip,) = user.decide(fill).decisions
        assert isinstance(skip, Skip)
        assert skip.reason is Reason.MARGIN_TRADE
    assert user.position == 1


def test_an_entry_that_is_too_old_is_skipped_alone() -> None:
    master, user = TradingMaster(), Follower(pair=LOTS)
    user.now = NOW + 30
    old = master.buy("O1", "1", "1", LOTS, executed_at=NOW - 0.5)
    young = master.buy("O1", "1", "1", LOTS, executed_at=NOW)
    skip, order = user.decide(old, young).decisions
    assert isinstance(skip, Skip)
    assert (skip.reason, skip.fills) == (Reason.STALE_ENTRY, (old,))
    assert isinstance(order, Order)
    assert (order.fills, order.volume.amount) == ((young,), Decimal("0.1"))


@pytest.mark.parametrize("equity", [None, Decimal(0), Decimal(-1)])
def test_an_account_without_equity_enters_nothing(equity: Decimal | None) -> None:
    user = Follower()
    user.equity = equity
    (skip,) = user.decide(TradingMaster().buy("O1", "1", "50000")).decisions
    assert isinstance(skip, Skip)
    assert skip.reason is Reason.NO_EQUITY


@pytest.mark.parametrize("basis", BalanceBasis)
def test_without_the_masters_balance_there_is_nothing_to_scale_by(basis: BalanceBasis) -> None:
    master = TradingMaster(equity=Decimal(0), cash=Decimal(0))
    user = Follower(rules=CopyRules(balance=basis))
    (skip,) = user.decide(master.buy("O1", "1", "50000")).decisions
    assert isinstance(skip, Skip)
    assert skip.reason is Reason.MASTER_EQUITY_UNKNOWN
