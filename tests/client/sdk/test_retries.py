"""What is asked again, and what its caller gets in the end: each row of the rule."""

from __future__ import annotations

import pytest

from krakencopy.client.sdk.errors import (
    KrakenCopyError,
    NoRoom,
    NotConnected,
    OutcomeUnknown,
    Refused,
    ServerFault,
    TimedOut,
    TooMany,
    Unavailable,
)
from krakencopy.client.sdk.retries import (
    FIRST_DELAY_S,
    LONGEST_DELAY_S,
    LOOK_DELAY_S,
    Attempts,
    Run,
)

LIMIT_S = 5.0
BUSY = TooMany("busy", reason="TOO_MANY_CALLS")
UNKNOWN = OutcomeUnknown("lost", reason="ORDER_OUTCOME_UNKNOWN")


def attempts(kind: str) -> Attempts:
    return Attempts("" if kind == "read" else "r1", LIMIT_S, 0.0, once_for_ever=kind == "once for ever")


KINDS = ("read", "once for ever", "once in a run")
#: The error, whether anybody was ever there, and which kinds of calls are asked again.
RULE: list[tuple[KrakenCopyError, bool, set[str]]] = [
    (NotConnected("nobody"), True, set(KINDS)),
    (NotConnected("nobody"), False, set()),
    (BUSY, True, set(KINDS)),
    (Unavailable("lost"), True, set(KINDS)),
    (Unavailable("lost"), False, set(KINDS)),
    (UNKNOWN, True, {"once for ever"}),
    (NoRoom("full", reason="DISK_NOT_WRITABLE"), True, set()),
    (TimedOut("slow"), True, set()),
    (ServerFault("broken"), True, set()),
    (Refused("no", reason="NOT_A_USER"), True, set()),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("error", "was_up", "again"), RULE, ids=lambda value: type(value).__name__)
def test_the_rule(error: KrakenCopyError, was_up: bool, again: set[str], kind: str) -> None:
    delay_s = attempts(kind).delay_s(error, 0.0, was_up=was_up, was_sent=True)
    first_s = LOOK_DELAY_S if error is UNKNOWN else FIRST_DELAY_S
    assert delay_s == (first_s if kind in again else None)


FIRST, SECOND = Run(1, 10), Run(2, 20)


def test_what_the_supervisor_remembers_for_a_run_is_not_sent_to_another_once_it_was_lost() -> None:
    made, lost = attempts("once in a run"), Unavailable("lost")
    assert (made.needs_run(None), made.needs_run(FIRST)) == (True, False)
    assert made.may_be_sent_to(FIRST)
    made.delay_s(NotConnected("nobody"), 0.0, was_up=True, was_sent=True)
    made.delay_s(lost, 0.0, was_up=True, was_sent=False)  # of what is asked before it
    assert made.may_be_sent_to(SECOND)
    made.delay_s(lost, 0.0, was_up=True, was_sent=True)
    assert made.needs_run(SECOND)
    assert [made.may_be_sent_to(run) for run in (FIRST, None, SECOND)] == [False, False, True]
    assert made.lost() is lost


def test_what_was_sent_to_a_run_that_is_not_known_is_not_sent_again() -> None:
    made = attempts("once in a run")
    assert made.may_be_sent_to(None)
    made.delay_s(Unavailable("lost"), 0.0, was_up=True, was_sent=True)
    assert not made.may_be_sent_to(FIRST)
    assert not made.may_be_sent_to(None)


@pytest.mark.parametrize("kind", ["read", "once for ever"])
def test_other_calls_are_sent_to_any_run(kind: str) -> None:
    made = attempts(kind)
    made.delay_s(Unavailable("lost"), 0.0, was_up=True, was_sent=True)
    assert not made.needs_run(None)
    assert made.may_be_sent_to(SECOND)


def test_delays_grow_to_half_a_second_and_end_with_the_calls_limit() -> None:
    made, now_s, delays = attempts("read"), 0.0, []
    while (delay_s := made.delay_s(Unavailable("lost"), now_s, was_up=True, was_sent=True)) is not None:
        delays.append(delay_s)
        now_s += delay_s
    assert delays[:5] == [0.05, 0.1, 0.2, 0.4, LONGEST_DELAY_S]
    assert set(delays[4:]) == {LONGEST_DELAY_S}
    assert now_s < LIMIT_S <= now_s + LONGEST_DELAY_S
    assert made.left_s(now_s) == pytest.approx(LIMIT_S - now_s)
    assert made.left_s(9.0) == 0.0


@pytest.mark.parametrize("last", [NotConnected("nobody"), TimedOut("slow")])
def test_what_may_have_been_done_never_ends_as_what_was_not_sent(last: KrakenCopyError) -> None:
    lost = Unavailable("lost", request_id="r1")
    for kind, ends in (("once for ever", lost), ("once in a run", lost), ("read", last)):
        made = attempts(kind)
        made.delay_s(lost, 0.0, was_up=True, was_sent=True)
        assert made.outcome(last) is ends
        refused = Refused("no", reason="NOT_A_USER")
        assert made.outcome(refused) is refused
    assert attempts("once for ever").outcome(last) is last
