"""Accounts at other brokers beside Kraken's, in a whole system: ccxt's Kraken is the other broker, the
paper exchange answers both.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from krakencopy.account_proc.contract.errors import LockHeld
from krakencopy.account_proc.runtime.file_lock import is_locked
from krakencopy.account_proc.state.key_lock import key_lock
from krakencopy.supervisor.run import key_lock_dir
from krakencopy.v1 import types_pb2 as pb
from tests.support.coinbase import KEY_NAME, Coinbase
from tests.support.mixed import MixedSystem, ran
from tests.support.system import ROOT, Key, Paper, wait_for


@pytest.fixture(scope="module")
def paper() -> Iterator[Paper]:
    with Paper() as paper:
        paper.price("XBTUSD", "50000")
        yield paper


@pytest.fixture(scope="module")
def coinbase() -> Iterator[Coinbase]:
    with Coinbase() as server:
        yield server


@pytest.fixture(scope="module")
def system(paper: Paper, coinbase: Coinbase) -> Iterator[MixedSystem]:
    others = {
        "north": ("master", "ccxt:kraken", ""),
        "carl": ("user", "ccxt:kraken", ""),
        "cora": ("user", "coinbase", f'broker_url = "{coinbase.url}"'),
    }
    keys = {"cora": Key(KEY_NAME, coinbase.secret)}
    with MixedSystem(paper, {"anna": "100"}, others=others, keys=keys) as system:
        system.start().wait_ready()
        yield system


def test_users_of_other_brokers_start_after_all_masters(system: MixedSystem) -> None:
    events = system.events()
    started = system.started("carl")
    assert ran(started, "master", events)
    assert ran(started, "north", events)
    assert any(event.account_id == "carl" and "(MASTERS_FIRST" in event.message for event in events)
    # Carl has a healthy master at his own broker.
    assert [event.account_id for event in events if event.code == "USER_WITHOUT_MASTER"] == ["cora"]


def test_they_are_shown_without_what_only_kraken_has(system: MixedSystem) -> None:
    carl = wait_for("carl's equity", lambda: (a := system.accounts()["carl"]).equity.amount and a)
    assert (carl.broker, carl.equity.amount, carl.equity.asset) == ("ccxt:kraken", "1000", "USD")
    assert not carl.nonce.path
    assert not carl.copy_mode
    assert not (system.state_dir / "kraken_nonce_user_carl.txt").exists()
    row = next(line for line in system.command("status").splitlines() if line.startswith("carl "))
    assert "RUNNING" in row
    assert " up" not in row
    assert " down" not in row
    page = system.command("accounts", "carl")
    assert "ccxt:kraken" in page
    assert "nonce" not in page
    assert "open copies" not in page


def test_coinbase_is_such_a_broker_and_its_private_key_shows_nowhere(
    system: MixedSystem, coinbase: Coinbase
) -> None:
    cora = wait_for("cora's equity", lambda: (a := system.accounts()["cora"]).equity.amount and a)
    assert (cora.broker, cora.equity.amount) == ("coinbase", "31002.5")
    assert "GET /api/v3/brokerage/accounts" in coinbase.calls
    left = "".join(path.read_text(errors="replace") for path in system.state_dir.rglob("*") if path.is_file())
    assert not any(line in left for line in coinbase.secret.splitlines()[1:-1])


def test_what_means_nothing_there_is_refused_with_the_reason(system: MixedSystem) -> None:
    for words in (("nonce", "carl"), ("pause", "carl")):
        done = subprocess.run(
            [sys.executable, "-m", "krakencopy.client.cli.main", "--endpoint", system.endpoint, *words],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 1
        assert "carl" in done.stderr


def test_nobody_copies_there_and_nothing_waits_for_them(paper: Paper, system: MixedSystem) -> None:
    system.buy("BTC/USD", "0.002")
    report = system.settled(1)
    assert [line.account_id for line in report.accounts] == ["anna"]
    with system.api() as api:
        outcomes = api.explain_fill(seq=1).outcomes
    assert [outcome.account_id for outcome in outcomes] == ["anna"]
    assert {row["account"] for row in paper.rows("fills")} == {"master", "anna"}


def test_ccxt_is_loaded_where_it_is_needed_and_nowhere_else(system: MixedSystem) -> None:
    assert system.process is not None
    pids = system.pids() | {"supervisor": system.process.pid}

    # ccxt signs with this library, which nothing else here uses; a loaded one is mapped.
    def loaded(pid: int) -> bool:
        with open(f"/proc/{pid}/maps") as maps:  # noqa: PTH123 - not a file
            return "cryptography" in maps.read()

    try:
        seen = {account for account, pid in pids.items() if loaded(pid)}
    except PermissionError:
        pytest.skip("processes that hold keys show their memory to root alone")
    assert seen == {"north", "carl", "cora"}


def test_its_ledger_and_its_key_are_locked(system: MixedSystem) -> None:
    assert is_locked(system.state_dir / "accounts" / "carl.lock")
    with pytest.raises(LockHeld):
        key_lock(key_lock_dir(), system.keys["carl"].key, "thief")


def test_a_broker_that_is_gone_for_a_while_is_said_and_comes_back(paper: Paper, system: MixedSystem) -> None:
    paper.call("POST", "/faults", kind="html_5xx", status=502, account="carl", count=100)
    wait_for("carl to be degraded", lambda: system.accounts()["carl"].reason == "EXCHANGE_UNREACHABLE")
    answers = wait_for("the condition", lambda: with_next_try(system, "carl", "EXCHANGE_ANSWERS"))
    assert (answers.reason, answers.data["http_status"]) == ("HTTP_ERROR", "502")
    paper.call("DELETE", "/faults")
    system.wait_ready()
    wait_for("it to be over", lambda: not lacking(system, "carl"))
    codes = [event.code for event in system.events() if event.account_id == "carl"]
    assert [codes.count(code) for code in ("HTTP_ERROR", "HTTP_ERROR_OVER")] == [1, 1]


def lacking(system: MixedSystem, account: str) -> dict[str, Any]:
    """The conditions of an account that do not hold, but for that of its process."""
    conditions = system.accounts()[account].conditions
    return {
        each.type: each
        for each in conditions
        if each.status == pb.CONDITION_STATUS_FALSE and each.type != "PROCESS_ALIVE"
    }


def with_next_try(system: MixedSystem, account: str, kind: str) -> Any:
    """A condition that does not hold, once it also says when it is tried again."""
    found = lacking(system, account).get(kind)
    return found if found is not None and _has_next_try(found) else None


def _has_next_try(condition: pb.Condition) -> bool:
    return "; next try at " in condition.message or bool(condition.data.get("next_try"))


def test_it_has_the_conditions_of_a_kraken_account_that_make_sense_there(
    paper: Paper, system: MixedSystem
) -> None:
    def known() -> dict[str, bool]:
        conditions = system.accounts()["carl"].conditions
        return {each.type: each.status == pb.CONDITION_STATUS_TRUE for each in conditions}

    types = {
        "PROCESS_ALIVE", "KEY_ACCEPTED", "KEY_PERMITTED", "NONCE_ACCEPTED", "EXCHANGE_ANSWERS", "RATE_FREE",
        "FEED_FRESH", "CLOCK_RIGHT", "DISK_WRITABLE",
    }  # fmt: skip
    wait_for("all of them to hold", lambda: known() == dict.fromkeys(types, True))
    paper.call("POST", "/faults", kind="error", error="EAPI:Invalid key", account="carl", count=100)
    key = wait_for("the key to be refused", lambda: with_next_try(system, "carl", "KEY_ACCEPTED"))
    assert (key.reason, key.matters) == ("INVALID_KEY", True)
    paper.call("DELETE", "/faults")
    wait_for("it to be over", lambda: known() == dict.fromkeys(types, True))
    system.wait_ready()


def test_users_end_before_masters(system: MixedSystem) -> None:
    system.stop()
    lines = [
        json.loads(line) for line in (system.state_dir / "logs" / "supervisor.jsonl").read_text().splitlines()
    ]
    ends = [line["message"].partition(":")[0] for line in lines if "STOPPING -> STOPPED" in line["message"]]
    assert set(ends[:3]) == {"anna", "carl", "cora"}
    assert set(ends[3:]) == {"master", "north"}
