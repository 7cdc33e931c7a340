"""An action is done once for each request id: one that is under way is waited for, and one that is done is
answered again.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

from google.protobuf.message import Message

from krakencopy.supervisor.control.remembered_answers import RememberedAnswers

Answer = TypeVar("Answer", bound=Message)
Key = tuple[str, ...]


#: Who asks, where the caller says no name. The socket is this machine user's alone.
SOMEBODY = "operator"


def digest_of(request: Message) -> str:
    """Of all that is asked: with a key of it, a request id counts together with what is asked with it."""
    return hashlib.sha256(request.SerializeToString(deterministic=True)).hexdigest()


class AnsweredOnce:
    """Actions of one run of the supervisor that wait for others."""

    def __init__(self, answers: RememberedAnswers) -> None:
        self._answers = answers
        self._under_way: dict[Key, asyncio.Task[Message]] = {}

    async def answer(self, key: Key, kind: type[Answer], act: Callable[[], Awaitable[Answer]]) -> Answer:
        """What ``act`` gives: done to its end, also where the client that asked is gone. What it raises is
        raised to all who wait for it, and not remembered.
        """
        known = self._answers.answer(key, kind)
        if known is not None:
            return known
        task = self._under_way.get(key)
        if task is None:
            task = asyncio.get_running_loop().create_task(cast("Any", act()))
            self._under_way[key] = task
            task.add_done_callback(lambda done: self._done(key, done))
        return cast("Answer", await asyncio.shield(task))

    def _done(self, key: Key, task: asyncio.Task[Message]) -> None:
        del self._under_way[key]
        if not task.cancelled() and task.exception() is None:
            self._answers.remember_answer(key, task.result())
