"""Everyone is woken each time, and each time another one is first."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.runtime.change_signal import ChangeSignal
from krakencopy.supervisor.journal.round_robin import RoundRobin


def woken(users: int, rings: int, leaves: int | None = None) -> list[list[int]]:
    """Who ran in which order, for each ring; ``leaves``: one that is gone before the second."""

    async def scene() -> list[list[int]]:
        told, order = RoundRobin(), list[int]()
        bells = [ChangeSignal() for _ in range(users)]

        async def listen(number: int) -> None:
            seen = 0
            while True:
                seen = await bells[number].wait(seen)
                order.append(number)

        listening = [asyncio.create_task(listen(number)) for number in range(users)]
        for change_signal in bells:
            told.join(change_signal)
        await asyncio.sleep(0)
        found: list[list[int]] = []
        for notify in range(rings):
            if notify == 1 and leaves is not None:
                told.leave(bells[leaves])
            told.notify()
            # One turn of the loop: nothing that was not rung comes in between.
            await asyncio.sleep(0)
            found.append(order[:])
            order.clear()
        for task in listening:
            task.cancel()
        return found

    return asyncio.run(scene())


def test_each_ring_begins_with_the_next_and_the_order_is_otherwise_the_same() -> None:
    assert woken(3, 4) == [[0, 1, 2], [1, 2, 0], [2, 0, 1], [0, 1, 2]]


@given(users=st.integers(1, 12))
def test_after_as_many_rings_as_there_are_users_everyone_was_at_every_place_once(users: int) -> None:
    for place in zip(*woken(users, users), strict=True):
        assert sorted(place) == list(range(users))


def test_who_has_left_is_not_woken_any_more() -> None:
    assert woken(3, 2, leaves=1) == [[0, 1, 2], [2, 0]]
