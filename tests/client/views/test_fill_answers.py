"""What users answered who were asked to copy one fill."""

from __future__ import annotations

from krakencopy.client.views import fill_answers as views
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns
from tests.support import client_samples as samples

COPIED = pb.CopyFillAnswer(
    account_id="ann", outcome=nouns.COPY_FILL_OUTCOME_COPIED, copy=nouns.Copy(copy_id="d7"),
    reason="SCALED", message="bought 1 at 2 (SCALED)",
)  # fmt: skip
REFUSED = pb.CopyFillAnswer(
    account_id="bob", outcome=nouns.COPY_FILL_OUTCOME_REFUSED, reason="SLIPPAGE_BOUND", message="too dear"
)
MISSED = pb.CopyFillAnswer(
    account_id="eve", outcome=nouns.COPY_FILL_OUTCOME_NOT_REACHED, message="no process"
)


def test_each_user_is_a_row_with_its_copy_or_the_reason() -> None:
    assert [column.title for column in views.answer_columns()] == ["ACCOUNT", "OUTCOME", "COPY", "MESSAGE"]
    assert list(map(views.answer_row, (COPIED, REFUSED, MISSED))) == [
        ["ann", "COPIED", "d7", "bought 1 at 2 (SCALED)"],
        ["bob", "REFUSED", "", "SLIPPAGE_BOUND: too dear"],
        ["eve", "NOT_REACHED", "", "no process"],
    ]
    assert views.not_reached([COPIED, REFUSED, MISSED]) == ["eve"]
    assert [views.are_refused([one]) for one in (COPIED, REFUSED, MISSED)] == [False, True, False]


def test_the_fill_is_said_in_one_line() -> None:
    fill = samples.explanation().fill
    assert views.fill_line(fill).startswith(f"Fill {fill.seq}: ")
    assert fill.pair in views.fill_line(fill)
