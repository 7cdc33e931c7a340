"""A pulse that stops is noticed in time, and nobody is taken for dead because the judge itself was late."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.runtime.liveness import NAP_S, Beat
from krakencopy.supervisor.lifecycle.liveness import LOOK_S, SILENT_S, STOPPED_S, Pulses, Seen

S = 1_000_000_000
START = 77 * S


def awake(**beats: int) -> dict[str, Seen]:
    """Processes whose loops moved last at these times."""
    return {who: Seen(Beat(at_ns)) for who, at_ns in beats.items()}


def asleep(until_ns: int, *, stopped: bool = False) -> dict[str, Seen]:
    """One that wants to sleep until then."""
    return {"anna": Seen(Beat(until_ns, asleep=True), stopped)}


def looks(pulses: Pulses, beats: dict[str, Seen], first: float, last: float) -> float | None:
    """Looks on time from ``first`` to ``last``, in seconds since START; when somebody's pulse had stopped."""
    at = first
    while at <= last:
        if pulses.look(beats, START + round(at * S)):
            return at
        at += LOOK_S
    return None


@given(st.floats(0, LOOK_S))
def test_a_loop_that_is_stuck_is_noticed_within_three_seconds(offset: float) -> None:
    pulses = Pulses(START + round((9.5 + offset) * S))
    noticed = looks(pulses, awake(anna=START + 10 * S), 10 + offset, 20)
    assert noticed is not None
    assert SILENT_S <= noticed - 10 <= 3.0


@given(st.floats(0, LOOK_S), st.floats(0, NAP_S))
def test_one_that_is_stopped_in_its_sleep_is_noticed_within_three_seconds(offset: float, left: float) -> None:
    pulses = Pulses(START + round((9.5 + offset) * S))
    until = START + round((10 + left) * S)
    noticed = looks(pulses, asleep(until, stopped=True), 10 + offset, 20)
    assert noticed is not None
    assert STOPPED_S <= noticed - 10 <= 3.0


@given(st.floats(0, LOOK_S), st.floats(0, NAP_S))
def test_where_the_kernel_says_nothing_it_is_noticed_when_it_does_not_wake(
    offset: float, left: float
) -> None:
    pulses = Pulses(START + round((9.5 + offset) * S))
    noticed = looks(pulses, asleep(START + round((10 + left) * S)), 10 + offset, 30)
    assert noticed is not None
    assert SILENT_S <= noticed - 10 - left <= 3.0


def test_who_sleeps_is_alive_until_it_wanted_to_wake() -> None:
    pulses = Pulses(START)
    assert looks(pulses, asleep(START + 9 * S), LOOK_S, 9 + SILENT_S) is None


def test_one_that_goes_on_after_a_stop_is_alive_at_once() -> None:
    pulses = Pulses(START)
    assert looks(pulses, asleep(START + 9 * S, stopped=True), LOOK_S, 4) is not None
    assert not pulses.look(asleep(START + 9 * S), START + round(4.5 * S))


def test_a_stop_that_is_over_before_it_counts_is_none() -> None:
    pulses, until = Pulses(START), START + 9 * S
    for number in range(1, 16):
        stopped = number % 3 != 0  # for two looks each time
        assert not pulses.look(asleep(until, stopped=stopped), START + round(number * LOOK_S * S))


def test_a_loop_that_beats_is_never_silent() -> None:
    pulses = Pulses(START)
    for number in range(1, 100):
        now = START + round(number * LOOK_S * S)
        assert not pulses.look(awake(anna=now - round((SILENT_S - 0.01) * S)), now)


def test_one_that_never_beats_counts_from_when_it_was_first_seen() -> None:
    noticed = looks(Pulses(START), awake(anna=0), LOOK_S, 10)
    assert noticed is not None
    assert LOOK_S + SILENT_S < noticed <= LOOK_S + SILENT_S + LOOK_S


def test_only_the_one_that_stopped_is_named_and_it_is_alive_again_with_its_next_beat() -> None:
    pulses, now, stopped = Pulses(START), START, frozenset[str]()
    for number in range(1, 8):
        now = START + round(number * LOOK_S * S)
        stopped = pulses.look(awake(anna=START, ben=now), now)
    assert stopped == {"anna"}
    assert pulses.look(awake(anna=now + 1, ben=now), now + S // 2) == frozenset()


def test_after_the_whole_machine_stood_still_nobody_is_silent_at_once_and_a_dead_one_soon_is() -> None:
    pulses = Pulses(START)
    pulses.look(awake(anna=START, ben=START), START + S // 2)
    thaw = 60.0
    assert not pulses.look(awake(anna=START, ben=START), START + round(thaw * S))
    assert not pulses.look(awake(anna=START, ben=START + 60 * S), START + round((thaw + LOOK_S) * S))
    beats = awake(anna=START, ben=START + 99 * S)
    noticed = looks(pulses, beats, thaw + 2 * LOOK_S, 99)
    assert noticed is not None
    assert noticed - thaw <= 3.0


def test_a_beat_from_before_the_standstill_that_is_found_after_it_is_given_the_whole_standstill() -> None:
    pulses = Pulses(START)
    pulses.look(awake(anna=START), START + S // 2)
    assert not pulses.look(awake(anna=START + S * 6 // 10), START + 60 * S)


@given(st.lists(st.floats(LOOK_S, 30), min_size=1, max_size=20))
def test_however_late_the_judge_is_who_beat_since_its_last_look_is_alive(pauses: list[float]) -> None:
    pulses, now = Pulses(START), START
    for pause in pauses:
        beat = now + 1
        now += round(pause * S)
        assert not pulses.look(awake(anna=beat), now)


def test_a_new_process_has_a_name_and_a_patience_of_its_own() -> None:
    pulses = Pulses(START)
    assert looks(pulses, awake(anna_1=START), LOOK_S, 10) is not None
    assert not pulses.look(awake(anna_2=0), START + 10 * S)


def test_a_look_is_due_as_often_as_planned() -> None:
    pulses = Pulses(START)
    assert not pulses.due(START + round(LOOK_S * S) - 1)
    assert pulses.due(START + round(LOOK_S * S))
