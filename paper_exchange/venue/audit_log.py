"""What really happened, to judge by afterwards: every private request and every fill, numbered from 1.

Kept in memory, the last 1,000,000 rows of each; the numbers go on without gaps when the oldest are dropped.
Secrets, signatures and one-time passwords are never in a row.
"""

from collections import deque
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, Generic, TypeVar

from krakencopy.paper_exchange.accounts.orders import OrderEvent

ROWS_MOST: Final = 1_000_000

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """A private request as it came in, and what the exchange did: `ok`, the error string, or `unseen`.

    `fault` is what was injected, None where nothing was.
    """

    received_ns: int
    account: str | None
    key_id: str | None
    method: str
    nonce: str | None
    params: dict[str, Any]
    outcome: str
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class FillRecord:
    """A fill, and when its event was about to be written to the sockets."""

    event: OrderEvent
    emitted_ns: int


class NumberedLog(Generic[Row]):
    """A bounded log whose rows are numbered from 1 without gaps."""

    def __init__(self, rows_most: int = ROWS_MOST) -> None:
        self._rows: deque[Row] = deque(maxlen=rows_most)
        self.count = 0

    def append(self, row: Row) -> int:
        """Take in a row; its number."""
        self._rows.append(row)
        self.count += 1
        return self.count

    def after(self, number: int, most: int) -> list[tuple[int, Row]]:
        """Up to `most` rows with numbers above `number`, oldest first, with their numbers."""
        dropped = self.count - len(self._rows)
        skip = min(max(0, number - dropped), len(self._rows))
        first = dropped + skip + 1
        if skip <= len(self._rows) // 2:
            return list(enumerate(islice(self._rows, skip, skip + most), start=first))
        # A deque is walked from its nearer end: a poller asks for the newest rows.
        tail = list(islice(reversed(self._rows), len(self._rows) - skip))
        tail.reverse()
        return list(enumerate(tail[:most], start=first))
