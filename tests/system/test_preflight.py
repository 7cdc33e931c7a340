"""Before anything is traded, each account's key is looked at: real processes, and keys of all kinds at the
paper exchange.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from krakencopy.v1 import types_pb2 as nouns
from tests.support.system import ROOT, Key, Paper, System, wait_for

NEEDED = [
    "query-funds",
    "query-open-trades",
    "query-closed-trades",
    "create-ws-token",
    "modify-trades",
    "close-trades",
]
WITHDRAWS = [*NEEDED, "withdraw-funds"]
#: What is special about each user's key.
KEYS: dict[str, dict[str, Any]] = {
    "plain": {"permissions": NEEDED},
    "withdraws": {"permissions": WITHDRAWS},
    "allowed": {"permissions": WITHDRAWS},
    "poor": {"permissions": [name for name in NEEDED if name != "close-trades"]},
    "bounded": {
        "nonce_window": 5000,
        "valid_until": int(time.time()) + 86_400,
        "ip_allowlist": ["127.0.0.1"],
    },
    "untold": {},
    "flaky": {},
}


LIMIT = 'metric = "equity", window = "day", max_loss = "5%", action = "reducing", name = "day"'
LIMITED = f"allow_withdraw_key = true\ncopy = {{ limits = [{{ {LIMIT} }}] }}"


@pytest.fixture(scope="module")
def paper() -> Iterator[Paper]:
    with Paper() as paper:
        paper.price("XBTUSD", "50000")
        yield paper


@pytest.fixture(scope="module")
def system(paper: Paper) -> Iterator[System]:
    keys = {name: paper.open_account(name, {"ZUSD": "1000"}, **fields) for name, fields in KEYS.items()}
    asked = {"method": "GetApiKeyInfo"}
    paper.call(
        "POST", "/faults", kind="error", error="EGeneral:Unknown method", account="untold", count=99, **asked
    )
    paper.call("POST", "/faults", kind="html_5xx", account="flaky", count=2, **asked)
    users = dict.fromkeys(KEYS, "1000")
    with System(paper, users, user_lines={"allowed": LIMITED}, keys=keys) as system:
        yield system.start()


def account(system: System, name: str) -> Any:
    return system.accounts().get(name)


def running(system: System, name: str) -> Any:
    """The account, once it runs and its fees are known."""

    def probe() -> Any:
        found = account(system, name)
        is_running = found is not None and found.state == nouns.ACCOUNT_STATE_RUNNING
        return found if is_running and found.preflight.pairs else None

    return wait_for(f"{name} to run", probe)


def refused(system: System, name: str) -> Any:
    """The account, once it says that its key is not fit."""

    def probe() -> Any:
        found = account(system, name)
        return found if found is not None and found.reason.startswith("KEY_") else None

    return wait_for(f"{name} to be refused", probe)


def calls_of(paper: Paper, name: str) -> set[str]:
    return {row["method"] for row in paper.rows("requests") if row["account"] == name}


def set_key(paper: Paper, name: str, key: Key, **fields: Any) -> None:
    paper.call("POST", f"/accounts/{name}/keys", key=key.key, secret=key.secret, **fields)


def shown(system: System, *arguments: str) -> str:
    """What the command-line client prints."""
    ended = subprocess.run(
        [sys.executable, "-m", "krakencopy.client.cli.main", "--endpoint", system.endpoint, *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_a_key_that_may_what_is_needed_runs_and_its_account_is_told_its_own_fees(system: System) -> None:
    found = running(system, "plain").preflight
    assert found.key_known
    assert sorted(found.permissions) == sorted(NEEDED)
    assert (list(found.missing_permissions), list(found.warnings)) == ([], [])
    # What the paper exchange's first tier pays.
    assert [(pair.pair, pair.maker_percent, pair.taker_percent, pair.ordermin) for pair in found.pairs] == [
        ("BTC/USD", "0.4", "0.8", "0.00005")
    ]
    assert abs(found.clock_offset_ms) <= 2000
    page = shown(system, "accounts", "plain").splitlines()
    assert any(line.split()[:4] == ["BTC/USD", "0.4", "0.8", "0.00005"] for line in page)
    assert any(line.startswith("key may ") and "modify-trades" in line for line in page)


def test_a_key_that_can_withdraw_is_refused_before_anything_else_is_asked_of_it(
    paper: Paper, system: System
) -> None:
    found = refused(system, "withdraws")
    assert found.reason == "KEY_CAN_WITHDRAW"
    assert "withdraw-funds" in found.message
    assert "allow_withdraw_key = true" in found.message
    assert calls_of(paper, "withdraws") == {"GetApiKeyInfo"}
    assert "withdraw-funds" in shown(system, "accounts", "withdraws")


def test_the_switch_lets_such_a_key_run_with_a_warning(system: System) -> None:
    found = running(system, "allowed")
    assert "may withdraw (withdraw-funds)" in found.preflight.warnings[0]
    # Its limit wants one permission more, and goes on without it until it is needed.
    assert found.preflight.warnings[1].startswith("the API key lacks query-ledger: after a conversion")
    assert "limit day will not be judged until" in found.preflight.warnings[1]
    table = shown(system, "accounts").splitlines()
    assert any(line.startswith("allowed: WARNING the API key may withdraw") for line in table)


def test_a_permission_that_is_missing_is_named_and_a_mended_key_runs_by_itself(
    paper: Paper, system: System
) -> None:
    found = refused(system, "poor")
    assert found.reason == "KEY_LACKS_PERMISSION"
    assert "lacks close-trades" in found.message
    assert list(found.preflight.missing_permissions) == ["close-trades"]
    set_key(paper, "poor", system.keys["poor"], permissions=NEEDED)
    assert running(system, "poor").restarts == 0


def test_a_keys_bounds_are_shown_and_warned_of(system: System) -> None:
    found = running(system, "bounded").preflight
    assert (found.nonce_window, list(found.allowed_addresses)) == (5000, ["127.0.0.1"])
    assert found.valid_until.seconds == KEYS["bounded"]["valid_until"]
    text = "\n".join(found.warnings)
    assert "expires at" in text
    assert "nonce window of 5000" in text
    page = shown(system, "accounts", "bounded")
    assert "WARNING the API key has a nonce window of 5000" in page
    assert "127.0.0.1" in page


def test_an_exchange_that_does_not_tell_is_traded_with_and_one_that_fails_is_asked_again(
    system: System,
) -> None:
    untold = running(system, "untold").preflight
    assert not untold.key_known
    assert "not checked" in untold.warnings[0]
    flaky = running(system, "flaky").preflight
    assert flaky.key_known
    assert list(flaky.warnings) == []


def test_a_clock_that_differs_from_the_exchanges_is_warned_of(paper: Paper) -> None:
    paper.call("POST", "/faults", kind="clock_skew", seconds=30)
    try:
        with System(paper, {}, keys={"master": paper.open_account("late", {"ZUSD": "1000"})}) as system:
            system.start()

            def found() -> Any:
                master = account(system, "master")
                return master.preflight if master is not None and master.preflight.warnings else None

            found_out = wait_for("a preflight with a warning", found)
            assert 28_000 <= found_out.clock_offset_ms <= 32_000
            assert "behind the exchange's: deadlines" in found_out.warnings[0]
    finally:
        paper.call("DELETE", "/faults")
