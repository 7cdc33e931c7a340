"""What operators say of trading holds from then on, whatever runs and whatever does not: no order leaves
after a halt, purchases alone stop with exit-only, and what copying bought is sold on demand.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from krakencopy.v1 import types_pb2 as nouns
from tests.support.system import Paper, System, freeze, wait_for

PAIR = "BTC/USD"
FILLED, SKIPPED = nouns.COPY_STATE_FILLED, nouns.COPY_STATE_SKIPPED


@pytest.fixture
def system(paper: Paper) -> Iterator[System]:
    with System(paper, {"anna": "1000", "bert": "1000"}).start().wait_ready() as system:
        yield system


def bought(system: System, fills: int) -> dict[str, int]:
    """The master buys; what each user made of it."""
    system.buy(PAIR, "0.002")
    system.settled(fills)
    return {user: system.copies(user)[-1].state for user in ("anna", "bert")}


def states(system: System) -> dict[str, str]:
    """What each account may trade, as `accounts` shows it."""
    lines = system.command("accounts", "-o", "json").splitlines()
    shown = map(json.loads, lines)
    return {one["id"]: one["trading"]["state"].removeprefix("TRADING_STATE_") for one in shown}


def orders(paper: Paper, account: str) -> int:
    return sum(row["method"] == "AddOrder" and row["account"] == account for row in paper.rows("requests"))


def test_a_user_is_halted_and_resumed_all_are_and_a_restart_changes_nothing(system: System) -> None:
    assert bought(system, 1) == {"anna": FILLED, "bert": FILLED}
    out = system.command("halt", "bert", "--reason", "odd orders")
    assert out.splitlines()[1].split()[:3] == ["bert", "HALTED", "yes"]
    assert bought(system, 2) == {"anna": FILLED, "bert": SKIPPED}
    status = system.command("status")
    assert "1 account HALTED by operator" in status.splitlines()[0]
    assert "(odd orders)" in status.splitlines()[0]
    # What the master sells is owed by a user that is halted, and sold by one that only buys nothing.
    system.command("exit-only", "anna")
    system.sell(PAIR, "0.004")
    wait_for("anna's exit", lambda: system.held("anna") == 0)
    system.stop()
    system.start().wait_ready()
    assert states(system) == {"master": "ACTIVE", "anna": "REDUCING", "bert": "HALTED"}
    assert system.held("bert") > 0
    system.command("resume", "bert")
    wait_for("bert's exit, which was owed", lambda: system.held("bert") == 0)
    # All: what was said for one of them holds on beside it.
    out = system.command("halt", "--all")
    assert [line.split()[:3] for line in out.splitlines()[1:]] == [
        [name, "HALTED", "yes"] for name in ("master", "anna", "bert")
    ]
    said = system.error("order", "buy", PAIR, "0.001", expect=1)
    assert "HALTED" in said
    system.command("pause", "bert")
    out = system.command("resume", "bert")
    assert "lifted: its pause" in out
    assert "still HALTED for all" in out
    out = system.command("resume", "--all")
    assert "lifted: HALTED for all" in out
    assert "REDUCING for itself" in out
    assert set(states(system).values()) == {"ACTIVE"}
    assert bought(system, 4) == {"anna": FILLED, "bert": FILLED}
    sell_everything(system)
    said_states = [each.message.split(" by ")[0] for each in system.events("TRADING_STATE_CHANGED")]
    assert said_states == [
        "bert: HALTED", "anna: REDUCING", "bert: ACTIVE", "all accounts: HALTED",
        "anna: ACTIVE", "all accounts: ACTIVE",
    ]  # fmt: skip


def sell_everything(system: System) -> None:
    """What copying bought, after its plan was shown; nothing is bought from then on."""
    wait_for("what was bought to be shown", lambda: all(system.held(user) for user in ("anna", "bert")))
    amounts = {user: f"{system.held(user):f}".rstrip("0") for user in ("anna", "bert")}
    plan = system.command("flatten", "--all", "--dry-run").splitlines()[1:]
    assert [line.split()[:4] for line in plan] == [[user, "BTC", amounts[user], PAIR] for user in amounts]
    assert all("USD" in line and "at the master's last price" in line for line in plan)
    assert all(system.held(user) > 0 for user in amounts)
    assert "give it with --yes" in system.error("flatten", "anna", expect=3)
    out = system.command("flatten", "--all", "--yes", "--reason", "leaving", "--wait")
    assert [line.split()[:3] for line in out.splitlines()[-3:-1]] == [
        [user, "REDUCING", "yes"] for user in amounts
    ]
    assert out.splitlines()[-1] == "sold: anna, bert"
    done = nouns.FLATTEN_STATE_DONE
    assert all(system.accounts()[user].trading.flatten.state == done for user in amounts)
    assert [system.held(user) for user in amounts] == [0, 0]
    assert "has sold what copying had bought: flatten " in system.command("accounts", "anna")
    assert bought(system, 5) == {"anna": SKIPPED, "bert": SKIPPED}


def halt_offline(system: System) -> None:
    out = system.command("halt", "--all", "--offline", "--reason", "stuck")
    rows = [line.split()[:3] for line in out.splitlines()[1:]]
    assert sorted(rows) == [[name, "HALTED", "yes"] for name in ("anna", "bert", "master")]


def test_without_a_supervisor_all_are_halted_and_who_is_stuck_is_named(system: System, paper: Paper) -> None:
    assert bought(system, 1) == {"anna": FILLED, "bert": FILLED}
    before = {account: orders(paper, account) for account in ("anna", "bert")}
    assert system.process is not None
    freeze(system.process.pid)
    halt_offline(system)
    os.kill(system.process.pid, signal.SIGCONT)
    wait_for("the event", lambda: system.events("TRADING_STATE_CHANGED"))
    (changed,) = system.events("TRADING_STATE_CHANGED")
    said = changed.message
    assert said.startswith("all accounts: HALTED by operator")
    assert said.endswith("(stuck); said without this supervisor (--offline)")
    # The master's owner buys by hand: nobody copies it.
    paper.by_hand(paper.another_key("master"), "buy", "XBTUSD", "0.002")
    system.settled(2)
    assert {system.copies(user)[-1].state for user in ("anna", "bert")} == {SKIPPED}
    assert {account: orders(paper, account) for account in before} == before
    system.command("resume", "--all")
    name_who_is_stuck(system)
    make_the_file_anew(system)
    system.kill()
    halt_offline(system)
    system.start().wait_ready()
    assert set(states(system).values()) == {"HALTED"}
    assert {account: orders(paper, account) for account in before} == before
    system.command("resume", "--all")
    assert bought(system, 3) == {"anna": FILLED, "bert": FILLED}


def name_who_is_stuck(system: System) -> None:
    pid = system.pids()["bert"]
    freeze(pid)
    try:
        errors = system.error("halt", "--all", expect=5)
        assert "NOT ACKNOWLEDGED by bert: " in errors
        errors = system.error("exit-only", "bert", "--offline", expect=5)
        assert "NOT ACKNOWLEDGED by bert: " in errors
    finally:
        os.kill(pid, signal.SIGCONT)
    versions = {one.trading.version for name, one in system.accounts().items() if name != "bert"}
    wait_for("bert to keep to it", lambda: system.accounts()["bert"].trading.version >= min(versions))


def make_the_file_anew(system: System) -> None:
    """It is gone, and later it is damaged: all are halted until all are resumed."""
    path = system.state_dir / "trading_states.json"
    for times, harm in ((1, Path.unlink), (2, damage)):
        harm(path)
        wait_for("the event", partial(is_recorded, system, times))
        status = system.command("status")
        assert "NOT READY" in status.splitlines()[0]
        assert "krakencopy resume --all --reason" in status
        assert set(states(system).values()) == {"HALTED"}
        errors = system.error("resume", "bert", expect=1)
        assert "STATES_UNREADABLE" in errors
        out = system.command("resume", "--all", "--reason", "all is well")
        assert "what was said before is lost" in out
        assert set(states(system).values()) == {"ACTIVE"}
        system.wait_ready()


def is_recorded(system: System, times: int) -> bool:
    return len(system.events("TRADING_STATES_UNREADABLE")) == times


def damage(path: Path) -> None:
    path.write_text(path.read_text().replace("version", "versoin"))
