"""One look for an order among all that the exchange has on record, open and closed, by its client order id.

Says what is there now. When that proves that an order never arrived is for trading/order_gateway.py to know.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass

from krakencopy.account_proc.contract.errors import ExchangeError, OutcomeUnknown
from krakencopy.account_proc.domain.order import ENDED
from krakencopy.account_proc.kraken.api import KrakenExchange
from krakencopy.account_proc.kraken.rest.messages import OddRow, OrderRow
from krakencopy.account_proc.kraken.rest.request_queue import Priority
from krakencopy.account_proc.runtime.pauses import growing_pause_s
from krakencopy.account_proc.trading.timing import Timing

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """An order that exists."""

    order_id: str
    #: Its row; None where that cannot be read: the feed or a later answer tells how it ends.
    row: OrderRow | None


async def look_for(exchange: KrakenExchange, cl_ord_id: str, since: float, timing: Timing) -> Found | None:
    """The order with this id, if it is on record; ``since``: before it can have been made (Unix seconds).

    A read that fails proves nothing and is repeated for ever; a row that cannot be read proves the order if
    it carries its id.
    """
    failures = 0
    while True:
        try:
            return await _look_once(exchange, cl_ord_id, since)
        except ExchangeError as error:
            log.warning("%s could not be looked for: %s", cl_ord_id, error)
            await asyncio.sleep(growing_pause_s(failures, timing.retry, timing.retry_max))
            failures += 1


async def _look_once(exchange: KrakenExchange, cl_ord_id: str, since: float) -> Found | None:
    """What the answers say of the order. A row that does not say whose it is may be it, and is asked for by
    its own id.

    Raises ExchangeError while that is not known.
    """
    rows, odd = await exchange.record.orders_of(cl_ord_id, since, Priority.URGENT)
    if found := _of(cl_ord_id, rows, odd):
        return found
    # Kraken tells the id where there is one; a row without it cannot be proven to be another's by one answer.
    doubtful = [row.txid for row in rows if not row.cl_ord_id] + [row.key for row in odd if not row.cl_ord_id]
    if not doubtful:
        return None
    by_id, odd = await exchange.record.look_up(doubtful)
    if found := _of(cl_ord_id, by_id.values(), odd):
        return found
    if unread := [row.key for row in odd if row.cl_ord_id is None]:
        raise OutcomeUnknown("QueryOrders", f"nothing in the rows of {', '.join(unread)} can be read")
    return None


def _of(cl_ord_id: str, rows: Iterable[OrderRow], odd: Iterable[OddRow]) -> Found | None:
    """The order with this id, the ended one if it is there twice."""
    wanted = _folded(cl_ord_id)
    mine = [row for row in rows if _folded(row.cl_ord_id) == wanted]
    if mine:
        row = max(mine, key=lambda row: row.status in ENDED)
        return Found(row.txid, row)
    return next((Found(row.key, None) for row in odd if _folded(row.cl_ord_id) == wanted), None)


def _folded(cl_ord_id: str | None) -> str:
    """Whether Kraken writes a UUID as it was sent is not documented."""
    return (cl_ord_id or "").replace("-", "").lower()
