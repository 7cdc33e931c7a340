"""What a client in another language does in a test, and what it must have seen."""

from __future__ import annotations

import os
import signal

from tests.clients.generated import Client, running
from tests.support.footprint import children
from tests.support.system import System, wait_for


def front_pid(system: System) -> int:
    assert system.process is not None
    pid = system.process.pid
    return wait_for("the front", lambda: next(iter(children(pid, "kc-control")), 0))


def check_what_it_saw(client: Client, fills: int) -> None:
    """Each fill came once, in order, over a connection that was lost."""
    assert [each["fill"] for each in client.events if "fill" in each] == list(range(1, fills + 1))
    assert [each["lost"] for each in client.events if "lost" in each]


def play_by_grpc(client: list[str], system: System) -> None:
    """It asks, follows, loses the front, goes on, and orders once whatever it asks twice."""
    with running(client, "grpc", system.endpoint) as node:
        assert node.next("ready") == {"ready": True, "headSeq": 0}
        node.tell("refused nobody")
        assert node.next("refused") == {"refused": "NotFound", "reason": "ACCOUNT_NOT_FOUND"}
        node.tell("order ts-1 0.01")
        # The order's answer and its fill come in either order.
        seen = [
            node.next("fill"),
            *([] if any("order" in each for each in node.events) else [node.next("order")]),
        ]
        assert seen[0]["pair"] == "BTC/USD"
        os.kill(front_pid(system), signal.SIGKILL)
        node.next("lost")
        system.buy("BTC/USD", "0.02")
        assert node.next("fill") == {"fill": 2, "pair": "BTC/USD", "volume": "0.02"}
        # Again with the same id: the same order, and no other fill.
        node.tell("order ts-1 0.01")
        first, again = (each["order"] for each in [*node.events, node.next("order")] if "order" in each)
        assert first == again
        node.tell("order ts-2 0.03")
        node.next("fill")
        node.end()
        check_what_it_saw(node, 3)
    system.settled(3)
