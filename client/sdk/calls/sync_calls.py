"""The call about bringing a user to the master's positions."""

from __future__ import annotations

import uuid

from krakencopy.client.sdk.call import Ask, whole
from krakencopy.client.sdk.operator_name import operator_name
from krakencopy.v1 import control_pb2 as pb


def resync_account(
    account_id: str,
    *,
    not_worse: bool = False,
    dry_run: bool = False,
    reason: str = "",
    by: str = "",
    request_id: str = "",
    timeout_s: float | None = None,
) -> Ask[pb.ResyncAccountResponse, pb.ResyncAccountResponse]:
    """Have a user buy its share of what the master holds, as far as its rules and caps allow, and sell what
    copying holds beyond that; with ``dry_run`` only say what that would be. ``not_worse``: nothing is bought
    that costs more than the master has paid on average.

    Returns when it is asked for durably, and not when it is done: its copies say what became of it. Raises
    NotFound and Refused (``NOT_A_USER``, ``NOT_CONNECTED``, ``MASTER_EQUITY_UNKNOWN``).
    """
    request = pb.ResyncAccountRequest(
        request_id=request_id or str(uuid.uuid4()),
        account_id=account_id,
        not_worse=not_worse,
        reason=reason,
        by=by or operator_name(),
        dry_run=dry_run,
    )
    return Ask(request, pb.ResyncAccountResponse, whole, timeout_s, once_for_ever=True)
