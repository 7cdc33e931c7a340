"""Fills that wait together travel together, and nothing changes places."""

from __future__ import annotations

import pytest

from krakencopy.account_proc.master import fill_queue as fill_queue_module
from krakencopy.account_proc.master.fill_queue import FillQueue, Item, Part
from krakencopy.v1 import account_pb2 as account_pb
from krakencopy.v1 import types_pb2 as pb
from tests.support.scripted_kraken import run

ONE, TWO, THREE = (pb.Fill(exec_id=name) for name in ("E1", "E2", "E3"))
CAUGHT_UP = account_pb.CaughtUp(from_history=2)


def filled(*items: Item) -> FillQueue:
    queue = FillQueue()
    for item in items:
        queue.put_item(item)
    return queue


@pytest.mark.parametrize(
    ("items", "parts"),
    [
        ([ONE, TWO, CAUGHT_UP, THREE], [[ONE, TWO], CAUGHT_UP, [THREE]]),
        ([CAUGHT_UP], [CAUGHT_UP]),
        ([ONE], [[ONE]]),
    ],
)
def test_fills_that_wait_together_are_taken_together_and_nothing_changes_places(
    items: list[Item], parts: list[Part]
) -> None:
    async def steps() -> None:
        queue = filled(*items)
        assert await queue.next_parts() == parts
        queue.put_item(THREE)
        assert await queue.next_parts() == [[THREE]]

    run(steps())


def test_what_waits_when_it_is_closed_is_still_taken() -> None:
    async def steps() -> None:
        queue = filled(ONE, TWO)
        queue.close()
        assert [await queue.next_parts(), await queue.next_parts()] == [[[ONE, TWO]], []]

    run(steps())


def test_no_more_than_the_limit_is_taken_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fill_queue_module, "TAKEN_MAX", 2)

    async def steps() -> None:
        queue = filled(ONE, TWO, THREE)
        queue.close()
        assert [await queue.next_parts() for _ in range(3)] == [[[ONE, TWO]], [[THREE]], []]

    run(steps())
