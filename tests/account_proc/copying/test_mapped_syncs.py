"""A user with euros is brought to the positions of a master with dollars: in the pair that its map says, by
the cross rate, and sold there again.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from krakencopy.account_proc.contract.copy_state import CopyState, Reason
from krakencopy.account_proc.contract.spec import BalanceBasis, CopyRules
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.v1 import account_pb2
from tests.support.mapped_user import DOLLARS, TO_EUROS, Mapped, listed, mapped_user
from tests.support.scripted_kraken import run, until
from tests.support.sync_orders import sync_order

D = Decimal
RULES = replace(TO_EUROS, max_user_risk=D(1))


@pytest.mark.parametrize("balance", [BalanceBasis.EQUITY, BalanceBasis.CASH])
def test_a_sync_buys_in_the_mapped_pair_its_share_by_the_cross_rate(
    ledger: Ledger, balance: BalanceBasis
) -> None:
    async def steps() -> None:
        # It has dollars as well, which is no reason to buy with them.
        async with mapped_user(ledger, replace(RULES, balance=balance), ZEUR="80", ZUSD="0.5") as user:
            await _sees_rates(user)
            (shown,) = await user.copier.syncs.plan(sync_order())
            assert shown.pair == "BTC/EUR"
            user.copier.take_sync(sync_order())
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
            user.copier.take_sync(sync_order())
            await user.done()
            assert [copy.reason for copy in user.copies] == [reason]

    run(steps())


def test_where_the_mapped_pair_is_not_listed_nothing_is_bought_elsewhere(ledger: Ledger) -> None:
    async def steps() -> None:
        async with mapped_user(ledger, RULES, listed("EUR/USD"), ZEUR="80", ZUSD="100") as user:
            user.copier.take_sync(sync_order())
            await user.done()
            (copy,) = user.copies
            assert (copy.state, copy.reason, copy.pair) == (
                CopyState.SKIPPED, Reason.UNKNOWN_PAIR, "BTC/EUR",
            )  # fmt: skip

    run(steps())


def test_what_is_beyond_the_share_is_sold_in_the_mapped_pair(ledger: Ledger) -> None:
    async def steps() -> None:
        async with mapped_user(ledger, RULES) as user:
            await _sees_rates(user)
            user.copier.take_sync(sync_order())
            await user.done()
            user.start_selling()
            user.copier.take_sync(sync_order("0.005", 2))
            await until(lambda: user.held() < D("0.0006"))
            await user.done()
            assert [sent[:2] for sent in user.orders] == [("buy", "BTC/EUR"), ("sell", "BTC/EUR")]

    run(steps())


@pytest.mark.parametrize("basis", list(BalanceBasis))
def test_a_user_with_euros_is_brought_to_a_position_in_dollars_and_out_of_it_in_euros(
    ledger: Ledger, basis: BalanceBasis
) -> None:
    rules = replace(RULES, balance=basis)

    async def steps() -> None:
        async with mapped_user(ledger, rules) as user:
            user.portfolio.prices.set_marks("USD", {"EUR": DOLLARS})
            held = sync_order()
            (planned,) = await user.copier.syncs.plan(held)
            user.copier.take_sync(held)
            await user.done()
            # 80 euros are 100 dollars: a tenth of the master's.
            assert user.orders == [("buy", "BTC/EUR", "0.001")]
            (copy,) = user.copies
            assert (copy.master_pair, copy.reason) == ("BTC/USD", Reason.SCALED)
            assert (planned.pair, planned.buy_volume) == ("BTC/EUR", "0.001")
            user.trade(Side.SELL)
            await user.done()
            assert user.orders[1:] == [("sell", "BTC/EUR", "0.001")]

    run(steps())


def test_what_of_the_master_is_synced_goes_by_its_pairs_and_its_dust_by_its_minimum(ledger: Ledger) -> None:
    rules = replace(RULES, exclude=("BTC/USD",))
    pairs = listed("BTC/EUR", "ETH/EUR", "EUR/USD")
    pairs["XETHZEUR"] = pairs["XETHZEUR"] | {"ordermin": "0.5"}

    async def steps() -> None:
        async with mapped_user(ledger, rules, pairs) as user:
            user.portfolio.prices.set_marks("USD", {"EUR": DOLLARS, "ETH": "1"})
            user.kraken.always["Ticker"]["XETHZEUR"] = user.kraken.always["Ticker"]["XXBTZEUR"]
            both = sync_order()
            both.positions.append(account_pb2.MasterPosition(asset="ETH", volume="0.1", pair="ETH/USD"))
            user.copier.take_sync(both)
            await user.done()
            assert {copy.pair: copy.reason for copy in user.copies} == {
                "BTC/EUR": Reason.PAIR_EXCLUDED, "ETH/EUR": Reason.BELOW_ORDERMIN
            }  # fmt: skip

    run(steps())


def test_a_map_is_followed_once_and_no_chain_of_it(ledger: Ledger) -> None:
    rules = replace(RULES, map={"*/USD": "*/EUR", "*/EUR": "*/GBP"})

    async def steps() -> None:
        async with mapped_user(ledger, rules, listed("BTC/EUR", "BTC/GBP", "EUR/USD")) as user:
            user.portfolio.prices.set_marks("USD", {"EUR": DOLLARS})
            user.copier.take_sync(sync_order())
            await user.done()
            assert user.orders == [("buy", "BTC/EUR", "0.001")]

    run(steps())
