"""Odd rows of ccxt's through all that is made of them: only values and named errors come out. Few here; many
by hand (tests/README.md).
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.mutated_ccxt import play


def test_rows_that_are_not_odd_are_all_read() -> None:
    found = play(-1)
    assert (found.faults, found.named) == ([], 0)


@settings(max_examples=150)
@given(st.integers(0, 2**32))
def test_an_odd_row_ends_in_a_value_or_in_an_error_with_a_name(seed: int) -> None:
    assert play(seed).faults == []


#: What was found first: balances below 0, and equity by a price of 0.
@pytest.mark.parametrize("seed", [136, 425, 519, 788])
def test_what_was_found_before(seed: int) -> None:
    assert play(seed).faults == []
