"""What each coin of a sync ends in, and what is planned. Against a model, with processes that die:
test_syncs_model.py; in another quote than the master's: test_mapped_syncs.py.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from krakencopy.account_proc.contract.copy_state import CopyState, Reason
from krakencopy.account_proc.contract.errors import OutcomeUnknown
from krakencopy.account_proc.contract.money import Money
from krakencopy.account_proc.contract.spec import Sizing, Tier
from krakencopy.account_proc.contract.trading_states import TradingState
from krakencopy.account_proc.copying.fill_faults import FillGap, FillInvalid
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.kraken.rest.rate_limits import AccountLimits
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.v1 import account_pb2
from tests.support.copying_user import User, copying, process_in
from tests.support.flattened_user import holds
from tests.support.scripted_kraken import run, until
from tests.support.sync_orders import RULES, sync_order
from tests.support.trading_states import say_state

# -- one sync -------------------------------------------------------------------------------------------


def test_a_coin_of_a_sync_is_an_ordinary_copy_that_says_what_it_follows_from(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger, rules=RULES) as user:
            user.copier.take_sync(sync_order())
            await user.done()
            (copy,) = user.copies
            assert (copy.state, copy.reason) == (CopyState.FILLED, Reason.SCALED)
            assert (copy.ordered, copy.fill_seqs) == (Decimal("0.001"), ())
            assert copy.to_proto("anna").source == "resync 1 by olga"
            assert user.book.held("BTC").amount == Decimal("0.001")
            user.copier.take_sync(sync_order())  # the same again
            assert ledger.synced == 1
            assert ledger.sync_items() == []
            assert len(user.kraken.sent) == 1

    run(steps())


def test_the_prices_of_all_coins_are_one_question(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger, rules=RULES) as user:
            user.kraken.always["Ticker"]["XETHZUSD"] = user.kraken.always["Ticker"]["XXBTZUSD"]
            two = sync_order("0.002")
            two.positions.append(account_pb2.MasterPosition(asset="ETH", volume="0.1", pair="ETH/USD"))
            user.copier.take_sync(two)
            await user.done()
            assert {copy.pair for copy in user.copies if copy.ordered} == {"BTC/USD", "ETH/USD"}
            assert user.kraken.every.count("Ticker") == 1

    run(steps())


def test_a_sync_that_does_not_follow_the_last_fill_is_not_taken(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            with pytest.raises(FillGap, match="a sync as of fill 5 does not follow fill 0"):
                user.copier.take_sync(sync_order(seq=5))
            assert ledger.synced == 0

    run(steps())


@pytest.mark.parametrize(
    "odd", [{"volume": "x"}, {"volume": "NaN"}, {"cost": "Infinity"}, {"cost": "1,5"}], ids=str
)
def test_a_sync_that_cannot_be_read_is_not_taken(ledger: Ledger, odd: dict[str, str]) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            message = sync_order()
            if "volume" in odd:
                message.positions[0].volume = odd["volume"]
            else:
                message.positions[0].costs[0].amount = odd["cost"]
            with pytest.raises(FillInvalid, match="cannot be read"):
                user.copier.take_sync(message)
            with pytest.raises(FillInvalid, match="cannot be read"):
                await user.copier.syncs.plan(message)
            assert ledger.synced == 0

    run(steps())


def test_what_is_beyond_the_share_is_owed_and_sold_and_nothing_of_the_accounts_own(ledger: Ledger) -> None:
    rules = replace(RULES, sizing=Sizing.FIXED_RATIO, ratio=Decimal("0.1"))

    async def steps() -> None:
        async with copying(ledger, rules=rules) as user:
            holds(user, "BTC/USD", "0.003")
            user.portfolio.wallet.add_amount("BTC", Decimal("0.5"))
            user.start_selling()
            user.copier.take_sync(sync_order())
            await until(lambda: user.book.held("BTC").amount == Decimal("0.001"))
            await user.done()
            owed, sold = user.copies
            assert (owed.copy_id, owed.reason, owed.state) == ("s1.1", Reason.RESYNC, CopyState.CARRIED)
            assert owed.source == "resync 1 by olga"
            assert (sold.side, sold.filled) == (Side.SELL, Decimal("0.002"))

    run(steps())


def test_a_coin_that_only_copying_holds_is_sold_and_too_little_to_sell_stays(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger, rules=RULES) as user:
            holds(user, "BTC/USD", "0.001")
            holds(user, "ETH/USD", "0.0001")
            user.copier.take_sync(sync_order("0"))
            await until(lambda: len(user.copies) == 2)
            assert {copy.pair: copy.reason for copy in user.copies} == {
                "BTC/USD": Reason.RESYNC, "ETH/USD": Reason.NO_MARK
            }  # fmt: skip
            assert user.book.owed("BTC").amount == Decimal("0.001")

    run(steps())


@pytest.mark.parametrize("state", [TradingState.REDUCING, TradingState.HALTED])
def test_nothing_is_bought_against_a_trading_state(ledger: Ledger, state: TradingState) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            say_state(user.states_path, state)
            user.guard.look()
            user.copier.take_sync(sync_order())
            await user.done()
            (copy,) = user.copies
            assert (copy.state, copy.reason) == (CopyState.SKIPPED, f"TRADING_{state}")
            assert user.kraken.sent == []

    run(steps())


def test_what_cannot_be_priced_or_is_not_listed_or_waited_too_long_is_skipped(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.kraken.always["Ticker"] = OutcomeUnknown("Ticker", "no answer")
            user.copier.take_sync(sync_order())
            await user.done()
            user.copier.take_sync(sync_order(asset="XYZ", number=2))
            await user.done()
            assert [copy.reason for copy in user.copies] == [Reason.NO_MARK, Reason.UNKNOWN_PAIR]

    run(steps())


def test_an_item_of_an_earlier_process_that_is_too_old_is_skipped(tmp_path: Path) -> None:
    async def steps() -> None:
        with closing(Ledger(tmp_path / "anna.db", "anna")) as ledger:
            user = User(ledger, AccountLimits(Tier.PRO), RULES)
            await user.portfolio.load()
            user.copier.syncs.take_order(sync_order())
        async with process_in(tmp_path, RULES) as again:
            again.now += 60
            again.copier.recover_unfinished()
            await again.done()
            (copy,) = again.copies
            assert copy.reason == Reason.STALE_ENTRY
            assert "resync again" in copy.detail

    run(steps())


def test_a_coin_that_is_renamed_before_its_turn_is_bought_under_its_new_name(tmp_path: Path) -> None:
    async def steps() -> None:
        with closing(Ledger(tmp_path / "anna.db", "anna")) as ledger:
            user = User(ledger, AccountLimits(Tier.PRO), RULES)
            await user.portfolio.load()
            user.copier.syncs.take_order(sync_order(asset="OLD"))
            user.book.rename("OLD", "BTC")
            ledger.commit(book=user.book, renamed=1)
        async with process_in(tmp_path, RULES) as again:
            again.copier.recover_unfinished()
            await again.done()
            assert again.book.held("BTC").amount == Decimal("0.001")
            assert again.ledger.sync_items() == []

    run(steps())


# -- what would be done ---------------------------------------------------------------------------------


def test_a_plan_shows_each_coin_and_does_nothing(ledger: Ledger) -> None:
    rules = replace(RULES, max_daily_notional=Money(Decimal(20), "USD"))

    async def steps() -> None:
        async with copying(ledger, rules=rules) as user:
            holds(user, "ETH/USD", "0.002")
            before = ledger.revision
            plan = await user.copier.syncs.plan(sync_order())
            btc, eth = plan
            assert (btc.asset, btc.pair, btc.reason, btc.cap) == (
                "BTC", "BTC/USD", Reason.CAPPED, "max_daily_notional"
            )  # fmt: skip
            assert (btc.master_volume, btc.target_volume, btc.held_volume) == ("0.01", "0.001", "0")
            assert Decimal(btc.master_weight) == Decimal("0.50001")
            assert Decimal(btc.buy_volume) * Decimal("50251.0") <= 20
            assert (eth.reason, eth.held_volume) == (Reason.NO_MARK, "0.002")
            assert (ledger.revision, ledger.synced, user.kraken.sent) == (before, 0, [])
            assert not user.book.carried
            assert user.book.held("BTC").amount == 0
            user.kraken.always["Ticker"]["XETHZUSD"] = user.kraken.always["Ticker"]["XXBTZUSD"]
            eth = (await user.copier.syncs.plan(sync_order()))[1]
            assert (eth.sell_volume, eth.reason) == ("0.002", Reason.RESYNC)
            # What the day's cap leaves is shared by the coins, one after another.
            two = sync_order()
            two.positions.append(account_pb2.MasterPosition(asset="ETH", volume="0.05", pair="ETH/USD"))
            _, eth = await user.copier.syncs.plan(two)
            assert (eth.reason, eth.cap) == (Reason.CAP_EXHAUSTED, "max_daily_notional")

    run(steps())
