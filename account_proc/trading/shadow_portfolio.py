"""What a shadow has: what the account really has, and what its own orders have moved, which no exchange
knows.

Sizes, caps and money go by both together, as they would if its orders had been real. The balances that are
shown are the real ones alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from krakencopy.account_proc.contract.copied_coins import Exchanged
from krakencopy.account_proc.domain.order import Ending
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.domain.wallet import Wallet
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.account_proc.trading.portfolio import Portfolio

NOTHING = Decimal(0)
#: Copies that are read at a time, at the start.
READ = 1_000


def traded_in(ledger: Ledger) -> dict[str, Decimal]:
    """What the copies of a shadow's ledger have moved, by asset. Looks at all of them: for a start."""
    moved, revision, current = Wallet(), 0, ledger.load_book().names.current
    while copies := ledger.copies_after(revision, READ):
        revision = copies[-1].revision
        for copy in copies:
            moved.exchange(copy.side, copy.exchanged(current))
    return moved.balances()


class ShadowPortfolio(Portfolio):
    """What one shadow has."""

    def __init__(self, moved: Mapping[str, Decimal], *arguments: Any) -> None:
        """``moved``: what its orders have moved so far, by asset; the rest as of Portfolio."""
        super().__init__(*arguments)
        self._moved = Wallet(moved)

    def moved(self, asset: str) -> Decimal:
        """What its orders have moved of an asset."""
        return self._moved[asset]

    def rename(self, old: str, new: str) -> None:
        """An asset has another name from now on."""
        super().rename(old, new)
        self._moved.rename(old, new)

    def ended(self, ending: Ending, name: str, side: Side, *, sent_here: bool) -> None:  # noqa: ARG002 - as of Portfolio
        """An order of the shadow is over: nothing of it is in the account's wallet."""
        base, _, quote = name.partition("/")
        self._moved.exchange(
            side,
            Exchanged(base=base, quote=quote, volume=ending.filled, cost=ending.cost, fees=ending.fees),
        )
        self._changed()

    def worth_wallet(self) -> Wallet:
        """As of Portfolio, with what its orders have moved."""
        wallet = self.wallet.copy()
        for asset, amount in self._moved.balances().items():
            wallet.add_amount(asset, amount)
        return wallet

    def equity(self, quote: str) -> Decimal | None:
        """As of Portfolio, with what its orders have moved."""
        real = super().equity(quote)
        return None if real is None else real + self._moved.value(quote, self.prices.marks)

    def free(self, asset: str, but: Decimal = NOTHING) -> Decimal:
        """As of Portfolio."""
        return max(super().free(asset, but) + self.moved(asset), NOTHING)

    def spendable(self, asset: str) -> Decimal:
        """As of Portfolio."""
        return super().spendable(asset) + self.moved(asset)

    def holding(self, asset: str) -> Decimal:
        """As of Portfolio."""
        return super().holding(asset) + self.moved(asset)
