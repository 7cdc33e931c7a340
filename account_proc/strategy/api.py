"""A strategy that trades an account by itself: the Protocol that its author implements, and how it is found.

A strategy only *wants* orders. Whether an order is sent, how large it may be, and that it is sent exactly
once, is decided by the trading loop (strategy/runner.py), which calls the strategy in the account's own
process. It is found by the entry point group ``krakencopy.strategies``: a callable that takes the account's
``strategy_options`` and returns the strategy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol

from krakencopy.account_proc.contract.errors import ConfigurationFault
from krakencopy.account_proc.contract.spec import AccountSpec
from krakencopy.account_proc.contract.strategies import installed
from krakencopy.account_proc.domain.quantities import Side


class StopReason(StrEnum):
    """Why a strategy's loop ends."""

    #: The master is back: its trades are copied from here on. What ``on_stop`` wants is not ordered.
    COPYING = "COPYING"
    #: The account's process ends in order. What ``on_stop`` wants is ordered first.
    SHUTDOWN = "SHUTDOWN"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderIntent:
    """An order that a strategy wants. It is filled at once or cancelled; nothing of it stays in the book.

    Exactly one of ``volume`` (base) and ``share`` is given. A share is of the account's equity for a buy, and
    of what the strategy itself holds for a sell. Volumes are rounded down to the lot. A buy is cut to the
    account's ``strategy_risk``, a sell to what the strategy bought.
    """

    pair: str
    side: Side
    volume: Decimal | None = None
    share: Decimal | None = None
    #: In quote; None for a market order.
    limit_price: Decimal | None = None
    #: For logs: why.
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """The market of one pair. Prices in quote."""

    pair: str
    bid: Decimal
    ask: Decimal
    last: Decimal
    #: When it was read (Unix seconds).
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyFill:
    """What one of the strategy's orders traded, all of it. Volume in base, price (average) in quote."""

    pair: str
    side: Side
    volume: Decimal
    price: Decimal
    #: By asset.
    fees: Mapping[str, Decimal]


class Account(Protocol):
    """What a strategy may know of its account."""

    def equity(self, pair: str) -> Decimal | None:
        """All that the account holds, in the pair's quote; None while that is not known."""
        ...

    def position(self, pair: str) -> Decimal:
        """What this strategy has bought and not sold, in base. Coins that copying or the user bought are
        not in it.
        """
        ...


class Strategy(Protocol):
    """Trades one account. Its methods must return promptly: the process does nothing else meanwhile. An
    exception switches it off until the account is restarted.
    """

    @property
    def pairs(self) -> Sequence[str]:
        """What it wants ``on_market`` for."""
        ...

    @property
    def interval_s(self) -> float:
        """Between two ticks of a pair, in seconds."""
        ...

    def on_start(self, account: Account) -> Iterable[OrderIntent]:
        """The loop begins, at the process's start and each time that it is switched on again."""
        ...

    def on_market(self, tick: Tick) -> Iterable[OrderIntent]:
        """The market of one of its pairs."""
        ...

    def on_fill(self, fill: StrategyFill) -> Iterable[OrderIntent]:
        """One of its orders is over and has traded."""
        ...

    def on_stop(self, why: StopReason) -> Iterable[OrderIntent]:
        """The loop ends."""
        ...


#: Takes the options of the configuration. Raises ValueError that names the option and the fix.
StrategyFactory = Callable[[Mapping[str, Any]], Strategy]


def make_strategy(name: str, options: Mapping[str, Any]) -> Strategy:
    """The strategy of that name. Raises ConfigurationFault that says what to correct."""
    found = installed().get(name)
    if found is None:
        known = ", ".join(sorted(installed())) or "none"
        raise ConfigurationFault(f"strategy {name!r} is not installed; known: {known}")
    try:
        factory: StrategyFactory = found.load()
    except Exception as error:
        problem = f"strategy {name!r} ({found.value}) cannot be imported: {type(error).__name__}: {error}"
        raise ConfigurationFault(problem) from error
    try:
        return factory(options)
    except Exception as error:
        said = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
        raise ConfigurationFault(f"strategy {name!r}: strategy_options: {said}") from error


def strategy_of(spec: AccountSpec) -> Strategy | None:
    """The strategy of an account, if it has one. Raises ConfigurationFault."""
    return None if spec.strategy is None else make_strategy(spec.strategy, spec.strategy_options)
