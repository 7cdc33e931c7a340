"""One supervised account: where its life stands, what operators ask of it, and what its process says.

It takes the steps that lifecycle/state_machine.py decides and returns their effects, which the supervisor's
loop carries out (supervisor.py). It must not know of other accounts.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable

from krakencopy.account_proc.contract.conditions import FEED_CAUSES, first_that_matters
from krakencopy.account_proc.contract.event_catalogue import BY_CODE
from krakencopy.account_proc.contract.proto_time import timestamp
from krakencopy.account_proc.contract.spec import Role
from krakencopy.supervisor.accounts.coin_names import CoinNames
from krakencopy.supervisor.accounts.exit_records import LastEnds, Lived, process_end
from krakencopy.supervisor.accounts.holders import HoldersLog
from krakencopy.supervisor.accounts.launcher import Launcher
from krakencopy.supervisor.accounts.notice_log import NoticeLog
from krakencopy.supervisor.accounts.supervised_process import SupervisedProcess
from krakencopy.supervisor.accounts.work_queue import WorkQueue
from krakencopy.supervisor.config.model import AccountConfig
from krakencopy.supervisor.journal.event_log import EventLog
from krakencopy.supervisor.lifecycle import steady_time
from krakencopy.supervisor.lifecycle.start_order import Gate
from krakencopy.supervisor.lifecycle.state_machine import (
    ALIVE,
    MASTER_LOST,
    NOT_SERVING,
    Effect,
    Life,
    Limits,
    Observed,
    State,
    excuse,
    forgive,
    step,
)
from krakencopy.supervisor.lifecycle.trading_mode import mode_to_send
from krakencopy.v1 import account_pb2
from krakencopy.v1 import types_pb2 as pb

#: An account's life is louder the worse it stands.
SEVERITY = {
    State.FAILED: pb.SEVERITY_ERROR,
    State.BACKOFF: pb.SEVERITY_WARNING,
    State.DEGRADED: pb.SEVERITY_WARNING,
}
#: A process's notice (account_proc/notices/unreadable.py): something is held in a pair that is not listed any
#: more.
NOT_LISTED = "NOT_LISTED"


#: Why a process that has traded cannot at the moment, where the first cause may be a condition that does not
#: hold.
FOLLOWS_FROM_CONDITION = frozenset({"FEED_DOWN", "CATCHING_UP"})


class SupervisedAccount:
    """One account. What it records raises JournalFault."""

    def __init__(
        self, config: AccountConfig, *, launcher: Launcher, ends: LastEnds, events: EventLog,
        queue: WorkQueue, names: CoinNames, holders: HoldersLog, master_lost: Callable[[], bool],
        disk: Callable[[], pb.Condition | None] = lambda: None, left_open: Iterable[pb.Event] = (),
    ) -> None:  # fmt: skip
        """``master_lost``: whether the master is not SERVING, and not because of a shutdown; ``disk``: what
        is wrong with the state folder's disk (accounts/disk_watch.py). ``left_open``: see ``NoticeLog``.
        """
        self.config = config
        self._events = events
        self._queue = queue
        self._names = names
        self._holders = holders
        self._master_lost = master_lost
        self._disk = disk
        self.process = SupervisedProcess(config.id, self, launcher, ends, queue)
        self.life = Life(account_id=config.id, since=steady_time.now())
        self._state_before = self.life.state
        #: An operator wants no process; it is not configured any more; the shutdown has come to it.
        self.stopped = self.removed = self.dismissed = False
        #: For users: an operator wants fills to wait.
        self.paused = False
        #: Starts that nobody asked for, each after its process had ended by itself, since the supervisor
        #: started; and whether the next one is such.
        self.restarts = 0
        self._restarts_by_itself = False
        self._restart = False
        self._reset = False
        #: Why it must not trade until an operator starts it again.
        self._condemned: tuple[str, str] | None = None
        #: Why its process refuses its stream.
        self._refused: tuple[str, str] | None = None
        self._was_blocked = False
        #: Why it is held up, until that is taken to be recorded; empty where it is not, or was taken.
        self._blocked_words = ""
        #: The state before one that its process has not explained yet; the change is not recorded until then.
        self._unexplained: State | None = None
        self._notices = NoticeLog(events, left_open)

    @property
    def wanted(self) -> bool:
        """Whether it is to run. At a shutdown users are unwanted first, masters once they are gone."""
        return not (self.stopped or self.removed or self.dismissed)

    @property
    def serving(self) -> bool:
        """Whether its process says that it can trade, and moves."""
        return self.process.serving and self.life.state in ALIVE

    @property
    def settled(self) -> bool:
        """Whether nothing of it runs."""
        return self.life.state not in ALIVE and self.process.child is None

    def conditions(self) -> list[pb.Condition]:
        """What its process sees of its conditions, and what is seen from here of the disk; none without a
        process that answers.
        """
        if self.process.link is None:
            return []
        disk = self._disk()
        seen = self.process.link.snapshot.conditions
        return [disk if disk is not None and each.type == disk.type else each for each in seen]

    # -- what is asked --------------------------------------------------------------------------------------

    def restart(self) -> None:
        """Ends the process and starts it again."""
        self._restart, self._condemned = True, None
        self._look_again()

    def reset(self) -> None:
        """Another try, after FAILED or without waiting for a backoff, and with a new process for one that is
        there and refuses its stream, or is another's.
        """
        if self._refused is not None and self.life.state in ALIVE:
            self.restart()
            return
        # Kept for later, it would undo the next backoff, or the next FAILED that nobody has looked at.
        self._reset = self.life.state in {State.FAILED, State.BACKOFF}
        self._restarts_by_itself = False
        self._condemned = None
        self._look_again()

    def renew(self) -> None:
        """A new process if there is one now, or another try if the last one failed."""
        if self.life.state in ALIVE:
            self.restart()
        else:
            self.reset()

    def condemn(self, reason: str, message: str) -> None:
        """It must not trade until an operator starts it again: its process finishes what is in flight and
        ends.
        """
        if self.life.state in ALIVE:
            self._condemned = reason, message
            self._look_again()

    def _look_again(self) -> None:
        self._queue.put_accounts([self.config.id])

    # -- the loop's step ------------------------------------------------------------------------------------

    def step(
        self, gate: Gate, now: float, limits: Limits, *, master_serving: bool, many_failed: bool
    ) -> tuple[Effect, ...]:
        """Compares what is wanted with what is seen, moves by one state at most, and says what is to be done.

        ``gate``: whether a process may start now; ``many_failed``: see ``Observed``.
        """
        process = self.process
        reason, message = ("", "") if process.link is None else why_not_serving(process.link.snapshot)
        if self._refused is not None:
            reason, message = self._refused
        lacking = first_that_matters(self.conditions())
        seen = Observed(
            wanted=self.wanted, gate_open=gate.open, gate_reason=gate.reason, gate_message=gate.message,
            linked=process.linked, serving=self.serving and self._refused is None, reason=reason,
            message=message, ended=process.ended, restart=self._restart, reset=self._reset,
            condemned=self._condemned, master_serving=not self.config.copies or master_serving,
            many_failed=many_failed,
            lacking=None if lacking is None else (lacking.reason, lacking.message),
        )  # fmt: skip
        before = self.life.state
        life, effects = step(self.life, seen, now, limits, random.random())  # noqa: S311 - spreads restarts
        self._enter(life)
        if life.state is not before:
            self._state_before = before
            self._forget_asked()
        self._note_blocked(gate)
        return effects

    def forgive(self, since: float, now: float, limits: Limits) -> None:
        """What it did after ``since`` was not its own fault."""
        self._enter(forgive(self.life, since, now, limits))

    def excuse(self, late: float) -> None:
        """Nobody looked for so many seconds."""
        self.life = excuse(self.life, late)

    def _enter(self, life: Life) -> None:
        before, self.life = self.life, life
        if self._unexplained is not None and (life.state, life.reason) != (before.state, before.reason):
            self._record_change(self._unexplained, life if life.state is before.state else before)
            self._unexplained = None
        if life.state is before.state:
            return
        self._count_restart(life.state)
        if life.state is State.DEGRADED and life.reason == NOT_SERVING:
            self._unexplained = before.state  # its process says why a moment later
        else:
            self._record_change(before.state, life)

    def _record_change(self, before: State, life: Life) -> None:
        words = f"{before} -> {life.state}"
        if life.reason:
            # What is in the catalogue has an event of its own, with all its words.
            said = f": {life.message}" if life.message and life.reason not in BY_CODE else ""
            words += f" ({life.reason}{said})"
        severity = SEVERITY.get(life.state, pb.SEVERITY_INFO)
        if life.reason == MASTER_LOST:
            severity = pb.SEVERITY_INFO  # the event that matters is the master's own
        data = {"from": before, "to": life.state, **({"reason": life.reason} if life.reason else {})}
        self._events.record(severity, self.config.id, "ACCOUNT_STATE_CHANGED", words, data)

    def _count_restart(self, state: State) -> None:
        """It enters a state; it starts by itself when it has ended by itself, and nobody has spoken since."""
        if state is State.STARTING:
            self.restarts += self._restarts_by_itself
        if state is not State.WAITING:
            self._restarts_by_itself = state is State.BACKOFF and not self._restart

    def _forget_asked(self) -> None:
        before, state = self._state_before, self.life.state
        if state not in ALIVE:
            self.process.ended = None
        if state is State.STARTING:
            self._refused = self._condemned = None
        if state is State.STOPPING:
            self._restart = False
        if before in {State.FAILED, State.BACKOFF} or state is State.STARTING:
            self._reset = False
            self._restart = False

    def _note_blocked(self, gate: Gate) -> None:
        """Once for each time that the account is held up by something that is wrong, and not only not
        ready yet.
        """
        blocked = self.life.state is State.WAITING and gate.blocked
        if blocked and not self._was_blocked:
            self._blocked_words = gate.message
        self._was_blocked = blocked

    def take_blocked(self) -> str:
        """Why it is held up, once for each time; empty where it is not."""
        words, self._blocked_words = self._blocked_words, ""
        return words

    # -- what its process does and says ---------------------------------------------------------------------

    def unasked_end(self, lived: Lived) -> pb.ProcessEnd | None:
        """How a process ended; None if somebody had asked it to, or for another one in its place."""
        if self.life.state is State.STOPPING or self._restart or not self.wanted:
            return None
        end = process_end(lived, self.life, self._state_before)
        end.at.CopyFrom(timestamp(steady_time.shown(lived.ended_at)))
        return end

    def link_changed(self) -> None:
        """Its health changed, or what it says of it."""
        self.notices_changed()
        self._look_again()

    def notices_changed(self) -> None:
        """Its process says what operators should know; what it does not say any more is over. A process that
        has said nothing at all yet ends nothing.
        """
        if self.process.link is not None and self.process.link.snapshot.ByteSize():
            begun = self._notices.compare(self.config.id, self.process.link.snapshot)
            if NOT_LISTED in begun and self.config.copies:
                self._names.read_again()

    def link_refused(self, reason: str, message: str) -> None:
        """The process refuses its stream: a human must look."""
        self._refused = (reason, message)
        self._events.record(pb.SEVERITY_ERROR, self.config.id, reason, message)
        self._look_again()

    def announced(self, announcement: account_pb2.Announcement) -> None:
        """Its process has something for operators to know, once."""
        severity, code, words = announcement.severity, announcement.code, announcement.message
        if announcement.asset and self.config.role is Role.MASTER:
            self._holders.record_with_holders(severity, self.config.id, code, words, announcement.asset)
        else:
            self._events.record(severity, self.config.id, code, words, announcement.data)

    def trading_mode(self, *, fills_wait: bool) -> pb.TradingMode.ValueType:
        """Who is to decide what this user trades now."""
        if self.config.strategy is None:
            # As mode_to_send says, whatever else holds: most users, and each of them asks for each fill.
            return pb.TRADING_MODE_COPYING
        return mode_to_send(
            has_strategy=True, master_lost=self._master_lost(), paused=self.paused, fills_wait=fills_wait
        )

    def trading_mode_sent(self, mode: pb.TradingMode.ValueType) -> None:
        """Its process knows it from here on."""
        strategy = self.config.strategy
        if mode == pb.TRADING_MODE_OWN:
            words = (
                f"the master is lost: strategy {strategy} trades by itself, once nothing is copied any more"
            )
            self._events.record(pb.SEVERITY_WARNING, self.config.id, "OWN_STRATEGY_ON", words)
        else:
            words = f"strategy {strategy} is off before its next order; fills are copied from here on"
            self._events.record(pb.SEVERITY_INFO, self.config.id, "OWN_STRATEGY_OFF", words)


def why_not_serving(snapshot: account_pb2.WatchSnapshotResponse) -> tuple[str, str]:
    """Why a process cannot trade, as a code and for people, by the first cause that it knows."""
    if snapshot.reason in FOLLOWS_FROM_CONDITION:
        cause = first_that_matters(snapshot.conditions, FEED_CAUSES)
        if cause is not None:
            return cause.reason, cause.message
    return snapshot.reason, snapshot.message
