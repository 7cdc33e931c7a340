"""What operators ask about keys of accounts, over ControlService."""

from __future__ import annotations

from collections.abc import Callable

import grpc

from krakencopy.account_proc.contract.refusals import cut_text
from krakencopy.supervisor.accounts.supervised_account import SupervisedAccount
from krakencopy.supervisor.control.change_refused import ChangeRefused
from krakencopy.supervisor.control.config_calls import ConfigCalls, asker_of, refuse_secrets
from krakencopy.supervisor.control.known_accounts import check_configured, find_account
from krakencopy.supervisor.control.page_tokens import PageTokens
from krakencopy.supervisor.control.refusals import Context, check_request_id, refuse
from krakencopy.supervisor.control.reloader import Reloader
from krakencopy.supervisor.control.remembered_answers import RememberedAnswers
from krakencopy.supervisor.control.rotation import ACCOUNT_NOT_FOUND, EXCHANGE, Rotation
from krakencopy.supervisor.supervisor import Supervisor
from krakencopy.v1 import configuration_pb2 as pb
from krakencopy.v1 import types_pb2

_CODES = {EXCHANGE: grpc.StatusCode.UNAVAILABLE, ACCOUNT_NOT_FOUND: grpc.StatusCode.NOT_FOUND}


class RotationCalls(ConfigCalls):
    """A part of ControlServicer, with what is configured."""

    def __init__(
        self, supervisor: Supervisor, reloader: Reloader, tokens: PageTokens, answers: RememberedAnswers,
        show: Callable[[SupervisedAccount], types_pb2.Account],
    ) -> None:  # fmt: skip
        """``show``: an account as it is shown."""
        ConfigCalls.__init__(self, supervisor, reloader, tokens, answers)
        self._show_account = show
        self._rotated = supervisor
        self._rotation = Rotation(supervisor, reloader)

    async def RotateCredentials(
        self, request: pb.RotateCredentialsRequest, context: Context
    ) -> pb.RotateCredentialsResponse:
        """Has an account use the key that its source gives now, once for each request."""
        await refuse_secrets(request, context)
        await check_request_id(request.request_id, context)
        account = await find_account(self._rotated.accounts, request.account_id, context)
        await check_configured(account, context)
        if not account.config.is_kraken:
            words = (
                f"{request.account_id} is at {account.config.broker}, where keys are not tried beforehand; "
                f"replace it at its source, then: krakencopy restart {request.account_id}"
            )
            await refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "NOT_AT_KRAKEN", words)
        asker = asker_of(request, context)

        async def act() -> pb.RotateCredentialsResponse:
            known = self._rotated.journal.config_answer(asker.digest)
            if known is not None:  # by a run before this one
                return pb.RotateCredentialsResponse.FromString(known)
            return await self._rotation.rotate(account, asker, validate_only=request.validate_only)

        try:
            answer = await self._configured_once.answer((asker.digest,), pb.RotateCredentialsResponse, act)
        except ChangeRefused as refused:
            code = _CODES.get(refused.reason, grpc.StatusCode.FAILED_PRECONDITION)
            words = f"{refused}; the old key is in use, and nothing was changed"
            await refuse(context, code, refused.reason, cut_text(words))
        shown = pb.RotateCredentialsResponse()
        shown.CopyFrom(answer)
        # Not remembered: who asks again later is told how far it is then.
        if shown.outcome == pb.ROTATION_OUTCOME_UNDER_WAY:
            await self._rotation.settled(account, shown)
        shown.account.CopyFrom(self._show_account(account))
        return shown
