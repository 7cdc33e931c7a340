"""Reads whose answers come a byte a second, or never: an order leaves all the same, the account says that the
exchange does not answer, and that it is over.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from krakencopy.v1 import types_pb2 as nouns
from tests.support.system import Paper, System, wait_for
from tests.system.test_conditions import PAIR, begins, ends, still_the_same_processes

#: Every read that an account signs.
READS = (
    "Balance", "BalanceEx", "OpenOrders", "ClosedOrders", "QueryOrders", "TradesHistory", "GetApiKeyInfo",
    "TradeVolume", "GetWebSocketsToken",
)  # fmt: skip


@pytest.fixture
def system(paper: Paper) -> Iterator[System]:
    """A master and a user that has copied an entry."""
    with System(paper, {"ann": "1000"}) as system:
        system.start().wait_ready()
        system.buy(PAIR, "0.001")
        system.settled(1)
        yield system


@pytest.mark.parametrize(
    "fault", [{"kind": "trickle_reply", "delay_ms": "1000"}, {"kind": "hang_reply", "never": True}],
    ids=["trickling", "never"],
)  # fmt: skip
def test_an_order_leaves_while_a_read_is_not_answered(
    paper: Paper, system: System, fault: dict[str, object]
) -> None:
    pids = system.pids()
    numbers = [
        paper.call("POST", "/faults", account="ann", method=method, count="0", **fault)["id"]
        for method in READS
    ]

    def a_read_hangs() -> bool:
        return any(row["fired"] for row in paper.call("GET", "/faults")["faults"] if row["id"] in numbers)

    wait_for("a read that is not answered", a_read_hangs)
    system.sell(PAIR, "0.001")
    system.settled(2)
    assert system.copies("ann")[1].state == nouns.COPY_STATE_FILLED
    condition = begins(system, "EXCHANGE_ANSWERS", "EXCHANGE_UNREACHABLE")
    assert "within" in condition.message
    assert condition.data["method"] in READS
    paper.call("DELETE", "/faults")
    ends(system, "EXCHANGE_UNREACHABLE")
    still_the_same_processes(system, pids)
