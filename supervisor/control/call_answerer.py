"""The supervisor's end of the channel to the front: runs what ControlService answers, within its share of the
loop.

A call's answers are made as far as they are taken: what a client does not read costs nothing but the call
itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import suppress
from typing import Any, NoReturn, Protocol

from google.protobuf.message_factory import GetMessageClass

from krakencopy.supervisor.control.audited_calls import AuditedCalls
from krakencopy.supervisor.control.authorization import Denied, check_allowed
from krakencopy.supervisor.control.call_frames import (
    METHODS,
    UNTAKEN_BYTES_MAX,
    URGENT,
    Frame,
    Kind,
    read_call,
    read_frame,
    read_taken,
)
from krakencopy.supervisor.control.call_status import Refused, status_of
from krakencopy.supervisor.control.loop_share import LoopShare, begin_call
from krakencopy.supervisor.control.owner_scope import OWN, hide_names, own_refusal
from krakencopy.supervisor.control.permissions import AUDITED
from krakencopy.supervisor.control.principals import Principal, Role

log = logging.getLogger(__name__)

#: Fields of requests in which a caller says its own name.
SAID_BY = frozenset({"by", "set_by", "changed_by"})
_TYPES = tuple(GetMessageClass(method.input_type) for method in METHODS)


class Refusal(Protocol):
    """As ``rpc_status.to_status`` gives it."""

    trailing_metadata: Any


class CallContext:
    """What ControlService knows of a call, beside its request."""

    def __init__(self, principal: Principal) -> None:
        #: Who asks.
        self.principal = principal

    async def abort_with_status(self, status: Refusal) -> NoReturn:
        """Ends the call. Raises Refused."""
        ((_, encoded),) = status.trailing_metadata
        raise Refused(own_refusal(encoded) if self.principal.role is Role.OWNER else encoded)


class _Call:
    """One call that is being answered."""

    def __init__(self) -> None:
        self.task: asyncio.Task[None] | None = None
        self.untaken_bytes = 0
        self.has_room = asyncio.Event()
        self.has_room.set()

    def add(self, size: int) -> None:
        self.untaken_bytes += size
        if self.untaken_bytes >= UNTAKEN_BYTES_MAX:
            self.has_room.clear()
        else:
            self.has_room.set()


class CallAnswerer:
    """Answers one front."""

    def __init__(
        self, servicer: Any, share: LoopShare, audit: AuditedCalls | None = None, access: bytes = b"",
        note_call: Callable[[Principal], None] = lambda _: None,
        account_ids: Callable[[], Collection[str]] = tuple,
    ) -> None:  # fmt: skip
        """``servicer`` has a method for each of the service. ``audit`` keeps what is changed by whom;
        ``access``: who may call from elsewhere, encoded (access_table.py); ``note_call`` is given each of
        those that does; ``account_ids``: of all accounts, which owners are not to be shown.
        """
        self._audit = audit
        self._note_call = note_call
        self._account_ids = account_ids
        self._servicer = servicer
        self._share = share
        self._access = access
        #: Of calls that stop trading: what others have used of the loop does not hold them up.
        self._urgent_share = LoopShare()
        #: The same of those from elsewhere, who do not hold up who is at the machine.
        self._remote_urgent_share = LoopShare()
        self._calls: dict[int, _Call] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._has_answered = False

    async def run(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Until the front is gone; what is being answered then has nobody who waits for it."""
        self._writer = writer
        if self._access:
            self.use_access(self._access)
        try:
            while frame := await read_frame(reader):
                self._take_frame(frame)
                # Frames that came together are read without a turn of the loop between them.
                await asyncio.sleep(0)
        except ConnectionError as error:
            log.warning("the channel to the control API's process broke: %s", error)
        finally:
            writer.close()
            for call in self._calls.values():
                if call.task is not None:
                    call.task.cancel()

    def use_access(self, access: bytes) -> None:
        """From now on these may call from elsewhere."""
        self._access = access
        self._send(Frame(Kind.ACCESS, 0, access))

    def ping(self) -> None:
        """Asks whether the front runs."""
        self._has_answered = False
        self._send(Frame(Kind.PING, 0))

    def has_answered(self) -> bool:
        """Whether anything came since the last ping."""
        return self._has_answered

    async def finish(self, within_s: float) -> None:
        """Lets single answers leave."""
        tasks = [call.task for call in self._calls.values() if call.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=within_s)

    def _take_frame(self, frame: Frame) -> None:
        self._has_answered = True
        call = self._calls.get(frame.call)
        match frame.kind:
            case Kind.CALL:
                call = self._calls[frame.call] = _Call()
                method, principal, request = read_call(frame.body)
                if not principal.is_local:
                    self._note_call(principal)
                call.task = asyncio.get_running_loop().create_task(
                    self._answer(frame.call, call, method, request, CallContext(principal))
                )
            case Kind.TAKEN if call is not None:
                call.add(-read_taken(frame.body))
            case Kind.CANCEL if call is not None and call.task is not None:
                call.task.cancel()
            case _:
                pass  # of a call that has ended, or PONG

    async def _answer(
        self, number: int, call: _Call, method: int, request: bytes, context: CallContext
    ) -> None:
        end = b""
        try:
            asked = _TYPES[method].FromString(request)
            _name_caller(asked, context.principal)
            denied = _denied(context.principal, METHODS[method].name, asked)
            share = self._share
            if METHODS[method].name in URGENT and denied is None:
                share = self._urgent_share if context.principal.is_local else self._remote_urgent_share
            begin_call(share)
            await share.take_turn()
            if denied is not None:
                await self._refuse(METHODS[method].name, asked, context.principal, denied)
            await self._send_answers(number, call, method, asked, context, share)
        except Exception as error:  # noqa: BLE001 - what is no refusal is logged there
            end = status_of(error, METHODS[method].name)
        finally:
            del self._calls[number]
        self._send(Frame(Kind.END, number, end))

    async def _refuse(self, name: str, asked: Any, principal: Principal, denied: Denied) -> NoReturn:
        """Somebody may not; that it was asked for is in the audit."""
        if self._audit is not None and name in AUDITED:
            await self._audit.note_denied(name, asked, principal, status_of(denied, name))
        raise denied

    async def _send_answers(
        self, number: int, call: _Call, method: int, request: Any, context: CallContext, share: LoopShare
    ) -> None:
        name = METHODS[method].name
        answer, own = getattr(self._servicer, name), self._own_of(name, context.principal)
        if not METHODS[method].server_streaming:
            if self._audit is None or name not in AUDITED:
                message = await share.measured(answer(request, context))
            else:
                message = await share.measured(
                    self._audit.carry_out(
                        name, request, context.principal, lambda: share.measured(answer(request, context))
                    )
                )
            message = own(message)
            with share.measuring():
                self._send(Frame(Kind.ANSWER, number, message.SerializeToString()))
            return
        messages: AsyncIterator[Any] = answer(request, context)
        with suppress(StopAsyncIteration):
            while True:
                await call.has_room.wait()
                message = own(await share.measured(anext(messages)))
                if message is not None:
                    with share.measuring():
                        encoded = message.SerializeToString()
                        call.add(len(encoded))
                        self._send(Frame(Kind.ANSWER, number, encoded))
                await share.end_slice()

    def _own_of(self, method: str, principal: Principal) -> Callable[[Any], Any]:
        """What of an answer is for the caller."""
        if principal.role is not Role.OWNER:
            return lambda message: message
        own = OWN[method]

        def found(message: Any) -> Any:
            kept = own(message, principal.account)
            if kept is not None:
                hide_names(kept, [each for each in self._account_ids() if each != principal.account])
            return kept

        return found

    def _send(self, frame: Frame) -> None:
        # What waits here is bounded: by the calls at once, and the answers of each that are not taken.
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(frame.encoded())


def _denied(principal: Principal, method: str, request: Any) -> Denied | None:
    """Why somebody may not ask this. The front looks as well: what it passes on all the same is written to
    the audit here.
    """
    try:
        check_allowed(principal, method, request)
    except Denied as error:
        return error
    return None


def _name_caller(request: Any, principal: Principal) -> None:
    """Who calls from elsewhere is recorded by its own name, whatever it says."""
    if not principal.is_local:
        for field in SAID_BY.intersection(request.DESCRIPTOR.fields_by_name):
            setattr(request, field, principal.name)
