"""The door of the private methods: who signed a request, is its nonce new, may the key do this. And the log of requests. Pure.

What a fault refuses or keeps from the exchange is recorded here too (`refuse`, `record_unseen`).
"""

import logging
from dataclasses import dataclass
from typing import Final

from paper_exchange import auth
from paper_exchange.accounts import ApiKey, key_id
from paper_exchange.errors import KrakenError
from paper_exchange.exchange import Exchange, RequestRecord
from paper_exchange.faults import FaultKind
from paper_exchange.params import Params, parse_body

_log = logging.getLogger(__name__)

# How a request is recorded that a fault kept from the exchange.
UNSEEN: Final = "unseen"
# Never recorded: a one-time password is a secret, and the nonce has a column of its own.
_NOT_RECORDED: Final = frozenset({"otp", "nonce"})


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A private request as it arrived. `received_ns` is the monotonic clock when its handler began."""

    method: str
    path: str
    api_key: str
    api_sign: str
    body: bytes
    content_type: str
    received_ns: int


@dataclass(frozen=True, slots=True)
class Admission:
    """A request that went through key, signature, nonce and permission at `admitted_us`, or was refused there."""

    request: SignedRequest
    key: ApiKey | None
    params: Params
    admitted_us: int
    refusal: KrakenError | None


def admit(exchange: Exchange, request: SignedRequest, now_us: int) -> Admission:
    """Check who asks, and use the nonce up. Whoever goes on with the admission raises its refusal and records it."""
    key = exchange.accounts.key(request.api_key)
    params = Params({})
    refusal = None
    try:
        if request.method not in auth.methods():
            raise KrakenError("EGeneral:Unknown method")  # noqa: TRY301 - one place keeps every refusal
        if key is None:
            raise KrakenError("EAPI:Invalid key")  # noqa: TRY301 - as above
        params = parse_body(request.body, request.content_type)
        auth.verify(key, request.api_sign, request.path, request.body, params)
        auth.take_nonce(key, params)
        key.last_used_us = now_us
        auth.permit(key, request.method)
    except KrakenError as error:
        refusal = error
    except Exception:  # noqa: BLE001 - a fault of ours is answered like Kraken's own
        _log.exception("a private call could not be admitted: %s", request.method)
        refusal = KrakenError("EGeneral:Internal error")
    return Admission(request, key, params, now_us, refusal)


def refuse(exchange: Exchange, request: SignedRequest, now_us: int, text: str, fault: FaultKind) -> None:
    """Record that a fault had a request refused with `text`: its nonce is used up and nothing else was done."""
    admission = admit(exchange, request, now_us)
    record(exchange, admission, text if admission.refusal is None else admission.refusal.text, [fault])


def record_unseen(exchange: Exchange, request: SignedRequest, fault: FaultKind) -> None:
    """Record that a fault kept a request from the exchange: not even its nonce was looked at."""
    try:
        params = parse_body(request.body, request.content_type)
    except KrakenError:
        params = Params({})
    key = exchange.accounts.key(request.api_key)
    record(exchange, Admission(request, key, params, 0, None), UNSEEN, [fault])


def record(exchange: Exchange, admission: Admission, outcome: str, struck: list[FaultKind]) -> None:
    """Write a request into the log, with its outcome and the faults that struck it."""
    request, key, params = admission.request, admission.key, admission.params
    nonce = params.values.get("nonce")
    exchange.requests.append(
        RequestRecord(
            received_ns=request.received_ns,
            account=None if key is None else key.account.id,
            key_id=key_id(request.api_key) if request.api_key else None,
            method=request.method,
            nonce=nonce if isinstance(nonce, str) else None,
            params={name: value for name, value in params.values.items() if name not in _NOT_RECORDED},
            outcome=outcome,
            fault=",".join(struck) or None,
        )
    )
