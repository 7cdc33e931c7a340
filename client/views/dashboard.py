"""What `watch` knows and how it looks: changes go in one by one, a page or a line comes out.

Pure: no threads, no terminal, no calls. Sizes of the terminal are passed in.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from google.protobuf.message import Message

from krakencopy.client.views import lines, pages
from krakencopy.client.views import rows as views
from krakencopy.client.views.formats import local_time
from krakencopy.client.views.table import table, wrapped
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns

#: What a change is: the responses of the watches, and an account for which there is no watch.
Change = pb.WatchFillsResponse | pb.WatchCopiesResponse | pb.WatchEventsResponse | pb.GetAccountResponse
#: What they are, for columns that hold for all of them.
CHANGES = tuple(
    kind.DESCRIPTOR
    for kind in (pb.GetAccountResponse, pb.WatchFillsResponse, pb.WatchCopiesResponse, pb.WatchEventsResponse)
)

#: Of fills, copies and events each; fewer where the screen is small, but not less than two.
ROWS_MAX = 8
_ROWS_MIN = 2
#: Of one sentence on a narrow screen.
_LINES_MAX = 4


@dataclass(frozen=True, slots=True)
class _Standing:
    """What of an account is worth a line when it changes. Equity, cursor and nonce move all the time and
    are not.
    """

    state: int
    reason: str
    message: str
    pid: int
    feed_connected: bool

    @classmethod
    def of(cls, account: nouns.Account) -> _Standing:
        return cls(account.state, account.reason, account.message, account.pid, account.feed_connected)


class Board:
    """The latest of everything. ``trouble`` is shown on top while there is any."""

    def __init__(self) -> None:
        self.trouble = ""
        self._status = pb.GetStatusResponse()
        self._standings: dict[str, _Standing] = {}
        self._fills: deque[nouns.Fill] = deque(maxlen=ROWS_MAX)
        self._copies: dict[tuple[str, str], nouns.Copy] = {}
        self._events: deque[nouns.Event] = deque(maxlen=ROWS_MAX)

    def take_status(self, status: pb.GetStatusResponse) -> list[Change]:
        """The status now: gives the accounts that stand differently than before."""
        changed: list[Change] = []
        standings = {}
        for account in status.accounts:
            standing = standings[account.id] = _Standing.of(account)
            if self._standings.get(account.id) != standing:
                changed.append(pb.GetAccountResponse(account=account))
        self._status = status
        self._standings = standings
        return changed

    def take_change(self, change: Change) -> None:
        """One change of a fill, a copy or an event. What is known already changes nothing."""
        match change:
            case pb.WatchFillsResponse():
                if not self._fills or change.fill.seq > self._fills[-1].seq:
                    self._fills.append(change.fill)
            case pb.WatchCopiesResponse():
                key = (change.copy.account_id, change.copy.copy_id)
                self._copies.pop(key, None)  # the latest change stands last
                self._copies[key] = change.copy
                while len(self._copies) > ROWS_MAX:
                    del self._copies[next(iter(self._copies))]
            case pb.WatchEventsResponse():
                if not self._events or change.event.seq > self._events[-1].seq:
                    self._events.append(change.event)
            case _:
                raise AssertionError("accounts come with the status")

    def page(self, width: int, height: int) -> list[str]:
        """The whole board, cut to the terminal's size (columns and lines)."""
        status = self._status
        lines = wrapped(f"!! {self.trouble}", width, _LINES_MAX) if self.trouble else []
        # Why it is not ready, and what is wrong with whom, is never cut off at the end of a line.
        state, *head = pages.status_head(status)
        lines += [*wrapped(state, width, _LINES_MAX), *head]
        for line in pages.cap_warning(status.copies):
            lines += wrapped(line, width, _LINES_MAX)
        lines.append("")
        lines += self._accounts(width, height // 3)
        sections = [
            (columns, rows)
            for columns, rows in (
                (views.fill_columns(), [views.fill_row(fill) for fill in self._fills]),
                (views.copy_columns(), [views.copy_row(copy) for copy in self._copies.values()]),
                (views.event_columns(), [views.event_row(event) for event in self._events]),
            )
            if rows
        ]
        if sections:
            # Each has an empty line and a header besides its rows; the latest rows stand last.
            each = max((height - len(lines)) // len(sections) - 2, _ROWS_MIN)
            for columns, rows in sections:
                lines += ["", *table(columns, rows[-each:], width)]
        return [_cut(line, width) for line in lines[:height]]

    def _accounts(self, width: int, lines_max: int) -> list[str]:
        """The table of accounts. When there are too many for the screen, those that are not RUNNING come
        first.
        """
        accounts = list(self._status.accounts)
        rows_max = max(lines_max, ROWS_MAX)
        hidden = len(accounts) - rows_max
        if hidden > 0:
            accounts.sort(key=lambda account: account.state == nouns.ACCOUNT_STATE_RUNNING)
            accounts = accounts[:rows_max]
        lines = table(views.account_columns(), [views.account_row(account) for account in accounts], width)
        if hidden > 0:
            lines.append(f"... and {hidden} more accounts")
        for note in views.account_notes(accounts):
            lines += wrapped(note, width, _LINES_MAX)
        return lines


def _cut(line: str, width: int) -> str:
    return line if len(line) <= width else f"{line[: width - 1]}…"


def change_line(change: Message) -> str:
    """One change in a sentence."""
    match change:
        case pb.WatchFillsResponse():
            return lines.fill_line(change.fill)
        case pb.WatchCopiesResponse():
            return lines.copy_line(change.copy)
        case pb.WatchEventsResponse():
            return lines.event_line(change.event)
        case pb.GetAccountResponse():
            account = change.account
            name = views.marked(account.id, is_shadow=account.shadow)
            return f"{local_time(account.since)}  account {name}: {views.standing(account)}"
        case _:
            raise AssertionError(f"{type(change).__name__} is no change")
