"""What one account may trade: by the file as it is now, and kept to once nothing of before can arrive."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from krakencopy.account_proc.contract.errors import OutcomeUnknown
from krakencopy.account_proc.contract.trading_states import (
    ALL,
    TradingState,
    TradingStates,
    account_scope,
    group_scope,
)
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.kraken.order_gate import NotTraded, TradingHalted, TradingReducing
from krakencopy.account_proc.runtime.trading_state_file import (
    make_states_file,
    renew_states,
    states_path,
)
from krakencopy.account_proc.trading import trading_guard
from krakencopy.account_proc.trading.trading_guard import NO_VERSION, LimitHold, TradingGuard, kept_path
from tests.support.scripted_kraken import run, until
from tests.support.trading_states import say_state

ACTIVE, REDUCING, HALTED = TradingState


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = states_path(tmp_path)
    make_states_file(made)
    return made


def kept(path: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads(kept_path(path, "anna").read_text())
    return found


@pytest.mark.parametrize(
    ("state", "refused"),
    [
        (ACTIVE, {}),
        (REDUCING, {Side.BUY: TradingReducing}),
        (HALTED, {Side.BUY: TradingHalted, Side.SELL: TradingHalted}),
    ],
)
def test_each_state_refuses_its_sides_from_the_moment_that_it_is_said(
    path: Path, state: TradingState, refused: dict[Side, type[NotTraded]]
) -> None:
    guard = TradingGuard(path, "anna")
    assert (guard.state, guard.words()) == (ACTIVE, "")
    say_state(path, state)
    assert guard.state is state
    assert guard.is_halted == (state is HALTED)
    for side in Side:
        stop = guard.stop(side)
        assert type(stop) is refused.get(side, type(None))
        assert stop is None or (stop.state, stop.cause) == (state, guard.words())
    say_state(path, ACTIVE)
    assert not any(map(guard.stop, Side))


def test_the_words_say_of_whom_since_when_by_whom_and_why(path: Path) -> None:
    guard = TradingGuard(path, "anna", "team")
    say_state(path, REDUCING, account_scope("anna"), reason="")
    assert guard.words() == (
        "trading of this account is REDUCING since 2026-09-21 14:13:20 UTC, by operator root"
    )
    say_state(path, REDUCING, group_scope("team"))
    assert guard.words().startswith("trading of group team is REDUCING since ")
    say_state(path, HALTED)
    assert guard.words() == (
        "trading of all accounts is HALTED since 2026-09-21 14:13:20 UTC, by operator root: a test"
    )
    assert list(guard.settings) == [ALL, group_scope("team"), account_scope("anna")]


def test_a_file_that_is_gone_halts_and_says_why(path: Path) -> None:
    path.unlink()
    guard = TradingGuard(path, "anna")
    assert guard.is_halted
    assert "cannot be read (No such file or directory)" in guard.fault
    assert guard.fault in guard.words()


def test_a_change_is_kept_to_said_in_a_file_and_told_once(path: Path) -> None:
    async def steps() -> None:
        told, changes = list[TradingState](), list[int]()
        guard = TradingGuard(path, "anna", changed=lambda: changes.append(1))
        guard.listeners.append(lambda: told.append(guard.state))
        assert guard.kept_version == NO_VERSION
        await guard.keep_to_states()
        assert kept(path) == {"version": 0, "state": "ACTIVE", "pid": os.getpid()}
        say_state(path, HALTED, account_scope("bea"))
        say_state(path, HALTED)
        await guard.keep_to_states()
        written, many = kept_path(path, "anna").stat(), len(changes)
        assert (guard.kept_version, told) == (2, [ACTIVE, HALTED])
        assert kept(path) == {"version": 2, "state": "HALTED", "pid": os.getpid()}
        await guard.keep_to_states()
        assert (kept_path(path, "anna").stat(), len(changes)) == (written, many)
        guard.close()
        guard.close()
        assert not kept_path(path, "anna").exists()

    run(steps())


def test_a_version_is_not_kept_to_while_an_order_of_before_may_arrive(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def steps() -> None:
        guard = TradingGuard(path, "anna")
        await guard.keep_to_states()
        monkeypatch.setattr(trading_guard, "ANSWER_MAX_S", 0.05)
        with guard.gate.order_out(Side.BUY, 1000.0):
            say_state(path, HALTED)
            await guard.keep_to_states()
            # It holds, and what left before is not answered.
            assert (guard.state, guard.kept_version, kept(path)["version"]) == (HALTED, 0, 0)
            monkeypatch.setattr(trading_guard, "ANSWER_MAX_S", 1000.0)
            keeping = asyncio.create_task(guard.keep_to_states())
            await asyncio.sleep(0)
            assert not keeping.done()
        await keeping
        assert (guard.kept_version, kept(path)["version"]) == (1, 1)

    run(steps())


def test_orders_that_leave_by_the_new_state_are_not_waited_for(path: Path) -> None:
    async def steps() -> None:
        guard = TradingGuard(path, "anna")
        say_state(path, REDUCING)
        guard.look()
        with guard.gate.order_out(Side.SELL, 1000.0):
            await guard.keep_to_states()
            assert guard.kept_version == 1

    run(steps())


def test_an_order_without_an_answer_is_waited_for_until_its_deadline(path: Path) -> None:
    async def steps() -> None:
        guard = TradingGuard(path, "anna")
        with pytest.raises(OutcomeUnknown), guard.gate.order_out(Side.BUY, 0.05):
            raise OutcomeUnknown("AddOrder", "cut")
        say_state(path, HALTED)
        assert guard.gate.may_arrive(guard.gate.mark)
        await guard.keep_to_states()
        assert guard.kept_version == 1

    run(steps())


def test_the_file_is_looked_at_without_being_asked(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def steps() -> None:
        monkeypatch.setattr(trading_guard, "LOOK_S", 0.01)
        guard = TradingGuard(path, "anna")
        watching = asyncio.create_task(guard.watch())
        await until(has_kept(guard, 0))
        say_state(path, HALTED)
        await until(has_kept(guard, 1))
        renew_states(path, TradingStates(version=7))
        await until(has_kept(guard, 7))
        watching.cancel()

    run(steps())


def test_who_has_written_the_file_rings(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def steps() -> None:
        monkeypatch.setattr(trading_guard, "LOOK_S", 3600.0)
        guard = TradingGuard(path, "anna")
        watching = asyncio.create_task(guard.watch())
        await until(has_kept(guard, 0))
        # An order from before keeps it from being kept to: nobody has to ring again at its end.
        with guard.gate.order_out(Side.BUY, 60.0):
            say_state(path, HALTED)
            guard.ring()
            await until(lambda: guard.is_halted)
            assert not has_kept(guard, 1)()
        await until(has_kept(guard, 1))
        renew_states(path, TradingStates(version=7))
        guard.ring()
        await until(has_kept(guard, 7))
        watching.cancel()

    run(steps())


def has_kept(guard: TradingGuard, version: int) -> Callable[[], bool]:
    return lambda: guard.kept_version == version


def test_a_folder_that_cannot_be_written_keeps_nobody_from_keeping_to_it(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.with_name("run").write_text("no folder")
    guard = TradingGuard(path, "anna")
    run(guard.keep_to_states())
    assert guard.kept_version == 0
    assert "cannot see what is kept to" in caplog.text
    guard.close()


@pytest.mark.parametrize(
    ("said", "limit", "holds", "reason"),
    [
        (ACTIVE, REDUCING, REDUCING, "LIMIT_HIT"),
        (ACTIVE, HALTED, HALTED, "LIMIT_HIT"),
        (REDUCING, REDUCING, REDUCING, "TRADING_REDUCING"),
        (REDUCING, HALTED, HALTED, "LIMIT_HIT"),
        (HALTED, REDUCING, HALTED, "TRADING_HALTED"),
    ],
)
def test_the_strictest_of_what_was_said_and_of_limits_that_were_hit_holds(
    path: Path, said: TradingState, limit: TradingState, holds: TradingState, reason: str
) -> None:
    guard = TradingGuard(path, "anna")
    heard: list[TradingState] = []
    guard.listeners.append(lambda: heard.append(guard.state))
    say_state(path, said, account_scope("anna"))
    hold = LimitHold("day", limit, "limit day: 11 USD lost", 0.0)
    weaker = LimitHold("week", ACTIVE, "only a warning", 0.0)
    guard.hold([weaker, hold])
    assert (guard.state, heard) == (holds, [holds])
    refused = guard.stop(Side.BUY)
    assert refused is not None
    assert (refused.reason, refused.state) == (reason, holds)
    assert (guard.stop(Side.SELL) is None) == (holds is REDUCING)
    assert guard.words() in str(refused)
    assert guard.settings["limit:day"].reason == "limit day: 11 USD lost"
    guard.hold([weaker, hold])
    assert len(heard) == 1
    guard.hold([])
    assert guard.state is said


def test_what_is_kept_to_is_also_what_a_limit_has_stopped(path: Path) -> None:
    """Who asks without a supervisor reads the file alone."""

    async def steps() -> None:
        guard = TradingGuard(path, "anna")
        guard.hold([LimitHold("day", REDUCING, "limit day: lost", 1.0)])
        say_state(path, ACTIVE)
        await guard.keep_to_states()
        assert kept(path)["state"] == "REDUCING"

    run(steps())
