"""Kraken's REST transport for one account: one connection, one request at a time, each sent once.

Knows envelopes, signatures, nonces and what a call costs, and nothing about what a method means. No order is
sent again here: whether one may be repeated is known only to the caller, who wrote down what it was for.
Every signed call is charged to the account's limits before it leaves; a call that waits for room there keeps
no order from leaving.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any
from urllib.parse import urlencode, urlsplit

from krakencopy.account_proc.contract.errors import (
    ConfigurationFault,
    ExchangeError,
    ExchangeRefused,
    InvalidNonce,
    NonceFault,
)
from krakencopy.account_proc.contract.spec import Credentials, Tier
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.kraken.errors import (
    ORDER_METHODS,
    FrontRefuses,
    LockedOut,
    NotSent,
    is_of_key_or_market,
    result_of,
    speaks_of_time,
)
from krakencopy.account_proc.kraken.exchange_clock import ExchangeClock
from krakencopy.account_proc.kraken.front import Front
from krakencopy.account_proc.kraken.health import ExchangeHealth
from krakencopy.account_proc.kraken.order_gate import OrderGate
from krakencopy.account_proc.kraken.rest.http_connection import OK, Answer, HttpConnection
from krakencopy.account_proc.kraken.rest.nonce_refusals import NonceRefusals, NonceSource
from krakencopy.account_proc.kraken.rest.rate_limits import AccountLimits
from krakencopy.account_proc.kraken.rest.signing import CallSigner, SignedCall

log = logging.getLogger(__name__)

#: The one call that makes an order.
ADD_ORDER = "AddOrder"
#: For a request with its answer, in seconds.
TIMEOUT_S = 10.0
#: So long an order waits for the answer to a signed read that left before it, in seconds: Kraken answers
#: within some 0.3 s. Then it goes first, with the larger nonce; should the read arrive after it, that is
#: refused and asked again.
READ_PATIENCE_S = 1.0
#: Read from the package's metadata when this is imported: in each process it would cost 2 ms and 0.5 MiB.
USER_AGENT = f"krakencopy/{version('krakencopy')}"


class KrakenRest:
    """Signed and public calls. Safe for threads; private calls go out strictly one after another."""

    def __init__(
        self,
        base_url: str,
        credentials: Credentials,
        nonces: NonceSource,
        limits: AccountLimits | None = None,
        clock: ExchangeClock | None = None,
        health: ExchangeHealth | None = None,
        gate: OrderGate | None = None,
    ) -> None:
        """``base_url`` as ``https://api.kraken.com``; without ``limits`` those of the lowest tier hold.
        ``clock`` is given the time at the exchange by each answer, ``health`` how each call ended.
        ``gate`` says whether an order may leave; without it every one may.

        Raises ConfigurationFault or CredentialsFault if one of them cannot be used.
        """
        parts = urlsplit(base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigurationFault(f"rest_url {base_url!r} is not an http or https address")
        self._prefix = parts.path.rstrip("/").encode("ascii")
        # The same for all calls; of an answer, what is said of what has been unpacked (HttpConnection).
        self._head = f"Host: {parts.netloc}\r\nAccept-Encoding: gzip\r\n".encode("ascii")
        self._signer = CallSigner(credentials, USER_AGENT)
        self._nonces = nonces
        self._nonce_refusals = NonceRefusals(nonces)
        self.limits = AccountLimits(Tier.STARTER) if limits is None else limits
        self._gate = OrderGate() if gate is None else gate
        self._connection = HttpConnection(parts)
        self.clock = ExchangeClock() if clock is None else clock
        self.health = ExchangeHealth() if health is None else health
        #: Why nonces could not be reserved ahead: the disk, as a rule. Empty while they can.
        self.nonce_trouble = ""
        #: The connection's, and the turn of a signed call, for every sender.
        self._one_at_a_time = threading.Lock()
        self._signed_turn = threading.Lock()
        #: Since when a signed read is on its way that has the turn (monotonic seconds). An order that goes
        #: before it makes a new turn; the read gives back the old one, which is nobody's.
        self._reading_since: float | None = None
        self._turn_guard = threading.Lock()
        #: Whether an order went before the last call of the thread.
        self._was_overtaken = False

    def public(
        self, method: str, params: Mapping[str, str] | None = None, *, timeout_s: float = TIMEOUT_S
    ) -> Any:
        """The result of a public method. Raises ExchangeError."""
        query = f"?{urlencode(params)}" if params else ""
        request = b"GET %b/0/public/%b HTTP/1.1\r\n%bUser-Agent: %b\r\n\r\n" % (
            self._prefix, f"{method}{query}".encode("ascii"), self._head, USER_AGENT.encode("ascii"),
        )  # fmt: skip
        try:
            with self._one_at_a_time:
                answer = self._exchange(method, request, timeout_s, tells_time=method == "Time")
            result = self._read(method, answer.status, answer.body, self.limits.public_front)
        except ExchangeError as error:
            self.health.note_failure(method, error, time.monotonic(), private=False)
            raise
        self.health.note_success(method, private=False)
        return result

    def private(
        self, method: str, params: Mapping[str, str] | None = None, *, timeout_s: float = TIMEOUT_S
    ) -> Any:
        """The result of a private method. Raises ExchangeError; NonceFault if there is no nonce or Kraken
        takes none.

        Nothing is sent while the key is locked out (LockedOut), nor while Kraken has asked for a pause
        (NotSent).

        After an Invalid nonce a read is asked again as far as kraken/rest/nonce_refusals.py allows. An order
        is left to the caller, who knows what it was for, and nonces are not touched: the reads that look for
        it find out.
        """
        while True:
            try:
                return self._private_once(method, params or {}, timeout_s)
            except InvalidNonce as error:
                if method in ORDER_METHODS:
                    raise
                if not self._was_overtaken:  # else it follows from that
                    self._nonce_refusals.retry_read(error)

    @contextmanager
    def turn(
        self, method: str, params: Mapping[str, str], timeout_s: float, *, overtakes: bool = False
    ) -> Iterator[SignedCall | None]:
        """The turn of an order that somebody else sends, and whose answer ``result`` reads before the turn is
        over. It is not waited for, so that an event loop may ask: None while another signed call is on its
        way; ``overtakes``: but for a read that has been for longer than READ_PATIENCE_S. ``timeout_s``: for
        how long its answer is waited for. For one thread.

        Raises as ``private`` before anything is sent.
        """
        held = self._turn_now(overtakes=overtakes)
        if held is None:
            yield None
            return
        try:
            self._let_out(method)
            with self._order_out(method, params, timeout_s):
                yield self._signed_call(method, params)
        finally:
            held.release()

    def _turn_now(self, *, overtakes: bool) -> threading.Lock | None:
        held = self._signed_turn
        if held.acquire(blocking=False):
            return held
        with self._turn_guard:
            since = self._reading_since
            if not overtakes or since is None or time.monotonic() - since < READ_PATIENCE_S:
                return None
            self._signed_turn = held = threading.Lock()
            held.acquire()
            self._reading_since = None
        log.warning("a read is not answered; an order goes before it")
        return held

    @contextmanager
    def _turn_in_time(self) -> Iterator[threading.Lock]:
        """The turn, waited for."""
        while True:
            held = self._signed_turn
            held.acquire()
            with self._turn_guard:
                if held is self._signed_turn:
                    break
            held.release()
        try:
            yield held
        finally:
            with self._turn_guard:
                if held is self._signed_turn:
                    self._reading_since = None
            held.release()

    def result(self, method: str, status: int, body: bytes) -> Any:
        """What the answer to a signed call says, and takes in what it says about limits and nonces. Raises
        ExchangeError.
        """
        try:
            result = self._read(method, status, body, self.limits.front)
        except ExchangeError as error:
            if not is_of_key_or_market(error):
                self.health.note_failure(method, error, time.monotonic())
            if speaks_of_time(error):
                self.clock.refused()
            if not isinstance(error, ExchangeRefused):
                raise
            self.limits.refused(error, time.monotonic(), self.clock.now())
            if not isinstance(error, InvalidNonce):
                self._nonce_refusals.refused_otherwise()
            raise
        self.health.note_success(method, private=True)
        self.limits.accepted()
        self._nonce_refusals.accepted()
        return result

    @staticmethod
    def _read(method: str, status: int, body: bytes, front: Front) -> Any:
        """What an answer says, and whether it is the exchange's at all. Raises ExchangeError."""
        try:
            result = result_of(method, status, body, is_order=method in ORDER_METHODS)
        except FrontRefuses as error:
            dice = random.random()  # noqa: S311 - spreads load, guards nothing
            front.refused(error.status, error.said, time.monotonic(), dice)
            raise
        except ExchangeRefused:
            front.passed()
            raise
        front.passed()
        return result

    def _private_once(self, method: str, params: Mapping[str, str], timeout_s: float) -> Any:
        # Nonce and request under one lock: Kraken refuses a nonce that arrives after a larger one.
        with self._turn_in_time() as held:
            self._let_out(method)
            with self._order_out(method, params, timeout_s):
                return self._private_in_turn(method, params, timeout_s, held)

    def _private_in_turn(
        self, method: str, params: Mapping[str, str], timeout_s: float, held: threading.Lock
    ) -> Any:
        request = self._signed_call(method, params).request(self._prefix, self._head)
        self.limits.charge(method, time.monotonic())
        if method not in ORDER_METHODS:
            with self._turn_guard:
                self._reading_since = time.monotonic()
        try:
            with self._one_at_a_time:
                answer = self._exchange(method, request, timeout_s, tells_time=True)
        except ExchangeError as error:
            self.health.note_failure(method, error, time.monotonic())
            raise
        finally:
            self.limits.answered(method, time.monotonic())
            self._was_overtaken = held is not self._signed_turn
        return self.result(method, answer.status, answer.body)

    def _let_out(self, method: str) -> None:
        """Raises LockedOut or NotSent for a call that must not be sent now, NotTraded for one that never
        is.
        """
        self._gate.check_call(method)
        now = time.monotonic()
        locked_s = self.limits.locked_s(now)
        if locked_s:
            raise LockedOut(method, locked_s, self.limits.key_refused_for)
        pause_s = self.limits.throttled_until - now
        if pause_s > 0:
            raise NotSent(method, f"Kraken asked to be sent nothing for {pause_s:.1f} s more")
        front = self.limits.front
        if front.orders_until > now:
            raise FrontRefuses(
                method,
                front.status,
                f"{front.said}, not tried before {front.orders_until - now:.1f} s are over",
            )

    @contextmanager
    def _order_out(self, method: str, params: Mapping[str, str], timeout_s: float) -> Iterator[None]:
        """Around a call, from right before it takes its nonce until its answer was read. For an order it is
        the last look at what the account may trade: nothing stops it later. Raises NotTraded.

        An order is not waited for longer than the exchange may act on it, with a margin for doubt about its
        clock (trading/order_gateway.py): without an answer it may arrive for as long.
        """
        if method != ADD_ORDER or "validate" in params:
            yield
            return
        side = Side.SELL if params.get("type") == Side.SELL else Side.BUY
        with self._gate.order_out(side, timeout_s):
            yield

    def top_up_nonces(self) -> None:
        """Makes sure of nonces for later, so that no request has to. Called when there is time."""
        try:
            self._nonces.top_up()
        except NonceFault as fault:
            log.warning("nonces could not be reserved ahead: %s", fault)
            self.nonce_trouble = str(fault)
            self.health.changed()
        else:
            if self.nonce_trouble:
                self.nonce_trouble = ""
                self.health.changed()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _signed_call(self, method: str, params: Mapping[str, str]) -> SignedCall:
        """Raises NonceFault."""
        return self._signer.signed_call(method, params, self._nonces.next())

    def _exchange(self, method: str, request: bytes, timeout_s: float, *, tells_time: bool) -> Answer:
        answer = self._connection.send(method, request, timeout_s)
        # Pages of a front, and answers to public calls, may come from elsewhere, or be old; Time is asked for
        # to learn the time.
        if answer.status == OK and tells_time:
            self.clock.hear_date(answer.date, answer.sent_at, answer.answered_at)
        spent_s = answer.answered_at - answer.sent_at
        log.debug("%s: HTTP %d in %.1f ms", method, answer.status, spent_s * 1e3)
        return answer
