"""An exchange whose answers and frames are odd now and then: no process ends, no broken answer places an
order, and copying goes on. Readers alone: tests/account_proc/kraken/test_mutated_answers.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial

import pytest

from tests.support.client import private
from tests.support.system import Key, Paper, System, wait_for

#: Trades of the master while it lasts: purchases and sales in turn, so that exits meet it as well.
TRADES = 8
VOLUME = "0.001"


@pytest.fixture
def system(paper: Paper) -> Iterator[System]:
    with System(paper, {"ann": "100000"}, "100000") as system:
        system.start().wait_ready()
        yield system


def orders(paper: Paper, account: str) -> Counter[str]:
    """How often each client order id was carried out."""
    return Counter(
        row["params"].get("cl_ord_id", "by hand")
        for row in paper.rows("requests")
        if row["account"] == account and row["method"] == "AddOrder" and row["outcome"] == "ok"
    )


def trade(paper: Paper, hand: Key, side: str) -> None:
    """The master trades by hand, with another client, which does not care how it is answered."""
    private(paper.rest_url, hand, "AddOrder", pair="XBTUSD", type=side, ordertype="market", volume=VOLUME)


def has_fills(system: System, fills: int) -> bool:
    status = system.status()
    return status is not None and status.head_seq >= fills


@pytest.mark.parametrize("seed", ["1", "2"])
def test_odd_answers_end_no_process_and_place_no_order(paper: Paper, system: System, seed: str) -> None:
    pids, hand = system.pids(), paper.another_key("master")
    for probability, more in (("0.3", {}), ("0.5", {"method": "executions"})):
        paper.call(
            "POST", "/faults", kind="odd_values", probability=probability, count="0", seed=seed, **more
        )
    for number in range(TRADES):
        trade(paper, hand, "sell" if number % 2 else "buy")
        fills = len(paper.fills("master"))
        wait_for("the fill to be known", partial(has_fills, system, fills))
    paper.call("DELETE", "/faults")
    system.wait_ready()
    system.settled(TRADES)
    wait_for("what was bought to be sold", lambda: paper.held("ann") == 0)
    # Copying goes on.
    trade(paper, hand, "buy")
    system.settled(TRADES + 1)
    wait_for("a purchase", lambda: paper.held("ann") > 0)
    assert system.pids() == pids
    copied = {copy.cl_ord_id for copy in system.copies("ann")}
    assert orders(paper, "ann").keys() <= copied
    assert set(orders(paper, "ann").values()) == {1}
    assert orders(paper, "master") == {"by hand": TRADES + 1}
