"""What goes wrong while everything runs: each fault is the right condition, an event with its reason, not
ready, and told when it is over. Copying goes on as far as it can.
"""

from __future__ import annotations

from typing import Any

import pytest

from krakencopy.v1 import types_pb2 as nouns
from tests.support.system import Paper, System, wait_for

PAIR = "BTC/USD"
#: Kraken's names of what a user's key may do, without and with trading.
READS = ["query-funds", "query-open-trades", "query-closed-trades", "query-ledger", "create-ws-token"]
TRADES = [*READS, "modify-trades", "close-trades"]


def conditions(system: System, name: str) -> dict[str, Any]:
    """An account's conditions that do not hold, by type."""
    found = system.accounts().get(name)
    lacking = nouns.CONDITION_STATUS_FALSE
    return {} if found is None else {each.type: each for each in found.conditions if each.status == lacking}


def events(system: System, code: str, name: str = "ann") -> list[Any]:
    with system.api() as api:
        return [event for event in api.list_events(account_id=name) if event.code == code]


def begins(system: System, kind: str, reason: str, name: str = "ann") -> Any:
    """Waits until a condition does not hold for this reason, is an event, and the account is named by it."""

    def lacks() -> Any:
        found = conditions(system, name).get(kind)
        return found if found is not None and found.reason == reason else None

    condition = wait_for(f"{kind} to be {reason}", lacks)
    assert condition.message
    wait_for("an event about it", lambda: events(system, reason, name))
    event = events(system, reason, name)[0]
    assert event.data["condition"] == kind
    wait_for(
        "a state by that name",
        lambda: (
            (found := system.accounts()[name]).state == nouns.ACCOUNT_STATE_DEGRADED
            and found.reason == reason
        ),
    )
    status = system.status()
    assert not status.ready
    assert f"{name} is DEGRADED ({reason})" in status.message
    assert reason in system.command("status")
    assert f"{kind} {reason} since " in system.command("accounts", name)
    return condition


def ends(system: System, reason: str, name: str = "ann") -> None:
    """Waits until that is over, and told."""
    wait_for("an event about its end", lambda: events(system, f"{reason}_OVER", name))
    system.wait_ready()


def still_the_same_processes(system: System, pids: dict[str, int]) -> None:
    assert system.pids() == pids


def test_a_key_that_is_revoked_and_comes_back(paper: Paper, system: System) -> None:
    pids, key = system.pids(), system.keys["ann"]
    paper.call("DELETE", f"/accounts/ann/keys/{key.key}")
    condition = begins(system, "KEY_ACCEPTED", "INVALID_KEY")
    assert condition.data["error"] == "EAPI:Invalid key"
    paper.call("POST", "/accounts/ann/keys", key=key.key, secret=key.secret)
    ends(system, "INVALID_KEY")
    still_the_same_processes(system, pids)


def test_a_permission_that_is_taken_and_given_back(paper: Paper, system: System) -> None:
    pids, key = system.pids(), system.keys["ann"]
    paper.call("POST", "/accounts/ann/keys", key=key.key, secret=key.secret, permissions=READS)
    system.buy(PAIR, "0.001")
    condition = begins(system, "KEY_PERMITTED", "PERMISSION_DENIED")
    assert condition.data["methods"] == "AddOrder"
    paper.call("POST", "/accounts/ann/keys", key=key.key, secret=key.secret, permissions=TRADES)
    ends(system, "PERMISSION_DENIED")
    still_the_same_processes(system, pids)


def test_a_clock_that_is_moved_and_set_right_ends_no_process_and_keeps_copying(
    paper: Paper, system: System
) -> None:
    pids = system.pids()
    paper.call("POST", "/faults", kind="clock_skew", seconds="120")
    system.buy(PAIR, "0.001")
    for name in ("ann", "master"):
        condition = begins(system, "CLOCK_RIGHT", "CLOCK_OFF", name)
        assert "120 s behind" in condition.message
    # The master is unready and serves on: nobody trades by itself, and the start gate stays open.
    with system.api() as api:
        codes = {event.code for event in api.list_events()}
    assert not codes & {"MASTER_LOST", "OWN_STRATEGY_ON"}
    system.settled(2)
    assert system.copies("ann")[1].state == nouns.COPY_STATE_FILLED
    paper.call("DELETE", "/faults")
    system.buy(PAIR, "0.001")
    for name in ("ann", "master"):
        ends(system, "CLOCK_OFF", name)
    still_the_same_processes(system, pids)


def test_a_feed_that_is_down_says_why(paper: Paper, system: System) -> None:
    paper.call("POST", "/faults", kind="ws_refuse", count="0")
    paper.call("POST", "/faults", kind="ws_cut", account="ann", when="now")
    condition = begins(system, "FEED_FRESH", "FEED_DOWN")
    assert "not connected (" in condition.message
    assert condition.data["next_try"].endswith(" UTC")
    paper.call("DELETE", "/faults")
    ends(system, "FEED_DOWN")


@pytest.mark.parametrize(
    ("fault", "reason", "status"),
    [
        ({"kind": "html_5xx", "status": "503"}, "HTTP_ERROR", "503"),
        ({"kind": "front_page", "status": "429"}, "FRONT_REFUSES", "429"),
        ({"kind": "drop_request"}, "EXCHANGE_UNREACHABLE", ""),
        ({"kind": "error", "error": "EService:Unavailable"}, "SERVICE_TROUBLE", ""),
    ],
)
def test_an_exchange_that_does_not_answer(
    paper: Paper, system: System, fault: dict[str, str], reason: str, status: str
) -> None:
    pids = system.pids()
    paper.call("POST", "/faults", account="ann", count="0", **fault)
    system.sell(PAIR, "0.001")
    condition = begins(system, "EXCHANGE_ANSWERS", reason)
    assert status in condition.message
    paper.call("DELETE", "/faults")
    ends(system, reason)
    system.settled(2)
    assert system.copies("ann")[1].state == nouns.COPY_STATE_FILLED
    still_the_same_processes(system, pids)


def test_refusals_for_the_rate_are_over_by_themselves(paper: Paper, system: System) -> None:
    paper.call(
        "POST", "/faults", kind="error", error="EAPI:Rate limit exceeded", account="ann",
        method="AddOrder", count="2",
    )  # fmt: skip
    system.sell(PAIR, "0.001")
    begins(system, "RATE_FREE", "RATE_LIMITED")
    ends(system, "RATE_LIMITED")


def test_coins_that_are_gone(paper: Paper, system: System) -> None:
    hand = paper.another_key("ann")
    balances = paper.call("GET", "/accounts/ann")["balances"]
    paper.by_hand(hand, "sell", "XBTUSD", balances["XXBT"])
    condition = begins(system, "COINS_PRESENT", "COINS_MISSING")
    assert condition.data["BTC"]
    paper.by_hand(hand, "buy", "XBTUSD", balances["XXBT"])
    ends(system, "COINS_MISSING")


def test_an_exit_that_is_refused_is_owed_until_it_is_done(paper: Paper, system: System) -> None:
    refusal = "EOrder:Trading agreement required"
    paper.call("POST", "/faults", kind="error", error=refusal, account="ann", method="AddOrder", count="0")
    system.sell(PAIR, "0.001")
    wait_for("the exit to be owed", lambda: conditions(system, "ann").get("EXITS_DONE"))
    condition = conditions(system, "ann")["EXITS_DONE"]
    assert (condition.reason, condition.data["pair"]) == ("EXIT_OWED", PAIR)
    assert refusal in condition.data["why"]
    assert condition.data["volume"]
    (event,) = wait_for("an event about it", lambda: events(system, "EXIT_OWED"))
    assert event.severity == nouns.SEVERITY_ERROR
    assert event.data["asset"] == "BTC"
    assert not system.status().ready
    paper.call("DELETE", "/faults")
    ends(system, "EXIT_OWED")


def test_copies_that_are_refused_are_told_together(paper: Paper, system: System) -> None:
    refusal = "EOrder:Trading agreement required"
    paper.call("POST", "/faults", kind="error", error=refusal, account="ann", method="AddOrder", count="0")
    for fills in (2, 3, 4):
        system.buy(PAIR, "0.001")
        system.settled(fills)
    (event,) = wait_for("an event about them", lambda: events(system, "COPY_REFUSED"))
    assert (event.data["reason"], event.data["pair"]) == (refusal, PAIR)
    assert 1 <= int(event.data["count"]) <= 3


def test_a_run_that_was_killed_is_told_of_at_the_next_start_and_one_that_ended_is_not(
    system: System,
) -> None:
    system.kill()
    system.start().wait_ready()
    (event,) = events(system, "LAST_RUN_CUT_OFF", "")
    assert event.data["last_event_at"]
    system.stop()
    system.start().wait_ready()
    assert len(events(system, "LAST_RUN_CUT_OFF", "")) == 1
