"""Odd answers of the exchange, REST and WebSocket, through all that is made of them: only values and named
errors come out. Few here; many by hand (tests/README.md).
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.mutated_answers import play


def test_answers_that_are_not_odd_are_all_read() -> None:
    found = play(-1)
    assert (found.faults, found.named) == ([], 0)


@settings(max_examples=150)
@given(st.integers(0, 2**32))
def test_an_odd_answer_ends_in_a_value_or_in_an_error_with_a_name(seed: int) -> None:
    assert play(seed).faults == []


#: One of each kind that was found before there was one reader of values: an equity that cannot be rounded,
#: fills that cannot be journalled, numbers that no message takes, halves of characters, times without a date,
#: and a history that is read for ever.
@pytest.mark.parametrize("seed", [72, 87, 336, 396, 579, 1541, 915, 1349, 122])
def test_what_was_found_before(seed: int) -> None:
    assert play(seed).faults == []
