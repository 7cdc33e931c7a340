"""A user is brought to the master's positions once for each sync, whatever ends its process and whatever the
master does meanwhile: against a model in fractions. What each coin of a sync ends in, and what is planned.
"""

from __future__ import annotations

import asyncio
from contextlib import closing, suppress
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from krakencopy.account_proc.contract.copied_coins import Exchanged
from krakencopy.account_proc.contract.copy_state import CopyState, Reason
from krakencopy.account_proc.contract.errors import OutcomeUnknown
from krakencopy.account_proc.contract.money import Money
from krakencopy.account_proc.contract.spec import BalanceBasis, CopyRules, Sizing, Tier
from krakencopy.account_proc.contract.trading_states import TradingState
from krakencopy.account_proc.copying.fill_faults import FillGap, FillInvalid
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.kraken.rest.rate_limits import AccountLimits
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.account_proc.trading import order_gateway
from krakencopy.v1 import account_pb2
from krakencopy.v1 import types_pb2 as pb
from tests.support.account_specs import states_file_in
from tests.support.copying_user import TIMING, User, copying, streamed_fill
from tests.support.dying_user import NOT_SENT, PLACES, Died, Exchange, dying_at
from tests.support.mapped_user import DOLLARS, TO_EUROS, listed, mapped_user
from tests.support.scripted_kraken import run, until
from tests.support.trading_states import say_state

RULES = CopyRules(max_user_risk=Decimal(1))


def order(
    volume: str = "0.01", number: int = 1, seq: int = 0, *, asset: str = "BTC", cost: str = "500", **more: Any
) -> account_pb2.SyncOrder:
    """The master of 1000 USD holds so much; its user of 100 USD is to have a tenth."""
    position = account_pb2.MasterPosition(
        asset=asset, volume=volume, pair=f"{asset}/USD", costs=[pb.Money(amount=cost, asset="USD")]
    )
    return account_pb2.SyncOrder(
        number=number, as_of_seq=seq, source=f"resync {number} by olga", sells=True,
        master_equity=pb.Money(amount="1000", asset="USD"),
        master_cash=[pb.Money(amount="500", asset="USD")],
        positions=[position] if Decimal(volume) else [], **more,
    )  # fmt: skip


def holds(user: User, volume: str, coin: str = "BTC") -> None:
    trade = Exchanged(base=coin, quote="USD", volume=Decimal(volume), cost=Decimal(5))
    user.book.coins.bought(trade)
    user.ledger.commit(book=user.book)


# -- one sync -------------------------------------------------------------------------------------------


def test_a_coin_of_a_sync_is_an_ordinary_copy_that_says_what_it_follows_from(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger, rules=RULES) as user:
            user.copier.take_sync(order())
            await user.done()
            (copy,) = user.copies
            assert (copy.state, copy.reason) == (CopyState.FILLED, Reason.SCALED)
            assert (copy.ordered, copy.fill_seqs) == (Decimal("0.001"), ())
            assert copy.to_proto("anna").source == "resync 1 by olga"
            assert user.book.held("BTC").amount == Decimal("0.001")
            user.copier.take_sync(order())  # the same again
            assert ledger.synced == 1
            assert ledger.sync_items() == []
            assert len(user.kraken.sent) == 1

    run(steps())


def test_the_prices_of_all_coins_are_one_question(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger, rules=RULES) as user:
            user.kraken.always["Ticker"]["XETHZUSD"] = user.kraken.always["Ticker"]["XXBTZUSD"]
            two = order("0.002")
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
                user.copier.take_sync(order(seq=5))
            assert ledger.synced == 0

    run(steps())


@pytest.mark.parametrize(
    "odd", [{"volume": "x"}, {"volume": "NaN"}, {"cost": "Infinity"}, {"cost": "1,5"}], ids=str
)
def test_a_sync_that_cannot_be_read_is_not_taken(ledger: Ledger, odd: dict[str, str]) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            message = order()
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
            holds(user, "0.003")
            user.portfolio.wallet.add_amount("BTC", Decimal("0.5"))
            converging = asyncio.create_task(user.copier.sell_owed_exits(user.change_signal))
            user.copier.take_sync(order())
            await until(lambda: user.book.held("BTC").amount == Decimal("0.001"))
            await user.done()
            converging.cancel()
            owed, sold = user.copies
            assert (owed.copy_id, owed.reason, owed.state) == ("s1.1", Reason.RESYNC, CopyState.CARRIED)
            assert owed.source == "resync 1 by olga"
            assert (sold.side, sold.filled) == (Side.SELL, Decimal("0.002"))

    run(steps())


def test_a_coin_that_only_copying_holds_is_sold_and_too_little_to_sell_stays(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger, rules=RULES) as user:
            holds(user, "0.001")
            holds(user, "0.0001", "ETH")
            user.copier.take_sync(order("0"))
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
            user.copier.take_sync(order())
            await user.done()
            (copy,) = user.copies
            assert (copy.state, copy.reason) == (CopyState.SKIPPED, f"TRADING_{state}")
            assert user.kraken.sent == []

    run(steps())


def test_what_cannot_be_priced_or_is_not_listed_or_waited_too_long_is_skipped(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.kraken.always["Ticker"] = OutcomeUnknown("Ticker", "no answer")
            user.copier.take_sync(order())
            await user.done()
            user.copier.take_sync(order(asset="XYZ", number=2))
            await user.done()
            assert [copy.reason for copy in user.copies] == [Reason.NO_MARK, Reason.UNKNOWN_PAIR]

    run(steps())


def test_an_item_of_an_earlier_process_that_is_too_old_is_skipped(tmp_path: Path) -> None:
    async def steps() -> None:
        with closing(Ledger(tmp_path / "anna.db", "anna")) as ledger:
            user = User(ledger, AccountLimits(Tier.PRO), RULES)
            await user.portfolio.load()
            user.copier.syncs.take_order(order())
        with closing(Ledger(tmp_path / "anna.db", "anna")) as ledger:
            async with copying(ledger, rules=RULES) as again:
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
            user.copier.syncs.take_order(order(asset="OLD"))
            user.book.rename("OLD", "BTC")
            ledger.commit(book=user.book, renamed=1)
        with closing(Ledger(tmp_path / "anna.db", "anna")) as ledger:
            async with copying(ledger, rules=RULES) as again:
                again.copier.recover_unfinished()
                await again.done()
                assert again.book.held("BTC").amount == Decimal("0.001")
                assert ledger.sync_items() == []

    run(steps())


# -- what would be done ---------------------------------------------------------------------------------


def test_a_plan_shows_each_coin_and_does_nothing(ledger: Ledger) -> None:
    rules = replace(RULES, max_daily_notional=Money(Decimal(20), "USD"))

    async def steps() -> None:
        async with copying(ledger, rules=rules) as user:
            holds(user, "0.002", "ETH")
            before = ledger.revision
            plan = await user.copier.syncs.plan(order())
            btc, eth = plan
            assert (btc.asset, btc.pair, btc.reason, btc.cap) == (
                "BTC", "BTC/USD", Reason.CAPPED, "max_daily_notional"
            )  # fmt: skip
            assert (btc.master_volume, btc.target_volume, btc.held_volume) == ("0.01", "0.001", "0")
            assert Decimal(btc.master_weight) == Decimal("0.50001")
            assert Decimal(btc.buy_volume) * Decimal("50251.0") <= 20
            assert eth.reason == Reason.NO_MARK
            assert (ledger.revision, ledger.synced, user.kraken.sent) == (before, 0, [])
            assert not user.book.carried
            assert user.book.held("BTC").amount == 0
            user.kraken.always["Ticker"]["XETHZUSD"] = user.kraken.always["Ticker"]["XXBTZUSD"]
            eth = (await user.copier.syncs.plan(order()))[1]
            assert (eth.sell_volume, eth.reason) == ("0.002", Reason.RESYNC)
            # What the day's cap leaves is shared by the coins, one after another.
            two = order()
            two.positions.append(account_pb2.MasterPosition(asset="ETH", volume="0.05", pair="ETH/USD"))
            _, eth = await user.copier.syncs.plan(two)
            assert (eth.reason, eth.cap) == (Reason.CAP_EXHAUSTED, "max_daily_notional")

    run(steps())


# -- against a model, with processes that die -----------------------------------------------------------


class World:
    """One user's processes, one after another, and the supervisor that sends fills and syncs again."""

    def __init__(self, folder: Path) -> None:
        self.path, self.folder = states_file_in(folder), folder
        self.exchange = Exchange()
        self.now = 0.0
        self.fills: list[pb.Fill] = []
        self.master = Decimal("0.008")  # before the user joined
        self.syncs = 0
        #: What the user holds; None once a process has died with an entry that may not have left.
        self.held: Fraction | None = Fraction(0)
        self.tasks: list[asyncio.Task[Any]] = []

    @property
    def target(self) -> Fraction:
        return Fraction(self.master) / 10

    async def start(self) -> None:
        self.ledger = Ledger(self.folder / "anna.db", "anna")
        self.user = User(self.ledger, AccountLimits(Tier.UNLIMITED), RULES)
        self.user.now = max(self.now, self.user.now)
        self.user.gateway.timing = replace(TIMING, poll=0.0)
        self.exchange.attach(self.user)
        await self.user.portfolio.load()
        self.tasks = [
            asyncio.create_task(self.user.gateway.ask_for_ends()),
            asyncio.create_task(self.user.copier.sell_owed_exits(self.user.change_signal)),
        ]
        if self.ledger.open_copies():
            self.user.now += 1000.0
        self.user.copier.recover_unfinished()
        self.send()
        await self.rest()

    async def end(self) -> None:
        for task in (*self.tasks, *self.user.copier._tasks.pending):
            task.cancel()
            with suppress(asyncio.CancelledError, Died):
                await task
        self.now = self.user.now
        self.ledger.close()

    def send(self) -> None:
        """All that the ledger lacks, fills first: a sync is as of the journal's end when it is sent."""
        cursor = self.ledger.cursor or 0
        if self.fills[cursor:]:
            for fill in self.fills[cursor:]:
                fill.executed_at.FromSeconds(int(self.user.now))
            self.user.copier.take_fills(self.fills[cursor:])
        if self.syncs > self.ledger.synced:
            volume = format(self.master, "f")
            self.user.copier.take_sync(order(volume, self.syncs, len(self.fills)))

    async def rest(self) -> None:
        def is_at_rest() -> bool:
            return not self.user.copier.copies_open and not self.user.book.owed("BTC").amount

        await until(lambda: bool(self.user.failures) or is_at_rest())

    def trade(self, side: Side) -> None:
        """The master buys 0.002, or sells half; all when that is little."""
        before = self.master
        volume = Decimal("0.002") if side is Side.BUY else before / 2 if before > Decimal("0.003") else before
        self.master += volume if side is Side.BUY else -volume
        fill = streamed_fill(len(self.fills) + 1, side, "BTC/USD", self.user.now)
        fill.volume, fill.journal_position = format(volume, "f"), format(before, "f")
        fill.journal_position_after = fill.master_position = format(self.master, "f")
        fill.master_position = fill.journal_position
        self.fills.append(fill)
        if self.held is not None:
            self.held = (
                self.held + Fraction(volume) / 10
                if side is Side.BUY
                else self.held * (1 - Fraction(volume) / Fraction(before))
            )

    def sync(self) -> None:
        self.syncs += 1
        near = self.held is not None and abs(self.held - self.target) <= self.target / 20
        self.held = self.held if near else self.target

    async def play(self, steps: str, dies_at: str) -> None:
        """Some steps without a pause between them. ``s``: a sync, ``b`` and ``x``: the master trades."""
        with dying_at(dies_at) as died:
            with suppress(Died):
                for step in steps:
                    if step == "s":
                        self.sync()
                    elif step != "x" or self.master:
                        self.trade(Side.BUY if step == "b" else Side.SELL)
                    if not died():
                        self.send()
                await self.rest()
            where = died()
            if where:
                await self.end()
        if where:
            # What was to be bought and had not left, or waited behind what had, is too old for the next one.
            if where in NOT_SENT[1:] or "b" in steps or len(steps) > 1:
                self.held = None
            await self.start()
        assert not self.user.failures
        held = Fraction(self.user.book.held("BTC").amount)
        lots = Fraction(len(self.fills) + 2, 10**8)
        assert held <= self.target + lots  # nothing is ever counted twice
        if self.held is not None:
            assert abs(held - self.held) <= lots
        self.held = held if self.held is not None else None


PLAYED = st.lists(
    st.tuples(
        st.sampled_from(["s", "b", "x", "sb", "sx", "bs", "xs", "sxb", "bsx", "ss"]),
        st.sampled_from(["", "", "after_sync_taken", *PLACES]),
    ),
    max_size=6,
)


@settings(deadline=None, max_examples=25)
@given(PLAYED)
@example([("s", "before_intent")])
@example([("sx", "after_sync_taken")])
@example([("b", ""), ("xs", "after_acknowledged")])
def test_what_the_master_does_meanwhile_is_counted_once_and_no_sync_is_done_twice(
    steps: list[tuple[str, str]],
) -> None:
    async def play(folder: Path) -> None:
        world = World(folder)
        await world.start()
        for step, dies_at in steps:
            await world.play(step, dies_at)
        world.held = None
        await world.play("s", "")
        held = Fraction(world.user.book.held("BTC").amount)
        assert world.target * Fraction(19, 20) - Fraction(1, 10**7) <= held
        assert world.ledger.sync_items() == []
        await world.end()
        orders = world.exchange.orders.values()
        signed = ((1 if each["type"] == "buy" else -1) * Fraction(each["volume"]) for each in orders)
        assert sum(signed) == held

    with TemporaryDirectory() as made, patch.object(order_gateway, "LOOK_AT_CLOCK_S", 0.001):
        run(play(Path(made)))


# -- in another quote than the master's -----------------------------------------------------------------


@pytest.mark.parametrize("basis", list(BalanceBasis))
def test_a_user_with_euros_is_brought_to_a_position_in_dollars_and_out_of_it_in_euros(
    ledger: Ledger, basis: BalanceBasis
) -> None:
    rules = replace(TO_EUROS, max_user_risk=Decimal(1), balance=basis)

    async def steps() -> None:
        async with mapped_user(ledger, rules) as user:
            user.portfolio.prices.set_marks("USD", {"EUR": DOLLARS})
            held = order()
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
    rules = replace(TO_EUROS, max_user_risk=Decimal(1), exclude=("BTC/USD",))
    pairs = listed("BTC/EUR", "ETH/EUR", "EUR/USD")
    pairs["XETHZEUR"] = pairs["XETHZEUR"] | {"ordermin": "0.5"}

    async def steps() -> None:
        async with mapped_user(ledger, rules, pairs) as user:
            user.portfolio.prices.set_marks("USD", {"EUR": DOLLARS, "ETH": "1"})
            user.kraken.always["Ticker"]["XETHZEUR"] = user.kraken.always["Ticker"]["XXBTZEUR"]
            both = order()
            both.positions.append(account_pb2.MasterPosition(asset="ETH", volume="0.1", pair="ETH/USD"))
            user.copier.take_sync(both)
            await user.done()
            assert {copy.pair: copy.reason for copy in user.copies} == {
                "BTC/EUR": Reason.PAIR_EXCLUDED, "ETH/EUR": Reason.BELOW_ORDERMIN
            }  # fmt: skip

    run(steps())


def test_a_map_is_followed_once_and_no_chain_of_it(ledger: Ledger) -> None:
    rules = replace(TO_EUROS, max_user_risk=Decimal(1), map={"*/USD": "*/EUR", "*/EUR": "*/GBP"})

    async def steps() -> None:
        async with mapped_user(ledger, rules, listed("BTC/EUR", "BTC/GBP", "EUR/USD")) as user:
            user.portfolio.prices.set_marks("USD", {"EUR": DOLLARS})
            user.copier.take_sync(order())
            await user.done()
            assert user.orders == [("buy", "BTC/EUR", "0.001")]

    run(steps())
