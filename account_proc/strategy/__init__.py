"""A strategy's API, its risk limits and its runner.

What the author of a strategy needs is here: ``from krakencopy.account_proc.strategy import OrderIntent``.
"""

from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.strategy.api import (
    Account,
    OrderIntent,
    StopReason,
    Strategy,
    StrategyFill,
    Tick,
)

__all__ = ["Account", "OrderIntent", "Side", "StopReason", "Strategy", "StrategyFill", "Tick"]
