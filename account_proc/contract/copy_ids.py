"""Ids of copies: which begin with a fill of the master or a coin of a sync, and how. Pure.

    c5      the fills from 5 on, as they were streamed
    d5      fill 5, as somebody has asked for it; d5.2 after d5 was skipped
    s7.2    the second coin of sync 7

The client order id follows from the copy's id (order_ids.py): the same wish is the same order for ever.
"""

from __future__ import annotations

STREAMED = "c"
ASKED_FOR = "d"
OF_SYNC = "s"


def streamed_id(seq: int) -> str:
    """Of the copy whose first fill is this one."""
    return f"{STREAMED}{seq}"


def asked_id(seq: int, number: int = 1) -> str:
    """Of the copy of a fill that somebody has asked for; ``number`` from 1, when earlier ones were
    skipped.
    """
    return f"{ASKED_FOR}{seq}" if number == 1 else f"{ASKED_FOR}{seq}.{number}"


def sync_id(number: int, index: int) -> str:
    """Of the copy of a coin of a sync."""
    return f"{OF_SYNC}{number}.{index}"


def is_asked_for(copy_id: str) -> bool:
    """Whether somebody has asked for the copy by its fill."""
    return copy_id.startswith(ASKED_FOR)


def begins_with(copy_id: str, seq: int) -> bool:
    """Whether a fill is the first of a copy."""
    return copy_id == streamed_id(seq) or copy_id.partition(".")[0] == asked_id(seq)
