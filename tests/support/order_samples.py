"""A copy that was filled, and its order as the exchange's record has it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from krakencopy.account_proc.contract.copy_state import CopyState
from krakencopy.account_proc.contract.order_ids import copy_order_id
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.kraken.rest.messages import OrderRow
from tests.support.copying import NOW

FIRST, SECOND = copy_order_id("j", "anna", "c1", 1), copy_order_id("j", "anna", "c1", 2)
FILLED = CopyRecord(
    copy_id="c1",
    fill_seqs=(1,),
    pair="BTC/USD",
    side=Side.BUY,
    state=CopyState.FILLED,
    reason="SCALED",
    detail="",
    ordered=Decimal("0.01"),
    filled=Decimal("0.01"),
    order_id="O1",
    cl_ord_id=FIRST,
    attempts=1,
)


def row(cl_ord_id: str | None = FIRST, **changes: Any) -> OrderRow:
    return replace(
        OrderRow(
            txid="O1",
            cl_ord_id=cl_ord_id,
            pair="BTC/USD",
            side=Side.BUY,
            status="closed",
            vol=Decimal("0.01"),
            vol_exec=Decimal("0.01"),
            cost=Decimal(500),
            fee=Decimal(1),
            fee_in_base=False,
            quote="USD",
            price=Decimal(50_000),
            opentm=Decimal(int(NOW)),
            closetm=Decimal(int(NOW)),
            reason=None,
            trades=(),
            description="",
        ),
        **changes,
    )


def copy(**changes: Any) -> CopyRecord:
    return replace(FILLED, **changes)


def kraken_row(cl_ord_id: str, vol_exec: str = "0.01") -> dict[str, Any]:
    """An order as ClosedOrders tells it."""
    return {
        "cl_ord_id": cl_ord_id,
        "status": "closed",
        "opentm": NOW,
        "closetm": NOW,
        "vol": "0.01",
        "vol_exec": vol_exec,
        "cost": "500",
        "fee": "1",
        "price": "50000",
        "oflags": "fciq",
        "misc": "",
        "reason": None,
        "descr": {
            "pair": "XBTUSD",
            "type": "buy",
            "ordertype": "market",
            "price": "0",
            "price2": "0",
            "leverage": "none",
            "order": "buy 0.01 XBTUSD @ market",
            "close": "",
        },
    }
