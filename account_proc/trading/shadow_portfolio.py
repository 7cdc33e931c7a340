"""What a shadow has: what the account really has, and what its own orders have moved, which no exchange
knows.

Sizes, caps and money go by both together, as they would if its orders had been real. The balances that are
shown are the real ones alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from krakencopy.account_proc.domain.copy_record import CopyRecord
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
    moved: dict[str, Decimal] = {}
    revision, current = 0, ledger.load_book().names.current
    while copies := ledger.copies_after(revision, READ):
        revision = copies[-1].revision
        for copy in copies:
            for asset, amount in _moved_by(copy):
                name = current(asset)
                moved[name] = moved.get(name, NOTHING) + amount
    return moved


def _moved_by(copy: CopyRecord) -> Iterable[tuple[str, Decimal]]:
    fees = {copy.fee_asset: copy.fee} if copy.fee_asset else {}
    return _moved(copy.pair, copy.side, copy.filled, copy.cost, fees)


def _moved(
    pair: str, side: Side, filled: Decimal, cost: Decimal, fees: Mapping[str, Decimal]
) -> Iterable[tuple[str, Decimal]]:
    if not filled:
        return
    base, _, quote = pair.partition("/")
    sign = 1 if side is Side.BUY else -1
    yield base, sign * filled
    yield quote, -sign * cost
    for asset, fee in fees.items():
        yield asset, -fee


class ShadowPortfolio(Portfolio):
    """What one shadow has."""

    def __init__(self, moved: Mapping[str, Decimal], *arguments: Any) -> None:
        """``moved``: what its orders have moved so far, by asset; the rest as of Portfolio."""
        super().__init__(*arguments)
        self._moved = dict(moved)

    def moved(self, asset: str) -> Decimal:
        """What its orders have moved of an asset."""
        return self._moved.get(asset, NOTHING)

    def rename(self, old: str, new: str) -> None:
        """An asset has another name from now on."""
        super().rename(old, new)
        if old in self._moved:
            self._moved[new] = self.moved(new) + self._moved.pop(old)

    def ended(self, ending: Ending, name: str, side: Side, *, sent_here: bool) -> None:  # noqa: ARG002 - as of Portfolio
        """An order of the shadow is over: nothing of it is in the account's wallet."""
        for asset, amount in _moved(name, side, ending.filled, ending.cost, ending.fees):
            self._moved[asset] = self.moved(asset) + amount
        self._changed()

    def worth_wallet(self) -> Wallet:
        """As of Portfolio, with what its orders have moved."""
        wallet = self.wallet.copy()
        for asset, amount in self._moved.items():
            wallet.add_amount(asset, amount)
        return wallet

    def equity(self, quote: str) -> Decimal | None:
        """As of Portfolio, with what its orders have moved."""
        real = super().equity(quote)
        if real is None:
            return None
        rates = ((amount, self.prices.marks.rate(asset, quote)) for asset, amount in self._moved.items())
        return real + sum((amount * rate for amount, rate in rates if rate is not None), NOTHING)

    def free(self, asset: str, but: Decimal = NOTHING) -> Decimal:
        """As of Portfolio."""
        return max(super().free(asset, but) + self.moved(asset), NOTHING)

    def spendable(self, asset: str) -> Decimal:
        """As of Portfolio."""
        return super().spendable(asset) + self.moved(asset)

    def holding(self, asset: str) -> Decimal:
        """As of Portfolio."""
        return super().holding(asset) + self.moved(asset)
