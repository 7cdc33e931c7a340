"""Another key for an account, while the master trades and the supervisor is killed: every fill is copied
once, the old key is used until the new one is taken, and one that is no good changes nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from krakencopy.client.sdk.errors import KrakenCopyError, Refused
from krakencopy.v1 import configuration_pb2 as pb
from tests.support.configured import write_key
from tests.support.system import Key, Paper, System, wait_for

#: Between two trades of the master's, in seconds: more would only take longer to be copied.
TRADE_S = 0.1
ROTATED = pb.ROTATION_OUTCOME_ROTATED


@contextmanager
def trading(system: System, key: Key) -> Iterator[Callable[[], int]]:
    """The master's owner trades by hand, some times a second; how often so far."""
    count, stopped = 0, threading.Event()

    def trade() -> None:
        nonlocal count
        while not stopped.wait(TRADE_S):
            system.paper.by_hand(key, "sell" if count % 2 else "buy", "XBTUSD", "0.01")
            count += 1

    thread = threading.Thread(target=trade)
    thread.start()
    try:
        yield lambda: count
    finally:
        stopped.set()
        thread.join()


def put_key(system: System, key: Key) -> None:
    write_key(system.folder / "anna.key", key=key.key, secret=key.secret)


def keys_used(paper: Paper, account: str) -> list[int]:
    """Which of all keys that an account was given have sent its orders, each once, in order."""
    given = [key["key_id"] for key in paper.call("GET", f"/accounts/{account}")["keys"]]
    asked = (row for row in paper.rows("requests") if row["account"] == account)
    return list(dict.fromkeys(given.index(row["key_id"]) for row in asked if row["method"] == "AddOrder"))


@pytest.fixture
def system() -> Iterator[System]:
    with Paper() as paper:
        paper.price("BTC/USD", "50000")
        lines = {"anna": 'credentials_file = "anna.key"\ncopy = { max_user_risk = "1" }'}
        with System(paper, {"anna": "10000"}, "10000", user_lines=lines) as system:
            put_key(system, system.keys["anna"])
            system.start().wait_ready()
            yield system


def nonce_of(system: System) -> str:
    return (system.state_dir / "kraken_nonce_user_anna.txt").read_text()


def check_copied_once(system: System, fills: int) -> None:
    """As at the exchange, so in the copies; and nothing is owed."""
    report = system.settled(fills)
    assert report.fills == fills
    copied = [copy for copy in system.copies("anna") if Decimal(copy.filled_volume or 0)]
    filled = sum((Decimal(row["volume"]) for row in system.paper.fills("anna")), Decimal(0))
    assert sum((Decimal(copy.filled_volume) for copy in copied), Decimal(0)) == filled
    ids = [copy.cl_ord_id for copy in copied]
    assert len(ids) == len(set(ids))


def test_a_key_that_is_fit_is_taken_and_one_that_is_not_changes_nothing(system: System) -> None:
    paper, pid = system.paper, system.pids()["anna"]
    with system.api() as api:
        assert api.rotate_credentials("anna").outcome == pb.ROTATION_OUTCOME_SAME_KEY
        readonly = Key.make()
        permissions = ["query-funds", "query-open-trades", "query-closed-trades", "create-ws-token"]
        paper.call(
            "POST", "/accounts/anna/keys", key=readonly.key, secret=readonly.secret, permissions=permissions
        )
        elsewhere = paper.open_account("stranger", {"ZUSD": "5"})
        for bad, reason in (
            (readonly, "KEY_LACKS_PERMISSION"), (elsewhere, "OTHER_ACCOUNT"), (Key.make(), "KEY_REFUSED"),
            (system.keys["master"], "KEY_NOT_FOUND"),
        ):  # fmt: skip
            put_key(system, bad)
            with pytest.raises(Refused, match="the old key is in use, and nothing was changed") as raised:
                api.rotate_credentials("anna", timeout_s=60)
            assert raised.value.reason == reason
        assert len(system.events("CREDENTIALS_REFUSED", account="anna")) == 4
        fit = paper.another_key("anna")
        put_key(system, fit)
        assert api.rotate_credentials("anna", validate_only=True).outcome == pb.ROTATION_OUTCOME_FIT
        assert system.pids()["anna"] == pid, "nothing was changed"
        assert not list(system.state_dir.glob("*.new.txt"))
        before = nonce_of(system)
        answer = api.rotate_credentials("anna", request_id="once", timeout_s=60)
        assert answer.outcome == ROTATED
        assert system.pids()["anna"] != pid
        assert nonce_of(system) != before
        assert api.rotate_credentials("anna", request_id="once", timeout_s=60).outcome == ROTATED
        (change,) = api.list_config_changes("anna")
        assert change.action == pb.CONFIG_ACTION_KEY_ROTATED
        assert change.old_values["key"] != change.new_values["key"]
        system.buy("BTC/USD", "0.01")
    check_copied_once(system, 1)
    assert keys_used(paper, "anna") == [2], "the first one, one that only reads, and this"


def test_fills_come_while_keys_are_replaced_and_everything_is_killed(system: System) -> None:
    paper = system.paper
    owner = paper.another_key("master")
    with trading(system, owner) as count:
        for moment in ("none", "asked", "decided", "ended"):
            wait_for("trades", partial(_is_above, count, count() + 3))
            put_key(system, paper.another_key("anna"))
            answered = rotated_until(system, moment)
            if moment == "none":
                assert answered == [ROTATED]
            else:
                system.kill()
                system.start().wait_ready()
    check_copied_once(system, count())
    used = keys_used(paper, "anna")
    assert used == sorted(used), "no key after its successor"
    assert used[-1] == 4
    assert not list(system.state_dir.glob("*.new.txt"))


def _is_above(count: Callable[[], int], goal: int) -> bool:
    return count() >= goal


def rotated_until(system: System, moment: str) -> list[Any]:
    """Asks for a rotation, and returns when it has come so far."""
    answered: list[Any] = []

    def ask() -> None:
        with suppress(KrakenCopyError), system.api() as api:
            answered.append(api.rotate_credentials("anna", timeout_s=60).outcome)

    before, pid = len(system.events("CREDENTIALS_ROTATED")), system.pids()["anna"]
    thread = threading.Thread(target=ask)
    thread.start()
    tried = system.state_dir / "kraken_nonce_user_anna.new.txt"
    reached: dict[str, Callable[[], bool]] = {
        "none": lambda: not thread.is_alive(),
        "asked": tried.exists,
        "decided": lambda: len(system.events("CREDENTIALS_ROTATED")) > before,
        "ended": lambda: system.pids().get("anna", pid) != pid,
    }
    wait_for(moment, reached[moment])
    if moment == "none":
        thread.join()
    return answered


def test_a_trial_that_nobody_waits_for_any_more_does_not_keep_its_key(system: System) -> None:
    """A supervisor that is killed leaves it, and the next one has the same key for the account."""
    paper = system.paper
    hangs = {"account": "anna", "method": "GetApiKeyInfo", "kind": "hang_reply", "never": True}
    paper.call("POST", "/faults", **hangs)
    put_key(system, paper.another_key("anna"))
    rotated_until(system, "asked")
    wait_for("a trial under way", lambda: paper.call("GET", "/faults")["faults"][0]["fired"])
    system.kill()
    paper.call("DELETE", "/faults")
    system.start().wait_ready()
    system.buy("BTC/USD", "0.01")
    check_copied_once(system, 1)
    assert keys_used(paper, "anna") == [1]
