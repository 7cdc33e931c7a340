"""One fill that a user is asked to copy, over AccountService. A thin shell over copying/asked_fills.py."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Protocol

from grpclib.const import Status

from krakencopy.account_proc.contract.copy_state import ENDS
from krakencopy.account_proc.contract.spec import AccountSpec
from krakencopy.account_proc.copying.asked_fills import Asked, AskedAnswer, Outcome
from krakencopy.account_proc.copying.copier import Copier
from krakencopy.account_proc.copying.fill_faults import FillInvalid
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.runtime.change_signal import ChangeSignal
from krakencopy.account_proc.runtime.grpc_server import refusal
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.v1 import account_pb2 as pb
from krakencopy.v1 import types_pb2

#: A process that has not reached the exchange is waited for so long, in seconds: it may be about to.
CONNECTED_WITHIN_S = 2.0
#: How a copy ends is waited for so long, in seconds: most end within a tenth of one.
END_WITHIN_S = 2.0

PB_OUTCOME = {outcome: types_pb2.CopyFillOutcome.Value(f"COPY_FILL_OUTCOME_{outcome}") for outcome in Outcome}


class Process(Protocol):
    """What is needed of the process around it."""

    spec: AccountSpec
    ledger: Ledger
    change_signal: ChangeSignal
    draining: bool

    @property
    def copier(self) -> Copier | None:
        """Of a user, once there is one."""
        ...

    def readiness(self) -> tuple[str, str]:
        """Why the account cannot trade, as a code and for people; two empty strings when it can."""
        ...

    async def trading(self) -> None:
        """Waits until the exchange was reached and the loops run."""
        ...


class AskedFillCalls:
    """A part of AccountServicer."""

    def __init__(self, process: Process) -> None:
        self._copies_of = process

    async def CopyAskedFill(self, request: pb.CopyAskedFillRequest) -> pb.CopyAskedFillResponse:
        """Copies one fill, at most once."""
        copier = await self._ready_copier()
        ledger = self._copies_of.ledger
        if ledger.journal_id != request.journal_id:
            message = "its ledger counts in another journal, or in none so far; nothing was copied"
            raise refusal(Status.FAILED_PRECONDITION, "LEDGER_OF_OTHER_JOURNAL", message)
        asked = Asked(
            fill=request.fill, by=request.by, known_copy_id=request.known_copy_id,
            known_revision=request.known_revision, dry_run=request.dry_run,
        )  # fmt: skip
        try:
            answer = await copier.copy_asked_fill(asked)
        except FillInvalid as error:
            raise refusal(Status.DATA_LOSS, error.reason, str(error)) from error
        copy = await self._seen_to_its_end(answer) if answer.copy_id else None
        outcome = answer.outcome
        if outcome is Outcome.WAITING and copy is not None:
            outcome = Outcome.COPIED
        response = pb.CopyAskedFillResponse(
            outcome=PB_OUTCOME[outcome], reason=answer.reason, detail=answer.detail
        )
        if copy is not None:
            response.copy.CopyFrom(copy.to_proto(self._copies_of.spec.id))
        return response

    async def _ready_copier(self) -> Copier:
        process = self._copies_of
        with suppress(TimeoutError):
            await asyncio.wait_for(process.trading(), CONNECTED_WITHIN_S)
            if process.copier is None:
                raise refusal(Status.FAILED_PRECONDITION, "NOT_USER", "this account copies nobody")
            if not process.draining:
                return process.copier
        _, why = process.readiness()
        message = f"it cannot trade now ({why or 'it is ending'}); nothing was copied, ask again"
        raise refusal(Status.FAILED_PRECONDITION, "NOT_CONNECTED", message)

    async def _seen_to_its_end(self, answer: AskedAnswer) -> CopyRecord | None:
        """The copy, once it is at its end or that was waited for; None where it is not decided yet."""

        async def its_end() -> None:
            seen = -1
            while (found := self._copies_of.ledger.copy(answer.copy_id)) is None or found.state not in ENDS:
                seen = await self._copies_of.change_signal.wait(seen)

        if answer.outcome is not Outcome.ALREADY:
            with suppress(TimeoutError):
                await asyncio.wait_for(its_end(), END_WITHIN_S)
        return self._copies_of.ledger.copy(answer.copy_id)
