"""What Kraken's answer means: a result, a definite refusal, or an outcome that nobody knows. Pure: bytes in,
values or errors out.

The distinction decides about money. "Refused" means that nothing was done, so a copy may be written off or
sent again; anything that is not proven to be a refusal is OutcomeUnknown for an order. Kraken: an error is
``<E|W><Category>:<text>[:<extra>]``; logical errors come with HTTP 200, any other status means trouble on the
way.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from decimal import Decimal
from math import ceil
from typing import Any

from krakencopy.account_proc.contract.errors import (
    ExchangeError,
    ExchangeRefused,
    InvalidNonce,
    KeyRefused,
    OutcomeUnknown,
    RateLimited,
)
from krakencopy.account_proc.domain.sent_values import shown
from krakencopy.account_proc.kraken.front import FRONT_REFUSES

#: Calls that change something at the exchange. For these an unproven answer means: find out before anything
#: else.
ORDER_METHODS = frozenset(
    {
        "AddOrder",
        "AddOrderBatch",
        "AmendOrder",
        "EditOrder",
        "CancelOrder",
        "CancelOrderBatch",
        "CancelAll",
        "CancelAllOrdersAfter",
    }
)


#: Calls whose answer holds the API key, or a token that is as good as one for a while: nothing of it is ever
#: shown.
SECRET_METHODS = frozenset({"GetApiKeyInfo", "GetWebSocketsToken"})


class ClOrdIdInUse(ExchangeRefused):
    """An *open* order already carries this cl_ord_id: very likely an earlier attempt of the same order.
    Reconcile.
    """

    reason = "CL_ORD_ID_IN_USE"


class BelowMinimum(ExchangeRefused):
    """The order is smaller than the exchange takes now: the pair's rules that it was made by are old. Read
    them again.
    """

    reason = "BELOW_MINIMUM"


class MarketRefused(ExchangeRefused):
    """The account may not trade in this pair (its region, its verification, a kind of asset); the key is
    good for all others.
    """

    reason = "MARKET_REFUSED"


class ServiceTrouble(OutcomeUnknown):
    """Of a read: Kraken's own words for trouble on its side (``EService:Unavailable``), or words that
    nobody knows: the way there is fine.
    """

    reason = "SERVICE_TROUBLE"


class NothingTold(OutcomeUnknown):
    """An answer without an error, and without a result: Kraken's to ``Balance`` where an account never had
    anything.
    """

    reason = "NOTHING_TOLD"


class NotSent(OutcomeUnknown):
    """The request never left this machine, e.g. because the connection was refused: nothing was done, it may
    be sent again.

    It is an OutcomeUnknown for all who do not care to know better: looking for an order that was not sent
    does no harm.
    """

    reason = "NOT_SENT"

    def __init__(self, method: str, cause: str) -> None:
        super().__init__(method, cause)
        self.args = (f"{method}: not sent: {cause}",)


class FrontRefuses(NotSent):
    """A page of what stands in front of the exchange (HTTP 403 or 429, no answer of Kraken's): the request
    went no further.

    RFC 9110, 15.5.4, and RFC 6585, 4: a request that is answered so was not carried out; Kraken's own
    refusals come with HTTP 200.
    """

    reason = FRONT_REFUSES

    def __init__(self, method: str, status: int, said: str) -> None:
        super().__init__(method, f"HTTP {status}: {said}")
        self.status = status
        self.said = said
        self.args = (f"{method}: refused by the exchange's front: HTTP {status}: {said}",)


class LockedOut(KeyRefused):
    """Not asked: the exchange has locked the key out, or refused it too often, and further tries would
    make that longer.
    """

    reason = "LOCKED_OUT"

    def __init__(self, method: str, retry_after_s: float, cause: str = "") -> None:
        """``retry_after_s``: how much longer nothing is sent; ``cause``: what the exchange refused the key
        for first, which the lockout follows from.
        """
        super().__init__(method, (cause or LOCKOUT,))
        self.retry_after_s = retry_after_s
        why = f"the key was refused ({self.errors[0]})" if cause else "the key is locked out"
        self.args = (f"{method}: not sent: {why}; nothing is tried for {ceil(retry_after_s)} s more",)


#: HTTP: forbidden, too many requests. Seen with pages of Cloudflare's such as "error code: 1015".
FRONT_STATUS = frozenset({403, 429})
#: Kraken's words for a key that may not do this, which it also answers where the account may not trade in one
#: market.
NOT_PERMITTED = ("EGeneral:Permission denied", "EAccount:Invalid permissions")
#: Kraken's word for a lockout.
LOCKOUT = "EGeneral:Temporary lockout"
#: Kraken: a pair's counter of orders is full.
RATE_ERROR = "EOrder:Rate limit exceeded"
#: An order's deadline: not within 2 to 60 s from now by Kraken's clock when it came in, or over when it was
#: carried out.
DEADLINE_ERROR = "EGeneral:Invalid arguments:deadline"
DEADLINE_ELAPSED = "EService:Deadline elapsed"
#: How Kraken's errors begin that say which orders the venue takes now, e.g. ``EService:Market in cancel_only
#: mode``.
MARKET_MODE = "EService:Market in "
#: What Cloudflare's pages say, whatever was asked: 1015 for a rate, 1020 for a rule.
_FRONT_CODE = re.compile(rb"error code: \d{3,5}")
_THROTTLED = re.compile(r"EService:Throttled:(\d{1,12})\b", re.ASCII)

#: By the start of the error, first match counts. None stands for OutcomeUnknown. Source: the catalogue of
#: errors in Kraken's documentation, and what clients have seen after answers like these.
_BY_START: tuple[tuple[str, type[ExchangeRefused] | None], ...] = (
    ("EGeneral:Invalid arguments:cl_ord_id not unique", ClOrdIdInUse),
    # Kraken's words for a too small order: with "minimum not met" in logs of 2025 and 2026, without it in
    # reports of 2017 to 2024.
    ("EGeneral:Invalid arguments:volume", BelowMinimum),
    ("EGeneral:Invalid arguments:cost", BelowMinimum),
    ("EGeneral:Invalid arguments", ExchangeRefused),
    ("EGeneral:Unknown method", ExchangeRefused),
    ("EGeneral:Permission denied", KeyRefused),
    (LOCKOUT, KeyRefused),
    ("EGeneral:Too many requests", RateLimited),
    ("EAPI:Invalid nonce", InvalidNonce),
    ("EAPI:Invalid key", KeyRefused),
    ("EAPI:Invalid signature", KeyRefused),
    ("EAPI:Rate limit exceeded", RateLimited),
    ("EAPI:Bad request", ExchangeRefused),
    ("EAPI:Feature disabled", ExchangeRefused),
    ("EAuth:Rate limit exceeded", RateLimited),
    ("EAuth:Too many requests", RateLimited),
    ("EAuth:Account temporary disabled", KeyRefused),
    ("EAuth:Account unconfirmed", KeyRefused),
    # With something behind it, the region may not trade this pair: no fault of the key. ``AAPLx trading
    # restricted for NL.``
    ("EAccount:Invalid permissions:", MarketRefused),
    ("EAccount:Invalid permissions", KeyRefused),
    ("EService:Throttled", RateLimited),
    (MARKET_MODE, ExchangeRefused),
    (RATE_ERROR, RateLimited),
    ("EOrder:Domain rate limit exceeded", RateLimited),
    # The same, by Kraken's documentation and in logs of 2020.
    ("EOrder:Order minimum not met", BelowMinimum),
    ("EOrder:Cost minimum not met", BelowMinimum),
    # Whole categories that speak about the request itself, before it is carried out.
    ("EOrder:", ExchangeRefused),
    ("EQuery:", ExchangeRefused),
    ("EFunding:", ExchangeRefused),
    ("EBM:limit exceeded", ExchangeRefused),
    ("ETrade:User Locked", KeyRefused),
    ("ETrade:Invalid request", ExchangeRefused),
    ("EService:", None),
    ("EGeneral:Internal error", None),
    ("EDatabase:", None),
)

_BLANK_AFTER_COLON = re.compile(r":\s+")
_TITLE, _TITLE_WITHIN = re.compile(rb"<title>([^<]+)</title>", re.IGNORECASE), 2_000
#: Of an answer that is no answer, enough to recognise it.
_SHOWN_CHARACTERS = 120


def classify(method: str, errors: Sequence[str], *, is_order: bool) -> ExchangeError:
    """The error to raise for Kraken's ``errors`` (those that begin with E).

    With several errors the least certain one counts. Strings that are not known are OutcomeUnknown for
    orders.
    """
    texts = tuple(_BLANK_AFTER_COLON.sub(":", error.strip()) for error in errors)
    kinds = [_kind(text, is_order=is_order) for text in texts]
    if not kinds or None in kinds:
        kind = OutcomeUnknown if is_order else ServiceTrouble
        return kind(method, ", ".join(texts) or "an error without a text")
    refusals = [kind for kind in kinds if kind is not None]
    # ExchangeRefused itself says least about what to do next.
    refusal = next((kind for kind in refusals if kind is not ExchangeRefused), ExchangeRefused)
    return refusal(method, texts)


def _kind(text: str, *, is_order: bool) -> type[ExchangeRefused] | None:
    for start, kind in _BY_START:
        if text.startswith(start):
            return kind
    return None if is_order else ExchangeRefused


def is_below_minimum(error: str) -> bool:
    """Whether one of Kraken's errors says that the order is smaller than the exchange takes, in whichever
    of its words.
    """
    return _kind(_BLANK_AFTER_COLON.sub(":", error.strip()), is_order=True) is BelowMinimum


def is_of_key_or_market(error: ExchangeError) -> bool:
    """Whether an order was refused in words that Kraken has for a key that may not trade, and for a market
    that the account may not trade in: kraken/order_entry.py finds out which.
    """
    return (
        isinstance(error, KeyRefused)
        and error.method == "AddOrder"
        and error.errors[0].startswith(NOT_PERMITTED)
    )


def speaks_of_time(error: ExchangeError) -> bool:
    """Whether an order was refused for its deadline: our idea of the exchange's time may be wrong."""
    texts = error.errors if isinstance(error, ExchangeRefused) else (getattr(error, "cause", ""),)
    return any(DEADLINE_ERROR in text or DEADLINE_ELAPSED in text for text in texts)


def throttled_until(error: str) -> float | None:
    """When the exchange may be asked again after ``EService:Throttled: <Unix seconds>``; None where it
    does not say.
    """
    found = _THROTTLED.match(error)
    return float(found[1]) if found else None


def result_of(method: str, status: int, body: bytes, *, is_order: bool) -> Any:
    """The ``result`` of an answer, numbers with a point as Decimal.

    Raises what ``classify`` returns, FrontRefuses for a page of a front, and OutcomeUnknown for everything
    that is not Kraken's envelope: another HTTP status, HTML, JSON that ends too early.
    """
    if status in FRONT_STATUS:
        code = _FRONT_CODE.search(body)
        raise FrontRefuses(method, status, code[0].decode("ascii") if code else _shown(method, body))
    if status != 200:
        raise OutcomeUnknown(method, f"HTTP {status}: {_title(method, status, body) or _shown(method, body)}")
    try:
        answer = loads(body)
    except (ValueError, RecursionError) as error:
        raise OutcomeUnknown(method, f"not JSON: {_shown(method, body)}") from error
    errors = answer.get("error") if isinstance(answer, dict) else None
    if not isinstance(errors, list) or not all(isinstance(error, str) for error in errors):
        raise OutcomeUnknown(method, f"not an answer of Kraken's: {_shown(method, body)}")
    # Kraken: warnings begin with W and come beside a result. Everything else is a failure, even in an unknown
    # form.
    failures = [shown(error) for error in errors if not error.startswith("W")]
    if failures:
        raise classify(method, failures, is_order=is_order)
    if answer.get("result") is None:
        raise NothingTold(method, f"neither error nor result: {_shown(method, body)}")
    return answer["result"]


def loads(text: bytes) -> Any:
    """JSON with every number that has a point or an exponent as Decimal. Raises ValueError, also for NaN
    and Infinity.
    """
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_no_constant)
    except ArithmeticError as error:
        # Decimal has exponents up to 18 digits; one beyond (1e9999999999999999999) is InvalidOperation.
        raise ValueError("a number beyond all bounds") from error


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _title(method: str, status: int, body: bytes) -> str:
    """What a page of HTML is called, without its status; empty where it does not say."""
    found = None if method in SECRET_METHODS else _TITLE.search(body[:_TITLE_WITHIN])
    text = " ".join(found[1].decode("utf-8", "replace").split()) if found else ""
    return text.removeprefix(f"{status}").strip()[:_SHOWN_CHARACTERS]


def _shown(method: str, body: bytes) -> str:
    if method in SECRET_METHODS:
        return f"{len(body)} bytes, which may hold a secret"
    text = " ".join(body[: 4 * _SHOWN_CHARACTERS].decode("utf-8", "replace").split())
    return repr(text[:_SHOWN_CHARACTERS]) if text else "an empty body"
