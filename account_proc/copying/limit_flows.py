"""What comes into an account and goes out of it without a trade, as limits to losses take it: by the changes
of its counted wallet (trading/outside_changes.py), and over the time that no process was there by the wallet
that was kept. Pure.

Who pays in moves one asset or several in the same direction. What goes out of one asset and into another is a
conversion, or a trade that nobody has reported, or both of it and a deposit beside it: what of it came from
outside is then not known, and is not guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from krakencopy.account_proc.contract.copy_state import ENDS
from krakencopy.account_proc.contract.decimal_text import plain
from krakencopy.account_proc.domain.asset_forms import worth_as
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.domain.wallet import Wallet

NOTHING = Decimal(0)


def added(one: Mapping[str, Decimal], other: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Two changes together."""
    return {
        asset: one.get(asset, NOTHING) + other.get(asset, NOTHING) for asset in dict.fromkeys((*one, *other))
    }


@dataclass(frozen=True, slots=True)
class Flow:
    """What came in, or went out where it is below 0, by asset."""

    amounts: Mapping[str, Decimal]
    #: Some came in and some went out.
    is_mixed: bool

    @classmethod
    def of_change(cls, change: Mapping[str, Decimal]) -> Flow:
        """Of a change of balances; coins that only changed their form (staked, bonded) have not moved."""
        totals = added({}, {})
        for name, amount in change.items():
            totals = added(totals, {worth_as(name): amount})
        moved = {asset: amount for asset, amount in totals.items() if amount}
        return cls(moved, is_mixed=len({amount > 0 for amount in moved.values()}) > 1)

    @property
    def words(self) -> str:
        """For people."""
        return ", ".join(f"{'+' if v > 0 else ''}{plain(v)} {asset}" for asset, v in self.amounts.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What the wallet was when nothing was on its way, and the ledger's last change then."""

    wallet: Mapping[str, Decimal]
    revision: int
    #: All that was there by then is in it (Unix seconds, when balances were asked for); 0 where that was not
    #: kept.
    at: float = 0.0

    def to_raw(self) -> dict[str, Any]:
        """What JSON is made of (``default=str``)."""
        return {"wallet": dict(self.wallet), "revision": self.revision, "at": self.at}

    @classmethod
    def from_raw(cls, raw: Mapping[str, Any]) -> Baseline:
        """The inverse. Raises KeyError, TypeError, ValueError or ArithmeticError."""
        wallet = {asset: Decimal(amount) for asset, amount in raw["wallet"].items()}
        return cls(wallet=wallet, revision=int(raw["revision"]), at=float(raw.get("at", 0.0)))

    def is_still(self, wallet: Mapping[str, Decimal], revision: int) -> bool:
        """Whether nothing has changed since."""
        return self.wallet == wallet and self.revision == revision

    def after(self, change: Mapping[str, Decimal]) -> Baseline:
        """With what came from outside."""
        wallet = Wallet(self.wallet)
        for asset, amount in change.items():
            wallet.add_amount(asset, amount)
        return Baseline(wallet=wallet.balances(), revision=self.revision, at=self.at)

    def change_to(
        self, balances: Mapping[str, Decimal], copies: Iterable[CopyRecord], current: Callable[[str], str]
    ) -> dict[str, Decimal]:
        """What came from outside since, where the wallet is this now: all that these copies, which changed
        since, do not explain. ``current``: the name that a coin has now.
        """
        expected = Wallet()
        for asset, amount in self.wallet.items():
            expected.add_amount(current(asset), amount)
        for copy in copies:
            if copy.state in ENDS and copy.filled:
                expected.exchange(copy.side, copy.exchanged(current))
        return expected.change_to(balances)
