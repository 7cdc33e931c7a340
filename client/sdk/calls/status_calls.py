"""Calls about the whole system."""

from __future__ import annotations

import uuid
from datetime import datetime

from krakencopy.client.sdk.call import Ask, whole
from krakencopy.client.sdk.errors import ServerFault
from krakencopy.client.sdk.intervals import limits
from krakencopy.client.sdk.timeouts import RELOAD_TIMEOUT_S
from krakencopy.v1 import control_pb2 as pb


def get_status(*, timeout_s: float | None = None) -> Ask[pb.GetStatusResponse, pb.GetStatusResponse]:
    """The whole system on one page."""
    return Ask(pb.GetStatusRequest(), pb.GetStatusResponse, whole, timeout_s)


def get_report(
    *, since: datetime | None = None, until: datetime | None = None, timeout_s: float | None = None
) -> Ask[pb.GetReportResponse, pb.GetReportResponse]:
    """What became of every fill at every user, or of those that were executed from ``since`` on and before
    ``until``. Raises ServerFault where the supervisor is too old to know them.
    """

    def read(answer: pb.GetReportResponse) -> pb.GetReportResponse:
        knows = (since is None or answer.HasField("since")) and (until is None or answer.HasField("until"))
        if not knows:
            raise ServerFault("the supervisor is older than this client: it reports on all fills only")
        return answer

    return Ask(pb.GetReportRequest(**limits(since, until)), pb.GetReportResponse, read, timeout_s)


def reload(
    *, dry_run: bool = False, request_id: str = "", timeout_s: float | None = None
) -> Ask[pb.ReloadResponse, pb.ReloadResponse]:
    """Have the supervisor read its configuration file again and apply what changed, or with ``dry_run`` only
    say what would be.

    Raises BadConfiguration for a file that cannot be used, Refused for changes that need a restart. The
    supervisor may run commands for credentials, which takes as long as they take: ``timeout_s`` is a minute
    unless given.
    """
    request = pb.ReloadRequest(request_id=request_id or str(uuid.uuid4()), dry_run=dry_run)
    return Ask(request, pb.ReloadResponse, whole, RELOAD_TIMEOUT_S if timeout_s is None else timeout_s)


def shutdown(
    *, now: bool = False, request_id: str = "", timeout_s: float | None = None
) -> Ask[pb.ShutdownResponse, pb.ShutdownResponse]:
    """Begin to stop the supervisor. Returns at once; the supervisor is gone when calls raise Unavailable.

    ``now``: wait for nothing in flight longer than about a second, also where a shutdown has begun already.
    """
    request = pb.ShutdownRequest(request_id=request_id or str(uuid.uuid4()), now=now)
    return Ask(request, pb.ShutdownResponse, whole, timeout_s)
