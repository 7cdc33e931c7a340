"""The file as the supervisor sees it: made once, changed durably, each change an event, ours and others'."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from krakencopy.account_proc.contract.trading_states import (
    StateSetting,
    StatesUnreadable,
    TradingState,
    TradingStates,
    from_text,
    to_text,
)
from krakencopy.account_proc.runtime.trading_state_file import change_states, states_path
from krakencopy.supervisor.accounts import trading_watch
from krakencopy.supervisor.accounts.trading_watch import TradingWatch
from krakencopy.supervisor.journal.event_log import EventLog
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.journal.journal_file import JournalFault

HALTED = StateSetting(state=TradingState.HALTED, by="operator ann", reason="odd orders", at=1.0)


class Runs:
    """Runs of a supervisor, one after the other."""

    def __init__(self, folder: Path, journal: Journal) -> None:
        self.path, self.journal = states_path(folder), journal
        self.failures: list[JournalFault] = []

    def watch(self) -> TradingWatch:
        return TradingWatch(self.path, self.journal, EventLog(self.journal), self.failures.append)

    def events(self) -> list[tuple[str, str]]:
        return [(event.code, event.message) for event in self.journal.events_after(0, 1_000)]


@pytest.fixture
def runs(tmp_path: Path, journal: Journal) -> Runs:
    return Runs(tmp_path, journal)


def halt_bob(states: TradingStates) -> TradingStates:
    return states.with_state(["account:bob"], HALTED)


def test_a_new_folder_has_a_file_before_anything(runs: Runs) -> None:
    watch = runs.watch()
    assert from_text(runs.path.read_text()) == watch.states == TradingStates()
    assert (watch.fault, watch.trouble()) == ("", "")
    assert not watch.look()


def test_a_change_is_on_the_disk_and_an_event_with_who_and_why(runs: Runs) -> None:
    watch = runs.watch()
    assert asyncio.run(watch.change(halt_bob, "operator ann", "odd orders", renew=False)) == ""
    assert from_text(runs.path.read_text()).states == {"account:bob": HALTED}
    assert watch.states.version == 1
    assert runs.events() == [("TRADING_STATE_CHANGED", "bob: HALTED by operator ann (odd orders)")]
    assert not watch.look()
    watch.close()


def test_what_was_said_without_the_supervisor_is_an_event_also_after_a_restart(runs: Runs) -> None:
    watch = runs.watch()
    change_states(runs.path, halt_bob)
    assert watch.look()
    offline = "said without this supervisor (--offline)"
    said = ("TRADING_STATE_CHANGED", f"bob: HALTED by operator ann (odd orders); {offline}")
    assert runs.events() == [said]
    change_states(runs.path, lambda states: states.with_state(["all"], HALTED))
    again = runs.watch()
    assert again.look()
    assert not again.look()
    all_of_them = f"all accounts: HALTED by operator ann (odd orders); {offline}"
    assert runs.events() == [said, ("TRADING_STATE_CHANGED", all_of_them)]


@pytest.mark.parametrize("cut", [False, True])
def test_a_file_that_is_gone_or_cut_is_not_made_again_but_by_command(runs: Runs, *, cut: bool) -> None:
    watch = runs.watch()
    asyncio.run(watch.change(halt_bob, "operator ann", "", renew=False))
    asyncio.run(
        watch.change(lambda states: states.with_flatten(["anna"], "x", "", 1.0), "x", "", renew=False)
    )
    if cut:
        runs.path.write_text(runs.path.read_text()[:-9])
    else:
        runs.path.unlink()
    watch = runs.watch()
    assert watch.states.state_of("anna") is TradingState.HALTED
    assert "krakencopy resume --all --reason" in watch.trouble()
    assert not watch.look()
    assert not watch.look()  # it is said once
    [*_, (code, words)] = runs.events()
    assert (code, words) == ("TRADING_STATES_UNREADABLE", watch.trouble())
    assert sum(code == "TRADING_STATES_UNREADABLE" for code, _ in runs.events()) == 1
    with pytest.raises(StatesUnreadable):
        asyncio.run(watch.change(halt_bob, "", "", renew=False))
    note = asyncio.run(watch.change(lambda states: states.with_state(["all"], ACTIVE), "ann", "", renew=True))
    assert note == (
        "the file was made anew, what was said before is lost (account:anna REDUCING, account:bob HALTED, "
        "the flatten of anna, if it was not done)"
    )
    # Larger than all before: seconds since 1970.
    assert watch.states == TradingStates(version=watch.states.version)
    assert watch.states.version > 1_700_000_000
    codes = [code for code, _ in runs.events()]
    over = codes.index("TRADING_STATES_UNREADABLE_OVER")
    assert codes[over + 1 :] == ["TRADING_STATE_CHANGED"] * 2


def flatten_anna(states: TradingStates) -> TradingStates:
    return states.with_flatten(["anna"], "x", "", 1.0)


ACTIVE = StateSetting(state=TradingState.ACTIVE, by="", reason="", at=1.0)


def test_a_file_that_cannot_be_made_halts_all_until_it_can(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(_: Path) -> bool:
        raise OSError("no room")

    with monkeypatch.context() as full:
        full.setattr(trading_watch, "make_states_file", no_room)
        watch = runs.watch()
    assert watch.states.state_of("anna") is TradingState.HALTED
    watch.look()
    assert watch.states.state_of("anna") is TradingState.ACTIVE
    assert runs.path.exists()


def test_a_file_of_an_earlier_journal_holds_on(runs: Runs) -> None:
    runs.path.write_text(to_text(halt_bob(TradingStates())))
    watch = runs.watch()
    assert watch.states.state_of("bob") is TradingState.HALTED
    assert watch.look()
    [(_, words)] = runs.events()
    assert words.endswith("; said before this journal began")


@pytest.mark.parametrize("is_seen_first", [True, False])
def test_an_older_file_that_was_put_back_holds_and_gives_no_version_twice(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, *, is_seen_first: bool
) -> None:
    def flatten(states: TradingStates) -> TradingStates:
        return states.with_flatten(["eve"], "operator ann", "", 1.0)

    watch = runs.watch()
    asyncio.run(watch.change(halt_bob, "operator ann", "", renew=False))
    older = runs.path.read_text()
    asyncio.run(watch.change(flatten, "operator ann", "", renew=False))
    runs.path.write_text(older)
    again = runs.watch()
    if is_seen_first:
        with monkeypatch.context() as full:
            full.setattr(trading_watch, "change_states", lambda *_: (_ for _ in ()).throw(OSError("full")))
            assert not again.look()
        assert again.look()
        assert not again.look()
        assert again.states.version > 2
        assert again.states.states == {"account:bob": HALTED}
        assert runs.events()[-1][1].endswith(
            "eve: ACTIVE; an older file of trading states was put in place of the one that was there"
        )
    asyncio.run(again.change(flatten, "operator ann", "", renew=False))
    assert again.states.flattens["eve"].number == again.states.version > 3
    assert from_text(runs.path.read_text()) == again.states


def test_what_the_journal_cannot_keep_holds_all_the_same(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = runs.watch()

    def broken(_: str) -> None:
        raise JournalFault("damaged")

    monkeypatch.setattr(runs.journal, "put_trading_states", broken)
    asyncio.run(watch.change(halt_bob, "operator ann", "", renew=False))
    assert watch.states.state_of("bob") is TradingState.HALTED
    assert list(map(str, runs.failures)) == ["damaged"]


def test_a_memory_that_cannot_be_read_is_none(runs: Runs) -> None:
    runs.watch()
    runs.journal.put_trading_states("{")
    change_states(runs.path, halt_bob)
    assert runs.watch().look()
