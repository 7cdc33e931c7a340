"""A user's process that dies at one of its steps, and the exchange that its orders have reached by then."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from krakencopy.account_proc.contract.trading_states import TradingState
from krakencopy.account_proc.runtime import failpoint
from tests.support.copying_user import User
from tests.support.scripted_kraken import order_row

PLACES = (
    "before_intent", "after_intent", "before_send", "after_send", "after_acknowledged", "before_settled",
    "after_settled",
)  # fmt: skip
#: Where a process may die before its order has left.
NOT_SENT = PLACES[:3]


class Died(Exception):
    """The process ended here."""


class Exchange:
    """Orders that arrived, whatever became of the process that sent them; each with the state of then."""

    def __init__(self) -> None:
        self.orders: dict[str, dict[str, str]] = {}
        self.seen: list[tuple[str, TradingState]] = []
        self.state = TradingState.ACTIVE

    def attach(self, user: User) -> None:
        fill = user.kraken._fill

        def take(params: dict[str, str]) -> Any:
            self.seen.append((params["type"], self.state))
            self.orders[params["cl_ord_id"]] = params
            return fill(params)

        user.kraken.sent = [*self.orders.values()]
        user.kraken.always |= {
            "AddOrder": take,
            "OpenOrders": {"open": {}},
            "ClosedOrders": lambda params: {
                "closed": self.rows([params["cl_ord_id"]]), "count": params["cl_ord_id"] in self.orders
            },
            "QueryOrders": lambda params: self.by_id(params["txid"].split(",")),
        }  # fmt: skip

    def by_id(self, order_ids: list[str]) -> dict[str, Any]:
        return {key: row for key, row in self.rows(list(self.orders)).items() if key in order_ids}

    def rows(self, cl_ord_ids: list[str]) -> dict[str, Any]:
        """As the exchange has them on record: filled at once."""
        found = {}
        for number, (cl_ord_id, params) in enumerate(self.orders.items(), start=1):
            if cl_ord_id in cl_ord_ids:
                descr = {"pair": "XBTUSD", "type": params["type"], "order": "an order"}
                found[f"O{number}"] = order_row(
                    "closed", params["volume"], params["volume"], fee="0", descr=descr, cl_ord_id=cl_ord_id
                )
        return found


@contextmanager
def dying_at(place: str) -> Iterator[Any]:
    """The process dies when it comes there first; where it did is what the value says afterwards."""
    reached: list[str] = []

    def reach(_: str, at: str) -> None:
        if at == place and not reached:
            reached.append(at)
            raise Died

    with patch.object(failpoint, "reach", reach):
        yield lambda: "".join(reached)
