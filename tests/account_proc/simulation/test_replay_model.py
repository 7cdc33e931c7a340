"""Any life of a user, with mapped pairs, copies that somebody asked for, coins of syncs, flattens and orders
that are refused, is found again by the rules that held.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from krakencopy.account_proc.contract.errors import ExchangeRefused
from krakencopy.account_proc.contract.money import Money
from krakencopy.account_proc.contract.proto_time import timestamp
from krakencopy.account_proc.contract.spec import CopyRules
from krakencopy.account_proc.contract.trading_states import FlattenOrder, TradingState
from krakencopy.account_proc.copying.asked_fills import Asked
from krakencopy.account_proc.domain.copy_record import PB_SIDE
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.simulation.replay import Interval
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.account_proc.trading.trading_guard import LimitHold
from krakencopy.v1 import account_pb2
from krakencopy.v1 import types_pb2 as pb
from tests.support.mapped_user import ALL_PAIRS, DOLLARS, EUROS, Mapped
from tests.support.replayed_lives import EVER, Living, replayed, shown, sold_out
from tests.support.scripted_kraken import run
from tests.support.sync_orders import sync_order
from tests.support.trading_states import order_flatten, say_state

D = Decimal
PRICES = {"BTC/USD": 50_000, "BTC/EUR": 40_000, "ETH/USD": 50_000}


class LivingMapped(Living, Mapped):
    """It may trade in euros, and no two things happen to it at one time."""

    def __init__(self, ledger: Ledger, rules: CopyRules, refused: list[bool]) -> None:
        Mapped.__init__(self, ledger, rules, EUROS)
        fill = self.kraken.always["AddOrder"]

        def answer(params: dict[str, str]) -> Any:
            if refused and refused.pop(0):
                self.kraken.sent.append(params)
                return ExchangeRefused("AddOrder", ("EOrder:Margin allowance exceeded",))
            return fill(params)

        self.kraken.always |= {"AddOrder": answer, "Balance": {"ZEUR": "80", "ZUSD": "100"}}


@asynccontextmanager
async def living_mapped(ledger: Ledger, rules: CopyRules, refused: list[bool]) -> AsyncIterator[LivingMapped]:
    user = LivingMapped(ledger, rules, refused)
    await user.portfolio.load()
    user.copier.recover_unfinished()
    yield user


class Master:
    """Holds coins, and makes fills of them."""

    def __init__(self, user: LivingMapped) -> None:
        self.user = user
        self.made: list[pb.Fill] = []
        self.held: dict[str, int] = {}

    def fill(self, pair: str, lots: int) -> pb.Fill | None:
        """``lots`` of 0.0001, below zero for a sale."""
        coin = pair[:3]
        before = self.held.get(coin, 0)
        if lots < 0:
            lots = -min(-lots, before)
        if not lots:
            return None
        after = self.held[coin] = before + lots
        self.user.seq += 1
        volumes = [f"{D(each) / 10_000:f}" for each in (abs(lots), before, before, after)]
        fill = pb.Fill(
            seq=self.user.seq, exec_id=f"M{self.user.seq}", order_id=f"MO{self.user.seq}", pair=pair,
            side=PB_SIDE[Side.BUY if lots > 0 else Side.SELL], price=str(PRICES[pair]), volume=volumes[0],
            master_equity="1000", master_cash="1000", master_position=volumes[1],
            journal_position=volumes[2], journal_position_after=volumes[3],
            executed_at=timestamp(self.user.now),
        )  # fmt: skip
        fill.marks.update({"EUR": DOLLARS} if pair.endswith("USD") else {"USD": "0.8"})
        self.made.append(fill)
        return fill

    def sync(self, number: int) -> account_pb2.SyncOrder:
        """All that it holds of bitcoin is to be held by its user in the same share."""
        volume = D(self.held.get("BTC", 0)) / 10_000
        return sync_order(f"{volume:f}", number, self.user.seq)


trades = st.lists(
    st.tuples(st.sampled_from(["BTC/USD", "BTC/USD", "BTC/EUR", "ETH/USD"]), st.integers(-20, 20)),
    min_size=1,
    max_size=3,
)
happenings = st.lists(
    st.one_of(
        trades,
        trades,
        st.tuples(st.just("asked"), st.integers(0, 3)),
        st.tuples(st.sampled_from(["skipped", "flattened", "synced", "unrated", "limit hit"]), st.just(0)),
    ),
    min_size=1,
    max_size=8,
)
any_rules = st.builds(
    CopyRules,
    map=st.sampled_from([{}, {"*/USD": "*/EUR"}, {"BTC/*": "BTC/EUR"}, {"BTC/EUR": "BTC/USD"}]),
    max_user_risk=st.sampled_from([D("0.1"), D(1)]),
    max_orders_per_day=st.sampled_from([None, 3]),
    max_daily_notional=st.sampled_from([None, Money(D(12), "USD")]),
    max_position_share=st.sampled_from([None, D("0.15")]),
    exclude=st.sampled_from([(), (), ("ETH/USD",)]),
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(happenings, st.lists(st.booleans(), max_size=3), any_rules, st.integers(0, 9))
def test_any_life_with_all_that_may_befall_a_user_is_found_again(
    tmp_path_factory: pytest.TempPathFactory, life: list[Any], refused: list[bool], rules: CopyRules,
    begins_at: int,
) -> None:  # fmt: skip
    path = tmp_path_factory.mktemp("life") / "anna.db"
    made: list[pb.Fill] = []

    async def steps() -> None:
        async with living_mapped(ledger, rules, refused) as user:
            master = Master(user)
            for number, what in enumerate(life, start=1):
                user.now += 10
                await happens(user, master, number, what)
            made.extend(master.made)

    with closing(Ledger(path, "anna")) as ledger:
        run(steps())
    found = replayed(path, made, rules, pairs=ALL_PAIRS)
    assert shown(found.copies) == shown(found.real_copies)
    assert found.replayed.won == found.real.won
    # And from any of its decisions on.
    decided = sorted({copy.decided_at for copy in found.real_copies})
    if decided:
        since = decided[begins_at % len(decided)]
        part = replayed(path, made, rules, Interval(since=since, until=EVER.until), pairs=ALL_PAIRS)
        assert shown(part.copies) == shown(part.real_copies)
        assert part.replayed.won == part.real.won


async def happens(user: LivingMapped, master: Master, number: int, what: Any) -> None:
    if isinstance(what, list):
        user.copier.take_fills([fill for each in what if (fill := master.fill(*each)) is not None])
    elif what[0] == "skipped":
        say_state(user.states_path, TradingState.REDUCING)
        user.guard.look()
        fill = master.fill("BTC/USD", 10)
        assert fill is not None
        user.copier.take_fills([fill])
        say_state(user.states_path, TradingState.ACTIVE)
        user.guard.look()
    elif what[0] == "unrated":  # the rate is of the account's own prices
        fill = master.fill("BTC/USD", 10)
        assert fill is not None
        fill.ClearField("marks")
        user.copier.take_fills([fill])
    elif what[0] == "limit hit":
        hold = LimitHold("day", TradingState.REDUCING, "limit day: 5 USD lost", user.now)
        user.guard.hold([hold], FlattenOrder(number=number, by="limit day", reason="", at=user.now))
        fill = master.fill("BTC/USD", 10)
        assert fill is not None
        user.copier.take_fills([fill])
        await sold_out(user)
        user.guard.hold([])
    elif what[0] == "asked" and master.made:
        fill = master.made[-1 - what[1] % len(master.made)]
        await user.copier.copy_asked_fill(Asked(fill=fill, by="operator root"))
    elif what[0] == "synced":
        user.copier.take_sync(master.sync(number))
    elif what[0] == "flattened":
        order_flatten(user.states_path, ["anna"])
        user.guard.look()
        await sold_out(user)
        say_state(user.states_path, TradingState.ACTIVE)
        user.guard.look()
    await user.done()
