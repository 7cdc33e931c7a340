"""An order as it is sent to Kraken. Pure: knows no transport."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from krakencopy.account_proc.contract.decimal_text import plain
from krakencopy.account_proc.domain.quantities import Side

#: Kraken: takes fees in quote. Sent with every order, as the default of sells is base, and a row of REST does
#: not say what was taken.
FEE_IN_QUOTE = "fciq"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest:
    """An order to place. A market order if there is no limit price."""

    pair: str
    side: Side
    #: In base.
    volume: Decimal
    limit_price: Decimal | None = None
    #: GTC (Kraken's default) or IOC.
    time_in_force: str | None = None
    cl_ord_id: str | None = None
    #: The engine must not act on the order after this. Kraken: 2 to 60 s ahead on REST.
    deadline: datetime | None = None
    #: Kraken: cancel-newest (the default), cancel-oldest or cancel-both, where it meets an order of the same
    #: account.
    self_trade: str | None = None
    #: Only have it checked.
    validate: bool = False

    def __post_init__(self) -> None:
        for name, value in (("volume", self.volume), ("limit_price", self.limit_price)):
            if value is not None and not (value.is_finite() and value > 0):
                raise ValueError(f"{name} must be larger than 0, not {value}")
        if self.deadline is not None and self.deadline.tzinfo is None:
            raise ValueError("deadline must have a time zone")

    def params(self, altname: str, asset_class: str = "") -> dict[str, str]:
        """AddOrder's parameters. Kraken refuses scientific notation, so numbers are plain decimals."""
        params = {
            "pair": altname,
            "type": self.side.value,
            "ordertype": "market" if self.limit_price is None else "limit",
            "volume": plain(self.volume),
            "oflags": FEE_IN_QUOTE,
        }
        if asset_class:
            params["asset_class"] = asset_class
        if self.limit_price is not None:
            params["price"] = plain(self.limit_price)
        if self.time_in_force is not None:
            params["timeinforce"] = self.time_in_force
        if self.self_trade is not None:
            params["stptype"] = self.self_trade
        if self.cl_ord_id is not None:
            params["cl_ord_id"] = self.cl_ord_id
        if self.deadline is not None:
            utc = self.deadline.astimezone(UTC).replace(tzinfo=None)
            params["deadline"] = f"{utc.isoformat(timespec='milliseconds')}Z"
        if self.validate:
            params["validate"] = "true"
        return params
