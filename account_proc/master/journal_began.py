"""From when on the master's trades are wanted by the supervisor's journal, in the exchange's time.

The request has the time at which the journal began by the supervisor's clock, which may have been wrong
then. It is put right once, by how far the exchange's clock is ahead of this machine's, and kept in the
ledger: a later look at the clock would say something else of the same moment.
"""

from __future__ import annotations

from collections.abc import Callable

from krakencopy.account_proc.contract.proto_time import seconds
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.v1 import account_pb2 as account_pb

#: Its name in the ledger: when the journal began by the supervisor's clock, and by the exchange's.
JOURNAL_BEGAN = "journal_began"


def wanted_since(
    request: account_pb.StreamFillsRequest, ledger: Ledger, clock_offset: Callable[[], float]
) -> float:
    """Unix seconds by the exchange's clock; ``clock_offset``: how far that is ahead of this machine's, in
    seconds. Raises LedgerFault.
    """
    since = seconds(request.since)
    if not request.HasField("journal_began"):
        return since
    by_supervisor = seconds(request.journal_began)
    kept = ledger.kept_value(JOURNAL_BEGAN) or ""
    kept_for, _, began = kept.partition(" ")
    if kept_for != repr(by_supervisor):
        began = repr(by_supervisor + clock_offset())
        ledger.keep_value(JOURNAL_BEGAN, f"{by_supervisor!r} {began}")
    return float(began) if since <= by_supervisor else max(since, float(began))
