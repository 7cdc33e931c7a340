"""A user that leaves: what it may trade is said whatever came before, it goes when nothing is left, and what
was said is lifted where it is configured again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from krakencopy.account_proc.contract.loss_counting import Hit, LimitState
from krakencopy.account_proc.contract.loss_limits import Action, LossLimit, Metric, Window
from krakencopy.account_proc.contract.money import Money
from krakencopy.account_proc.contract.spec import OnLeave
from krakencopy.account_proc.contract.trading_states import (
    FlattenOrder,
    StateSetting,
    StatesUnreadable,
    TradingState,
    TradingStates,
    account_scope,
)
from krakencopy.supervisor.config.leaving_accounts import Leaver
from krakencopy.supervisor.control import leavers
from krakencopy.supervisor.control.leavers import BY, Leaving, is_said, said_here, say_leaving, with_leaving
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.journal.journal_file import JournalFault
from krakencopy.supervisor.supervisor import Supervisor
from krakencopy.v1 import types_pb2 as pb
from tests.support.idle_supervisor import idle_supervisor
from tests.support.supervisor_samples import small_config
from tests.support.trading_links import TradingLink, set_living

SINCE = 1_795_336_500.0
TABLE = {"id": "anna", "role": "user", "broker": "kraken"}


@pytest.mark.parametrize("policy", [OnLeave.CLOSE_ONLY, OnLeave.CLOSE_ALL])
def test_what_is_said_holds_until_it_is_lifted_and_is_said_once(policy: OnLeave) -> None:
    leaver, states = Leaver(policy, TABLE, SINCE), TradingStates()
    assert not is_said("anna", leaver, states)
    states = say_leaving("anna", leaver, states, SINCE)
    assert is_said("anna", leaver, states)
    assert said_here(states) == [account_scope("anna")]
    assert states.state_of("anna") is TradingState.REDUCING
    assert ("anna" in states.flattens) is (policy is OnLeave.CLOSE_ALL)
    orders = states.flattens
    # Somebody has resumed it: it is said again, and sold once.
    active = StateSetting(state=TradingState.ACTIVE, by="olga", reason="", at=SINCE)
    states = states.with_state([account_scope("anna")], active)
    assert not is_said("anna", leaver, states)
    states = say_leaving("anna", leaver, states, SINCE)
    assert (is_said("anna", leaver, states), states.flattens) == (True, orders)


def test_what_is_bought_before_it_could_be_said_is_sold_as_well() -> None:
    leaving = {"anna": Leaver(OnLeave.CLOSE_ALL, TABLE, SINCE)}
    states = with_leaving(TradingStates(), leaving, {"anna"}, SINCE + 90)
    assert states.flattens["anna"].at == SINCE + 90
    assert with_leaving(states, leaving, {"anna"}, SINCE + 95) is states
    # A clock that was set back makes no other order of it.
    states = with_leaving(TradingStates(), leaving, {"anna"}, SINCE - 90)
    assert with_leaving(states, leaving, {"anna"}, SINCE - 89) is states


def test_who_is_halted_stays_so() -> None:
    halted = StateSetting(state=TradingState.HALTED, by="olga", reason="", at=SINCE)
    states = TradingStates().with_state([account_scope("anna")], halted)
    assert is_said("anna", Leaver(OnLeave.CLOSE_ONLY, TABLE, SINCE), states)
    states = say_leaving("anna", Leaver(OnLeave.CLOSE_ALL, TABLE, SINCE), states, SINCE)
    assert states.state_of("anna") is TradingState.HALTED


class World:
    """Anna leaves, and ben stays."""

    def __init__(self, folder: Path, journal: Journal, policy: OnLeave = OnLeave.CLOSE_ALL) -> None:
        config = small_config("anna", "ben")
        tables = [{"id": one.id, "role": str(one.role), "broker": "kraken"} for one in config.accounts]
        written = replace(config.written, document={"accounts": tables})
        journal.put_leavers({"anna": Leaver(policy, TABLE, SINCE).to_json()})
        self.journal = journal
        self.supervisor: Supervisor = idle_supervisor(folder, journal, replace(config, written=written))
        self.leaving = Leaving(self.supervisor, asyncio.Lock())
        self.link: TradingLink = set_living(self.supervisor.accounts["anna"], self.supervisor.place.states)

    def state(self) -> TradingState:
        return self.supervisor.trading.states.state_of("anna")

    def order(self) -> FlattenOrder:
        return self.supervisor.trading.states.flattens["anna"]

    async def said(self, state: TradingState) -> None:
        """By an operator."""
        setting = StateSetting(state=state, by="olga", reason="", at=SINCE)
        await self.supervisor.trading.change(
            lambda states: states.with_state([account_scope("anna")], setting), "olga", "", renew=False
        )

    async def look(self) -> None:
        """What its process keeps to and shows is what was said by then."""
        await self.leaving.look()
        self.link.say()

    def sells_all(self) -> None:
        self.link.snapshot.holds_copied = False
        if self.link.snapshot.trading.HasField("flatten"):
            self.link.snapshot.trading.flatten.state = pb.FLATTEN_STATE_DONE

    def events(self) -> list[str]:
        return [event.code for event in self.journal.events_after(0, 1_000)]


def played(play: Callable[[World], Awaitable[None]], *made_of: Any) -> None:
    """In a world that is made of these."""

    async def steps() -> None:
        world = World(*made_of)
        await play(world)
        world.supervisor.trading.close()

    asyncio.run(steps())


@pytest.mark.parametrize("policy", [OnLeave.CLOSE_ONLY, OnLeave.CLOSE_ALL])
def test_it_goes_once_its_process_shows_that_nothing_is_left(
    tmp_path: Path, journal: Journal, policy: OnLeave
) -> None:
    async def play(world: World) -> None:
        world.link.snapshot.holds_copied = True
        await world.look()
        assert world.state() is TradingState.REDUCING
        await world.look()
        world.link.snapshot.positions.add(asset="BTC", volume="0.00001")
        for open_copies, holds in ((1, False), (0, True)):
            world.sells_all()
            world.link.snapshot.copies_open, world.link.snapshot.holds_copied = open_copies, holds
            await world.leaving.look()
            assert not world.supervisor.accounts["anna"].removed
        world.link.snapshot.copies_open = 0
        world.sells_all()
        await world.leaving.look()
        assert world.supervisor.accounts["anna"].removed
        assert [one.id for one in world.supervisor.config.accounts] == ["master", "ben"]
        assert world.supervisor.leavers.by_id == {}
        assert world.events()[-1] == "ACCOUNT_LEFT"
        await world.leaving.look()
        assert world.state() is TradingState.ACTIVE
        assert "FLATTEN_TAKEN_BACK" not in world.events(), "nothing of it is held again"

    played(play, tmp_path, journal, policy)


def test_a_flatten_of_before_is_none_of_now(tmp_path: Path, journal: Journal) -> None:
    async def play(world: World) -> None:
        await world.look()
        world.sells_all()
        world.link.snapshot.trading.flatten.number -= 1
        await world.leaving.look()
        assert not world.supervisor.accounts["anna"].removed

    played(play, tmp_path, journal)


def test_who_is_configured_again_stays_and_trades(tmp_path: Path, journal: Journal) -> None:
    async def play(world: World) -> None:
        await world.look()
        world.supervisor.leavers.put({})
        await world.look()
        assert world.state() is TradingState.ACTIVE
        assert not world.supervisor.accounts["anna"].removed

    played(play, tmp_path, journal)


def test_nothing_is_done_while_the_supervisor_ends(tmp_path: Path, journal: Journal) -> None:
    async def play(world: World) -> None:
        world.supervisor.shutdown.begin()
        await world.leaving.look()
        assert world.state() is TradingState.ACTIVE
        world.leaving._end("anna", world.supervisor.accounts["anna"])
        assert not world.supervisor.accounts["anna"].removed

    played(play, tmp_path, journal)


def test_it_goes_on_after_what_cannot_be_said_and_ends_with_what_cannot_be_kept(
    tmp_path: Path, journal: Journal
) -> None:
    async def play(world: World) -> None:
        failures: list[BaseException] = []
        errors: list[Exception] = [StatesUnreadable("cut"), OSError("full"), JournalFault("full")]

        async def look() -> None:
            if errors:
                raise errors.pop(0)
            raise asyncio.CancelledError

        with (
            patch.object(world.leaving, "look", look),
            patch.object(world.supervisor, "fail", failures.append),
            patch.object(leavers, "LOOK_S", 0),
            pytest.raises(asyncio.CancelledError),
        ):
            await world.leaving.run()
        assert [str(error) for error in failures] == ["full"]

    played(play, tmp_path, journal)
    assert BY == "on_leave"


def test_one_that_came_back_and_leaves_anew_while_its_end_waits_is_looked_at_anew(
    tmp_path: Path, journal: Journal
) -> None:
    async def play(world: World) -> None:
        await world.look()
        world.sells_all()
        async with world.leaving._turn:
            looking = asyncio.create_task(world.leaving.look())
            await asyncio.sleep(0)
            # Two reloads: it is back, has bought, and is taken out again.
            since = time.time() + 5
            world.supervisor.leavers.put({"anna": Leaver(OnLeave.CLOSE_ALL, TABLE, since)})
            world.link.snapshot.holds_copied = True
        await looking
        assert not world.supervisor.accounts["anna"].removed
        await world.look()
        order = world.supervisor.trading.states.flattens["anna"]
        assert order.at == since

    played(play, tmp_path, journal)


def test_who_is_back_before_all_is_sold_holds_the_rest(tmp_path: Path, journal: Journal) -> None:
    async def play(world: World) -> None:
        await world.look()
        # The next run finds what this one has left: the configuration was taken, and nothing was lifted.
        world.supervisor.leavers.put({})
        await Leaving(world.supervisor, asyncio.Lock()).look()
        order = world.order()
        assert (order.taken_back, order.by, world.state()) == (True, BY, TradingState.ACTIVE)
        assert world.events()[-2:] == ["FLATTEN_TAKEN_BACK", "TRADING_STATE_CHANGED"]
        version = world.supervisor.trading.states.version
        await world.look()
        assert world.supervisor.trading.states.version == version

    played(play, tmp_path, journal)


def test_what_somebody_had_said_before_it_left_holds_when_it_is_back(
    tmp_path: Path, journal: Journal
) -> None:
    async def play(world: World) -> None:
        await world.said(TradingState.REDUCING)
        await world.look()
        assert world.order().by == BY
        world.supervisor.leavers.put({})
        await world.look()
        said = world.supervisor.trading.states.states[account_scope("anna")]
        assert (said.by, world.state()) == ("olga", TradingState.REDUCING)

    played(play, tmp_path, journal)


def test_nobody_lifts_what_leaving_says_not_even_for_a_moment(tmp_path: Path, journal: Journal) -> None:
    async def play(world: World) -> None:
        await world.look()
        before = world.order()
        await world.said(TradingState.ACTIVE)
        assert (world.state(), world.order()) == (TradingState.REDUCING, before)
        # A flatten that somebody takes back is none, and leaving's own comes after it.
        now = SINCE + 9
        await world.supervisor.trading.change(
            lambda states: states.with_flatten(["anna"], "olga", "", now), "olga", "", renew=False
        )
        await world.look()
        assert world.order().by == "olga"
        await world.supervisor.trading.change(
            lambda states: states.with_flatten_taken_back(["anna"], "olga", "", now), "olga", "", renew=False
        )
        assert (world.order().by, world.order().taken_back) == (BY, False)

    played(play, tmp_path, journal)


@pytest.mark.parametrize("hit_at", [SINCE - 5, SINCE, SINCE + 5])
def test_one_that_a_limit_of_all_users_sells_as_well_is_said_once_and_leaves(
    tmp_path: Path, journal: Journal, hit_at: float
) -> None:
    async def play(world: World) -> None:
        limits = world.supervisor.total_limits
        limit = LossLimit(
            "all", Metric.EQUITY, Window.LIFETIME, Money(Decimal(1), "USD"), Decimal(1), Action.FLATTEN
        )
        hit = Hit(number=1, at=hit_at, loss=Decimal(1), words="lost")
        if hit_at > SINCE:
            await world.look()
        limits.states["all"] = LimitState(limit=limit, hit=hit)
        await world.supervisor.trading.change(lambda states: states, "limit", "", renew=False)
        await world.look()
        version = world.supervisor.trading.states.version
        await world.look()
        assert world.supervisor.trading.states.version == version
        assert world.state() is TradingState.REDUCING
        world.sells_all()
        await world.leaving.look()
        assert world.supervisor.accounts["anna"].removed

    played(play, tmp_path, journal)


def test_what_a_limit_has_stopped_stays_so_when_it_is_back(tmp_path: Path, journal: Journal) -> None:
    async def play(world: World) -> None:
        await world.look()
        limit = LossLimit(
            "all", Metric.EQUITY, Window.LIFETIME, Money(Decimal(1), "USD"), Decimal(1), Action.REDUCING
        )
        hit = Hit(number=1, at=SINCE + 5, loss=Decimal(1), words="lost")
        world.supervisor.total_limits.states["all"] = LimitState(limit=limit, hit=hit)
        world.supervisor.leavers.put({})
        version = world.supervisor.trading.states.version
        await world.look()
        said = world.supervisor.trading.states.states[account_scope("anna")]
        assert (said.by, said.state) == ("limit all of all users", TradingState.REDUCING)
        assert world.order().taken_back
        # Lifted and said again in one write of the file.
        assert version < world.supervisor.trading.states.version
        assert [event.code for event in journal.events_after(0, 99)].count("TRADING_STATE_CHANGED") == 2

    played(play, tmp_path, journal)
