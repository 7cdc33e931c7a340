"""How a call of the exchange is made and read: in order of urgency, page by page, row by row.

A row that cannot be read is handed to ``odd`` and costs that row, not the answer. Nothing is repeated, except
reading a page of history again that was refused for the rate.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from krakencopy.account_proc.contract.errors import (
    OutcomeUnknown,
    RateLimited,
)
from krakencopy.account_proc.domain.sent_values import UNREADABLE, shown, whole
from krakencopy.account_proc.kraken.rest.messages import OddRow
from krakencopy.account_proc.kraken.rest.request_queue import Priority, RequestQueue

log = logging.getLogger(__name__)

#: Kraken: rows on a page of ClosedOrders and TradesHistory.
PAGE_ROWS = 50
#: 2500 pages are 125,000 trades; more than that is an answer that never ends.
PAGES_MAX = 2_500
#: A page of history that is refused for the rate is asked for again so many times; the queue sees to the
#: pauses.
PAGE_TRIES = 10
#: Is passed a row of a method's answer that cannot be read.
Odd = Callable[[str, OddRow], None]


class UnexpectedForm(OutcomeUnknown):
    """An answer came, and lacks what it must have. Asking again may not help."""


class Calls:
    """One account's calls. All methods raise ExchangeError."""

    def __init__(self, queue: RequestQueue, odd: Odd | None = None) -> None:
        """``odd`` is called with every row that cannot be read; without it they are logged."""
        self.queue = queue
        self.odd: Odd = _log_odd if odd is None else odd

    async def public(
        self, method: str, params: Mapping[str, str] | None = None, *, priority: Priority
    ) -> Any:
        """The result of a call that needs no key."""
        return await self.queue.public(method, params, priority=priority)

    async def private(
        self, method: str, params: Mapping[str, str] | None = None, *, priority: Priority
    ) -> Any:
        """The result of a signed call."""
        return await self.queue.private(method, params, priority=priority)

    async def pages(
        self, method: str, key: str, params: Mapping[str, str], priority: Priority,
        pages_max: int = PAGES_MAX,
    ) -> dict[str, Any]:  # fmt: skip
        """All rows by their id, so that one that is on two pages counts once."""
        rows: dict[str, Any] = {}
        for page in range(pages_max):
            offset, known = page * PAGE_ROWS, len(rows)
            result = await self._page(method, {**params, "ofs": str(offset)}, priority)
            with expected_form(method):
                found = result[key]
                rows.update(found)
                is_last = offset + PAGE_ROWS >= _count(result, offset + len(found))
            if is_last or not found:
                return rows
            if len(rows) == known:
                # Rows that were sent already, and more to come: it would be read for ever.
                raise UnexpectedForm(method, f"page {page + 1} repeats the pages before it")
        raise OutcomeUnknown(method, f"more than {pages_max} pages")

    async def _page(self, method: str, params: Mapping[str, str], priority: Priority) -> Any:
        for _ in range(PAGE_TRIES):
            with suppress(RateLimited):
                return await self.private(method, params, priority=priority)
        return await self.private(method, params, priority=priority)


def _count(result: Mapping[str, Any], listed: int) -> int:
    """How many rows there are in all, of which so many were listed; the fullness of the last page says
    whether there are more where the answer does not.
    """
    try:
        return whole(result.get("count"), PAGES_MAX * PAGE_ROWS)
    except UNREADABLE:
        return listed + 1 if listed % PAGE_ROWS == 0 else listed


@contextmanager
def expected_form(method: str) -> Iterator[None]:
    """An answer that lacks what it must have is as good as none: an order may have been placed all the
    same.
    """
    try:
        yield
    except UNREADABLE as error:
        raise UnexpectedForm(
            method, f"the answer has an unexpected form ({type(error).__name__}: {shown(error)})"
        ) from error


def _log_odd(method: str, row: OddRow) -> None:
    log.warning("%s: row %s cannot be read: %s", method, row.key, row.problem)
