"""The WebSocket shell: sockets, heartbeats, and the fan-out of events. What is sent is decided in
`ws_session`.

Frames are written straight to the transport, without a queue or a task in between: a subscriber learns of a
fill in the instant that it happens, and the transport's own buffer is the bounded queue of a slow client.
"""

import asyncio
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from aiohttp import WSCloseCode, WSMsgType, web

from krakencopy.paper_exchange.accounts.account import ApiKey
from krakencopy.paper_exchange.accounts.orders import OrderEvent
from krakencopy.paper_exchange.faults.event_faults import Delivery, distorted
from krakencopy.paper_exchange.faults.odd_values import with_odd_values
from krakencopy.paper_exchange.faults.table import CutWhen, Fault, FaultKind, Occasion
from krakencopy.paper_exchange.values import exact_json as wire_json
from krakencopy.paper_exchange.values.pairs import Asset, Pair
from krakencopy.paper_exchange.venue.audit_log import FillRecord
from krakencopy.paper_exchange.venue.exchange import Exchange
from krakencopy.paper_exchange.websocket import instrument_channel as ws_instrument
from krakencopy.paper_exchange.websocket.private_channels import EventRows
from krakencopy.paper_exchange.websocket.public_channels import PublicFeed
from krakencopy.paper_exchange.websocket.session import Session
from krakencopy.paper_exchange.websocket.topics import (
    INSTRUMENT,
    INSTRUMENT_OF_ALL,
    Topic,
    balances_of,
    executions_of,
)

# A client that leaves this much unread is cut off, or it would cost memory without end.
BACKLOG_BYTES_MOST: Final = 1024 * 1024
# Kraken: a heartbeat about once a second where nothing else was sent.
HEARTBEAT_S: Final = 1.0
# Kraken: a connection without subscriptions and requests is closed after about a minute.
IDLE_S: Final = 60.0
# No request of a client is longer than this.
_REQUEST_BYTES_MOST: Final = 64 * 1024
_HEARTBEAT: Final = '{"channel":"heartbeat"}'


@dataclass(eq=False, slots=True)
class _Silence:
    """A fault: nothing is sent to executions sockets (of one account) until it ends."""

    fault: Fault
    end: asyncio.TimerHandle


class _Connection:
    """One socket and its session."""

    def __init__(self, socket: web.WebSocketResponse, transport: asyncio.Transport, session: Session) -> None:
        self.socket: Final = socket
        self.session: Final = session
        self.topics: frozenset[Topic] = frozenset()
        self.last_sent_s = self.last_heard_s = time.monotonic()
        self.silence: _Silence | None = None
        self._late: list[str] = []
        self._late_bytes = 0
        self._transport = transport

    def send(self, texts: list[str]) -> None:
        """Write messages at once, or cut the client off where it has stopped reading."""
        if not texts or self._transport.is_closing() or self.socket.closed:
            return
        if self.silence is not None:
            self._keep(texts, self.silence)
            return
        self._transport.write(b"".join([_text_frame(text.encode()) for text in texts]))
        self.last_sent_s = time.monotonic()
        if self._transport.get_write_buffer_size() > BACKLOG_BYTES_MOST:
            self._transport.abort()

    def _keep(self, texts: list[str], silence: _Silence) -> None:
        if silence.fault.spec.lose:
            return
        self._late += texts
        self._late_bytes += sum(len(text) for text in texts)
        if self._late_bytes > BACKLOG_BYTES_MOST:
            self._transport.abort()

    def resume_sending(self) -> None:
        """The silence is over: send what it has kept, unless there is another one."""
        late, self._late, self._late_bytes = self._late, [], 0
        self.send(late)

    def cut(self) -> None:
        """End the connection as a failing network does: what was written arrives, and no close frame."""
        self._transport.close()


class Hub:
    """All WebSocket clients."""

    def __init__(self, exchange: Exchange, latency_s: float = 0.0) -> None:
        self._exchange = exchange
        self._latency_s = latency_s
        self._feed = PublicFeed(exchange.market)
        self._connections: set[_Connection] = set()
        self._listeners: dict[Topic, set[_Connection]] = {}
        self._closing: set[asyncio.Task[bool]] = set()
        self._silences: list[_Silence] = []
        exchange.on_events = self.send_order_events
        exchange.on_ledger = lambda account, _entries: self.send_balances(account.id)
        exchange.on_market = self.send_market
        exchange.on_pair = self.send_pair
        exchange.on_listed = self.send_listings
        exchange.on_key_revoked = self.drop_key
        exchange.on_mode = self.send_mode
        exchange.on_fault_set = self.start_fault
        exchange.on_fault_lifted = self.end_fault

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One client, from its handshake to its end."""
        faults = self._exchange.faults
        if faults.armed(Occasion.CONNECT) and faults.fire(Occasion.CONNECT) is not None:
            return web.Response(status=503, text="Service Unavailable\n")
        socket = web.WebSocketResponse(compress=False, max_msg_size=_REQUEST_BYTES_MOST)
        if not socket.can_prepare(request):
            raise web.HTTPUpgradeRequired(headers={"Upgrade": "websocket"})
        await socket.prepare(request)
        transport = request.transport
        if transport is None:
            return socket
        connection = _Connection(socket, transport, Session(self._exchange, self._feed, secrets.randbits(64)))
        self._connections.add(connection)
        connection.send([connection.session.status()])
        try:
            async for message in socket:
                if message.type is not WSMsgType.TEXT:
                    continue
                connection.last_heard_s = time.monotonic()
                self._answer(connection, message.data)
        finally:
            self._forget(connection)
        return socket

    def _answer(self, connection: _Connection, text: str) -> None:
        if connection not in self._connections:
            return
        now_us, received_ns = self._exchange.wall_us(time.time_ns() // 1000), time.monotonic_ns()
        answers = connection.session.handle(text, now_us, received_ns)
        self._listen(connection, connection.session.topics())
        if self._silences and connection.silence is None:
            connection.silence = self._silence_of(connection)
        if self._latency_s and connection.session.acted:
            # As over REST: the engine acts at once, and what it did is sent at once; the answer comes after
            # the latency.
            asyncio.get_running_loop().call_later(self._latency_s, connection.send, answers)
        else:
            connection.send(answers)

    def _listen(self, connection: _Connection, topics: frozenset[Topic]) -> None:
        """Subscribe a connection to exactly these topics."""
        for topic in connection.topics - topics:
            self._listeners[topic].discard(connection)
            if not self._listeners[topic]:
                del self._listeners[topic]
        for topic in topics - connection.topics:
            self._listeners.setdefault(topic, set()).add(connection)
        connection.topics = topics

    def _forget(self, connection: _Connection) -> None:
        self._connections.discard(connection)
        self._listen(connection, frozenset())
        connection.session.close()

    def send_order_events(self, events: list[OrderEvent]) -> None:
        """Send events to the clients of their accounts, and record the fills at the instant before."""
        rows = EventRows(self._exchange)
        for account_id, group in groupby(events, key=lambda event: event.order.account_id):
            of_account = list(group)
            listeners = list(self._listeners.get(executions_of(account_id), ()))
            delivery = self._delivery(account_id, of_account, listeners)
            odd = self._odd_row(account_id, rows, of_account[0]) if listeners else None
            outgoing = [
                (connection, connection.session.order_messages(delivery.events, rows, delivery.times, odd))
                for connection in listeners
            ]
            emitted_ns = time.monotonic_ns()
            for event in of_account:
                if event.trade is not None:
                    self._exchange.fills.append(FillRecord(event, emitted_ns))
            for connection, messages in outgoing:
                connection.send(messages)
                if delivery.cut:
                    self._cut(connection)
            self.send_balances(account_id)

    def send_balances(self, account_id: str) -> None:
        """Send what is new in an account's ledger."""
        for connection in list(self._listeners.get(balances_of(account_id), ())):
            messages = connection.session.balance_messages()
            if self._exchange.rules.balances_told:
                connection.send(messages)

    def _odd_row(self, account_id: str, rows: EventRows, event: OrderEvent) -> str | None:
        """The row, as JSON, that a fault puts before the next ones of an account."""
        faults = self._exchange.faults
        fault = faults.fire(Occasion.ROWS, account_id, "executions") if faults.armed(Occasion.ROWS) else None
        if fault is None:
            return None
        if fault.spec.kind is FaultKind.ODD_VALUES:
            row = wire_json.loads(rows.row(event, full=True, ratecounter=False))
            return wire_json.dumps(with_odd_values(row, fault))
        return wire_json.dumps(fault.spec.row)

    def _delivery(self, account_id: str, events: list[OrderEvent], listeners: list[_Connection]) -> Delivery:
        faults = self._exchange.faults
        if not faults.distorting():
            return Delivery(events)
        return distorted(
            faults,
            account_id,
            events,
            lambda event: any(connection.session.wants_event(event) for connection in listeners),
        )

    def send_mode(self) -> None:
        """Send the exchange's new status to every client."""
        for connection in list(self._connections):
            connection.send([connection.session.status()])
        self._tell_instrument(self._exchange.catalogue.pairs)

    def send_pair(self, pair: Pair) -> None:
        """Send a pair whose minima, tick, status or listing changed."""
        self._tell_instrument([pair])

    def send_listings(self, assets: Sequence[Asset], pairs: Sequence[Pair]) -> None:
        """Send assets and pairs that there were not before."""
        for pair in pairs:
            self._feed.add_pair(pair)
        self._tell_instrument(pairs, assets)

    def _tell_instrument(self, pairs: Sequence[Pair], assets: Sequence[Asset] = ()) -> None:
        for topic in (INSTRUMENT, INSTRUMENT_OF_ALL):
            listeners = list(self._listeners.get(topic, ()))
            if not listeners:
                continue
            conditions, tokenised = self._exchange.conditions, topic is INSTRUMENT_OF_ALL
            text = ws_instrument.update(pairs, conditions, assets, tokenised=tokenised)
            for connection in listeners:
                connection.send([] if text is None else [text])

    def start_fault(self, fault: Fault) -> None:
        """Let a fault act on the sockets that are there now, where it does so at once."""
        spec = fault.spec
        if spec.kind is FaultKind.WS_SILENCE:
            loop = asyncio.get_running_loop()
            silence = _Silence(fault, loop.call_later(spec.delay_ms / 1000, self.end_fault, fault))
            self._silences.append(silence)
        for connection in list(self._connections):
            if not _concerns(fault, connection):
                continue
            if spec.kind is FaultKind.WS_SILENCE:
                connection.silence = self._silence_of(connection)
            elif spec.kind is FaultKind.WS_CUT and spec.when is CutWhen.NOW:
                self._cut(connection)

    def end_fault(self, fault: Fault) -> None:
        """Let the sockets that this fault silenced send again."""
        for silence in [silence for silence in self._silences if silence.fault is fault]:
            silence.end.cancel()
            self._silences.remove(silence)
            for connection in list(self._connections):
                if connection.silence is silence:
                    connection.silence = self._silence_of(connection)
                    connection.resume_sending()

    def _silence_of(self, connection: _Connection) -> _Silence | None:
        """The newest silence that concerns a connection."""
        of_it = (silence for silence in reversed(self._silences) if _concerns(silence.fault, connection))
        return next(of_it, None)

    def _cut(self, connection: _Connection) -> None:
        self._forget(connection)
        connection.cut()

    def send_market(self, now_us: int) -> None:
        """Send what is new in the public channels."""
        for topic, text in self._feed.updates(now_us, self._listeners.keys()):
            for connection in list(self._listeners[topic]):
                connection.send([text])

    def drop_key(self, key: ApiKey) -> None:
        """Close the sockets whose subscription lived on a token of this key."""
        for connection in list(self._connections):
            if any(token.key is key for token in connection.session.tokens):
                self._close(connection, WSCloseCode.POLICY_VIOLATION)

    async def beat(self) -> None:
        """Heartbeats and idle limits, until cancelled."""
        while True:
            await asyncio.sleep(HEARTBEAT_S / 4)
            now_s = time.monotonic()
            for connection in list(self._connections):
                if connection.session.subscribed:
                    if connection.silence is None and now_s - connection.last_sent_s >= HEARTBEAT_S:
                        connection.send([_HEARTBEAT])
                elif now_s - connection.last_heard_s >= IDLE_S:
                    self._close(connection, WSCloseCode.OK)

    async def close(self) -> None:
        """Close every connection."""
        for connection in list(self._connections):
            self._close(connection, WSCloseCode.GOING_AWAY)
        if self._closing:
            await asyncio.wait(self._closing, timeout=1.0)

    def _close(self, connection: _Connection, code: WSCloseCode) -> None:
        self._forget(connection)
        task = asyncio.get_running_loop().create_task(connection.socket.close(code=code))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


def _concerns(fault: Fault, connection: _Connection) -> bool:
    """Whether a connection has subscribed to executions that the fault is about."""
    token = connection.session.token
    return token is not None and fault.spec.account in {None, token.key.account.id}


def _text_frame(payload: bytes) -> bytes:
    """An unmasked, final text frame (RFC 6455, section 5.2)."""
    length = len(payload)
    if length < 126:
        return bytes((0x81, length)) + payload
    if length < 65536:
        return b"\x81\x7e" + length.to_bytes(2, "big") + payload
    return b"\x81\x7f" + length.to_bytes(8, "big") + payload
