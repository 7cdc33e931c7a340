"""When a user's balances are read out of turn: at once where something was missed, and soon after an order of
the account's own has come or gone, as those hold money that copying then does not have.
"""

from __future__ import annotations

import asyncio
import logging

from krakencopy.account_proc.contract.errors import ExchangeError
from krakencopy.account_proc.runtime.pauses import growing_pause_s
from krakencopy.account_proc.trading.portfolio import Portfolio

log = logging.getLogger(__name__)

#: Between two tries to read balances while the account trades, in seconds: at first, and at most.
REREAD_S, REREAD_S_MAX = 1.0, 15.0
#: After an order of the account's own has come or gone, balances are read so much later, in seconds: what
#: else comes with it is waited for, and reads trail behind the engine.
HOLDS_SOON_S = 0.5


class BalanceReading:
    """Reads one user's balances, one reading at a time."""

    def __init__(self, portfolio: Portfolio, holds_pause_s: float) -> None:
        """``holds_pause_s``: between two readings because of the account's own orders, in seconds."""
        self._portfolio = portfolio
        self._holds_pause_s = holds_pause_s
        #: By the loop's clock.
        self._holds_read_at = 0.0
        self._holds_due: asyncio.TimerHandle | None = None
        self._reading: asyncio.Task[None] | None = None
        self._again = False
        #: Balances that are read before then (Unix seconds) may miss trades from before this process began.
        self.certain_at = 0.0

    def read_soon(self) -> None:
        """An order that copying did not make has changed what is held. However many do, balances are read
        once in a while.
        """
        if self._holds_due is None:
            loop = asyncio.get_running_loop()
            at = max(loop.time() + HOLDS_SOON_S, self._holds_read_at + self._holds_pause_s)
            self._holds_due = loop.call_at(at, self._read_holds)

    def _read_holds(self) -> None:
        self._holds_due, self._holds_read_at = None, asyncio.get_running_loop().time()
        self.read_now()

    def read_now(self) -> None:
        """Something was missed; balances that are being read may be older."""
        self._again = True
        if self._reading is None or self._reading.done():
            self._reading = asyncio.get_running_loop().create_task(self._read_until_certain())

    async def _read_until_certain(self) -> None:
        failures = 0
        while self._again:
            self._again = False
            try:
                if not await self._portfolio.refresh() or self._portfolio.now() < self.certain_at:
                    self._again = True
                    await asyncio.sleep(growing_pause_s(failures, REREAD_S, REREAD_S_MAX))
                    failures += 1
            except ExchangeError as error:
                log.warning("balances could not be read: %s; the next refresh corrects them", error)
