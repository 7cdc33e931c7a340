"""How many calls and watches there may be at once, of all callers and of one. The supervisor's front counts
calls by whose token they carry, and reads the gateway's connection as that of one client, whose time all
callers share: nobody may use all of it. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from connectrpc.code import Code

from krakencopy.client.gateway.errors import TOO_MANY_CALLS, TOO_MANY_WATCHES, refusal

#: Half of the calls that the front takes of one client.
CALLS_MAX, WATCHES_MAX = 50, 50
#: Of one token.
CALLS_OF_ONE_MAX, WATCHES_OF_ONE_MAX = 20, 20


class Slots:
    """What is under way."""

    def __init__(self) -> None:
        self._calls: Counter[str] = Counter()
        self._watches: Counter[str] = Counter()

    @contextmanager
    def take(self, bearer: str, *, watches: bool) -> Iterator[None]:
        """One of them, while it lasts. Raises ConnectError where there are too many."""
        taken, reason = (self._watches, TOO_MANY_WATCHES) if watches else (self._calls, TOO_MANY_CALLS)
        of_one, of_all = (WATCHES_OF_ONE_MAX, WATCHES_MAX) if watches else (CALLS_OF_ONE_MAX, CALLS_MAX)
        kind = "watches" if watches else "calls"
        if taken[bearer] >= of_one:
            message = f"this token has {of_one} {kind} at the gateway; end some of them"
            raise refusal(Code.RESOURCE_EXHAUSTED, reason, message)
        if taken.total() >= of_all:
            message = f"the gateway has {of_all} {kind}; try again later"
            raise refusal(Code.RESOURCE_EXHAUSTED, reason, message)
        taken[bearer] += 1
        try:
            yield
        finally:
            taken[bearer] -= 1
            if not taken[bearer]:
                del taken[bearer]
