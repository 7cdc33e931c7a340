"""Reads whose answers come a byte a second, or never: an order leaves all the same, the account says that the
exchange does not answer, and that it is over. And an order that is long on its way itself.
"""

from __future__ import annotations

from krakencopy.v1 import types_pb2 as nouns
from tests.support.system import Paper, System, wait_for
from tests.system.test_conditions import PAIR, begins, events, still_the_same_processes

#: Every read that an account signs.
READS = (
    "Balance", "BalanceEx", "OpenOrders", "ClosedOrders", "QueryOrders", "TradesHistory", "GetApiKeyInfo",
    "TradeVolume", "GetWebSocketsToken",
)  # fmt: skip


FAULTS: dict[str, dict[str, object]] = {
    "a byte a second": {"kind": "trickle_reply", "delay_ms": "1000"},
    "never": {"kind": "hang_reply", "never": True},
}


def test_an_order_leaves_while_a_read_is_not_answered(paper: Paper, system: System) -> None:
    pids, hand = system.pids(), paper.another_key("ann")
    for number, (how, fault) in enumerate(FAULTS.items(), 1):
        numbers = [
            paper.call("POST", "/faults", account="ann", method=method, count="0", **fault)["id"]
            for method in READS
        ]

        def a_read_hangs(numbers: list[int] = numbers) -> bool:
            return any(row["fired"] for row in paper.call("GET", "/faults")["faults"] if row["id"] in numbers)

        # What the account's owner does by hand has its process read balances at once.
        paper.by_hand(hand, "buy", "XBTUSD", "0.0001")
        wait_for(f"a read that is answered {how}", a_read_hangs)
        system.sell(PAIR, "0.0005")
        system.settled(1 + number)
        assert system.copies("ann")[number].state == nouns.COPY_STATE_FILLED
        condition = begins(system, "EXCHANGE_ANSWERS", "EXCHANGE_UNREACHABLE")
        assert "within" in condition.message
        assert condition.data["method"] in READS
        paper.call("DELETE", "/faults")
        wait_for("its end", lambda number=number: len(  # type: ignore[misc]
            events(system, "EXCHANGE_UNREACHABLE_OVER")
        ) == number)  # fmt: skip
        system.wait_ready()
    still_the_same_processes(system, pids)


def test_an_order_that_arrives_a_second_late_is_taken_at_once(paper: Paper, system: System) -> None:
    """Kraken takes no deadline that is nearer than two seconds when the order arrives."""
    paper.call("POST", "/faults", kind="swap", account="ann", method="AddOrder", delay_ms=1000)
    system.sell(PAIR, "0.0005")
    system.settled(2)
    copy = system.copies("ann")[1]
    assert (copy.state, copy.attempts) == (nouns.COPY_STATE_FILLED, 1), copy
