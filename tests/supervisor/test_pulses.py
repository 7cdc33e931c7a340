"""A pulse that stops is noticed in time, and nobody is taken for dead because the judge itself was late."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from account_proc.pulse import BEAT_S
from supervisor.pulses import LOOK_S, SILENT_S, Pulses

S = 1_000_000_000
START = 77 * S


def looks(pulses: Pulses, beats: dict[str, int], first: float, last: float) -> float | None:
    """Looks on time from ``first`` to ``last``, in seconds since START; when somebody's pulse had stopped."""
    at = first
    while at <= last:
        if pulses.look(beats, START + round(at * S)):
            return at
        at += LOOK_S
    return None


@given(st.floats(0, LOOK_S), st.floats(0, BEAT_S))
def test_a_stop_is_noticed_within_three_seconds_whenever_it_happens(offset: float, since_beat: float) -> None:
    beat = START + round((10 - since_beat) * S)
    pulses = Pulses(START + round((9.5 + offset) * S))
    noticed = looks(pulses, {"anna": beat}, 10 + offset, 20)
    assert noticed is not None
    assert SILENT_S - BEAT_S <= noticed - 10 <= 3.0


def test_a_loop_that_beats_is_never_silent() -> None:
    pulses = Pulses(START)
    for number in range(1, 100):
        now = START + round(number * LOOK_S * S)
        assert not pulses.look({"anna": now - round((SILENT_S - 0.01) * S)}, now)


def test_one_that_never_beats_counts_from_when_it_was_first_seen() -> None:
    noticed = looks(Pulses(START), {"anna": 0}, LOOK_S, 10)
    assert noticed is not None
    assert LOOK_S + SILENT_S < noticed <= LOOK_S + SILENT_S + LOOK_S


def test_only_the_one_that_stopped_is_named_and_it_is_alive_again_with_its_next_beat() -> None:
    pulses, now, stopped = Pulses(START), START, frozenset[str]()
    for number in range(1, 8):
        now = START + round(number * LOOK_S * S)
        stopped = pulses.look({"anna": START, "ben": now}, now)
    assert stopped == {"anna"}
    assert pulses.look({"anna": now + 1, "ben": now}, now + S // 2) == frozenset()


def test_after_the_whole_machine_stood_still_nobody_is_silent_at_once_and_a_dead_one_soon_is() -> None:
    pulses = Pulses(START)
    pulses.look({"anna": START, "ben": START}, START + S // 2)
    thaw = 60.0
    assert not pulses.look({"anna": START, "ben": START}, START + round(thaw * S))
    assert not pulses.look({"anna": START, "ben": START + 60 * S}, START + round((thaw + LOOK_S) * S))
    beats = {"anna": START, "ben": START + 99 * S}
    noticed = looks(pulses, beats, thaw + 2 * LOOK_S, 99)
    assert noticed is not None
    assert noticed - thaw <= 3.0


def test_a_beat_from_before_the_standstill_that_is_found_after_it_is_given_the_whole_standstill() -> None:
    pulses = Pulses(START)
    pulses.look({"anna": START}, START + S // 2)
    assert not pulses.look({"anna": START + S * 6 // 10}, START + 60 * S)


@given(st.lists(st.floats(LOOK_S, 30), min_size=1, max_size=20))
def test_however_late_the_judge_is_who_beat_since_its_last_look_is_alive(pauses: list[float]) -> None:
    pulses, now = Pulses(START), START
    for pause in pauses:
        beat = now + 1
        now += round(pause * S)
        assert not pulses.look({"anna": beat}, now)


def test_a_new_process_has_a_name_and_a_patience_of_its_own() -> None:
    pulses = Pulses(START)
    assert looks(pulses, {"anna-1": START}, LOOK_S, 10) is not None
    assert not pulses.look({"anna-2": 0}, START + 10 * S)


def test_a_look_is_due_as_often_as_planned() -> None:
    pulses = Pulses(START)
    assert not pulses.due(START + round(LOOK_S * S) - 1)
    assert pulses.due(START + round(LOOK_S * S))
