"""A user's own executions: they end its orders and keep its wallet right. What the user does by hand is seen
here, too: its trades are counted, and balances are read soon after an order of its own has come or gone, as
those hold money that copying then does not have.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence

from krakencopy.account_proc.contract.order_ids import CL_ORD_ID_MARK
from krakencopy.account_proc.copying.balance_reading import BalanceReading
from krakencopy.account_proc.kraken.feed.executions import Execution, Incomplete
from krakencopy.account_proc.kraken.feed.session import BalanceChanged
from krakencopy.account_proc.trading.order_gateway import OrderGateway
from krakencopy.account_proc.trading.portfolio import Portfolio

log = logging.getLogger(__name__)

#: Execution ids that are remembered, so that a repeated event does not count twice.
SEEN_MAX = 10_000
#: Kraken: after these an order holds less than before, or nothing.
RELEASING = frozenset({"trade", "filled", "canceled", "expired", "amended", "restated"})


class UserFeed:
    """The feed's sink in a user's process."""

    def __init__(
        self, gateway: OrderGateway, portfolio: Portfolio, changed: Callable[[], None],
        balances: BalanceReading, not_followed: Callable[[Execution], None],
    ) -> None:  # fmt: skip
        """``not_followed`` hears of orders under an id of krakencopy's that nobody here follows."""
        self._gateway = gateway
        self._portfolio = portfolio
        self._changed = changed
        self._balances = balances
        self._not_followed = not_followed
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._was_connected = False

    def connected(self, snapshot: Sequence[Execution | Incomplete]) -> None:
        """What the snapshot tells may end orders. Trades that it tells were missed, except those from before
        this process began, which the first balances hold; what it does not tell, balances do.
        """
        rows = [row for row in snapshot if isinstance(row, Execution)]
        for row in rows:
            if self._is_new(row) and row.exec_type == "trade" and self._was_connected:
                # Nothing of it was counted: this feed was down when it happened.
                self._portfolio.executed(row)
        if not self._was_connected:
            # The first balances may trail behind the last of these.
            last = max((row.timestamp.timestamp() for row in rows), default=0.0)
            self._balances.certain_at = last + self._portfolio.lag_s
        else:
            self._portfolio.released()  # whatever ended while this feed was down
        self._was_connected = True
        self._gateway.count_executions(rows)
        self._balances.read_now()
        self._changed()

    def executed(self, executions: Sequence[Execution | Incomplete]) -> None:
        """Live news."""
        rows = [row for row in executions if isinstance(row, Execution)]
        for row in rows:
            if row.exec_type == "trade" and self._is_new(row):
                self._portfolio.executed(row)
            if row.cl_ord_id and row.cl_ord_id.startswith(CL_ORD_ID_MARK) and not self._gateway.follows(row):
                self._not_followed(row)
        self._gateway.count_executions(rows)
        if len(rows) < len(executions):
            self._balances.read_now()
        own = [row for row in rows if not (row.cl_ord_id or "").startswith(CL_ORD_ID_MARK)]
        if any(row.exec_type in RELEASING for row in own):
            self._portfolio.released()
        if own and len(rows) == len(executions):
            self._balances.read_soon()

    def balance_changed(self, change: BalanceChanged) -> None:
        """A user's feed does not ask for them: its balances are read now and then."""

    def disconnected(self, reason: str) -> None:
        """Orders are asked about one by one until it is back."""
        log.warning("executions feed lost: %s", reason)
        self._changed()

    def _is_new(self, row: Execution) -> bool:
        if not row.exec_id or row.exec_id in self._seen:
            return False
        self._seen[row.exec_id] = None
        while len(self._seen) > SEEN_MAX:
            self._seen.popitem(last=False)
        return True
