"""A user's own executions: they end its orders and keep its wallet right. What the user does by hand is seen
here, too: its trades are counted, and balances are read soon after an order of its own has come or gone, as
those hold money that copying then does not have.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence

from krakencopy.account_proc.contract.errors import ExchangeError
from krakencopy.account_proc.contract.order_ids import CL_ORD_ID_MARK
from krakencopy.account_proc.kraken.feed.executions import Execution, Incomplete
from krakencopy.account_proc.kraken.feed.session import BalanceChanged
from krakencopy.account_proc.runtime.pauses import growing_pause_s
from krakencopy.account_proc.trading.order_gateway import OrderGateway
from krakencopy.account_proc.trading.portfolio import Portfolio

log = logging.getLogger(__name__)

#: Execution ids that are remembered, so that a repeated event does not count twice.
SEEN_MAX = 10_000
#: Between two tries to read balances while the account trades, in seconds: at first, and at most.
REREAD_S, REREAD_S_MAX = 1.0, 15.0
#: After an order of the account's own has come or gone, balances are read so much later, in seconds: what
#: else comes with it is waited for, and reads trail behind the engine.
HOLDS_SOON_S = 0.5
#: Kraken: after these an order holds less than before, or nothing.
RELEASING = frozenset({"trade", "filled", "canceled", "expired", "amended", "restated"})


class UserFeed:
    """The feed's sink in a user's process."""

    def __init__(
        self, gateway: OrderGateway, portfolio: Portfolio, changed: Callable[[], None], holds_pause_s: float,
        marked: Callable[[Execution], None],
    ) -> None:  # fmt: skip
        """``holds_pause_s``: between two readings of balances because of the account's own orders, in
        seconds; ``marked`` hears of orders under an id of krakencopy's that nobody here follows.
        """
        self._holds_pause_s = holds_pause_s
        self._holds_read_at = 0.0
        self._holds_due: asyncio.TimerHandle | None = None
        self._marked = marked
        self._gateway = gateway
        self._portfolio = portfolio
        self._changed = changed
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._refreshing: asyncio.Task[None] | None = None
        self._again = False
        self._was_connected = False
        #: Balances that are read before then (Unix seconds) may miss trades from before this process began.
        self._certain_at = 0.0

    def connected(self, snapshot: Sequence[Execution | Incomplete]) -> None:
        """What the snapshot tells may end orders. Trades that it tells were missed, except those from before
        this process began, which the first balances hold; what it does not tell, balances do.
        """
        rows = [row for row in snapshot if isinstance(row, Execution)]
        for row in rows:
            if self._first_time(row) and row.exec_type == "trade" and self._was_connected:
                # Nothing of it was counted: this feed was down when it happened.
                self._portfolio.executed(row)
        if not self._was_connected:
            # The first balances may trail behind the last of these.
            self._certain_at = (
                max((row.timestamp.timestamp() for row in rows), default=0.0) + self._portfolio.lag_s
            )
        else:
            self._portfolio.released()  # whatever ended while this feed was down
        self._was_connected = True
        self._gateway.count_executions(rows)
        self._refresh()
        self._changed()

    def executed(self, executions: Sequence[Execution | Incomplete]) -> None:
        """Live news."""
        rows = [row for row in executions if isinstance(row, Execution)]
        for row in rows:
            if row.exec_type == "trade" and self._first_time(row):
                self._portfolio.executed(row)
            if row.cl_ord_id and row.cl_ord_id.startswith(CL_ORD_ID_MARK) and not self._gateway.follows(row):
                self._marked(row)
        self._gateway.count_executions(rows)
        if len(rows) < len(executions):
            self._refresh()
        own = [row for row in rows if not (row.cl_ord_id or "").startswith(CL_ORD_ID_MARK)]
        if any(row.exec_type in RELEASING for row in own):
            self._portfolio.released()
        if own and len(rows) == len(executions):
            self._refresh_soon()

    def balance_changed(self, change: BalanceChanged) -> None:
        """A user's feed does not ask for them: its balances are read now and then."""

    def disconnected(self, reason: str) -> None:
        """Orders are asked about one by one until it is back."""
        log.warning("executions feed lost: %s", reason)
        self._changed()

    def _first_time(self, row: Execution) -> bool:
        if not row.exec_id or row.exec_id in self._seen:
            return False
        self._seen[row.exec_id] = None
        while len(self._seen) > SEEN_MAX:
            self._seen.popitem(last=False)
        return True

    def _refresh_soon(self) -> None:
        """An order that copying did not make has changed what is held. However many do, balances are read
        once in a while.
        """
        if self._holds_due is None:
            loop = asyncio.get_running_loop()
            at = max(loop.time() + HOLDS_SOON_S, self._holds_read_at + self._holds_pause_s)
            self._holds_due = loop.call_at(at, self._read_holds)

    def _read_holds(self) -> None:
        self._holds_due, self._holds_read_at = None, asyncio.get_running_loop().time()
        self._refresh()

    def _refresh(self) -> None:
        # Balances that are being read may be older than what was just missed.
        self._again = True
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.get_running_loop().create_task(self._read_balances())

    async def _read_balances(self) -> None:
        failures = 0
        while self._again:
            self._again = False
            try:
                if not await self._portfolio.refresh() or self._portfolio.now() < self._certain_at:
                    self._again = True
                    await asyncio.sleep(growing_pause_s(failures, REREAD_S, REREAD_S_MAX))
                    failures += 1
            except ExchangeError as error:
                log.warning("balances could not be read: %s; the next refresh corrects them", error)
