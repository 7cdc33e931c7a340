"""Who reads the audit log, over ControlService: entries in pages, entries as they come, and whether the log
is what was written.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, NoReturn

import grpc

from krakencopy.supervisor.audit.chain import Kind, is_unchanged, read_line
from krakencopy.supervisor.audit.log import AuditLog
from krakencopy.supervisor.control.audit_notes import ALL
from krakencopy.supervisor.control.loop_share import take_turn
from krakencopy.supervisor.control.page_tokens import PageTokens
from krakencopy.supervisor.control.pages import (
    BATCH,
    BATCHES_MAX,
    END,
    interval_of,
    page_size,
    page_start,
    watch_start,
)
from krakencopy.supervisor.control.refusals import Context, refuse
from krakencopy.v1 import audit_pb2 as pb
from krakencopy.v1 import control_pb2_grpc

_KINDS = {
    Kind.FILE: pb.AUDIT_KIND_FILE,
    Kind.BEGAN: pb.AUDIT_KIND_BEGAN,
    Kind.ENDED: pb.AUDIT_KIND_ENDED,
}
#: Texts of an entry: by their name in a line.
_TEXTS = {
    "call": "method", "who": "principal", "role": "role", "from": "origin", "request_id": "request_id",
    "by": "by", "why": "why", "outcome": "outcome", "reason": "reason", "message": "message", "hash": "hash",
}  # fmt: skip


class AuditCalls(control_pb2_grpc.ControlServiceServicer):
    """A part of ControlServicer."""

    def __init__(self, audit: AuditLog, page_tokens: PageTokens) -> None:
        self._audit_log = audit
        self._audit_pages = page_tokens

    async def ListAuditEntries(
        self, request: pb.ListAuditEntriesRequest, context: Context
    ) -> pb.ListAuditEntriesResponse:
        """Calls, the latest first."""
        interval = await interval_of(request, context)
        size = page_size(request.page_size)
        start = await page_start(self._audit_pages, request, END, context)
        answer, running = pb.ListAuditEntriesResponse(), self._audit_log.running()
        for _ in range(BATCHES_MAX):
            rows = await self._read_before(start, BATCH, context)
            for number, line in rows:
                entry = entry_of(number, line)
                is_asked_for = _matches(request, entry, running) and interval.holds(entry.at)
                if is_asked_for and len(answer.entries) == size:
                    answer.next_page_token = self._audit_pages.token(request, answer.entries[-1].number)
                    return answer
                if is_asked_for:
                    answer.entries.append(entry)
            if len(rows) < BATCH:
                return answer
            start = rows[-1][0]
            await take_turn()
        answer.next_page_token = self._audit_pages.token(request, start)
        return answer

    async def _read_before(self, number: int, most: int, context: Context) -> list[tuple[int, bytes]]:
        await self._audit_log.opened()
        try:
            return await self._audit_log.before(number, most)
        except OSError as error:
            await _refuse_unreadable(error, context)

    async def WatchAudit(
        self, request: pb.WatchAuditRequest, context: Context
    ) -> AsyncIterator[pb.WatchAuditResponse]:
        """Entries behind a number, then new ones."""
        audit = self._audit_log
        await audit.opened()
        after = await watch_start(request, "after_number", audit.number, context)
        while True:
            seen = audit.change_signal.version
            while True:
                try:
                    rows = await audit.after(after, BATCH)
                except OSError as error:
                    await _refuse_unreadable(error, context)
                for number, line in rows:
                    entry = entry_of(number, line)
                    if request.with_lines:
                        entry.line = line.decode(errors="replace")
                    yield pb.WatchAuditResponse(entry=entry)
                    after = number
                if not rows:
                    break
            await audit.change_signal.wait(seen)
            await take_turn()

    async def VerifyAudit(self, request: pb.VerifyAuditRequest, context: Context) -> pb.VerifyAuditResponse:
        """Whether the log is what was written."""
        audit = self._audit_log
        await audit.opened()
        recorded = audit.recorded_number
        try:
            verdict = await audit.verify([request.head] if request.head else [])
        except OSError as error:
            await _refuse_unreadable(error, context)
        findings = [
            pb.AuditFinding(
                reason=each.why, message=each.message, number=each.number, file=each.file, line=each.line
            )
            for each in verdict.findings
        ]
        return pb.VerifyAuditResponse(
            intact=verdict.intact, first_number=verdict.first, last_number=verdict.last, head=verdict.hash,
            files=verdict.files, recorded_number=recorded, findings=findings,
        )  # fmt: skip


async def _refuse_unreadable(error: OSError, context: Context) -> NoReturn:
    words = f"the audit log cannot be read ({error})"
    await refuse(context, grpc.StatusCode.UNAVAILABLE, "AUDIT_NOT_READABLE", words)


def _matches(request: pb.ListAuditEntriesRequest, entry: pb.AuditEntry, running: set[int]) -> bool:
    """Whether an entry is asked for. ``running``: calls that began and have no outcome yet."""
    if not request.each_entry:
        is_over = entry.kind == pb.AUDIT_KIND_BEGAN and entry.number not in running
        if is_over or (entry.kind == pb.AUDIT_KIND_FILE and not entry.message):
            return False
    return (
        request.principal in {"", entry.principal}
        and request.method in {"", entry.method}
        and (not request.account_id or bool({request.account_id, ALL} & set(entry.account_ids)))
    )


def entry_of(number: int, line: bytes) -> pb.AuditEntry:
    """An entry as the API has it."""
    said = read_line(line)
    if said is None or not is_unchanged(line, said):
        words = "this line is not what was written; `krakencopy audit verify` shows more"
        return pb.AuditEntry(number=number, kind=pb.AUDIT_KIND_UNREADABLE, message=words)
    texts: dict[str, Any] = {name: str(said[key]) for key, name in _TEXTS.items() if key in said}
    kind = _KINDS.get(said["kind"], pb.AUDIT_KIND_UNSPECIFIED)
    entry = pb.AuditEntry(
        number=number, kind=kind, account_ids=said.get("accounts", ()), dry_run=said.get("dry_run", False),
        repeats=said.get("repeats", 0), before=said.get("before"), after=said.get("after"),
        began=number if kind == pb.AUDIT_KIND_BEGAN else said.get("began", 0), **texts,
    )  # fmt: skip
    entry.at.FromDatetime(datetime.fromisoformat(said["at"]))
    if "asked" in said:
        entry.asked = json.dumps(said["asked"])
    if "took_ms" in said:
        entry.took.FromMicroseconds(round(said["took_ms"] * 1_000))
    if broken := said.get("broken"):
        entry.message = f"a new chain begins, as the log was broken: {broken}"
    return entry
