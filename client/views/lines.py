"""Fills, copies, events and lines of logs in a sentence each, as commands that follow them write."""

from __future__ import annotations

import json
from datetime import datetime

from krakencopy.client.views.formats import (
    because,
    is_some,
    local_time,
    plain,
    short,
    side,
    word,
)
from krakencopy.client.views.rows import copy_reason, last_hop, marked, seqs
from krakencopy.v1 import types_pb2 as nouns

#: What an entry of a log may have (account_proc/runtime/json_log.py).
LOG_FIELDS = ("at", "level", "logger", "account", "run", "instance", "message", "exception")


def fill_line(fill: nouns.Fill) -> str:
    """One fill in a sentence."""
    return (
        f"{local_time(fill.executed_at)}  fill {fill.seq}: {side(fill.side)} {fill.volume} {fill.pair} "
        f"at {fill.price}"
    )


def copy_line(copy: nouns.Copy) -> str:
    """One copy in a sentence."""
    volumes = (copy.filled_volume, copy.ordered_volume, copy.planned_volume)
    volume = next((volume for volume in volumes if is_some(volume)), "")
    price = f" at {short(copy.avg_price)}" if copy.avg_price else ""
    reason = copy_reason(copy)
    state = word(nouns.CopyState.DESCRIPTOR, copy.state)
    what = " ".join(part for part in (side(copy.side), volume, copy.pair) if part)
    who = marked(copy.account_id, is_shadow=copy.shadow)
    # An exit that was owed, and what a sync or a flatten led to, answer none.
    which = f"copy by {who} of fill {seqs(copy)}" if copy.fill_seqs else f"copy {copy.copy_id} by {who}"
    text = f"{local_time(last_hop(copy))}  {which}: {state}, {what}{price}"
    return text + (f" ({reason})" if reason else "")


def event_line(event: nouns.Event) -> str:
    """One event in a sentence."""
    about = f" {plain(event.account_id)}" if event.account_id else ""
    severity = word(nouns.Severity.DESCRIPTOR, event.severity)
    return f"{local_time(event.at)}  {severity}{about}: {because(event.code, event.message)}"


def log_line(line: str) -> str:
    """A line of a log (a JSON object) as people read it; a line that is none as it is."""
    try:
        entry = json.loads(line)
        at = datetime.fromisoformat(entry["at"]).astimezone().isoformat(sep=" ", timespec="milliseconds")
        text = f"{at}  {plain(str(entry['level'])):<7}  {plain(str(entry['message']))}"
    except (ValueError, TypeError, KeyError):
        return plain(line)
    trace = str(entry.get("exception", "")).splitlines()
    return "\n".join([text, *(f"    {plain(call)}" for call in trace)])
