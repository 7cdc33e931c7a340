"""Deposits that a user's balances have shown, counted in its ledger: what a deposit sets off is done once for
each. No decisions about what that is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from decimal import Decimal

from krakencopy.account_proc.state.ledger import Ledger

log = logging.getLogger(__name__)

#: Of the ledger: how many were noticed.
DEPOSITS = "deposits"
#: What comes to less than this share of the equity, as rewards and rounding do, is none.
LEAST_SHARE = Decimal("0.01")


class Deposits:
    """Those of one account."""

    def __init__(
        self, ledger: Ledger, rate: Callable[[str], Decimal | None], equity: Callable[[], Decimal | None]
    ) -> None:
        """``rate`` and ``equity`` in one currency; None where they are not known."""
        self._ledger = ledger
        self._rate = rate
        self._equity = equity

    @property
    def noticed(self) -> int:
        """How many were noticed so far."""
        return int(self._ledger.kept_value(DEPOSITS) or 0)

    def note_change(self, change: Mapping[str, Decimal], kind: str) -> None:
        """What came in and went out without a trade, by asset; one that leaves the account richer is a
        deposit. Of a change whose worth is not known that cannot be said. Raises LedgerFault.
        """
        rates = {asset: self._rate(asset) for asset in change}
        equity = self._equity()
        if equity is None or equity <= 0 or any(rate is None for rate in rates.values()):
            return
        worth = sum((amount * (rates[asset] or 0) for asset, amount in change.items()), Decimal(0))
        if worth >= equity * LEAST_SHARE:
            log.info("a deposit of about %.2f (%s)", worth, kind or "seen in balances")
            self._ledger.keep_value(DEPOSITS, str(self.noticed + 1))
