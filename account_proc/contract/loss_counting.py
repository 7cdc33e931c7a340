"""How much of a limit is lost, and when it is warned or hit. Pure: no clock, no exchange, no file.

A limit goes by its *level*, which trading alone moves. In money it is what was won (or lost) since the window
began. In percent it is by how much one unit of the account has grown: what comes in or goes out changes how
much money the level stands for, and not the level. The loss is how far the level is below where the window
began, or below the highest that it was (``trailing``). So no withdrawal looks like a loss, and no deposit
hides one.

One reading of prices may be a slip of the exchange's. A limit is hit by two readings in a row that both say
so, and the highest is the lower one of two in a row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from enum import StrEnum
from typing import Any

from krakencopy.account_proc.contract.decimal_text import cents, plain
from krakencopy.account_proc.contract.loss_limits import (
    Action,
    LossLimit,
    Metric,
    Window,
    amount_words,
    percent,
)
from krakencopy.account_proc.contract.proto_time import timestamp, utc
from krakencopy.v1 import types_pb2 as pb

#: An account that is worth less, in the currency of a limit in percent, has no percent that mean anything.
LEAST_BASE = Decimal(1)
NOTHING = Decimal(0)
#: In words: a hundredth of a percent.
BASIS_POINT = Decimal("0.0001")
#: A share is exact to so much: beyond it stands what divisions leave over, by which a loss of exactly the
#: limit would be one below it.
SHARE_STEP = Decimal("1e-18")
_QUARTER = 3


def window_start(window: Window, now: float) -> float:
    """When the window of this moment began (Unix seconds, UTC); 0 for those that begin with a reset."""
    at = datetime.fromtimestamp(now, UTC)
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    match window:
        case Window.DAY:
            return day.timestamp()
        case Window.WEEK:
            return (day - timedelta(days=day.weekday())).timestamp()
        case Window.MONTH:
            return day.replace(day=1).timestamp()
        case Window.QUARTER:
            return day.replace(month=(day.month - 1) // _QUARTER * _QUARTER + 1, day=1).timestamp()
        case Window.LIFETIME | Window.TRAILING:
            return 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What there is at a moment, at prices that are right."""

    at: float
    #: All that is there, in the limit's currency.
    equity: Decimal
    #: What copying has won by its sales since that is counted, by the asset that it came in.
    realised: Mapping[str, Decimal]
    #: What a unit of an asset is worth in the limit's currency; None where that is not known.
    rate: Callable[[str], Decimal | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A limit was hit."""

    #: From 1, among all hits of the account.
    number: int
    at: float
    #: Share or amount, as the limit has it.
    loss: Decimal
    #: For people: which limit, how much was lost of how much, since when.
    words: str


class Verdict(StrEnum):
    """What a judgement has found out."""

    WITHIN = "WITHIN"
    #: For the first time in this window.
    WARNED = "WARNED"
    #: By this reading alone: the next one has to say it, too.
    OVER = "OVER"
    HIT = "HIT"


@dataclass(slots=True, kw_only=True)
class LimitState:
    """Where one limit stands; all is durable but ``last_level``, ``loss``, ``steady`` and ``there``."""

    #: As it was judged last; of a hit, as it was hit.
    limit: LossLimit
    #: When its window's first values were taken (Unix seconds), 0 before; and when that window began.
    since: float = 0.0
    window: float = 0.0
    #: The level when the account last changed by what came in or went out, and what there was then.
    banked: Decimal = NOTHING
    equity: Decimal = NOTHING
    realised: Mapping[str, Decimal] = field(default_factory=dict)
    #: The level that losses are counted from.
    high: Decimal = NOTHING
    warned_at: float = 0.0
    hit: Hit | None = None
    #: Why nothing can be said before the next window or a reset; else empty.
    unknown: str = ""
    #: By the last reading, where there was one.
    last_level: Decimal | None = None
    loss: Decimal | None = None
    #: What two readings in a row have shown, as near to what it was before as they let it be.
    steady: Decimal | None = None
    #: What there was at the last reading, in the limit's currency.
    there: Decimal = NOTHING

    def to_raw(self) -> dict[str, Any]:
        """What JSON is made of (``default=str``)."""
        hit = self.hit
        return {
            "limit": self.limit.to_raw(),
            "since": self.since,
            "window": self.window,
            "banked": self.banked,
            "equity": self.equity,
            "realised": dict(self.realised),
            "high": self.high,
            "warned_at": self.warned_at,
            "hit": None if hit is None else [hit.number, hit.at, hit.loss, hit.words],
            "unknown": self.unknown,
        }

    @classmethod
    def from_raw(cls, raw: Mapping[str, Any]) -> LimitState:
        """Of what JSON makes of it. Raises KeyError, TypeError, ValueError or ArithmeticError for others."""
        hit = None
        if raw["hit"] is not None:
            number, at, loss, words = raw["hit"]
            hit = Hit(number=int(number), at=float(at), loss=Decimal(loss), words=str(words))
        return cls(
            limit=LossLimit.from_raw(raw["limit"]),
            since=float(raw["since"]), window=float(raw["window"]),
            banked=Decimal(raw["banked"]), equity=Decimal(raw["equity"]),
            realised={asset: Decimal(amount) for asset, amount in raw["realised"].items()},
            high=Decimal(raw["high"]), warned_at=float(raw["warned_at"]), hit=hit,
            unknown=str(raw["unknown"]),
        )  # fmt: skip

    # -- what moves it --------------------------------------------------------------------------------------

    def follow(self, limit: LossLimit) -> None:
        """The limit is written like this now. One that was hit stays as it was hit."""
        if self.hit is not None:
            return
        if limit.basis != self.limit.basis:
            self.restart()
        self.limit = limit

    def restart(self) -> None:
        """What was lost so far counts no more, and nothing is warned or hit."""
        self.since, self.hit, self.warned_at, self.unknown = 0.0, None, 0.0, ""
        self.last_level = self.loss = self.steady = None

    def judge(self, seen: Seen, hits: int) -> Verdict | None:
        """Looks at the limit; None where it cannot be said. ``hits``: of the account, so far."""
        self.there = seen.equity
        if self._rolls(seen.at):
            self.restart()
        if self._stands_still:
            return Verdict.WITHIN
        if not self.since:
            self._begin(seen)
        level = None if self.unknown or not self.since else self._level(seen)
        if level is None:
            self.last_level = self.loss = None
            return None
        before, self.last_level = self.last_level, level
        if before is not None:
            last = level if self.steady is None else self.steady
            self.steady = min(max(last, min(level, before)), max(level, before))
        if self.limit.window is Window.TRAILING and before is not None:
            self.high = max(self.high, min(level, before))
        self.loss = self._loss(level)
        if self.loss >= self.limit.most:
            if before is None or self._loss(before) < self.limit.most:
                return Verdict.OVER
            self.hit = Hit(number=hits + 1, at=seen.at, loss=self.loss, words=self.words)
            return Verdict.HIT
        if not self.warned_at and self.loss >= self.limit.most * self.limit.warn_at:
            self.warned_at = seen.at
            return Verdict.WARNED
        return Verdict.WITHIN

    def take_flow(self, seen: Seen, equity_before: Decimal) -> None:
        """Something came in or went out; ``equity_before``: what there was without it, at the same prices.
        The level is what it was right before.
        """
        if self._stands_still or not self.since or self.unknown:
            return
        level = self._level(replace(seen, equity=equity_before))
        if level is None:
            self.unknown = "prices were missing when money came in or went out"
            return
        self.banked, self.equity, self.realised = level, seen.equity, dict(seen.realised)

    def lose_track(self, why: str) -> None:
        """Something came in or went out, and nobody knows what it was worth."""
        if self.depends_on_flows:
            self.unknown = self.unknown or why

    @property
    def depends_on_flows(self) -> bool:
        """Whether it must be known what comes in and goes out."""
        return bool(self.since) and self.hit is None and self.limit.counts_flows

    @property
    def _stands_still(self) -> bool:
        return self.hit is not None

    def _rolls(self, now: float) -> bool:
        """Whether another window has begun. A hit that has stopped something holds beyond its window."""
        if self.hit is not None and self.limit.action is not Action.WARN:
            return False
        return bool(self.since) and window_start(self.limit.window, now) > self.window

    def _begin(self, seen: Seen) -> None:
        if self.limit.is_share and seen.equity < LEAST_BASE:
            return
        self.since, self.window = seen.at, window_start(self.limit.window, seen.at)
        self.banked = self.high = self._first_level
        self.equity, self.realised = seen.equity, dict(seen.realised)

    @property
    def _grows(self) -> bool:
        """Whether the level is by how much the account has grown."""
        return self.limit.is_share and self.limit.metric is Metric.EQUITY

    @property
    def _first_level(self) -> Decimal:
        return Decimal(1) if self._grows else NOTHING

    def _level(self, seen: Seen) -> Decimal | None:
        """None where a price that is needed is not known."""
        if self.limit.is_share and self.equity < LEAST_BASE:
            return self.banked
        if self._grows:
            return self.banked * seen.equity / self.equity
        if self.limit.metric is Metric.EQUITY:
            return self.banked + seen.equity - self.equity
        won = NOTHING
        for asset in seen.realised.keys() | self.realised.keys():
            amount = seen.realised.get(asset, NOTHING) - self.realised.get(asset, NOTHING)
            rate = seen.rate(asset) if amount else NOTHING
            if rate is None:
                return None
            won += amount * rate
        return self.banked + (won / self.equity if self.limit.is_share else won)

    def _loss(self, level: Decimal) -> Decimal:
        loss = self.high - level
        if self._grows:
            loss = loss / self.high if self.high > 0 else NOTHING
        return loss.quantize(SHARE_STEP) if self.limit.is_share and 0 < loss < 1 else loss

    def to_proto(self, account_id: str = "") -> pb.LossLimit:
        """As it is shown, where it is judged."""
        limit, used = self.limit, self.used
        message = pb.LossLimit(
            account_id=account_id, name=limit.name, metric=limit.metric, window=limit.window,
            action=limit.action, loss=self.loss_words, max_loss=amount_words(limit.max_loss),
            used_percent="" if used is None else used_words(used),
            warn_at_percent=plain((limit.warn_at * 100).normalize()),
            state=pb.LIMIT_STATE_WARNED if self.warned_at else pb.LIMIT_STATE_WITHIN,
        )  # fmt: skip
        if self.since:
            message.since.CopyFrom(timestamp(self.since))
        if self.hit is not None:
            message.state, message.message = pb.LIMIT_STATE_HIT, self.hit.words
            message.hit_at.CopyFrom(timestamp(self.hit.at))
        return message

    # -- in words -------------------------------------------------------------------------------------------

    @property
    def used(self) -> Decimal | None:
        """The share of the limit that is lost; None where that is not known."""
        loss = self.loss if self.hit is None else self.hit.loss
        return None if loss is None else max(loss, NOTHING) / self.limit.most

    @property
    def loss_words(self) -> str:
        """What is lost, for people; empty where that is not known."""
        loss = self.loss if self.hit is None else self.hit.loss
        return "" if loss is None else loss_words(self.limit, loss)

    @property
    def words(self) -> str:
        """Which limit, how much is lost of how much, and since when."""
        what = "of equity" if self.limit.metric is Metric.EQUITY else "by what was sold"
        since = "the highest since" if self.limit.window is Window.TRAILING else "since"
        return (
            f"limit {self.limit.name}: {self.loss_words} {what} lost of at most "
            f"{amount_words(self.limit.max_loss)}, {since} {_time_words(self.since)}"
        )

    @property
    def warning(self) -> str:
        """That a part of it is lost, for people: the same for the whole window."""
        return (
            f"limit {self.limit.name}: at {_time_words(self.warned_at)} {percent(self.limit.warn_at)} of at "
            f"most {amount_words(self.limit.max_loss)} were lost; then {self.limit.action}"
        )


def _time_words(at: float) -> str:
    return f"{utc(at):%Y-%m-%d %H:%M:%S} UTC"


def loss_words(limit: LossLimit, loss: Decimal) -> str:
    """A loss as the limit is written; what is below the limit is not shown as all of it."""
    if limit.is_share:
        return percent(loss.quantize(BASIS_POINT, ROUND_DOWN))
    return f"{cents(loss, ROUND_DOWN)} {limit.currency}"


def used_words(used: Decimal) -> str:
    """In whole percent, rounded as the loss is."""
    return f"{(used * 100).quantize(Decimal(1), ROUND_DOWN)}"
