"""One account's connection for requests of ``requests``, each sent once, bounded in time and length.

Knows nothing of Kraken but what its front is like: what a request says and what an answer means is
kraken/rest/client.py's.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter

from krakencopy.account_proc.contract.errors import OutcomeUnknown
from krakencopy.account_proc.domain.sent_values import shown
from krakencopy.account_proc.kraken.errors import NotSent
from krakencopy.account_proc.kraken.tls import EXCHANGE_TLS
from krakencopy.account_proc.runtime.steady_clock import steady_s

#: To connect, in seconds.
CONNECT_TIMEOUT_S = 5.0
#: The longest answers are all pairs (about 2 MB) and all tickers.
ANSWER_BYTES_MAX = 32 * 1024 * 1024
CHUNK_BYTES = 64 * 1024
#: A connection that was idle for longer is not used again: other clients saw requests vanish on connections
#: older than 5 minutes, and a request that vanishes is an order that nobody knows about.
IDLE_CONNECTION_S = 240.0

#: Of what went wrong on the way: it may quote what was sent instead of an answer.
CAUSE_LENGTH_MAX = 200
#: HTTP: Kraken answers with this, whatever the answer says; everything else comes from a front.
OK = 200


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


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer, whatever it says; times by ``steady_s``."""

    status: int
    body: bytes
    #: The Date header; None without one.
    date: str | None
    sent_at: float
    answered_at: float


class HttpConnection:
    """Kept open between requests. For one request at a time."""

    def __init__(self, scheme: str) -> None:
        self._wire = _Wire()
        self._session = requests.Session()
        self._session.trust_env = False  # no proxies and no netrc from the environment
        self._session.mount(
            scheme + "://",
            _Trusting(self._wire, pool_connections=1, pool_maxsize=1, max_retries=0),
        )
        # The other side's patience goes on while this machine sleeps.
        self._used_at = steady_s()

    def send(self, method: str, request: requests.PreparedRequest, timeout_s: float) -> Answer:
        """Sends once and reads the answer; ``timeout_s`` for both. Raises NotSent only with proof, else
        OutcomeUnknown; ``method`` names the call in them.
        """
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
        return Answer(response.status_code, body, response.headers.get("Date"), sent_at, self._used_at)

    def close(self) -> None:
        """Close the connection; a later request makes a new one."""
        self._session.close()


def _never_connected(error: BaseException) -> bool:
    """Whether no byte of the request can have left.

    urllib3 raises these two only while it makes a new TCP connection, before there is a socket that could be
    written to. All else stays unknown, above all a kept connection that broke: the other side may have read
    the request before it closed.
    """
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return isinstance(reason, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError)


def _cause(error: BaseException) -> str:
    """What the system says of a connection that cannot be made; else the innermost error's kind and text,
    without the request: urllib3's texts name the URL, never headers or bodies.
    """
    reason = getattr(error.args[0] if error.args else None, "reason", None) or error
    refused = reason.__cause__ or reason.__context__ if _never_connected(error) else reason
    if isinstance(refused, OSError) and refused.strerror:
        return shown(refused.strerror, CAUSE_LENGTH_MAX)
    # Those of this module say all in their text.
    words = str(reason) if type(reason) is TimeoutError else f"{type(reason).__name__}: {reason}"
    return shown(words, CAUSE_LENGTH_MAX)


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
