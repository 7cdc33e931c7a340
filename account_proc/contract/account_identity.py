"""Which account at Kraken a key opens: the account's own public number, the same for all keys of it. Pure.

The number is no secret, but it is shown by its end only and kept as a hash: all that is ever done with it is
to compare.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

#: Hex digits of the hash. Two accounts of one supervisor agree in them by chance once in 2^64.
FINGERPRINT_DIGITS = 16
#: Of the number, its last characters are shown; of one as short as that, none.
SHOWN_CHARACTERS = 4


@dataclass(frozen=True, slots=True)
class AccountIdentity:
    """One account at the exchange."""

    fingerprint: str
    #: For people, e.g. "…WOZA".
    masked: str

    @classmethod
    def of(cls, number: str) -> AccountIdentity | None:
        """By the number as GetApiKeyInfo tells it (``iban``), however it is spaced; None where it tells
        none.
        """
        plain = "".join(number.split()).upper()
        if not plain:
            return None
        digest = hashlib.sha256(f"krakencopy account {plain}".encode()).hexdigest()
        shown = plain[-SHOWN_CHARACTERS:] if len(plain) > SHOWN_CHARACTERS else ""
        return cls(digest[:FINGERPRINT_DIGITS], f"…{shown}")

    def __str__(self) -> str:
        """The form in which it is kept and compared."""
        return f"{self.fingerprint} {self.masked}"


def masked(identity: str) -> str:
    """What people are shown of a kept identity: its masked number and the first digits of its hash."""
    fingerprint, _, shown = identity.partition(" ")
    return f"{shown} ({fingerprint[:6]})"
