"""A shadow beside a user that trades, with the same money: it decides the same, sends nothing, and says that
it is one wherever it is shown.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from krakencopy.account_proc.kraken.order_gate import READ_METHODS
from tests.support.reloaded_system import Reloaded
from tests.support.system import Paper, wait_for


@pytest.fixture(scope="module")
def system() -> Iterator[Reloaded]:
    with Paper() as paper:
        paper.price("XBTUSD", "50000")
        with Reloaded(paper, {"anna": "500", "sam": "500"}) as made:
            made.add("sam", 'mode = "shadow"')
            made.start().wait_ready()
            made.buy("XBTUSD", "0.002")
            made.settled(1)
            made.sell("XBTUSD", "0.001")
            made.settled(2)
            yield made


def decided(system: Reloaded, account: str) -> list[tuple[Any, ...]]:
    return [
        (
            tuple(copy.fill_seqs), copy.reason, copy.ordered_volume, copy.filled_volume, copy.avg_price,
            round(Decimal(copy.fee.amount), 4),  # the exchange rounds its own
        )
        for copy in system.copies(account)
    ]  # fmt: skip


def written_by(system: Reloaded, account: str) -> list[str]:
    """Calls of an account that are no reads."""
    asked = [row["method"] for row in system.paper.rows("requests") if row["account"] == account]
    assert "BalanceEx" in asked or "Balance" in asked, "nothing is known of its calls"
    return [method for method in asked if method not in READ_METHODS]


def test_it_decides_as_the_user_that_trades_and_sends_nothing(system: Reloaded) -> None:
    assert decided(system, "sam") == decided(system, "anna")
    assert len(decided(system, "sam")) == 2
    assert all(copy.shadow and copy.order_id.startswith("SHADOW-") for copy in system.copies("sam"))
    assert not any(copy.shadow for copy in system.copies("anna"))
    assert written_by(system, "anna") == ["AddOrder", "AddOrder"]
    assert written_by(system, "sam") == []


def test_it_is_marked_wherever_it_is_shown_and_in_no_sum(system: Reloaded) -> None:
    for line in ("status", "accounts", "copies", "why 1", "why 1 --all", "report", "accounts sam"):
        shown = system.types(line)
        assert "shadow" in shown, line
    status = json.loads(system.types("status -o json"))
    assert (status["copies"]["filled"], status["shadow_copies"]["filled"]) == ("2", "2")
    assert {account["id"]: account["shadow"] for account in status["accounts"]} == {
        "master": False, "anna": False, "sam": True,
    }  # fmt: skip
    events = [json.loads(line) for line in system.types("events --limit 0 -o json").splitlines()]
    of_sam = [event for event in events if event["account_id"] == "sam"]
    assert of_sam
    assert all(event["data"].get("shadow") == "true" for event in of_sam)
    assert not any("shadow" in event["data"] for event in events if event["account_id"] != "sam")


def test_a_simulation_has_it_in_no_sum(system: Reloaded) -> None:
    config = system.folder / "krakencopy.toml"
    found = json.loads(system.types(f"simulate --config {config} -o json"))
    anna, sam = found["accounts"]
    assert (anna["shadow"], sam["shadow"]) == (False, True)
    assert sam["simulated"] == sam["real"]
    assert found["sum"]["real"] == anna["real"]
    assert found["sum"]["assumptions"] == ["sam: a shadow, and in no sum"]
    assert "sam (shadow)" in system.types(f"simulate --config {config}")


def test_a_flatten_and_a_killed_process_leave_it_sending_nothing(system: Reloaded) -> None:
    held = Decimal(next(each.volume for each in system.accounts()["sam"].positions if each.asset == "BTC"))
    assert held > 0
    system.types("restart sam")
    system.wait_ready()

    def has_it_again() -> bool:
        return any(Decimal(each.volume) == held for each in system.accounts()["sam"].positions)

    wait_for("what the shadow held before", has_it_again)
    system.types("flatten sam --yes")
    wait_for("a shadow that holds nothing", lambda: not system.accounts()["sam"].positions)
    system.types("resume sam")
    assert written_by(system, "sam") == []


def test_a_used_ledger_keeps_its_mode(system: Reloaded) -> None:
    system.add("sam")
    system.write_config()
    assert "mode" in system.types("reload", expect=1)
    system.stop()
    system.start()

    def refused() -> str:
        account = system.accounts().get("sam")
        return account.message if account is not None and account.reason == "CONFIGURATION" else ""

    assert "Give the account another id" in wait_for("an account that is refused", refused)
