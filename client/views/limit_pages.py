"""Limits to losses, as rows for people. Pure: messages in, lines out."""

from __future__ import annotations

from krakencopy.client.views.formats import local_time, plain, word
from krakencopy.client.views.table import Column
from krakencopy.v1 import types_pb2 as nouns


def limit_columns() -> tuple[Column, ...]:
    """What limit_row's cells are."""
    return (
        Column("ACCOUNT"),
        Column("LIMIT"),
        Column("METRIC"),
        Column("WINDOW"),
        Column("LOSS", right=True),
        Column("MAX", right=True),
        Column("USED", right=True),
        Column("ACTION"),
        Column("STATE"),
        Column("SINCE"),
        Column("MESSAGE"),
    )


def limit_row(limit: nouns.LossLimit) -> list[str]:
    """One limit, with how much of it is lost."""
    return [
        plain(limit.account_id) or "(all users)",
        plain(limit.name),
        plain(limit.metric),
        plain(limit.window),
        plain(limit.loss),
        plain(limit.max_loss),
        f"{limit.used_percent} %" if limit.used_percent else "",
        plain(limit.action),
        word(nouns.LimitState.DESCRIPTOR, limit.state).replace("_", " "),
        local_time(limit.since),
        _message(limit),
    ]


def _message(limit: nouns.LossLimit) -> str:
    words = plain(limit.message)
    if limit.state == nouns.LIMIT_STATE_HIT:
        words += f"; lift it with `{reset_words(limit)}`"
    if not limit.configured:
        words += "; it is not in the configuration any more, and holds until it is reset"
    return words


def reset_words(limit: nouns.LossLimit) -> str:
    """The command that resets it."""
    whose = plain(limit.account_id) or "--total"
    return f"krakencopy reset-limit {whose} {plain(limit.name)} --reason TEXT"
