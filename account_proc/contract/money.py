"""An amount with its currency, as settings have it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from krakencopy.account_proc.contract.decimal_text import plain


@dataclass(frozen=True, slots=True)
class Money:
    """So much of an asset."""

    amount: Decimal
    asset: str

    def __str__(self) -> str:
        return f"{plain(self.amount)} {self.asset}"

    @classmethod
    def from_raw(cls, raw: Mapping[str, Any]) -> Money:
        """Of what JSON makes of ``asdict``. Raises KeyError, TypeError or ArithmeticError for others."""
        return cls(Decimal(raw["amount"]), str(raw["asset"]))


def in_names(value: Any, current: Callable[[str], str]) -> Any:
    """A value; if it is money, with the name that ``current`` gives its currency now."""
    return Money(value.amount, current(value.asset)) if isinstance(value, Money) else value


def share_or_money(raw: Any) -> Decimal | Money:
    """The same where a share may stand instead. Raises as ``Money.from_raw``."""
    return Money.from_raw(raw) if isinstance(raw, Mapping) else Decimal(raw)
