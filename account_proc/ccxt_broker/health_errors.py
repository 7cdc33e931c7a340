"""An error of ccxt in the words that the health of an account's calls is judged by
(account_proc/kraken/health.py). Pure.

ccxt names the kind of an error and quotes the exchange; an HTTP status stands beside it. Kraken's own words
mean by ccxt what they mean without it.
"""

from __future__ import annotations

import re

from krakencopy.account_proc.contract.errors import (
    ExchangeError,
    ExchangeRefused,
    InvalidNonce,
    KeyRefused,
    OutcomeUnknown,
)
from krakencopy.account_proc.kraken.errors import NOT_PERMITTED

#: Calls that need no key.
PUBLIC = frozenset({"load_markets", "fetch_ticker"})
#: What a key must be allowed to call.
NEEDED = frozenset(
    {
        "createOrder", "fetch_balance", "fetch_order", "fetch_orders", "fetch_open_orders",
        "fetch_closed_orders", "fetch_canceled_orders",
    }
)  # fmt: skip
#: Kraken's words in what ccxt quotes.
_KRAKEN_WORDS = re.compile(r"E(?:API|Auth|General|Trade|Account):[A-Za-z ]+")
#: Answers from this status on are errors by themselves (RFC 9110, 15.5).
_HTTP_ERRORS = 400
#: How ``messages.cause`` begins for ccxt's exceptions that say more than their class here.
_PERMISSION, _NONCE = "PermissionDenied:", "InvalidNonce:"
_CLOSED = ("AccountSuspended:", "AccountNotEnabled:")


def health_error(error: ExchangeError, status: int | None) -> ExchangeError:
    """The same error in those words; ``status``: the HTTP status of the answer, None without one."""
    match error:
        case OutcomeUnknown() if error.cause.startswith(_NONCE):
            return InvalidNonce(error.method, (error.cause,))
        case OutcomeUnknown() if status is not None and status >= _HTTP_ERRORS:
            return OutcomeUnknown(error.method, f"HTTP {status} ({error.cause})")
        case KeyRefused():
            return KeyRefused(error.method, (_of_key(", ".join(error.errors)),))
        case ExchangeRefused() if error.errors and error.errors[0].startswith(_NONCE):
            return InvalidNonce(error.method, error.errors)
    return error


def _of_key(text: str) -> str:
    if (found := _KRAKEN_WORDS.search(text)) is not None:
        return found[0].strip()
    if text.startswith(_PERMISSION):
        return f"{NOT_PERMITTED[0]} ({text})"
    if text.startswith(_CLOSED):
        return f"EAuth:Account temporary disabled ({text})"
    return text
