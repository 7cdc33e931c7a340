"""States said without a supervisor: in the file at once, acknowledged by what processes write, and who has
not is named.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from krakencopy.account_proc.contract.trading_states import StateSetting, TradingState, TradingStates
from krakencopy.account_proc.runtime.trading_state_file import (
    LOCK_NAME,
    TradingStateFile,
    change_states,
    states_path,
)
from krakencopy.client.cli import offline
from krakencopy.client.cli.main import main
from krakencopy.client.sdk.errors import ExitCode
from tests.support.ledger_samples import ledger_with_position
from tests.support.state_folders import living, says, state_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return state_folder(tmp_path / "state", "master", "bob", "eve")


def types(folder: Path, line: str) -> int:
    return main(["--state-dir", str(folder), *line.split()])


def states(folder: Path) -> TradingStates:
    return TradingStateFile(states_path(folder)).read()


def test_what_is_said_holds_at_once_where_no_process_lives(folder: Path, capsys: Any) -> None:
    assert types(folder, "halt --all --offline --reason odd") == ExitCode.DONE
    out = capsys.readouterr().out
    rows = [line.split()[:3] for line in out.splitlines()[1:]]
    assert rows == [[name, "HALTED", "yes"] for name in ("bob", "eve", "master")]
    assert out.count("no process: it keeps to it from its start") == 3
    said = states(folder).states["all"]
    assert (said.state, said.reason, said.by.split()[0]) == (TradingState.HALTED, "odd", "operator")
    assert types(folder, "exit-only bob --offline") == ExitCode.DONE
    assert types(folder, "resume --all --offline") == ExitCode.DONE
    out = capsys.readouterr().out
    assert "lifted: HALTED for all by operator" in out
    assert "lifted: REDUCING for itself by operator" in out
    assert states(folder).states == {}


def test_a_process_that_keeps_to_it_is_waited_for_and_one_that_does_not_is_named(
    folder: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    says(folder, "eve", 7, "ACTIVE", 1)  # of an earlier process
    with living(folder, "bob") as pid:
        answered = threading.Event()

        def answer() -> None:
            while states(folder).version == 0:
                pass
            says(folder, "bob", 1, "HALTED", pid)
            answered.set()

        monkeypatch.setattr(offline, "ACKNOWLEDGE_S", 30.0)
        threading.Thread(target=answer).start()
        assert types(folder, "halt bob eve --offline") == ExitCode.DONE
        assert answered.wait(30)
        monkeypatch.setattr(offline, "ACKNOWLEDGE_S", 0.1)
        assert types(folder, "halt --all --offline") == ExitCode.NOT_IN_TIME
        said = capsys.readouterr()
        assert f"process {pid} has not said within 0.1 s that it keeps to it; it may be stuck" in said.out
        assert said.err == "krakencopy: NOT ACKNOWLEDGED by bob: orders may leave there until they are\n"
    assert states(folder).states.keys() == {"all", "account:bob", "account:eve"}


def test_a_group_without_a_name_is_not_those_who_are_in_none(folder: Path, capsys: Any) -> None:
    assert main(["--state-dir", str(folder), "halt", "--group", "", "--offline"]) == ExitCode.BAD_INPUT
    assert "it is empty" in capsys.readouterr().err
    assert states(folder).version == 0


def test_a_groups_accounts_are_what_their_processes_say(folder: Path, capsys: Any) -> None:
    with living(folder, "bob") as pid:
        says(folder, "bob", 1, "HALTED", pid)
        assert types(folder, "halt --group eu --offline") == ExitCode.DONE
    rows = [line.split()[:3] for line in capsys.readouterr().out.splitlines()[1:]]
    assert ["bob", "HALTED", "yes"] in rows
    assert ["eve", "ACTIVE", "yes"] in rows
    assert types(folder, "flatten --group eu --offline --yes") == ExitCode.BAD_INPUT


def test_who_is_resumed_and_may_not_trade_all_the_same_is_told_why(folder: Path, capsys: Any) -> None:
    assert types(folder, "exit-only --all --offline --reason storm") == ExitCode.DONE
    assert types(folder, "halt bob --offline") == ExitCode.DONE
    capsys.readouterr()
    assert types(folder, "resume bob --offline") == ExitCode.DONE
    assert "still REDUCING for all by operator" in capsys.readouterr().out
    with living(folder, "bob") as pid:
        says(folder, "bob", 4, "REDUCING", pid)
        assert types(folder, "resume --all --offline") == ExitCode.DONE
    bob, eve, _ = capsys.readouterr().out.splitlines()[1:]
    assert "still REDUCING, by what was said of its group, or by a limit to losses" in bob
    assert "still" not in eve


def test_what_is_not_there_is_refused_and_nothing_is_said(folder: Path, capsys: Any, tmp_path: Path) -> None:
    assert types(folder, "halt bob bbo --offline") == ExitCode.REFUSED
    words = capsys.readouterr().err
    assert "no account bbo has run in" in words
    assert "there are bob, eve, master; nothing was done" in words
    assert types(folder, "flatten master --offline --yes") == ExitCode.REFUSED
    assert types(tmp_path, "halt --all --offline") == ExitCode.BAD_INPUT
    assert "is no state folder of krakencopyd" in capsys.readouterr().err
    assert states(folder).version == 0
    # What was said of an account that has left nothing else can be lifted.
    said = StateSetting(state=TradingState.HALTED, by="ann", reason="", at=1.0)
    change_states(states_path(folder), lambda now: now.with_state(["account:gone"], said))
    assert types(folder, "resume gone --offline") == ExitCode.DONE
    assert states(folder).states == {}


def test_a_file_that_is_gone_is_made_anew_for_all_alone(folder: Path, capsys: Any) -> None:
    far_ahead = 2**40
    says(folder, "bob", far_ahead, "ACTIVE", 1)
    states_path(folder).unlink()
    assert types(folder, "halt bob --offline") == ExitCode.REFUSED
    assert "all accounts are HALTED, until something is said for --all" in capsys.readouterr().err
    assert types(folder, "halt --all --offline") == ExitCode.DONE
    assert "what was said before is lost" in capsys.readouterr().out
    # A process that kept to an earlier version sees that this one is another.
    assert (states(folder).version, set(states(folder).states)) == (far_ahead + 1, {"all"})


def test_what_cannot_be_written_does_not_hold(folder: Path, capsys: Any) -> None:
    states_path(folder).with_name(LOCK_NAME).mkdir()
    assert types(folder, "halt --all --offline") == ExitCode.SERVER_FAULT
    assert "nothing of it holds" in capsys.readouterr().err
    assert states(folder).version == 0


def test_users_sell_what_their_ledgers_have(folder: Path, capsys: Any) -> None:
    (folder / "accounts" / "bob.db").unlink()
    ledger_with_position(folder / "accounts" / "bob.db", "BTC", "0.01", "BTC/USD")
    (folder / "accounts" / "eve.db").write_text("no ledger")
    assert types(folder, "flatten --all --offline --dry-run") == ExitCode.DONE
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["bob", "BTC", "0.01", "BTC/USD"]
    assert lines[2].startswith("eve ")
    assert states(folder).version == 0
    assert types(folder, "flatten bob --offline") == ExitCode.BAD_INPUT
    assert types(folder, "flatten bob --offline --yes") == ExitCode.DONE
    said = states(folder)
    assert (said.state_of("bob"), set(said.flattens)) == (TradingState.REDUCING, {"bob"})


def test_what_is_not_sold_yet_is_held_again(folder: Path, capsys: Any) -> None:
    assert types(folder, "flatten bob --offline --yes") == ExitCode.DONE
    assert types(folder, "flatten bob --offline --cancel --dry-run") == ExitCode.BAD_INPUT
    capsys.readouterr()
    assert types(folder, "flatten bob --offline --cancel --reason slip") == ExitCode.DONE
    assert "what of its flatten is not sold yet is held again" in capsys.readouterr().out
    said = states(folder)
    order = said.flattens["bob"]
    assert (order.taken_back, order.number, order.reason) == (True, 2, "slip")
    assert said.state_of("bob") is TradingState.REDUCING
    assert types(folder, "flatten bob --offline --cancel") == ExitCode.DONE
    assert "no flatten of it is owed" in capsys.readouterr().out
    assert states(folder).flattens["bob"] == order
