"""Orders of the supervisor to bring a user to the master's positions."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from krakencopy.account_proc.contract.spec import CopyRules
from krakencopy.v1 import account_pb2
from krakencopy.v1 import types_pb2 as pb

#: Of a user that may hold its whole share.
RULES = CopyRules(max_user_risk=Decimal(1))


def sync_order(
    volume: str = "0.01", number: int = 1, seq: int = 0, *, asset: str = "BTC", cost: str = "500", **more: Any
) -> account_pb2.SyncOrder:
    """The master of 1000 USD holds so much; its user of 100 USD is to have a tenth."""
    position = account_pb2.MasterPosition(
        asset=asset, volume=volume, pair=f"{asset}/USD", costs=[pb.Money(amount=cost, asset="USD")]
    )
    return account_pb2.SyncOrder(
        number=number, as_of_seq=seq, source=f"resync {number} by olga", sells=True,
        master_equity=pb.Money(amount="1000", asset="USD"),
        master_cash=[pb.Money(amount="500", asset="USD")],
        positions=[position] if Decimal(volume) else [], **more,
    )  # fmt: skip
