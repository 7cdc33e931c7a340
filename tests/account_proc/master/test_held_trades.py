"""Trades that wait are put among those of the history, each once."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from krakencopy.account_proc.master.held_trades import HeldTrades
from tests.support.copying import NOW
from tests.support.master_parts import trade


def test_all_trades_come_once_and_in_order_of_execution() -> None:
    held = HeldTrades()
    held.hold(trade("T3", at=NOW + 3), NOW + 4)
    held.hold(trade("T2", at=NOW + 2), NOW + 5)
    merged = held.merged_with([trade("T2", at=NOW + 2), trade("T1", at=NOW + 1)], [trade("T0")])
    assert [one.exec_id for one in merged] == ["T0", "T1", "T2", "T3"]
    assert held.merged_with(merged) == merged
    assert (held.received(), held.symbols()) == ({"T3": NOW + 4, "T2": NOW + 5}, ["BTC/USD", "BTC/USD"])


def test_the_row_of_the_feed_wins_and_keeps_the_client_id_that_the_history_has() -> None:
    held = HeldTrades()
    held.hold(replace(trade("T1"), fees=(("BTC", Decimal(1)),)), NOW)
    (merged,) = held.merged_with([replace(trade("T1"), cl_ord_id="c1")])
    assert (merged.fees, merged.cl_ord_id) == ((("BTC", Decimal(1)),), "c1")


def test_nothing_waits_once_it_was_cleared() -> None:
    held = HeldTrades()
    held.hold(trade("T1"), NOW)
    held.clear()
    assert (held.received(), held.symbols(), held.merged_with([])) == ({}, [], [])
