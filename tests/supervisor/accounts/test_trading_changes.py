from __future__ import annotations

import pytest

from krakencopy.account_proc.contract.trading_states import ALL, StateSetting, TradingState, TradingStates
from krakencopy.supervisor.accounts.trading_changes import account_of, changes, lift_words, scope_words


def said(state: TradingState, by: str = "operator ann", reason: str = "") -> StateSetting:
    return StateSetting(state=state, by=by, reason=reason, at=1.0)


HALTED, ACTIVE = TradingState.HALTED, TradingState.ACTIVE


def test_each_scope_that_differs_is_one_change() -> None:
    before = TradingStates().with_state(["account:bob", "group:eu"], said(HALTED))
    after = before.with_state([ALL], said(HALTED, reason="exchange is odd"))
    after = after.with_state(["account:bob"], said(ACTIVE))
    found = list(changes(before, after, "operator eve", "all well", ""))
    assert [(one.code, one.account_id, one.message) for one in found] == [
        ("TRADING_STATE_CHANGED", "bob", "bob: ACTIVE by operator eve (all well)"),
        ("TRADING_STATE_CHANGED", "", "all accounts: HALTED by operator ann (exchange is odd)"),
    ]
    assert found[1].data == {
        "scope": "all", "state": "HALTED", "by": "operator ann", "reason": "exchange is odd",
    }  # fmt: skip
    assert list(changes(after, after, "", "", "")) == []


def test_an_order_to_sell_is_one_change_with_the_state_that_comes_with_it() -> None:
    before = TradingStates().with_state(["account:bob"], said(HALTED))
    after = before.with_flatten(["anna", "bob"], "operator ann", "leaving", 2.0)
    found = list(changes(before, after, "", "", "said elsewhere"))
    assert [(one.code, one.account_id) for one in found] == [
        ("FLATTEN_REQUESTED", "anna"),
        ("FLATTEN_REQUESTED", "bob"),
    ]
    assert found[0].message == (
        "it is to sell what copying bought, and buys nothing, by operator ann (leaving); said elsewhere"
    )
    assert found[0].data["number"] == "2"  # of its version


@pytest.mark.parametrize(
    ("scope", "words", "command", "account"),
    [
        ("all", "all accounts", "krakencopy resume --all", ""),
        ("group:eu", "group eu", "krakencopy resume --group eu", ""),
        ("account:bob", "bob", "krakencopy resume bob", "bob"),
    ],
)
def test_a_scope_in_words(scope: str, words: str, command: str, account: str) -> None:
    assert (scope_words(scope), lift_words(scope), account_of(scope)) == (words, command, account)
