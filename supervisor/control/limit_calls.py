"""What operators ask about limits to losses, over ControlService: all of them with what is lost, and that one
which was hit begins anew. A thin shell over the link to each account's process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

import grpc

from krakencopy.account_proc.contract.ledger_file import LedgerUnreadable, ledger_view
from krakencopy.account_proc.contract.loss_counting import LimitState
from krakencopy.account_proc.contract.trading_states import StatesUnreadable
from krakencopy.supervisor.accounts.grpc_client import CallFailed
from krakencopy.supervisor.accounts.supervised_account import SupervisedAccount
from krakencopy.supervisor.control.answered_once import SOMEBODY, AnsweredOnce
from krakencopy.supervisor.control.known_accounts import find_account, find_user
from krakencopy.supervisor.control.refusals import CODES, Context, check_request_id, refuse, refuse_field
from krakencopy.supervisor.control.remembered_answers import RememberedAnswers
from krakencopy.supervisor.supervisor import Supervisor
from krakencopy.v1 import account_pb2, control_pb2_grpc
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns

#: How long an account's process may take to write it, in seconds.
RESET_TIMEOUT_S = 5.0


class LimitCalls(control_pb2_grpc.ControlServiceServicer):
    """A part of ControlServicer."""

    def __init__(self, supervisor: Supervisor, answers: RememberedAnswers) -> None:
        self._of_limits = supervisor
        self._reset_once = AnsweredOnce(answers)

    async def ListLimits(self, request: pb.ListLimitsRequest, context: Context) -> pb.ListLimitsResponse:
        """Limits of these accounts, or of all."""
        accounts = self._of_limits.accounts
        for account_id in request.account_ids:
            await find_account(accounts, account_id, context)
        wanted = set(request.account_ids) or set(accounts)
        chosen = [account for account_id, account in accounts.items() if account_id in wanted]
        ledger = self._of_limits.place.ledger
        limits = [
            limit for account in chosen for limit in await limits_of(account, ledger(account.config.id))
        ]
        of_all = [] if request.account_ids else self._of_limits.total_limits.to_proto()
        return pb.ListLimitsResponse(limits=[*of_all, *limits])

    async def ResetLimit(self, request: pb.ResetLimitRequest, context: Context) -> pb.ResetLimitResponse:
        """Resets a limit of an account, or all of its that were hit, once for each request id."""
        await check_request_id(request.request_id, context)
        if not request.reason.strip():
            words = "is empty; say why it may go on, for those who read it later"
            await refuse_field(context, "reason", words)
        if not request.account_id:
            return await self._reset_total(request, context)
        account = await self._limited_user(request.account_id, context)
        key = ("ResetLimit", request.request_id, request.account_id, request.name)

        async def reset() -> pb.ResetLimitResponse:
            link = account.process.link
            assert link is not None
            asked = account_pb2.AccountServiceResetLimitRequest(
                request_id=request.request_id, name=request.name
            )
            answer = await link.ask("ResetLimit", asked, RESET_TIMEOUT_S)
            self._record_reset(request, answer.names)
            return pb.ResetLimitResponse(names=answer.names)

        try:
            return await self._reset_once.answer(key, pb.ResetLimitResponse, reset)
        except CallFailed as error:
            await _refuse_reset(error, context)

    async def _reset_total(self, request: pb.ResetLimitRequest, context: Context) -> pb.ResetLimitResponse:
        """One of all users together."""
        by = request.by or SOMEBODY

        async def reset() -> pb.ResetLimitResponse:
            names = await self._of_limits.total_limits.reset(request.name, by, request.reason)
            self._record_reset(request, names)
            return pb.ResetLimitResponse(names=names)

        try:
            key = ("ResetLimit", request.request_id, "", request.name)
            return await self._reset_once.answer(key, pb.ResetLimitResponse, reset)
        except KeyError:
            words = "there is no such limit of all users, or none was hit; `krakencopy limits` shows all"
            await refuse(context, grpc.StatusCode.NOT_FOUND, "LIMIT_NOT_FOUND", words)
        except (OSError, StatesUnreadable) as error:
            words = (
                f"it is reset, and the trading states could not be written ({error}): see to it, then lift "
                "what it has stopped with `krakencopy resume`"
            )
            await refuse(context, grpc.StatusCode.INTERNAL, "STATES_NOT_WRITTEN", words)

    def _record_reset(self, request: pb.ResetLimitRequest, names: Iterable[str]) -> None:
        by, joined = request.by or SOMEBODY, ", ".join(names)
        self._of_limits.events.record(
            nouns.SEVERITY_WARNING, request.account_id, "LIMIT_RESET",
            f"limit {joined} is reset by {by} ({request.reason}): it begins anew",
            {"names": joined, "by": by, "reason": request.reason},
        )  # fmt: skip

    async def _limited_user(self, account_id: str, context: Context) -> SupervisedAccount:
        """An account that copies, with a process."""
        account = await find_user(self._of_limits.accounts, account_id, context, "it has no limits")
        if account.process.link is None:
            words = f"{account_id} has no process to keep its limits; `krakencopy start {account_id}` first"
            await refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "NOT_CONNECTED", words)
        return account


async def limits_of(account: SupervisedAccount, ledger: Path) -> Iterable[nouns.LossLimit]:
    """As its process shows them; without one, as they are configured, and what its ledger says was hit."""
    link = account.process.link
    if link is not None and link.snapshot.positions_known:
        return list(link.snapshot.limits)
    if not account.config.copies:
        return []
    configured = {limit.name: limit for limit in account.config.copy.limits}
    why = "its process is not there, or has not reached the exchange: what is lost is not known"
    hits: dict[str, LimitState] = {}
    try:
        if (view := await asyncio.to_thread(ledger_view, ledger)) is not None:
            hits = {name: state for name, state in view.limits.items() if state.hit is not None}
    except LedgerUnreadable as error:
        why = str(error)
    states = hits | {name: LimitState(limit=limit) for name, limit in configured.items() if name not in hits}
    return [_last_known(account, state, why, configured=name in configured) for name, state in states.items()]


def _last_known(
    account: SupervisedAccount, state: LimitState, why: str, *, configured: bool
) -> nouns.LossLimit:
    """A limit that its process does not show; ``why``: what is not known of one that was not hit."""
    message = state.to_proto(account.config.id)
    message.configured = configured
    if state.hit is None:
        message.state, message.message = nouns.LIMIT_STATE_UNSPECIFIED, why
    else:
        message.message += "; it holds, and can be reset when the account's process is there"
    return message


async def _refuse_reset(error: CallFailed, context: Context) -> NoReturn:
    if error.reason in {"LIMIT_NOT_FOUND", "NOT_CONNECTED", "NOT_USER"}:
        await refuse(context, CODES[error.status], error.reason, error.message)
    words = f"{error}; ask again with the same request_id to find out"
    await refuse(context, grpc.StatusCode.UNAVAILABLE, "NO_ANSWER", words)
