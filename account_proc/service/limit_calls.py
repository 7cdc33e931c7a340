"""What the supervisor asks about a user's limits to losses, over AccountService."""

from __future__ import annotations

from typing import Protocol

from grpclib.const import Status

from krakencopy.account_proc.contract.spec import AccountSpec, Role
from krakencopy.account_proc.copying.limit_watch import LimitWatch
from krakencopy.account_proc.runtime.grpc_server import refusal
from krakencopy.v1 import account_pb2 as pb


class LimitProcess(Protocol):
    """What is needed of the process around it."""

    spec: AccountSpec

    @property
    def limits(self) -> LimitWatch | None:
        """Of a user, once the exchange's record was looked at."""
        ...


class LimitCalls:
    """A part of AccountServicer."""

    def __init__(self, process: LimitProcess) -> None:
        self._limited = process

    async def ResetLimit(
        self, request: pb.AccountServiceResetLimitRequest
    ) -> pb.AccountServiceResetLimitResponse:
        """A limit to losses was not hit from here on."""
        if self._limited.spec.role is not Role.USER:
            raise refusal(Status.FAILED_PRECONDITION, "NOT_USER", "this account copies nobody")
        watch = self._limited.limits
        if watch is None:
            words = "it has not reached the exchange yet; ask again"
            raise refusal(Status.FAILED_PRECONDITION, "NOT_CONNECTED", words)
        names = watch.reset(request.name, request.request_id)
        if names is None:
            words = f"there is no limit {request.name!r}" if request.name else "no limit was hit"
            raise refusal(
                Status.NOT_FOUND, "LIMIT_NOT_FOUND", f"{words}; `krakencopy limits` shows all there are"
            )
        return pb.AccountServiceResetLimitResponse(names=names)
