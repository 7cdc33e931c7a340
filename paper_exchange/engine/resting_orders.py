"""Which orders rest in the books and which wait for a trigger, by pair and in the order of time. Records
only.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal

from krakencopy.paper_exchange.accounts.orders import Order, OrderRequest
from krakencopy.paper_exchange.values.pairs import Pair
from krakencopy.paper_exchange.values.sides import Side


class Books:
    """All orders that the market may still reach."""

    def __init__(self) -> None:
        self._resting: defaultdict[Pair, dict[str, Order]] = defaultdict(dict)
        self._waiting: defaultdict[Pair, dict[str, Order]] = defaultdict(dict)

    def rest(self, order: Order) -> None:
        """Put a limit order into the book, behind those of its price; one that is there keeps its place."""
        self._resting[order.pair][order.txid] = order

    def wait(self, order: Order) -> None:
        """Let an order wait for its trigger."""
        self._waiting[order.pair][order.txid] = order

    def leave(self, order: Order) -> None:
        """Take an order out, wherever it is."""
        self._resting[order.pair].pop(order.txid, None)
        self._waiting[order.pair].pop(order.txid, None)

    def waiting(self, pair: Pair) -> Sequence[Order]:
        """The orders of a pair that wait for a trigger."""
        waiting = self._waiting[pair]
        return list(waiting.values()) if waiting else ()

    def touched(self, pair: Pair, to_buyers: Decimal, to_sellers: Decimal) -> list[Order]:
        """Resting buys at or above `to_buyers` and sells at or below `to_sellers`, by price, then by time."""
        found: list[tuple[Decimal, Order]] = []
        for order in self._resting[pair].values():
            price = _limit(order)
            if order.side is Side.BUY and price >= to_buyers:
                found.append((-price, order))
            elif order.side is Side.SELL and price <= to_sellers:
                found.append((price, order))
        found.sort(key=lambda item: item[0])
        return [order for _, order in found]

    def own_against(self, own: Iterable[Order], request: OrderRequest) -> list[Order]:
        """Those of an account's `own` orders that rest on the other side within a new order's limit, best
        price first.
        """
        resting, limit, buyer = self._resting[request.pair], request.price, request.side is Side.BUY
        if not resting:
            return []
        found = [
            order
            for order in own
            if order.txid in resting
            and order.side is not request.side
            and (limit is None or (_limit(order) <= limit if buyer else _limit(order) >= limit))
        ]
        found.sort(key=_limit, reverse=not buyer)
        return found


def _limit(order: Order) -> Decimal:
    price = order.request.price
    assert price is not None, "only limit orders rest"
    return price
