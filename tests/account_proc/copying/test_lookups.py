"""What is asked before fills are answered: a pair that nobody knew, the time before an entry is too old."""

from __future__ import annotations

from dataclasses import replace

import pytest

from krakencopy.account_proc.contract.copy_state import CopyState
from krakencopy.account_proc.contract.errors import OutcomeUnknown
from krakencopy.account_proc.copying.lookups import Lookups
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.kraken.pair_rows import pair_table
from krakencopy.account_proc.state.ledger import Ledger
from tests.support.copying import NOW, TradingMaster
from tests.support.copying_user import copying
from tests.support.scripted_kraken import ASSETS, PAIRS, run


def test_a_pair_that_was_listed_after_the_start_is_copied(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as it:
            it.portfolio.pairs.latest = pair_table({"XETHZUSD": PAIRS["XETHZUSD"]}, ASSETS)
            it.fill()
            it.fill()
            await it.done()
            assert [copy.state for copy in it.copies] == [CopyState.FILLED]
            assert it.copy().fill_seqs == (1, 2)

    run(steps())


def test_an_entry_is_not_given_up_as_too_old_before_the_exchange_was_asked_for_the_time(
    ledger: Ledger,
) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            asked: list[float] = []

            async def ask() -> None:
                # This machine's clock had been a minute ahead, and nobody had noticed.
                asked.append(user.now)
                user.now = NOW

            user.ask_time = ask
            user.fill()
            await user.done()
            assert asked == []
            user.now = NOW + 60
            user.copier.take_fills([user.made(Side.BUY, executed_at=NOW)])
            await user.done()
            assert asked == [NOW + 60]
            assert [copy.reason for copy in user.copies] == ["SCALED", "SCALED"]

    run(steps())


def test_an_entry_that_is_too_old_by_the_exchanges_clock_is_skipped_once_it_was_asked(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            asked: list[float] = []

            async def ask() -> None:
                asked.append(user.now)

            user.ask_time = ask
            user.now = NOW + 60
            user.copier.take_fills([user.made(Side.BUY, executed_at=NOW)])
            await user.done()
            assert len(asked) == 1
            assert [copy.reason for copy in user.copies] == ["STALE_ENTRY"]

    run(steps())


def test_nothing_is_asked_about_pairs_that_are_known_and_fills_that_are_young(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            lookups, fills = Lookups(user.context), [TradingMaster().buy("M1", "0.001", "50000")]
            assert lookups.before_fills(fills) is None
            assert lookups.before_pair("BTC/USD") is None
            # However late it is: an exit is never given up.
            user.now += 60
            assert lookups.before_fills([replace(fills[0], side=Side.SELL)]) is None
            assert lookups.before_fills(fills) == user.context.ask_time

    run(steps())


def test_what_cannot_be_found_out_is_no_failure(ledger: Ledger, caplog: pytest.LogCaptureFixture) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.portfolio.pairs.latest = pair_table({"XETHZUSD": PAIRS["XETHZUSD"]}, ASSETS)
            user.kraken.always["AssetPairs"] = OutcomeUnknown("AssetPairs", "timeout")
            lookups = Lookups(user.context)
            lookup = lookups.before_pair("BTC/USD", Side.BUY)
            assert lookup is not None
            await lookups.ask(lookup, "BTC")
            assert "fills of BTC are answered by what is known" in caplog.text
            assert lookups.before_pair("BTC/USD", Side.BUY) is None, "it is asked again later only"

    run(steps())
