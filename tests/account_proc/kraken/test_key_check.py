"""What follows from a key's permissions and bounds, from the clock and the fees; and that nothing unknown
is taken for fine.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.contract.spec import Role
from krakencopy.account_proc.kraken.exchange_clock import Clock
from krakencopy.account_proc.kraken.key_check import (
    LEDGER,
    READS,
    TRADES,
    WITHDRAWS,
    KeyVerdict,
    Needs,
    fee_pairs,
    judge,
)
from krakencopy.account_proc.kraken.rest.messages import ApiKeyInfo
from tests.support.key_samples import DAY_S, EXACT, NOW, USER, codes, key
from tests.support.scripted_kraken import TABLE


def test_a_key_that_may_what_is_needed_and_no_more_is_fit() -> None:
    assert judge(key(), EXACT, USER, NOW) == KeyVerdict()


@pytest.mark.parametrize("permission", [*READS, *TRADES])
def test_a_permission_that_a_user_lacks_is_named(permission: str) -> None:
    verdict = judge(key(without=(permission,)), EXACT, USER, NOW)
    assert verdict.missing == (permission,)
    ((code, words),) = verdict.refusals
    assert code == "KEY_LACKS_PERMISSION"
    assert f"lacks {permission}; give it that at Kraken" in words


@pytest.mark.parametrize(
    ("role", "has_strategy", "trades"),
    [(Role.USER, False, True), (Role.MASTER, False, False), (Role.MASTER, True, True)],
)
def test_only_who_trades_here_needs_to_place_orders(role: Role, has_strategy: bool, trades: bool) -> None:
    needs = Needs.of(role, has_strategy=has_strategy, allow_withdraw=False)
    verdict = judge(key(without=TRADES), EXACT, needs, NOW)
    assert verdict.missing == (TRADES if trades else ())


@pytest.mark.parametrize("permission", WITHDRAWS)
def test_a_key_that_can_move_money_away_is_refused_unless_it_is_allowed(permission: str) -> None:
    verdict = judge(key(permission), EXACT, USER, NOW)
    assert codes(verdict) == ["KEY_CAN_WITHDRAW"]
    assert "allow_withdraw_key = true" in verdict.refusals[0][1]
    allowed = judge(key(permission), EXACT, Needs.of(Role.USER, has_strategy=False, allow_withdraw=True), NOW)
    assert allowed.refusals == ()
    assert f"may withdraw ({permission})" in allowed.warnings[0]


def test_limits_want_the_ledger_and_a_key_without_it_is_fit_and_said() -> None:
    needs = replace(USER, looked_up_for="limit day")
    assert judge(key(LEDGER), EXACT, needs, NOW) == KeyVerdict()
    verdict = judge(key(without=(LEDGER,)), EXACT, needs, NOW)
    assert (verdict.missing, verdict.refusals) == ((), ())
    (words,) = verdict.warnings
    assert words.startswith("the API key lacks query-ledger: after a conversion")
    assert "limit day will not be judged until the next window or a reset" in words
    assert judge(key(without=(LEDGER,)), EXACT, USER, NOW) == KeyVerdict()


def test_all_that_is_wrong_is_told_at_once() -> None:
    verdict = judge(key("withdraw-funds", without=("query-funds",), valid_until=int(NOW)), EXACT, USER, NOW)
    assert codes(verdict) == ["KEY_EXPIRED", "KEY_CAN_WITHDRAW", "KEY_LACKS_PERMISSION"]


@pytest.mark.parametrize(
    ("left_s", "refused", "warned"),
    [
        (-1, True, False),
        (0, True, False),
        (1, False, True),
        (7 * DAY_S - 1, False, True),
        (7 * DAY_S, False, False),
    ],
)
def test_a_key_that_ends_is_refused_afterwards_and_warned_of_for_a_week(
    left_s: int, refused: bool, warned: bool
) -> None:
    verdict = judge(key(valid_until=int(NOW) + left_s), EXACT, USER, NOW)
    assert (codes(verdict) == ["KEY_EXPIRED"], bool(verdict.warnings)) == (refused, warned)


def test_a_key_ends_by_the_exchanges_clock() -> None:
    one_minute_left = key(valid_until=int(NOW) + 60)
    assert codes(judge(one_minute_left, Clock(61.0, 0.0), USER, NOW)) == ["KEY_EXPIRED"]
    assert codes(judge(one_minute_left, Clock(-61.0, 0.0), USER, NOW)) == []


def test_a_nonce_window_is_warned_of_with_the_reason() -> None:
    (warning,) = judge(key(nonce_window=5000), EXACT, USER, NOW).warnings
    assert "window of 5000" in warning
    assert "ones that somebody repeats" in warning


@pytest.mark.parametrize(
    ("offset", "doubt", "says"),
    [
        (2.0, 0.0, None),
        (-2.0, 0.0, None),
        (2.1, 0.0, "2 s behind the exchange's"),
        (-3.4, 0.5, "3 s ahead of the exchange's"),
        (2.4, 0.5, None),
    ],
)
def test_a_clock_that_is_surely_off_by_more_than_the_margin_of_deadlines_is_warned_of(
    offset: float, doubt: float, says: str | None
) -> None:
    warnings = judge(key(), Clock(offset, doubt), USER, NOW).warnings
    assert len(warnings) == (says is not None)
    assert says is None or (says in warnings[0] and "deadlines" in warnings[0])


def test_what_is_not_told_is_not_fine() -> None:
    verdict = judge(None, EXACT, USER, NOW)
    assert verdict.refusals == ()
    assert "does not tell what the API key may do" in verdict.warnings[0]


@given(st.sets(st.sampled_from([*READS, *TRADES, *WITHDRAWS, "earn-funds", "something-new"])), st.booleans())
def test_a_key_is_refused_if_and_only_if_it_may_too_little_or_withdraw(may: set[str], allowed: bool) -> None:
    needs = Needs.of(Role.USER, has_strategy=False, allow_withdraw=allowed)
    info = ApiKeyInfo(name="", permissions=frozenset(may), nonce=None, nonce_window=0, valid_until=0)
    verdict = judge(info, EXACT, needs, NOW)
    fit = {*READS, *TRADES} <= may and (allowed or may.isdisjoint(WITHDRAWS))
    assert (not verdict.refusals) == fit


@pytest.mark.parametrize(
    ("traded", "held", "pairs"),
    [
        ((), (), ("BTC/USD",)),
        ((), ("USD", "XYZ"), ("BTC/USD",)),
        (("ETH/USD",), (), ("ETH/USD",)),
        (("ETH/USD", "LUNA/USD"), ("USD.F", "BTC.F", "ETH"), ("ETH/USD", "BTC/USD")),
    ],
)
def test_fees_are_asked_for_of_what_was_traded_and_what_is_held(
    traded: tuple[str, ...], held: tuple[str, ...], pairs: tuple[str, ...]
) -> None:
    assert fee_pairs(TABLE, traded, held) == pairs
