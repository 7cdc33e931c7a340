"""The audit log as the loop uses it: entries are handed over and written by a thread, in their order, those
that come together with one disk write.

A call may wait until its beginning is durable, and is refused where that cannot be; or it goes on, and its
entries follow when they can be written. Where the log ends is also kept in the journal, when no fills come,
so that a log that was cut or replaced is found. It must not know what a call is about.
"""

from __future__ import annotations

import asyncio
import errno
import logging
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from krakencopy.account_proc.runtime.disk_room import room_words
from krakencopy.supervisor.audit.audit_events import AuditEvents
from krakencopy.supervisor.audit.chain import Finding, Head, Kind, Why
from krakencopy.supervisor.audit.files import AuditFiles, Draft, Opened, now_text
from krakencopy.supervisor.audit.kept_head import KeptHead
from krakencopy.supervisor.audit.verification import Verdict, verify
from krakencopy.supervisor.journal.event_log import EventLog
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.journal.journal_file import JournalFault
from krakencopy.supervisor.journal.late_signal import LateSignal

log = logging.getLogger(__name__)

#: A call waits so long for its beginning to be written, in seconds; then it is refused.
BEGIN_MAX_S = 10.0
#: Between two tries to write what could not be written, in seconds.
RETRY_S = 1.0
#: Entries that wait to be written at most: those of thousands of calls that do not wait for it.
WAITING_MAX = 10_000
#: Written together at most.
BATCH_MAX = 200
#: Where the log ends is kept so long after an entry, in seconds, and at the latest so long after it where
#: fills never cease.
HEAD_PAUSE_S, HEAD_MAX_S = 1.0, 30.0
#: What waits at the end of a run has so long, in seconds.
CLOSE_S = 2.0
#: Beginnings that are remembered, by which a request that is repeated is known.
CALLS_MAX = 10_000
#: Of a call whose process ended before its outcome was known.
UNKNOWN, PROCESS_ENDED = "UNKNOWN", "PROCESS_ENDED"
#: What an entry that ends a call repeats of the one with which it began.
REPEATED = (
    "call",
    "who",
    "role",
    "owns",
    "from",
    "request_id",
    "accounts",
    "by",
    "why",
    "dry_run",
    "repeats",
)
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


#: An entry, and who waits for it, if anybody does.
Waiting = tuple[Draft, asyncio.Future[None] | None]


class AuditNotWritten(Exception):
    """The beginning of a call could not be written: it is not carried out. ``str``: why, for people;
    ``is_full``: whether for want of room.
    """

    def __init__(self, words: str, *, is_full: bool = False) -> None:
        self.is_full = is_full
        super().__init__(words)


class AuditLog:
    """Of one supervisor."""

    def __init__(
        self, folder: Path, journal: Journal, events: EventLog, *, on_failure: Callable[[JournalFault], None],
        is_quiet: Callable[[], bool],
    ) -> None:  # fmt: skip
        """``on_failure``: called where the journal cannot keep the head; ``is_quiet``: whether there is time
        for a write of the journal.
        """
        self._files = AuditFiles(folder)
        self._kept = KeptHead(journal, on_failure)
        self._events = AuditEvents(events, on_failure)
        self._is_quiet = is_quiet
        self._thread = ThreadPoolExecutor(1, "audit")
        self._opened = asyncio.Event()
        self._has_work = asyncio.Event()
        #: Nothing waits that could be written.
        self._idle = asyncio.Event()
        self._waiting: deque[Waiting] = deque()
        #: Calls that have begun, by the draft of their beginning.
        self._running: set[Draft] = set()
        self._calls: OrderedDict[tuple[str, ...], Draft] = OrderedDict()
        self._written_at = 0.0
        self._tasks: set[asyncio.Task[Any]] = set()
        #: For those who show entries.
        self.change_signal = LateSignal()

    # -- its life -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Opens it, beside whatever else begins."""
        for work in (self._keep(), self._check_all()):
            task = asyncio.get_running_loop().create_task(work)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def opened(self) -> None:
        """Returns when it may be read."""
        await self._opened.wait()

    @property
    def number(self) -> int:
        """The last entry."""
        return self._files.number

    @property
    def recorded_number(self) -> int:
        """The entry up to which the journal knows the log."""
        return 0 if self._kept.head is None else self._kept.head.number

    def running(self) -> set[int]:
        """Calls that have begun and have no outcome, by the entry of their beginning."""
        return {draft.number for draft in self._running}

    async def close(self) -> None:
        """Lets what waits be written, and keeps where it ends."""
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await self._opened.wait()
                self._has_work.set()
                await self._idle.wait()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._opened.is_set():
            self._put_head(closed=not self._waiting and not self._running)
        self._thread.shutdown(wait=False)
        if not self._waiting:
            self._files.close()

    # -- calls ----------------------------------------------------------------------------------------------

    async def begin(self, fields: dict[str, Any], key: tuple[str, ...], *, waits: bool) -> Draft:
        """A call is about to be carried out; ``key``: by which a repeated one is known, empty for none.
        ``waits``: returns when that is durable, and raises AuditNotWritten where it cannot be; without it
        there is no pause.
        """
        draft = Draft({"at": now_text(), "kind": Kind.BEGAN, **fields})
        known = self._calls.get(key) if key else None
        if known is not None:
            draft.refers["repeats"] = known
        if not waits:
            self._put(draft, None)
        else:
            await self._put_and_wait(draft)
        if key and known is None:
            self._remember_call(key, draft)
        self._running.add(draft)
        return draft

    def end(self, draft: Draft, fields: dict[str, Any]) -> None:
        """What came of a call."""
        self._running.discard(draft)
        again = {name: draft.fields[name] for name in REPEATED if name in draft.fields}
        refers = {"began": draft} | {
            name: draft.refers[name] for name in ("repeats",) if name in draft.refers
        }
        self._put(Draft({"at": now_text(), "kind": Kind.ENDED, **again, **fields}, refers), None)

    async def _put_and_wait(self, draft: Draft) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._put(draft, future)
        try:
            async with asyncio.timeout(BEGIN_MAX_S):
                await future
        except AuditNotWritten:
            self._events.refused += 1
            raise
        except (TimeoutError, asyncio.CancelledError) as error:
            # It may be on its way to the disk: it is written that nothing came of it.
            is_late = isinstance(error, TimeoutError)
            words = "nothing was done: " + ("the disk did not answer" if is_late else "the client was gone")
            self.end(draft, {"outcome": "UNAVAILABLE" if is_late else "CANCELLED", "message": words})
            if not is_late:
                raise
            raise AuditNotWritten(
                f"{self._files.folder}: the disk has not answered for {BEGIN_MAX_S:g} s"
            ) from None

    def _put(self, draft: Draft, future: asyncio.Future[None] | None) -> None:
        if len(self._waiting) >= WAITING_MAX:
            self._events.lost += 1
            if future is not None:
                future.set_exception(
                    AuditNotWritten(self._events.trouble or "too many entries wait for the disk")
                )
            return
        self._waiting.append((draft, future))
        self._idle.clear()
        self._has_work.set()

    def _remember_call(self, key: tuple[str, ...], draft: Draft) -> None:
        self._calls[key] = draft
        while len(self._calls) > CALLS_MAX:
            self._calls.popitem(last=False)

    # -- writing --------------------------------------------------------------------------------------------

    async def _keep(self) -> None:
        while not self._opened.is_set():
            if await self._open():
                self._opened.set()
            else:
                await asyncio.sleep(RETRY_S)
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(RETRY_S if self._is_due() else None):
                    await self._has_work.wait()
            self._has_work.clear()
            while self._waiting and await self._write():
                pass
            self._idle.set()
            self._events.record_due()
            self._keep_head()

    def _is_due(self) -> bool:
        """Whether there is something to do by itself."""
        return bool(self._waiting or self._events.is_behind or self._events.trouble) or self._is_behind()

    async def _open(self) -> bool:
        """Whether it could be."""
        head = self._kept.read()
        try:
            opened = await self._in_thread(self._files.open, head)
        except OSError as error:
            self._refuse(list(self._waiting), self._fail(error))
            return False
        self._take_opened(opened)
        self._events.record_written()
        self._put_head(closed=False)
        return True

    def _take_opened(self, opened: Opened) -> None:
        if opened.findings:
            self._events.record_broken(opened.findings)
            self._files.broken = ""
        if opened.repaired:
            self._events.record_repaired(opened.repaired)
        for entry in opened.calls[-CALLS_MAX:]:
            key = (str(entry.get("call")), str(entry.get("sha256")))
            if entry.get("request_id") and key not in self._calls:
                self._remember_call(key, Draft(entry, number=entry["n"]))
        cut_off = list(opened.open_calls.values())
        for entry in cut_off:
            words = "the supervisor ended before its outcome was known: it may have been carried out, or not"
            fields = {"outcome": UNKNOWN, "reason": PROCESS_ENDED, "message": words}
            self.end(Draft(entry, number=entry["n"]), fields)
        if cut_off:
            self._events.record_cut_off(cut_off)

    async def _write(self) -> bool:
        """Writes what waits; whether it could be."""
        batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), BATCH_MAX))]
        carried = [{"n": draft.number, **_carried(draft)} for draft in self._running if draft.number]
        try:
            await self._in_thread(self._files.append, [draft for draft, _ in batch], carried)
        except OSError as error:
            self._refuse([*batch, *self._waiting], self._fail(error))
            return False
        except asyncio.CancelledError:
            self._waiting.extendleft(reversed(batch))
            raise
        for _, future in batch:
            if future is not None and not future.done():
                future.set_result(None)
        self._written_at = asyncio.get_running_loop().time()
        if self._files.broken:
            self._events.record_broken([Finding(Why.CHANGED, self._files.broken)])
            self._files.broken = ""
        self._events.record_written()
        self.change_signal.notify()
        return True

    def _refuse(self, entries: Sequence[Waiting], error: AuditNotWritten) -> None:
        """They could not be written: who waits is refused, the others' are written later."""
        for _, future in entries:
            if future is not None and not future.done():
                future.set_exception(error)
        kept = [(draft, None) for draft, future in entries if future is None or future.cancelled()]
        self._waiting = deque(kept)

    async def _in_thread(self, work: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    def _fail(self, error: OSError) -> AuditNotWritten:
        """It cannot be written; with what those who wait are refused."""
        folder = self._files.folder
        words = f"{folder} cannot be written: {error.strerror or error}"
        if error.errno in _NO_ROOM:
            with suppress(OSError):
                words = room_words(folder.parent)
        self._events.record_trouble(words)
        return AuditNotWritten(words, is_full=error.errno in _NO_ROOM)

    # -- where it ends --------------------------------------------------------------------------------------

    def _is_behind(self) -> bool:
        return self._opened.is_set() and self.recorded_number != self._files.number

    def _keep_head(self) -> None:
        if not self._is_behind():
            return
        age_s = asyncio.get_running_loop().time() - self._written_at
        if age_s > HEAD_MAX_S or (age_s >= HEAD_PAUSE_S and self._is_quiet()):
            self._put_head(closed=False)

    def _put_head(self, *, closed: bool) -> None:
        self._kept.put(Head(self._files.number, self._files.hash, closed))

    # -- reading --------------------------------------------------------------------------------------------

    async def after(self, number: int, most: int) -> list[tuple[int, bytes]]:
        """Entries behind a number, in their order, each with its line. Raises OSError."""
        found: list[tuple[int, bytes]] = await self._in_thread(self._files.after, number, most)
        return found

    async def before(self, number: int, most: int) -> list[tuple[int, bytes]]:
        """Entries before a number, the latest first, each with its line. Raises OSError."""
        found: list[tuple[int, bytes]] = await self._in_thread(self._files.before, number, most)
        return found

    async def verify(self, sought: Sequence[str] = ()) -> Verdict:
        """Holds all that is written against itself and what the journal knows. Raises OSError."""
        head = self._kept.head
        files = await self._in_thread(self._files.files)
        return await asyncio.to_thread(verify, files, head, sought, is_whole=True, gently=True)

    async def _check_all(self) -> None:
        """Files before the last one, which was looked at when it was opened."""
        await self._opened.wait()
        try:
            if len(await self._in_thread(self._files.files)) == 1:
                return
            found = (await self.verify()).findings
        except OSError as error:
            log.warning("the audit log could not be read: %s", error)
            return
        if unknown := not_known_yet(found):
            self._events.record_broken(unknown)


def not_known_yet(findings: Sequence[Finding]) -> list[Finding]:
    """Those that no new chain names already, which is begun in the next file."""
    last = max((index for index, each in enumerate(findings) if each.why is Why.NEW_CHAIN), default=-1)
    return [each for each in findings[last + 1 :] if each.why is not Why.HALF_WRITTEN]


def _carried(draft: Draft) -> dict[str, Any]:
    return {name: draft.fields[name] for name in REPEATED if name in draft.fields}
