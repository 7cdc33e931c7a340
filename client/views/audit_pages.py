"""Who has changed what, and whether the record of it is what was written, for people. Pure: messages in,
lines out.
"""

from __future__ import annotations

from collections.abc import Mapping

from krakencopy.client.views.formats import joined, plain, table_time, word, zoned
from krakencopy.client.views.table import Column
from krakencopy.v1 import audit_pb2 as pb

#: Changes of one call that are shown in a row at most, and characters of one of their values.
CHANGES_MAX, VALUE_MAX = 4, 40
_TIME_WIDTH = len("11-22 08:26:01.123")


def entry_columns() -> tuple[Column, ...]:
    """What entry_row's cells are."""
    return (
        Column("ENTRY", right=True, extra=3),
        Column(zoned("AT"), width=_TIME_WIDTH, extra=1),
        Column("WHO", shortest=8),
        Column("FROM", extra=4),
        Column("CALL", shortest=12),
        Column("FOR", shortest=8, extra=2),
        Column("OUTCOME", text=16),
    )


def entry_row(entry: pb.AuditEntry) -> list[str]:
    """One entry's cells of entry_columns."""
    names = entry.account_ids
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return [
        str(entry.number),
        table_time(entry.at),
        plain(entry.principal) or "-",
        plain(entry.origin) or "-",
        plain(entry.method) or "-",
        plain(", ".join(names[:2]) + more) or "-",
        _outcome(entry),
    ]


def _outcome(entry: pb.AuditEntry) -> str:
    dry = "a dry run" if entry.dry_run else ""
    again = f"repeats entry {entry.repeats}" if entry.repeats else ""
    asked = f"by {entry.by}" if entry.by else ""
    why = f"because: {entry.why}" if entry.why else ""
    if entry.kind == pb.AUDIT_KIND_BEGAN:
        return joined("began", dry, again, asked, why)
    if entry.kind != pb.AUDIT_KIND_ENDED:
        return joined(word(pb.AuditKind.DESCRIPTOR, entry.kind), entry.message)
    reason = f"{entry.outcome}/{entry.reason}" if entry.reason else entry.outcome
    refusal = f"{reason}: {entry.message}" if entry.message else reason
    return joined(refusal, *_changes(entry.before, entry.after), dry, again, asked, why)


def _changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    keys = list(dict.fromkeys((*before, *after)))
    shown = [_change(key, before.get(key), after.get(key)) for key in keys[:CHANGES_MAX]]
    return [*shown, f"{len(keys) - CHANGES_MAX} more"] if len(keys) > CHANGES_MAX else shown


def _change(key: str, before: str | None, after: str | None) -> str:
    if before is None:
        return f"{key} {_cut(after)}"
    return f"{key} {_cut(before)} -> {_cut(after)}"


def _cut(value: str | None) -> str:
    if not value:
        return "(nothing)"
    return value if len(value) <= VALUE_MAX else f"{value[: VALUE_MAX - 1]}…"


def verify_page(answer: pb.VerifyAuditResponse) -> list[str]:
    """What was found."""
    files = "1 file" if answer.files == 1 else f"{answer.files} files"
    entries = f"entries {answer.first_number} to {answer.last_number}, {files}"
    lines = [_finding_line(finding) for finding in answer.findings]
    if answer.intact:
        lines.append(f"intact: {entries}")
    else:
        lines.append(f"NOT INTACT: {entries}")
    if answer.head:
        lines.append(f"head: {answer.head}")
    return lines


def _finding_line(finding: pb.AuditFinding) -> str:
    place = f" ({plain(finding.file)}, line {finding.line})" if finding.file and finding.line else ""
    return f"{finding.reason}: {plain(finding.message)}{place}"
