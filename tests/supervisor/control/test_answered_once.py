from __future__ import annotations

import asyncio

import pytest

from krakencopy.supervisor.control.answered_once import AnsweredOnce
from krakencopy.supervisor.control.remembered_answers import RememberedAnswers
from krakencopy.v1 import control_pb2 as pb


class Acts:
    """Counts, and waits for the test."""

    def __init__(self) -> None:
        self.number = 0
        self.go_on = asyncio.Event()
        self.fails = False

    async def __call__(self) -> pb.CancelOrdersResponse:
        self.number += 1
        await self.go_on.wait()
        if self.fails:
            raise OSError("no room")
        return pb.CancelOrdersResponse(cancelled=self.number)


def test_it_is_done_once_while_it_is_under_way_and_afterwards() -> None:
    async def play() -> None:
        once, act = AnsweredOnce(RememberedAnswers()), Acts()
        asked = [asyncio.create_task(once.answer(("a",), pb.CancelOrdersResponse, act)) for _ in range(3)]
        await asyncio.sleep(0)
        asked[0].cancel()  # that client is gone; what it asked for goes on
        act.go_on.set()
        assert [(await one).cancelled for one in asked[1:]] == [1, 1]
        assert (await once.answer(("a",), pb.CancelOrdersResponse, act)).cancelled == 1
        assert (await once.answer(("b",), pb.CancelOrdersResponse, act)).cancelled == 2

    asyncio.run(play())


def test_what_failed_is_tried_again() -> None:
    async def play() -> None:
        once, act = AnsweredOnce(RememberedAnswers()), Acts()
        act.go_on.set()
        act.fails = True
        with pytest.raises(OSError, match="no room"):
            await once.answer(("a",), pb.CancelOrdersResponse, act)
        act.fails = False
        assert (await once.answer(("a",), pb.CancelOrdersResponse, act)).cancelled == 2

    asyncio.run(play())
