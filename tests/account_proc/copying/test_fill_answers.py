"""What is decided about fills whose turn it is, and what of that is durable before an order leaves."""

from __future__ import annotations

from krakencopy.account_proc.contract.copy_state import CopyState
from krakencopy.account_proc.domain.pairs import SymbolTable
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.state.ledger import Ledger
from tests.support.copying_user import copying, fills
from tests.support.scripted_kraken import ASSETS, PAIRS, run


def test_a_pair_that_is_not_listed_is_skipped_and_said(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as it:
            only = {"XETHZUSD": PAIRS["XETHZUSD"]}
            it.portfolio.symbols = SymbolTable.parse(only, ASSETS)
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
