"""Limits to losses are drawn by themselves and written as the system reads them, and judges find what
they are for.
"""

from __future__ import annotations

import tomllib
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from krakencopy.account_proc.contract.loss_limits import Action, Metric, Window
from tests.chaos import loss_limits, plan
from tests.chaos.forged import NOW, record
from tests.chaos.loss_limits import a_reset_lets_it_trade_again, nothing_is_bought_after_a_hit
from tests.chaos.records import Record
from tests.chaos.rows import LimitReset, LimitSeen, UserTerms

NAMES = frozenset({"loss_limits"})


def test_what_is_drawn_is_the_same_each_time_of_every_kind_and_readable() -> None:
    drawn = [loss_limits.drawn(index, Decimal(50 + index * 100), NAMES) for index in range(60)]
    assert drawn == [loss_limits.drawn(index, Decimal(50 + index * 100), NAMES) for index in range(60)]
    assert loss_limits.drawn(1, Decimal(100), frozenset()) == ()
    written = []
    for limits in drawn:
        user = UserTerms(account="anna", usd=Decimal(100), loss_limits=limits)
        written += tomllib.loads(plan.config_line(user))["copy"].get("limits", [])
    assert {Action(one["action"]) for one in written} == set(Action) - {Action.WARN}
    assert {Metric(one["metric"]) for one in written} == set(Metric)
    assert {Window(one["window"]) for one in written} == {Window.DAY, Window.LIFETIME, Window.TRAILING}
    assert any(one["max_loss"].endswith("%") for one in written)


def hit(it: Record, at: float, reset: float, action: str = "reducing") -> None:
    """Of anna's, so many seconds after the beginning, and its reset."""
    seen = LimitSeen(at=NOW + at, account="anna", name="l0", hit_at=NOW + at - 0.1, action=action)
    it.limits_seen.append(seen)
    it.limit_resets.append(
        LimitReset(before=NOW + reset, at=NOW + reset + 0.1, account="anna", name="l0", done=True)
    )


def first_order(it: Record, side: str) -> float:
    found = next(one for one in it.requests_of("anna") if one.method == "AddOrder" and one.side == side)
    return found.at - NOW


def test_an_order_that_buys_after_a_hit_is_found_and_one_after_its_reset_is_none() -> None:
    bought = first_order(record(), "buy")
    for action, at, reset, found in (
        ("reducing", bought - 0.2, bought + 60, True),
        ("flatten", bought - 0.2, bought + 60, True),
        ("warn", bought - 0.2, bought + 60, False),
        ("reducing", bought + 60, bought + 90, False),
        ("reducing", bought - 2.0, bought - 0.1, False),
        # It was seen after its reset: what is shown is older.
        ("reducing", bought - 0.2, bought - 0.3, False),
    ):
        it = record()
        hit(it, at, reset, action)
        texts = [finding.text for finding in nothing_is_bought_after_a_hit(it)]
        assert any("to buy" in text for text in texts) == found, (action, at, reset)


def test_a_sale_is_found_where_a_limit_has_halted() -> None:
    sold = first_order(record(), "sell")
    for action, found in (("halted", True), ("reducing", False)):
        it = record()
        hit(it, sold - 0.1, sold + 60, action)
        assert any("to sell" in finding.text for finding in nothing_is_bought_after_a_hit(it)) == found


def test_what_is_kept_back_without_a_hit_is_found(tmp_path: Path) -> None:
    for hits, found in (([], True), ([(-3.0, 60.0)], False), ([(-60.0, -50.0)], True)):
        it = record()
        index = next(n for n, copy in enumerate(it.copies) if copy.side == "buy")
        it.copies[index] = replace(it.copies[index], reason="LIMIT_HIT")
        for at, reset in hits:
            hit(it, it.copies[index].decided_at - NOW + at, it.copies[index].decided_at - NOW + reset)
        it.keep(tmp_path)
        assert bool(list(a_reset_lets_it_trade_again(Record.read(tmp_path)))) == found, hits
