"""A user's own executions end its orders and keep its wallet right: each counts once, and what was missed
is read anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal

import pytest

from krakencopy.account_proc.contract.errors import OutcomeUnknown
from krakencopy.account_proc.contract.order_ids import CL_ORD_ID_MARK
from krakencopy.account_proc.copying import balance_reading, user_feed
from krakencopy.account_proc.copying.balance_reading import BalanceReading
from krakencopy.account_proc.copying.user_feed import UserFeed
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.kraken.feed.executions import Incomplete
from krakencopy.account_proc.trading import outside_changes, portfolio
from krakencopy.account_proc.trading.order_gateway import OrderGateway
from krakencopy.account_proc.trading.portfolio import Portfolio
from krakencopy.account_proc.trading.timing import Timing
from tests.support.copying import NOW
from tests.support.scripted_kraken import ScriptedKraken, execution, order_to_send, run, until

BALANCES = {"ZUSD": "1000", "XXBT": "1"}
LAG_S = 60.0
INCOMPLETE = Incomplete(exec_type="trade", order_id="O9", exec_id="T9", missing=("symbol",))


class User:
    """A user's wallet and orders behind its feed, with balances as the exchange would tell them."""

    def __init__(self, kraken: ScriptedKraken, holds_pause_s: float) -> None:
        self.kraken = kraken
        self.changes = 0
        #: Long after the trades in the scripts were executed, so that balances do not trail behind any of
        #: them.
        self.now = NOW + 3600
        self.portfolio = Portfolio(kraken.exchange, self._changed, lambda: self.now, LAG_S)
        self.gateway = OrderGateway(kraken.exchange, lambda: NOW, Timing())
        #: Orders under an id of krakencopy's that nobody here follows.
        self.marked: list[str] = []
        self.balances = BalanceReading(self.portfolio, holds_pause_s)
        self.feed = UserFeed(
            self.gateway,
            self.portfolio,
            self._changed,
            self.balances,
            lambda told: self.marked.append(told.order_id),
        )

    def _changed(self) -> None:
        self.changes += 1

    @property
    def holds(self) -> tuple[Decimal, Decimal]:
        return self.portfolio.wallet["USD"], self.portfolio.wallet["BTC"]


async def user(kraken: ScriptedKraken | None = None, *, holds_pause_s: float = 0.0) -> User:
    made = User(kraken or ScriptedKraken({"Balance": BALANCES}), holds_pause_s)
    await made.portfolio.load()
    return made


@pytest.fixture(autouse=True)
def _readings_follow_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    # Nothing is on its way through the scripted exchange's feed, so the pauses between readings would only
    # take time.
    monkeypatch.setattr(balance_reading, "REREAD_S", 0.0)
    for module in (portfolio, outside_changes):
        monkeypatch.setattr(module, "CONFIRM_S", 0.0)


def refreshed(someone: User) -> Callable[[], bool]:
    return lambda: someone.balances._reading is not None and someone.balances._reading.done()


def test_an_execution_changes_the_wallet_once_however_often_it_is_told() -> None:
    async def steps() -> None:
        someone = await user()
        bought = execution(exec_id="T1", qty="0.01", price="50000", fees=(("USD", "2"),))
        someone.feed.executed([bought, bought])
        someone.feed.executed([bought])
        assert someone.holds == (Decimal(498), Decimal("1.01"))
        sold = execution(exec_id="T2", qty="0.02", price="50000", side=Side.SELL, fees=(("BTC", "0.001"),))
        someone.feed.executed([sold])
        assert someone.holds == (Decimal(1498), Decimal("0.989"))

    run(steps())


def test_only_trades_change_the_wallet() -> None:
    async def steps() -> None:
        someone = await user()
        for kind in ("pending_new", "new", "filled", "canceled"):
            someone.feed.executed([execution(kind)])
        assert someone.holds == (Decimal(1000), Decimal(1))

    run(steps())


def test_an_execution_ends_the_order_that_it_fills() -> None:
    async def steps() -> None:
        someone = await user()
        placed = someone.gateway.resume(order_to_send(volume="0.01"), "O1")
        someone.feed.executed([execution(exec_id="T1", qty="0.01")])
        assert (await placed.end()).filled == Decimal("0.01")

    run(steps())


def test_a_snapshot_ends_orders_and_the_wallet_is_read_anew_and_not_counted_up() -> None:
    async def steps() -> None:
        someone = await user()
        placed = someone.gateway.resume(order_to_send(volume="0.01"), "O1")
        someone.kraken.always["Balance"] = {"ZUSD": "500", "XXBT": "1.01"}
        missed = execution(exec_id="T1", qty="0.01")
        someone.feed.connected([missed])
        assert (await placed.end()).filled == Decimal("0.01")
        await until(refreshed(someone))
        someone.feed.executed([missed])
        assert someone.holds == (Decimal(500), Decimal("1.01"))

    run(steps())


def test_an_execution_that_is_not_understood_has_the_balances_read_anew() -> None:
    async def steps() -> None:
        someone = await user()
        someone.kraken.always["Balance"] = {"ZUSD": "7"}
        someone.feed.executed([INCOMPLETE])
        await until(refreshed(someone))
        assert someone.holds == (Decimal(7), Decimal(0))

    run(steps())


def test_a_loss_of_the_feed_while_balances_are_read_has_them_read_once_more() -> None:
    async def steps() -> None:
        someone = await user()
        someone.kraken.held["BalanceEx"] = asyncio.Event()
        someone.feed.connected([])
        await asyncio.sleep(0)
        someone.feed.disconnected("reset")
        # The first answer is from before what was missed, the second one from after it.
        someone.kraken.next["Balance"] = [BALANCES, {"ZUSD": "500", "XXBT": "1.01"}]
        someone.feed.connected([execution(exec_id="T1", qty="0.01")])
        someone.kraken.held.pop("BalanceEx").set()
        await until(refreshed(someone))
        assert someone.holds == (Decimal(500), Decimal("1.01"))

    run(steps())


def test_balances_that_cannot_be_read_leave_the_wallet_as_it_was_and_the_feed_working() -> None:
    async def steps() -> None:
        someone = await user()
        someone.kraken.next["Balance"] = [OutcomeUnknown("Balance", "timeout")]
        someone.feed.connected([])
        await until(refreshed(someone))
        assert someone.holds == (Decimal(1000), Decimal(1))
        someone.feed.executed([execution(exec_id="T1", qty="0.01", price="50000")])
        assert someone.holds == (Decimal(500), Decimal("1.01"))

    run(steps())


def test_whoever_watches_is_told_of_every_change() -> None:
    async def steps() -> None:
        someone = await user()
        before = someone.changes
        someone.feed.executed([execution(exec_id="T1", qty="0.01")])
        someone.feed.disconnected("silence")
        someone.feed.connected([])
        assert someone.changes == before + 3
        await until(refreshed(someone))

    run(steps())


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_feed, "SEEN_MAX", 5)

    async def steps() -> None:
        someone = await user()
        someone.feed.executed([execution(exec_id=f"T{number}", qty="0.0001") for number in range(20)])
        assert len(someone.feed._seen) == 5
        before = someone.holds
        someone.feed.executed([execution(exec_id="T19", qty="0.0001")])
        assert someone.holds == before

    run(steps())


def test_balances_are_read_soon_after_an_order_that_copying_did_not_make_came_or_went(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(balance_reading, "HOLDS_SOON_S", 0.0)

    async def steps() -> None:
        someone = await user()
        ours = f"{CL_ORD_ID_MARK}0000-5000-8000-000000000000"
        someone.feed.executed([execution("new", cl_ord_id=ours), execution("canceled", cl_ord_id=ours)])
        await asyncio.sleep(0)
        assert someone.balances._holds_due is None
        read = someone.kraken.times_asked("BalanceEx")
        someone.kraken.always["BalanceEx"] = {
            "ZUSD": {"balance": "1000", "hold_trade": "400"},
            "XXBT": {"balance": "1"},
        }
        # A person's order, and another bot's, which has an id of its own.
        someone.feed.executed([execution("new"), execution("new", order_id="O2", cl_ord_id="theirs")])
        await until(lambda: someone.portfolio.cash("USD") == 600)
        assert someone.kraken.times_asked("BalanceEx") == read + 1

    run(steps())


@pytest.mark.parametrize(
    ("exec_type", "cash"), [("canceled", 1000), ("expired", 1000), ("trade", 1000), ("new", 600)]
)
def test_what_an_order_held_that_is_gone_holds_no_entry_back(exec_type: str, cash: int) -> None:
    async def steps() -> None:
        someone = await user()
        someone.kraken.always["BalanceEx"] = {
            "ZUSD": {"balance": "1000", "hold_trade": "400"},
            "XXBT": {"balance": "1"},
        }
        await someone.portfolio.refresh()
        assert someone.portfolio.cash("USD") == 600
        before = someone.portfolio.wallet["USD"]
        someone.feed.executed([execution(exec_type)])
        assert someone.portfolio.cash("USD") - cash == someone.portfolio.wallet["USD"] - before
        # What is read from then on counts.
        await someone.portfolio.refresh()
        assert someone.portfolio.cash("USD") == max(someone.portfolio.wallet["USD"] - 400, 0)

    run(steps())


def test_however_many_orders_its_owner_makes_balances_are_read_once_in_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(balance_reading, "HOLDS_SOON_S", 0.0)

    async def steps() -> None:
        someone = await user(holds_pause_s=60.0)
        loop = asyncio.get_running_loop()
        someone.balances._holds_read_at = loop.time()
        read = someone.kraken.times_asked("BalanceEx")
        for _ in range(50):
            someone.feed.executed([execution("new"), execution("canceled")])
            await asyncio.sleep(0)
        assert someone.kraken.times_asked("BalanceEx") == read
        assert someone.balances._holds_due is not None
        assert someone.balances._holds_due.when() > loop.time() + 50

    run(steps())


def test_a_marked_order_that_nobody_here_follows_is_told_and_no_other() -> None:
    async def steps() -> None:
        it = await user()
        it.gateway.resume(order_to_send(CL_ORD_ID_MARK + "ours"), "O2")
        for order_id, cl_ord_id in (
            ("O1", CL_ORD_ID_MARK + "theirs"),
            ("O2", CL_ORD_ID_MARK + "ours"),
            ("O3", None),
        ):
            it.feed.executed([execution(order_id=order_id, cl_ord_id=cl_ord_id)])
        assert it.marked == ["O1"]

    run(steps())
