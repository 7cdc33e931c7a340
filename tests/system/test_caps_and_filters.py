"""What a user may set of how much, and of what, is copied for it: caps and filters hold over the life of a
system, across the death of a process, and an operator reads which of them has cut a copy.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from tests.support.system import Paper, System, wait_for

D = Decimal
#: Each makes 50 USD of the master's purchases of 50.
ONE_TO_ONE = 'sizing = "fixed_ratio", ratio = 1, max_user_risk = 1, max_slippage_bps = 0'
USERS = {
    "allocated": 'sizing = "balance_ratio", balance = "allocated", allocated_capital = "250 USD"',
    "daily": 'max_daily_notional = "80 USD"',
    "double": "multiplier = 2",
    "euros": 'map = { "*/USD" = "*/EUR" }',
    "filtered": 'exclude = ["SOL/*"]',
    "open": "max_open_pairs = 1",
    "order": 'max_order_notional = "30 USD"',
    "pairs": 'pairs = { "*/USD" = { multiplier = 9 }, "ETH/*" = { multiplier = "0.5" } }',
    "small": 'min_copy_notional = "40 USD"',
}


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    lines = {
        name: f"copy = {{ {line if 'sizing' in line else f'{ONE_TO_ONE}, {line}'} }}"
        for name, line in USERS.items()
    }
    with Paper() as paper:
        paper.price("XBTUSD", "50000")
        paper.price("ETHUSD", "2500")
        for pair, price in (("EURUSD", "1.25"), ("XBTEUR", "40000"), ("ETHEUR", "2000")):
            paper.price(pair, price)
        keys = {"euros": paper.open_account("euros", {"ZEUR": "1000"})}
        with System(paper, dict.fromkeys(USERS, "1000"), user_lines=lines, keys=keys) as system:
            yield system.start().wait_ready()


def last(system: System, user: str) -> tuple[Any, ...]:
    """Reason, cap and cost of a user's last copy."""
    copy: Any = system.copies(user)[-1]
    return copy.reason, copy.cap, D(copy.filled_volume) * D(copy.avg_price or 0)


def restart(system: System, user: str) -> None:
    """Its process dies, and another one goes on."""
    pid = system.pids()[user]
    os.kill(pid, signal.SIGKILL)
    wait_for("another process", lambda: system.pids().get(user) not in {pid, 0, None})
    system.wait_ready()


def filter_away(system: System) -> None:
    """BTC is not copied any more by one who holds some."""
    pid = system.pids()["filtered"]
    system.user_lines["filtered"] = system.user_lines["filtered"].replace("SOL", "XBT")
    system.write_config()
    told = system.command("reload")
    assert "copy.exclude SOL/* -> XBT/*" in told
    wait_for("another process", lambda: system.pids().get("filtered") not in {pid, 0, None})
    system.wait_ready()


def copy_on_demand(system: System) -> None:
    """One has skipped the fourth fill, and copies it when it is asked to, once; another is refused."""
    assert last(system, "order") == ("TRADING_REDUCING", "", 0)
    assert "TRADING_REDUCING" in system.command("copy", "4", "order", expect=1)
    system.command("resume", "order")
    assert "0.0005 BTC would be bought" in system.command("copy", "4", "order", "--dry-run")
    assert "COPIED d4 bought 0.0005" in spaced(system.command("copy", "4", "order"))
    assert "ALREADY d4 bought 0.0005" in spaced(system.command("copy", "4", "order", "pairs"))
    assert "PAIR_EXCLUDED" in system.command("copy", "4", "filtered", expect=1)
    system.settled(4)
    copy: Any = next(copy for copy in system.copies("order") if copy.copy_id == "d4")
    assert (copy.reason, D(copy.filled_volume) * D(copy.avg_price)) == ("SCALED", D(25))
    assert "asked for by operator" in system.command("why", "4", "--account", "order")
    assert "there is no fill 99" in system.error("copy", "99", expect=1)


def spaced(table: str) -> str:
    """Its words, one space apart."""
    return " ".join(table.split())


def test_caps_cut_entries_and_no_exit_and_are_named_wherever_a_copy_is_shown(system: System) -> None:
    system.buy("BTC/USD", "0.001")
    system.settled(1)
    assert last(system, "allocated") == ("SCALED", "", D("12.5"))
    assert last(system, "daily") == ("SCALED", "", 50)
    assert last(system, "double") == ("SCALED", "", 100)
    assert last(system, "euros") == ("SCALED", "", 40)
    assert last(system, "order") == ("CAPPED", "max_order_notional", 30)
    assert last(system, "filtered") == ("SCALED", "", 50)
    assert last(system, "pairs") == ("SCALED", "", 450)
    restart(system, "daily")
    filter_away(system)
    system.buy("ETH/USD", "0.02")
    system.settled(2)
    assert last(system, "daily") == ("CAPPED", "max_daily_notional", 30)
    assert last(system, "filtered") == ("SCALED", "", 50)
    assert last(system, "pairs") == ("SCALED", "", 25)
    assert last(system, "open") == ("CAP_EXHAUSTED", "max_open_pairs", 0)
    system.buy("ETH/USD", "0.01")
    system.settled(3)
    assert last(system, "daily") == ("CAP_EXHAUSTED", "max_daily_notional", 0)
    assert last(system, "small") == ("BELOW_MIN_COPY", "min_copy_notional", 0)
    cut = system.command("why", "2", "--account", "daily")
    assert "cut to 0.012 ETH by max_daily_notional = 80 USD (50 USD were spent today)" in cut
    assert "CAPPED" in cut
    assert "CAPPED: max_daily_notional" in system.command("copies", "--account", "daily")
    assert "max_open_pairs = 1 (copied: BTC)" in system.command("why", "2", "--account", "open")
    mapped = system.command("why", "1", "--account", "euros")
    assert "BTC/USD is copied in BTC/EUR at 0.8 EUR for a USD" in mapped
    report = " ".join(system.command("report").split())
    assert "caps 2 x max_order_notional" in report
    assert "caps 2 x max_daily_notional" in report
    system.command("exit-only", "order")
    system.buy("BTC/USD", "0.0005")
    system.settled(4)
    assert last(system, "filtered") == ("PAIR_EXCLUDED", "", 0)
    assert 'exclude has "XBT/*"' in system.command("why", "4", "--account", "filtered")
    copy_on_demand(system)
    rules = system.command("accounts", "pairs")
    assert 'copy.pairs."ETH/*".multiplier' in rules
    system.sell("BTC/USD", "0.0015")
    system.settled(5)
    for user in USERS:
        assert last(system, user)[:2] == ("EXIT_FULL", ""), user
    assert [copy.pair for copy in system.copies("euros")] == ["BTC/EUR", *["ETH/EUR"] * 2, *["BTC/EUR"] * 2]
