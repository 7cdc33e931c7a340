"""What is decided about fills whose turn it is, and what of that is durable before an order leaves."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from krakencopy.account_proc.contract.copy_state import CopyState, Reason
from krakencopy.account_proc.contract.trading_states import TradingState
from krakencopy.account_proc.copying.fill_answers import set_apart, why_not_copied
from krakencopy.account_proc.domain.copy_plan import MasterFill, Slice
from krakencopy.account_proc.domain.pairs import NOT_LISTED, PairRules
from krakencopy.account_proc.domain.quantities import NO_AMOUNT, BaseVolume, Side
from krakencopy.account_proc.kraken.pair_rows import pair_table
from krakencopy.account_proc.state.ledger import Ledger
from tests.support.copying import BTC, NOW, TradingMaster
from tests.support.copying_user import copying, fills
from tests.support.scripted_kraken import ASSETS, PAIRS, run
from tests.support.trading_states import say_state


def test_a_pair_that_is_not_listed_is_skipped_and_said(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as it:
            only = {"XETHZUSD": PAIRS["XETHZUSD"]}
            it.portfolio.pairs.latest = pair_table(only, ASSETS)
            it.kraken.always["AssetPairs"] = only
            it.fill()
            await it.done()
            assert (it.copy().state, it.copy().reason) == (CopyState.SKIPPED, "UNKNOWN_PAIR")

    run(steps())


def test_a_fill_that_the_supervisor_has_set_apart_is_skipped_and_those_beside_it_are_copied(
    ledger: Ledger,
) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            some = fills(*[(Side.BUY, "BTC/USD")] * 3)
            some[1].not_copied = "SAME_ACCOUNT"
            user.copier.take_fills(some)
            await user.done()
            assert {copy.fill_seqs: copy.reason == "SAME_ACCOUNT" for copy in user.copies} == {
                (2,): True,
                (1, 3): False,
            }
            assert len(user.kraken.sent) == 1

    run(steps())


def test_what_a_decision_was_made_with_is_in_its_copy(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.portfolio.reserve("another", "USD", Decimal(30))
            user.fill()
            await user.done()
            assert (user.copy().account_equity, user.copy().free_cash) == (Decimal(100), Decimal(70))

    run(steps())


def fill_of(**changes: Any) -> MasterFill:
    return replace(TradingMaster().buy("M1", "0.001", "50000"), **changes)


@pytest.mark.parametrize(
    ("fill", "pair", "words"),
    [
        (fill_of(), BTC, ""),
        (fill_of(), None, "BTC/USD is not listed at the exchange"),
        (fill_of(pair_unknown=True), BTC, "was not listed at the exchange when the master traded it"),
        (fill_of(pair_unknown=True, side=Side.SELL), BTC, ""),
        (fill_of(), replace(BTC, status=NOT_LISTED), "not listed at the exchange any more"),
        (fill_of(side=Side.SELL), replace(BTC, status=NOT_LISTED), ""),
    ],
)
def test_why_nothing_of_a_fill_can_be_copied_for_want_of_rules(
    fill: MasterFill, pair: PairRules | None, words: str
) -> None:
    found = why_not_copied(fill, pair)
    assert words in found
    assert bool(words) is bool(found)


@pytest.mark.parametrize(
    ("fill", "answered_until", "reason"),
    [
        (fill_of(), 0.0, None),
        (fill_of(), NOW - 1, None),
        (fill_of(), NOW, Reason.ANSWERED_BEFORE),
        (fill_of(not_copied="SAME_ACCOUNT"), 0.0, Reason.SAME_ACCOUNT),
        (fill_of(not_copied="SAME_ACCOUNT"), NOW, Reason.SAME_ACCOUNT),
    ],
)
def test_which_fills_are_not_decided_about(
    fill: MasterFill, answered_until: float, reason: Reason | None
) -> None:
    skip = set_apart(fill, answered_until)
    assert (None if skip is None else skip.reason) == reason


def test_money_that_an_entry_may_take_is_not_spent_again_before_the_entry_is_over(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            before = user.portfolio.cash("USD")
            user.fill()
            # 0.0001 BTC at the worst price that it may cost.
            assert before - user.portfolio.cash("USD") == Decimal("0.0001") * 50_250
            await user.done()
            assert before - user.portfolio.cash("USD") == user.copy().cost + user.copy().fee

    run(steps())


@pytest.mark.parametrize("state", [TradingState.REDUCING, TradingState.HALTED])
def test_entries_end_while_trading_is_reducing_or_halted_and_say_who_said_so(
    ledger: Ledger, state: TradingState
) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            say_state(user.states_path, state)
            user.fill()
            await user.done()
            copy = user.copy()
            assert (copy.state, copy.reason) == (CopyState.SKIPPED, f"TRADING_{state}")
            assert copy.detail == (
                f"trading of all accounts is {state} since 2026-09-21 14:13:20 UTC, by operator root: a test"
            )
            say_state(user.states_path, TradingState.ACTIVE)
            user.fill()
            await user.done()
            assert user.copy(2).state is CopyState.FILLED
            assert [order["volume"] for order in user.kraken.sent] == ["0.0001"]

    run(steps())


def test_exits_leave_while_trading_is_reducing(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.fill()
            await user.done()
            say_state(user.states_path, TradingState.REDUCING)
            user.fill(Side.SELL)
            await user.done()
            assert (user.copy(2).state, user.copy(2).reason) == (CopyState.FILLED, "EXIT_FULL")

    run(steps())


def test_exits_are_owed_while_trading_is_halted_and_each_says_so(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.fill()
            await user.done()
            say_state(user.states_path, TradingState.HALTED)
            user.fill(Side.SELL)
            await user.done()
            copy = user.copy(2)
            assert (copy.state, copy.reason) == (CopyState.CARRIED, "TRADING_HALTED")
            assert "is HALTED since" in copy.detail
            assert copy.detail.endswith("it is owed until that is lifted")
            assert user.book.owed("BTC") == user.book.held("BTC") == BaseVolume(Decimal("0.0001"))
            # The master's next sale finds nothing that is not owed already.
            user.fill(Side.SELL)
            await user.done()
            assert user.book.owed("BTC") == user.book.held("BTC")
            assert user.copy(2).joined_copy_id == "c3"

    run(steps())


def test_what_is_carried_of_entries_stays_so_while_trading_is_reducing(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            piece = Slice(order_id="MO0", volume=BaseVolume(Decimal("0.00004")), cost=NO_AMOUNT)
            user.book.carry("BTC/USD", Side.BUY, [piece], "c0")
            say_state(user.states_path, TradingState.REDUCING)
            user.fill()
            await user.done()
            assert user.book.carried_volume("BTC/USD", Side.BUY) == piece.volume
            assert user.kraken.sent == []

    run(steps())
