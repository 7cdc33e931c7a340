"""Arguments of the commands about what accounts hold: rename and resync."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from krakencopy.client.cli.consent import add_yes


def add_rename(command: Any) -> None:
    """`rename OLD NEW`."""
    sub = command(
        "rename", "have positions follow a coin that the exchange gave another name, e.g. MATIC POL"
    )
    sub.add_argument("old", metavar="OLD", help="its name until now")
    sub.add_argument("new", metavar="NEW", help="its name from now on")
    add_yes(sub, "positions of a live system follow it")


def add_resync(command: Any, reason: Callable[[str], str]) -> None:
    """`resync ID`; ``reason`` reads why."""
    sub = command("resync", "bring a user to the master's positions, by its rules and within its caps")
    sub.add_argument("id", metavar="ID", help="the user")
    sub.add_argument("--dry-run", action="store_true", help="only show what would be bought and sold")
    sub.add_argument(
        "--not-worse", action="store_true", help="buy only what costs no more than the master has paid"
    )
    sub.add_argument(
        "--reason", type=reason, default="", metavar="TEXT", help="why, for those who read it later"
    )
    add_yes(sub, "anything is ordered")
