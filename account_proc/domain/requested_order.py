"""One order that an operator or a strategy asked for, as the ledger remembers it. Values only."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from decimal import Decimal

from krakencopy.account_proc.contract.copy_state import CopyState
from krakencopy.account_proc.domain.quantities import Side

#: The order may still trade, or nobody knows.
LIVE = frozenset({CopyState.INTENT, CopyState.ACKNOWLEDGED})
_DECIMALS = ("volume", "filled", "cost", "fee_base", "fee_quote")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedOrder:
    """Once for each request id. Volumes in base, cost in quote, times in Unix seconds."""

    request_id: str
    cl_ord_id: str
    pair: str
    side: Side
    volume: Decimal
    limit_price: Decimal | None
    #: INTENT, ACKNOWLEDGED or REJECTED; a strategy's order is followed to FILLED, PART_FILLED or REJECTED.
    state: CopyState
    deadline: float
    order_id: str = ""
    description: str = ""
    error: str = ""
    #: Who asked for it; empty for an operator.
    strategy: str = ""
    filled: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)
    fee_base: Decimal = Decimal(0)
    fee_quote: Decimal = Decimal(0)

    @property
    def live(self) -> bool:
        """Whether its end must still be found out."""
        return bool(self.strategy) and self.state in LIVE

    def to_json(self) -> str:
        """The form in which it is kept."""
        return json.dumps(asdict(self), default=str)

    @classmethod
    def from_json(cls, text: str) -> RequestedOrder:
        """The inverse. Raises KeyError, TypeError, ValueError or ArithmeticError on anything else."""
        raw = json.loads(text)
        limit = raw["limit_price"]
        decimals = {name: Decimal(raw[name]) for name in _DECIMALS if name in raw}
        known = {field.name for field in fields(cls)}
        if not raw.keys() <= known:
            raise ValueError(f"unknown: {sorted(raw.keys() - known)}")
        return cls(
            **raw | decimals | {
                "side": Side(raw["side"]), "state": CopyState(raw["state"]),
                "limit_price": None if limit is None else Decimal(limit),
            },
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class OwnPosition:
    """What a strategy bought of a pair and still holds, net of fees taken in base; and what that cost, in
    quote, without fees.
    """

    volume: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)

    def after(self, order: RequestedOrder) -> OwnPosition:
        """The position when the order has ended."""
        if order.side is Side.BUY:
            return OwnPosition(self.volume + order.filled - order.fee_base, self.cost + order.cost)
        volume = max(self.volume - order.filled - order.fee_base, Decimal(0))
        return OwnPosition(volume, self.cost * volume / self.volume if self.volume else Decimal(0))
