"""Which strategies are installed, by entry point. It imports none of them."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

ENTRY_POINTS = "krakencopy.strategies"


def installed() -> dict[str, EntryPoint]:
    """All strategies that are installed, by name. Imports none of them."""
    return {found.name: found for found in entry_points(group=ENTRY_POINTS)}
