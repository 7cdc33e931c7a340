"""An order on record is found by its id, also where its row cannot be read; what cannot be read proves
nothing.
"""

from __future__ import annotations

from typing import Any

import pytest

from krakencopy.account_proc.trading.order_lookup import look_for
from krakencopy.account_proc.trading.timing import Timing
from tests.support.copying import NOW
from tests.support.scripted_kraken import ScriptedKraken, order_row, run

MINE = "6b3a0e0e-0000-4000-8000-000000000001"


async def looked_for(kraken: ScriptedKraken) -> Any:
    return await look_for(kraken.exchange, MINE, NOW - 61, Timing(retry=0))


def closed(rows: dict[str, Any]) -> dict[str, Any]:
    return {"OpenOrders": {"open": {}}, "ClosedOrders": {"closed": rows, "count": len(rows)}}


@pytest.mark.parametrize(
    "told", [{"cl_ord_id": MINE, "descr": {}}, {"cl_ord_id": MINE.replace("-", "").upper()}]
)
def test_an_order_whose_row_is_odd_is_found_by_its_id(told: dict[str, Any]) -> None:
    async def steps() -> None:
        found = await looked_for(ScriptedKraken(closed({"O1": told})))
        assert (found.order_id, found.row) == ("O1", None)

    run(steps())


@pytest.mark.parametrize("told", [None, {"cl_ord_id": None}, 7])
def test_a_row_that_does_not_say_whose_it_is_is_asked_for(told: object) -> None:
    async def steps(answer: dict[str, Any], order_id: str | None) -> None:
        found = await looked_for(ScriptedKraken(closed({"O1": told}) | {"QueryOrders": answer}))
        assert (found and found.order_id) == order_id

    run(steps({"O1": order_row("closed", "1", "1", cl_ord_id=MINE)}, "O1"))
    run(steps({"O1": order_row("closed", "1", "1", cl_ord_id="another")}, None))
    run(steps({"O1": {"descr": {}}}, None))  # Kraken tells an id where there is one
    run(steps({}, None))


def test_a_row_of_which_nothing_can_be_read_proves_nothing() -> None:
    async def steps() -> None:
        kraken = ScriptedKraken(
            closed({"O1": None}),
            {"QueryOrders": [{"O1": None}, {"O1": order_row("closed", "1", "1", cl_ord_id=MINE)}]},
        )
        assert (await looked_for(kraken)).order_id == "O1"
        assert kraken.times_asked("QueryOrders") == 2

    run(steps())
