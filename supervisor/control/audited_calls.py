"""Calls that change something, each with its two entries in the audit log: one before anything is done, and
one with what came of it. What has begun is done to its end, also where the client that asked is gone. Who
asks in a loop is slowed down.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2

from krakencopy.account_proc.contract.refusals import cut_text
from krakencopy.supervisor.audit.files import Draft
from krakencopy.supervisor.audit.log import AuditLog, AuditNotWritten
from krakencopy.supervisor.control.audit_notes import CallNotes
from krakencopy.supervisor.control.call_pace import CallPace
from krakencopy.supervisor.control.call_status import Refused, status_of
from krakencopy.supervisor.control.principals import Principal
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2


class AuditedCalls:
    """Of one supervisor."""

    def __init__(self, log: AuditLog, notes: CallNotes) -> None:
        self._log = log
        self._notes = notes
        self._pace = CallPace()
        self._tasks: set[asyncio.Task[Message]] = set()

    async def carry_out(
        self, method: str, request: Message, principal: Principal, act: Callable[[], Awaitable[Message]]
    ) -> Message:
        """What ``act`` gives. Raises what it raises, and AuditNotWritten, where nothing was done."""
        fields = self._fields(method, request, principal)
        before = self._notes.standing(request)
        if before:
            fields["before"] = before
        # Of all that is asked, the request id included, which is not always shown.
        key = (method, str(fields["sha256"])) if getattr(request, "request_id", "") else ()
        waits = not stops_trading(request)
        if waits:
            await self._keep_pace(principal)
        draft = await self._log.begin(fields, key, waits=waits)
        task = asyncio.get_running_loop().create_task(self._finish(draft, request, before, act, method))
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        return await asyncio.shield(task)

    async def note_denied(self, method: str, request: Message, principal: Principal, encoded: bytes) -> None:
        """Somebody asks for what it may not; ``encoded``: the refusal. Nothing is done, also where that
        cannot be written.
        """
        await self._keep_pace(principal)
        with suppress(AuditNotWritten):
            draft = await self._log.begin(self._fields(method, request, principal), (), waits=True)
            self._log.end(draft, _outcome(encoded))

    def _fields(self, method: str, request: Message, principal: Principal) -> dict[str, Any]:
        """Who asks for what."""
        return {
            "call": method, "who": principal.name, "role": principal.role, "from": principal.origin,
            **({"owns": principal.account} if principal.account else {}), **self._notes.asked(request),
        }  # fmt: skip

    async def _keep_pace(self, principal: Principal) -> None:
        if pause_s := self._pace.pause_s(_caller(principal), time.monotonic()):
            await asyncio.sleep(pause_s)

    def _forget(self, task: asyncio.Task[Message]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # nobody may be left to take it

    async def _finish(
        self, draft: Draft, request: Message, before: dict[str, str],
        act: Callable[[], Awaitable[Message]], method: str,
    ) -> Message:  # fmt: skip
        began = time.monotonic()
        try:
            answer = await act()
        except asyncio.CancelledError:
            words = "the supervisor ended before it was answered"
            self._log.end(draft, {"outcome": "CANCELLED", "message": words})
            raise
        except Exception as error:
            # Once to the log: who ends the call takes this as a refusal.
            encoded = status_of(error, method)
            self._log.end(draft, _outcome(encoded) | _took(began))
            raise Refused(encoded) from error
        changed = self._notes.changed(before, self._notes.standing(request), answer)
        self._log.end(draft, {"outcome": "OK"} | changed | _took(began))
        return answer


def _caller(principal: Principal) -> str:
    """Of this machine, whose user has one name, a process; who has shown something the name, also where a
    gateway passes its calls on: those of others do not wait for it.
    """
    return principal.origin if principal.is_local else principal.name


def stops_trading(request: Message) -> bool:
    """Whether a call waits for nothing: it stops trading, or ends the whole."""
    match request:
        case pb.SetTradingStateRequest():
            return request.state != types_pb2.TRADING_STATE_ACTIVE
        case pb.FlattenAccountsRequest():
            return not request.cancel
        case pb.ShutdownRequest():
            return True
    return False


def _outcome(encoded: bytes) -> dict[str, Any]:
    status = status_pb2.Status.FromString(encoded)
    info = error_details_pb2.ErrorInfo()
    reason = next((info.reason for detail in status.details if detail.Unpack(info)), "")
    return {
        "outcome": code_pb2.Code.Name(status.code), "reason": reason, "message": cut_text(status.message)
    }  # fmt: skip


def _took(began: float) -> dict[str, Any]:
    return {"took_ms": round((time.monotonic() - began) * 1_000, 1)}
