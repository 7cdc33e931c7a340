"""Exact decimal amounts: reading them from text, rounding them, writing them. No floats, no currencies."""

import re
from decimal import ROUND_DOWN, ROUND_HALF_UP, ROUND_UP, Decimal
from typing import Final

ZERO: Final = Decimal(0)

# Kraken refuses scientific notation ("5e-05"). At most 10 digits before the point keep every product of a
# volume, a price and a rate inside Decimal's 28 digits; 18 after it are more than any pair has.
_PLAIN: Final = re.compile(r"(?:[0-9]{1,10}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})", re.ASCII)


def parse_plain(text: str) -> Decimal | None:
    """Read a non-negative plain decimal; None for signs, exponents, blanks and anything else."""
    return Decimal(text) if _PLAIN.fullmatch(text) else None


def unit(decimals: int) -> Decimal:
    """The smallest step that `decimals` digits after the point can show, such as 0.01 for two."""
    return Decimal(1).scaleb(-decimals)


def rounded(amount: Decimal, step: Decimal) -> Decimal:
    """Half up, as Kraken rounds cost and fee (3.630525 is booked as 3.63053)."""
    return amount.quantize(step, ROUND_HALF_UP)


def rounded_up(amount: Decimal, step: Decimal) -> Decimal:
    """Up: for amounts that must suffice, such as holds."""
    return amount.quantize(step, ROUND_UP)


def rounded_down(amount: Decimal, step: Decimal) -> Decimal:
    """Down: for amounts that are promised to be there, such as a balance that is shown."""
    return amount.quantize(step, ROUND_DOWN)


def decimals_of(amount: Decimal) -> int:
    """How many digits after the point `amount` needs; trailing zeros do not count."""
    exponent = amount.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def fixed(amount: Decimal, decimals: int) -> str:
    """Write `amount` with exactly `decimals` digits, half up."""
    return f"{rounded(amount, unit(decimals)):f}"
