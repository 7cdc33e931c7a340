"""The master's past as a table: whether all that the master traded until now has been streamed. Pure: no
clock, no exchange, no tasks.

                   OFF ◀───────── feed down, or not yet up ────── NOT_STREAMED
                    │ stream                                        │ stream
                    ▼                                               ▼
                 NO_FEED ──────────────── feed up ──────────────▶ READING ◀── a row or a pair is not known
                                                                    │ history read
                                                                    ▼
                 HELD ◀── a fill must wait, the audit found one ── COMPLETE
                    └───────────────────── history read ────────────▶

A trade that the feed sends is turned into a fill at once only while the past is COMPLETE. In every other
state it is held, and comes behind those of the trade history that are older. The account is ready while the
past is COMPLETE or HELD: nothing but what has just happened is missing.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Past(StrEnum):
    """What is known of the past."""

    #: No stream of fills is open, and the feed is down.
    OFF = "OFF"
    #: The feed is up, and no stream of fills is open.
    NOT_STREAMED = "NOT_STREAMED"
    #: A stream of fills is open, and the feed is down: there may be a hole.
    NO_FEED = "NO_FEED"
    #: The trade history is being read.
    READING = "READING"
    #: Every trade so far has been streamed.
    COMPLETE = "COMPLETE"
    #: The same, but for trades that wait for what they are sized by, or that the feed has left out.
    HELD = "HELD"


class Event(StrEnum):
    """What happens to it."""

    #: A stream of fills was opened, perhaps in place of another.
    STREAM_BEGAN = "STREAM_BEGAN"
    STREAM_ENDED = "STREAM_ENDED"
    FEED_UP = "FEED_UP"
    #: Also each time that it could not be connected.
    FEED_DOWN = "FEED_DOWN"
    #: The feed sent an execution without its order.
    ROW_INCOMPLETE = "ROW_INCOMPLETE"
    #: A trade is in a pair that is not known and may have been listed since.
    PAIR_UNKNOWN = "PAIR_UNKNOWN"
    #: A trade costs more than the master has by its wallet.
    WALLET_DISPROVED = "WALLET_DISPROVED"
    #: Something came in and has no price yet.
    INCOME_UNPRICED = "INCOME_UNPRICED"
    #: The history has trades that the feed has left out.
    HOLE_FOUND = "HOLE_FOUND"
    #: What was missing has been streamed, and then what was held.
    HISTORY_READ = "HISTORY_READ"


class Effect(StrEnum):
    """What a transition does, in this order. Whatever reads ends the reading before it."""

    #: Read the history and stream what is missing, from the journal's end on.
    READ_PAST = "READ_PAST"
    #: Find out first what came in unseen, then the same.
    FIND_INCOME = "FIND_INCOME"
    #: Read no more.
    STOP_READING = "STOP_READING"
    #: Say in the stream of fills that nothing is missing up to here.
    TELL_CAUGHT_UP = "TELL_CAUGHT_UP"
    #: What is shown of the account has changed.
    NOTIFY = "NOTIFY"


class Step(NamedTuple):
    """Where an event leads, and what it does."""

    past: Past
    effects: tuple[Effect, ...] = ()


_READ_PAST = Step(Past.READING, (Effect.READ_PAST,))
_STREAM_ENDED = Step(Past.NOT_STREAMED, (Effect.STOP_READING,))
_FEED_DOWN = Step(Past.NO_FEED, (Effect.STOP_READING, Effect.NOTIFY))

#: What is not in it cannot happen: only a complete past meets a trade or is audited.
TRANSITIONS: dict[Past, dict[Event, Step]] = {
    Past.OFF: {
        Event.STREAM_BEGAN: Step(Past.NO_FEED),
        Event.FEED_UP: Step(Past.NOT_STREAMED),
        Event.FEED_DOWN: Step(Past.OFF, (Effect.NOTIFY,)),
        Event.ROW_INCOMPLETE: Step(Past.OFF),
    },
    Past.NOT_STREAMED: {
        Event.STREAM_BEGAN: _READ_PAST,
        Event.FEED_UP: Step(Past.NOT_STREAMED),
        Event.FEED_DOWN: Step(Past.OFF, (Effect.NOTIFY,)),
        # The next stream begins with the history.
        Event.ROW_INCOMPLETE: Step(Past.NOT_STREAMED),
    },
    Past.NO_FEED: {
        Event.STREAM_BEGAN: Step(Past.NO_FEED),
        Event.STREAM_ENDED: Step(Past.OFF),
        Event.FEED_UP: _READ_PAST,
        Event.FEED_DOWN: Step(Past.NO_FEED, (Effect.NOTIFY,)),
        Event.ROW_INCOMPLETE: Step(Past.NO_FEED),
    },
    Past.READING: {
        Event.STREAM_BEGAN: _READ_PAST,
        Event.STREAM_ENDED: _STREAM_ENDED,
        Event.FEED_UP: _READ_PAST,
        Event.FEED_DOWN: _FEED_DOWN,
        Event.ROW_INCOMPLETE: _READ_PAST,
        Event.HISTORY_READ: Step(Past.COMPLETE, (Effect.TELL_CAUGHT_UP, Effect.NOTIFY)),
    },
    Past.COMPLETE: {
        Event.STREAM_BEGAN: _READ_PAST,
        Event.STREAM_ENDED: _STREAM_ENDED,
        Event.FEED_UP: _READ_PAST,
        Event.FEED_DOWN: _FEED_DOWN,
        Event.ROW_INCOMPLETE: _READ_PAST,
        Event.PAIR_UNKNOWN: _READ_PAST,
        Event.WALLET_DISPROVED: Step(Past.HELD, (Effect.FIND_INCOME,)),
        Event.INCOME_UNPRICED: Step(Past.HELD, (Effect.READ_PAST,)),
        # What audits reads on by itself.
        Event.HOLE_FOUND: Step(Past.HELD),
    },
    Past.HELD: {
        Event.STREAM_BEGAN: _READ_PAST,
        Event.STREAM_ENDED: _STREAM_ENDED,
        Event.FEED_UP: _READ_PAST,
        Event.FEED_DOWN: _FEED_DOWN,
        Event.ROW_INCOMPLETE: _READ_PAST,
        Event.HISTORY_READ: Step(Past.COMPLETE, (Effect.NOTIFY,)),
    },
}  # fmt: skip

#: Nothing but what has just happened is missing: the account is ready.
READY = frozenset({Past.COMPLETE, Past.HELD})
#: A stream of fills is open.
STREAMED = READY | {Past.READING, Past.NO_FEED}


def step(past: Past, event: Event) -> Step:
    """What follows. AssertionError for what cannot happen: that is a defect here, never bad input."""
    try:
        return TRANSITIONS[past][event]
    except KeyError:
        raise AssertionError(f"{event} cannot happen to a past that is {past}") from None
