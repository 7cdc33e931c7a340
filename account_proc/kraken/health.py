"""What the answers to one account's calls say of its key, of the exchange and of the rate limits. Pure but
for a lock: calls end in several threads.

The first cause is kept. An exchange that has refused a key locks it out after some more tries; the key stays
what is wrong. One failure in the way proves nothing, a second one in a row does.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from krakencopy.account_proc.contract.conditions import HOLDS, UNKNOWN, ConditionType, Finding
from krakencopy.account_proc.contract.errors import (
    ExchangeError,
    ExchangeRefused,
    InvalidNonce,
    KeyRefused,
    OutcomeUnknown,
    RateLimited,
)
from krakencopy.account_proc.kraken.errors import (
    LOCKOUT,
    NOT_PERMITTED,
    FrontRefuses,
    LockedOut,
    NothingTold,
    ServiceTrouble,
)
from krakencopy.account_proc.kraken.front import FRONT_REFUSES

#: Failures in a row from which on the exchange does not answer.
FAILURES_MIN = 2
#: So long after the last refusal for a rate the limits count as free again, in seconds: Kraken's counters
#: of calls and orders fall to zero within a minute (Spot REST rate limits, Starter: 20 at 0.33/s).
RATE_SHOWN_S = 60.0

#: What a key must be allowed to call. Without the others (its own rights, fees, BalanceEx, and cancels, which
#: only operators ask for) all goes on.
NEEDED_METHODS = frozenset(
    {
        "AddOrder",
        "Balance",
        "OpenOrders",
        "ClosedOrders",
        "QueryOrders",
        "TradesHistory",
        "GetWebSocketsToken",
    }
)

_HTTP_STATUS = re.compile(r"HTTP (\d{3})", re.ASCII)
#: Kraken's words for a key that it does not take, by how they begin, and the reason here.
_KEY_REASONS = (
    ("EAPI:Invalid key", "INVALID_KEY"),
    ("EAPI:Invalid signature", "INVALID_SIGNATURE"),
    (LOCKOUT, "LOCKED_OUT"),
    ("EAuth:Account temporary disabled", "ACCOUNT_DISABLED"),
    ("EAuth:Account unconfirmed", "ACCOUNT_DISABLED"),
    ("ETrade:User Locked", "ACCOUNT_DISABLED"),
)
_KEY_REMEDY = {
    "INVALID_KEY": "it was deleted or is another one; give the account a new key",
    "INVALID_SIGNATURE": "its secret is not the one of the key; give both again",
    "LOCKED_OUT": "the exchange lets it in again after about 15 minutes; another program may use it",
    "ACCOUNT_DISABLED": "ask the exchange's support",
    "KEY_REFUSED": "look the key up at the exchange",
}


@dataclass(slots=True)
class _Trouble:
    """What is wrong, since its first sign."""

    reason: str
    words: str
    data: dict[str, str]
    count: int = 1


@dataclass(slots=True)
class ExchangeHealth:
    """What one account's calls have met. Times in seconds of a clock that only goes forward."""

    #: Is called, in any thread, when a finding may have changed.
    changed: Callable[[], object] = lambda: None
    #: How long refusals for a rate are shown, in seconds.
    rate_shown_s: float = RATE_SHOWN_S
    #: What the key must be allowed to call.
    needed: frozenset[str] = NEEDED_METHODS
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _key: _Trouble | None = None
    _key_known: bool = False
    #: Methods that the key may not use, with Kraken's words.
    _denied: dict[str, str] = field(default_factory=dict)
    #: Of those that the key's own rights had permitted: that they do, and that they are refused all the same.
    _shown_permitted: set[str] = field(default_factory=set)
    _contradicted: set[str] = field(default_factory=set)
    _nonce: _Trouble | None = None
    _exchange: _Trouble | None = None
    #: Whether signed calls have met it: an answer to a public one does not end it then.
    _exchange_private: bool = False
    _exchange_known: bool = False
    _rate: _Trouble | None = None
    _rate_at: float = 0.0

    def note_success(self, method: str, *, private: bool) -> bool:
        """A call was carried out; whether a finding may have changed."""
        if self._exchange_known and self._exchange is None and (not private or self._is_key_well(method)):
            return False  # as nearly always, and on the way of orders
        with self._lock:
            before = self._troubles()
            self._exchange_known = True
            if private or not self._exchange_private:
                self._exchange, self._exchange_private = None, False
            if private:
                self._key, self._key_known, self._nonce = None, True, None
                self._denied.pop(method, None)
                self._shown_permitted.discard(method)
                self._contradicted.discard(method)
            has_changed = before != self._troubles()
        if has_changed:
            self.changed()
        return has_changed

    def _is_key_well(self, method: str) -> bool:
        return self._key_known and self._key is None and self._nonce is None and method not in self._denied

    @property
    def is_unwell(self) -> bool:
        """Whether there is something that only another call can show to be over."""
        return bool(self._exchange or self._key or self._nonce or self._denied)

    @property
    def is_key_refused(self) -> bool:
        """Whether the key is not taken: asking often makes a lockout longer."""
        return self._key is not None

    @property
    def is_denied(self) -> bool:
        """Whether the key may not do something that it is used for."""
        return bool(self._denied)

    def note_permitted(self) -> None:
        """The exchange has shown that the key may do all that it is used for. What it refused all the same
        after it had shown that before stays refused until it passes.
        """
        with self._lock:
            cleared = self._denied.keys() - self._contradicted
            self._shown_permitted |= cleared
            had, self._denied = (
                bool(cleared),
                {method: words for method, words in self._denied.items() if method not in cleared},
            )
        if had:
            self.changed()

    def note_failure(self, method: str, error: ExchangeError, now: float, *, private: bool = True) -> bool:
        """A call failed; whether a finding may have changed."""
        if isinstance(error, LockedOut):
            return False  # nothing was sent, for a reason that is known
        with self._lock:
            before = self._troubles()
            if isinstance(error, OutcomeUnknown) and not isinstance(error, NothingTold):
                self._exchange = _again(self._exchange, *_way_trouble(method, error))
                self._exchange_private |= private
            else:
                self._exchange_known = True
                if private or not self._exchange_private:
                    self._exchange, self._exchange_private = None, False
            if isinstance(error, ExchangeRefused):
                self._note_refusal(method, error, now)
            has_changed = before != self._troubles()
        if has_changed:
            self.changed()
        return has_changed

    def _note_refusal(self, method: str, error: ExchangeRefused, now: float) -> None:
        words = error.errors[0] if error.errors else str(error)
        data = {"method": method, "error": words}
        match error:
            case InvalidNonce():
                self._nonce = _again(self._nonce, "INVALID_NONCE", f"{method}: {words}", data)
            case RateLimited():
                self._rate = _again(
                    self._rate if self._is_rate_shown(now) else None, "RATE_LIMITED", words, data
                )
                self._rate_at = now
            case KeyRefused() if words.startswith(NOT_PERMITTED):
                if method in self.needed:
                    self._denied.setdefault(method, words)
                    if method in self._shown_permitted:
                        self._contradicted.add(method)
                self._key_known = True
            case KeyRefused():
                reason = next(
                    (name for start, name in _KEY_REASONS if words.startswith(start)), "KEY_REFUSED"
                )
                self._key_known = True
                if self._key is None:  # what comes after may follow from it
                    self._key = _Trouble(reason, f"{method}: {words}", data)
            case _:
                return

    def _troubles(self) -> tuple[object, ...]:
        """What findings are made of, to see whether it has changed."""
        exchange = (
            None if self._exchange is None else (self._exchange.words, self._exchange.count >= FAILURES_MIN)
        )
        known = (self._key_known, self._exchange_known)
        texts = [each and each.words for each in (self._key, self._nonce)]
        return (known, *texts, tuple(self._denied), exchange, self._rate and self._rate.count)

    def _is_rate_shown(self, now: float) -> bool:
        return self._rate is not None and now - self._rate_at < self.rate_shown_s

    def rate_free_in(self, now: float) -> float:
        """Seconds until the limits count as free again; 0 where they do."""
        return max(self._rate_at + self.rate_shown_s - now, 0.0) if self._rate is not None else 0.0

    def findings(self, now: float, next_try: str = "") -> Iterator[Finding]:
        """What is known now. ``next_try``: when an account without anything to do asks the exchange again,
        where that is known.
        """
        with self._lock:
            yield self._of_key(next_try)
            yield self._of_permissions(next_try)
            yield self._of_nonce()
            yield self._of_exchange(next_try)
            yield self._of_rate(now)

    def _of_key(self, next_try: str) -> Finding:
        if (key := self._key) is None:
            return (HOLDS if self._key_known else UNKNOWN)[ConditionType.KEY_ACCEPTED]
        message = f"the exchange does not take the key ({key.words}); {_KEY_REMEDY[key.reason]}"
        message += f"; next try at {next_try}" if next_try else ""
        return Finding(
            type=ConditionType.KEY_ACCEPTED, holds=False, reason=key.reason, message=message, data=key.data
        )

    def _of_permissions(self, next_try: str) -> Finding:
        if not self._denied:
            return (HOLDS if self._key_known else UNKNOWN)[ConditionType.KEY_PERMITTED]
        methods = ", ".join(sorted(self._denied))
        words = next(iter(self._denied.values()))
        message = f"the key may not use {methods} ({words}); give it the permission at the exchange"
        message += f"; looked at again at {next_try}" if next_try else ""
        return Finding(
            type=ConditionType.KEY_PERMITTED, holds=False, reason="PERMISSION_DENIED", message=message,
            data={"methods": methods, "error": words},
        )  # fmt: skip

    def _of_nonce(self) -> Finding:
        if (nonce := self._nonce) is None:
            return (HOLDS if self._key_known else UNKNOWN)[ConditionType.NONCE_ACCEPTED]
        message = (
            f"the exchange refuses the key's nonces ({nonce.words}): another program may use the key; "
            "give this account a key of its own"
        )
        return Finding(
            type=ConditionType.NONCE_ACCEPTED,
            holds=False,
            reason=nonce.reason,
            message=message,
            data=nonce.data,
        )

    def _of_exchange(self, next_try: str) -> Finding:
        trouble = self._exchange
        if trouble is None or trouble.count < FAILURES_MIN:
            return (HOLDS if self._exchange_known else UNKNOWN)[ConditionType.EXCHANGE_ANSWERS]
        message = (
            f"the exchange does not answer ({trouble.words}); it is asked again and again, nothing is lost"
        )
        data = trouble.data | ({"next_try": next_try} if next_try else {})
        return Finding(
            type=ConditionType.EXCHANGE_ANSWERS,
            holds=False,
            reason=trouble.reason,
            message=message,
            data=data,
        )

    def _of_rate(self, now: float) -> Finding:
        if not self._is_rate_shown(now) or self._rate is None:
            return HOLDS[ConditionType.RATE_FREE]
        times = f"{self._rate.count} times" if self._rate.count > 1 else "once"
        message = (
            f"refused {times} for its rate ({self._rate.words}): something else uses the account, or "
            "its tier is set too high"
        )
        data = self._rate.data | {"count": str(self._rate.count)}
        return Finding(
            type=ConditionType.RATE_FREE, holds=False, reason="RATE_LIMITED", message=message, data=data
        )


def _again(before: _Trouble | None, reason: str, words: str, data: dict[str, str]) -> _Trouble:
    """The trouble after one more sign of it: the first cause is kept, what it said last is shown."""
    if before is None:
        return _Trouble(reason, words, data)
    return _Trouble(
        before.reason, words if reason == before.reason else before.words, before.data, before.count + 1
    )


def _way_trouble(method: str, error: OutcomeUnknown) -> tuple[str, str, dict[str, str]]:
    data = {"method": method, "error": error.cause}
    if isinstance(error, FrontRefuses):
        return FRONT_REFUSES, str(error.cause), data | {"http_status": str(error.status)}
    if status := _HTTP_STATUS.match(error.cause):
        return "HTTP_ERROR", error.cause, data | {"http_status": status[1]}
    if isinstance(error, ServiceTrouble) or error.cause.startswith("EService"):
        return "SERVICE_TROUBLE", error.cause, data
    return "EXCHANGE_UNREACHABLE", error.cause, data
