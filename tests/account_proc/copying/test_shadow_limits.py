"""A limit to the losses of a shadow counts what its own orders have moved, which the account's wallet does
not show: while it runs, and over its restarts.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from decimal import Decimal
from pathlib import Path

from krakencopy.account_proc.contract.copy_state import CopyState, Reason
from krakencopy.account_proc.contract.loss_limits import Action
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.state.ledger import Ledger
from tests.account_proc.trading.test_shadow_gateway import Shadow, shadowing
from tests.support.limited_user import Limited, limit_of, usd
from tests.support.scripted_kraken import run, until

#: Of the shadow's copy of 5 USD.
MAX_LOSS = usd("2")


@asynccontextmanager
async def judged_shadow(
    folder: Path, action: Action = Action.REDUCING
) -> AsyncIterator[tuple[Shadow, Limited]]:
    """Takes up what an earlier one has left in the folder."""
    with closing(Ledger(folder / "anna.db", "anna")) as ledger:
        async with shadowing(ledger) as user:
            user.seq = ledger.cursor or 0
            user.copier._limit_flatten.begin()
            yield user, Limited(user, (limit_of(MAX_LOSS, action),))


def test_its_loss_is_of_what_its_orders_have_bought(tmp_path: Path) -> None:
    async def steps() -> None:
        async with judged_shadow(tmp_path) as (user, limited):
            await limited.judge(50000)
            assert await limited.buy() == "FILLED SCALED"
            await limited.judge(50000)
            assert user.guard.stop(Side.BUY) is None
            await limited.judge(25000, 25000)
            assert limited.state.hit is not None
            assert limited.state.loss is not None
            assert 2 < limited.state.loss < 3
            assert await limited.buy() == "SKIPPED LIMIT_HIT"
            assert user.failures == []

    run(steps())


def test_what_it_bought_did_not_come_from_outside_for_its_next_process(tmp_path: Path) -> None:
    async def steps() -> None:
        async with judged_shadow(tmp_path) as (_, limited):
            await limited.judge(50000)
        async with judged_shadow(tmp_path) as (_, limited):
            await limited.buy()
        async with judged_shadow(tmp_path) as (_, limited):
            await limited.judge(50000)
            assert limited.state.unknown == ""
            assert limited.notices() == []
            await limited.judge(25000, 25000)
            assert limited.state.hit is not None

    run(steps())


def test_a_limit_that_flattens_sells_by_the_model_alone(tmp_path: Path) -> None:
    async def steps() -> None:
        async with judged_shadow(tmp_path, Action.FLATTEN) as (user, limited):
            await limited.judge(50000)
            await limited.buy()
            user.start_selling()
            await limited.judge(50000, 25000, 25000)
            await until(lambda: user.book.held("BTC").amount == Decimal(0))
            await user.done()
            assert [copy.state for copy in user.copies if copy.filled] == [CopyState.FILLED] * 2
            assert Reason.FLATTEN in [copy.reason for copy in user.copies]

    run(steps())
