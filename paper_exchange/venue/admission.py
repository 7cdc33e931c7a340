"""Admission to the private methods: who signed a request, is its nonce new, may the key do this. And the log
of requests. Pure.

What a fault refuses or keeps from the exchange is recorded here too (`refuse`, `record_unseen`).
"""

import logging
from dataclasses import dataclass
from typing import Final

from krakencopy.paper_exchange.accounts import auth
from krakencopy.paper_exchange.accounts.account import ApiKey, key_id
from krakencopy.paper_exchange.faults.table import FaultKind
from krakencopy.paper_exchange.values.errors import KrakenError
from krakencopy.paper_exchange.values.params import Params, parse_body
from krakencopy.paper_exchange.venue.audit_log import RequestRecord
from krakencopy.paper_exchange.venue.exchange import Exchange

_log = logging.getLogger(__name__)

# How a request is recorded that a fault kept from the exchange.
UNSEEN: Final = "unseen"
# Never recorded: a one-time password is a secret, and the nonce has a column of its own.
_NOT_RECORDED: Final = frozenset({"otp", "nonce"})
# Kraken: what locks a key out where it happens too often in a row.
_LOCKING: Final = frozenset({"EAPI:Invalid key", "EAPI:Invalid signature", "EAPI:Invalid nonce"})


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
    remote: str | None = None


@dataclass(frozen=True, slots=True)
class Admission:
    """A request that went through key, signature, nonce and permission at `admitted_us`, or was refused
    there.
    """

    request: SignedRequest
    key: ApiKey | None
    params: Params
    admitted_us: int
    refusal: KrakenError | None


def admit(exchange: Exchange, request: SignedRequest, now_us: int) -> Admission:
    """Check who asks, and use the nonce up. A caller that goes on with the admission raises its refusal and
    records it.
    """
    key = exchange.accounts.key(request.api_key)
    params = Params({})
    refusal = None
    try:
        if request.method not in auth.methods():
            raise KrakenError("EGeneral:Unknown method")  # noqa: TRY301 - one place keeps every refusal
        params = _authenticate(exchange, request, key, now_us)
        assert key is not None, "an unknown key was refused"
        key.last_used_us = now_us
        _count(exchange, key, request.method, now_us)
        auth.permit(key, request.method)
    except KrakenError as error:
        refusal = error
    except Exception:  # noqa: BLE001 - a fault of ours is answered like Kraken's own
        _log.exception("a private call could not be admitted: %s", request.method)
        refusal = KrakenError("EGeneral:Internal error")
    if refusal is not None and key is not None:
        params = _readable(request)
    return Admission(request, key, params, now_us, refusal)


def _authenticate(exchange: Exchange, request: SignedRequest, key: ApiKey | None, now_us: int) -> Params:
    """Key, signature, nonce, in this order; too many refusals in a row lock the key out. Raises
    KrakenError.
    """
    rules, true_us = exchange.rules, exchange.true_us(now_us)
    watched = bool(rules.lockout_after) and (key is None or key.account.limited)
    if watched and exchange.lockouts.is_locked(request.api_key, true_us):
        raise KrakenError("EGeneral:Temporary lockout")
    try:
        if key is None or (key.valid_until_us and key.valid_until_us <= now_us):
            raise KrakenError("EAPI:Invalid key")  # noqa: TRY301 - one place counts the failures
        params = parse_body(request.body, request.content_type)
        auth.verify(key, request.api_sign, request.path, request.body, params)
        auth.take_nonce(key, params, rules)
    except KrakenError as error:
        if watched and error.text in _LOCKING:
            exchange.lockouts.failed(request.api_key, rules.lockout_after, true_us)
        raise
    exchange.lockouts.clear(request.api_key)
    if key.ip_allowlist and request.remote not in key.ip_allowlist:
        raise KrakenError("EGeneral:Permission denied")
    return params


def _count(exchange: Exchange, key: ApiKey, method: str, now_us: int) -> None:
    """Charge the key's REST counter. Raises KrakenError where it is full."""
    account, rules = key.account, exchange.rules
    cost = auth.rest_cost(method, rules)
    if not account.limited or not cost:
        return
    true_us = exchange.true_us(now_us)
    if not key.rest.count_call(account.tier, cost, true_us, refusals_count=rules.refusals_count):
        raise KrakenError("EAPI:Rate limit exceeded")


def _readable(request: SignedRequest) -> Params:
    """The arguments of a refused request as far as they can be read, for the log."""
    try:
        return parse_body(request.body, request.content_type)
    except KrakenError:
        return Params({})


def refuse(exchange: Exchange, request: SignedRequest, now_us: int, text: str, fault: FaultKind) -> None:
    """Record that a fault had a request refused with `text`: its nonce is used up and nothing else was
    done.
    """
    admission = admit(exchange, request, now_us)
    record(exchange, admission, text if admission.refusal is None else admission.refusal.text, [fault])


def record_unseen(
    exchange: Exchange, request: SignedRequest, fault: FaultKind | None, outcome: str = UNSEEN
) -> None:
    """Record that something kept a request from the exchange: not even its nonce was looked at."""
    key = exchange.accounts.key(request.api_key)
    record(
        exchange,
        Admission(request, key, _readable(request), 0, None),
        outcome,
        [] if fault is None else [fault],
    )


def record(exchange: Exchange, admission: Admission, outcome: str, fired: list[FaultKind]) -> None:
    """Write a request into the log, with its outcome and the faults that fired on it."""
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
            fault=",".join(fired) or None,
        )
    )
