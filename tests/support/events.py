"""docs/events.md, from the catalogue of codes.

`python -m tests.support.events` writes it anew; tests/repository/test_events.py fails where it is not what
the catalogue says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from krakencopy.account_proc.contract import event_catalogue as catalogue
from krakencopy.account_proc.contract import reason_catalogue
from krakencopy.account_proc.contract.condition_reasons import CONDITIONS
from krakencopy.account_proc.contract.conditions import HARMLESS, ConditionType
from krakencopy.account_proc.contract.event_entry import Entry
from krakencopy.account_proc.contract.reason_catalogue import Meaning
from krakencopy.v1 import types_pb2 as pb

PAGE = Path(__file__).parents[2] / "docs" / "events.md"
HEAD = """# Events and reasons

Every event has a code, and so has every condition that does not hold: its reason is the code of the event
that says so. Codes are never renamed and never get another meaning. Where "and its end" stands, the end is an
event of severity INFO too, with `_OVER` behind the code. `krakencopy events -o json` shows the data. A new
run reports once more what still holds, and the end of what the run before had left open. An account without
a process has no conditions but its own: what began stays begun until its next process knows better.

The page is written by `.venv/bin/python -m tests.support.events` from
`event_catalogue.py`, `condition_reasons.py` and `reason_catalogue.py` in `account_proc/contract`.
"""
STATES_HEAD = """## Why an account stands where it stands

The reason of a state in `krakencopy accounts`. A DEGRADED account may have the reason of a condition instead
(above): then its process goes on as far as it can. What follows by itself says when: its next start, or that
it is tried again.
"""
STREAMS_HEAD = """## Why a stream was refused

Reasons of DEGRADED, each an event of severity ERROR: supervisor and process do not agree, and nothing more
goes between them until somebody has looked.
"""
COPIES_HEAD = """## Why a copy is what it is

The reason in `krakencopy copies` and `why`. Where the exchange refused an order, its own words stand there,
such as `EOrder:Insufficient funds`.
"""
REFUSED = """A call that is refused carries a reason, too: [all of them](api/reasons.md).
"""


def table(entries: Iterable[Entry]) -> Iterator[str]:
    """The rows of some entries."""
    yield "| Code | Severity | What it means | What to do |"
    yield "|---|---|---|---|"
    for entry in entries:
        severity = pb.Severity.Name(entry.severity).removeprefix("SEVERITY_")
        severity += ", and its end" if entry.ends else ""
        yield f"| `{entry.code}` | {severity} | {entry.meaning} | {entry.remedy or 'nothing'} |"


def meanings(found: Iterable[Meaning]) -> Iterator[str]:
    """The rows of some reasons."""
    yield "| Code | What it means | What to do |"
    yield "|---|---|---|"
    for code, meaning, remedy in found:
        yield f"| `{code}` | {meaning} | {remedy or 'nothing'} |"


def reasons() -> Iterator[str]:
    """The sections on reasons that are no events of their own."""
    for head, parts in (
        (STATES_HEAD, reason_catalogue.STATES),
        (STREAMS_HEAD, {"": reason_catalogue.STREAMS}),
        (COPIES_HEAD, reason_catalogue.COPIES),
    ):
        yield from ("", *head.rstrip("\n").split("\n"))
        for title, found in parts.items():
            yield from (("", f"### {title}", "") if title else ("",))
            yield from meanings(found)


def render() -> str:
    """The whole page."""
    lines = [HEAD.rstrip("\n"), "", "## Conditions"]
    for kind, entries in CONDITIONS.items():
        lasts = "" if ConditionType(kind) not in HARMLESS else " (the account stays ready)"
        lines += ["", f"### {kind}{lasts}", "", *table(entries)]
    lines += ["", "## Rows and pairs that are left out", "", *table(catalogue.NOTICES)]
    lines += ["", "## What an account is refused for", "", *table(catalogue.REFUSALS)]
    lines += ["", "## What happens once", "", *table(catalogue.HAPPENINGS)]
    lines += reasons()
    lines += ["", "## Reasons of refused calls", "", REFUSED.rstrip("\n")]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(render())
