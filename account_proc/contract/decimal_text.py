"""Decimals as plain text: digits and a point, no exponent, no trailing zeros."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Decimal

#: As money is counted.
CENT = Decimal("0.01")

#: A number as a person or a program writes it (bounds.proto, TEXT_FORM_DECIMAL). Python's own reader takes
#: ``1_000``, ``+5``, ``nan`` and the digits of every script, too. Nothing in it has to be tried twice, which
#: possessive quantifiers say (`++`, `?+`): half the time.
PLAIN = re.compile(r"[0-9]{1,20}+(?:\.[0-9]{1,20}+)?+", re.ASCII)


def plain(value: Decimal) -> str:
    """A decimal without exponent and without trailing zeros: Kraken refuses scientific notation."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


def cents(amount: Decimal, rounding: str = ROUND_HALF_EVEN) -> str:
    """Money for people."""
    return plain(amount.quantize(CENT, rounding))


def read_decimal(text: str) -> Decimal:
    """The number that somebody wrote, not negative. Raises ValueError."""
    if not PLAIN.fullmatch(text):
        raise ValueError(f"{text!r} is no number; write digits, with a point before decimals, such as 0.005")
    return Decimal(text)
