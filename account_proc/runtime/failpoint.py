"""Places where a test lets this process die, as if the power had gone: before and after each durable and each
network step.

Nothing happens unless the environment names a place: ``KRAKENCOPY_FAILPOINT="anna:after_intent"`` and a
marker file in ``KRAKENCOPY_FAILPOINT_MARKER``, which makes it happen once for all processes that are started
with it.
"""

from __future__ import annotations

import os
import signal

_PLACE = os.environ.get("KRAKENCOPY_FAILPOINT", "")
_MARKER = os.environ.get("KRAKENCOPY_FAILPOINT_MARKER", "")


def reach(account_id: str, place: str) -> None:
    """Dies here, if this is the place and nobody has died here yet."""
    if not _PLACE or f"{account_id}:{place}" != _PLACE:
        return
    try:
        os.close(os.open(_MARKER, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)
