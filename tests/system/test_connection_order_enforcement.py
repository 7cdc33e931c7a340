"""The requirements, 3A (docs/requirements.md): no Kraken user connects before the master works; users of
other brokers do, with a warning.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.mixed import MixedSystem, ran
from tests.support.system import Key, Paper, System, wait_for


@pytest.fixture
def paper() -> Iterator[Paper]:
    with Paper() as paper:
        yield paper


def test_users_are_blocked_while_the_masters_key_is_refused_and_start_by_themselves_once_it_is_mended(
    paper: Paper,
) -> None:
    wrong = Key.make()
    with System(paper, {"anna": "100", "ben": "100"}, keys={"master": wrong}) as system:
        system.start()
        anna = wait_for(
            "anna to be blocked by a master whose key is refused",
            lambda: (
                account
                if (account := system.accounts().get("anna")) and "KEY_REFUSED" in account.message
                else None
            ),
        )
        assert anna.reason == "MASTER_NOT_READY"
        # Several tries later there is still no user's process, and there never was one.
        tries = len(paper.rows("requests"))
        wait_for("more tries of the master", lambda: len(paper.rows("requests")) > tries + 2)
        accounts = system.accounts()
        assert [accounts[user].pid for user in ("anna", "ben")] == [0, 0]
        assert not system.logs("anna")
        assert {row["account"] for row in paper.rows("requests")} <= {None, "", "master"}
        errors = [line for line in system.logs("supervisor") if "KRAKEN_USER_BLOCKED" in line["message"]]
        assert {line["message"].split(":")[0] for line in errors} == {"anna", "ben"}
        assert {line["level"] for line in errors} == {"ERROR"}
        # The key is corrected at the exchange; nobody touches the supervisor.
        paper.call(
            "POST", "/accounts", id="master", tier="pro", balances={"ZUSD": "1000"},
            keys=[{"key": wrong.key, "secret": wrong.secret}],
        )  # fmt: skip
        system.wait_ready()
        assert all(system.pids().values())


def test_no_user_says_anything_to_the_exchange_before_the_master_is_healthy(paper: Paper) -> None:
    with System(paper, {"anna": "100", "ben": "100"}) as system:
        system.start().wait_ready()
        rows = paper.rows("requests")
        first_of_a_user = next(index for index, row in enumerate(rows) if row["account"] != "master")
        before = [row["method"] for row in rows[:first_of_a_user]]
        # A healthy master has read its balance, its history, and has its feed.
        assert {"BalanceEx", "TradesHistory", "GetWebSocketsToken"} <= set(before)


def test_the_separation_wait_comes_between_the_master_and_the_users(paper: Paper) -> None:
    with System(paper, {"anna": "100"}, config_tail="[startup]\nnonce_separation_s = 1.5\n") as system:
        system.start()
        wait_for(
            "anna to wait for the separation",
            lambda: (account := system.accounts().get("anna")) and account.reason == "SEPARATION_WAIT",
        )
        system.wait_ready()
        rows = paper.rows("requests")
        last_start = max(
            row["received_ns"]
            for row in rows
            if row["method"] == "GetWebSocketsToken" and row["account"] == "master"
        )
        first = min(row["received_ns"] for row in rows if row["account"] == "anna")
        assert first - last_start >= 1_500_000_000


def test_without_its_master_a_kraken_user_is_blocked_and_another_brokers_starts_with_a_warning(
    paper: Paper,
) -> None:
    keys = {"master": Key.make(), "eddy": Key.make()}
    others = {"dora": ("user", "ccxt:kraken", ""), "eddy": ("user", "ccxt:kraken", "")}
    with MixedSystem(paper, {"bob": "100"}, others=others, keys=keys) as system:
        system.start()
        wait_for("dora to run", lambda: (a := system.accounts().get("dora")) and a.pid and not a.reason)
        wait_for("dora to be ready", lambda: ran(10**9, "dora", system.events()))
        wait_for("eddy's key to be refused", lambda: system.accounts()["eddy"].reason == "KEY_REFUSED")
        bob = system.accounts()["bob"]
        assert (bob.pid, bob.reason) == (0, "MASTER_NOT_READY")
        found = {(event.account_id, event.code, event.severity): event.message for event in system.events()}
        assert ("bob", "KRAKEN_USER_BLOCKED", 3) in found
        warning = found["dora", "USER_WITHOUT_MASTER", 2]
        assert "users of other brokers than Kraken are not held back" in warning
        log = (system.state_dir / "logs" / "supervisor.jsonl").read_text()
        assert f"dora: USER_WITHOUT_MASTER {warning}" in log
