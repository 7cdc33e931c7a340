"""What copying bought is made owed once for each order to flatten, whatever ends the process in between; what
is the account's own is never sold, nor what is owed already.
"""

from __future__ import annotations

import asyncio
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from krakencopy.account_proc.contract.copy_state import CopyState
from krakencopy.account_proc.contract.errors import ExchangeRefused, LedgerFault
from krakencopy.account_proc.contract.spec import Tier
from krakencopy.account_proc.contract.trading_states import FlattenBy, TradingState, account_scope
from krakencopy.account_proc.domain.quantities import (
    NO_AMOUNT,
    NO_VOLUME,
    BaseVolume,
    Side,
)
from krakencopy.account_proc.kraken.rest.rate_limits import AccountLimits
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.v1 import types_pb2 as pb
from tests.support.copying_user import TIMING, User, copying
from tests.support.flattened_user import VOLUME, bought, flatten, holds
from tests.support.scripted_kraken import PAIRS, order_row, run, until
from tests.support.trading_states import SAID_AT, say_state


def test_all_that_copying_bought_is_owed_with_its_reason_sold_and_done(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            await bought(user)
            user.start_selling()
            flatten(user)
            copy = ledger.copy("f3")
            assert copy is not None
            assert (copy.state, copy.reason, copy.side, copy.pair, copy.planned, copy.fill_seqs) == (
                CopyState.CARRIED, "FLATTEN", Side.SELL, "BTC/USD", VOLUME, (),
            )  # fmt: skip
            assert copy.detail == (
                "all that copying bought is sold, as of 2026-09-21 14:13:20 UTC, by operator root: a test; "
                "it is owed"
            )
            assert user.copier.flatten_state == pb.FLATTEN_STATE_SELLING
            await until(lambda: user.copier.flatten_state == pb.FLATTEN_STATE_DONE)
            assert [(order["type"], order["volume"]) for order in user.kraken.sent] == [
                ("buy", "0.0001"), ("sell", "0.0001"),
            ]  # fmt: skip
            assert user.book.held("BTC") == NO_VOLUME
            joined = ledger.copy("f3")
            assert joined is not None
            assert joined.joined_copy_id.startswith("x")

    run(steps())


def test_while_trading_is_halted_it_is_owed_and_nothing_leaves_until_that_is_lifted(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            await bought(user)
            user.start_selling()
            say_state(user.states_path, TradingState.HALTED, account_scope("anna"))
            flatten(user)
            assert user.book.owed("BTC") == user.book.held("BTC")
            await asyncio.sleep(5 * TIMING.retry)
            assert len(user.kraken.sent) == 1
            # That somebody resumes it does not undo what is owed.
            say_state(user.states_path, TradingState.ACTIVE, account_scope("anna"))
            user.guard.look()
            await until(lambda: user.copier.flatten_state == pb.FLATTEN_STATE_DONE)
            assert len(user.kraken.sent) == 2

    run(steps())


def test_what_is_bought_after_it_is_done_is_kept_and_the_next_one_sells_it(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            await bought(user)
            user.start_selling()
            for number in (1, 2):
                flatten(user)
                await until(lambda: user.copier.flatten_state == pb.FLATTEN_STATE_DONE)
                assert len(user.kraken.sent) == 2 * number
                say_state(user.states_path, TradingState.ACTIVE, account_scope("anna"))
                await bought(user)
                user.guard.look()
                await asyncio.sleep(5 * TIMING.retry)
                assert user.book.held("BTC") == BaseVolume(VOLUME)

    run(steps())


def test_an_order_on_its_way_is_waited_for_and_what_it_bought_is_sold_too(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.kraken.held["AddOrder"] = asyncio.Event()
            user.fill()
            flatten(user)
            assert user.copier.flatten_state == pb.FLATTEN_STATE_SELLING
            assert ledger.flattened(FlattenBy.SAID) == 0
            user.kraken.held["AddOrder"].set()
            await user.done()
            assert ledger.flattened(FlattenBy.SAID) == 1
            assert user.book.owed("BTC") == user.book.held("BTC") == BaseVolume(VOLUME)

    run(steps())


def test_what_the_master_sells_at_the_same_time_is_sold_once(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            await bought(user)
            flatten(user)
            user.fill(Side.SELL)
            await user.done()
            user.start_selling()
            await until(lambda: user.copier.flatten_state == pb.FLATTEN_STATE_DONE)
            sold = [order["volume"] for order in user.kraken.sent if order["type"] == "sell"]
            assert sold == ["0.0001"]
            copy = ledger.copy("f3")
            assert copy is not None
            assert copy.joined_copy_id == "c2"

    run(steps())


def test_an_exit_that_is_refused_stays_owed_until_it_is_sold(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            await bought(user)
            user.kraken.next["AddOrder"] = [
                ExchangeRefused("AddOrder", ("EService:Market in cancel_only mode",))
            ]
            user.start_selling()
            flatten(user)
            await until(lambda: not user.kraken.next["AddOrder"])
            await user.done()
            assert user.copier.flatten_state == pb.FLATTEN_STATE_SELLING
            user.now += 60.0
            await until(lambda: user.copier.flatten_state == pb.FLATTEN_STATE_DONE)

    run(steps())


def test_carried_entries_are_given_up_with_the_reason_and_their_plans_count_nothing_for_them(
    ledger: Ledger,
) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            # A tenth of the user's 100 USD buys less than the exchange's minimum.
            user.kraken.always["AssetPairs"] = {
                name: row | {"ordermin": "0.001"} for name, row in PAIRS.items()
            }
            await user.portfolio.pairs.read()
            user.fill()
            await user.done()
            assert user.copy().state is CopyState.CARRIED
            flatten(user)
            assert (user.copy().reason, user.book.carried) == ("FLATTEN", {})
            assert "given up: all that copying bought is sold" in user.copy().detail
            plan = ledger.get_plan("MO1")
            assert plan is not None
            assert plan.cost == NO_AMOUNT
            assert ledger.load_book().carried == {}
            assert user.copier.flatten_state == pb.FLATTEN_STATE_DONE

    run(steps())


def test_a_ledger_that_cannot_be_written_ends_the_process(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            await bought(user)

            def full(**_: object) -> None:
                raise LedgerFault("no room")

            monkeypatch.setattr(ledger, "commit", full)
            flatten(user)
            assert [str(error) for error in user.failures] == ["no room"]

    run(steps())


def test_nothing_is_made_owed_before_the_orders_of_an_earlier_process_are_taken_up(tmp_path: Path) -> None:
    """The exchange is looked at first, for as long as an outage lasts."""
    path = tmp_path / "anna.db"

    async def steps() -> None:
        with closing(Ledger(path, "anna")) as ledger:
            async with copying(ledger) as user:
                user.kraken.held["AddOrder"] = asyncio.Event()
                user.fill()
                cl_ord_id = user.copy().cl_ord_id
        with closing(Ledger(path, "anna")) as ledger:
            user = User(ledger, AccountLimits(Tier.STARTER))
            user.gateway.timing = replace(TIMING, poll=0.0)
            user.now += 1000.0
            await user.portfolio.load()
            flatten(user)
            assert (ledger.flattened(FlattenBy.SAID), user.book.carried) == (0, {})
            row = order_row("closed", "0.0001", "0.0001", fee="0", cl_ord_id=cl_ord_id)
            user.kraken.always |= {
                "OpenOrders": {"open": {}}, "ClosedOrders": {"closed": {"O1": row}, "count": 1},
                "QueryOrders": {"O1": row},
            }  # fmt: skip
            user.start_asking()
            user.copier.recover_unfinished()
            await user.done()
            assert ledger.flattened(FlattenBy.SAID) == 1
            assert user.book.owed("BTC") == user.book.held("BTC") == BaseVolume(VOLUME)

    run(steps())


@pytest.mark.parametrize(("bought_later_s", "is_owed"), [(3600.0, False), (1.0, True), (-3600.0, True)])
def test_a_ledger_from_before_it_does_not_sell_what_was_bought_after_it(
    ledger: Ledger, bought_later_s: float, *, is_owed: bool
) -> None:
    """The file of trading states is not brought back with ledger and journal, and still has the order."""

    async def steps() -> None:
        async with copying(ledger) as user:
            holds(user, "BTC/USD", "0.0003")
            ledger.take_over([], {}, {"BTC": SAID_AT + bought_later_s}, user.book)
            flatten(user)
            assert bool(user.book.carried) is is_owed
            assert ledger.flattened(FlattenBy.SAID) == 1
            if not is_owed:
                assert user.copier.flatten_state == pb.FLATTEN_STATE_DONE

    run(steps())


def test_what_is_bought_after_it_was_lifted_is_not_meant_also_where_it_is_not_whole(ledger: Ledger) -> None:
    """An order of another coin is on its way all the time, so that not all of it can be made owed."""

    async def steps() -> None:
        async with copying(ledger) as user:
            user.now = SAID_AT - 60
            await bought(user)
            user.kraken.held["AddOrder"] = held = asyncio.Event()
            other = user.made(Side.BUY, "ETH/USD")
            other.price, other.volume = "2500", "0.02"
            user.copier.take_fills([other])
            flatten(user)
            assert user.book.owed("BTC") == BaseVolume(VOLUME)
            assert ledger.flattened(FlattenBy.SAID) == 0
            say_state(user.states_path, TradingState.ACTIVE, account_scope("anna"))
            user.guard.look()
            user.now = SAID_AT + 60
            user.kraken.held.pop("AddOrder")
            await bought_beside(user)
            held.set()
            await user.done()
            assert ledger.flattened(FlattenBy.SAID) == 1
            assert user.book.owed("BTC") == BaseVolume(VOLUME)
            assert user.book.held("BTC").amount > VOLUME

    run(steps())


async def bought_beside(user: User) -> None:
    """While an order of another coin is on its way."""
    user.fill()
    await until(lambda: user.copy(user.seq).state is CopyState.FILLED)


# -- taken back -----------------------------------------------------------------------------------------
