"""Changes of balances that are no trades: what is left over when balances are compared with everything that
was counted. Pure.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from decimal import Decimal

from krakencopy.account_proc.domain.wallet import Wallet, change_from_outside

#: Between two readings that must agree before a change from outside counts, in seconds at least: an execution
#: that the balances know already may still be on its way through the feed.
CONFIRM_S = 1.0


class OutsideChanges:
    """What one wallet was at each moment that balances may be of, and what they showed beside it."""

    def __init__(self, lag_s: float) -> None:
        """``lag_s``: how far balances may trail behind the engine, in seconds."""
        self._lag_s = lag_s
        #: What was held right before each of the last trades, and when they were executed (Unix seconds).
        self._before: deque[tuple[float, Wallet]] = deque()
        #: When the last reading was made that showed a change from outside, and which.
        self._suspected: tuple[float, dict[str, Decimal]] = (0.0, {})

    def before_trade(self, executed_at: float, wallet: Wallet) -> None:
        """A trade is about to be counted: balances may be of this state for a while."""
        self._before.append((executed_at, wallet.copy()))

    def rename(self, old: str, new: str) -> None:
        """An asset has another name from now on."""
        for _, wallet in self._before:
            wallet.rename(old, new)

    def agreed(
        self, balances: Mapping[str, Decimal], asked_at: float, wallet: Wallet
    ) -> dict[str, Decimal] | None:
        """What came from outside, by asset, once two readings agree on it; empty where balances are what was
        counted, None where that is not known before the next reading.
        """
        change = change_from_outside(balances, self._states(asked_at, wallet))
        suspected_at, suspected = self._suspected
        if change and (change != suspected or asked_at < suspected_at + CONFIRM_S):
            self._suspected = (suspected_at if change == suspected else asked_at, change)
            return None
        for asset, amount in change.items():
            for _, state in self._before:
                state.add_amount(asset, amount)
        self._suspected = (0.0, {})
        return change

    def _states(self, asked_at: float, wallet: Wallet) -> list[Wallet]:
        """What the wallet was at each moment that balances asked for at this time may be of."""
        while self._before and self._before[0][0] < asked_at - self._lag_s:
            self._before.popleft()
        return [*(state for _, state in self._before), wallet]
