"""Who keeps to what was said: asked at once, shown by version, named while late."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from grpclib.const import Status

from krakencopy.account_proc.contract.trading_states import StateSetting, TradingState, TradingStates
from krakencopy.account_proc.runtime.trading_state_file import change_states
from krakencopy.supervisor.accounts import trading_acks
from krakencopy.supervisor.accounts.grpc_client import CallFailed
from krakencopy.supervisor.accounts.trading_acks import NOT_KEPT
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.supervisor import Supervisor
from krakencopy.v1 import types_pb2 as pb
from tests.support.idle_supervisor import idle_supervisor
from tests.support.supervisor_samples import small_config
from tests.support.trading_links import set_living

HALTED = StateSetting(state=TradingState.HALTED, by="operator ann", reason="", at=1.0)


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Supervisor]:
    with closing(Journal(tmp_path / "journal.db")) as journal:
        yield idle_supervisor(tmp_path, journal, small_config("anna", "bob"))


def halt_all(states: TradingStates) -> TradingStates:
    return states.with_state(["all"], HALTED)


def look(it: Supervisor, *, late: bool = False) -> None:
    it.trading_acks._looked_at = -10.0
    if late:
        it.trading.changed_at -= trading_acks.LATE_S + 1
    it.trading_acks.look()


def events(it: Supervisor) -> list[str]:
    return [event.code for event in it.journal.events_after(0, 100) if event.account_id == "bob"]


def test_all_are_asked_at_once_and_who_is_being_started_is_waited_for(
    it: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trading_acks, "ACKNOWLEDGE_S", 0.3)
    path = it.place.states
    anna, bob = (set_living(it.accounts[name], path) for name in ("anna", "bob"))
    anna.failures = [CallFailed(Status.UNAVAILABLE, "it is not there yet")]
    bob.is_stuck = True

    async def play() -> None:
        await it.trading.change(halt_all, "operator ann", "", renew=False)
        kept = await it.trading_acks.ask(["master", "anna", "bob"], 1)
        assert {name: one.acknowledged for name, one in kept.items()} == {
            "master": True, "anna": True, "bob": False,
        }  # fmt: skip
        assert kept["master"].message == "no process: it keeps to it from its start"
        assert "process 4711 may be stuck, and `krakencopy restart bob` ends it" in kept["bob"].message
        # One that keeps to an earlier version, and one that is not reached at all.
        kept = await it.trading_acks.ask(["anna"], 2)
        assert kept["anna"].message == f"it keeps to version 1 of 2 within 0.3 s: {trading_acks.ORDER_OUT}"
        # It waits for the answer to an order, also where the time is over meanwhile: it is not stuck.
        answer = anna.ask

        async def answers_once(*asked: Any) -> Any:
            monkeypatch.setattr(anna, "ask", late)
            return await answer(*asked)

        async def late(*_asked: Any) -> Any:
            raise CallFailed(Status.DEADLINE_EXCEEDED, "no answer in time")

        monkeypatch.setattr(anna, "ask", answers_once)
        kept = await it.trading_acks.ask(["anna"], 2)
        assert kept["anna"].message.endswith(trading_acks.ORDER_OUT)
        it.accounts["anna"].process.link = None
        kept = await it.trading_acks.ask(["anna"], 1)
        assert "it is being started" in kept["anna"].message
        assert it.trading_acks.status(it.accounts["anna"]).version == -1

    asyncio.run(play())


def test_a_process_that_goes_by_the_group_of_before_a_reload_is_named(
    it: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trading_acks, "ACKNOWLEDGE_S", 0.1)
    account = it.accounts["bob"]
    link = set_living(account, it.place.states)
    account.config = replace(account.config, group="eu")

    async def play() -> None:
        await it.trading.change(
            lambda states: states.with_state(["group:eu"], HALTED), "ann", "", renew=False
        )
        kept = (await it.trading_acks.ask(["bob"], 1))["bob"]
        assert (kept.acknowledged, kept.message.startswith("it goes by the group that it was in")) == (
            False, True,
        )  # fmt: skip
        link._group = "eu"
        assert (await it.trading_acks.ask(["bob"], 1))["bob"].acknowledged

    asyncio.run(play())


def test_a_process_that_ends_meanwhile_keeps_to_it(it: Supervisor) -> None:
    account = it.accounts["bob"]
    link = set_living(account, it.place.states)

    async def ended(method: str, request: Any, timeout_s: float) -> Any:  # noqa: ARG001 - it ends
        account.process.child = account.process.link = None
        raise CallFailed(Status.UNAVAILABLE, "gone")

    link.ask = ended  # type: ignore[method-assign]  # while it is asked
    kept = asyncio.run(it.trading_acks.ask(["bob"], 1))
    assert kept["bob"].acknowledged


def test_what_is_shown_is_what_was_said_and_the_version_that_the_process_keeps_to(
    it: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = it.accounts["bob"]
    assert it.trading_acks.status(account).version == -1
    link = set_living(account, it.place.states)

    async def play() -> None:
        await it.trading.change(
            lambda states: states.with_flatten(["bob"], "ann", "", 1.0), "ann", "", renew=False
        )
        status = it.trading_acks.status(account)
        assert (status.state, status.version) == (pb.TRADING_STATE_REDUCING, 0)
        assert status.flatten.state == pb.FLATTEN_STATE_REQUESTED
        await it.trading_acks.ask(["bob"], 1)
        assert it.trading_acks.status(account).version == 1
        link.say()
        link.snapshot.trading.flatten.state = pb.FLATTEN_STATE_DONE
        assert it.trading_acks.status(account).flatten.state == pb.FLATTEN_STATE_DONE
        # Something else is said later, and its process answers that it keeps to it.
        await it.trading.change(halt_all, "ann", "", renew=False)
        await it.trading_acks.ask(["bob"], it.trading.states.version)
        status = it.trading_acks.status(account)
        assert (status.version, status.flatten.state) == (it.trading.states.version, pb.FLATTEN_STATE_DONE)
        with monkeypatch.context() as without_a_process:
            without_a_process.setattr(account.process, "link", None)
            assert it.trading_acks.status(account).flatten.state == pb.FLATTEN_STATE_DONE
        # What another process has answered says nothing of this one.
        account.process.instance_id = "another"
        link.snapshot.trading.version = 0
        assert it.trading_acks.status(account).version == 0

    asyncio.run(play())


def test_who_does_not_keep_to_it_is_named_until_it_does(it: Supervisor) -> None:
    link = set_living(it.accounts["bob"], it.place.states)
    link.is_stuck = True

    async def play() -> None:
        change_states(it.place.states, halt_all)
        look(it)
        for _ in range(3):  # turns of the loop
            await asyncio.sleep(0)
        assert link.asked == 1  # it is asked at once
        assert events(it) == []
        look(it, late=True)
        look(it, late=True)
        assert events(it) == [NOT_KEPT]
        notice = it.trading_acks.notice("bob")
        assert notice is not None
        assert (notice.code, notice.first_at.seconds > 0) == (NOT_KEPT, True)
        assert "keeps to version 1 of the trading states" in notice.message
        link.say()
        look(it)
        assert events(it) == [NOT_KEPT, f"{NOT_KEPT}_OVER"]
        assert it.trading_acks.notice("bob") is None

    asyncio.run(play())


def test_one_that_is_removed_while_it_is_named_is_not_named_when_it_comes_back(it: Supervisor) -> None:
    link = set_living(it.accounts["bob"], it.place.states)
    link.is_stuck = True

    async def play() -> None:
        await it.trading.change(halt_all, "ann", "", renew=False)
        look(it, late=True)
        accounts = it.registry.accounts
        it.registry.accounts = {key: one for key, one in accounts.items() if key != "bob"}
        look(it)
        it.registry.accounts = accounts
        assert it.trading_acks.notice("bob") is None
        assert events(it)[-2:] == [NOT_KEPT, f"{NOT_KEPT}_OVER"]

    asyncio.run(play())


def test_it_is_looked_at_once_a_second(it: Supervisor) -> None:
    it.trading_acks.look()
    change_states(it.place.states, halt_all)
    it.trading_acks.look()
    assert it.trading.states.version == 0

    async def play() -> None:
        look(it)
        assert it.trading.states.version == 1

    asyncio.run(play())


def test_a_process_that_has_said_nothing_yet_is_not_named(it: Supervisor) -> None:
    account = it.accounts["bob"]
    link = set_living(account, it.place.states)
    link.snapshot.ClearField("trading")
    account.process.child = SimpleNamespace(pid=1)  # type: ignore[assignment]  # nothing else is looked at

    async def play() -> None:
        await it.trading.change(halt_all, "ann", "", renew=False)
        look(it, late=True)
        assert events(it) == []

    asyncio.run(play())
