"""Who may start when: the order between the master and its users, as one function of values.

It must not know how a process is started, nor why a single account fails (lifecycle.py), nor why many do (breaker.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from account_proc.spec import Role
from supervisor.lifecycle import Life, State

#: Why a starting account is not SERVING yet when nothing is wrong.
PASSING_REASONS = ("CONNECTING", "FEED_DOWN", "CATCHING_UP")
#: Broker whose users may not start without their master (the seed's third fix).
GATED_BROKER = "kraken"


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
    """The master as its users' gate sees it."""

    life: Life
    #: Whether an operator lets it run.
    wanted: bool
    #: Whether its named health service says SERVING now, and its loop moves.
    serving: bool
    #: From when on users may start, in Unix seconds, and how long after its readiness that is.
    users_from: float
    separation_s: float


def gate(role: Role, broker: str, master: MasterSeen, now: float) -> Gate:
    """A Kraken user starts only while the Kraken master is SERVING, and the separation after that is over."""
    if role is Role.MASTER or broker != GATED_BROKER:
        return Gate(open=True)
    if not master.serving:
        return _not_ready(master)
    if now < master.users_from:
        words = f"the master is ready; users start {master.separation_s:g} s after it (nonce_separation_s)"
        return Gate(open=False, reason="SEPARATION_WAIT", message=words)
    return Gate(open=True)


def _not_ready(master: MasterSeen) -> Gate:
    """Closed for want of the master; on its way for the first time is no fault, held up or lost again is."""
    life = master.life
    words = f"the master is {life.state}" + (f" ({life.reason}: {life.message})" if life.reason else "")
    on_its_way = (
        master.wanted
        and life.state in {State.STOPPED, State.WAITING, State.STARTING}
        and life.reason in {"", *PASSING_REASONS}
    )
    message = f"{words}; this user starts by itself once the master is healthy"
    return Gate(
        open=False, reason="MASTER_NOT_READY", message=message, blocked=not on_its_way,
        for_operator=not master.wanted or life.state is State.FAILED,
    )  # fmt: skip


def narrower(order: Gate, held_back: Gate) -> Gate:
    """What an account waits for that has to wait for its master and for the end of a trouble of many (breaker.py).

    The trouble is the cause, as a rule; but a master that waits for its operator is what that operator has to hear of.
    """
    return order if held_back.open or order.for_operator else held_back
