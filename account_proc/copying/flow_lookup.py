"""Asks the exchange's own ledger what a change of balances was, where balances alone do not show it: for
limits to losses, one question at a time, a few times at most. It knows no limits.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from krakencopy.account_proc.contract.errors import ExchangeError, ExchangeRefused, RateLimited
from krakencopy.account_proc.copying.flow_entries import from_outside
from krakencopy.account_proc.copying.limit_flows import Baseline
from krakencopy.account_proc.kraken.key_check import LEDGER
from krakencopy.account_proc.kraken.rest.messages import LedgerRow

log = logging.getLogger(__name__)

#: A question is asked so often: entries trail behind balances. Each costs as much as a page of trades.
TRIES_MAX: Final = 5
#: An answer is waited for so long at most, in seconds: calls in the background wait for all others.
ANSWER_MAX_S: Final = 60.0
#: Entries from so much earlier are asked for as well, in seconds: clocks differ.
CLOCK_SLACK_S: Final = 2.0

Changes = Sequence[Mapping[str, Decimal]]


class FlowLookup:
    """One account's."""

    def __init__(
        self, read: Callable[[float], Awaitable[Sequence[LedgerRow]]],
        may_read: Callable[[], Awaitable[bool]],
    ) -> None:  # fmt: skip
        """``read``: entries since a time (Unix seconds), as AccountReads.ledger_entries; ``may_read``:
        whether the key has the permission for it.
        """
        self._read = read
        self._may_read = may_read
        self._question: list[Mapping[str, Decimal]] = []
        self._tries = 0
        self._found: dict[str, Decimal] | None = None
        #: Why there is no answer to the last question, for people; empty while there may be one.
        self.why = ""

    def is_open(self, changes: Changes) -> bool:
        """Whether asking what these changes were may tell something that is not known yet."""
        return list(changes) != self._question or (self._found is None and not self.why)

    def found(self, changes: Changes) -> Mapping[str, Decimal] | None:
        """What came in (below 0: went out) with these changes, by asset; None where that is not known."""
        return self._found if self._question and list(changes) == self._question else None

    def forget(self) -> None:
        """The question is settled: another change of the same amounts is another one."""
        self._question, self._found, self.why = [], None, ""

    async def ask(
        self, changes: Changes, baseline: Baseline | None, wallet: Mapping[str, Decimal],
        current: Callable[[str], str],
    ) -> None:  # fmt: skip
        """Asks once. ``baseline``: from before these changes; ``wallet``: with them; ``current``: the name
        that a coin has now.
        """
        if list(changes) != self._question:
            self._question, self._tries, self._found, self.why = list(changes), 0, None, ""
        if baseline is None or not baseline.at:
            self.why = "since when is not known"
            return
        self._tries += 1
        try:
            async with asyncio.timeout(ANSWER_MAX_S):
                if not await self._may_read():
                    self.why = f"the API key lacks {LEDGER}, with which it could be looked up"
                    return
                rows = await self._read(baseline.at - CLOCK_SLACK_S)
        except (ExchangeError, TimeoutError) as error:
            log.info("the exchange's ledger could not be read: %s", str(error) or "no answer in time")
            if isinstance(error, ExchangeRefused) and not isinstance(error, RateLimited):
                self.why = f"the exchange's ledger could not be read: {error}"
        else:
            # In a thread: many entries can be put together in many ways, and fills do not wait for that.
            self._found = await asyncio.to_thread(from_outside, rows, baseline.wallet, wallet, current)
        if self._found is not None:
            log.info("by the exchange's ledger this came from outside: %s", self._found or "nothing")
        elif self._tries >= TRIES_MAX and not self.why:
            self.why = "the exchange's ledger does not explain it"
