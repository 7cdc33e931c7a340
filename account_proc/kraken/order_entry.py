"""How an account's orders are sent and cancelled, within the exchange's limits."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress

from krakencopy.account_proc.contract.errors import (
    ExchangeError,
    ExchangeRefused,
    KeyRefused,
    RateLimited,
)
from krakencopy.account_proc.domain.order import OrderAck
from krakencopy.account_proc.domain.sent_values import UNREADABLE, name, shown, whole
from krakencopy.account_proc.kraken.account_reads import AccountReads
from krakencopy.account_proc.kraken.calls import Calls, expected_form
from krakencopy.account_proc.kraken.errors import (
    NOT_PERMITTED,
    RATE_ERROR,
    MarketRefused,
    is_of_key_or_market,
)
from krakencopy.account_proc.kraken.front import FRONT_REFUSES
from krakencopy.account_proc.kraken.market_reads import MarketReads
from krakencopy.account_proc.kraken.rest.client import TIMEOUT_S
from krakencopy.account_proc.kraken.rest.order_request import OrderRequest

log = logging.getLogger(__name__)

#: Kraken's words for a pair that it does not have.
NO_SUCH_PAIR = "EQuery:Unknown asset pair"
#: Kraken: what a key must be allowed for orders.
MAY_TRADE = "modify-trades"
#: Kraken: with either of them a key may cancel orders.
MAY_CANCEL = (MAY_TRADE, "close-trades")
#: Far more than an account can have open (Kraken: 225 in each pair).
ORDERS_MAX = 10**6


class PairNotListed(ExchangeRefused):
    """Not asked: no list of the exchange has the pair of an order."""


class OrderEntry:
    """Sends one account's orders. All methods raise ExchangeError."""

    def __init__(
        self,
        calls: Calls,
        market: MarketReads,
        account: AccountReads,
        refused: Callable[[str, str], None] | None = None,
    ) -> None:
        """``refused`` is called with a pair that the account may not trade in, and the exchange's words."""
        self._calls = calls
        self._market = market
        self._account = account
        self._refused = refused
        self._limits = calls.queue.limits

    def order_wait_s(self, pair: str) -> float:
        """How long a new order of a pair (BTC/USD) has to wait for the exchange's limits; 0 in most cases."""
        return self._limits.order_wait_s(pair, time.monotonic())

    @property
    def order_wait_reason(self) -> str:
        """Why it has to wait then, as a code."""
        return FRONT_REFUSES if self._limits.front.orders_until > time.monotonic() else RATE_ERROR

    async def add_order(self, order: OrderRequest, timeout_s: float = TIMEOUT_S) -> OrderAck:
        """Send an order, once. Raises ExchangeRefused, NotSent (nothing was done) or OutcomeUnknown (find out
        first). A refusal of the account in this pair alone is MarketRefused, and not KeyRefused.

        After ``timeout_s`` without an answer the outcome is unknown. It does not wait for the pair's counter:
        ask ``order_wait_s``.
        """
        pair = (await self._market.table()).find(order.pair)
        if pair is None:
            # Of an order from before its pair was taken off the lists; the exchange would say the same.
            raise PairNotListed("AddOrder", (NO_SUCH_PAIR,))
        params = order.params(pair.altname, pair.asset_class)
        self._limits.charge_order(pair.name, time.monotonic())
        try:
            result = await self._calls.queue.order("AddOrder", params, timeout_s=timeout_s)
        except RateLimited as error:
            self._limits.order_refused(pair.name, error, time.monotonic())
            raise
        except (KeyRefused, MarketRefused) as error:
            if isinstance(error, KeyRefused) and not await self._is_market(error):
                if is_of_key_or_market(error):
                    self._calls.queue.health.note_failure("AddOrder", error, time.monotonic())
                raise
            if self._refused is not None:
                self._refused(pair.name, ", ".join(error.errors))
            raise MarketRefused(error.method, error.errors) from error
        finally:
            self._limits.order_answered(pair.name, time.monotonic())
        with expected_form("AddOrder"):
            ack = OrderAck("" if order.validate else name(result["txid"][0]), "")
        with suppress(*UNREADABLE):
            return OrderAck(ack.order_id, shown(result["descr"]["order"]))
        return ack

    async def _is_market(self, error: KeyRefused) -> bool:
        """Whether the refusal of an order is one of its market: Kraken has the same words for that and for a
        key that may not trade.

        A key that may not trade says so itself; one that may not be asked has proven that it is known by any
        answer that it gets.
        """
        if not all(text.startswith(NOT_PERMITTED) for text in error.errors):
            return False
        try:
            return MAY_TRADE in (await self._account.api_key_info()).permissions
        except KeyRefused as answer:
            return all(text.startswith(NOT_PERMITTED) for text in answer.errors)
        except ExchangeError:
            # No answer says nothing about the key; and asking for another market does it no harm.
            return True

    async def cancel_order(self, txid: str = "", cl_ord_id: str = "", timeout_s: float = TIMEOUT_S) -> None:
        """Ask for an order to be cancelled, by its id or its client order id; it goes before all reads, as
        an order does. Raises ExchangeRefused with ``EOrder:Unknown order`` if it is over already, with
        ``EOrder:Invalid order`` if there never was one.
        """
        # Kraken: a number as the txid would be a userref, and cancel all orders that carry it.
        params = {"txid": txid} if txid else {"cl_ord_id": cl_ord_id}
        await self._calls.queue.order("CancelOrder", params, timeout_s=timeout_s)

    async def cancel_all(self, timeout_s: float = TIMEOUT_S) -> int:
        """Ask for all open orders to be cancelled; how many there were."""
        result = await self._calls.queue.order("CancelAll", {}, timeout_s=timeout_s)
        with expected_form("CancelAll"):
            return whole(result["count"], ORDERS_MAX)

    def charge_cancel(self, pair: str, age_s: float) -> None:
        """Counts the cancel of an order of this age against its pair's limit."""
        self._limits.charge_cancel(pair, age_s, time.monotonic())
