"""The orders of a shadow: they are filled by a model, and nothing leaves.

The model: what is quoted when the order would leave. A purchase is filled whole at the best ask, where that
is within its bound, and a sale whole at the best bid; otherwise nothing of it is. How much is offered at
these prices is not looked at. Where no quote is to be had, the last known price stands for it, and without
one nothing is filled. The fee is the account's own for orders that take, as far as the exchange has told it.

Kept by construction, and by kraken/order_gate.py in case of a mistake here: an order that goes past this
model is refused at the last look.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from decimal import Decimal

from krakencopy.account_proc.contract.errors import ExchangeError
from krakencopy.account_proc.domain.order import Ending
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.kraken.api import KrakenExchange
from krakencopy.account_proc.kraken.order_gate import NotTraded
from krakencopy.account_proc.state.shadow_mark import ORDER_PREFIX
from krakencopy.account_proc.trading.broker import BrokerOrder
from krakencopy.account_proc.trading.order_gateway import OrderGateway
from krakencopy.account_proc.trading.placed_order import PlacedOrder
from krakencopy.account_proc.trading.prices import Prices
from krakencopy.account_proc.trading.timing import Timing

log = logging.getLogger(__name__)

#: The fee for an order that takes, as a share, where the account's own is not known.
USUAL_TAKER = Decimal("0.0040")


class ShadowGateway(OrderGateway):
    """The orders of one shadow."""

    def __init__(
        self, exchange: KrakenExchange, now: Callable[[], float], timing: Timing, prices: Prices,
        taker: Callable[[str], Decimal | None], stop: Callable[[Side], NotTraded | None],
    ) -> None:  # fmt: skip
        """``taker``: the account's fee in a pair for orders that take, as a share; ``stop``: why no order of
        a side may leave now, as of TradingGuard.
        """
        super().__init__(exchange, now, timing)
        self._prices = prices
        self._taker = taker
        self._stop = stop

    def wait_s(self, pair: str) -> float:  # noqa: ARG002 - as of OrderGateway
        """No order counts against the exchange's limits."""
        return 0.0

    async def send(self, order: BrokerOrder, *, cancels_own: bool = False) -> PlacedOrder:  # noqa: ARG002 - as of OrderGateway
        """An order that is over already. Raises NotTraded where no such order might leave now."""
        if (stop := self._stop(order.side)) is not None:
            raise stop
        price = await self._price(order)
        placed = self._follow(order)
        self._identify(placed, f"{ORDER_PREFIX}{order.cl_ord_id}")
        placed.end_as(self._ending(order, placed.order_id, price))
        return placed

    async def find(self, order: BrokerOrder) -> PlacedOrder | None:  # noqa: ARG002 - as of OrderGateway
        """None: what an earlier process has not written down was never filled."""
        return None

    def resume(self, order: BrokerOrder, order_id: str) -> PlacedOrder:
        """The same: it is proven not to exist, and is filled anew."""
        placed = super().resume(order, order_id)
        placed.not_shown()
        return placed

    async def _price(self, order: BrokerOrder) -> Decimal | None:
        """What it would be filled at; None where nobody knows."""
        try:
            quote = await self._prices.ticker(order.pair)
        except (ExchangeError, KeyError) as error:
            log.warning("no quote of %s for a shadow's order: %s", order.pair, error)
            base, _, of = order.pair.partition("/")
            return self._prices.marks.rate(base, of)
        return quote.ask if order.side is Side.BUY else quote.bid

    def _ending(self, order: BrokerOrder, order_id: str, price: Decimal | None) -> Ending:
        limit, is_purchase = order.limit_price, order.side is Side.BUY
        if price is None:
            return _unfilled(order_id, "Insufficient funds: nobody knows a price")
        if limit is not None and (price > limit if is_purchase else price < limit):
            return _unfilled(order_id, "")
        cost, share = order.volume * price, self._taker(order.pair)
        fee = cost * (USUAL_TAKER if share is None else share)
        quote = order.pair.partition("/")[2]
        return Ending(order_id=order_id, filled=order.volume, cost=cost, fees={quote: fee} if fee else {})


def _unfilled(order_id: str, reason: str) -> Ending:
    return Ending(order_id=order_id, filled=Decimal(0), cost=Decimal(0), fees={}, reason=reason)
