"""The supervisor's own time: what lives, limits and pauses are counted in. A clock that is set must not end a
process's patience.

In Unix seconds that begin with the machine's when the supervisor starts and go on steadily, its sleep
included (account_proc/runtime/steady_clock.py).
"""

from __future__ import annotations

import time

from krakencopy.account_proc.runtime.steady_clock import anchored

now = anchored()


def shown(at: float) -> float:
    """Such a time by the machine's clock as it is set now, for people. The same as long as nobody sets
    that.
    """
    return at + round(time.time() - now(), 2)
