"""When limits to losses would have been hit first in a replay: an estimate, by the code that counts losses in
an account's process (contract/loss_counting.py). Nothing is stopped or sold by it.

It is coarser than what a process sees. Prices are those of the master's fills, and hold until the next one:
a fall between two of them is not seen. What is not copied stands still: what the account had more or less at
a decision than what copying has made of the one before counts as paid in or out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal

from krakencopy.account_proc.contract.loss_counting import (
    LimitState,
    Seen,
    loss_words,
    used_words,
    window_start,
)
from krakencopy.account_proc.contract.loss_limits import LossLimit
from krakencopy.account_proc.simulation.performance import Performance
from krakencopy.v1 import types_pb2 as pb

NOTHING = Decimal(0)


class EstimatedLimits:
    """One user's."""

    def __init__(
        self, limits: Iterable[LossLimit], currency: str, rate: Callable[[str, str], Decimal | None]
    ) -> None:
        """``currency``: of all amounts here; ``rate``: what an asset is worth in another one now."""
        self._states = [LimitState(limit=limit) for limit in limits]
        self._deepest: dict[str, Decimal] = {}
        self._currency, self._rate = currency, rate
        #: What there was, and what copying had won by then; None before that was known.
        self._equity: Decimal | None = None
        self._won = self._realised = NOTHING

    def take_equity(self, at: float, equity: Decimal | None, performance: Performance) -> None:
        """What there was at a decision: what copying has not made of it came in or went out."""
        if not self._states or equity is None:
            return
        won, realised = performance.won, performance.realised
        if self._equity is not None:
            before = self._equity + won - self._won
            for state in self._states:
                seen = self._seen(state, at, equity, realised)
                if seen is not None and equity != before and state.hit is None:
                    state.take_flow(seen, before * (self._rate(self._currency, state.limit.currency) or 0))
        self._equity, self._won, self._realised = equity, won, realised

    def look(self, at: float, performance: Performance) -> None:
        """Judges all of them by the prices of now, which hold for a while."""
        if not self._states or self._equity is None:
            return
        for state in self._states:
            begun = window_start(state.limit.window, at)
            if state.since and begun > state.window:  # it begins with what there was last
                self._judge(state, begun, self._equity, self._realised)
        won, realised = performance.won, performance.realised
        self._equity += won - self._won
        self._won, self._realised = won, realised
        for state in self._states:
            for _ in range(2):  # one reading alone is no hit
                self._judge(state, at, self._equity, realised)

    def _judge(self, state: LimitState, at: float, equity: Decimal, realised: Decimal) -> None:
        seen = self._seen(state, at, equity, realised)
        if seen is None or state.hit is not None:
            return
        state.judge(seen, 0)
        name = state.limit.name
        if state.loss is not None:
            self._deepest[name] = max(self._deepest.get(name, NOTHING), state.loss)

    def _seen(self, state: LimitState, at: float, equity: Decimal, realised: Decimal) -> Seen | None:
        currency = state.limit.currency
        rate = self._rate(self._currency, currency)
        if rate is None:
            return None
        return Seen(
            at=at, equity=equity * rate, realised={self._currency: realised},
            rate=lambda asset: self._rate(asset, currency),
        )  # fmt: skip

    def to_proto(self, account_id: str) -> list[pb.LossLimit]:
        """Each limit: where it was hit first, with the loss of then; else with the deepest one."""
        return [self._shown(state, account_id) for state in self._states]

    def _shown(self, state: LimitState, account_id: str) -> pb.LossLimit:
        shown = state.to_proto(account_id)
        shown.configured = True
        deepest = self._deepest.get(state.limit.name)
        if state.hit is None:
            shown.loss = "" if deepest is None else loss_words(state.limit, deepest)
            shown.used_percent = "" if deepest is None else used_words(deepest / state.limit.most)
        return shown
