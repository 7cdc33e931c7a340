"""Bringing a user to the master's positions, over ControlService: the plan, which the user's process makes,
and the order for it. A thin shell over accounts/sync_orders.py.
"""

from __future__ import annotations

import time

import grpc

from krakencopy.supervisor.accounts.account_link import AccountLink
from krakencopy.supervisor.accounts.grpc_client import CallFailed
from krakencopy.supervisor.accounts.supervised_account import SupervisedAccount
from krakencopy.supervisor.accounts.sync_orders import Origin, source_words
from krakencopy.supervisor.control.answered_once import SOMEBODY, AnsweredOnce
from krakencopy.supervisor.control.known_accounts import find_user
from krakencopy.supervisor.control.refusals import Context, check_request_id, refuse
from krakencopy.supervisor.control.remembered_answers import RememberedAnswers
from krakencopy.supervisor.journal.sync_requests import SyncRow
from krakencopy.supervisor.supervisor import Supervisor
from krakencopy.v1 import account_pb2, control_pb2_grpc
from krakencopy.v1 import control_pb2 as pb

#: Prices are asked for, behind the calls that wait already, in seconds.
PLAN_TIMEOUT_S = 15.0


class SyncCalls(control_pb2_grpc.ControlServiceServicer):
    """A part of ControlServicer."""

    def __init__(self, supervisor: Supervisor, answers: RememberedAnswers) -> None:
        self._of_syncs = supervisor
        self._synced_once = AnsweredOnce(answers)

    async def ResyncAccount(
        self, request: pb.ResyncAccountRequest, context: Context
    ) -> pb.ResyncAccountResponse:
        """What is planned; done once for each request id."""
        if not request.dry_run:
            await check_request_id(request.request_id, context)
        why = "nothing is bought for it"
        account = await find_user(self._of_syncs.accounts, request.account_id, context, why)
        if request.dry_run:
            return await self._plan_sync(request, account, context)
        known = self._of_syncs.journal.sync_of(request.account_id, request.request_id)

        async def act() -> pb.ResyncAccountResponse:
            if known is not None:  # by a run before this one
                return pb.ResyncAccountResponse(number=known.number, source=source_words(known))
            answer = await self._plan_sync(request, account, context)
            link = account.process.link
            row = self._of_syncs.syncs.ask_by_operator(
                request.account_id, request.request_id, request.by or SOMEBODY, request.reason,
                not_worse=request.not_worse, above=0 if link is None else link.snapshot.synced,
            )  # fmt: skip
            answer.number, answer.source = row.number, source_words(row)
            return answer

        key = "ResyncAccount", request.account_id, request.request_id
        return await self._synced_once.answer(key, pb.ResyncAccountResponse, act)

    async def _plan_sync(
        self, request: pb.ResyncAccountRequest, account: SupervisedAccount, context: Context
    ) -> pb.ResyncAccountResponse:
        syncs, link = self._of_syncs.syncs, account.process.link
        row = SyncRow(
            0, request.account_id, "", Origin.OPERATOR, time.time(), request.by or SOMEBODY, request.reason,
            request.not_worse, taken=False,
        )  # fmt: skip
        if link is None:
            words = f"{request.account_id} has no process that could say what it would buy; start it first"
            await refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "NOT_CONNECTED", words)
        order = syncs.order(row)
        if order is None:
            words = (
                "the master's equity is not known, so there is nothing to scale by; see that it is connected"
            )
            await refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "MASTER_EQUITY_UNKNOWN", words)
        plan = await self._ask_for_plan(link, order, context)
        return pb.ResyncAccountResponse(
            as_of_seq=order.as_of_seq, positions=plan.positions, notes=syncs.not_counted(),
            source=order.source,
        )  # fmt: skip

    @staticmethod
    async def _ask_for_plan(
        link: AccountLink, order: account_pb2.SyncOrder, context: Context
    ) -> account_pb2.PlanSyncResponse:
        try:
            answer = await link.ask("PlanSync", account_pb2.PlanSyncRequest(sync=order), PLAN_TIMEOUT_S)
        except CallFailed as error:
            words = f"the account's process gave no plan ({error.message or error}); try again"
            await refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "NOT_CONNECTED", words)
        assert isinstance(answer, account_pb2.PlanSyncResponse)
        return answer
