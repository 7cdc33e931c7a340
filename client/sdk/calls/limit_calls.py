"""Calls about limits to losses."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from krakencopy.client.sdk.call import Ask, whole
from krakencopy.client.sdk.operator_name import operator_name
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns


def list_limits(
    account_ids: Iterable[str] = (), *, timeout_s: float | None = None
) -> Ask[pb.ListLimitsResponse, list[nouns.LossLimit]]:
    """Limits to losses of these accounts or of all, with how much of each is lost. Raises NotFound."""
    request = pb.ListLimitsRequest(account_ids=account_ids)
    return Ask(request, pb.ListLimitsResponse, lambda answer: list(answer.limits), timeout_s)


def reset_limit(
    account_id: str,
    name: str = "",
    *,
    reason: str,
    by: str = "",
    request_id: str = "",
    timeout_s: float | None = None,
) -> Ask[pb.ResetLimitResponse, pb.ResetLimitResponse]:
    """Have a limit of an account that was hit, or all that were, begin anew: it is on the disk when this
    returns, and the account trades as far as nothing else keeps it from that.

    ``reason``: why it may go on; needed. ``by``: who says so, this machine user unless given. Raises
    NotFound, Refused (``NOT_CONNECTED``: the account needs a process), BadInput without a reason.
    """
    request = pb.ResetLimitRequest(
        request_id=request_id or str(uuid.uuid4()),
        account_id=account_id,
        name=name,
        reason=reason,
        by=by or operator_name(),
    )
    return Ask(request, pb.ResetLimitResponse, whole, timeout_s)
