"""What operators have said of trading: the file of the state folder as the supervisor makes, changes and sees
it. Each change is on the disk before it is an event, and an event before it is answered.

`krakencopy halt --all --offline` changes the file without the supervisor, also while there is none: the
journal remembers what was recorded last, so that this is an event as well. It must not know how accounts are
asked whether they keep to it (accounts/trading_acks.py).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from pathlib import Path

from krakencopy.account_proc.contract.trading_states import (
    StatesUnreadable,
    TradingState,
    TradingStates,
    from_text,
    to_text,
)
from krakencopy.account_proc.runtime.trading_state_file import (
    TradingStateFile,
    change_states,
    going_on,
    make_states_file,
    next_life,
    renew_states,
)
from krakencopy.supervisor.accounts.trading_changes import changes
from krakencopy.supervisor.journal.event_log import EventLog
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.journal.journal_file import JournalFault
from krakencopy.supervisor.lifecycle import steady_time
from krakencopy.v1 import types_pb2 as pb

log = logging.getLogger(__name__)

#: The next version of what was said; the same object where nothing is to be changed. Pure.
Change = Callable[[TradingStates], TradingStates]

UNREADABLE = "TRADING_STATES_UNREADABLE"
#: How one goes on from a file that cannot be read.
REMEDY = (
    "all accounts are HALTED; `krakencopy resume --all --reason TEXT` makes the file anew, where all are "
    "ACTIVE: what was said before is lost"
)
_OFFLINE = "said without this supervisor (--offline)"
_EARLIER = "said before this journal began"
_OLDER = "an older file of trading states was put in place of the one that was there"


class TradingWatch:
    """Of one supervisor. What it records raises JournalFault."""

    def __init__(
        self, path: Path, journal: Journal, events: EventLog,
        on_failure: Callable[[JournalFault], None],
    ) -> None:  # fmt: skip
        """Makes the file of a new state folder. ``on_failure``: called with what keeps a change that holds
        from being recorded.
        """
        self._file = TradingStateFile(path)
        self._journal = journal
        self._events = events
        self._on_failure = on_failure
        #: One change at a time, each in a thread: a slow disk must not hold up the loop.
        self._turn = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, "trading-states")
        self._writing = False
        #: What must hold beside each change, of users that leave and then of limits of all users together:
        #: asked for before one, and applied in the thread.
        self.keep_leaving: Callable[[], Change] = lambda: as_they_are
        self.keep_limits: Callable[[], Change] = lambda: as_they_are
        #: What is said of the next change that others made.
        self._note = _OFFLINE
        #: Why the file could not be read when that was recorded last.
        self._recorded_fault = ""
        recorded = journal.trading_states()
        self._is_made = recorded is not None
        self._recorded = _parsed(recorded)
        self._make()
        self.states = self._file.read()
        #: When they became what they are, as far as was seen, on the clock of the loop's deadlines.
        self.changed_at = steady_time.now()

    @property
    def fault(self) -> str:
        """Why the states cannot be read, for people; empty while they can."""
        return self._file.fault

    def trouble(self) -> str:
        """The same, with what to do."""
        return f"{self.fault}; {REMEDY}" if self.fault else ""

    def _make(self) -> None:
        """The file, unless there was one before: then somebody has taken it away, and nobody knows what was
        said.
        """
        if self._is_made:
            return
        try:
            if not make_states_file(self._file.path):
                self._note = _EARLIER
        except OSError as error:
            # Without it all accounts are HALTED; it is tried again.
            log.warning("%s cannot be made: %s", self._file.path, error)
            return
        self._journal.put_trading_states(to_text(self._recorded))
        self._is_made = True

    def look(self) -> bool:
        """Whether others have changed the file."""
        if self._writing:
            return False
        self._make()
        before = self.states
        self.states = self._file.read()
        self._record_fault()
        if self.states != before:
            self.changed_at = steady_time.now()
        if self.fault or self.states == self._recorded:
            return False
        if self.states.version < self._recorded.version and not self._bring_forward():
            return False
        note, self._note = self._note, _OFFLINE
        self._record("", "", note)
        return True

    def _bring_forward(self) -> bool:
        """An older file goes on above all versions that were given; whether it does."""
        try:
            change_states(self._file.path, lambda states: going_on(states, self._recorded.version + 1))
        except (OSError, StatesUnreadable) as error:
            log.warning("%s is older than it was, and cannot be written: %s", self._file.path, error)
            return False
        self.states, self._note = self._file.read(), _OLDER
        return True

    def _record_fault(self) -> None:
        if self.fault == self._recorded_fault:
            return
        was, self._recorded_fault = self._recorded_fault, self.fault
        if self.fault:
            self._events.record(pb.SEVERITY_ERROR, "", UNREADABLE, self.trouble())
        else:
            self._events.record(pb.SEVERITY_INFO, "", f"{UNREADABLE}_OVER", f"over: {was}")

    async def change(self, change: Change, by: str, reason: str, *, renew: bool) -> str:
        """Changes what holds, durably, and records it; what else there is to say of it. ``renew``: a file
        that cannot be read is made anew, where nothing holds but the change.

        Raises OSError, StatesBusy, and StatesUnreadable for a file that cannot be read.
        """
        async with self._turn:
            self._writing = True
            try:
                note = await asyncio.get_running_loop().run_in_executor(
                    self._thread, self._write, _in_turn(change, self._kept()), renew
                )
                self.states = self._file.read()
                self.changed_at = steady_time.now()
                try:
                    with self._journal.together():
                        self._record_fault()
                        self._record(by, reason, note)
                except JournalFault as error:
                    # It holds, whatever becomes of this supervisor: accounts are asked to keep to it.
                    self._on_failure(error)
                return note
            finally:
                self._writing = False

    async def enforce(self, by: str, reason: str) -> bool:
        """Changes what does not hold and must, if there is any; whether there was. Raises as ``change``."""
        if self.fault or self._kept()(self.states) is self.states:
            return False
        await self.change(as_they_are, by, reason, renew=False)
        return True

    def _kept(self) -> Change:
        # Limits last: what one has stopped stays so when a user leaves no more.
        return _in_turn(self.keep_leaving(), self.keep_limits())

    def _write(self, change: Change, renew: bool) -> str:
        """In the thread."""
        path = self._file.path
        now = TradingStateFile(path)
        now.read()
        known = max(self.states.version, self._recorded.version)
        if not now.fault:
            change_states(path, lambda states: change(going_on(states, known)))
            return ""
        if not renew:
            raise StatesUnreadable(f"{now.fault}; {REMEDY}")
        renew_states(path, change(next_life(known)))
        said = [f"{scope} {setting.state}" for scope, setting in sorted(self._recorded.states.items())]
        said += [f"the flatten of {account_id}, if it was not done" for account_id in self._flattens()]
        lost = ", ".join(said) or "as far as is known, nothing"
        return f"the file was made anew, what was said before is lost ({lost})"

    def _flattens(self) -> list[str]:
        """Whose last order to sell what copying bought is in the file, done or not."""
        return sorted(self._recorded.flattens)

    def _record(self, by: str, reason: str, note: str) -> None:
        before, self._recorded = self._recorded, self.states
        self._journal.put_trading_states(to_text(self.states))
        for change in changes(before, self.states, by, reason, note):
            lifted = change.data.get("state") == TradingState.ACTIVE
            severity = pb.SEVERITY_INFO if lifted else pb.SEVERITY_WARNING
            self._events.record(severity, change.account_id, change.code, change.message, change.data)

    def close(self) -> None:
        """Nothing is changed any more."""
        self._thread.shutdown(wait=False)


def as_they_are(states: TradingStates) -> TradingStates:
    """No change, but for what must hold."""
    return states


def _in_turn(*changes: Change) -> Change:
    def changed(states: TradingStates) -> TradingStates:
        return reduce(lambda said, change: change(said), changes, states)

    return changed


def _parsed(text: str | None) -> TradingStates:
    try:
        return TradingStates() if text is None else from_text(text)
    except StatesUnreadable as error:
        log.warning("what the journal remembers of trading states cannot be read: %s", error)
        return TradingStates()
