"""A mutation that is repeated is answered as before, and what is kept for that is bounded."""

from __future__ import annotations

from krakencopy.supervisor.control.remembered_answers import (
    AGE_MAX_S,
    ANSWERS_MAX,
    BYTES_MAX,
    RememberedAnswers,
)
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def _answer(account_id: str) -> pb.StopAccountResponse:
    return pb.StopAccountResponse(account=types_pb2.Account(id=account_id))


def test_an_answer_is_given_again_for_the_same_request_alone() -> None:
    answers = RememberedAnswers()
    answers.remember_answer(("stop", "anna", "r1"), _answer("anna"))
    assert answers.answer(("stop", "anna", "r1"), pb.StopAccountResponse) == _answer("anna")
    assert answers.answer(("stop", "ben", "r1"), pb.StopAccountResponse) is None


def test_an_answer_is_kept_for_a_time() -> None:
    clock = Clock()
    answers = RememberedAnswers(clock)
    answers.remember_answer(("r1",), _answer("anna"))
    clock.now = AGE_MAX_S
    assert answers.answer(("r1",), pb.StopAccountResponse) == _answer("anna")
    clock.now += 1
    assert answers.answer(("r1",), pb.StopAccountResponse) is None
    assert (len(answers), answers.size_bytes) == (0, 0)


def test_the_oldest_go_beyond_the_number_that_is_kept() -> None:
    answers = RememberedAnswers()
    for number in range(ANSWERS_MAX + 1):
        answers.remember_answer((str(number),), _answer("anna"))
    assert len(answers) == ANSWERS_MAX
    assert answers.answer(("0",), pb.StopAccountResponse) is None
    assert answers.answer(("1",), pb.StopAccountResponse) is not None


def test_what_is_kept_has_a_size_whatever_the_keys_are() -> None:
    answers = RememberedAnswers()
    for number in range(20):
        answers.remember_answer((str(number), "r" * (1 << 20)), _answer("anna"))
    assert answers.size_bytes <= BYTES_MAX
    assert 0 < len(answers) < 9


def test_an_answer_that_is_given_anew_counts_once() -> None:
    answers = RememberedAnswers()
    for _ in range(3):
        answers.remember_answer(("r1",), _answer("anna"))
    assert (len(answers), answers.size_bytes) == (1, 2 + _answer("anna").ByteSize())
