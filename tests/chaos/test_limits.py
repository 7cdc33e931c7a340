"""What users have of caps and filters is drawn by itself, written as the system reads it, and judged."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.chaos import limits, plan
from tests.chaos.records import Record
from tests.chaos.rows import UserTerms
from tests.chaos.test_model import answer, check, entry

D = Decimal
ANNA = UserTerms(account="anna", usd=D(100), max_user_risk=D(1))


def test_what_is_drawn_is_the_same_each_time_and_of_every_kind() -> None:
    drawn = [limits.drawn(index, D(1000 + index), frozenset()) for index in range(200)]
    assert drawn == [limits.drawn(index, D(1000 + index), frozenset()) for index in range(200)]
    keys = {key for special in drawn for key in special.get("caps", {})}
    assert keys == {
        "max_order_notional", "max_position_notional", "max_position_share", "max_gross_exposure",
        "max_daily_notional", "max_orders_per_day", "max_open_pairs", "min_copy_notional",
    }  # fmt: skip
    assert any("exclude" in special for special in drawn)
    assert any("multiplier" in special for special in drawn)
    crossing = [limits.drawn(index, D(1000), frozenset({"cross_pairs"})) for index in range(50)]
    assert {key for special in crossing for key in special.get("caps", {})} <= limits.NUMBERS | limits.SHARES


def test_a_user_with_limits_is_written_as_the_system_reads_it() -> None:
    user = replace(
        ANNA,
        multiplier=D("0.5"),
        exclude=("ETH/USD",),
        caps={"max_daily_notional": D("12.5"), "max_open_pairs": D(2), "max_position_share": D("0.2")},
    )
    written = tomllib.loads(plan.config_line(user))["copy"]
    assert {key: written[key] for key in ("multiplier", "exclude", *user.caps)} == {
        "multiplier": "0.5", "exclude": ["ETH/USD"], "max_daily_notional": "12.5 USD", "max_open_pairs": 2,
        "max_position_share": 0.2,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("caps", "volume", "more", "right"),
    [
        ({"max_order_notional": "5.025"}, "0.0001", {"reason": "CAPPED"}, True),
        ({"max_order_notional": "5"}, "0.0001", {"reason": "CAPPED"}, False),
        ({"max_position_notional": "5.025"}, "0.0001", {"cap": "max_position_notional"}, True),
        ({"max_position_notional": "5"}, "0.0001", {"cap": "max_position_notional"}, False),
        ({"max_position_share": "0.05025"}, "0.0001", {"cap": "max_position_share"}, True),
        ({"min_copy_notional": "10"}, "0.0004", {}, True),
        ({"min_copy_notional": "30"}, "0.0004", {}, False),
        ({"min_copy_notional": "30"}, "0", {"state": "SKIPPED", "reason": "BELOW_MIN_COPY"}, True),
        ({"min_copy_notional": "10"}, "0", {"state": "SKIPPED", "reason": "BELOW_MIN_COPY"}, False),
        ({}, "0", {"state": "SKIPPED", "reason": "BELOW_MIN_COPY"}, True),
    ],
)
def test_an_entry_of_20_dollars_is_judged_by_its_caps(
    caps: dict[str, str], volume: str, more: dict[str, str], right: bool
) -> None:
    user = replace(ANNA, caps={key: D(limit) for key, limit in caps.items()})
    reason = more.pop("reason", "CAPPED" if "cap" in more else "SCALED")
    detail = f"cut to {volume} BTC by max_something" if "cap" in more else ""
    copied = answer((1,), "buy", volume, reason, detail=detail, **more)
    findings = check([entry(1, "0.004")], [copied], user).findings
    assert (findings == []) is right, findings


def test_a_multiplier_is_part_of_the_model() -> None:
    user = replace(ANNA, multiplier=D("0.5"))
    assert check([entry(1, "0.004")], [answer((1,), "buy", "0.0002", "SCALED")], user).findings == []
    assert check([entry(1, "0.004")], [answer((1,), "buy", "0.0004", "SCALED")], user).findings != []


def test_nobody_without_limits_is_past_one() -> None:
    assert list(limits.no_entry_is_past_what_a_day_may_have(Record(users=[ANNA]))) == []
    assert list(limits.no_entry_is_in_a_pair_that_is_left_out(Record(users=[ANNA]))) == []
