"""The SDK's call to have one fill copied on demand."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from krakencopy.client.sdk.connection import Connection
from krakencopy.client.sdk.errors import BadInput
from krakencopy.client.sdk.operator_name import operator_name
from krakencopy.client.sdk.timeouts import ORDERS_TIMEOUT_S
from krakencopy.v1 import control_pb2 as pb


class CopyCalls:
    """A part of KrakenCopy."""

    _connection: Connection

    def copy_fill(
        self,
        *,
        seq: int | None = None,
        exec_id: str | None = None,
        account_ids: Iterable[str] = (),
        dry_run: bool = False,
        by: str = "",
        request_id: str = "",
        timeout_s: float | None = None,
    ) -> pb.CopyFillResponse:
        """Have users copy one fill, by its seq or its execution id: those named, the users of groups named,
        or without any all that copy. With ``dry_run`` only say what each would do.

        Whatever is asked how often, a user copies a fill at most once: one that has is named with what
        became of it. The answer has one entry for each user: copied, waiting, already copied, refused, or
        not reached. ``by``: who asks, this machine user unless given. Raises NotFound, Refused.
        """
        if (seq is None) == (exec_id is None):
            raise BadInput("copy_fill wants either a seq or an exec_id")
        request_id = request_id or str(uuid.uuid4())
        request = pb.CopyFillRequest(
            request_id=request_id,
            **({"seq": seq} if seq is not None else {"exec_id": exec_id}),
            account_ids=account_ids,
            by=by or operator_name(),
            dry_run=dry_run,
        )
        timeout_s = ORDERS_TIMEOUT_S if timeout_s is None else timeout_s
        return self._connection.ask(self._connection.stub.CopyFill, request, timeout_s, request_id)
