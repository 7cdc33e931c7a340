"""A warm connection of its own for orders, inside the event loop: an order leaves by one write, without a
thread and without waiting.

It carries calls that others have signed and counted (kraken/rest/client.py) and knows nothing of what they
mean. Answers are parsed by httptools; what counts here is which connection may be used. One that is older
than ``IDLE_CONNECTION_S``, that said something nobody asked for, or that the other side has closed, is never
written to: a request that vanishes is an order that nobody knows about. Without a connection that may be used
the line is not ``ready``, and the order takes the other way, through kraken/rest/client.py.
"""

from __future__ import annotations

import asyncio
import logging
import random
import select
import ssl
from functools import partial
from typing import NoReturn
from urllib.parse import urlsplit

import httptools

from krakencopy.account_proc.contract.errors import OutcomeUnknown
from krakencopy.account_proc.domain.sent_values import shown
from krakencopy.account_proc.kraken.exchange_clock import ExchangeClock
from krakencopy.account_proc.kraken.rest.http_connection import (
    ANSWER_BYTES_MAX,
    CAUSE_LENGTH_MAX,
    CONNECT_TIMEOUT_S,
    FIRST_FINAL_STATUS,
    IDLE_CONNECTION_S,
    OK,
)
from krakencopy.account_proc.kraken.rest.signing import SignedCall
from krakencopy.account_proc.kraken.tls import EXCHANGE_TLS
from krakencopy.account_proc.runtime.pauses import doubled_s
from krakencopy.account_proc.runtime.read_deferral import ReadDeferral
from krakencopy.account_proc.runtime.steady_clock import steady_s

log = logging.getLogger(__name__)

#: Full jitter between 0 and this until the next try to connect, in seconds, doubled with each failure.
BACKOFF_S, BACKOFF_S_MAX = 0.5, 30.0
#: A connection that nothing was sent over is replaced before it is too old, in parts of
#: ``IDLE_CONNECTION_S``; drawn, so that hundreds of accounts do not connect at once.
RENEW_FROM, RENEW_TO = 0.6, 0.9


class _Connection(asyncio.Protocol):
    """One connection: at most one call at a time."""

    def __init__(self, clock: ExchangeClock) -> None:
        self._clock = clock
        self._date = b""
        self._sent_at = 0.0
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._gives_up: asyncio.TimerHandle | None = None
        self._body = bytearray()
        self._poll = select.poll()
        # The other side's patience goes on while this machine sleeps.
        self.used_at = steady_s()
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    # -- asyncio.Protocol -----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN | select.POLLHUP)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            # What a callback raised stands behind it.
            self.close(str(error.__context__ or error) or type(error).__name__)

    def connection_lost(self, error: Exception | None) -> None:
        # An answer that is only ended by this may be cut off: it is not believed.
        self.close(str(error) if error else "closed by the exchange")

    # -- httptools ------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self._answer is None:
            # Nobody asked: whatever it is, the next answer must not be taken for another one's.
            raise ValueError("it spoke out of turn")

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"date":
            self._date = value

    def on_body(self, data: bytes) -> None:
        self._body += data
        if len(self._body) > ANSWER_BYTES_MAX:
            raise ValueError(f"the answer is longer than {ANSWER_BYTES_MAX} bytes")

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < FIRST_FINAL_STATUS:
            return
        assert self._answer is not None
        answer, self._answer = self._answer, None
        self.used_at = steady_s()
        if status == OK and self._date:
            self._clock.hear_date(self._date.decode("latin-1"), self._sent_at, self.used_at)
        if self._gives_up is not None:
            self._gives_up.cancel()
        if not answer.done():
            answer.set_result((status, bytes(self._body)))
        if not self._parser.should_keep_alive():
            self.close("the exchange keeps it no longer")

    # -- a call ---------------------------------------------------------------------------------------------

    @property
    def transport(self) -> asyncio.Transport:
        """Only once it is made."""
        assert self._transport is not None
        return self._transport

    @property
    def ready(self) -> bool:
        """Whether a call may be written now. The kernel is asked: the loop may not have read the other
        side's goodbye yet.
        """
        return (
            self._transport is not None
            and not self.lost.done()
            and self._answer is None
            and not self._transport.is_closing()
            and steady_s() - self.used_at < IDLE_CONNECTION_S
            and not self._poll.poll(0)
        )

    def write(self, request: bytes, timeout_s: float) -> asyncio.Future[tuple[int, bytes]]:
        """Sends at once; the answer's status and body. Only while ``ready``. The future has ConnectionError
        when the connection breaks, or is given up after ``timeout_s``.
        """
        assert self._answer is None
        loop = asyncio.get_running_loop()
        self._body.clear()
        self._date = b""
        self._sent_at = steady_s()
        self._answer = answer = loop.create_future()
        self.transport.write(request)
        self._gives_up = loop.call_later(timeout_s, self.close, f"no answer within {timeout_s:g} s")
        return answer

    def close(self, why: str) -> None:
        """Never uses it again: a late answer would be taken for the next call's."""
        if not self.lost.done():
            self.lost.set_result(why)
        if self._gives_up is not None:
            self._gives_up.cancel()
        if self._transport is not None:
            self._transport.abort()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError(why))


class OrderConnection:
    """Keeps such a connection to one exchange."""

    def __init__(
        self,
        base_url: str,
        read_deferral: ReadDeferral,
        context: ssl.SSLContext = EXCHANGE_TLS,
        clock: ExchangeClock | None = None,
    ) -> None:
        """``base_url`` as of KrakenRest; its connections join ``read_deferral``; ``context``: how to trust an
        https one, by default as ``requests`` does; ``clock`` is given the time at the exchange.
        """
        self._clock = ExchangeClock() if clock is None else clock
        self._read_deferral = read_deferral
        parts = urlsplit(base_url)
        self._prefix = parts.path.rstrip("/").encode("ascii")
        self._head = f"Host: {parts.netloc}\r\n".encode("ascii")
        self._name = parts.hostname or ""
        self._tls = context if parts.scheme == "https" else None
        self._port = parts.port or (80 if self._tls is None else 443)
        self._connection: _Connection | None = None

    @property
    def ready(self) -> bool:
        """Whether an order may take this line now."""
        return self._connection is not None and self._connection.ready

    async def send(self, call: SignedCall, timeout_s: float) -> tuple[int, bytes]:
        """Sends once, before it waits for anything; the answer's HTTP status and body. Only while ``ready``.

        Raises OutcomeUnknown without a whole answer within ``timeout_s``.
        """
        connection = self._connection
        assert connection is not None
        answer = connection.write(call.request(self._prefix, self._head), timeout_s)
        try:
            return await answer
        except ConnectionError as error:
            raise OutcomeUnknown(call.method, shown(error, CAUSE_LENGTH_MAX)) from error
        except asyncio.CancelledError:
            connection.close("a call over it was given up")
            raise

    def hurry(self) -> None:
        """Reads an answer whose reading was deferred: somebody waits for it."""
        self._read_deferral.resume()

    async def keep_ready(self) -> NoReturn:
        """Connects and connects again, for ever."""
        failures = 0
        while True:
            try:
                async with asyncio.timeout(CONNECT_TIMEOUT_S):
                    connection = await self._connect()
            except OSError as error:
                log.info("no line for orders: %s", str(error) or type(error).__name__)
                failures += 1
            else:
                failures = 0
                why = await self._until_over(connection)
                log.debug("the line for orders is made anew: %s", why or "it was idle for long")
                if not why:
                    continue
            bound_s = doubled_s(failures, BACKOFF_S, BACKOFF_S_MAX)
            await asyncio.sleep(bound_s * random.random())  # noqa: S311 - spreads load, guards nothing

    async def _connect(self) -> _Connection:
        _, connection = await asyncio.get_running_loop().create_connection(
            partial(_Connection, self._clock),
            self._name,
            self._port,
            ssl=self._tls,
            server_hostname=self._name if self._tls else None,
        )
        return connection

    async def _until_over(self, connection: _Connection) -> str:
        """Offers it until it is lost; why. Empty when it is so old that another one should take its place."""
        self._connection = connection
        held = connection.transport.get_extra_info("socket")
        self._read_deferral.join(held)
        share = random.uniform(RENEW_FROM, RENEW_TO)  # noqa: S311 - spreads load, guards nothing
        try:
            while not connection.lost.done():
                left_s = connection.used_at + IDLE_CONNECTION_S * share - steady_s()
                if left_s <= 0 and connection.ready:
                    return ""
                # A call that is on its way moves the time, or loses the connection.
                await asyncio.wait([connection.lost], timeout=max(left_s, 1.0))
            return connection.lost.result()
        finally:
            self._read_deferral.leave(held)
            connection.close("over")
            self._connection = None
