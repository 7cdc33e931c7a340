"""What one account may trade now, by what operators and limits have said (contract/trading_states.py), and by
which version of that its process goes.

Whether an order may leave is looked at by one stat of the file, by whoever decides about it and again right
before it leaves (kraken/order_gate.py). Beside that the file is looked at when the supervisor asks, when who
has written it rings, and now and then: what else follows from a change, as the cancelling of orders, follows
then.

A version is *kept to* once no order that left by an earlier one can still arrive at the exchange. That is
what the supervisor is answered, and what the file ``run/ID.states`` says, for who asks without a supervisor.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from krakencopy.account_proc.contract.proto_time import utc
from krakencopy.account_proc.contract.trading_states import (
    ALL,
    STRICTNESS,
    FlattenBy,
    FlattenOrder,
    StateSetting,
    TradingState,
    TradingStates,
    account_scope,
    limit_scope,
)
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.kraken.order_gate import (
    LimitHit,
    NotTraded,
    OrderGate,
    TradingHalted,
    TradingReducing,
)
from krakencopy.account_proc.runtime.change_signal import ChangeSignal
from krakencopy.account_proc.runtime.trading_state_file import TradingStateFile

log = logging.getLogger(__name__)

#: Between two looks at the file that nobody rings for, in seconds: hundreds of processes look, and who writes
#: the file rings.
LOOK_S = 2.5
#: Between two looks while an order from before keeps a version from being kept to, in seconds.
AGAIN_S = 0.5
#: How long an answer to an order that left before is waited for, in seconds, and how often it is looked: less
#: than the supervisor waits, or it would hear nothing of a process that is not stuck.
ANSWER_MAX_S, ANSWER_LOOK_S = 0.7, 0.01
#: No version was kept to yet.
NO_VERSION = -1


def kept_path(states_path: Path, account_id: str) -> Path:
    """Where an account's process says which version it keeps to."""
    return states_path.parent / "run" / f"{account_id}.states"


@dataclass(frozen=True, slots=True)
class LimitHold:
    """What the account may trade for a limit that was hit, until that is reset."""

    name: str
    state: TradingState
    #: The limit with its numbers, for people.
    words: str
    at: float


class TradingGuard:
    """One account's."""

    def __init__(
        self, states_path: Path, account_id: str, group: str = "", changed: Callable[[], None] = lambda: None,
        *, is_shadow: bool = False,
    ) -> None:  # fmt: skip
        """``changed`` is called in the loop when something else holds, or is kept to. ``is_shadow``: no order
        leaves at all.
        """
        self._file = TradingStateFile(states_path)
        self._account_id, self._group = account_id, group
        self._changed = changed
        self._kept_path = kept_path(states_path, account_id)
        #: What this account's orders pass.
        self.gate = OrderGate(self._refusal, is_shadow=is_shadow)
        #: Is called in the loop with each change of what holds for the account.
        self.listeners: list[Callable[[], None]] = []
        self._one_at_a_time = threading.Lock()
        #: What was read last, and the state that it means here: one value, for all threads.
        self._read: tuple[TradingStates, TradingState] | None = None
        #: What the loop has seen last, and the orders that may have left before.
        self._seen: TradingStates | None = None
        self._mark = 0
        self._bell = ChangeSignal()
        #: In the words of the log.
        self._told = ""
        self._kept: TradingStates | None = None
        #: Of limits that were hit, the strictest first; one value, for all threads.
        self._holds: tuple[LimitHold, ...] = ()
        #: The last order to sell all that copying bought which came of a limit.
        self._limit_flatten: FlattenOrder | None = None

    # -- in any thread --------------------------------------------------------------------------------------

    @property
    def state(self) -> TradingState:
        """What holds now, by a look at the file and by limits that were hit."""
        return self._with_limits(self._look()[1])

    @property
    def last_state(self) -> TradingState:
        """The state that was read last."""
        return TradingState.HALTED if (last := self._read) is None else self._with_limits(last[1])

    @property
    def is_halted(self) -> bool:
        """Whether nothing may leave, by a look at the file."""
        return self.state is TradingState.HALTED

    def stop(self, side: Side) -> NotTraded | None:
        """Why no order of a side may leave now, by a look at the file; None where it may."""
        return self._refusal(side)

    def words(self) -> str:
        """Who has said what holds, when and why, for people; empty while the account is ACTIVE."""
        states, state = self._look()
        if (hold := self._stricter_hold(state)) is not None:
            return _limit_words(hold)
        settings = states.settings_of(self._account_id, self._group).items()
        return next((self._words(*found) for found in settings if found[1].state is state), "")

    def _with_limits(self, said: TradingState) -> TradingState:
        hold = self._stricter_hold(said)
        return said if hold is None else hold.state

    def _stricter_hold(self, said: TradingState) -> LimitHold | None:
        hold = next(iter(self._holds), None)
        return hold if hold is not None and STRICTNESS[hold.state] > STRICTNESS[said] else None

    def _look(self) -> tuple[TradingStates, TradingState]:
        with self._one_at_a_time:  # or what another thread has read before would be taken for the latest
            states, last = self._file.read(), self._read
            if last is None or states is not last[0]:
                last = self._read = states, states.state_of(self._account_id, self._group)
            return last

    def _refusal(self, side: Side) -> NotTraded | None:
        said = self._look()[1]
        hold = self._stricter_hold(said)
        state = said if hold is None else hold.state
        if state is TradingState.ACTIVE or (state is TradingState.REDUCING and side is Side.SELL):
            return None
        if hold is not None:
            return LimitHit(state, _limit_words(hold))
        kind = TradingHalted if state is TradingState.HALTED else TradingReducing
        return kind("AddOrder", self.words() or f"trading was {state}")

    def _words(self, scope: str, setting: StateSetting) -> str:
        of = {ALL: "all accounts", account_scope(self._account_id): "this account"}
        why = f": {setting.reason}" if setting.reason else ""
        return (
            f"trading of {of.get(scope, f'group {self._group}')} is {setting.state} since "
            f"{utc(setting.at):%Y-%m-%d %H:%M:%S} UTC, by {setting.by}{why}"
        )

    # -- in the loop ----------------------------------------------------------------------------------------

    @property
    def settings(self) -> dict[str, StateSetting]:
        """All that was said for the account, by scope; by limits as well."""
        said = self._look()[0].settings_of(self._account_id, self._group)
        return said | {
            limit_scope(hold.name): StateSetting(
                state=hold.state, by=f"limit {hold.name}", reason=hold.words, at=hold.at
            )
            for hold in self._holds
        }

    def hold(self, holds: Iterable[LimitHold], flatten: FlattenOrder | None = None) -> None:
        """Limits that were hit, durably, and were not reset: no order leaves against them from here on.
        ``flatten``: the last order to sell everything that came of one.
        """
        stopping = (hold for hold in holds if hold.state is not TradingState.ACTIVE)
        new = tuple(sorted(stopping, key=lambda hold: -STRICTNESS[hold.state]))
        if (new, flatten) == (self._holds, self._limit_flatten):
            return
        self._holds, self._limit_flatten = new, flatten
        for listener in self.listeners:
            listener()
        self._changed()

    @property
    def flatten(self) -> FlattenOrder | None:
        """The last order to sell all that copying bought."""
        return self._look()[0].flattens.get(self._account_id)

    def last_flatten(self, by: FlattenBy) -> FlattenOrder | None:
        """The same by what was read last, or the last that came of a limit."""
        if by is FlattenBy.LIMIT:
            return self._limit_flatten
        return None if (last := self._read) is None else last[0].flattens.get(self._account_id)

    @property
    def fault(self) -> str:
        """Why what was said cannot be read; empty while it can."""
        return self._file.fault

    @property
    def kept_version(self) -> int:
        """Of what was said; no order of an earlier one can arrive at the exchange any more."""
        return NO_VERSION if self._kept is None else self._kept.version

    async def watch(self) -> NoReturn:
        """Looks at the file for ever, now and then and whenever somebody rings."""
        loop = asyncio.get_running_loop()
        while True:
            rung = self._bell.version
            if self._look()[0] is not self._kept:
                await self.keep_to_states()
            # Not asyncio.wait_for, which is two more turns of the loop.
            alarm = loop.call_later(LOOK_S if self._seen is self._kept else AGAIN_S, self.ring)
            await self._bell.wait(rung)
            alarm.cancel()

    def ring(self) -> None:
        """Somebody has written the file. In the event loop."""
        self._bell.notify()

    async def keep_to_states(self) -> None:
        """Looks at the file, has follow what a change there means, and keeps to it. Returns when that is so;
        or after a while, where an order that left before is not answered: then it is not kept to yet.
        """
        states = self.look()
        loop = asyncio.get_running_loop()
        until = loop.time() + ANSWER_MAX_S
        while self.gate.may_arrive(self._mark):  # in a thread, which rings at nothing
            if loop.time() >= until:
                return
            await asyncio.sleep(ANSWER_LOOK_S)
        if states is self._seen:  # else a later version is looked after by who has seen it
            self._keep_to(states)

    def look(self) -> TradingStates:
        """What holds; whoever listens is told of a change."""
        states, state = self._look()
        if states is not self._seen:
            self._seen, self._mark = states, self.gate.mark
            if (words := self.words()) != self._told:
                log.warning("version %d: %s", states.version, words or f"trading is {state}")
                self._told = words
            for listener in self.listeners:
                listener()
            self._changed()
        return states

    def _keep_to(self, states: TradingStates) -> None:
        if states is self._kept:
            return
        self._kept = states
        state = self._with_limits(states.state_of(self._account_id, self._group))
        kept = {"version": states.version, "state": state, "pid": os.getpid()}
        new = self._kept_path.with_suffix(".states.new")
        try:
            self._kept_path.parent.mkdir(mode=0o700, exist_ok=True)
            new.write_text(f"{json.dumps(kept)}\n")
            new.replace(self._kept_path)
        except OSError as error:
            log.warning("who asks without a supervisor cannot see what is kept to: %s", error)
        self._changed()

    def close(self) -> None:
        """The process ends: nothing leaves it any more, and it keeps to nothing."""
        with suppress(OSError):
            self._kept_path.unlink()


def _limit_words(hold: LimitHold) -> str:
    return f"{hold.words}; {hold.state} since {utc(hold.at):%Y-%m-%d %H:%M:%S} UTC, until it is reset"
