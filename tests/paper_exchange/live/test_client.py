"""Pauses between two connections to a feed never have this address banned."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from krakencopy.paper_exchange.live.client import pause_s


@given(st.integers(1, 10**6), st.floats(0, 1))
def test_pauses_are_spread_grow_and_have_a_bound(failures: int, share: float) -> None:
    assert 0.25 <= pause_s(failures, share) <= 30
    assert pause_s(failures, share) <= pause_s(failures + 1, share)


def test_a_feed_that_ends_as_soon_as_it_begins_never_has_this_address_banned() -> None:
    connects, spent_s = 0, 0.0
    shortest: Callable[[int], float] = lambda failures: pause_s(failures, 0.0)  # noqa: E731 - the worst draw each time
    while spent_s < 600:
        connects += 1
        spent_s += shortest(connects)
    # Kraken: about 150 in 10 minutes.
    assert connects < 50
