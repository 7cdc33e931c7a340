"""A pair that was not listed for a while, and is again: what is bought in it is copied from then on."""

from __future__ import annotations

from decimal import Decimal

from krakencopy.v1 import types_pb2 as pb
from tests.support.system import Paper, System, wait_for


def held(paper: Paper, account: str) -> Decimal:
    return Decimal(paper.call("GET", f"/accounts/{account}")["balances"].get("DOT", "0"))


def test_a_pair_that_is_listed_again_is_bought_at_once() -> None:
    """A pair that copying holds something of is not among the exchange's pairs when the processes start,
    and is listed again later. The master's next buy in it is copied.
    """
    with Paper() as paper, System(paper, {"anna": "1000"}) as system:
        paper.price("DOTUSD", "5")
        master = paper.another_key("master")
        system.start().wait_ready()
        paper.by_hand(master, "buy", "DOTUSD", "40")
        system.settled(1)
        system.stop()
        paper.call("POST", "/pairs/DOTUSD", listed=False)
        system.start().wait_ready()
        paper.by_hand(master, "sell", "DOTUSD", "20")
        system.settled(2)
        before = held(paper, "anna")
        paper.call("POST", "/pairs/DOTUSD", listed=True)
        paper.by_hand(master, "buy", "DOTUSD", "40")
        system.settled(3)
        assert system.copies("anna")[-1].state == pb.COPY_STATE_FILLED
        assert held(paper, "anna") > before
        wait_for("the notice to be over", lambda: not system.accounts()["anna"].notices)
