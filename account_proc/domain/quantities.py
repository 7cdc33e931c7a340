"""Quantities that cannot be mixed up: base volume, quote amount, price, ratio.

Each is a thin value over ``Decimal``. Adding a volume to an amount does not type-check and raises at run
time, too: the bot that this project learns from treated a base volume as dollars, and its risk cap hid a
340-fold error for weeks.

    volume x price  = amount        amount / price  = volume        amount / amount = ratio
    volume x ratio  = volume        amount x ratio  = amount        volume / volume = ratio
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_UP, Decimal
from enum import StrEnum
from typing import Self, overload

from krakencopy.account_proc.contract.decimal_text import plain
from krakencopy.account_proc.domain.sent_values import WIDE

#: Basis points in one.
BPS = Decimal(10_000)


class Side(StrEnum):
    """Direction of a trade, seen from the account that trades."""

    BUY = "buy"
    SELL = "sell"


@dataclass(frozen=True, slots=True, order=True, init=False)
class _Quantity:
    """A Decimal that only knows its own kind."""

    amount: Decimal

    # One call instead of two: an order makes some forty of them on its way.
    def __init__(self, amount: Decimal) -> None:
        if not amount.is_finite():
            raise ValueError(f"{type(self).__name__} must be finite, not {amount}")
        object.__setattr__(self, "amount", amount)

    def _same(self, other: object) -> Decimal:
        if type(other) is not type(self):
            raise TypeError(f"{type(self).__name__} and {type(other).__name__} cannot be added or compared")
        return other.amount

    # As ``_same``, without its call: these two are most of a decision.
    def __add__(self, other: Self) -> Self:
        kind = type(self)
        return kind(self.amount + (other.amount if type(other) is kind else self._same(other)))

    def __sub__(self, other: Self) -> Self:
        kind = type(self)
        return kind(self.amount - (other.amount if type(other) is kind else self._same(other)))

    def __neg__(self) -> Self:
        return type(self)(-self.amount)

    def __bool__(self) -> bool:
        return bool(self.amount)

    def __str__(self) -> str:
        return plain(self.amount)


class Ratio(_Quantity):
    """A pure number: a share, a fraction, a scale."""

    __slots__ = ()


class Price(_Quantity):
    """Quote for one unit of base."""

    __slots__ = ()

    def worse(self, side: Side, bps: int) -> Price:
        """The price that is ``bps`` hundredths of a percent worse for someone on this side."""
        step = Decimal(bps) / BPS
        return Price(self.amount * (1 + step if side is Side.BUY else 1 - step))

    def to_tick(self, tick: Decimal, side: Side) -> Price:
        """Rounded to the price grid, never past the bound: down for a buyer, up for a seller."""
        rounding = ROUND_DOWN if side is Side.BUY else ROUND_UP
        return Price((self.amount / tick).quantize(Decimal(1), rounding=rounding, context=WIDE) * tick)


#: A quotient is exact to 28 digits; this far behind the lot's last decimal, digits are its rounding and no
#: volume.
QUOTIENT_DECIMALS = 6


class BaseVolume(_Quantity):
    """So much of the pair's base asset."""

    __slots__ = ()

    @overload
    def __mul__(self, other: Ratio) -> BaseVolume: ...
    @overload
    def __mul__(self, other: Price) -> QuoteAmount: ...
    def __mul__(self, other: Ratio | Price) -> BaseVolume | QuoteAmount:
        match other:
            case Ratio():
                return BaseVolume(self.amount * other.amount)
            case Price():
                return QuoteAmount(self.amount * other.amount)
        raise TypeError(f"BaseVolume cannot be multiplied by {type(other).__name__}")

    def __truediv__(self, other: BaseVolume) -> Ratio:
        return Ratio(self.amount / self._same(other))

    def to_lot(self, lot_decimals: int) -> BaseVolume:
        """Rounded down to the exchange's volume precision: never more than was meant."""
        lot = Decimal(1).scaleb(-lot_decimals)
        return BaseVolume(self.amount.quantize(lot, rounding=ROUND_DOWN, context=WIDE))

    def whole_lots(self, lot_decimals: int) -> BaseVolume:
        """As ``to_lot``, for a sum of quotients: what misses a lot only by a division's last digits is
        that lot.
        """
        exact = self.amount.quantize(Decimal(1).scaleb(-lot_decimals - QUOTIENT_DECIMALS), context=WIDE)
        return BaseVolume(exact).to_lot(lot_decimals)


class QuoteAmount(_Quantity):
    """So much of the pair's quote asset."""

    __slots__ = ()

    def __mul__(self, other: Ratio) -> QuoteAmount:
        if not isinstance(other, Ratio):
            raise TypeError(f"QuoteAmount cannot be multiplied by {type(other).__name__}")
        return QuoteAmount(self.amount * other.amount)

    @overload
    def __truediv__(self, other: QuoteAmount) -> Ratio: ...
    @overload
    def __truediv__(self, other: Price) -> BaseVolume: ...
    def __truediv__(self, other: QuoteAmount | Price) -> Ratio | BaseVolume:
        if isinstance(other, Price):
            return BaseVolume(self.amount / other.amount)
        return Ratio(self.amount / self._same(other))


NO_VOLUME = BaseVolume(Decimal(0))
NO_AMOUNT = QuoteAmount(Decimal(0))
