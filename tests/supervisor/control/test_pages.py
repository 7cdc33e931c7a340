"""Pages of a list follow each other without a gap, and a watch misses nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, NoReturn, cast

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.runtime.change_signal import ChangeSignal
from krakencopy.supervisor.control import pages
from krakencopy.supervisor.control.page_tokens import PageTokens
from krakencopy.supervisor.control.pages import (
    BATCH,
    PAGE_DEFAULT,
    PAGE_MAX,
    follow,
    interval_of,
    page_size,
    page_start,
    read_page,
    watch_start,
)
from krakencopy.supervisor.control.refusals import Context
from krakencopy.supervisor.journal.late_signal import LateSignal
from krakencopy.v1 import control_pb2 as pb
from tests.support.front import until


class Refused(Exception):
    """As gRPC ends the call."""


class RefusingContext:
    async def abort_with_status(self, status: Any) -> NoReturn:
        raise Refused(status.details)


CONTEXT = cast("Context", RefusingContext())
TOKENS = PageTokens("a journal")


def itself(row: int) -> int:
    return row


@given(st.integers(0, 30), st.integers(1, 7))
def test_pages_have_every_row_once(rows: int, size: int) -> None:
    def read(after: int, most: int) -> Sequence[int]:
        return list(range(after + 1, rows + 1))[:most]

    async def all_pages() -> list[int]:
        found: list[int] = []
        token = ""
        while True:
            request = pb.ListFillsRequest(page_size=size, page_token=token)
            page, token = await read_page(TOKENS, request, 0, read, itself, CONTEXT)
            assert len(page) <= size
            found += page
            if not token:
                return found

    assert asyncio.run(all_pages()) == list(range(1, rows + 1))


@given(st.integers(0, 700), st.integers(1, 90), st.integers(1, 400))
def test_pages_of_what_is_asked_for_have_each_of_it_once(rows: int, size: int, every: int) -> None:
    def read(after: int, most: int) -> Sequence[int]:
        return list(range(after + 1, rows + 1))[:most]

    async def all_pages() -> list[int]:
        found: list[int] = []
        token = ""
        while True:
            request = pb.ListFillsRequest(page_size=size, page_token=token)
            page, token = await read_page(
                TOKENS, request, 0, read, itself, CONTEXT, lambda row: not row % every
            )
            assert len(page) <= size
            found += page
            if not token:
                return found

    assert asyncio.run(all_pages()) == [row for row in range(1, rows + 1) if not row % every]


def test_a_page_looks_through_so_many_rows_and_the_next_one_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "BATCHES_MAX", 2)
    read_rows: list[int] = []

    def read(after: int, most: int) -> Sequence[int]:
        rows = list(range(after + 1, after + 1 + most))
        read_rows.extend(rows)
        return rows

    request = pb.ListFillsRequest()
    page, token = asyncio.run(
        read_page(TOKENS, request, 0, read, itself, CONTEXT, lambda row: row > 3 * BATCH)
    )
    assert list(page) == []
    assert read_rows[-1] == 2 * BATCH
    request.page_token = token
    page, _ = asyncio.run(read_page(TOKENS, request, 0, read, itself, CONTEXT, lambda row: row > 3 * BATCH))
    assert list(page) == list(range(3 * BATCH + 1, 4 * BATCH + 1))


def test_a_token_holds_for_its_interval_only() -> None:
    request = pb.ListFillsRequest(since=Timestamp(seconds=5))
    request.page_token = TOKENS.token(request, 7)
    assert asyncio.run(page_start(TOKENS, request, 0, CONTEXT)) == 7
    request.since.nanos = 1
    with pytest.raises(Refused, match="begin again without one"):
        asyncio.run(page_start(TOKENS, request, 0, CONTEXT))


def test_an_interval_that_nothing_can_be_in_is_refused() -> None:
    request = pb.ListFillsRequest(since=Timestamp(seconds=5), until=Timestamp(seconds=6))
    assert asyncio.run(interval_of(request, CONTEXT)).holds(Timestamp(seconds=5))
    request.until.seconds = 5
    with pytest.raises(Refused, match="since is not before until"):
        asyncio.run(interval_of(request, CONTEXT))


@pytest.mark.parametrize(
    ("asked", "size"), [(0, PAGE_DEFAULT), (-1, PAGE_DEFAULT), (7, 7), (10**9, PAGE_MAX)]
)
def test_how_large_a_page_is(asked: int, size: int) -> None:
    assert page_size(asked) == size


@pytest.mark.parametrize("token", ["x", "1", TOKENS.token(pb.ListFillsRequest(pair="ETH/USD"), 5)])
def test_a_token_that_was_not_given_out_for_the_question_is_refused(token: str) -> None:
    with pytest.raises(Refused, match="begin again without one"):
        asyncio.run(page_start(TOKENS, pb.ListFillsRequest(page_token=token), 0, CONTEXT))


def test_a_watch_begins_where_it_is_asked_to_and_never_after_the_end() -> None:
    assert asyncio.run(watch_start(pb.WatchFillsRequest(), "after_seq", 5, CONTEXT)) == 5
    assert asyncio.run(watch_start(pb.WatchFillsRequest(after_seq=0), "after_seq", 5, CONTEXT)) == 0
    for after in (6, -1):
        with pytest.raises(Refused, match="the last one is 5"):
            asyncio.run(watch_start(pb.WatchFillsRequest(after_seq=after), "after_seq", 5, CONTEXT))


def test_a_watch_goes_on_with_what_is_new() -> None:
    async def play() -> None:
        rows, change_signal = list(range(1, 2 * PAGE_DEFAULT + 2)), ChangeSignal()
        watch = follow(0, lambda after, most: rows[after:][:most], itself, change_signal)
        assert [await anext(watch) for _ in list(rows)] == rows
        following = asyncio.ensure_future(anext(watch))
        await asyncio.sleep(0)
        rows.append(rows[-1] + 1)
        change_signal.notify()
        assert await asyncio.wait_for(following, 10) == rows[-1]

    asyncio.run(play())


@given(
    st.lists(st.one_of(st.integers(0, 250), st.sampled_from(["turn", "watch", "die"])), max_size=30),
    st.lists(st.integers(0, 300), min_size=1, max_size=5),
)
def test_many_watches_have_each_row_once_and_in_order_wherever_they_begin(
    steps: list[int | str], starts: list[int]
) -> None:
    """Rows come in between their turns; some begin later, one is slow, some end."""

    async def play() -> None:
        rows, change_signal = list(range(1, 301)), LateSignal(0)
        seen: list[tuple[int, list[int]]] = []
        watches: list[asyncio.Task[None]] = []

        async def watch(after: int, found: list[int], *, is_slow: bool) -> None:
            async for row in follow(
                after, lambda start, most: rows[start : start + most], itself, change_signal
            ):
                found.append(row)
                if is_slow:
                    await asyncio.sleep(0)

        def begin(number: int) -> None:
            seen.append((starts[number % len(starts)], []))
            watches.append(asyncio.create_task(watch(*seen[-1], is_slow=number % 3 == 0)))

        for number in range(len(starts)):
            begin(number)
        ended: set[int] = set()
        for number, step in enumerate(steps):
            if step == "watch":
                begin(number)
            elif step == "die":
                ended.add(number % len(watches))
                watches[number % len(watches)].cancel()
            elif isinstance(step, int):
                rows.extend(range(len(rows) + 1, len(rows) + 1 + step))
                change_signal.notify()
            await asyncio.sleep(0)

        def is_whole(number: int) -> bool:
            after, found = seen[number]
            return number in ended or found == rows[after:]

        await asyncio.sleep(0)
        await until("every row at every watch", lambda: all(map(is_whole, range(len(watches)))))
        for task in watches:
            task.cancel()
        await asyncio.wait(watches)
        for after, found in seen:
            assert found == rows[after:][: len(found)]

    asyncio.run(play())
