"""One account's connection for requests that may wait for one another, each sent once, bounded in time and
length.

It waits in the thread that calls it. Knows nothing of Kraken but what its front is like: what a request says
and what an answer means is kraken/rest/client.py's. Plain sockets and httptools, as the line for orders has
them (kraken/rest/order_connection.py): ``requests`` touches so much of a process's memory that each account
would hold 3 MiB more of its own (docs/performance.md).
"""

from __future__ import annotations

import encodings.idna  # noqa: F401 - a host's name is looked up by it; else each forked process imports it
import select
import socket
import ssl
import time
import zlib
from dataclasses import dataclass
from urllib.parse import SplitResult

import httptools

from krakencopy.account_proc.contract.errors import OutcomeUnknown
from krakencopy.account_proc.domain.sent_values import shown
from krakencopy.account_proc.kraken.errors import NotSent
from krakencopy.account_proc.kraken.tls import EXCHANGE_TLS
from krakencopy.account_proc.runtime.steady_clock import steady_s

#: To connect, in seconds.
CONNECT_TIMEOUT_S = 5.0
#: The longest answers are all pairs (about 2 MB) and all tickers.
ANSWER_BYTES_MAX = 32 * 1024 * 1024
CHUNK_BYTES = 16 * 1024
#: A connection that was idle for longer is not used again: other clients saw requests vanish on connections
#: older than 5 minutes, and a request that vanishes is an order that nobody knows about.
IDLE_CONNECTION_S = 240.0

#: Of what went wrong on the way: it may quote what was sent instead of an answer.
CAUSE_LENGTH_MAX = 200
#: Of what was sent instead of an answer, so much is quoted.
QUOTED_BYTES = 80
#: HTTP: Kraken answers with this, whatever the answer says; everything else comes from a front.
OK = 200
#: RFC 9110: answers below are informational, and followed by another one.
FIRST_FINAL_STATUS = 200
#: zlib: a gzip stream of the largest window.
_GZIP_WINDOW = 16 + zlib.MAX_WBITS


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer, whatever it says; times by ``steady_s``."""

    status: int
    body: bytes
    #: The Date header; None without one.
    date: str | None
    sent_at: float
    answered_at: float


class _NotConnected(Exception):
    """No byte of the request can have left; its cause is the system's word."""


class _Parts:
    """What has come of one answer. Its methods are called by httptools."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._headers: dict[bytes, bytes] = {}
        self._body = bytearray()
        self._size = 0
        self._has_headers = False
        self.status = 0
        #: All of it is here.
        self.whole = False
        #: Both sides may use the connection again.
        self.keeps_connection = False

    def take(self, data: bytes) -> None:
        """What the connection gave, empty for its end. Raises ValueError for what is no answer, or too long,
        and ConnectionError for an end before the answer's.
        """
        if not data:
            self._take_end()
            return
        self._size += len(data)
        if self._size > ANSWER_BYTES_MAX:
            raise ValueError(f"the answer is longer than {ANSWER_BYTES_MAX} bytes")
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if self.whole:
                self.keeps_connection = False  # more came than was asked for
                return
            what = data[:QUOTED_BYTES].decode("latin-1")
            raise ValueError(f"{error.__context__ or error}: {what}") from error

    def _take_end(self) -> None:
        is_ended_by_it = self._has_headers and not {b"content-length", b"transfer-encoding"} & set(
            self._headers
        )
        if not is_ended_by_it:
            raise ConnectionError("the exchange closed the connection before its answer was whole")
        self.whole = True

    @property
    def date(self) -> str | None:
        """The Date header."""
        date = self._headers.get(b"date")
        return None if date is None else date.decode("latin-1")

    @property
    def body(self) -> bytes:
        """Of a whole answer, unpacked. Raises ValueError or zlib.error where it cannot be."""
        packed = self._headers.get(b"content-encoding", b"").strip().lower()
        if packed in {b"", b"identity"} or not self._body:
            return bytes(self._body)
        if packed not in {b"gzip", b"x-gzip"}:
            raise ValueError(f"the answer is packed as {packed.decode('latin-1')}, which nobody asked for")
        unpacking = zlib.decompressobj(_GZIP_WINDOW)
        body = unpacking.decompress(self._body, ANSWER_BYTES_MAX + 1)
        if len(body) > ANSWER_BYTES_MAX:
            raise ValueError(f"the answer is longer than {ANSWER_BYTES_MAX} bytes")
        if not unpacking.eof or unpacking.unused_data:
            raise ValueError("the answer's packed body is cut off, or more than one")
        return body

    # -- httptools ------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self.whole:
            raise ValueError("more than one answer")
        self._headers.clear()
        self._has_headers = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        self._has_headers = True
        self.status = self._parser.get_status_code()

    def on_body(self, data: bytes) -> None:
        self._body += data

    def on_message_complete(self) -> None:
        self.whole = self.status >= FIRST_FINAL_STATUS
        # It knows no more afterwards.
        self.keeps_connection = self.whole and self._parser.should_keep_alive()


class HttpConnection:
    """Kept open between requests. For one request at a time."""

    def __init__(self, url: SplitResult) -> None:
        """``url``: where to, by scheme, host and port; an https one is trusted by kraken/tls.py."""
        self._name = url.hostname or ""
        self._is_https = url.scheme == "https"
        self._port = url.port or (443 if self._is_https else 80)
        self._socket: socket.socket | None = None
        # The other side's patience goes on while this machine sleeps.
        self._used_at = steady_s()

    def send(self, method: str, request: bytes, timeout_s: float) -> Answer:
        """Sends a whole request once and reads the answer; ``timeout_s`` for both. Raises NotSent only with
        proof, else OutcomeUnknown; ``method`` names the call in them.
        """
        until, sent_at = time.monotonic() + timeout_s, steady_s()
        if sent_at - self._used_at > IDLE_CONNECTION_S or self._has_spoken():
            self.close()
        try:
            held = self._connected(until)
            parts = self._converse(held, request, until)
            body, date = parts.body, parts.date
        except _NotConnected as error:
            raise NotSent(method, _cause(error.__cause__ or error)) from error
        except (OSError, ValueError, zlib.error) as error:
            # Never use this connection again: a late answer would be taken for the next request's.
            self.close()
            late = isinstance(error, TimeoutError)
            words = f"no whole answer within {timeout_s:g} s" if late else _cause(error)
            raise OutcomeUnknown(method, words) from error
        if not parts.keeps_connection:
            self.close()
        self._used_at = steady_s()
        return Answer(parts.status, body, date, sent_at, self._used_at)

    def close(self) -> None:
        """Close the connection; a later request makes a new one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _has_spoken(self) -> bool:
        """Whether something lies on a kept connection that nobody asked for: its end, as a rule."""
        if self._socket is None:
            return False
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(0))

    def _connected(self, until: float) -> socket.socket:
        """The connection that is there, or a new one. Raises _NotConnected while there was none that could
        be written to, OSError where it is not to be trusted.
        """
        if self._socket is not None:
            return self._socket
        limit_s = min(CONNECT_TIMEOUT_S, _left_s(until))
        try:
            made = socket.create_connection((self._name, self._port), limit_s)
        except TimeoutError as error:
            raise _NotConnected from TimeoutError(f"no connection within {limit_s:.3g} s: {error}")
        except OSError as error:
            raise _NotConnected from error
        self._socket = made
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._is_https:
            made.settimeout(_left_s(until))
            # The handshake's time is bounded as a whole, as that of every read and write.
            self._socket = EXCHANGE_TLS.wrap_socket(made, server_hostname=self._name)
        return self._socket

    @staticmethod
    def _converse(held: socket.socket, request: bytes, until: float) -> _Parts:
        """Raises OSError or ValueError without a whole answer in time."""
        held.settimeout(_left_s(until))
        held.sendall(request)
        parts = _Parts()
        while not parts.whole:
            held.settimeout(_left_s(until))
            parts.take(held.recv(CHUNK_BYTES))
        return parts


def _left_s(until: float) -> float:
    """Raises TimeoutError when nothing is left."""
    left_s = until - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    return left_s


def _cause(error: BaseException) -> str:
    """What the system says of a connection that cannot be made; else the error's kind and text."""
    if isinstance(error, ssl.SSLError):
        words = f"{type(error).__name__}: {error}"
    elif isinstance(error, OSError) and error.strerror:
        words = error.strerror
    elif type(error) in {TimeoutError, ValueError, ConnectionError}:
        words = str(error)  # this module's own
    else:
        words = f"{type(error).__name__}: {error}"
    return shown(words, CAUSE_LENGTH_MAX)
