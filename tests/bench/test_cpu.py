from __future__ import annotations

import os

import pytest

from tests.bench.cpu import clock_ns, reached_ns, spreads, used_ns

#: Two groups; the second one works only between the second sample and the third.
SAMPLES = [(1_000, (50, 0)), (1_100, (70, 0)), (1_300, (110, 40)), (2_000, (120, 40))]
IDLE = [(0, (10, 5)), (1_000, (20, 5))]


def test_a_process_is_read_by_its_number() -> None:
    before = clock_ns(os.getpid())
    assert 0 < before < clock_ns(os.getpid())


@pytest.mark.parametrize(
    ("at_ns", "reached"),
    [(1_000, [50, 0]), (1_100, [70, 0]), (1_200, [90, 20]), (1_300, [110, 40]), (2_000, [120, 40])],
)
def test_what_was_reached_between_two_samples_lies_on_a_line(at_ns: int, reached: list[float]) -> None:
    assert reached_ns(SAMPLES, at_ns) == reached


def test_what_is_used_idle_does_not_count() -> None:
    # In 200 of the idle window's 1,000 ns the first group uses 2 of 10.
    assert list(used_ns(SAMPLES, 1_200, IDLE)) == [40 - 2, 20]


def test_less_than_nothing_is_nothing() -> None:
    assert list(used_ns(SAMPLES, 1_100, [(0, (0, 0)), (100, (30, 1))])) == [0, 0]


def test_what_is_a_contestants_own_is_everything_but_the_exchange() -> None:
    found = spreads(
        [{"user": 2.0, "front": 1.0, "exchange": 0.5}, {"user": 4.0, "front": 1.0, "exchange": 0.5}]
    )
    assert {name: spread.median for name, spread in found.items()} == {
        "user": 3.0, "front": 1.0, "exchange": 0.5, "own": 4.0,
    }  # fmt: skip
