"""What earlier exits could not sell is owed, and sold once that is possible; fills of its coin go first."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from krakencopy.account_proc.contract.copied_coins import Exchanged
from krakencopy.account_proc.contract.copy_state import CopyState
from krakencopy.account_proc.contract.errors import ExchangeRefused
from krakencopy.account_proc.contract.trading_states import TradingState
from krakencopy.account_proc.copying.owed_exits import OwedExits
from krakencopy.account_proc.domain.copy_plan import Slice
from krakencopy.account_proc.domain.quantities import NO_AMOUNT, BaseVolume, Price, Side
from krakencopy.account_proc.domain.wallet import Marks
from krakencopy.account_proc.kraken.errors import LockedOut
from krakencopy.account_proc.kraken.pair_rows import pair_table
from krakencopy.account_proc.state.ledger import Ledger
from tests.support.copying_user import TIMING, User, copying
from tests.support.scripted_kraken import ASSETS, PAIRS, run, until
from tests.support.trading_states import say_state


def test_an_exit_that_is_owed_where_no_price_is_known_asks_for_one_and_leaves(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.fill()
            await user.done()
            await user.refuse_exit(ExchangeRefused("AddOrder", ("EQuery:Unknown asset pair",)))
            assert user.copier.positions.to_proto() != []
            # As after a start under a name that no price was read for.
            user.portfolio.prices.marks = Marks()
            user.now += 60.0
            await user.copier._sell_owed_exit("BTC/USD")
            await user.done()
            assert user.copier.positions.to_proto() == []

    run(steps())


def test_during_a_lockout_entries_are_skipped_and_exits_stay_owed_until_it_ends(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.fill()
            await user.done()
            user.kraken.next["AddOrder"] = [LockedOut("AddOrder", 700.0), LockedOut("AddOrder", 600.0)]
            user.now += 10
            for side in (Side.BUY, Side.SELL):
                user.fill(side)
                await user.done()
            entry, leaving = user.copy(2), user.copy(3)
            for copy in (entry, leaving):
                assert (copy.state, copy.reason) == (CopyState.REJECTED, "EGeneral:Temporary lockout")
                assert "not sent: the key is locked out" in copy.detail
            assert user.exits.not_before("BTC/USD") == user.now + 700
            (owed,) = user.copier.positions.obstructed_exits()
            assert (owed.words, owed.since) == ("0.0001 BTC, EGeneral:Temporary lockout", user.now)
            user.start_selling()
            await asyncio.sleep(5 * TIMING.retry)
            assert len(user.kraken.sent) == 1
            user.now += 701
            await until(lambda: len(user.kraken.sent) == 2)
            await user.done()
            assert [order["type"] for order in user.kraken.sent] == ["buy", "sell"]
            assert user.copier.positions.to_proto() == []

    run(steps())


@pytest.mark.parametrize("mode", ["cancel_only", "post_only", "maintenance"])
def test_in_a_closed_market_entries_are_refused_and_exits_tried_again_after_growing_pauses(
    ledger: Ledger, mode: str
) -> None:
    closed = ExchangeRefused("AddOrder", (f"EService:Market in {mode} mode",))

    async def steps() -> None:
        async with copying(ledger) as user:
            user.fill()
            await user.done()
            user.kraken.next["AddOrder"] = [closed] * 7
            user.fill()
            await user.done()
            assert (user.copy(2).state, user.copy(2).reason) == (CopyState.REJECTED, closed.errors[0])
            user.fill(Side.SELL)
            await user.done()
            assert await user.pauses_of_exits() == [5, 10, 20, 40, 60]
            assert user.exits.not_before("BTC/USD") == 0

    run(steps())


def test_an_exit_of_what_is_held_in_a_pair_that_is_not_listed_is_owed_and_sold_once_it_is(
    ledger: Ledger,
) -> None:
    async def steps() -> None:
        async with copying(ledger) as it:
            it.fill()
            await it.done()
            only = {"XETHZUSD": PAIRS["XETHZUSD"]}
            it.portfolio.pairs.latest = pair_table(only, ASSETS)
            it.kraken.always["AssetPairs"] = only
            it.fill(Side.SELL)
            await it.done()
            assert (it.copy(2).state, it.copy(2).reason) == (CopyState.CARRIED, "UNKNOWN_PAIR")
            assert "sold as soon as the pair is known" in it.copy(2).detail
            assert [position.volume for position in it.copier.positions.to_proto()] == [str(it.copy().filled)]
            it.start_selling()
            it.kraken.always["AssetPairs"] = PAIRS
            it.now += 600
            await until(lambda: it.copier.positions.to_proto() == [])
            await it.done()
            assert (it.copies[-1].reason, it.copies[-1].filled) == ("EXIT_OWED", it.copy().filled)
            assert it.copy(2).joined_copy_id == it.copies[-1].copy_id

    run(steps())


def test_the_pair_of_an_owed_exit_is_not_asked_for_while_an_order_of_its_coin_is_on_its_way(
    ledger: Ledger,
) -> None:
    async def steps() -> None:
        async with copying(ledger) as it:
            it.fill()
            turns = it.copier._turns
            assert turns.is_occupied("BTC")
            asked = it.kraken.times_asked("AssetPairs")
            await it.copier._sell_owed_exit("BTC/XYZ")
            assert turns.is_occupied("BTC"), "its order would lose its turn"
            assert it.kraken.times_asked("AssetPairs") == asked
            await it.done()

    run(steps())


def test_while_no_exit_is_owed_nothing_but_a_change_wakes_who_finishes_them(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.start_selling()
            await until(lambda: bool(user.change_signal._waiters))
            user.fill()
            await user.done()
            await until(lambda: bool(user.change_signal._waiters))
            # An exit that was refused is owed; it is tried again by the clock, until it is done.
            await user.refuse_exit(ExchangeRefused("AddOrder", ("EService:Market in post_only mode",)))
            user.now += 60
            await until(lambda: user.copier.positions.to_proto() == [])
            await user.done()
            await until(lambda: bool(user.change_signal._waiters))

    run(steps())


def owing(user: User, pair: str = "BTC/USD", volume: str = "0.0001") -> OwedExits:
    """The user has bought a coin by copying for 50000 a piece, and owes so much of it."""
    base, _, quote = pair.partition("/")
    amount = Decimal(volume)
    user.book.coins.bought(Exchanged(base=base, quote=quote, volume=amount, cost=amount * 50_000))
    piece = Slice(order_id="", volume=BaseVolume(amount), cost=NO_AMOUNT)
    user.book.carry(pair, Side.SELL, [piece], "c1")
    owed = user.copier._owed_exits
    assert isinstance(owed, OwedExits)
    return owed


def test_an_owed_exit_is_due_while_nothing_else_is_done_with_its_coin(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            owed = owing(user)
            user.book.carry("ETH/USD", Side.BUY, [], "c1")
            assert (owed.pairs(), owed.pairs_due()) == (["BTC/USD"], ["BTC/USD"])
            for pair in ("BTC/USD", "ETH/BTC"):
                user.copier._turns.begin_order("c9", pair)
                assert owed.pairs_due() == []
                user.copier._turns.end_order("c9")
            user.strategy_orders = True
            assert owed.pairs_due() == []

    run(steps())


def test_fills_that_came_while_the_price_of_an_owed_exit_was_found_out_go_first(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            owed = owing(user)
            price = await owed.price_to_sell_at("BTC/USD")
            assert price is not None
            user.copier._turns.begin_order("c9", "BTC/USD")
            assert owed.intend_exit("BTC/USD", price) is None
            user.copier._turns.end_order("c9")
            copy = owed.intend_exit("BTC/USD", price)
            assert copy is not None
            (durable,) = ledger.open_copies()
            assert (durable.copy_id, durable.state) == (copy.copy_id, CopyState.INTENT)
            assert owed.pairs() == []

    run(steps())


def test_where_the_exchange_tells_no_price_what_was_paid_says_whether_an_owed_exit_is_large_enough(
    ledger: Ledger,
) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.portfolio.prices.marks = Marks()
            user.kraken.always["Ticker"] = ExchangeRefused("Ticker", ("EService:Unavailable",))
            price = await owing(user).price_to_sell_at("BTC/USD")
            assert price == Price(Decimal(50_000))

    run(steps())


def test_an_exit_that_is_too_small_or_of_a_pair_that_is_not_listed_stays_owed(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            assert await owing(user, volume="0.00001").price_to_sell_at("BTC/USD") is None
            assert await owing(user, "NEW/USD").price_to_sell_at("NEW/USD") is None

    run(steps())


def test_no_owed_exit_is_due_while_trading_is_halted_nor_one_whose_price_was_found_out_before(
    ledger: Ledger,
) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            exits = owing(user)
            assert exits.pairs_due() == ["BTC/USD"]
            price = await exits.price_to_sell_at("BTC/USD")
            assert price is not None
            say_state(user.states_path, TradingState.HALTED)
            assert exits.pairs_due() == []
            assert exits.intend_exit("BTC/USD", price) is None
            assert user.book.owed("BTC") == BaseVolume(Decimal("0.0001"))
            say_state(user.states_path, TradingState.REDUCING)
            assert exits.pairs_due() == ["BTC/USD"]
            assert exits.intend_exit("BTC/USD", price) is not None

    run(steps())


def test_what_brings_in_a_coin_waits_for_the_order_that_sells_that_coin(ledger: Ledger) -> None:
    """Else the end of that order would forget what came in meanwhile, and it would be owed twice."""
    by_btc = PAIRS["XETHZUSD"] | {
        "altname": "ETHXBT", "wsname": "ETH/XBT", "quote": "XXBT", "costmin": "0.00002",
    }  # fmt: skip

    async def steps() -> None:
        async with copying(ledger) as user:
            user.kraken.always["AssetPairs"] = PAIRS | {"XETHXXBT": by_btc}
            await user.portfolio.pairs.read()
            user.portfolio.prices.marks.set("BTC", "USD", Decimal(50_000))
            user.portfolio.prices.marks.set("ETH", "BTC", Decimal("0.04"))
            for base, quote, volume, cost in (
                ("BTC", "USD", "0.0003", "15"), ("ETH", "BTC", "0.01", "0.0001"),
            ):  # fmt: skip
                trade = Exchanged(base=base, quote=quote, volume=Decimal(volume), cost=Decimal(cost))
                user.book.coins.bought(trade)
            # As a ledger is read at a start: by the name of the pair.
            for pair, volume in (("BTC/USD", "0.0002"), ("ETH/BTC", "0.01")):
                piece = Slice(order_id="", volume=BaseVolume(Decimal(volume)), cost=NO_AMOUNT)
                user.book.carry(pair, Side.SELL, [piece], "c0")
            user.book.left["BTC"] = "BTC/USD"
            user.kraken.held["AddOrder"] = asyncio.Event()
            user.start_selling()
            await until(lambda: user.copier.copies_open > 0)
            await asyncio.sleep(5 * TIMING.retry)
            assert user.copier.copies_open == 1
            user.kraken.held["AddOrder"].set()
            await until(lambda: len(user.kraken.sent) == 3)
            await user.done()
            assert [order["pair"] for order in user.kraken.sent] == ["XBTUSD", "ETHXBT", "XBTUSD"]
            assert user.book.held("BTC") == user.book.held("ETH") == BaseVolume(Decimal(0))
            assert user.book.carried == {}

    run(steps())
