"""A clock that nobody sets: it begins with the machine's and goes on by itself."""

from __future__ import annotations

import time

from krakencopy.account_proc.runtime.steady_clock import anchored, steady_s

#: Unix seconds.
EPOCH = 1_790_000_000.0


def test_a_steady_clock_begins_with_the_machines_and_is_not_set_with_it() -> None:
    wall, steady = [EPOCH], [5.0]
    now = anchored(lambda: wall[0], lambda: steady[0])
    assert now() == EPOCH
    wall[0] += 3600
    steady[0] += 2.0
    assert now() == EPOCH + 2.0
    assert steady_s() <= steady_s()


def test_by_default_it_begins_with_the_time_of_this_machine() -> None:
    before = time.time()
    assert before - 1 <= anchored()() <= time.time() + 1
