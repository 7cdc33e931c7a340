"""Private requests into which a fault is injected on their way in or out. A shell: it waits, and closes
connections.

What is decided (whether a fault fires, what the exchange does with a request) is in `faults` and
`private`.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from krakencopy.paper_exchange.faults.table import Fault, FaultKind, Occasion
from krakencopy.paper_exchange.rest import envelope
from krakencopy.paper_exchange.rest import private as rest_private
from krakencopy.paper_exchange.values.errors import KrakenError
from krakencopy.paper_exchange.values.time_format import US_PER_S
from krakencopy.paper_exchange.venue.admission import SignedRequest, admit, record_unseen, refuse
from krakencopy.paper_exchange.venue.exchange import Exchange

# How often a request that hangs looks whether its client is still there.
_LOOK_S: Final = 0.1
# Kraken: `EService:Throttled: <unix time>`, to wait for.
_TIME_TO_COME: Final = "<ts>"
_SWAP_ONLY: Final = frozenset({FaultKind.SWAP})
_NO_KIND: Final[frozenset[FaultKind]] = frozenset()
_PAGE: Final = (
    "<!DOCTYPE html>\n<html><head><title>{status} {reason}</title></head>"
    "<body><h1>{status} {reason}</h1><p>paper exchange: the origin could not be reached.</p></body></html>\n"
)
# Seen of the front where an address asked too often.
_NOBODYS_ID: Final = "ONOBOD-YSIDI-SITHIS"
_FRONT_PAGE: Final = "error code: 1015\n"
_REASONS: Final = {
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
    520: "Unknown Error",
}


class _NoAnswer(web.StreamResponse):
    """The connection is closed without a byte."""

    async def prepare(self, request: web.BaseRequest) -> None:
        _hang_up(request)

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing is ever written."""


class _HalfAnswer(web.StreamResponse):
    """Half of an answer under the length of the whole, then the connection is closed."""

    def __init__(self, request: web.Request, whole: web.Response) -> None:
        super().__init__(headers=whole.headers)
        assert isinstance(whole.body, bytes), "envelopes are bytes"
        self.content_length = len(whole.body)
        self._half = whole.body[: len(whole.body) // 2]
        self._of = request

    async def write_eof(self, data: bytes = b"") -> None:
        assert not data, "the body was given at the start"
        await self.write(self._half)
        _hang_up(self._of)


class _TrickledAnswer(web.StreamResponse):
    """An answer byte by byte, with a pause after each; `pause` says whether to go on."""

    def __init__(self, whole: web.Response, pause: Callable[[], Awaitable[bool]]) -> None:
        super().__init__(headers=whole.headers)
        assert isinstance(whole.body, bytes), "envelopes are bytes"
        self.content_length = len(whole.body)
        self._whole = whole.body
        self._go_on = pause

    async def write_eof(self, data: bytes = b"") -> None:
        assert not data, "the body was given at the start"
        for place in range(len(self._whole)):
            await self.write(self._whole[place : place + 1])
            if not await self._go_on():
                return
        await super().write_eof()


def _hang_up(request: web.BaseRequest) -> None:
    if request.transport is not None:
        request.transport.close()


@dataclass(frozen=True, slots=True)
class _Held:
    """A request that waits for the next one of its key to overtake it."""

    signed: SignedRequest
    answer: asyncio.Future[web.StreamResponse]


class FaultyRequests:
    """The way of private requests while a fault is set that may fire on them."""

    def __init__(self, exchange: Exchange, now_us: Callable[[], int]) -> None:
        self._exchange = exchange
        self._now_us = now_us
        self._held: dict[str, _Held] = {}
        self._stopping = asyncio.Event()

    @property
    def expected(self) -> bool:
        """Whether the next request has to come through here."""
        return self._exchange.faults.armed(Occasion.REQUEST) or bool(self._held)

    def stop(self) -> None:
        """Let go of every request that hangs: the exchange stops."""
        self._stopping.set()
        for held in self._held.values():
            held.answer.set_result(_NoAnswer())
        self._held.clear()

    def handle(self, signed: SignedRequest, fault: FaultKind | None = None) -> web.Response:
        """Let the exchange act on a request at this instant."""
        try:
            return envelope.answered(rest_private.call(self._exchange, signed, self._now_us(), fault))
        except KrakenError as error:
            return envelope.refused(error.text)

    def throttle(self, signed: SignedRequest) -> web.Response:
        """Refuse a request of a key that has too many under way. Its nonce is not looked at."""
        text = f"EService:Throttled: {self._now_us() // US_PER_S + 1}"
        record_unseen(self._exchange, signed, None, text)
        return envelope.refused(text)

    def front_page(self, method: str, signed: SignedRequest | None = None) -> web.Response | None:
        """What the front answers by itself to a request, public ones included, while a fault has it so."""
        faults = self._exchange.faults
        if not faults.armed(Occasion.FRONT):
            return None
        key = None if signed is None else self._exchange.accounts.key(signed.api_key)
        fault = faults.fire(Occasion.FRONT, "" if key is None else key.account.id, method)
        if fault is None:
            return None
        if signed is not None:
            record_unseen(self._exchange, signed, fault.spec.kind)
        return web.Response(status=fault.spec.status, text=_FRONT_PAGE)

    async def answer(self, request: web.Request, signed: SignedRequest) -> web.StreamResponse:
        """Answer a request, or don't, by the fault that fires on it."""
        key = self._exchange.accounts.key(signed.api_key)
        fault = None
        if key is not None:
            barred = _SWAP_ONLY if signed.api_key in self._held else _NO_KIND
            fault = self._exchange.faults.fire(Occasion.REQUEST, key.account.id, signed.method, barred=barred)
        if fault is not None and fault.spec.kind is FaultKind.SWAP:
            return await self._swapped(signed, fault)
        if fault is not None and fault.spec.kind is FaultKind.HANG_REQUEST:
            return await self._late(signed, fault.spec.delay_ms / 1000)
        answer = self.handle(signed) if fault is None else self._faulty_answer(request, signed, fault)
        self._let_go(signed.api_key)
        if fault is not None and fault.spec.kind is FaultKind.HANG_REPLY:
            kept = await self._hang(request, None if fault.spec.never else fault.spec.delay_ms / 1000)
            return answer if kept else _NoAnswer()
        return answer

    def _faulty_answer(self, request: web.Request, signed: SignedRequest, fault: Fault) -> web.StreamResponse:
        """What a request that does not wait comes to; and one whose answer waits."""
        kind, spec = fault.spec.kind, fault.spec
        if kind is FaultKind.ERROR:
            return self._refused(signed, fault)
        if kind is FaultKind.DROP_REQUEST or (kind is FaultKind.HTML_5XX and not spec.executed):
            record_unseen(self._exchange, signed, kind)
            return _NoAnswer() if kind is FaultKind.DROP_REQUEST else _html(spec.status)
        if kind is FaultKind.WRONG_ORDER_ID:
            if spec.executed:
                self.handle(signed, kind)
            else:
                record_unseen(self._exchange, signed, kind)
            return envelope.answered({"descr": {"order": "an order"}, "txid": [_NOBODYS_ID]})
        answer = self.handle(signed, kind)
        if kind is FaultKind.DUPLICATE_DELIVERY:
            return self.handle(signed, kind)
        if kind is FaultKind.DROP_REPLY:
            return _NoAnswer()
        if kind is FaultKind.TRUNCATE_REPLY:
            return _HalfAnswer(request, answer)
        if kind is FaultKind.HTML_5XX:
            return _html(spec.status)
        if kind is FaultKind.TRICKLE_REPLY:
            return _TrickledAnswer(answer, lambda: self._pause(spec.delay_ms / 1000))
        assert kind is FaultKind.HANG_REPLY, f"{kind} fires on no request"
        return answer

    def _refused(self, signed: SignedRequest, fault: Fault) -> web.Response:
        text = fault.spec.error.replace(_TIME_TO_COME, str(self._now_us() // US_PER_S + 1))
        if fault.spec.executed:
            self.handle(signed, fault.spec.kind)
        else:
            refuse(self._exchange, signed, self._now_us(), text, fault.spec.kind)
        return envelope.refused(text)

    async def _late(self, signed: SignedRequest, delay_s: float) -> web.StreamResponse:
        """The request was admitted and waits for the engine, whether or not its client does."""
        admitted = admit(self._exchange, signed, self._now_us())
        self._let_go(signed.api_key)
        if not await self._pause(delay_s):
            return _NoAnswer()
        kind = FaultKind.HANG_REQUEST
        try:
            return envelope.answered(rest_private.act(self._exchange, admitted, self._now_us(), kind))
        except KrakenError as error:
            return envelope.refused(error.text)

    async def _swapped(self, signed: SignedRequest, fault: Fault) -> web.StreamResponse:
        held = _Held(signed, asyncio.get_running_loop().create_future())
        self._held[signed.api_key] = held
        done, _ = await asyncio.wait([held.answer], timeout=fault.spec.delay_ms / 1000)
        if not done:
            self._let_go(signed.api_key)
        return held.answer.result()

    def _let_go(self, api_key: str) -> None:
        """Handle the request that waited for another one of its key."""
        held = self._held.pop(api_key, None)
        if held is not None:
            held.answer.set_result(self.handle(held.signed, FaultKind.SWAP))

    async def _pause(self, delay_s: float) -> bool:
        """Wait; False where the exchange stops before."""
        try:
            await asyncio.wait_for(self._stopping.wait(), delay_s)
        except TimeoutError:
            return True
        return False

    async def _hang(self, request: web.Request, delay_s: float | None) -> bool:
        """Wait for a delay, or without end; False where the client or the exchange goes before."""
        end_s = None if delay_s is None else time.monotonic() + delay_s
        while request.transport is not None and not request.transport.is_closing():
            left_s = _LOOK_S if end_s is None else min(_LOOK_S, end_s - time.monotonic())
            if left_s <= 0:
                return True
            if not await self._pause(left_s):
                return False
        return False


def _html(status: int) -> web.Response:
    reason = _REASONS[status]
    page = _PAGE.format(status=status, reason=reason)
    return web.Response(status=status, reason=reason, text=page, content_type="text/html")
