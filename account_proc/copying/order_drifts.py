"""What does not agree between the exchange's record of orders and the ledger, as codes and in words. Pure."""

from __future__ import annotations

from enum import StrEnum

from krakencopy.account_proc.contract.copy_state import ENDS
from krakencopy.account_proc.contract.decimal_text import plain
from krakencopy.account_proc.contract.order_ids import CL_ORD_ID_MARK
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.domain.order import ENDED
from krakencopy.account_proc.kraken.feed.executions import Execution
from krakencopy.account_proc.kraken.rest.messages import OrderRow
from krakencopy.account_proc.state.ledger import NO_COPY, Drift


class DriftCode(StrEnum):
    """What does not agree; see ``krakencopy.v1.Drift``."""

    ORDER_FOUND_LATE = "ORDER_FOUND_LATE"
    ORDER_UNINTENDED = "ORDER_UNINTENDED"
    ORDER_MADE_ELSEWHERE = "ORDER_MADE_ELSEWHERE"
    VOLUME_DIFFERS = "VOLUME_DIFFERS"


def disagreement(row: OrderRow, owner: str | None, copy: CopyRecord | None) -> DriftCode | None:
    """What is wrong with an order of the exchange, by the ledger's word for it.

    ``owner``: the copy that made the order's id, NO_COPY for an order that was asked for, None if nobody did.
    """
    if not (row.cl_ord_id or "").startswith(CL_ORD_ID_MARK):
        return None  # the user's own
    if owner is None or (owner != NO_COPY and copy is None):
        return DriftCode.ORDER_UNINTENDED
    if copy is None:
        return None
    if copy.order_id and copy.order_id != row.txid and copy.cl_ord_id == row.cl_ord_id:
        return DriftCode.ORDER_UNINTENDED  # the same ledger is at work twice: an id is sent once
    if row.status in ENDED and not row.vol_exec:
        return None
    given_up = copy.cl_ord_id != row.cl_ord_id or (copy.state in ENDS and not copy.order_id)
    if given_up:
        return DriftCode.ORDER_FOUND_LATE
    if copy.state in ENDS and row.status in ENDED and row.vol_exec != copy.filled:
        return DriftCode.VOLUME_DIFFERS
    return None


def drift_of_order(code: DriftCode, row: OrderRow, copy: CopyRecord | None, found_at: float) -> Drift:
    """What was found about an order of the record; ``copy``: whose it is, by its id."""
    return Drift(
        code=code,
        order_id=row.txid,
        cl_ord_id=row.cl_ord_id or "",
        copy_id="" if copy is None else copy.copy_id,
        found_at=found_at,
        message=_words(code, row, copy),
    )


def drift_of_execution(execution: Execution, found_at: float) -> Drift:
    """What was found about an order that the feed tells of, made while this process runs and not by it."""
    return Drift(
        code=DriftCode.ORDER_MADE_ELSEWHERE,
        order_id=execution.order_id,
        cl_ord_id=execution.cl_ord_id or "",
        copy_id="",
        found_at=found_at,
        message=_made_elsewhere(f"order {execution.order_id} ({execution.side} {execution.pair})"),
    )


def _words(code: DriftCode, row: OrderRow, copy: CopyRecord | None) -> str:
    filled = f"{row.side} {plain(row.vol_exec)} {row.pair}"
    match code:
        case DriftCode.ORDER_FOUND_LATE:
            of = copy.copy_id if copy is not None else ""
            return (
                f"order {row.txid} of copy {of} had been proven not to exist and was there after all "
                f"({filled}); it now counts as copied"
            )
        case DriftCode.VOLUME_DIFFERS:
            written = plain(copy.filled) if copy is not None else ""
            return f"order {row.txid} filled {filled}, its copy says {written}; compare both by hand"
        case DriftCode.ORDER_UNINTENDED:
            return (
                f"order {row.txid} ({filled}) carries an id of krakencopy's that this ledger never made, "
                "from before this process began: another installation has traded this account, or an old "
                "ledger was brought back"
            )
        case DriftCode.ORDER_MADE_ELSEWHERE:
            return _made_elsewhere(f"order {row.txid} ({filled})")


def _made_elsewhere(order: str) -> str:
    return (
        f"{order} carries an id of krakencopy's, was made while this process runs, and not by it: another "
        "installation trades this account now"
    )
