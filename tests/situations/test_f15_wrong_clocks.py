"""Clocks that are wrong, that drift, that are set, and that stand still with the machine: copying goes by
the exchange's.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from krakencopy.v1 import types_pb2 as nouns
from tests.support.system import Paper, System, freeze, wait_for

PAIR = "BTC/USD"
#: How exactly the exchange's clock is known once its feed is connected, in milliseconds, and then some.
CLOSE_MS = 1_500


@pytest.fixture
def paper() -> Iterator[Paper]:
    with Paper() as paper:
        paper.price("XBTUSD", "50000")
        yield paper


def set_clock(paper: Paper, seconds: int) -> None:
    """From here on the exchange's clock is so far ahead of this machine's, as if this machine's were
    behind.
    """
    paper.call("DELETE", "/faults")
    if seconds:
        paper.call("POST", "/faults", kind="clock_skew", seconds=str(seconds))


def wait_trading(system: System) -> None:
    """Waits until all of them trade. While the clock is wrong they are not ready, and do."""

    def trades() -> bool:
        found = system.accounts().values()
        running, degraded = nouns.ACCOUNT_STATE_RUNNING, nouns.ACCOUNT_STATE_DEGRADED
        return len(found) > 1 and all(
            one.state == running or (one.state == degraded and one.reason == "CLOCK_OFF") for one in found
        )

    wait_for("all of them to trade", trades)


def states(system: System, fills: int) -> list[tuple[str, str]]:
    """What became of the user's copies of so many fills."""
    system.settled(fills)
    word = {4: "INTENT", 7: "FILLED", 9: "REJECTED", 10: "SKIPPED"}
    return [(word.get(copy.state, str(copy.state)), copy.reason) for copy in system.copies("ann")]


def held(paper: Paper, account: str) -> Decimal:
    """What an account has of the coin."""
    balances = paper.call("GET", f"/accounts/{account}")["balances"]
    return Decimal(balances.get("XXBT", "0"))


def offset_ms(system: System, account: str) -> int:
    found = system.accounts().get(account)
    return found.preflight.clock_offset_ms if found is not None else 0


def warned(system: System, account: str) -> list[str]:
    found = system.accounts().get(account)
    return [] if found is None else [text for text in found.preflight.warnings if "clock" in text]


@pytest.mark.parametrize("seconds", [40, -40])
def test_a_clock_that_is_40_s_wrong_at_the_start(paper: Paper, seconds: int) -> None:
    """The machine is 40 s behind the exchange, or ahead. Entries and exits are copied at once, and the
    offset is shown and warned of.
    """
    set_clock(paper, seconds)
    with System(paper, {"ann": "1000"}) as system:
        system.start()
        wait_trading(system)
        system.buy(PAIR, "0.001")
        assert states(system, 1) == [("FILLED", "SCALED")]
        system.sell(PAIR, "0.001")
        assert states(system, 2)[1:] == [("FILLED", "EXIT_FULL")]
        assert held(paper, "ann") == 0
        for account in ("master", "ann"):
            assert abs(offset_ms(system, account) - 1000 * seconds) <= CLOSE_MS
            assert warned(system, account)
        side = "behind" if seconds > 0 else "ahead of"
        assert f"40 s {side} the exchange's" in system.command("accounts")
        told = [event.message for event in events(system, "CLOCK_OFF")]
        assert any(f"40 s {side}" in words for words in told)


@pytest.mark.parametrize("seconds", [4, -4, 60, -60])
def test_a_clock_that_drifts_after_the_start(paper: Paper, seconds: int) -> None:
    """The clock is right at the start and wrong later. The exit leaves all the same, and the drift is shown
    at once.
    """
    with System(paper, {"ann": "1000"}) as system:
        system.start().wait_ready()
        system.buy(PAIR, "0.001")
        assert states(system, 1) == [("FILLED", "SCALED")]
        assert not warned(system, "ann")
        set_clock(paper, seconds)
        system.sell(PAIR, "0.001")
        assert states(system, 2)[1:] == [("FILLED", "EXIT_FULL")]
        assert held(paper, "ann") == 0
        wait_for("the drift to be shown", lambda: warned(system, "ann"))
        assert abs(offset_ms(system, "ann") - 1000 * seconds) <= CLOSE_MS
        wait_for("an event about it", lambda: events(system, "CLOCK_OFF"))


@pytest.mark.parametrize("seconds", [60, -60])
def test_a_clock_that_is_a_minute_wrong_and_corrected_in_the_middle(paper: Paper, seconds: int) -> None:
    """The clock is a minute wrong at the start, and set while a position is held. Later exits and entries
    are copied as ever.
    """
    set_clock(paper, seconds)
    with System(paper, {"ann": "1000"}) as system:
        system.start()
        wait_trading(system)
        system.buy(PAIR, "0.001")
        assert states(system, 1) == [("FILLED", "SCALED")]
        set_clock(paper, 0)
        system.buy(PAIR, "0.001")
        assert states(system, 2)[1:] == [("FILLED", "SCALED")]
        system.sell(PAIR, "0.002")
        assert states(system, 3)[2:] == [("FILLED", "EXIT_FULL")]
        assert held(paper, "ann") == 0
        wait_for("the warning to be gone", lambda: not warned(system, "ann"))
        wait_for("an event about it", lambda: events(system, "CLOCK_OFF_OVER"))


def test_a_machine_that_was_suspended(paper: Paper) -> None:
    """All processes stand still for a while and wake up 90 s later by the exchange's clock. What the master
    did meanwhile is judged by its age there, exits are done, and a new entry is copied at once.
    """
    with System(paper, {"ann": "1000"}) as system:
        system.start().wait_ready()
        system.buy(PAIR, "0.001")
        assert states(system, 1) == [("FILLED", "SCALED")]
        pids = [*system.pids().values()]
        for pid in pids:
            freeze(pid)
        by_hand = paper.call("GET", "/accounts/master")
        assert by_hand["balances"]
        set_clock(paper, 90)
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        wait_trading(system)
        system.sell(PAIR, "0.001")
        assert ("FILLED", "EXIT_FULL") in states(system, 2)
        system.buy(PAIR, "0.001")
        assert states(system, 3)[-1] == ("FILLED", "SCALED")


def events(system: System, code: str) -> list[Any]:
    with system.api() as api:
        return [event for event in api.list_events() if event.code == code]
