"""Limits of all users together: added up from what each counts, kept in the journal, and enforced on every
user whatever is said of trading.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from krakencopy.account_proc.contract.loss_counting import Hit
from krakencopy.account_proc.contract.loss_limits import Action, LossLimit, Metric, Window
from krakencopy.account_proc.contract.money import Money
from krakencopy.account_proc.contract.trading_states import (
    StateSetting,
    TradingState,
    TradingStates,
    account_scope,
)
from krakencopy.account_proc.runtime.trading_state_file import TradingStateFile, change_states
from krakencopy.supervisor.accounts import total_limits as module
from krakencopy.supervisor.accounts.total_limits import TotalLimits
from krakencopy.supervisor.config.model import AccountMode
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.lifecycle.state_machine import Life, State
from krakencopy.supervisor.supervisor import Supervisor
from krakencopy.v1 import types_pb2 as pb
from tests.support.idle_supervisor import Link, idle_supervisor, set_running
from tests.support.supervisor_samples import small_config

NOW = 1_795_000_000.0
USD_100 = Money(Decimal(100), "USD")


def limit_of(
    action: Action = Action.REDUCING, metric: Metric = Metric.EQUITY, name: str = "all"
) -> LossLimit:
    return LossLimit(name, metric, Window.LIFETIME, USD_100, Decimal("0.8"), action)


class World:
    """A supervisor with two users, whose processes show what a test says."""

    def __init__(self, folder: Path, journal: Journal, *limits: LossLimit) -> None:
        config = replace(small_config("anna", "bob"), total_limits=limits)
        self.supervisor = idle_supervisor(folder, journal, config)
        self.links: dict[str, Link] = {
            user: set_running(self.supervisor.accounts[user]) for user in ("anna", "bob")
        }
        self.asked = 0
        self.total = self.reopened(*limits)

    def reopened(self, *limits: LossLimit) -> TotalLimits:
        """As the next run reads it."""
        supervisor: Supervisor = self.supervisor

        def ask() -> None:
            self.asked += 1

        self.total = TotalLimits(
            limits, lambda: supervisor.accounts, supervisor.journal, supervisor.events, supervisor.trading,
            judge_s=0.0, changed=ask,
        )  # fmt: skip
        return self.total

    def shows(self, user: str, level: int, equity: int, metric: str = "equity", since: int = 1) -> None:
        shown = pb.LossLevel(metric=metric, currency="USD", level=str(level), equity=str(equity))
        shown.since.seconds = since
        del self.links[user].snapshot.levels[:]
        self.links[user].snapshot.levels.append(shown)

    async def judge(self, at: float = NOW) -> None:
        """And what follows from it."""
        self.total.look(at)
        if (enforcing := self.total._enforcing) is not None:
            await enforcing
            await asyncio.sleep(0)  # it is told that it is done

    def states(self) -> TradingStates:
        return TradingStateFile(self.supervisor.place.states).read()

    def said(self) -> dict[str, str]:
        return {scope: str(said.state) for scope, said in self.states().states.items()}

    def events(self) -> list[str]:
        found = self.supervisor.journal.events_after(0, 1_000)
        return [event.code for event in found if event.code.startswith("LIMIT")]


Play = Callable[[World], Coroutine[Any, Any, None]]


def play(folder: Path, journal: Journal, steps: Play, *limits: LossLimit) -> None:
    async def played() -> None:
        world = World(folder, journal, *limits)
        try:
            await steps(world)
        finally:
            world.supervisor.trading.close()

    asyncio.run(played())


async def lost(world: World, anna: int, bob: int, times: int = 1) -> None:
    """Of 1000 each."""
    world.shows("anna", -anna, 1000 - anna)
    world.shows("bob", -bob, 1000 - bob)
    for _ in range(times):
        await world.judge()


BOTH = {account_scope("anna"): "REDUCING", account_scope("bob"): "REDUCING"}


def test_both_together_are_warned_hit_and_kept_from_buying_until_it_is_reset(
    tmp_path: Path, journal: Journal
) -> None:
    async def steps(world: World) -> None:
        await lost(world, 0, 0)
        await lost(world, 90, 0)
        assert world.events() == ["LIMIT_WARNED"]
        await lost(world, 90, 20)
        assert world.said() == {}
        await lost(world, 90, 20)
        assert world.said() == BOTH
        assert world.asked == 1
        assert world.events() == ["LIMIT_WARNED", "LIMIT_HIT"]
        [shown] = world.total.to_proto()
        assert (shown.state, shown.loss, shown.configured) == (pb.LIMIT_STATE_HIT, "110 USD", True)
        assert world.states().states[account_scope("anna")].by == "limit all of all users"
        # Neither an operator nor the next run takes it back.
        resume = StateSetting(state=TradingState.ACTIVE, by="operator", reason="", at=NOW)
        await world.supervisor.trading.change(
            lambda states: states.with_state(BOTH, resume), "operator", "", renew=False
        )
        assert world.said() == BOTH
        change_states(world.supervisor.place.states, lambda states: states.with_state(BOTH, resume))
        world.supervisor.trading.look()
        world.reopened()
        await lost(world, 90, 20)
        assert world.said() == BOTH
        with pytest.raises(KeyError):
            await world.total.reset("other", "ann", "why")
        assert await world.total.reset("", "ann", "why") == ["all"]
        assert world.said() == {}
        assert world.total.states == {}
        with pytest.raises(KeyError):
            await world.total.reset("", "ann", "why")

    play(tmp_path, journal, steps, limit_of())


def test_who_pays_in_or_out_joins_or_leaves_moves_nothing(tmp_path: Path, journal: Journal) -> None:
    async def steps(world: World) -> None:
        await lost(world, 0, 0)
        world.shows("anna", -50, 150)
        await world.judge()
        assert world.total.states["all"].loss == 50
        world.reopened(limit_of())
        world.shows("bob", 20, 9_000)
        await world.judge()
        assert world.total.states["all"].loss == 30
        world.links["bob"].snapshot.Clear()
        world.supervisor.accounts["bob"].removed = True
        world.shows("anna", -60, 140)
        await world.judge()
        assert world.total.states["all"].loss == 40
        world.supervisor.accounts["bob"].removed = False
        world.shows("bob", -500, 10)
        await world.judge()
        assert world.total.states["all"].loss == 40

    play(tmp_path, journal, steps, limit_of())


def test_while_one_is_not_known_nothing_is_judged_and_that_is_said(tmp_path: Path, journal: Journal) -> None:
    async def steps(world: World) -> None:
        await lost(world, 0, 0)
        world.links["bob"].snapshot.Clear()
        world.shows("anna", -500, 500)
        await world.judge()
        await world.judge(NOW + module.UNTOLD_S)
        await world.judge(NOW + module.UNTOLD_S + 1)
        assert world.events() == ["LIMIT_NOT_JUDGED"]
        words = (
            "what was lost is not known of bob (RUNNING): see to it, or `krakencopy stop` it, then it counts"
        )
        assert world.total.untold == f"{words} as it was last known"
        [shown] = world.total.to_proto()
        assert (shown.state, shown.message) == (
            pb.LIMIT_STATE_NOT_JUDGED, f"since 2026-11-18 11:06:40 UTC {world.total.untold}"
        )  # fmt: skip
        bob = world.supervisor.accounts["bob"]
        bob.life = Life(account_id="bob", state=State.FAILED, reason="KEY_INVALID")
        await world.judge()
        assert "bob (FAILED, KEY_INVALID)" in world.total.untold
        # One that somebody has stopped counts as it was.
        world.supervisor.stop("bob")
        await world.judge()
        [shown] = world.total.to_proto()
        assert (shown.state, shown.message) == (
            pb.LIMIT_STATE_WITHIN, "as they were last known, as they are stopped: bob"
        )  # fmt: skip
        assert world.events() == ["LIMIT_NOT_JUDGED", "LIMIT_NOT_JUDGED_OVER"]
        assert world.total.states["all"].loss == 500

    play(tmp_path, journal, steps, limit_of(Action.WARN))


def test_one_that_begins_anew_leaves_it_unknown_until_a_reset(tmp_path: Path, journal: Journal) -> None:
    async def steps(world: World) -> None:
        [shown] = world.total.to_proto()
        assert (shown.state, shown.message) == (pb.LIMIT_STATE_NOT_JUDGED, "it was not judged yet")
        await lost(world, 0, 0)
        world.shows("bob", 0, 10, since=2)
        await world.judge()
        [shown] = world.total.to_proto()
        assert (shown.state, shown.message) == (
            pb.LIMIT_STATE_NOT_JUDGED, "what came in or went out at bob is not known",
        )  # fmt: skip
        assert await world.total.reset("all", "ann", "why") == ["all"]
        await world.judge()
        assert world.total.states["all"].loss == 0

    play(tmp_path, journal, steps, limit_of())


def test_a_flatten_is_said_once_for_each_hit(tmp_path: Path, journal: Journal) -> None:
    async def steps(world: World) -> None:
        await lost(world, 0, 0)
        await lost(world, 90, 20, times=3)
        first = dict(world.states().flattens)
        assert set(first) == {"anna", "bob"}
        assert first["anna"].by == "limit all of all users, hit 1"
        await lost(world, 90, 20)
        assert world.states().flattens == first
        assert world.said() == BOTH
        assert await world.total.reset("all", "ann", "why") == ["all"]
        assert world.said() == {}
        await lost(world, 90, 20)
        await lost(world, 300, 20, times=2)
        assert world.states().flattens["bob"].by == "limit all of all users, hit 2"

    play(tmp_path, journal, steps, limit_of(Action.FLATTEN))


def test_what_was_realised_is_added_up_as_well(tmp_path: Path, journal: Journal) -> None:
    async def steps(world: World) -> None:
        for user in ("anna", "bob"):
            world.shows(user, -500, 1000, "realised")
        await world.judge()
        world.shows("anna", -530, 10, "realised")
        await world.judge()
        assert world.total.states["all"].loss == 30
        world.reopened(limit_of(metric=Metric.REALISED))
        world.shows("bob", -540, 10, "realised")
        await world.judge()
        assert world.total.states["all"].loss == 70

    play(tmp_path, journal, steps, limit_of(metric=Metric.REALISED))


def test_without_limits_nothing_is_done(tmp_path: Path, journal: Journal) -> None:
    async def steps(world: World) -> None:
        await lost(world, 900, 900, times=2)
        assert (world.said(), journal.total_limits()) == ({}, None)

    play(tmp_path, journal, steps)


def test_a_shadow_is_no_part_of_the_sum_and_is_not_stopped_for_it(tmp_path: Path, journal: Journal) -> None:
    async def steps(world: World) -> None:
        bob = world.supervisor.accounts["bob"]
        bob.config = replace(bob.config, mode=AccountMode.SHADOW)
        await lost(world, 0, 0)
        await lost(world, 0, 500, times=2)
        [shown] = world.total.to_proto()
        assert shown.loss == "0 USD"
        await lost(world, 110, 500, times=2)
        assert world.said() == {account_scope("anna"): "REDUCING"}

    play(tmp_path, journal, steps, limit_of())


def test_two_that_are_hit_at_once_have_all_sold_once(tmp_path: Path, journal: Journal) -> None:
    async def steps(world: World) -> None:
        await lost(world, 0, 0)
        await lost(world, 90, 20, times=3)
        assert world.events().count("LIMIT_HIT") == 2
        first = world.states()
        assert set(first.flattens) == {"anna", "bob"}
        await lost(world, 90, 20, times=2)
        assert world.states() == first

    play(tmp_path, journal, steps, limit_of(Action.FLATTEN), limit_of(Action.FLATTEN, name="other"))


@pytest.mark.parametrize("state", [TradingState.REDUCING, TradingState.HALTED])
@pytest.mark.parametrize("action", [Action.REDUCING, Action.HALTED, Action.FLATTEN])
@pytest.mark.parametrize("is_first", [True, False], ids=["before it", "while it holds"])
def test_what_somebody_has_said_holds_when_it_is_reset(
    tmp_path: Path, journal: Journal, state: TradingState, action: Action, is_first: bool
) -> None:
    said = StateSetting(state=state, by="olga", reason="odd", at=NOW)
    anna = account_scope("anna")

    async def steps(world: World) -> None:
        async def say(setting: StateSetting) -> None:
            await world.supervisor.trading.change(
                lambda states: states.with_state([anna], setting), "olga", "odd", renew=False
            )

        if is_first:
            await say(said)
        await lost(world, 0, 0)
        await lost(world, 90, 20, times=2)
        if not is_first:
            await say(said)
        strictest = TradingState.HALTED if Action.HALTED is action else state
        assert world.states().state_of("anna") is strictest
        world.reopened(limit_of(action))
        await lost(world, 90, 20)
        await world.total.reset("", "ann", "why")
        assert world.states().states == {anna: said}
        # What she lifts meanwhile, does not come back.
        await lost(world, 90, 20)
        await lost(world, 300, 20, times=2)
        await say(replace(said, state=TradingState.ACTIVE))
        assert world.states().state_of("anna") is not TradingState.ACTIVE
        await world.total.reset("", "ann", "why")
        assert world.states().states == {}

    play(tmp_path, journal, steps, limit_of(action))


def test_what_is_bought_before_a_hit_could_be_said_is_sold_as_well() -> None:
    hold = module.Hold("all", Action.FLATTEN, Hit(number=1, at=NOW, loss=Decimal(1), words="lost"))
    states = module.with_holds(TradingStates(), [hold], ["anna"], NOW + 90)
    assert states.flattens["anna"].at == NOW + 90
    assert module.with_holds(states, [hold], ["anna"], NOW + 95) is states
    # Another hit of it sells again, whatever the clocks say.
    again = hold._replace(hit=replace(hold.hit, number=2, at=NOW + 50))
    assert module.with_holds(states, [again], ["anna"], NOW + 60).flattens["anna"].by.endswith("hit 2")
