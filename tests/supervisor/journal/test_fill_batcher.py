"""A fill that comes alone is committed at once, those of a burst together; none is lost, and none
overtakes another.
"""

from __future__ import annotations

import asyncio

import pytest

from krakencopy.supervisor.journal import fill_batcher as arrivals
from krakencopy.supervisor.journal.fill_batcher import FillBatcher
from krakencopy.supervisor.journal.journal_file import JournalFault
from krakencopy.v1 import types_pb2 as pb
from tests.support.supervisor_samples import fill

#: For what must happen on a busy machine, in seconds; nothing waits that long when it works.
LIMIT_S = 30


class Committed:
    """What was committed, together by together."""

    def __init__(self) -> None:
        self.ids: list[list[str]] = []
        self.changed = asyncio.Event()
        self.fault: JournalFault | None = None
        self.faults: list[JournalFault] = []

    def __call__(self, fills: list[pb.Fill]) -> None:
        if self.fault is not None:
            raise self.fault
        self.ids.append([one.exec_id for one in fills])
        self.changed.set()

    def failed(self, fault: JournalFault) -> None:
        self.faults.append(fault)
        self.changed.set()

    async def wait(self) -> None:
        async with asyncio.timeout(LIMIT_S):
            await self.changed.wait()


def test_the_first_fill_waits_for_nobody_and_those_right_behind_it_are_one_commit() -> None:
    async def scene() -> list[list[str]]:
        committed = Committed()
        taking = FillBatcher(committed, committed.failed)
        taking.take_fills([fill(1)])
        assert committed.ids == [["E1"]]
        committed.changed.clear()
        taking.take_fills([fill(2)])
        taking.take_fills([fill(3), fill(4)])
        await committed.wait()
        return committed.ids

    assert asyncio.run(scene()) == [["E1"], ["E2", "E3", "E4"]]


def test_fills_that_do_not_come_in_a_burst_are_each_committed_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(arrivals, "BURST_S", -1.0)

    async def scene() -> None:
        committed = Committed()
        taking = FillBatcher(committed, committed.failed)
        for number in (1, 2, 3):
            taking.take_fills([fill(number)])
            assert committed.ids[-1] == [f"E{number}"]

    asyncio.run(scene())


def test_what_a_burst_has_gathered_is_committed_when_it_is_enough_or_when_the_stream_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(arrivals, "TOGETHER_MAX", 3)

    async def scene() -> None:
        committed = Committed()
        taking = FillBatcher(committed, committed.failed)
        for number in range(1, 7):
            taking.take_fills([fill(number)])
        assert committed.ids == [["E1"], ["E2", "E3", "E4"]]
        taking.flush()
        taking.flush()
        assert committed.ids[2:] == [["E5", "E6"]]

    asyncio.run(scene())


def test_a_burst_that_cannot_be_kept_is_told_as_well() -> None:
    async def scene() -> None:
        committed = Committed()
        taking = FillBatcher(committed, committed.failed)
        taking.take_fills([fill(1)])
        committed.fault = JournalFault("the disk is full")
        committed.changed.clear()
        taking.take_fills([fill(2)])
        await committed.wait()
        assert committed.faults == [committed.fault]

    asyncio.run(scene())
