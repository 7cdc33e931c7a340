"""Identifiers: the exchange's own (orders `O…`, trades `T…`) and the forms that a client's order id may
have.
"""

import random
import re
import string
from typing import Final

_LETTERS: Final = string.ascii_uppercase + string.digits
_TO_LETTER: Final = bytes(ord(_LETTERS[byte % len(_LETTERS)]) for byte in range(256))
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_HEX32: Final = re.compile(r"[0-9a-fA-F]{32}", re.ASCII)
_FREE: Final = re.compile(r"[!-~]{1,18}", re.ASCII)


class TransactionIds:
    """Mints ids in Kraken's form `OXXXXX-XXXXX-XXXXXX`, unique over all accounts and restarts."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def mint(self, kind: str) -> str:
        """A new id whose first letter is `kind`."""
        # Several are minted for every order, so quickly: a byte each, not quite evenly spread over the
        # letters.
        tail = self._rng.randbytes(16).translate(_TO_LETTER).decode()
        return f"{kind}{tail[:5]}-{tail[5:10]}-{tail[10:]}"


def client_order_key(cl_ord_id: str) -> str | None:
    """What two client order ids are compared by, or None where the form is not one that Kraken takes.

    Kraken: a UUID with dashes, 32 hex digits, or free ASCII of at most 18 characters. Ids are kept as 128-bit
    numbers, so both spellings of a UUID are the same id.
    """
    if _UUID.fullmatch(cl_ord_id):
        return cl_ord_id.replace("-", "").lower()
    if _HEX32.fullmatch(cl_ord_id):
        return cl_ord_id.lower()
    return cl_ord_id if _FREE.fullmatch(cl_ord_id) else None
