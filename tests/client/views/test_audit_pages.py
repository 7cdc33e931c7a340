"""Who has changed what, as people read it, also at 80 columns."""

from __future__ import annotations

import pytest

from krakencopy.client.views.audit_pages import entry_columns, entry_row, verify_page
from krakencopy.client.views.table import table
from krakencopy.v1 import audit_pb2 as pb

ENDED = pb.AuditEntry(
    number=42, kind=pb.AUDIT_KIND_ENDED, method="PauseAccount", principal="ann", origin="unix pid 4711",
    account_ids=["anna"], outcome="OK", before={"anna.paused": "no"}, after={"anna.paused": "yes"},
)  # fmt: skip
ENDED.at.FromJsonString("2026-11-29T08:00:00Z")


def entry(**more: object) -> pb.AuditEntry:
    made = pb.AuditEntry()
    made.CopyFrom(ENDED)
    made.MergeFrom(pb.AuditEntry(**more))  # type: ignore[arg-type]  # of any of its fields
    return made


@pytest.mark.parametrize(
    ("shown", "outcome"),
    [
        (ENDED, "OK; anna.paused no -> yes"),
        (entry(dry_run=True, repeats=7), "OK; anna.paused no -> yes; a dry run; repeats entry 7"),
        (
            pb.AuditEntry(kind=pb.AUDIT_KIND_ENDED, outcome="NOT_FOUND", reason="GONE", message="there is"),
            "NOT_FOUND/GONE: there is",
        ),
        (pb.AuditEntry(kind=pb.AUDIT_KIND_BEGAN, by="ann", why="odd"), "began; by ann; because: odd"),
        (pb.AuditEntry(kind=pb.AUDIT_KIND_UNREADABLE, message="not what"), "UNREADABLE; not what"),
        (pb.AuditEntry(kind=pb.AUDIT_KIND_FILE), "FILE"),
        (
            pb.AuditEntry(kind=pb.AUDIT_KIND_ENDED, outcome="OK", after={"order_id": "O1"}, before={"a": ""}),
            "OK; a (nothing) -> (nothing); order_id O1",
        ),
    ],
)  # fmt: skip
def test_what_came_of_a_call(shown: pb.AuditEntry, outcome: str) -> None:
    assert entry_row(shown)[-1] == outcome


def test_many_changes_and_accounts_are_cut() -> None:
    many = entry(after={f"k{n:02}": "v" * 100 for n in range(9)}, account_ids=["bob", "carl"])
    row = entry_row(many)
    assert row[-1].endswith("; 6 more")
    assert "v" * 41 not in row[-1]
    assert row[5] == "anna, bob and 1 more"


def test_a_table_is_readable_at_80_columns() -> None:
    rows = [entry_row(ENDED), entry_row(entry(number=0, message="x"))]
    head, first, _ = table(entry_columns(), rows, 80)
    assert head.split() == ["ENTRY", "AT", "(+01:00)", "WHO", "CALL", "FOR", "OUTCOME"]
    assert len(head) <= 80
    assert first.split()[:6] == ["42", "11-29", "09:00:00.000", "ann", "PauseAccount", "anna"]
    assert len(first) <= 85
    wide, *_ = table(entry_columns(), rows, 200)
    assert "FROM" in wide
    narrow, *_ = table(entry_columns(), rows, 40)
    assert narrow.split() == ["WHO", "CALL", "OUTCOME"]


def test_what_was_verified() -> None:
    whole = pb.VerifyAuditResponse(intact=True, first_number=1, last_number=9, files=1, head="ab")
    assert verify_page(whole) == ["intact: entries 1 to 9, 1 file", "head: ab"]
    finding = pb.AuditFinding(reason="CHANGED", message="entry 5 is not", number=5, file="a.jsonl", line=5)
    cut = pb.AuditFinding(reason="CUT", message="the log ends with entry 9")
    broken = pb.VerifyAuditResponse(first_number=1, last_number=9, files=2, findings=[finding, cut])
    assert verify_page(broken) == [
        "CHANGED: entry 5 is not (a.jsonl, line 5)", "CUT: the log ends with entry 9",
        "NOT INTACT: entries 1 to 9, 2 files",
    ]  # fmt: skip
