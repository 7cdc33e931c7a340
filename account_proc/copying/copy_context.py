"""One user's account as copying sees it, and whom copying tells: made once, by service/kraken_process.py, and
handed to every part of copying/.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal

from krakencopy.account_proc.contract.spec import CopyRules
from krakencopy.account_proc.domain.copy_book import CopyBook
from krakencopy.account_proc.domain.pair_map import PairMap
from krakencopy.account_proc.domain.rules_by_pair import RulesByPair
from krakencopy.account_proc.runtime.read_deferral import ReadDeferral
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.account_proc.trading.order_gateway import OrderGateway
from krakencopy.account_proc.trading.portfolio import Portfolio
from krakencopy.account_proc.trading.trading_guard import TradingGuard
from krakencopy.v1 import types_pb2


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyContext:
    """What the parts of one user's copying share."""

    account_id: str
    rules: CopyRules
    ledger: Ledger
    #: What the sizing rules remember, as the ledger had it at the start.
    book: CopyBook
    portfolio: Portfolio
    gateway: OrderGateway
    #: What the account may trade.
    guard: TradingGuard
    #: The exchange's time for records (Unix seconds); keeps the order in which things happened.
    now: Callable[[], float]
    #: Makes sure of ``now``, before an entry is given up as too old.
    ask_time: Callable[[], Awaitable[None]]
    #: What the account's own strategy holds of an asset, which is not copying's to sell.
    own_held: Callable[[str], Decimal]
    #: Whether an order of the account's own strategy may still reach the exchange.
    strategy_may_order: Callable[[], bool]
    #: Ended when something waits for an order.
    read_deferral: ReadDeferral
    #: Is called when what is shown or reported has changed.
    changed: Callable[[], None]
    #: Tells operators of something: severity, code, and words for people.
    announce: Callable[[types_pb2.Severity.ValueType, str, str], None]
    #: Is called with what makes going on impossible.
    failed: Callable[[BaseException], None]
    #: The rules, pair by pair.
    by_pair: RulesByPair = field(init=False)
    #: In which pairs fills are copied.
    pair_map: PairMap = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_pair", RulesByPair(self.rules, self.book.names.current))
        object.__setattr__(self, "pair_map", PairMap(self.rules.map, self.book.names.current))

    def rules_of(self, pair: str) -> CopyRules:
        """The rules that hold for a pair."""
        return self.by_pair.of(pair).rules
