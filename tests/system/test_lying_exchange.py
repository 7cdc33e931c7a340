"""Exactly once when the exchange, the network or the feed lies: each fault ends in one copy of the right
volume.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from krakencopy.v1.types_pb2 import COPY_STATE_FILLED, COPY_STATE_REJECTED, COPY_STATE_UNKNOWN
from tests.support.client import private
from tests.support.system import Key, Paper, System, wait_for

ORDER: dict[str, Any] = {"account": "anna", "method": "AddOrder"}
FEED: dict[str, Any] = {"account": "anna"}
MASTER_FEED: dict[str, Any] = {"account": "master"}

#: What happens to anna's order, and whether the exchange has carried it out at the first try.
ORDER_FAULTS: list[dict[str, Any]] = [
    {"kind": "drop_request", **ORDER},
    {"kind": "drop_reply", **ORDER},
    {"kind": "truncate_reply", **ORDER},
    {"kind": "hang_reply", "never": True, **ORDER},
    # The engine gets to it after both look-ups: only the deadline keeps it from acting then.
    {"kind": "hang_request", "delay_ms": 6000, **ORDER},
    {"kind": "html_5xx", "status": 502, "executed": True, **ORDER},
    {"kind": "html_5xx", "status": 520, "executed": False, **ORDER},
    {"kind": "error", "error": "EService:Deadline elapsed", "executed": True, **ORDER},
    {"kind": "error", "error": "EService:Deadline elapsed", "executed": False, **ORDER},
    {"kind": "error", "error": "EService:Unavailable", "executed": True, **ORDER},
    {"kind": "error", "error": "EService:Busy", "executed": False, **ORDER},
    {"kind": "error", "error": "EGeneral:Internal error", "executed": True, **ORDER},
    {"kind": "error", "error": "EAPI:Rate limit exceeded", "executed": False, **ORDER},
    {"kind": "error", "error": "EService:Throttled: <ts>", "executed": False, **ORDER},
    {"kind": "duplicate_delivery", **ORDER},
    {"kind": "wrong_order_id", "executed": True, **ORDER},
]
#: Acknowledged, and there is no such order.
NO_ORDER: dict[str, Any] = {"kind": "wrong_order_id", "executed": False, **ORDER}
FEED_FAULTS: list[dict[str, Any]] = [
    {"kind": "ws_cut", "when": "after_new", **FEED},
    {"kind": "ws_cut", "when": "before_event", **FEED},
    {"kind": "sequence_gap", **FEED},
    {"kind": "duplicate_event", **FEED},
    {"kind": "no_filled_marker", **FEED},
    {"kind": "reorder_events", **FEED},
    {"kind": "ws_cut", "when": "after_new", **MASTER_FEED},
    {"kind": "ws_cut", "when": "before_event", **MASTER_FEED},
    {"kind": "sequence_gap", **MASTER_FEED},
    {"kind": "duplicate_event", **MASTER_FEED},
    {"kind": "reorder_events", **MASTER_FEED},
    {"kind": "ws_silence", "delay_ms": 3000, **MASTER_FEED},
]


def name(fault: dict[str, Any]) -> str:
    return "-".join(str(value) for key, value in fault.items() if key != "method")


@pytest.fixture(scope="module")
def paper() -> Iterator[Paper]:
    with Paper() as paper:
        # Levels of 0.001 BTC: an order of the master fills in two.
        paper.call("POST", "/markets/XBTUSD", bid="49999.9", ask="50000", depth="0.001")
        yield paper


@pytest.fixture(scope="module")
def system(paper: Paper) -> Iterator[System]:
    # Old entries are not skipped: what is tested is that there is one order, however long the search for it
    # takes.
    line = "copy = { max_entry_age_s = 60 }"
    with System(paper, {"anna": "100"}, user_lines={"anna": line}) as system:
        hand = Key.make()
        paper.call("POST", "/accounts/master/keys", key=hand.key, secret=hand.secret)
        system.keys["hand"] = hand
        system.start().wait_ready()
        yield system


def trade(paper: Paper, system: System, side: str, volume: str) -> None:
    """The master trades by hand, with another client: its own process may be what is lied to."""
    answer = private(
        paper.rest_url,
        system.keys["hand"],
        "AddOrder",
        pair="XBTUSD",
        type=side,
        ordertype="market",
        volume=volume,
    )
    assert answer["error"] == []


def master_fills(paper: Paper) -> int:
    return len(paper.fills("master"))


@pytest.mark.parametrize("fault", [*ORDER_FAULTS, *FEED_FAULTS], ids=name)
def test_a_round_trip_is_copied_exactly_once_under(
    paper: Paper, system: System, fault: dict[str, Any]
) -> None:
    assert paper.held("anna") == paper.held("master") == 0
    paper.call("POST", "/faults", **fault)
    trade(paper, system, "buy", "0.0018")
    system.settled(master_fills(paper))
    # Fees make both balances a little smaller with every round trip; lost or doubled is another order of
    # magnitude.
    assert Decimal("0.00017") <= paper.held("anna") <= Decimal("0.00019")
    # The same fault meets the exit.
    paper.call("POST", "/faults", **fault)
    trade(paper, system, "sell", "0.0018")
    report = system.settled(master_fills(paper))
    wait_for("the exit to converge", lambda: paper.held("anna") == 0)
    paper.call("DELETE", "/faults")
    assert report.fills == master_fills(paper)
    system.wait_ready()


def test_an_entry_that_was_acknowledged_and_is_not_there_is_given_up_and_an_exit_is_sold(
    paper: Paper, system: System
) -> None:
    paper.call("POST", "/faults", **NO_ORDER)
    trade(paper, system, "buy", "0.0018")
    system.settled(master_fills(paper))
    copy = max(system.copies("anna"), key=lambda copy: max(copy.fill_seqs))
    assert (copy.state, copy.reason) == (COPY_STATE_REJECTED, "NEVER_ARRIVED")
    assert "the exchange had acknowledged it, and does not show it" in copy.detail
    assert paper.held("anna") == 0
    trade(paper, system, "sell", "0.0018")
    system.settled(master_fills(paper))
    # An exit is tried until it is done: what is left is the user's to lose.
    trade(paper, system, "buy", "0.0018")
    system.settled(master_fills(paper))
    assert paper.held("anna") > 0
    paper.call("POST", "/faults", **NO_ORDER)
    trade(paper, system, "sell", "0.0018")
    system.settled(master_fills(paper))
    wait_for("the exit to converge", lambda: paper.held("anna") == 0)
    paper.call("DELETE", "/faults")
    system.wait_ready()


def test_while_such_an_order_is_looked_for_it_is_unknown_and_then_its_coins_lane_goes_on(
    paper: Paper, system: System
) -> None:
    known = {copy.copy_id for copy in system.copies("anna")}

    def new_copies() -> list[Any]:
        return [copy for copy in system.copies("anna") if copy.copy_id not in known]

    paper.call("POST", "/faults", **NO_ORDER)
    trade(paper, system, "buy", "0.0018")
    wait_for("the copy to be UNKNOWN", lambda: [c for c in new_copies() if c.state == COPY_STATE_UNKNOWN])
    # It waits in the lane of its coin.
    trade(paper, system, "buy", "0.0018")
    system.settled(master_fills(paper))
    lost, *others = new_copies()
    assert (lost.state, lost.reason) == (COPY_STATE_REJECTED, "NEVER_ARRIVED")
    assert {copy.state for copy in others} == {COPY_STATE_FILLED}
    assert paper.held("anna") > 0
    trade(paper, system, "sell", "0.0036")
    system.settled(master_fills(paper))
    wait_for("the exit to converge", lambda: paper.held("anna") == 0)
    paper.call("DELETE", "/faults")
    system.wait_ready()


def test_a_token_that_dies_costs_one_connection_and_no_fill(paper: Paper, system: System) -> None:
    paper.call("POST", "/faults", kind="expire_token", close=True, **MASTER_FEED)
    trade(paper, system, "buy", "0.0018")
    trade(paper, system, "sell", "0.0018")
    report = system.settled(master_fills(paper))
    wait_for("the exit to converge", lambda: paper.held("anna") == 0)
    assert report.fills == master_fills(paper)
    system.wait_ready()


def test_in_the_end_the_exchange_and_the_copies_agree_on_every_order(paper: Paper, system: System) -> None:
    # What hung in the exchange has been dealt with by now, one way or the other.
    wait_for("late requests", lambda: all(row["outcome"] for row in paper.rows("requests")))
    filled: dict[str, Decimal] = defaultdict(Decimal)
    for row in paper.rows("fills"):
        if row["account"] == "anna":
            filled[row["cl_ord_id"]] += Decimal(row["volume"])
    copied = {copy.cl_ord_id: Decimal(copy.filled_volume) for copy in system.copies("anna") if copy.cl_ord_id}
    assert filled == {cl_ord_id: volume for cl_ord_id, volume in copied.items() if volume}
