"""Kraken's REST transport for one account: one connection, one request at a time, each sent once.

Knows envelopes, signatures and nonces, and nothing about what a method means. No order is sent again here: whether one may be
repeated is known only to whoever wrote down what it was for.
"""

from __future__ import annotations

import asyncio
import logging
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from enum import IntEnum
from functools import partial
from importlib.metadata import version
from typing import Any, ParamSpec, Protocol, TypeVar
from urllib.parse import urlencode, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from account_proc.errors import (
    ConfigurationFault,
    CredentialsFault,
    InvalidNonce,
    KrakenRefused,
    NonceFault,
    OutcomeUnknown,
)
from account_proc.kraken_errors import ORDER_METHODS, NotSent, result_of
from account_proc.signing import sign
from account_proc.spec import Credentials

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

#: To connect, and for a request with its answer.
CONNECT_TIMEOUT_S = 5.0
TIMEOUT_S = 10.0
#: The longest answers are all pairs (about 2 MB) and all tickers.
ANSWER_BYTES_MAX = 32 * 1024 * 1024
CHUNK_BYTES = 64 * 1024
#: A connection that was idle for longer is not used again: other clients saw requests vanish on connections older than 5 minutes,
#: and a request that vanishes is an order that nobody knows about.
IDLE_CONNECTION_S = 240.0
#: How often the idle thread looks after the nonce reservation, which lasts for 5 minutes.
TEND_S = 60.0
#: Calls of one priority that may wait. At one call each 50 ms this is a queue of 25 s.
WAITING_MAX = 500

#: Refused nonces in a row after which no further one is tried.
NONCE_TRIES = 2

_PRINTABLE = re.compile(r"[!-~]+")


class NonceSource(Protocol):
    """Where nonces come from."""

    def next(self) -> int:
        """A nonce larger than all before."""
        ...

    def top_up(self) -> None:
        """Prepare for further nonces."""
        ...

    def resynchronise(self) -> bool:
        """After an Invalid nonce: go on further ahead; False if that was tried already."""
        ...


class KrakenRest:
    """Signed and public calls. Safe for threads; private calls go out strictly one after another."""

    def __init__(self, base_url: str, credentials: Credentials, nonces: NonceSource) -> None:
        """``base_url`` as ``https://api.kraken.com``. Raises ConfigurationFault or CredentialsFault if one of them cannot be used."""
        parts = urlsplit(base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigurationFault(f"rest_url {base_url!r} is not an http or https address")
        # A header with other characters would be refused by an error that quotes it.
        if _PRINTABLE.fullmatch(credentials.key) is None:
            raise CredentialsFault(
                "the API key is empty or has characters that no key has; copy it again from Kraken"
            )
        sign("/0/private/", 0, b"", credentials.secret)
        self._base_url = base_url.rstrip("/")
        self._credentials = credentials
        self._nonces = nonces
        self._headers = {"User-Agent": f"krakencopy/{version('krakencopy')}", "Accept-Encoding": "gzip"}
        self._templates: dict[str, requests.PreparedRequest] = {}
        self._session = requests.Session()
        self._session.trust_env = False  # no proxies and no netrc from the environment
        self._session.mount(
            parts.scheme + "://", HTTPAdapter(pool_connections=1, pool_maxsize=1, max_retries=0)
        )
        self._used_at = time.monotonic()
        self._one_at_a_time = threading.Lock()
        #: Reads in a row that Kraken answered with Invalid nonce.
        self._refused_nonces = 0

    def public(
        self, method: str, params: Mapping[str, str] | None = None, *, timeout_s: float = TIMEOUT_S
    ) -> Any:
        """The result of a public method. Raises KrakenError."""
        query = f"?{urlencode(params)}" if params else ""
        request = requests.Request(
            "GET", f"{self._base_url}/0/public/{method}{query}", headers=self._headers
        ).prepare()
        with self._one_at_a_time:
            status, body = self._exchange(method, request, timeout_s)
        return result_of(method, status, body, is_order=False)

    def private(
        self, method: str, params: Mapping[str, str] | None = None, *, timeout_s: float = TIMEOUT_S
    ) -> Any:
        """The result of a private method. Raises KrakenError; NonceFault if there is no nonce or Kraken takes none.

        An Invalid nonce may be the answer to a second delivery of a request that was taken at the first (a proxy that repeats). A
        read is asked once more as it is, then once with nonces that go on further ahead, and then Kraken takes none. An order is
        left to whoever knows what it was for, and nonces are not touched: the reads that look for it find out.
        """
        while True:
            try:
                result = self._private_once(method, params or {}, timeout_s)
            except InvalidNonce as error:
                if method in ORDER_METHODS:
                    raise
                self._refused_nonces += 1
                self._mend_nonces(method, error)
            except KrakenRefused:
                self._refused_nonces = 0
                raise
            else:
                self._refused_nonces = 0
                return result

    def _mend_nonces(self, method: str, error: InvalidNonce) -> None:
        log.warning("%s: Invalid nonce, %d in a row", method, self._refused_nonces)
        if self._refused_nonces == 1:
            return
        if self._refused_nonces > NONCE_TRIES or not self._nonces.resynchronise():
            raise NonceFault(
                f"{method}: Kraken refuses nonces as too small, also a day ahead of the clock: another program uses this key "
                "with finer nonces; make a new API key for this account alone"
            ) from error
        log.warning("%s: nonces go on further ahead", method)

    def _private_once(self, method: str, params: Mapping[str, str], timeout_s: float) -> Any:
        # Nonce and request under one lock: Kraken refuses a nonce that arrives after a larger one.
        with self._one_at_a_time:
            request = self._signed(method, params)
            status, body = self._exchange(method, request, timeout_s)
        return result_of(method, status, body, is_order=method in ORDER_METHODS)

    def tend(self) -> None:
        """Work that should not be left to the next request. Called when there is time."""
        try:
            self._nonces.top_up()
        except NonceFault as fault:
            log.warning("nonces could not be reserved ahead: %s", fault)

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def _signed(self, method: str, params: Mapping[str, str]) -> requests.PreparedRequest:
        template = self._templates.get(method)
        if template is None:
            headers = {
                **self._headers,
                "API-Key": self._credentials.key,
                "Content-Type": "application/x-www-form-urlencoded",
            }
            template = requests.Request(
                "POST", f"{self._base_url}/0/private/{method}", headers=headers
            ).prepare()
            self._templates[method] = template
        nonce = self._nonces.next()
        body = urlencode({"nonce": str(nonce), **params}).encode("ascii")
        request = template.copy()
        request.headers["API-Sign"] = sign(f"/0/private/{method}", nonce, body, self._credentials.secret)
        request.prepare_body(body, files=None)
        return request

    def _exchange(
        self, method: str, request: requests.PreparedRequest, timeout_s: float
    ) -> tuple[int, bytes]:
        """Send once and read the answer. Raises NotSent only with proof, else OutcomeUnknown."""
        started = time.monotonic()
        if started - self._used_at > IDLE_CONNECTION_S:
            self._session.close()
        try:
            response = self._session.send(
                request,
                stream=True,
                timeout=(min(CONNECT_TIMEOUT_S, timeout_s), timeout_s),
                allow_redirects=False,
            )
            with response:
                body = _read(response, started + timeout_s)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            # Never use this connection again: a late answer would be taken for the next request's.
            self._session.close()
            if _never_connected(error):
                raise NotSent(method, _cause(error)) from error
            raise OutcomeUnknown(method, _cause(error)) from error
        self._used_at = time.monotonic()
        log.debug("%s: HTTP %d in %.1f ms", method, response.status_code, (self._used_at - started) * 1e3)
        return response.status_code, body


def _never_connected(error: BaseException) -> bool:
    """Whether no byte of the request can have left.

    urllib3 raises these two only while it makes a new TCP connection, before there is a socket that could be written to. All else
    stays unknown, above all a kept connection that broke: the other side may have read the request before it closed.
    """
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return isinstance(reason, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError)


def _cause(error: BaseException) -> str:
    """The innermost error's kind and text, without the request: urllib3's texts name the URL, never headers or bodies."""
    reason = getattr(error.args[0] if error.args else None, "reason", None) or error
    return f"{type(reason).__name__}: {reason}"[:200]


def _read(response: requests.Response, until: float) -> bytes:
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


class Priority(IntEnum):
    """Which calls go first."""

    ORDER = 0
    READ = 1
    BACKGROUND = 2


class _Call:
    """A call and whoever waits for it."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self._function = function
        self._loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self._loop.create_future()

    def run(self) -> None:
        """In the thread: do it, unless nobody waited any more before it began."""
        if self.future.cancelled():
            return
        result, error = None, None
        try:
            result = self._function()
        except BaseException as raised:  # noqa: BLE001 - it belongs to the waiter, whatever it is
            error = raised
        try:
            self._loop.call_soon_threadsafe(self._settle, result, error)
        except RuntimeError:
            log.warning("a call ended after its event loop: %s", error or "done")

    def _settle(self, result: object, error: BaseException | None) -> None:
        if self.future.cancelled():
            log.warning("a call that was waited for no more ended: %s", error or "done")
        elif error is not None:
            self.future.set_exception(error)
        else:
            self.future.set_result(result)


class CallQueue:
    """Runs the calls of one KrakenRest in one thread: orders first, then reads, then the rest, each in order of arrival."""

    def __init__(self, rest: KrakenRest) -> None:
        """Takes over ``rest``: ``close`` closes it."""
        self.rest = rest
        self._waiting: dict[Priority, deque[_Call]] = {priority: deque() for priority in Priority}
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="kraken-rest", daemon=True)
        self._thread.start()

    async def call(
        self, priority: Priority, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """The function's result, from the thread.

        A waiter that is cancelled takes back a call that has not begun; one that has begun runs to its end, so a cancelled order
        may have been placed. Raises what the function raises, and NotSent if the queue is full or closed.
        """
        call = _Call(partial(function, *args, **kwargs))
        waiting = self._waiting[priority]
        with self._changed:
            if self._closing:
                raise NotSent(_name(args), "the account is shutting down")
            if len(waiting) >= WAITING_MAX:
                raise NotSent(_name(args), f"{WAITING_MAX} calls wait already")
            waiting.append(call)
            self._changed.notify()
        result: T = await call.future
        return result

    def close(self) -> None:
        """Take no new calls, finish those that wait, then close the connection. Not an error if done twice.

        Blocks until then; calls whose waiters were cancelled are not begun.
        """
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                if not self._closing and not any(self._waiting.values()):
                    self._changed.wait(TEND_S)
                call = next((calls.popleft() for calls in self._waiting.values() if calls), None)
                if call is None and self._closing:
                    break
            if call is None:
                self.rest.tend()
            else:
                call.run()
        self.rest.close()


def _name(args: tuple[Any, ...]) -> str:
    return str(args[0]) if args and isinstance(args[0], str) else "call"
