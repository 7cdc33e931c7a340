"""What an operator reads adds up: rows of the report, restarts, the story of a fill, and what a user holds,
also while it is stopped or FAILED.
"""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from krakencopy.v1 import types_pb2 as pb
from tests.support.system import Paper, System, wait_for

USERS = {"anna": "1000", "bert": "1000", "carl": "1000", "dora": "1000"}


@pytest.fixture
def system() -> Iterator[System]:
    lines = {"bert": 'copy = { max_user_risk = "0.05" }'}
    with Paper() as paper:
        paper.price("XBTUSD", "50000")
        with System(paper, USERS, user_lines=lines, config_tail="[copy]\nmax_slippage_bps = 80") as system:
            yield system.start().wait_ready()


def sums_of(report: Any) -> dict[str, tuple[int, int]]:
    """By user, its fills and the sum of its row."""
    return {
        line.account_id: (
            line.fills,
            line.copies.filled + line.copies.part_filled + line.copies.rejected + line.copies.skipped
            + line.copies.carried + line.copies.open + line.merged + line.unanswered,
        )
        for line in report.accounts
    }  # fmt: skip


def stop(system: System, account: str) -> None:
    system.command("stop", account)
    stopped = lambda: system.accounts()[account].state == pb.ACCOUNT_STATE_STOPPED  # noqa: E731 - a probe
    wait_for(f"{account} to be stopped", stopped)


def fail(system: System, account: str) -> None:
    """Has an account FAIL: its ledger says that another account wrote it."""
    stop(system, account)
    ledger = system.state_dir / "accounts" / f"{account}.db"
    with closing(sqlite3.connect(ledger)) as file, file:
        file.execute("UPDATE meta SET value = 'somebody' WHERE key = 'account_id'")
    system.command("start", account)
    wait_for("FAILED", lambda: system.accounts()[account].state == pb.ACCOUNT_STATE_FAILED)


def test_rows_add_up_and_one_fill_that_waits_for_two_users_is_one_fill(system: System) -> None:
    # carl's first order hangs, so that the fills behind it go with one order.
    hang = {"kind": "hang_reply", "account": "carl", "method": "AddOrder", "delay_ms": 1500, "count": 1}
    system.paper.call("POST", "/faults", **hang)
    for _ in range(4):
        system.buy("BTC/USD", "0.001")
    report = system.settled(4)
    assert all(fills == total == 4 for fills, total in sums_of(report).values())
    assert sum(line.merged for line in report.accounts) >= 2
    stop(system, "anna")
    fail(system, "dora")
    system.buy("BTC/USD", "0.001")
    others = ("bert", "carl")
    wait_for("the others' copies", lambda: all(len(system.copies(user)[-1].order_id) for user in others))

    def waits_for_two() -> Any:
        with system.api() as api:
            report = api.get_report()
        return report if (report.on_their_way, report.unanswered) == (1, 2) else None

    assert all(fills == total for fills, total in sums_of(wait_for("the report", waits_for_two)).values())
    assert "1 fill on its way (at 2 of 4 users)" in system.command("report")
    told = system.command("why", "5")
    assert "4 users: 2 copied it in full, 2 waiting" in told
    assert "FAILED: dora; STOPPED: anna" in told
    assert "dora: no answer yet" not in told
    one = system.command("why", "5", "--account", "dora")
    assert "not answered yet: the user is FAILED (" in one
    assert "bert:" not in one
    system.command("why", "5", "--account", "nobody", expect=3)


def test_restarts_are_those_that_nobody_asked_for(system: System) -> None:
    before = system.pids()["anna"]
    system.command("restart", "anna")
    wait_for("another process", lambda: system.pids().get("anna", before) != before)
    system.wait_ready()
    stop(system, "bert")
    system.command("start", "bert")
    system.wait_ready()
    os.kill(system.pids()["carl"], signal.SIGKILL)
    wait_for("carl's restart", lambda: system.accounts()["carl"].restarts == 1)
    system.wait_ready()
    restarts = {account.id: account.restarts for account in system.accounts().values()}
    assert restarts == {"master": 0, "anna": 0, "bert": 0, "carl": 1, "dora": 0}


def test_what_a_user_holds_and_its_rules_are_shown_while_it_runs_is_stopped_and_has_failed(
    system: System,
) -> None:
    system.buy("BTC/USD", "0.001")
    system.settled(1)

    def account(user: str) -> Any:
        with system.api() as api:
            return api.get_account(user)

    def with_bitcoin() -> Any:
        shown = account("anna")
        return shown if "BTC" in {each.asset for each in shown.balances} else None

    shown = wait_for("what it has bought among its balances", with_bitcoin)
    held = {each.asset: each.volume for each in shown.balances}
    assert held["BTC"] == "0.001"
    assert (shown.positions[0].volume, shown.HasField("positions_at")) == ("0.001", False)
    stop(system, "anna")
    fail(system, "dora")
    for user in ("anna", "dora"):
        shown = account(user)
        assert {each.asset: each.volume for each in shown.balances} == held
        assert [(each.asset, each.volume) for each in shown.positions] == [("BTC", "0.001")]
        assert shown.positions_at.seconds >= shown.balances_at.seconds > 0
        page = system.command("accounts", user)
        assert "what copying holds, by its ledger of " in page
        assert "and what was traded until its ledger kept them:" in page
        assert [(pair.pair, pair.ordermin) for pair in shown.kept_pairs] == [("BTC/USD", "0.00005")]
    rules = {rule.key: (rule.value, rule.source) for rule in account("bert").rules}
    assert rules["copy.max_user_risk"] == ("0.05", "account")
    assert rules["copy.max_slippage_bps"] == ("80", "[copy]")
    assert rules["copy.sizing"] == ("balance_ratio", "default")
    # Reading has changed nothing: it starts, and copies what it has missed.
    system.buy("BTC/USD", "0.001")
    system.command("start", "anna")
    wait_for("anna's second copy", lambda: len(system.copies("anna")) == 2)
