"""Who says something to the supervisor, for those who read it later."""

from __future__ import annotations

import os
import pwd


def operator_name() -> str:
    """The machine user that this runs as: ``operator ann``."""
    try:
        return f"operator {pwd.getpwuid(os.getuid()).pw_name}"
    except KeyError:
        return f"operator {os.getuid()}"
