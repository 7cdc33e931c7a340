"""`copy`: what is asked, what is shown for each user, and how it ends. `why` is in test_main.py."""

from __future__ import annotations

import json
from typing import Any

import pytest

from krakencopy.client.sdk.errors import ExitCode
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns
from tests.support import client_samples as samples
from tests.support.scripted_supervisor import Scripted
from tests.support.typed_lines import types

COPIED, REFUSED, MISSED = (
    nouns.COPY_FILL_OUTCOME_COPIED,
    nouns.COPY_FILL_OUTCOME_REFUSED,
    nouns.COPY_FILL_OUTCOME_NOT_REACHED,
)


def answers(supervisor: Scripted, *outcomes: Any) -> None:
    fill = samples.explanation().fill
    rows = [
        pb.CopyFillAnswer(account_id=name, outcome=outcome, message=f"of {name}")
        for name, outcome in zip(("ann", "bob"), outcomes, strict=False)
    ]
    supervisor.on["CopyFill"] = lambda _request, _context: pb.CopyFillResponse(fill=fill, answers=rows)


def test_a_fill_is_copied_by_those_who_are_named_or_by_all(
    endpoint: str, supervisor: Scripted, capsys: Any
) -> None:
    answers(supervisor, COPIED, COPIED)
    assert types(endpoint, "copy 12 ann bob ann") == ExitCode.DONE
    assert types(endpoint, "copy T-1 --dry-run --request-id r") == ExitCode.DONE
    first, second = supervisor.requests(pb.CopyFillRequest)
    assert (first.seq, list(first.account_ids), first.dry_run) == (12, ["ann", "bob"], False)
    assert (second.exec_id, list(second.account_ids), second.dry_run, second.request_id) == (
        "T-1", [], True, "r",
    )  # fmt: skip
    shown = capsys.readouterr().out
    assert "Fill " in shown
    assert "of ann" in shown


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [((COPIED, REFUSED), ExitCode.REFUSED), ((REFUSED, MISSED), ExitCode.NOT_IN_TIME), ((), ExitCode.DONE)],
)
def test_who_was_refused_or_not_reached_is_in_the_exit_code(
    endpoint: str, supervisor: Scripted, capsys: Any, outcomes: tuple[Any, ...], code: ExitCode
) -> None:
    answers(supervisor, *outcomes)
    assert types(endpoint, "copy 12") == code
    written = capsys.readouterr()
    assert ("NOT REACHED: bob" in written.err) == (MISSED in outcomes)
    assert ("nobody copies" in written.out + written.err) == (not outcomes)


def test_for_programs_it_is_one_object(endpoint: str, supervisor: Scripted, capsys: Any) -> None:
    answers(supervisor, COPIED)
    assert types(endpoint, "copy 12 -o json") == ExitCode.DONE
    assert json.loads(capsys.readouterr().out)["answers"][0]["outcome"] == "COPY_FILL_OUTCOME_COPIED"


def test_why_of_one_account_leaves_the_others_out_and_names_who_is_there(
    endpoint: str, supervisor: Scripted, capsys: Any
) -> None:
    outcomes = [pb.FillOutcome(account_id=name, copy=samples.copy()) for name in ("ann", "bob")]
    supervisor.on["ExplainFill"] = lambda _request, _context: samples.explanation(*outcomes)
    assert types(endpoint, "-o json why 12 --account bob") == ExitCode.DONE
    assert [each["account_id"] for each in json.loads(capsys.readouterr().out)["outcomes"]] == ["bob"]
    assert types(endpoint, "why 12 --account eve") == ExitCode.BAD_INPUT
    assert "eve: no user of this fill; there are ann, bob" in capsys.readouterr().err
