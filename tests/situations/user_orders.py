"""What the tests of a user's own orders begin with: a second key of a user, and its orders by hand beside
copying.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.support.client import private
from tests.support.system import Key, Paper, System, wait_for


class Hand:
    """An account that is traded by its owner, with another client and a key of its own."""

    def __init__(self, paper: Paper, account: str) -> None:
        self._paper = paper
        self.account = account
        self.key = Key.make()
        paper.call("POST", f"/accounts/{account}/keys", key=self.key.key, secret=self.key.secret)

    def limit(self, side: str, volume: str, price: str, pair: str = "XBTUSD") -> str:
        """Places a limit order; its id."""
        order = {"pair": pair, "type": side, "ordertype": "limit", "price": price, "volume": volume}
        answer = private(self._paper.rest_url, self.key, "AddOrder", **order)
        assert answer["error"] == []
        return str(answer["result"]["txid"][0])

    def cancel(self, order_id: str) -> None:
        """Takes an order back."""
        assert private(self._paper.rest_url, self.key, "CancelOrder", txid=order_id)["error"] == []

    def row(self, order_id: str) -> dict[str, Any]:
        """What the exchange says of an order."""
        answer = private(self._paper.rest_url, self.key, "QueryOrders", txid=order_id)
        row: dict[str, Any] = answer["result"][order_id]
        return row


def bitcoin(paper: Paper, account: str) -> Decimal:
    """What the account holds of it, held or not."""
    return Decimal(paper.call("GET", f"/accounts/{account}")["balances"].get("XXBT", "0"))


def orders_sent(paper: Paper, account: str) -> list[dict[str, str]]:
    """The orders that an account's process has sent, in order, as the exchange received them."""
    return [
        row["params"] for row in paper.rows("requests")
        if row["method"] == "AddOrder" and row["account"] == account and "cl_ord_id" in row["params"]
    ]  # fmt: skip


def wait_owed(system: System, account: str, words: str) -> str:
    """Waits until an account says that an exit of it is owed, with these words; what it says."""

    def said() -> str:
        positions = system.accounts()[account].positions
        return next((p.exit_owed for p in positions if words in p.exit_owed), "")

    return wait_for(f"an exit of {account} that is owed: {words!r}", said)
