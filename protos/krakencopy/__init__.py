"""Copy trading for Kraken. What programs need is here: ``from krakencopy import KrakenCopy``.

What else there is: docs/architecture.md.
"""

from __future__ import annotations

from krakencopy.client import __all__ as __all__

TYPE_CHECKING = False  # as typing's, which takes milliseconds in which Ctrl-C shows a traceback
if TYPE_CHECKING:
    from krakencopy.client import *  # noqa: F403 - the names of __all__, which a type checker reads from there


def __getattr__(name: str) -> object:
    """Import the SDK when one of its names is first used: processes of accounts have no need of it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from krakencopy import client

    return getattr(client, name)
