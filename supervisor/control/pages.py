"""Lists in pages, and watches that go on where a list ends: the same for fills, copies and events.

The next page begins behind the number of the last row (of accounts: at their count so far). It must not know
what a row is.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message

from krakencopy.account_proc.contract.request_bounds import Violation
from krakencopy.account_proc.runtime.change_signal import ChangeSignal
from krakencopy.supervisor.control.loop_share import take_turn
from krakencopy.supervisor.control.page_tokens import BadPageToken, PageTokens
from krakencopy.supervisor.control.refusals import Context, refuse, refuse_field
from krakencopy.supervisor.journal.interval import Interval, Limited
from krakencopy.v1 import types_pb2

PAGE_DEFAULT, PAGE_MAX = 100, 1_000
#: Larger than the number of any row.
END = 2**62
#: Rows that are looked through at once, some milliseconds in which no fill goes out, and how often for one
#: page: what is left is the next page's.
BATCH, BATCHES_MAX = 100, 100

Row = TypeVar("Row")


def page_size(asked: int) -> int:
    """How many rows a page has; 0 or less asks for the default."""
    return min(asked, PAGE_MAX) if asked > 0 else PAGE_DEFAULT


async def page_start(tokens: PageTokens, request: Any, first: int, context: Context) -> int:
    """Where the page that a request asks for begins: at ``first`` without a token."""
    if not request.page_token:
        return first
    try:
        return tokens.position(request, request.page_token)
    except BadPageToken:
        wrong = Violation("page_token", "was not given out for this question by this server")
        message = f"{wrong}; begin again without one"
        await refuse(context, grpc.StatusCode.INVALID_ARGUMENT, "BAD_PAGE_TOKEN", message, violations=[wrong])


async def interval_of(request: Limited, context: Context) -> Interval:
    """Of when a request asks; refuses one that nothing can be in."""
    interval = Interval.of(request)
    if interval.is_empty:
        words = "is not before until; nothing can be between them"
        await refuse_field(context, "since", words, "BAD_INTERVAL")
    return interval


async def read_page(
    tokens: PageTokens, request: Any, first: int, read: Callable[[int, int], Sequence[Row]],
    number: Callable[[Row], int], context: Context, keep: Callable[[Row], bool] | None = None,
) -> tuple[Sequence[Row], str]:  # fmt: skip
    """A page of rows and the token of the next one, empty at the end. ``read`` gives at most so many (the
    second argument) that follow a number (the first), ``number`` that of a row. ``keep``: which of them are
    asked for; all without it.
    """
    size, start = page_size(request.page_size), await page_start(tokens, request, first, context)
    if keep is not None:
        return await _read_kept(tokens, request, start, read, number, keep)
    rows = read(start, size + 1)
    more, rows = len(rows) > size, rows[:size]
    return rows, tokens.token(request, number(rows[-1])) if more else ""


async def _read_kept(
    tokens: PageTokens, request: Any, start: int, read: Callable[[int, int], Sequence[Row]],
    number: Callable[[Row], int], keep: Callable[[Row], bool],
) -> tuple[Sequence[Row], str]:  # fmt: skip
    """The page that begins behind ``start``; others have their turn while rows are looked through."""
    size = page_size(request.page_size)
    found: list[Row] = []
    for _ in range(BATCHES_MAX):
        rows = read(start, BATCH)
        for row in rows:
            if not keep(row):
                continue
            if len(found) == size:
                return found, tokens.token(request, number(found[-1]))
            found.append(row)
        if len(rows) < BATCH:
            return found, ""
        start = number(rows[-1])
        await asyncio.sleep(0)
    return found, tokens.token(request, start)


async def watch_start(request: Message, field: str, head: int, context: Context) -> int:
    """After which number a watch begins: that of the request's field, or ``head``, the last one."""
    if not request.HasField(field):
        return head
    after = int(getattr(request, field))
    if after > head or after < 0:
        message = f"{field} is {after}, but the last one is {head}"
        await refuse(context, grpc.StatusCode.OUT_OF_RANGE, "AFTER_HEAD", message)
    return after


async def follow(
    after: int, read: Callable[[int, int], Sequence[Row]], number: Callable[[Row], int],
    change_signal: ChangeSignal,
) -> AsyncIterator[Row]:  # fmt: skip
    """Rows after a number, then new ones for ever; ``read`` and ``number`` as in ``read_page``."""
    while True:
        # What changes from here on may not be in what is read.
        seen = change_signal.version
        while rows := read(after, PAGE_DEFAULT):
            for row in rows:
                yield row
            after = number(rows[-1])
            if len(rows) < PAGE_DEFAULT:
                break
        await change_signal.wait(seen)
        # All watches wake at once.
        await take_turn()


def seq_of(row: types_pb2.Fill | types_pb2.Event) -> int:
    """Where a fill or an event stands."""
    return row.seq


def change_of(row: tuple[int, types_pb2.Copy]) -> int:
    """Where a report of a copy stands."""
    return row[0]
