"""A limit to losses as a value: what it is counted in, and how it travels."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from krakencopy.account_proc.contract.loss_limits import (
    NAME,
    STATE_OF,
    Action,
    LossLimit,
    Metric,
    Window,
    amount_words,
    percent,
    usual_name,
)
from krakencopy.account_proc.contract.money import Money
from krakencopy.account_proc.contract.trading_states import TradingState

EUROS = Money(Decimal("250.50"), "EUR")
MONEY = LossLimit("m", Metric.REALISED, Window.TRAILING, EUROS, Decimal("0.5"), Action.FLATTEN)
SHARE = MONEY._replace(name="s", max_loss=Decimal("0.025"), metric=Metric.EQUITY)


@pytest.mark.parametrize("limit", [MONEY, SHARE])
def test_a_limit_is_the_same_after_its_way(limit: LossLimit) -> None:
    assert LossLimit.from_raw(json.loads(json.dumps(limit.to_raw(), default=str))) == limit


def test_what_a_limit_is_counted_in() -> None:
    assert (MONEY.currency, MONEY.most, MONEY.is_share) == ("EUR", Decimal("250.50"), False)
    assert (SHARE.currency, SHARE.most, SHARE.is_share) == ("USD", Decimal("0.025"), True)
    assert MONEY.basis == "realised trailing EUR"
    assert SHARE.basis == "equity trailing %"
    assert MONEY.in_names(lambda _: "EURX").currency == "EURX"
    assert SHARE.in_names(lambda _: "EURX") == SHARE


def test_a_name_is_made_of_the_content() -> None:
    assert percent(Decimal("0.025")) == "2.5%"
    assert percent(Decimal(1)) == "100%"
    assert amount_words(EUROS) == "250.5 EUR"
    names = [usual_name(each.metric, each.window, each.max_loss, each.action) for each in (MONEY, SHARE)]
    assert all(map(NAME.fullmatch, names))
    assert names[1] == "trailing-equity-2.5pct-flatten"


def test_what_may_be_traded_after_a_hit() -> None:
    assert STATE_OF[Action.WARN] is TradingState.ACTIVE
    assert STATE_OF[Action.FLATTEN] is STATE_OF[Action.REDUCING] is TradingState.REDUCING
    assert STATE_OF[Action.HALTED] is TradingState.HALTED
