"""Where all limits of one user stand, as its ledger keeps it: a hit is on the disk before anything follows
from it, and so is what a window began with. Decides nothing about losses (contract/loss_counting.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from krakencopy.account_proc.contract.copy_state import ENDS
from krakencopy.account_proc.contract.errors import LedgerFault
from krakencopy.account_proc.contract.ledger_file import LIMITS, TOTAL
from krakencopy.account_proc.contract.loss_counting import LimitState
from krakencopy.account_proc.contract.loss_limits import STATE_OF, Action, LossLimit, Metric, Window
from krakencopy.account_proc.contract.money import Money
from krakencopy.account_proc.contract.trading_states import FlattenOrder
from krakencopy.account_proc.copying.limit_flows import Baseline
from krakencopy.account_proc.domain.copy_book import CopyBook
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.domain.realised import Realised
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.account_proc.trading.trading_guard import LimitHold, TradingGuard

#: Under which name the ledger keeps what was realised.
REALISED = "realised"
#: A loss that nothing counted for all users together has.
NEVER_LOST = Decimal("1e30")
#: Resets that are remembered by their request ids.
RESETS_MAX = 100
_UNREADABLE = (KeyError, TypeError, ValueError, ArithmeticError)


class LimitBook:
    """One user's."""

    def __init__(
        self, limits: Sequence[LossLimit], ledger: Ledger, totals: Iterable[tuple[str, str]] = ()
    ) -> None:
        """Limits that are configured, and those that were hit before. ``totals``: what is counted beside for
        limits of all users together, by measure and currency. Raises LedgerFault.
        """
        self._ledger = ledger
        limits = (*limits, *(_count_of(Metric(metric), currency) for metric, currency in totals))
        self.configured = frozenset(limit.name for limit in limits)
        self.states: dict[str, LimitState] = {}
        self.hits = 0
        self.baseline: Baseline | None = None
        #: By request id, the limits that were reset by it.
        self._resets: dict[str, list[str]] = {}
        self._written = ledger.kept_value(LIMITS)
        if self._written is not None:
            try:
                self._read(json.loads(self._written))
            except _UNREADABLE as error:
                raise LedgerFault(
                    f"{ledger.path}: what it keeps of limits cannot be read: {error}"
                ) from error
        for name in list(self.states):
            if name not in self.configured and self.states[name].hit is None:
                del self.states[name]
        for limit in limits:
            self.states.setdefault(limit.name, LimitState(limit=limit)).follow(limit)
        #: As they are configured now: one that was hit stays as it was until it is reset.
        self._limits = {limit.name: limit for limit in limits}

    def _read(self, raw: dict[str, Any]) -> None:
        self.states = {name: LimitState.from_raw(state) for name, state in raw["states"].items()}
        self.hits = int(raw["hits"])
        self.baseline = None if raw["baseline"] is None else Baseline.from_raw(raw["baseline"])
        self._resets = {str(key): list(map(str, names)) for key, names in raw["resets"].items()}

    @property
    def own(self) -> dict[str, LimitState]:
        """The account's own limits, by name."""
        return {name: state for name, state in self.states.items() if not name.startswith(TOTAL)}

    @property
    def counts(self) -> list[LimitState]:
        """What is counted for all users together."""
        return [state for name, state in self.states.items() if name.startswith(TOTAL)]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to look after."""
        return not self.states

    def write(self) -> None:
        """Makes all of it durable, where it has changed. Raises LedgerFault."""
        body = {
            "states": {name: state.to_raw() for name, state in self.states.items()},
            "hits": self.hits,
            "baseline": None if self.baseline is None else self.baseline.to_raw(),
            "resets": self._resets,
        }
        text = json.dumps(body, default=str)
        if text != self._written:
            self._ledger.keep_value(LIMITS, text)
            self._written = text

    # -- hits -----------------------------------------------------------------------------------------------

    def hits_now(self) -> dict[str, LimitState]:
        """Limits that were hit and not reset, by name."""
        return {name: state for name, state in self.states.items() if state.hit is not None}

    def reset_by(self, request_id: str) -> list[str] | None:
        """The limits that a request has reset before; None for a new one."""
        return self._resets.get(request_id)

    def reset(self, names: Iterable[str], request_id: str) -> list[str]:
        """Durably: these were not hit, and what was lost so far counts no more; each begins anew with its
        next judgement. One that is not configured any more is gone. Raises LedgerFault.
        """
        names = list(names)
        for name in names:
            state = self.states[name]
            state.restart()
            if name in self._limits:
                state.follow(self._limits[name])
            else:
                del self.states[name]
        self._resets[request_id] = names
        while len(self._resets) > RESETS_MAX:
            del self._resets[next(iter(self._resets))]
        self.write()
        return names

    def hold(self, guard: TradingGuard) -> None:
        """What was hit holds from here on."""
        holds, flattens = [], []
        for name, state in self.hits_now().items():
            hit, limit = state.hit, state.limit
            assert hit is not None
            holds.append(LimitHold(name, STATE_OF[limit.action], hit.words, hit.at))
            if limit.action is Action.FLATTEN:
                flattens.append(
                    FlattenOrder(number=hit.number, by=f"limit {name}", reason=hit.words, at=hit.at)
                )
        guard.hold(holds, max(flattens, key=lambda order: order.number, default=None))


def _count_of(metric: Metric, currency: str) -> LossLimit:
    """A level that is only counted, as a limit that nothing hits."""
    name, never = f"{TOTAL}{metric}:{currency}", Money(NEVER_LOST, currency)
    return LossLimit(name, metric, Window.LIFETIME, never, Decimal(1), Action.WARN)


class RealisedCount:
    """What copying has won and lost by sales, counted with each step that ends a copy, in the same write."""

    def __init__(self, ledger: Ledger, book: CopyBook) -> None:
        """Counts from here on. Raises LedgerFault."""
        self._book = book
        kept = ledger.kept_value(REALISED)
        try:
            self.realised = Realised.beginning(book.coins) if kept is None else Realised.from_json(kept)
        except _UNREADABLE as error:
            raise LedgerFault(f"{ledger.path}: what was realised cannot be read: {error}") from error
        ledger.along = self.count

    def totals(self) -> dict[str, Decimal]:
        """By asset, under the names of now."""
        self._follow_names()
        return dict(self.realised.totals)

    def count(self, copies: Iterable[CopyRecord]) -> dict[str, str]:
        """What the ledger is to keep with these copies; nothing, where none of them has ended with a fill."""
        ended = [copy for copy in copies if copy.state in ENDS and copy.filled]
        if not ended:
            return {}
        self._follow_names()
        for copy in ended:
            trade = copy.exchanged(self._book.names.current)
            self.realised.count(copy.side, trade, self._book.coins.volume)
        return {REALISED: self.realised.to_json()}

    def _follow_names(self) -> None:
        for coin in self.realised.coins():
            if (now := self._book.names.current(coin)) != coin:
                self.realised.rename(coin, now)
