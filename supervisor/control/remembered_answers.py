"""Answers to mutations that were carried out, by request id, so that one that is repeated does nothing more.

Bounded by number, size and age: what is beyond them is forgotten, the oldest first.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar

from google.protobuf.message import Message

Answer = TypeVar("Answer", bound=Message)

#: Answers that are kept at most.
ANSWERS_MAX = 1_000
#: What they and their keys have together at most, in bytes: an answer is an account, a few kilobytes.
BYTES_MAX = 8 << 20
#: Longer than any client tries again, in seconds.
AGE_MAX_S = 3_600.0


class RememberedAnswers:
    """Of one run of the supervisor."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        #: Encoded, with when it was given.
        self._answers: OrderedDict[tuple[str, ...], tuple[float, bytes]] = OrderedDict()
        self.size_bytes = 0

    def __len__(self) -> int:
        return len(self._answers)

    def answer(self, key: tuple[str, ...], kind: type[Answer]) -> Answer | None:
        """What was answered, if it is still known."""
        self._forget_old()
        known = self._answers.get(key)
        return None if known is None else kind.FromString(known[1])

    def remember_answer(self, key: tuple[str, ...], answer: Message) -> None:
        """From now on it is the answer to the same request."""
        self._forget(key)
        encoded = answer.SerializeToString()
        self._answers[key] = (self._now(), encoded)
        self.size_bytes += _size(key, encoded)
        self._forget_old()

    def _forget_old(self) -> None:
        while self._answers:
            oldest, (at, _) = next(iter(self._answers.items()))
            is_due = self._now() - at > AGE_MAX_S
            if not is_due and len(self._answers) <= ANSWERS_MAX and self.size_bytes <= BYTES_MAX:
                return
            self._forget(oldest)

    def _forget(self, key: tuple[str, ...]) -> None:
        known = self._answers.pop(key, None)
        if known is not None:
            self.size_bytes -= _size(key, known[1])


def _size(key: tuple[str, ...], encoded: bytes) -> int:
    return sum(map(len, key)) + len(encoded)
