"""Amounts and numbers of seconds as people write them: digits and a point, and nothing else. Pure.

Python's own readers take ``1_000``, ``+5``, ``nan`` and the digits of every script, too: as a volume each of
them would be an order that nobody meant.
"""

from __future__ import annotations

import re
from decimal import Decimal

#: As the API takes them (bounds.proto, TEXT_FORM_DECIMAL).
_PLAIN = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?", re.ASCII)
_EXPONENT = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?[eE][+-]?[0-9]{1,2}", re.ASCII)
#: Ten years: what is longer is a slip.
SECONDS_MAX = 315_360_000


def parse_amount(text: str) -> Decimal:
    """An amount over 0. Raises ValueError, with what to write."""
    if not _PLAIN.fullmatch(text):
        raise ValueError(f"{text!r} is no amount; write {_instead(text)}")
    amount = Decimal(text)
    if not amount:
        raise ValueError(f"{text!r} is not above zero")
    return amount


def parse_seconds(text: str) -> float:
    """A number of seconds, 0 or more. Raises ValueError, with what to write."""
    if not _PLAIN.fullmatch(text):
        raise ValueError(f"{text!r} is no number of seconds; write {_instead(text)}")
    seconds = float(text)
    if seconds > SECONDS_MAX:
        raise ValueError(f"{text!r} is more than {SECONDS_MAX} seconds, which are ten years")
    return seconds


def _instead(text: str) -> str:
    """What somebody may have meant, where that is certain."""
    if _EXPONENT.fullmatch(text):
        return f"{Decimal(text):f}"
    if re.fullmatch(r"\.[0-9]{1,20}", text, re.ASCII):
        return f"0{text}"
    return "digits, with a point before decimals, such as 1000 or 0.005"
