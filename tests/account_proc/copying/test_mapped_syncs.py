"""A user with euros is brought to the positions of a master with dollars: in the pair that its map says, by
the cross rate, and sold there again.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from krakencopy.account_proc.contract.copy_state import CopyState, Reason
from krakencopy.account_proc.contract.spec import BalanceBasis, CopyRules
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.v1 import account_pb2
from krakencopy.v1 import types_pb2 as pb
from tests.support.mapped_user import TO_EUROS, Mapped, mapped_user
from tests.support.scripted_kraken import run, until

D = Decimal
RULES = replace(TO_EUROS, max_user_risk=D(1))


def order(number: int = 1, seq: int = 0, volume: str = "0.01") -> account_pb2.SyncOrder:
    """The master of 1000 USD has put 500 of them into BTC; its user of 80 EUR, or 100 USD, is to have a
    tenth.
    """
    position = account_pb2.MasterPosition(
        asset="BTC", volume=volume, pair="BTC/USD", costs=[pb.Money(amount="500", asset="USD")]
    )
    return account_pb2.SyncOrder(
        number=number, as_of_seq=seq, source=f"resync {number} by olga", sells=True,
        master_equity=pb.Money(amount="1000", asset="USD"),
        master_cash=[pb.Money(amount="500", asset="USD")],
        positions=[position],
    )  # fmt: skip


@pytest.mark.parametrize("balance", [BalanceBasis.EQUITY, BalanceBasis.CASH])
def test_a_sync_buys_in_the_mapped_pair_its_share_by_the_cross_rate(
    ledger: Ledger, balance: BalanceBasis
) -> None:
    async def steps() -> None:
        # It has dollars as well, which is no reason to buy with them.
        async with mapped_user(ledger, replace(RULES, balance=balance), ZEUR="80", ZUSD="0.5") as user:
            await _sees_rates(user)
            (shown,) = await user.copier.syncs.plan(order())
            assert shown.pair == "BTC/EUR"
            user.copier.take_sync(order())
            await user.done()
            (copy,) = user.copies
            assert (copy.state, copy.pair, copy.master_pair) == (CopyState.FILLED, "BTC/EUR", "BTC/USD")
            assert abs(copy.ordered - D("0.001")) < D("0.00002")
            # What the master sells then is sold where it was bought.
            user.trade(Side.SELL)
            await user.done()
            assert [sent[:2] for sent in user.orders] == [("buy", "BTC/EUR"), ("sell", "BTC/EUR")]
            assert user.held() == 0

    run(steps())


async def _sees_rates(user: Mapped) -> None:
    user.kraken.always["Ticker"]["ZEURZUSD"] = {k: ["1.25", "1"] for k in "abc"}
    await user.portfolio.refresh()


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"include": ("*/USD",)}, Reason.SCALED),
        ({"exclude": ("BTC/EUR",)}, Reason.SCALED),
        ({"exclude": ("BTC/USD",)}, Reason.PAIR_EXCLUDED),
        ({"include": ("*/EUR",)}, Reason.PAIR_EXCLUDED),
    ],
    ids=str,
)
def test_filters_go_by_the_masters_pair_here_as_well(
    ledger: Ledger, more: dict[str, tuple[str, ...]], reason: Reason
) -> None:
    async def steps() -> None:
        rules: CopyRules = replace(RULES, **more)  # type: ignore[arg-type]
        async with mapped_user(ledger, rules) as user:
            await _sees_rates(user)
            user.copier.take_sync(order())
            await user.done()
            assert [copy.reason for copy in user.copies] == [reason]

    run(steps())


def test_what_is_beyond_the_share_is_sold_in_the_mapped_pair(ledger: Ledger) -> None:
    async def steps() -> None:
        async with mapped_user(ledger, RULES) as user:
            await _sees_rates(user)
            user.copier.take_sync(order())
            await user.done()
            converging = asyncio.create_task(user.copier.sell_owed_exits(user.change_signal))
            user.copier.take_sync(order(2, volume="0.005"))
            await until(lambda: user.held() < D("0.0006"))
            await user.done()
            converging.cancel()
            assert [sent[:2] for sent in user.orders] == [("buy", "BTC/EUR"), ("sell", "BTC/EUR")]

    run(steps())
