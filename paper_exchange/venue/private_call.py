"""A private call that the engine acts on. What the methods in `rest_orders`, `rest_history` and
`rest_account` are given.
"""

from dataclasses import dataclass, field
from typing import Any

from krakencopy.paper_exchange.accounts.account import Account, ApiKey
from krakencopy.paper_exchange.faults.table import FaultKind
from krakencopy.paper_exchange.values.params import Params
from krakencopy.paper_exchange.venue.exchange import Exchange
from krakencopy.paper_exchange.venue.order_api import Caller

Result = Any


@dataclass(frozen=True, slots=True)
class Call:
    """A request that was admitted. `account` is as its reader sees it; `fired` gathers the faults that
    hit it.
    """

    exchange: Exchange
    key: ApiKey
    account: Account
    params: Params
    admitted_us: int
    now_us: int
    fired: list[FaultKind] = field(default_factory=list)

    @property
    def caller(self) -> Caller:
        """Who trades by this call."""
        return Caller(self.exchange, self.account, self.admitted_us, self.now_us, self.fired)
