"""The SDK's calls about limits to losses."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from krakencopy.client.sdk.connection import Connection
from krakencopy.client.sdk.operator_name import operator_name
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns


class LimitCalls:
    """A part of KrakenCopy."""

    _connection: Connection

    def list_limits(
        self, account_ids: Iterable[str] = (), *, timeout_s: float | None = None
    ) -> list[nouns.LossLimit]:
        """Limits to losses of these accounts or of all, with how much of each is lost. Raises NotFound."""
        request = pb.ListLimitsRequest(account_ids=account_ids)
        answer = self._connection.ask(self._connection.stub.ListLimits, request, timeout_s)
        return list(answer.limits)

    def reset_limit(
        self,
        account_id: str,
        name: str = "",
        *,
        reason: str,
        by: str = "",
        request_id: str = "",
        timeout_s: float | None = None,
    ) -> pb.ResetLimitResponse:
        """Have a limit of an account that was hit, or all that were, begin anew: it is on the disk when this
        returns, and the account trades as far as nothing else keeps it from that.

        ``reason``: why it may go on; needed. ``by``: who says so, this machine user unless given. Raises
        NotFound, Refused (``NOT_CONNECTED``: the account needs a process), BadInput without a reason.
        """
        request_id = request_id or str(uuid.uuid4())
        request = pb.ResetLimitRequest(
            request_id=request_id, account_id=account_id, name=name, reason=reason, by=by or operator_name()
        )
        return self._connection.ask(self._connection.stub.ResetLimit, request, timeout_s, request_id)
