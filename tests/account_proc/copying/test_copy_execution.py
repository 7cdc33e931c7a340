"""What a user's process does when limits, lockouts and market modes stand in the way of an order: it
waits, skips or owes, and says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from krakencopy.account_proc.contract.copy_state import CopyState
from krakencopy.account_proc.contract.errors import ExchangeRefused, NonceFault, RateLimited
from krakencopy.account_proc.contract.proto_time import timestamp
from krakencopy.account_proc.contract.spec import CopyRules, Tier
from krakencopy.account_proc.copying.copier import Copier
from krakencopy.account_proc.domain.copy_record import PB_SIDE, CopyRecord
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.domain.wallet import Marks
from krakencopy.account_proc.kraken.answers import LockedOut
from krakencopy.account_proc.kraken.pair_rows import pair_table
from krakencopy.account_proc.kraken.rest import rate_limits as limits_module
from krakencopy.account_proc.kraken.rest.rate_limits import AccountLimits, TierLimits
from krakencopy.account_proc.runtime.change_signal import ChangeSignal
from krakencopy.account_proc.runtime.read_deferral import ReadDeferral
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.account_proc.trading import current_pairs
from krakencopy.account_proc.trading.kraken_broker import KrakenBroker
from krakencopy.account_proc.trading.order_gateway import OrderGateway
from krakencopy.account_proc.trading.order_tracker import OrderTracker
from krakencopy.account_proc.trading.portfolio import Portfolio
from krakencopy.account_proc.trading.requested_orders import OrderAsked, OrderRefused, RequestedOrders
from krakencopy.account_proc.trading.timing import Timing
from krakencopy.v1 import types_pb2 as pb
from tests.support.copying import NOW
from tests.support.scripted_kraken import ASSETS, PAIRS, ScriptedKraken, execution, run, until

ETH_BTC = PAIRS["XETHZUSD"] | {
    "altname": "ETHXBT",
    "wsname": "ETH/XBT",
    "quote": "XXBT",
    "pair_decimals": 5,
    "tick_size": "0.00001",
}
#: Quick, but with the bounds of a live market.
TIMING = Timing(deadline=5.0, retry=0.01)


class Kraken(ScriptedKraken):
    """Fills every order at once, and remembers public calls too."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.every: list[str] = []
        self.watch: OrderTracker | None = None
        self.sent: list[dict[str, str]] = []
        self.always |= {"Balance": {"ZUSD": "100"}, "AddOrder": self._fill}

    def public(self, method: str, params: dict[str, str]) -> Any:
        self.every.append(method)
        return super().public(method, params)

    def private(self, method: str, params: dict[str, str]) -> Any:
        self.every.append(method)
        return super().private(method, params)

    def _fill(self, params: dict[str, str]) -> Any:
        self.sent.append(params)
        number = len(self.sent)
        assert self.watch is not None
        told = execution(
            order_id=f"O{number}", cl_ord_id=params["cl_ord_id"], exec_id=f"T{number}", qty=params["volume"],
            side=Side(params["type"]),
        )  # fmt: skip
        asyncio.get_running_loop().call_soon(self.watch.executed, [told])
        return {"descr": {"order": "an order"}, "txid": [f"O{number}"]}


class User:
    """A user's copier, with all that is real but the exchange."""

    def __init__(self, ledger: Ledger, limits: AccountLimits) -> None:
        self.ledger = ledger
        self.now = NOW
        self.seq = 0
        self.change_signal = ChangeSignal()
        self.failures: list[BaseException] = []
        self.kraken = Kraken(limits=limits)
        exchange = self.kraken.exchange
        self.watch = self.kraken.watch = OrderTracker(exchange, lambda: self.now, 1.0)
        self.gateway = OrderGateway(exchange, self.watch, lambda: self.now, TIMING)
        self.portfolio = Portfolio(exchange, lambda: None, lambda: self.now, 1.0)
        self.read_deferral = ReadDeferral(0.1)
        ledger.join("a journal", 0)
        self.copier = Copier(
            account_id="anna",
            rules=CopyRules(),
            ledger=ledger,
            portfolio=self.portfolio,
            gateway=self.gateway,
            now=lambda: self.now,
            changed=self.change_signal.notify,
            failed=self.failures.append,
            occupied=lambda: False,
            own_held=lambda _: Decimal(0),
            read_deferral=self.read_deferral,
        )

    def fill(self, side: Side = Side.BUY) -> None:
        """The master of 1000 USD has traded 0.001 BTC; what it sells is all that it holds."""
        self.copier.take([self.made(side)])

    def made(self, side: Side, pair: str = "BTC/USD") -> pb.Fill:
        """The next fill of the master."""
        self.seq += 1
        held = Decimal("0.001") if side is Side.SELL else Decimal(0)
        return pb.Fill(
            seq=self.seq,
            exec_id=f"M{self.seq}",
            order_id=f"MO{self.seq}",
            pair=pair,
            side=PB_SIDE[side],
            price="50000",
            volume="0.001",
            master_equity="1000",
            master_cash="1000",
            master_position=str(held),
            executed_at=timestamp(self.now),
        )

    @property
    def copies(self) -> list[CopyRecord]:
        return sorted(self.ledger.copies_after(0, 100), key=lambda copy: copy.received_at)

    def copy(self, number: int = 1) -> CopyRecord:
        found = self.ledger.copy(f"c{number}")
        assert found is not None
        return found

    async def done(self) -> None:
        await until(lambda: not self.copier.copies_open)
        assert self.failures == []

    async def tried(self, left: int) -> None:
        """Waits until there are fewer answers left for orders than these."""
        await until(lambda: len(self.kraken.next["AddOrder"]) < left)

    async def pauses_of_exits(self) -> list[float]:
        """How long (s) each next try of an exit of BTC/USD waited, while there were refusals left for it;
        then it is sold.
        """
        converging = asyncio.create_task(self.copier.converge(self.change_signal))
        pauses: list[float] = []
        while left := len(self.kraken.next["AddOrder"]):
            pauses.append(self.copier._exits.not_before("BTC/USD") - self.now)
            self.now += pauses[-1]
            await self.tried(left)
            await self.done()
        self.now += 60
        await until(lambda: self.copier.positions() == [])
        converging.cancel()
        return pauses


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with closing(Ledger(tmp_path / "anna.db", "anna")) as opened:
        yield opened


@asynccontextmanager
async def copying(ledger: Ledger, limits: AccountLimits | None = None) -> AsyncIterator[User]:
    user = User(ledger, AccountLimits(Tier.STARTER) if limits is None else limits)
    await user.portfolio.load()
    user.kraken.every.clear()
    yield user
    for task in user.copier._tasks:
        task.cancel()


def one_order_each(monkeypatch: pytest.MonkeyPatch, wait_s: float) -> None:
    """A tier in which a pair takes one order, and another after so many seconds."""
    tier = TierLimits(rest_limit=15.0, rest_decay=0.33, order_limit=1.0, order_decay=1 / wait_s)
    monkeypatch.setitem(limits_module.TIERS, Tier.STARTER, tier)


def test_nothing_is_asked_between_a_fill_and_its_order(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            for number, side in enumerate((Side.BUY, Side.BUY, Side.SELL), start=1):
                user.fill(side)
                await user.done()
                assert user.kraken.every == ["AddOrder"] * number

    run(steps())


def test_fills_that_wait_for_each_others_coins_are_all_answered_though_none_of_them_is_an_order(
    ledger: Ledger,
) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.kraken.always["AssetPairs"] = PAIRS | {"XETHXXBT": ETH_BTC}
            await user.portfolio.pairs.read()
            # The third is paid in BTC and waits for the second, which is answered after the first in another
            # turn.
            pairs = ("ETH/USD", "BTC/USD", "ETH/BTC")
            user.copier.take([user.made(Side.SELL, pair) for pair in pairs])
            assert user.copier.copies_open == 0
            assert [user.copy(number).reason for number in (1, 2, 3)] == ["NO_COPIED_POSITION"] * 3

    run(steps())


def test_an_exit_in_a_coins_old_name_sells_what_is_counted_under_the_new_one(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.fill()
            await user.done()
            new = PAIRS["XXBTZUSD"] | {"altname": "NEWUSD", "wsname": "NEW/USD", "base": "NEW"}
            user.kraken.always["AssetPairs"] = PAIRS | {"NEWUSD": new}
            user.kraken.always["Assets"] = ASSETS | {"NEW": {"altname": "NEW"}}
            # Its pair is read at once, so that nothing waits for it; the old one is still known.
            user.copier.rename(1, "BTC", "NEW")
            await until(lambda: user.portfolio.pairs.table.find("NEW/USD") is not None)
            user.fill(Side.SELL)
            await user.done()
            assert user.kraken.sent[-1]["pair"] == "NEWUSD"
            assert user.copier.positions() == []

    run(steps())


def test_an_exit_that_is_owed_where_no_price_is_known_asks_for_one_and_leaves(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.fill()
            await user.done()
            user.kraken.next["AddOrder"] = [ExchangeRefused("AddOrder", ("EQuery:Unknown asset pair",))]
            user.fill(Side.SELL)
            await user.done()
            assert user.copier.positions() != []
            # As after a start under a name that no price was read for.
            user.portfolio.prices.marks = Marks()
            user.now += 60.0
            await user.copier._sell_owed("BTC/USD")
            await user.done()
            assert user.copier.positions() == []

    run(steps())


def test_what_an_order_has_traded_is_counted_also_when_the_clock_was_set_back(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            held = user.portfolio.wallet["BTC"]
            user.now -= 5.0
            user.fill()
            await user.done()
            assert user.portfolio.wallet["BTC"] - held == user.copy().filled > 0

    run(steps())


def test_fills_are_not_merged_over_one_between_them_that_spends_their_coin(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.kraken.always["AssetPairs"] = PAIRS | {"XETHXXBT": ETH_BTC}
            await user.portfolio.pairs.read()
            steps = (
                (Side.SELL, "ETH/USD"),
                (Side.SELL, "BTC/USD"),
                (Side.SELL, "ETH/BTC"),
                (Side.SELL, "BTC/USD"),
            )
            user.copier.take([user.made(side, pair) for side, pair in steps])
            assert [user.copy(number).fill_seqs for number in (2, 3, 4)] == [(2,), (3,), (4,)]

    run(steps())


def test_an_order_waits_until_its_pairs_counter_has_room_and_says_so(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_order_each(monkeypatch, wait_s=1.0)

    async def steps() -> None:
        async with copying(ledger) as user:
            for _ in range(2):
                user.fill()
                # The clock has gone on when the order leaves: a deadline of before the wait would be over.
                user.now += 10.0
                await user.done()
            assert [copy.state for copy in user.copies] == [CopyState.FILLED] * 2
            assert "waits" not in user.copy(1).detail
            assert "as the exchange's limits let no order in BTC/USD in before" in user.copy(2).detail
            assert user.copy(2).attempts == 1

    run(steps())


def test_the_deadline_that_is_sent_after_a_wait_is_durable_before(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_order_each(monkeypatch, wait_s=0.5)
    durable: list[bool] = []

    async def steps() -> None:
        async with copying(ledger) as user:

            def look(params: dict[str, str]) -> Any:
                (copy,) = ledger.open_copies()
                durable.append(datetime.fromisoformat(params["deadline"]).timestamp() == copy.deadline)
                return user.kraken._fill(params)

            user.kraken.always["AddOrder"] = look
            user.fill()
            await user.done()
            user.fill()
            user.now += 20.0
            await user.done()

    run(steps())
    assert durable == [True, True]


def test_an_entry_that_would_be_too_old_by_then_is_not_sent_and_an_exit_waits(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_order_each(monkeypatch, wait_s=100.0)

    async def steps() -> None:
        async with copying(ledger) as user:
            user.fill()
            await user.done()
            user.fill()
            await user.done()
            entry = user.copy(2)
            assert (entry.state, entry.reason) == (CopyState.REJECTED, "EOrder:Rate limit exceeded")
            assert "not sent: the entry would be 100 s old" in entry.detail
            assert entry.sent_at == 0
            user.fill(Side.SELL)
            await until(lambda: "waits" in user.copy(3).detail)
            assert user.copy(3).state is CopyState.INTENT
            assert len(user.kraken.sent) == 1

    run(steps())


def test_fills_that_come_while_an_order_waits_are_one_order_afterwards(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_order_each(monkeypatch, wait_s=0.1)

    async def steps() -> None:
        async with copying(ledger) as user:
            for _ in range(10):
                user.fill()
            await user.done()
            assert len(user.kraken.sent) == 2
            assert sum(Decimal(order["volume"]) for order in user.kraken.sent) == Decimal("0.001")

    run(steps())


def test_a_pair_whose_counter_is_fuller_than_was_counted_is_given_time_and_the_order_is_sent_again(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    tier = TierLimits(rest_limit=15.0, rest_decay=0.33, order_limit=60.0, order_decay=2.0)
    monkeypatch.setitem(limits_module.TIERS, Tier.STARTER, tier)

    async def steps() -> None:
        async with copying(ledger) as user:
            user.kraken.next["AddOrder"] = [RateLimited("AddOrder", ("EOrder:Rate limit exceeded",))]
            user.fill()
            await user.done()
            assert (user.copy().state, user.copy().attempts) == (CopyState.FILLED, 2)
            assert "waits 0." in user.copy().detail

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
            assert user.copier._exits.not_before("BTC/USD") == user.now + 700
            converging = asyncio.create_task(user.copier.converge(user.change_signal))
            await asyncio.sleep(5 * TIMING.retry)
            assert len(user.kraken.sent) == 1
            user.now += 701
            await until(lambda: len(user.kraken.sent) == 2)
            await user.done()
            converging.cancel()
            assert [order["type"] for order in user.kraken.sent] == ["buy", "sell"]
            assert user.copier.positions() == []

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
            assert user.copier._exits.not_before("BTC/USD") == 0

    run(steps())


# -- orders that somebody asks for -------------------------------------------------------------------------

ASKED = OrderAsked(request_id="r1", pair="BTC/USD", side=Side.BUY, volume=Decimal("0.001"))


def requested_orders(user: User) -> RequestedOrders:
    broker = KrakenBroker(user.gateway, user.portfolio, user.copier.held)
    return RequestedOrders("anna", user.ledger, broker, lambda: user.now)


def test_an_order_that_somebody_asks_for_waits_a_little_for_its_pairs_counter(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_order_each(monkeypatch, wait_s=0.05)

    async def steps() -> None:
        async with copying(ledger) as user:
            user.fill()
            await user.done()
            assert (await requested_orders(user).place(ASKED)).order_id == "O2"

    run(steps())


def test_an_order_that_somebody_asks_for_is_refused_where_that_would_take_long_and_may_be_asked_for_again(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_order_each(monkeypatch, wait_s=100.0)

    async def steps() -> None:
        async with copying(ledger) as user:
            user.fill()
            await user.done()
            orders = requested_orders(user)
            with pytest.raises(OrderRefused, match="EOrder:Rate limit exceeded: not sent"):
                await orders.place(ASKED)
            user.kraken.limits._orders.clear()
            assert (await orders.place(ASKED)).order_id == "O2"

    run(steps())


# -- rules that are older than the exchange's --------------------------------------------------------------


def test_a_minimum_that_has_grown_has_the_rules_read_again_and_what_waits_goes_with_the_next_fill(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(current_pairs, "RULES_PAUSE_S", 0.0)

    async def steps() -> None:
        async with copying(ledger) as it:
            keeping = asyncio.get_running_loop().create_task(it.portfolio.pairs.keep_fresh())
            grown = {key: row | {"ordermin": "0.00015"} for key, row in PAIRS.items()}
            it.kraken.always["AssetPairs"] = grown
            it.kraken.next["AddOrder"] = [
                ExchangeRefused("AddOrder", ("EOrder:Order minimum not met",)),
                it.kraken.always["AddOrder"],
            ]
            it.fill()
            await it.done()
            assert it.copy().state is CopyState.CARRIED
            await until(lambda: it.portfolio.pairs.table.pair("BTC/USD").ordermin == Decimal("0.00015"))
            it.fill()
            await it.done()
            assert (it.copy(2).state, it.copy(2).ordered) == (CopyState.FILLED, Decimal("0.0002"))
            keeping.cancel()

    run(steps())


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


def test_a_pair_that_is_not_listed_is_skipped_and_said(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as it:
            only = {"XETHZUSD": PAIRS["XETHZUSD"]}
            it.portfolio.pairs.latest = pair_table(only, ASSETS)
            it.kraken.always["AssetPairs"] = only
            it.fill()
            await it.done()
            assert (it.copy().state, it.copy().reason) == (CopyState.SKIPPED, "UNKNOWN_PAIR")

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
            assert [position.volume for position in it.copier.positions()] == [str(it.copy().filled)]
            converging = asyncio.create_task(it.copier.converge(it.change_signal))
            it.kraken.always["AssetPairs"] = PAIRS
            it.now += 600
            await until(lambda: it.copier.positions() == [])
            await it.done()
            assert (it.copies[-1].reason, it.copies[-1].filled) == ("EXIT_OWED", it.copy().filled)
            assert it.copy(2).joined_copy_id == it.copies[-1].copy_id
            converging.cancel()

    run(steps())


def test_the_pair_of_an_owed_exit_is_not_asked_for_while_an_order_of_its_coin_is_on_its_way(
    ledger: Ledger,
) -> None:
    async def steps() -> None:
        async with copying(ledger) as it:
            it.fill()
            lane = it.copier._lane("BTC")
            assert lane.busy
            asked = it.kraken.times_asked("AssetPairs")
            await it.copier._sell_owed("BTC/XYZ")
            assert lane.busy, "its order would lose its turn"
            assert it.kraken.times_asked("AssetPairs") == asked
            await it.done()

    run(steps())


def test_fills_that_waited_while_their_coin_was_renamed_are_answered_when_the_new_pairs_are_read(
    ledger: Ledger,
) -> None:
    async def steps() -> None:
        async with copying(ledger) as it:
            it.fill()
            it.fill(Side.SELL)
            assert len(it.kraken.sent) == 1
            renamed = {
                "XBT2ZUSD": PAIRS["XXBTZUSD"] | {"altname": "XBT2USD", "wsname": "XBT2/USD", "base": "XBT2"}
            }
            it.kraken.always["AssetPairs"] = renamed
            it.kraken.always["Assets"] = ASSETS | {"XBT2": {"altname": "XBT2", "decimals": 10}}
            it.copier.rename(1, "BTC", "XBT2")
            await it.done()
            assert (it.copy(2).state, it.copy(2).pair) == (CopyState.FILLED, "XBT2/USD")

    run(steps())


def test_while_no_exit_is_owed_nothing_but_a_change_wakes_who_finishes_them(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            converging = asyncio.create_task(user.copier.converge(user.change_signal))
            await until(lambda: bool(user.change_signal._waiters))
            user.fill()
            await user.done()
            await until(lambda: bool(user.change_signal._waiters))
            # An exit that was refused is owed; it is tried again by the clock, until it is done.
            user.kraken.next["AddOrder"] = [
                ExchangeRefused("AddOrder", ("EService:Market in post_only mode",))
            ]
            user.fill(Side.SELL)
            await user.done()
            user.now += 60
            await until(lambda: user.copier.positions() == [])
            await user.done()
            await until(lambda: bool(user.change_signal._waiters))
            converging.cancel()

    run(steps())


def test_an_order_has_left_when_its_fill_is_taken(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.fill()
            assert len(user.kraken.sent) == 1
            await user.done()
            assert user.copy().state is CopyState.FILLED

    run(steps())


def test_an_order_that_is_refused_before_it_could_leave_is_over_and_the_next_fill_is_taken(
    ledger: Ledger,
) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.kraken.next["AddOrder"] = [LockedOut("AddOrder", 60.0)]
            user.fill()
            user.fill()
            await user.done()
            assert [copy.state for copy in user.copies] == [CopyState.REJECTED, CopyState.FILLED]

    run(steps())


def test_what_fails_before_an_order_has_left_ends_the_process(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(_: OrderGateway, pair: str) -> float:
        raise NonceFault(f"no nonce for {pair}")

    async def steps() -> None:
        async with copying(ledger) as user:
            monkeypatch.setattr(OrderGateway, "wait_s", fault)
            user.fill()
            assert [str(error) for error in user.failures] == ["no nonce for BTC/USD"]
            assert user.copy().state is CopyState.INTENT, "the next process looks for it"

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

            user.copier._ask_time = ask
            user.fill()
            await user.done()
            assert asked == []
            user.now = NOW + 60
            user.copier.take([made_at(user, NOW)])
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

            user.copier._ask_time = ask
            user.now = NOW + 60
            user.copier.take([made_at(user, NOW)])
            await user.done()
            assert len(asked) == 1
            assert [copy.reason for copy in user.copies] == ["STALE_ENTRY"]

    run(steps())


def test_a_fill_from_the_future_says_that_the_exchanges_clock_is_ahead(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.copier.take([made_at(user, NOW + 40)])
            await user.done()
            (sent,) = user.kraken.sent
            deadline = datetime.fromisoformat(sent["deadline"]).timestamp()
            assert deadline == pytest.approx(NOW + 40 + TIMING.deadline, abs=1)

    run(steps())


def made_at(user: User, executed_at: float) -> pb.Fill:
    """The master of 1000 USD has bought 0.001 BTC, at this time of the exchange's clock."""
    user.seq += 1
    return pb.Fill(
        seq=user.seq,
        exec_id=f"M{user.seq}",
        order_id=f"MO{user.seq}",
        pair="BTC/USD",
        side=pb.SIDE_BUY,
        price="50000",
        volume="0.001",
        master_equity="1000",
        master_cash="1000",
        master_position="0",
        executed_at=timestamp(executed_at),
    )
