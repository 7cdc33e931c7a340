"""A shadow's orders are filled by what is quoted, and nothing of them leaves: copies, exits that are owed, a
flatten, what operators ask for and cancels.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from krakencopy.account_proc.contract.copy_state import CopyState, Reason
from krakencopy.account_proc.contract.errors import ConfigurationFault, OutcomeUnknown
from krakencopy.account_proc.contract.spec import Tier
from krakencopy.account_proc.contract.trading_states import TradingState
from krakencopy.account_proc.copying.copier import Copier
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.kraken.order_gate import OrderGate, ShadowSendsNothing
from krakencopy.account_proc.kraken.rest.rate_limits import AccountLimits
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.account_proc.state.shadow_mark import is_shadow_ledger, is_shadow_order, keep_to_mode
from krakencopy.account_proc.trading.shadow_gateway import ShadowGateway
from krakencopy.account_proc.trading.shadow_portfolio import ShadowPortfolio, traded_in
from tests.support.copying_user import TIMING, User
from tests.support.scripted_kraken import order_to_send, run
from tests.support.trading_states import say_state

D = Decimal
TAKER = D("0.0026")


class Shadow(User):
    """A user that sends nothing. Quoted are 49999 and 50001."""

    def __init__(self, ledger: Ledger) -> None:
        keep_to_mode(ledger, is_shadow=True)
        super().__init__(ledger, AccountLimits(Tier.STARTER))
        exchange, moved = self.kraken.exchange, traded_in(ledger)
        self.kraken.gate = OrderGate(self.guard.stop, is_shadow=True)
        self.shadow = ShadowPortfolio(moved, exchange, lambda: None, lambda: self.now, 1.0)
        self.portfolio = self.shadow
        self.gateway = ShadowGateway(
            exchange, lambda: self.now, TIMING, self.portfolio.prices, lambda _: TAKER, self.guard.stop
        )
        self.context = replace(self.context, portfolio=self.portfolio, gateway=self.gateway)
        self.copier = Copier(self.context)

    @property
    def wrote(self) -> list[str]:
        """Calls that would have changed something."""
        return [method for method in self.kraken.every if "Order" in method and "Query" not in method]


@asynccontextmanager
async def shadowing(ledger: Ledger) -> AsyncIterator[Shadow]:
    user = Shadow(ledger)
    await user.portfolio.load()
    user.copier._flatten.begin()
    yield user
    assert user.wrote == []
    assert user.kraken.sent == []
    user.end()


def test_a_copy_is_filled_at_the_ask_for_the_takers_fee_and_sold_at_the_bid(ledger: Ledger) -> None:
    async def steps() -> None:
        async with shadowing(ledger) as user:
            user.fill()
            await user.done()
            bought = user.copy()
            assert (bought.state, bought.filled, bought.cost) == (CopyState.FILLED, D("0.0001"), D("5.0001"))
            assert (bought.fee, bought.fee_asset) == (D("5.0001") * TAKER, "USD")
            assert is_shadow_order(bought.order_id)
            assert bought.to_proto("anna", is_shadow=True).shadow
            user.fill(Side.SELL)
            await user.done()
            assert user.copy(2).cost == D("0.0001") * 49_999

    run(steps())


def test_its_orders_change_what_it_has_and_not_what_is_really_there(ledger: Ledger) -> None:
    async def steps() -> None:
        async with shadowing(ledger) as user:
            user.fill()
            await user.done()
            paid = D("5.0001") * (1 + TAKER)
            assert user.portfolio.cash("USD") == 100 - paid
            assert user.portfolio.holding("BTC") == D("0.0001")
            assert user.portfolio.spendable("USD") == 100 - paid
            assert user.portfolio.equity("USD") == 100 - paid + D("0.0001") * 50_000
            assert await user.portfolio.refresh(), "balances that agree with the account are believed"
            assert user.portfolio.cash("USD") == 100 - paid
            assert {asset: held.volume for asset, held in user.portfolio.by_asset().items()} == {
                "USD": D(100)
            }
            assert traded_in(ledger) == {"BTC": D("0.0001"), "USD": -paid}

    run(steps())


def test_what_it_has_survives_its_process(ledger: Ledger) -> None:
    async def steps() -> None:
        async with shadowing(ledger) as user:
            user.fill()
            await user.done()
            before = user.portfolio.cash("USD"), user.portfolio.holding("BTC")
        async with shadowing(ledger) as again:
            assert (again.portfolio.cash("USD"), again.portfolio.holding("BTC")) == before

    run(steps())


def test_an_entry_beyond_its_bound_buys_nothing(ledger: Ledger) -> None:
    async def steps() -> None:
        async with shadowing(ledger) as user:
            quote = {"b": ["51000", "1", "1"], "a": ["51001", "1", "1"], "c": ["51000", "1"]}
            user.kraken.always["Ticker"] = {"XXBTZUSD": quote}
            user.fill()
            await user.done()
            assert (user.copy().state, user.copy().reason) == (CopyState.REJECTED, Reason.SLIPPAGE_BOUND)

    run(steps())


def test_without_a_quote_the_last_known_price_stands_for_it(ledger: Ledger) -> None:
    async def steps() -> None:
        async with shadowing(ledger) as user:
            user.kraken.always["Ticker"] = OutcomeUnknown("Ticker", "no answer")
            user.fill()
            await user.done()
            assert user.copy().cost == D("0.0001") * 50_000
            order = replace(order_to_send(), pair="ETH/USD")
            ending = await (await user.gateway.send(order)).end()
            assert (ending.filled, ending.reason) == (D(0), "Insufficient funds: nobody knows a price")

    run(steps())


def test_what_an_earlier_process_left_is_filled_anew(ledger: Ledger) -> None:
    async def steps() -> None:
        async with shadowing(ledger) as user:
            order = order_to_send()
            assert user.gateway.wait_s("BTC/USD") == 0
            assert await user.gateway.find(order) is None
            with pytest.raises(OutcomeUnknown, match="does not show"):
                await user.gateway.resume(order, "SHADOW-1").end()

    run(steps())


def test_no_order_of_anybody_and_no_cancel_leaves(ledger: Ledger) -> None:
    async def steps() -> None:
        async with shadowing(ledger) as user:
            for order in (order_to_send(), replace(order_to_send(), side=Side.SELL)):
                with pytest.raises(ShadowSendsNothing):
                    await user.gateway.send_unfollowed(order)

    run(steps())


def test_owed_exits_and_a_flatten_are_sold_by_the_model(ledger: Ledger) -> None:
    async def steps() -> None:
        async with shadowing(ledger) as user:
            user.fill()
            await user.done()
            say_state(user.states_path, TradingState.HALTED)
            user.fill(Side.SELL)
            await user.done()
            assert user.copy(2).reason == Reason.TRADING_HALTED
            with pytest.raises(Exception, match="HALTED"):
                await user.gateway.send(order_to_send())
            say_state(user.states_path, TradingState.ACTIVE)
            user.start_selling()
            async with asyncio.timeout(5):
                while user.copier.positions.to_proto():
                    user.now += 10
                    user.change_signal.notify()
                    await asyncio.sleep(0.01)
            assert user.portfolio.holding("BTC") == 0

    run(steps())


def test_a_ledger_is_a_shadows_for_ever_or_never(tmp_path: Path) -> None:
    with closing(Ledger(tmp_path / "a.db", "a")) as new:
        keep_to_mode(new, is_shadow=True)
        keep_to_mode(new, is_shadow=True)
        assert is_shadow_ledger(new)
        with pytest.raises(ConfigurationFault, match=r"is the ledger of a shadow.*another id"):
            keep_to_mode(new, is_shadow=False)
    with closing(Ledger(tmp_path / "b.db", "b")) as used:
        keep_to_mode(used, is_shadow=False)
        used.join("a journal", 7)
        with pytest.raises(ConfigurationFault, match=r"of an account that trades.*another id"):
            keep_to_mode(used, is_shadow=True)
