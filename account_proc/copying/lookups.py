"""What has to be asked of the exchange before fills can be answered: rules of a pair that nobody knew when
they were read last, and the time, before an entry is given up as too old. Nothing, for most fills.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from krakencopy.account_proc.contract.errors import ExchangeError
from krakencopy.account_proc.copying.copy_context import CopyContext
from krakencopy.account_proc.domain.copy_plan import MasterFill
from krakencopy.account_proc.domain.quantities import Side

log = logging.getLogger(__name__)

#: Asks; raises ExchangeError.
Lookup = Callable[[], Awaitable[None]]


class Lookups:
    """What one user's copying has to ask."""

    def __init__(self, context: CopyContext) -> None:
        self._context = context

    def before_fills(self, fills: Sequence[MasterFill]) -> Lookup | None:
        """What has to be known before fills of one coin are answered; None for nothing."""
        for fill in fills:
            if (lookup := self.before_pair(fill.pair, fill.side)) is not None:
                return lookup
        now = self._context.now()
        is_late = any(
            fill.side is Side.BUY
            and fill.executed_at < now - self._context.rules_of(fill.pair).max_entry_age_s
            for fill in fills
        )
        return self._context.ask_time if is_late else None

    def before_pair(self, pair: str, side: Side | None = None) -> Lookup | None:
        """What has to be known before something is traded in a pair; None for nothing.

        It may have been listed, or renamed, after this process read the pairs.
        """
        if not self._context.portfolio.pairs.may_learn(pair, side):
            return None
        return partial(self._context.portfolio.pairs.learn, [pair], side)

    async def ask(self, lookup: Lookup, coin: str) -> None:
        """Asks, for fills of a coin; without an answer they are answered by what is known."""
        try:
            await lookup()
        except ExchangeError as error:
            log.warning("fills of %s are answered by what is known: %s", coin, error)
