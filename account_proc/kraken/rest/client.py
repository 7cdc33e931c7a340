"""Kraken's REST transport for one account: one connection, one request at a time, each sent once.

Knows envelopes, signatures, nonces and what a call costs, and nothing about what a method means. No order is
sent again here: whether one may be repeated is known only to the caller, who wrote down what it was for.
Every signed call is charged to the account's limits before it leaves; a call that waits for room there keeps
no order from leaving.
"""

from __future__ import annotations

import logging
import random
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.metadata import version
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from krakencopy.account_proc.contract.errors import (
    ConfigurationFault,
    ExchangeError,
    ExchangeRefused,
    InvalidNonce,
    NonceFault,
    OutcomeUnknown,
)
from krakencopy.account_proc.contract.spec import Credentials, Tier
from krakencopy.account_proc.kraken.answers import (
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
from krakencopy.account_proc.kraken.rest.nonce_refusals import NonceRefusals, NonceSource
from krakencopy.account_proc.kraken.rest.rate_limits import AccountLimits
from krakencopy.account_proc.kraken.rest.signing import CallSigner, SignedCall
from krakencopy.account_proc.kraken.tls import EXCHANGE_TLS
from krakencopy.account_proc.runtime.steady_clock import steady_s

log = logging.getLogger(__name__)

#: To connect, and for a request with its answer.
CONNECT_TIMEOUT_S = 5.0
TIMEOUT_S = 10.0
#: So long an order waits for the answer to a signed read that left before it, in seconds: Kraken answers
#: within some 0.3 s. Then it goes first, with the larger nonce; should the read arrive after it, that is
#: refused and asked again.
READ_PATIENCE_S = 1.0
#: The longest answers are all pairs (about 2 MB) and all tickers.
ANSWER_BYTES_MAX = 32 * 1024 * 1024
CHUNK_BYTES = 64 * 1024
#: A connection that was idle for longer is not used again: other clients saw requests vanish on connections
#: older than 5 minutes, and a request that vanishes is an order that nobody knows about.
IDLE_CONNECTION_S = 240.0

#: HTTP: Kraken answers with this, whatever the answer says; everything else comes from a front.
OK = 200
#: Read from the package's metadata when this is imported: in each process it would cost 2 ms and 0.5 MiB.
USER_AGENT = f"krakencopy/{version('krakencopy')}"


class _Trusting(HTTPAdapter):
    """Trusts by the context that the process has already, and does not read all root certificates again."""

    def __init__(self, wire: _Wire, **kwargs: Any) -> None:
        self._wire = wire  # needed while the pool is made
        super().__init__(**kwargs)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=EXCHANGE_TLS, **kwargs)
        pools: dict[str, Any] = {"http": urllib3.HTTPConnectionPool, "https": urllib3.HTTPSConnectionPool}
        self.poolmanager.pool_classes_by_scheme = {
            scheme: type("KnownPool", (pool,), {"ConnectionCls": _on(self._wire, pool.ConnectionCls)})
            for scheme, pool in pools.items()
        }

    def cert_verify(self, conn: Any, *_: Any, **__: Any) -> None:
        conn.cert_reqs = "CERT_REQUIRED"


class _Wire:
    """Which connection a call is on, so that its time can be ended from outside: a time-out of requests is
    one of each read from the socket, and an answer that trickles in keeps every one of them.
    """

    def __init__(self) -> None:
        self.connection: Any = None
        self._over = False

    @contextmanager
    def until(self, limit_s: float) -> Iterator[None]:
        """Breaks the connection that is used within, after so many seconds. Raises TimeoutError instead of
        what that leads to, but for a connection that was never made.
        """
        self._over, self.connection = False, None
        ending = threading.Timer(limit_s, self._break)
        ending.daemon = True
        ending.start()
        try:
            yield
        except Exception as error:
            if self._over and not _never_connected(error):
                raise TimeoutError(f"no whole answer within {limit_s:g} s") from error
            raise
        finally:
            ending.cancel()
            self.connection = None

    def _break(self) -> None:
        self._over = True
        held = getattr(self.connection, "sock", None)
        if held is not None:
            with suppress(OSError):
                held.shutdown(socket.SHUT_RDWR)


def _on(wire: _Wire, kind: type) -> type:
    """Connections of a kind of urllib3's that say when they are used."""

    class Known(kind):  # type: ignore[misc]  # two kinds of one family
        def request(self, *args: Any, **kwargs: Any) -> None:
            wire.connection = self
            super().request(*args, **kwargs)

    return Known


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
    ) -> None:
        """``base_url`` as ``https://api.kraken.com``; without ``limits`` those of the lowest tier hold.
        ``clock`` is given the time at the exchange by each answer, ``health`` how each call ended.

        Raises ConfigurationFault or CredentialsFault if one of them cannot be used.
        """
        parts = urlsplit(base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigurationFault(f"rest_url {base_url!r} is not an http or https address")
        self._base_url = base_url.rstrip("/")
        self._signer = CallSigner(credentials, USER_AGENT)
        self._nonces = nonces
        self._nonce_refusals = NonceRefusals(nonces)
        self.limits = AccountLimits(Tier.STARTER) if limits is None else limits
        self._headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "gzip"}
        self._templates: dict[str, requests.PreparedRequest] = {}
        self._wire = _Wire()
        self._session = requests.Session()
        self._session.trust_env = False  # no proxies and no netrc from the environment
        self._session.mount(
            parts.scheme + "://",
            _Trusting(self._wire, pool_connections=1, pool_maxsize=1, max_retries=0),
        )
        self.clock = ExchangeClock() if clock is None else clock
        self.health = ExchangeHealth() if health is None else health
        #: Why nonces could not be reserved ahead: the disk, as a rule. Empty while they can.
        self.nonce_trouble = ""
        # The other side's patience goes on while this machine sleeps.
        self._used_at = steady_s()
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
        request = requests.Request(
            "GET", f"{self._base_url}/0/public/{method}{query}", headers=self._headers
        ).prepare()
        try:
            with self._one_at_a_time:
                status, body = self._exchange(method, request, timeout_s)
            result = self._read(method, status, body, self.limits.public_front)
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
        self, method: str, params: Mapping[str, str], *, overtakes: bool = False
    ) -> Iterator[SignedCall | None]:
        """The turn of an order that somebody else sends, and whose answer ``result`` reads before the turn is
        over. It is not waited for, so that an event loop may ask: None while another signed call is on its
        way; ``overtakes``: but for a read that has been for longer than READ_PATIENCE_S. For one thread.

        Raises as ``private`` before anything is sent.
        """
        held = self._turn_now(overtakes=overtakes)
        if held is None:
            yield None
            return
        try:
            self._let_out(method)
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
            request = self._prepared(self._signed_call(method, params))
            self.limits.charge(method, time.monotonic())
            if method not in ORDER_METHODS:
                with self._turn_guard:
                    self._reading_since = time.monotonic()
            try:
                with self._one_at_a_time:
                    status, body = self._exchange(method, request, timeout_s)
            except ExchangeError as error:
                self.health.note_failure(method, error, time.monotonic())
                raise
            finally:
                self.limits.answered(method, time.monotonic())
                self._was_overtaken = held is not self._signed_turn
            return self.result(method, status, body)

    def _let_out(self, method: str) -> None:
        """Raises LockedOut or NotSent for a call that must not be sent now."""
        now = time.monotonic()
        locked_s = self.limits.locked_s(now)
        if locked_s:
            raise LockedOut(method, locked_s)
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
        self._session.close()

    def _signed_call(self, method: str, params: Mapping[str, str]) -> SignedCall:
        """Raises NonceFault."""
        return self._signer.signed_call(method, params, self._nonces.next())

    def _prepared(self, call: SignedCall) -> requests.PreparedRequest:
        template = self._templates.get(call.method)
        if template is None:
            headers = {**self._headers, **call.headers}
            template = requests.Request("POST", self._base_url + call.path, headers=headers).prepare()
            self._templates[call.method] = template
        request = template.copy()
        request.headers["API-Sign"] = call.headers["API-Sign"]
        request.prepare_body(call.body, files=None)
        return request

    def _exchange(
        self, method: str, request: requests.PreparedRequest, timeout_s: float
    ) -> tuple[int, bytes]:
        """Send once and read the answer. Raises NotSent only with proof, else OutcomeUnknown."""
        started, sent_at = time.monotonic(), steady_s()
        if sent_at - self._used_at > IDLE_CONNECTION_S:
            self._session.close()
        try:
            with self._wire.until(timeout_s):
                response = self._session.send(
                    request,
                    stream=True,
                    timeout=(min(CONNECT_TIMEOUT_S, timeout_s), timeout_s),
                    allow_redirects=False,
                )
                with response:
                    body = _body(response, started + timeout_s)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            # Never use this connection again: a late answer would be taken for the next request's.
            self._session.close()
            if _never_connected(error):
                raise NotSent(method, _cause(error)) from error
            raise OutcomeUnknown(method, _cause(error)) from error
        self._used_at = steady_s()
        # Pages of a front, and answers to public calls, may come from elsewhere, or be old; Time is asked for
        # to learn the time.
        if response.status_code == OK and (request.method == "POST" or method == "Time"):
            self.clock.hear_date(response.headers.get("Date"), sent_at, self._used_at)
        log.debug("%s: HTTP %d in %.1f ms", method, response.status_code, (self._used_at - sent_at) * 1e3)
        return response.status_code, body


def _never_connected(error: BaseException) -> bool:
    """Whether no byte of the request can have left.

    urllib3 raises these two only while it makes a new TCP connection, before there is a socket that could be
    written to. All else stays unknown, above all a kept connection that broke: the other side may have read
    the request before it closed.
    """
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return isinstance(reason, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError)


def _cause(error: BaseException) -> str:
    """The innermost error's kind and text, without the request: urllib3's texts name the URL, never
    headers or bodies.
    """
    reason = getattr(error.args[0] if error.args else None, "reason", None) or error
    return f"{type(reason).__name__}: {reason}"[:200]


def _body(response: requests.Response, until: float) -> bytes:
    """The body, bounded in length and time. Raises OSError, ValueError or urllib3's errors."""
    chunks: list[bytes] = []
    size = 0
    while chunk := response.raw.read1(CHUNK_BYTES, decode_content=True):
        size += len(chunk)
        if size > ANSWER_BYTES_MAX:
            raise ValueError(f"the answer is longer than {ANSWER_BYTES_MAX} bytes")
        if time.monotonic() > until:
            raise TimeoutError("the answer came too slowly")
        chunks.append(chunk)
    return b"".join(chunks)
