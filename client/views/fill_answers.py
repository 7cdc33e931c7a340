"""What users answer who are asked to copy one fill, as rows. Pure: messages in, lines out."""

from __future__ import annotations

from collections.abc import Iterable

from krakencopy.client.views.formats import local_time, plain, side, word
from krakencopy.client.views.table import Column
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns


def fill_line(fill: nouns.Fill) -> str:
    """Which fill it is about."""
    return (
        f"Fill {fill.seq}: {side(fill.side)} {fill.volume} {plain(fill.pair)} at {fill.price}, on "
        f"{local_time(fill.executed_at)}"
    )


def answer_columns() -> tuple[Column, ...]:
    """What answer_row's cells are."""
    return (Column("ACCOUNT"), Column("OUTCOME"), Column("COPY"), Column("MESSAGE"))


def answer_row(answer: pb.CopyFillAnswer) -> list[str]:
    """What one user made of it."""
    outcome = word(nouns.CopyFillOutcome.DESCRIPTOR, answer.outcome)
    because = answer.message if answer.HasField("copy") else _because(answer)
    return [plain(answer.account_id), outcome, plain(answer.copy.copy_id), plain(because)]


def _because(answer: pb.CopyFillAnswer) -> str:
    return f"{answer.reason}: {answer.message}" if answer.reason else answer.message


def not_reached(answers: Iterable[pb.CopyFillAnswer]) -> list[str]:
    """Users that did not answer."""
    missed = nouns.COPY_FILL_OUTCOME_NOT_REACHED
    return [plain(answer.account_id) for answer in answers if answer.outcome == missed]


def are_refused(answers: Iterable[pb.CopyFillAnswer]) -> bool:
    """Whether somebody did not copy it."""
    return any(answer.outcome == nouns.COPY_FILL_OUTCOME_REFUSED for answer in answers)
