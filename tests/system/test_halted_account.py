"""A halted account from end to end, said by the file alone: nothing leaves its process, nor one that comes
after it was killed; what it owes is sold once that is lifted. A flatten while the exchange is down sells what
copying bought once it is back, and nothing of the account's own.
"""

from __future__ import annotations

import json
import os
import signal
from decimal import Decimal
from typing import Any

from krakencopy.account_proc.contract.trading_states import TradingState, account_scope
from krakencopy.account_proc.runtime.trading_state_file import states_path
from krakencopy.v1 import types_pb2 as nouns
from tests.support.system import Paper, System, wait_for
from tests.support.trading_states import order_flatten, say_state

OWN = Decimal("0.5")
ANNA = account_scope("anna")


def say(system: System, state: TradingState) -> None:
    """And waits until her process keeps to it."""
    kept_to(system, say_state(states_path(system.state_dir), state, ANNA).version)


def kept_to(system: System, version: int) -> None:
    def kept() -> bool:
        path = system.state_dir / "run" / "anna.states"
        found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"version": -1}
        return int(found["version"]) >= version and found["pid"] == system.pids().get("anna")

    wait_for(f"version {version} to be kept to", kept)


def orders(paper: Paper) -> list[str]:
    return [
        row["params"]["type"]
        for row in paper.rows("requests")
        if row["account"] == "anna" and row["method"] == "AddOrder"
    ]


def last_copy(system: System) -> tuple[str, str]:
    copy = system.copies("anna")[-1]
    return nouns.CopyState.Name(copy.state).removeprefix("COPY_STATE_"), copy.reason


def flattened(system: System, state: nouns.FlattenState.ValueType) -> None:
    """Waits until a flatten has come so far, as `accounts` shows it."""
    name = nouns.FlattenState.Name(state)
    wait_for(name, lambda: system.accounts()["anna"].trading.flatten.state == state)


def coins(paper: Paper) -> Decimal:
    balances = paper.call("GET", "/accounts/anna")["balances"]
    return Decimal(balances.get("XXBT", "0"))


def test_an_account_is_halted_killed_lifted_and_flattened_and_keeps_its_own_coins(paper: Paper) -> None:
    keys = {"anna": paper.open_account("anna", {"ZUSD": "1000", "XXBT": str(OWN)})}
    with System(paper, {"anna": "1000"}, master_balance="10000", keys=keys) as system:
        system.start().wait_ready()
        system.buy("BTC/USD", "0.01")
        system.settled(1)
        assert not system.accounts()["anna"].trading.HasField("flatten")
        say(system, TradingState.HALTED)
        system.sell("BTC/USD", "0.01")
        system.buy("BTC/USD", "0.01")
        system.settled(3)
        told = system.command("why", "2") + system.command("why", "3")
        assert told.count("trading of this account is HALTED since") >= 2, told
        assert "by operator root: a test" in told
        assert last_copy(system) == ("SKIPPED", "TRADING_HALTED")
        # Whoever comes after a killed process keeps to it as well.
        os.kill(before := system.pids()["anna"], signal.SIGKILL)
        wait_for("another process", lambda: system.pids().get("anna", before) != before)
        system.wait_ready()
        kept_to(system, 1)
        assert orders(paper) == ["buy"]
        assert coins(paper) > OWN
        say(system, TradingState.ACTIVE)
        wait_for("the owed exit to be sold", lambda: coins(paper) == OWN)

        system.buy("BTC/USD", "0.01")
        system.settled(4)
        closed = {"kind": "error", "error": "EService:Market in cancel_only mode", "executed": False}
        paper.call("POST", "/faults", account="anna", method="AddOrder", count="0", **closed)
        order_flatten(states_path(system.state_dir), ["anna"])
        flattened(system, nouns.FLATTEN_STATE_SELLING)
        wait_for("a lost order", lambda: paper.call("GET", "/faults")["faults"][0]["fired"])
        assert coins(paper) > OWN
        paper.call("DELETE", "/faults")
        flattened(system, nouns.FLATTEN_STATE_DONE)
        assert coins(paper) == OWN
        assert "FLATTEN" in system.command("copies", "--account", "anna")
