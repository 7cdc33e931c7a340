"""Numbers, times and texts as an exchange sends them, within what can be true: one reader for everything that
comes in over REST and WebSocket. Pure.

Each raises one of ``UNREADABLE`` for what is outside its bounds, so that an odd value costs its row and goes
no further: past this no number is too large to calculate with, no time without a date, no text that cannot be
written down or shown.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any

#: What a reader raises on a value, or a row, of an unexpected form.
UNREADABLE = (KeyError, IndexError, TypeError, AttributeError, ValueError, ArithmeticError)
#: No account has more of an asset, and no trade costs more. The largest supply of a coin that Kraken lists is
#: that of BTT, 9.9e14 (its issuer, 2026).
AMOUNT_MAX = Decimal("1e16")
#: Kraken: prices have 10 decimals at most (AssetPairs, pair_decimals), and its dearest is some 2e7 (BTC/JPY);
#: a tenth of the least and a few thousand times the most are left as room.
PRICE_MIN, PRICE_MAX = Decimal("1e-11"), Decimal("1e11")
#: Further decimals are a binary number's rounding (the feed sends JSON numbers): the exchange counts with 10
#: (BalanceEx), its finest coins (ETH) have 18; requests of ours have 20 (protos, TEXT_FORM_DECIMAL).
DECIMALS_MAX = 20
_FINEST = Decimal(1).scaleb(-DECIMALS_MAX)
#: Precise enough for each number here, and for products of two of them.
WIDE = Context(prec=80)
#: RFC 8259, 6, or the same as text. 64 characters are twice what AMOUNT_MAX needs with all its decimals.
_NUMBER = re.compile(r"-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)
_NUMBER_LENGTH_MAX = 64
_WHOLE = re.compile(r"[0-9]{1,20}", re.ASCII)
#: The last second that a time may be (31 December 9999): one beyond it, such as one in milliseconds, is no
#: time.
LAST_SECOND = 253_402_300_799
#: RFC 3339 with nine digits after the second and an offset.
_TIME_LENGTH_MAX = 40
#: Ids and names: Kraken's ids have 19 characters, client order ids 36. The same as of a fill's fields in
#: krakencopy.v1.
NAME_LENGTH_MAX = 64
#: Of words for people, as much as travels in an error (contract/refusals.py).
WORDS_LENGTH_MAX = 300


def number(value: Any) -> Decimal:
    """A number as text or as JSON's, up to AMOUNT_MAX either way, to DECIMALS_MAX decimals."""
    if isinstance(value, Decimal):
        result = value
    elif isinstance(value, int) and not isinstance(value, bool):
        result = Decimal(value)
    elif isinstance(value, str | float):
        text = repr(value) if isinstance(value, float) else value
        if len(text) > _NUMBER_LENGTH_MAX or not _NUMBER.fullmatch(text):
            raise ValueError(f"not a number: {shown(text)!r}")
        result = Decimal(text)
    else:
        raise TypeError(f"not a number: {shown(value)!r}")
    # Compared by powers first: both are cheap for a number of any size.
    if not result.is_finite() or (result and result.adjusted() > AMOUNT_MAX.adjusted()):
        raise ValueError(f"too large for a number: {shown(value)!r}")
    if abs(result) > AMOUNT_MAX:
        raise ValueError(f"too large for a number: {shown(value)!r}")
    exponent = result.as_tuple().exponent
    assert isinstance(exponent, int)
    if exponent < -DECIMALS_MAX:
        return result.quantize(_FINEST, ROUND_HALF_EVEN, context=WIDE)
    return result


def amount(value: Any) -> Decimal:
    """As ``number``, and not below 0."""
    result = number(value)
    if result < 0:
        raise ValueError(f"below 0: {shown(value)!r}")
    return result


def positive(value: Any) -> Decimal:
    """As ``number``, and over 0."""
    result = number(value)
    if result <= 0:
        raise ValueError(f"not over 0: {shown(value)!r}")
    return result


def price(value: Any) -> Decimal:
    """What one of something may cost."""
    result = number(value)
    if not PRICE_MIN <= result <= PRICE_MAX:
        raise ValueError(f"not a price: {shown(value)!r}")
    return result


def price_or_none(value: Any) -> Decimal:
    """As ``price``, or 0: Kraken's word for none."""
    return price(value) if number(value) else Decimal(0)


def whole(value: Any, most: int) -> int:
    """A whole number from 0 to ``most``, as text or as JSON's."""
    if isinstance(value, str):
        if not _WHOLE.fullmatch(value):
            raise ValueError(f"not a whole number: {shown(value)!r}")
        result = int(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        result = value
    else:
        exact = number(value)
        result = int(exact)
        if result != exact:
            raise ValueError(f"not a whole number: {shown(value)!r}")
    if not 0 <= result <= most:
        raise ValueError(f"not from 0 to {most}: {shown(value)!r}")
    return result


def moment(value: Any) -> Decimal:
    """A time in Unix seconds, after 1970 and up to LAST_SECOND."""
    result = positive(value)
    if result > LAST_SECOND:
        raise ValueError(f"not a time in seconds: {shown(value)!r}")
    return result


def instant(value: Any) -> datetime:
    """A time as RFC 3339 writes it, in UTC where it names no other offset; bounds as of ``moment``. Python
    keeps six of Kraken's nine digits after the second.
    """
    if not isinstance(value, str) or len(value) > _TIME_LENGTH_MAX or not value.isascii():
        raise ValueError(f"not a time: {shown(value)!r}")
    time = datetime.fromisoformat(value)
    time = time.replace(tzinfo=UTC) if time.tzinfo is None else time
    if not 0 < time.timestamp() <= LAST_SECOND:
        raise ValueError(f"not a time: {shown(value)!r}")
    return time


def name(value: Any, longest: int = NAME_LENGTH_MAX) -> str:
    """A text that something is known by: not empty, and only characters that can be shown. Those for
    control, for the direction of writing, and halves of a pair (surrogates) cannot.
    """
    if not isinstance(value, str) or not value:
        raise TypeError(f"not a text: {shown(value)!r}")
    if len(value) > longest or not value.isprintable():
        raise ValueError(f"not a name: {shown(value)!r}")
    return value


def shown(value: Any, longest: int = WORDS_LENGTH_MAX) -> str:
    """Words for people, of whatever was sent: cut, with a blank for each character that cannot be shown."""
    text = (value if isinstance(value, str) else str(value))[:longest]
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)
