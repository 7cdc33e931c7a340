"""Who may start when: the order between masters and users, as one function of values.

It must not know how a process is started, nor why a single account fails (lifecycle/state_machine.py), nor
why many do (lifecycle/circuit_breaker.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from krakencopy.account_proc.contract.spec import KRAKEN, Role
from krakencopy.supervisor.lifecycle.state_machine import Life, State

#: Why a starting account is not SERVING yet when nothing is wrong.
PASSING_REASONS = ("CONNECTING", "FEED_DOWN", "CATCHING_UP")


@dataclass(frozen=True, slots=True)
class Gate:
    """Whether processes of a kind may start, and if not, why."""

    open: bool
    reason: str = ""
    message: str = ""
    #: Something is wrong with what the account waits for: more than "not yet".
    blocked: bool = False
    #: Only an operator can open it.
    for_operator: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MasterSeen:
    """A master as users' gates see it."""

    id: str
    broker: str
    life: Life
    #: Whether an operator lets it run.
    wanted: bool
    #: Whether its named health service says SERVING now, and its loop moves.
    serving: bool
    #: Whether it has ever been SERVING in this run.
    has_served: bool
    #: Of Kraken's: from when on users may start, in Unix seconds, and how long after its readiness that is.
    users_from: float = 0.0
    separation_s: float = 0.0

    @property
    def on_its_way(self) -> bool:
        """Not ready, and nothing is wrong."""
        return (
            self.wanted
            and not self.serving
            and self.life.state in {State.STOPPED, State.WAITING, State.STARTING}
            and self.life.reason in {"", *PASSING_REASONS}
        )


def gate(role: Role, broker: str, masters: Sequence[MasterSeen], now: float) -> Gate:
    """Whether an account may start: masters always, users after them.

    A Kraken user starts only while the Kraken master is SERVING (docs/requirements.md, 3A). A user of another
    broker lets every master have its first try and starts whatever became of it. ``masters``: all that there
    are, Kraken's among them.
    """
    if role is Role.MASTER:
        return Gate(open=True)
    copied = next(master for master in masters if master.broker == KRAKEN)
    if broker == KRAKEN:
        if not copied.serving:
            return _not_ready(copied)
    elif first := [master.id for master in masters if master.on_its_way and not master.has_served]:
        words = f"masters start first; still on its way: {', '.join(first)}"
        return Gate(open=False, reason="MASTERS_FIRST", message=words)
    if now < copied.users_from:
        words = f"the master is ready; users start {copied.separation_s:g} s after it (nonce_separation_s)"
        return Gate(open=False, reason="SEPARATION_WAIT", message=words)
    return Gate(open=True)


def _not_ready(master: MasterSeen) -> Gate:
    """Closed for want of the master; on its way for the first time is no fault, held up or lost again is."""
    life = master.life
    words = f"the master is {life.state}" + (f" ({life.reason}: {life.message})" if life.reason else "")
    message = f"{words}; users start by themselves once the master is healthy"
    return Gate(
        open=False, reason="MASTER_NOT_READY", message=message, blocked=not master.on_its_way,
        for_operator=not master.wanted or life.state is State.FAILED,
    )  # fmt: skip


def narrower(order: Gate, held_back: Gate) -> Gate:
    """What an account waits for that has to wait for its master and for the end of a trouble of many
    (lifecycle/circuit_breaker.py).

    The trouble is the cause, as a rule; but a master that waits for its operator is what that operator has to
    hear of.
    """
    return order if held_back.open or order.for_operator else held_back


def without_master(role: Role, broker: str, masters: Sequence[MasterSeen]) -> str:
    """What is to be said of a user of another broker that starts without a healthy master of its own;
    empty if nothing is.
    """
    if role is Role.MASTER or broker == KRAKEN:
        return ""
    own = [master for master in masters if master.broker == broker]
    if any(master.serving for master in own):
        return ""
    state = f"its master {own[0].id} is {own[0].life.state}" if own else f"there is no master at {broker}"
    return (
        f"{state}; users of other brokers than Kraken are not held back: it trades by its own strategy "
        "only, nothing is copied"
    )
