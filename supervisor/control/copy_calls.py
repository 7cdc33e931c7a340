"""One fill that operators have users copy, over ControlService. A thin shell over the links to the users'
processes: each of them keeps by itself that it copies a fill at most once.
"""

from __future__ import annotations

import asyncio

import grpc

from krakencopy.account_proc.contract.refusals import INTERNAL_FAULT
from krakencopy.supervisor.accounts.grpc_client import CallFailed
from krakencopy.supervisor.accounts.supervised_account import SupervisedAccount
from krakencopy.supervisor.control.answered_once import SOMEBODY, AnsweredOnce, digest_of
from krakencopy.supervisor.control.known_accounts import find_user
from krakencopy.supervisor.control.refusals import Context, check_request_id, refuse
from krakencopy.supervisor.control.remembered_answers import RememberedAnswers
from krakencopy.supervisor.journal.explanation import copy_words
from krakencopy.supervisor.supervisor import Supervisor
from krakencopy.v1 import account_pb2, control_pb2_grpc, types_pb2
from krakencopy.v1 import control_pb2 as pb

#: How long the process of a user may take, in seconds: what it asks the exchange, and how the copy ends.
COPY_TIMEOUT_S = 15.0
#: Ends of a copy by which nothing was traded.
_NOTHING_TRADED = frozenset({types_pb2.COPY_STATE_REJECTED, types_pb2.COPY_STATE_SKIPPED})


class CopyCalls(control_pb2_grpc.ControlServiceServicer):
    """A part of ControlServicer."""

    def __init__(self, supervisor: Supervisor, answers: RememberedAnswers) -> None:
        self._of_copies = supervisor
        self._copied_once = AnsweredOnce(answers)

    async def CopyFill(self, request: pb.CopyFillRequest, context: Context) -> pb.CopyFillResponse:
        """Has users copy one fill, or says what they would do."""
        if not request.dry_run:
            await check_request_id(request.request_id, context)
        journal = self._of_copies.journal
        fill = journal.fill(request.seq, request.exec_id)
        if fill is None:
            message = f"there is no fill {request.exec_id or request.seq}; the last one is {journal.head}"
            await refuse(context, grpc.StatusCode.NOT_FOUND, "FILL_NOT_FOUND", message)
        users = await self._users_asked(request, context)
        by = request.by or SOMEBODY

        async def copy() -> pb.CopyFillResponse:
            if not request.dry_run:
                self._record_wish(fill, users, by)
            asked = (self._ask(user, fill, by, dry_run=request.dry_run) for user in users.values())
            return pb.CopyFillResponse(fill=fill, answers=await asyncio.gather(*asked))

        if request.dry_run:
            return await copy()
        return await self._copied_once.answer(("CopyFill", digest_of(request)), pb.CopyFillResponse, copy)

    async def _users_asked(
        self, request: pb.CopyFillRequest, context: Context
    ) -> dict[str, SupervisedAccount]:
        """Those that are named, by themselves or by a group; all that copy where nobody is."""
        accounts, groups = self._of_copies.accounts, self._of_copies.config.groups
        copying = {key: one for key, one in accounts.items() if one.config.copies and not one.removed}
        if not request.account_ids:
            return copying
        named: set[str] = set()
        for account_id in request.account_ids:
            if account_id in copying:
                named.add(account_id)
            elif account_id in groups and account_id not in accounts:
                named |= {key for key, one in copying.items() if one.config.group == account_id}
            else:
                await find_user(accounts, account_id, context, "nothing was copied")
        return {key: one for key, one in copying.items() if key in named}

    def _record_wish(self, fill: types_pb2.Fill, users: dict[str, SupervisedAccount], by: str) -> None:
        words = f"fill {fill.seq} is to be copied by {len(users)} users, asked for by {by}"
        data = {"fill": str(fill.seq), "by": by, "users": " ".join(users)}
        self._of_copies.events.record(types_pb2.SEVERITY_INFO, "", "COPY_REQUESTED", words, data)

    async def _ask(
        self, user: SupervisedAccount, fill: types_pb2.Fill, by: str, *, dry_run: bool
    ) -> pb.CopyFillAnswer:
        """What one user makes of it."""
        account_id, link = user.config.id, user.process.link
        answer = pb.CopyFillAnswer(account_id=account_id, outcome=types_pb2.COPY_FILL_OUTCOME_NOT_REACHED)
        if link is None:
            why = f" ({user.life.reason})" if user.life.reason else ""
            answer.reason = str(user.life.state)
            answer.message = f"it is {user.life.state}{why}: nothing was copied, ask again when it runs"
            return answer
        journal = self._of_copies.journal
        known = journal.copies_of_fill(fill.seq).get(account_id)
        request = account_pb2.CopyAskedFillRequest(
            fill=fill, journal_id=journal.journal_id, known_copy_id=known.copy_id if known else "",
            known_revision=journal.mark(account_id).acked_revision, by=by, dry_run=dry_run,
        )  # fmt: skip
        try:
            done = await link.ask("CopyAskedFill", request, COPY_TIMEOUT_S)
        except CallFailed as error:
            answer.reason, answer.message = error.reason or str(error.status.name), _words_of(error)
            return answer
        return self._answer_shown(answer, done)

    def _answer_shown(
        self, answer: pb.CopyFillAnswer, done: account_pb2.CopyAskedFillResponse
    ) -> pb.CopyFillAnswer:
        answer.outcome, answer.reason, answer.message = done.outcome, done.reason, done.detail
        if done.outcome == types_pb2.COPY_FILL_OUTCOME_WAITING:
            answer.message = "it is copied as soon as nothing else is done with its coin"
        if not done.HasField("copy"):
            return answer
        copy = done.copy
        answer.copy.CopyFrom(copy)
        joined = copy.joined_copy_id and self._of_copies.journal.copy(answer.account_id, copy.joined_copy_id)
        words = copy_words(copy, joined or None, is_alive=True)
        answer.reason = copy.reason
        answer.message = f"{words}: {copy.detail}" if copy.detail else words
        if done.outcome == types_pb2.COPY_FILL_OUTCOME_COPIED and copy.state in _NOTHING_TRADED:
            answer.outcome = types_pb2.COPY_FILL_OUTCOME_REFUSED
        return answer


def _words_of(error: CallFailed) -> str:
    if error.reason and error.reason != INTERNAL_FAULT:
        return error.message
    return f"{error.message}; whether it was copied is not known: ask again, it is never copied twice"
