"""`watch`: follows everything at once. Three threads read the watches into one queue; the caller's thread
shows.

There is no watch for accounts: their status is asked after each event and every two seconds, which also
notices a supervisor that is frozen and says nothing.
"""

from __future__ import annotations

import contextlib
import queue
import shutil
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, Self

from krakencopy.client.cli.output import Output
from krakencopy.client.cli.stderr import complain
from krakencopy.client.sdk.errors import PositionGone, TimedOut, Unavailable
from krakencopy.client.sdk.timeouts import PATIENCE_S
from krakencopy.client.views.dashboard import CHANGES, ROWS_MAX, Board, Change, change_line
from krakencopy.client.views.formats import plain
from krakencopy.v1 import control_pb2 as pb

if TYPE_CHECKING:
    from krakencopy.client.sdk.message_client import MessageClient
    from krakencopy.client.sdk.watch_stream import Watch

_REFRESH_S = 2.0
#: A burst of changes is drawn once: more pages a second than this nobody can read.
_DRAW_INTERVAL_S = 0.1
#: Readers stop reading when the terminal is this far behind; the server keeps what they have not read.
_QUEUE_MAX = 1000

_HOME = "\x1b[H"
_CLEAR = "\x1b[2J"
_CLEAR_LINE = "\x1b[K"
_CLEAR_BELOW = "\x1b[J"
_HIDE_CURSOR = "\x1b[?25l"
_SHOW_CURSOR = "\x1b[?25h"


class _Feed:
    """All watches in one queue. An error of any of them arrives as an item."""

    def __init__(self, supervisor: MessageClient, heads: tuple[int, int, int]) -> None:
        """``heads``: the fill, the change and the event behind which it begins."""
        seq, change, event = heads
        self.queue: queue.Queue[Change | Exception] = queue.Queue(_QUEUE_MAX)
        self._watches: list[Watch[Any, Any]] = []
        self._threads: list[threading.Thread] = []
        self._error: Exception | None = None
        self._follow(supervisor.watch_fills(seq), lambda fill: pb.WatchFillsResponse(fill=fill))
        self._follow(supervisor.watch_copies(change), lambda change: change)
        self._follow(supervisor.watch_events(event), lambda event: pb.WatchEventsResponse(event=event))

    def _follow(self, watch: Watch[Any, Any], wrap: Callable[..., Change]) -> None:
        def read() -> None:
            try:
                for item in watch:
                    self.queue.put(wrap(item))
            except Exception as error:  # noqa: BLE001 - shown by the thread that shows
                self.queue.put(error)

        self._watches.append(watch)
        self._threads.append(threading.Thread(target=read, name="krakencopy-watch", daemon=True))
        self._threads[-1].start()

    def waiting(self, limit_s: float) -> list[Change]:
        """The changes that wait, after waiting for the first one at most so long. Raises a watch's error,
        behind what came before.
        """
        changes: list[Change] = []
        with contextlib.suppress(queue.Empty):
            while self._error is None and len(changes) < _QUEUE_MAX:
                item = self.queue.get_nowait() if changes else self.queue.get(timeout=limit_s)
                if isinstance(item, Exception):
                    self._error = item
                else:
                    changes.append(item)
        if self._error is not None and not changes:
            raise self._error
        return changes

    def close(self) -> None:
        """End the watches and their threads, which may stand before a full queue."""
        for watch in self._watches:
            watch.close()
        for thread in self._threads:
            while thread.is_alive():
                with contextlib.suppress(queue.Empty):
                    self.queue.get_nowait()
                thread.join(0.01)


class _Page:
    """Shows the board on a terminal."""

    def __init__(self, out: Output) -> None:
        self._out = out

    def __enter__(self) -> Self:
        self._out.stream.write(_HIDE_CURSOR + _CLEAR)
        return self

    def __exit__(self, *_exc: object) -> None:
        self._out.stream.write(_SHOW_CURSOR)
        self._out.stream.flush()

    def show(self, board: Board, _changes: Iterable[Change]) -> None:
        """Draw the page over the one before."""
        size = shutil.get_terminal_size()
        lines = board.page(size.columns, size.lines - 1)
        self._out.stream.write(
            _HOME
            + "".join(f"{self._out.painted(plain(line))}{_CLEAR_LINE}\n" for line in lines)
            + _CLEAR_BELOW
        )
        self._out.stream.flush()
        time.sleep(_DRAW_INTERVAL_S)

    def note(self, _text: str) -> None:
        """The page is drawn anew, which says it."""


class _Lines:
    """Shows each change by itself, for pipes, files and programs."""

    def __init__(self, out: Output) -> None:
        self._out = out
        self._trouble = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        pass

    def show(self, board: Board, changes: Iterable[Change]) -> None:
        """Write the changes; trouble goes to standard error once."""
        if board.trouble and board.trouble != self._trouble:
            complain(board.trouble)
        self._trouble = board.trouble
        if self._out.as_data:
            self._out.messages(changes, kinds=CHANGES)
        else:
            self._out.lines(change_line(change) for change in changes)

    def note(self, text: str) -> None:
        """For people and programs alike: on standard error."""
        complain(text)


class _AnotherJournal(Exception):
    """The supervisor has another journal than before: a new state folder, or a new paper exchange."""


@dataclass(frozen=True, slots=True)
class _Run:
    """One run of a supervisor; those on one journal are numbered from 1."""

    number: int
    began_ns: int

    @classmethod
    def of(cls, status: pb.GetStatusResponse) -> Self:
        return cls(status.epoch, status.started_at.ToNanoseconds())

    def may_follow(self, earlier: _Run) -> bool:
        """Whether it has the journal of the earlier one."""
        return self == earlier or self.number > earlier.number


def watch_all(supervisor: MessageClient, out: Output) -> None:
    """Show all changes until interrupted. A page on a terminal waits for a supervisor that is away for as
    long as it is; lines end with Unavailable. Raises what else ends a watch.
    """
    is_page = out.stream.isatty() and not out.as_data
    status = supervisor.get_status()
    heads = _heads(status)
    with _Page(out) if is_page else _Lines(out) as shown:
        while True:
            board = Board()
            try:
                _show_run(supervisor, board, shown, status, heads)
            except (_AnotherJournal, PositionGone) as error:
                began, status = _Run.of(status), supervisor.get_status()
                if isinstance(error, PositionGone) and _Run.of(status) == began:
                    raise  # nothing has begun anew
                is_new = not _Run.of(status).may_follow(began)
                heads = (0, 0, 0) if is_new else _heads(status)
                shown.note("the supervisor has begun another journal; what follows is from there")
            except (Unavailable, TimedOut):
                if not is_page:
                    raise
                status = _wait_for_answer(supervisor, board, shown)
                heads = _heads(status)


def _heads(status: pb.GetStatusResponse) -> tuple[int, int, int]:
    """The last fill, change and event: watches go on behind them."""
    return status.head_seq, status.head_change, status.head_event


def _show_run(
    supervisor: MessageClient, board: Board, shown: _Page | _Lines, status: pb.GetStatusResponse,
    heads: tuple[int, int, int],
) -> NoReturn:  # fmt: skip
    """Show what changes behind ``heads``, as long as the supervisor answers and keeps its journal."""
    changes = board.take_status(status)
    if isinstance(shown, _Page):
        for change in _latest(supervisor):
            board.take_change(change)
    feed = _Feed(supervisor, heads)
    try:
        _go_on(supervisor, feed, board, lambda new: shown.show(board, new), changes, _Run.of(status))
    finally:
        feed.close()


def _wait_for_answer(supervisor: MessageClient, board: Board, shown: _Page | _Lines) -> pb.GetStatusResponse:
    """The supervisor's status, once it answers again."""
    while True:
        try:
            return supervisor.get_status()
        except (Unavailable, TimedOut) as error:
            board.trouble = f"{error.message}; trying again"
        shown.show(board, ())
        time.sleep(_REFRESH_S)


def _latest(supervisor: MessageClient) -> list[Change]:
    """What the page begins with, oldest first."""
    fills = list(supervisor.list_fills(limit=ROWS_MAX))
    copies = list(supervisor.list_copies(limit=ROWS_MAX))
    events = list(supervisor.list_events(limit=ROWS_MAX))
    return [
        *(pb.WatchFillsResponse(fill=fill) for fill in reversed(fills)),
        *(pb.WatchCopiesResponse(copy=copy) for copy in reversed(copies)),
        *(pb.WatchEventsResponse(event=event) for event in reversed(events)),
    ]


def _go_on(
    supervisor: MessageClient,
    feed: _Feed,
    board: Board,
    show: Callable[[list[Change]], None],
    changes: list[Change],
    run: _Run,
) -> NoReturn:
    answered_at = asked_at = time.monotonic()
    while True:
        show(changes)
        changes = feed.waiting(max(asked_at + _REFRESH_S - time.monotonic(), 0.0))
        for change in changes:
            board.take_change(change)
        now = time.monotonic()
        has_event = any(isinstance(change, pb.WatchEventsResponse) for change in changes)
        if not has_event and now - asked_at < _REFRESH_S:
            continue
        asked_at = now
        try:
            status = supervisor.get_status()
        except (Unavailable, TimedOut):
            if now - answered_at > PATIENCE_S:
                raise
            board.trouble = f"no answer from {supervisor.endpoint}; trying again"
        else:
            if not _Run.of(status).may_follow(run):
                raise _AnotherJournal
            run = _Run.of(status)
            changes += board.take_status(status)
            answered_at = now
            board.trouble = ""
