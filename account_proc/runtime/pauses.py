"""How long to wait before something is tried or looked at again, so that many accounts do not act together.

Chance here spreads load and guards nothing.
"""

from __future__ import annotations

import random

#: Doublings; more would say no more, and overflow a float at last.
DOUBLINGS_MAX = 16
#: How far a regular pause is moved, as a share of it.
SPREAD = 0.25


def spread_s(pause_s: float) -> float:
    """A regular pause, a quarter shorter to a quarter longer: many accounts on one machine are not to ask at
    once.
    """
    return pause_s * random.uniform(1 - SPREAD, 1 + SPREAD)  # noqa: S311 - as said above


def doubled_s(failures: int, first_s: float, most_s: float) -> float:
    """The pause after so many failures in a row before this one, in seconds: doubled with each, up to
    ``most_s``.
    """
    return min(most_s, first_s * 2.0 ** min(failures, DOUBLINGS_MAX))


def growing_pause_s(failures: int, first_s: float, most_s: float, dice: float | None = None) -> float:
    """As ``doubled_s``, from half of it to all of it, so that many who failed together do not come back
    together. ``dice``: from 0 to 1; drawn where it is not given.
    """
    share = random.random() if dice is None else dice  # noqa: S311 - as said above
    return doubled_s(failures, first_s, most_s) * (0.5 + share / 2)
