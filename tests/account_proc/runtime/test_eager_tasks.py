"""Coroutines run to their end, the first steps of an eager one at once, and no error of theirs is lost."""

from __future__ import annotations

import asyncio

import pytest

from krakencopy.account_proc.runtime.eager_tasks import EagerTasks
from tests.support.scripted_kraken import run


class Work:
    """Two steps with a wait between them."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def steps(self) -> None:
        self.done.append("sent")
        self.done.append(await self.answer)


async def wait_for_all(tasks: EagerTasks) -> None:
    while tasks.pending:
        await asyncio.wait(tasks.pending)


@pytest.mark.parametrize("eager", [False, True])
def test_work_is_pending_until_it_is_over(eager: bool) -> None:
    async def steps() -> None:
        tasks, work = EagerTasks(fail_the_test), Work()
        (tasks.run_to_first_wait if eager else tasks.spawn)(work.steps())
        assert work.done == (["sent"] if eager else [])
        assert len(tasks.pending) == 1
        work.answer.set_result("answered")
        await wait_for_all(tasks)
        assert work.done == ["sent", "answered"]

    run(steps())


def test_an_eager_one_goes_on_in_the_turn_after_its_answer() -> None:
    async def steps() -> None:
        tasks, work = EagerTasks(fail_the_test), Work()
        tasks.run_to_first_wait(work.steps())
        work.answer.set_result("answered")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert work.done == ["sent", "answered"]
        await wait_for_all(tasks)

    run(steps())


def test_an_eager_one_that_never_waits_is_over_at_once() -> None:
    async def steps() -> None:
        tasks, done = EagerTasks(fail_the_test), list[str]()

        async def work() -> None:
            done.append("all")

        tasks.run_to_first_wait(work())
        assert (done, tasks.pending) == (["all"], set())

    run(steps())


def test_an_eager_one_that_gives_others_a_turn_goes_on_after_it() -> None:
    async def steps() -> None:
        tasks, done = EagerTasks(fail_the_test), list[str]()

        async def work() -> None:
            await asyncio.sleep(0)
            done.append("all")

        tasks.run_to_first_wait(work())
        assert done == []
        await wait_for_all(tasks)
        assert done == ["all"]

    run(steps())


@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize("waits", [False, True])
def test_an_error_is_told_wherever_it_happens(eager: bool, waits: bool) -> None:
    async def steps() -> None:
        told: list[BaseException] = []
        tasks, answer = EagerTasks(told.append), asyncio.get_running_loop().create_future()

        async def work() -> None:
            if waits:
                await answer
            raise ValueError("lost")

        (tasks.run_to_first_wait if eager else tasks.spawn)(work())
        answer.set_result(None)
        await wait_for_all(tasks)
        assert [str(error) for error in told] == ["lost"]

    run(steps())


def test_work_that_is_cancelled_has_not_failed() -> None:
    async def steps() -> None:
        tasks, work = EagerTasks(fail_the_test), Work()
        tasks.spawn(work.steps())
        await asyncio.sleep(0)
        for task in tasks.pending:
            task.cancel()
        await wait_for_all(tasks)
        assert work.done == ["sent"]

    run(steps())


def fail_the_test(error: BaseException) -> None:
    raise AssertionError(str(error))
