"""The table of the master's past: each state and each event, and the same from what was said of it."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from krakencopy.account_proc.master.past import (
    READY,
    STREAMED,
    TRANSITIONS,
    Effect,
    Event,
    Past,
    step,
)

#: These come from outside, whatever the past is.
FROM_OUTSIDE = {Event.STREAM_BEGAN, Event.FEED_UP, Event.FEED_DOWN, Event.ROW_INCOMPLETE}
#: Only what is told at once can meet these.
OF_LIVE_TRADES = {Event.PAIR_UNKNOWN, Event.WALLET_DISPROVED, Event.INCOME_UNPRICED, Event.HOLE_FOUND}
READS = {Effect.READ_PAST, Effect.FIND_INCOME}


def may_happen(past: Past, event: Event) -> bool:
    """By what the states and events mean, without the table."""
    if event in FROM_OUTSIDE:
        return True
    if event is Event.STREAM_ENDED:
        return past not in {Past.OFF, Past.NOT_STREAMED}
    if event is Event.HISTORY_READ:
        return past in {Past.READING, Past.HELD}
    return past is Past.COMPLETE


@pytest.mark.parametrize("event", Event)
@pytest.mark.parametrize("past", Past)
def test_every_event_has_its_step_or_cannot_happen(past: Past, event: Event) -> None:
    assert (event in TRANSITIONS[past]) == may_happen(past, event)
    if event in TRANSITIONS[past]:
        assert step(past, event) == TRANSITIONS[past][event]
    else:
        with pytest.raises(AssertionError, match=f"{event} cannot happen to a past that is {past}"):
            step(past, event)


@pytest.mark.parametrize(("past", "event"), [(past, event) for past in Past for event in TRANSITIONS[past]])
def test_a_reading_goes_on_exactly_where_something_is_missing(past: Past, event: Event) -> None:
    after, effects = step(past, event)
    is_read = past in {Past.READING, Past.HELD, Past.COMPLETE}
    goes_on = after in {Past.READING, Past.HELD, Past.COMPLETE}
    assert (Effect.STOP_READING in effects) == (is_read and not goes_on)
    if goes_on and not is_read:
        assert Effect.READ_PAST in effects
    if after is Past.READING:
        assert effects == (Effect.READ_PAST,)
    assert len(READS.intersection(effects)) <= 1


@pytest.mark.parametrize("past", Past)
def test_that_nothing_is_missing_is_told_after_every_reading_that_the_account_was_not_ready_in(
    past: Past,
) -> None:
    for event, (after, effects) in TRANSITIONS[past].items():
        assert (Effect.TELL_CAUGHT_UP in effects) == (past not in READY and after in READY), event


def test_every_state_is_reached() -> None:
    reached, waiting = {Past.OFF}, [Past.OFF]
    while waiting:
        for after, _ in TRANSITIONS[waiting.pop()].values():
            if after not in reached:
                reached.add(after)
                waiting.append(after)
    assert reached == set(Past)


class PastMachine(RuleBasedStateMachine):
    """The table beside what is known of the two ends and of the reading, each by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.past = Past.OFF
        self.streamed = self.feed_up = False
        #: Whether the past was complete since both ends are there, and whether trades are held.
        self.complete, self.holds = False, True
        self.is_read = False
        self.caught_up = 0

    def happens(self, event: Event) -> set[Effect]:
        self.past, effects = step(self.past, event)
        for effect in effects:
            match effect:
                case Effect.READ_PAST | Effect.FIND_INCOME:
                    self.is_read = True
                case Effect.STOP_READING:
                    assert self.is_read
                    self.is_read = False
                case Effect.TELL_CAUGHT_UP:
                    self.caught_up += 1
                case Effect.NOTIFY:
                    pass
        return set(effects)

    def begins_anew(self) -> None:
        if self.streamed and self.feed_up:
            self.complete, self.holds = False, True

    @rule()
    def stream_begins(self) -> None:
        self.streamed = True
        self.begins_anew()
        self.happens(Event.STREAM_BEGAN)

    @precondition(lambda self: self.streamed)
    @rule()
    def stream_ends(self) -> None:
        self.streamed, self.complete, self.holds = False, False, True
        self.happens(Event.STREAM_ENDED)

    @rule()
    def feed_comes(self) -> None:
        self.feed_up = True
        self.begins_anew()
        self.happens(Event.FEED_UP)

    @rule()
    def feed_goes(self) -> None:
        self.feed_up, self.complete, self.holds = False, False, True
        assert Effect.NOTIFY in self.happens(Event.FEED_DOWN)

    @rule()
    def row_is_incomplete(self) -> None:
        self.begins_anew()
        self.happens(Event.ROW_INCOMPLETE)

    @precondition(lambda self: not self.holds)
    @rule(event=st.sampled_from(sorted(OF_LIVE_TRADES)))
    def trade_must_wait(self, event: Event) -> None:
        self.holds = True
        if event is Event.PAIR_UNKNOWN:
            self.complete = False
        self.happens(event)

    @precondition(lambda self: self.is_read and self.holds)
    @rule()
    def history_is_read(self) -> None:
        told, was_complete = self.caught_up, self.complete
        self.complete, self.holds = True, False
        assert Effect.NOTIFY in self.happens(Event.HISTORY_READ)
        assert self.caught_up - told == (0 if was_complete else 1)

    @invariant()
    def they_agree(self) -> None:
        assert (self.past in READY) == self.complete
        assert (self.past in STREAMED) == self.streamed
        assert (self.past is not Past.COMPLETE) == self.holds
        assert self.is_read == (self.streamed and self.feed_up)


TestPastMachine = PastMachine.TestCase
