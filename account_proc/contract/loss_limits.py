"""A limit to what an account may lose, as settings have it: by which measure, within which window, and what
is done at it. Pure. How losses are counted is contract/loss_counting.py's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from krakencopy.account_proc.contract.decimal_text import plain
from krakencopy.account_proc.contract.money import Money, in_names, share_or_money
from krakencopy.account_proc.contract.trading_states import TradingState

#: Of one account, of all levels together.
LIMITS_MAX = 8
NAME_LENGTH_MAX = 48
NAME = re.compile(r"[a-z0-9][a-z0-9._-]*", re.ASCII)
#: What a limit in percent is counted in: as equity is shown.
PERCENT_CURRENCY = "USD"
#: What of a limit has to be lost before that is said, where it does not say itself.
WARN_AT = Decimal("0.8")


class Metric(StrEnum):
    """What is measured."""

    EQUITY = "equity"  # all that the account holds, at the prices of now, without deposits and withdrawals
    REALISED = "realised"  # what copying has won and lost by what it has sold


class Window(StrEnum):
    """Since when: the beginning of the UTC day, week (Monday), month or quarter; the first judgement or the
    last reset; or the highest that was reached since then.
    """

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    LIFETIME = "lifetime"
    TRAILING = "trailing"


class Action(StrEnum):
    """What is done at the limit."""

    WARN = "warn"
    REDUCING = "reducing"
    HALTED = "halted"
    FLATTEN = "flatten"


#: What an account may trade from then on.
STATE_OF = {
    Action.WARN: TradingState.ACTIVE,
    Action.REDUCING: TradingState.REDUCING,
    Action.HALTED: TradingState.HALTED,
    Action.FLATTEN: TradingState.REDUCING,
}


class LossLimit(NamedTuple):
    """One limit. A tuple, as its specification has little room on the way to a process."""

    name: str
    metric: Metric
    window: Window
    #: A share, or money.
    max_loss: Decimal | Money
    #: Share of ``max_loss``.
    warn_at: Decimal
    action: Action

    @property
    def currency(self) -> str:
        """What it is counted in."""
        return self.max_loss.asset if isinstance(self.max_loss, Money) else PERCENT_CURRENCY

    @property
    def is_share(self) -> bool:
        """Whether it is in percent."""
        return not isinstance(self.max_loss, Money)

    @property
    def counts_flows(self) -> bool:
        """Whether it must be known what comes in and goes out."""
        return self.metric is Metric.EQUITY or self.is_share

    @property
    def most(self) -> Decimal:
        """The loss at which it is hit: a share, or an amount of its currency."""
        return self.max_loss.amount if isinstance(self.max_loss, Money) else self.max_loss

    @property
    def basis(self) -> str:
        """What two limits have in common whose losses are counted alike."""
        return f"{self.metric} {self.window} {'%' if self.is_share else self.currency}"

    @classmethod
    def from_raw(cls, raw: Sequence[Any]) -> LossLimit:
        """Of what JSON makes of it. Raises KeyError, TypeError, ValueError or ArithmeticError for others."""
        name, metric, window, max_loss, warn_at, action = raw
        return cls(
            str(name), Metric(metric), Window(window), share_or_money(max_loss), Decimal(warn_at),
            Action(action),
        )  # fmt: skip

    def to_raw(self) -> list[Any]:
        """What JSON is made of (``default=str``)."""
        money = self.max_loss if isinstance(self.max_loss, Money) else None
        max_loss = self.max_loss if money is None else {"amount": money.amount, "asset": money.asset}
        return [self.name, self.metric, self.window, max_loss, self.warn_at, self.action]

    def in_names(self, current: Callable[[str], str]) -> LossLimit:
        """The same with the name that its currency has now."""
        return self._replace(max_loss=in_names(self.max_loss, current))

    def __str__(self) -> str:
        return (
            f"{self.name}: {self.metric}, {self.window}, {amount_words(self.max_loss)}, warned at "
            f"{percent(self.warn_at)}, then {self.action}"
        )


def percent(share: Decimal) -> str:
    """A share as people write it."""
    return f"{plain((share * 100).normalize())}%"


def amount_words(amount: Decimal | Money) -> str:
    """A share in percent, or money."""
    return str(amount) if isinstance(amount, Money) else percent(amount)


def usual_name(metric: Metric, window: Window, max_loss: Decimal | Money, action: Action) -> str:
    """The name of a limit that has none of its own: the same for the same content."""
    amount = amount_words(max_loss).replace("%", "pct").replace(" ", "").lower()
    return f"{window}-{metric}-{amount}-{action}"[:NAME_LENGTH_MAX]
