"""docs/events.md, from the catalogue of codes.

`python -m tests.support.events` writes it anew; tests/repository/test_events.py fails where it is not what
the catalogue says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from krakencopy.account_proc.contract import event_catalogue as catalogue
from krakencopy.account_proc.contract.conditions import HARMLESS, ConditionType
from krakencopy.account_proc.contract.event_catalogue import Entry
from krakencopy.v1 import types_pb2 as pb

PAGE = Path(__file__).parents[2] / "docs" / "events.md"
HEAD = """# Events and reasons

Every event has a code, and so has every condition that does not hold: its reason is the code of the event
that says so. Codes are never renamed and never get another meaning. Where "and its end" stands, the end is an
event of severity INFO too, with `_OVER` behind the code. `krakencopy events -o json` shows the data. A new
run reports once more what still holds, and the end of what the run before had left open. An account without
a process has no conditions but its own: what began stays begun until its next process knows better.

The page is written by `.venv/bin/python -m tests.support.events` from
`account_proc/contract/event_catalogue.py`.
"""


def table(entries: Iterable[Entry]) -> Iterator[str]:
    """The rows of some entries."""
    yield "| Code | Severity | What it means | What to do |"
    yield "|---|---|---|---|"
    for entry in entries:
        severity = pb.Severity.Name(entry.severity).removeprefix("SEVERITY_")
        severity += ", and its end" if entry.ends else ""
        yield f"| `{entry.code}` | {severity} | {entry.meaning} | {entry.remedy or 'nothing'} |"


def render() -> str:
    """The whole page."""
    lines = [HEAD.rstrip("\n"), "", "## Conditions"]
    for kind, entries in catalogue.CONDITIONS.items():
        lasts = "" if ConditionType(kind) not in HARMLESS else " (the account stays ready)"
        lines += ["", f"### {kind}{lasts}", "", *table(entries)]
    lines += ["", "## Rows and pairs that are left out", "", *table(catalogue.NOTICES)]
    lines += ["", "## What an account is refused for", "", *table(catalogue.REFUSALS)]
    lines += ["", "## What happens once", "", *table(catalogue.HAPPENINGS)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(render())
