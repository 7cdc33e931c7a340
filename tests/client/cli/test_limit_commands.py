"""Commands about limits to losses: what is asked, what is shown, how they end."""

from __future__ import annotations

import json
from typing import Any

import pytest

from krakencopy.client.cli.main import main
from krakencopy.client.sdk.errors import ExitCode
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns
from tests.support.scripted_supervisor import Scripted


def types(endpoint: str, *words: str) -> int:
    return main(["--endpoint", endpoint, *words])


def test_limits_are_shown_in_a_table_or_as_lines(endpoint: str, supervisor: Scripted, capsys: Any) -> None:
    day = nouns.LossLimit(account_id="ann", name="day", loss="5 USD", max_loss="10 USD", configured=True)
    supervisor.on["ListLimits"] = lambda _request, _context: pb.ListLimitsResponse(limits=[day])
    assert types(endpoint, "limits", "ann", "ann") == ExitCode.DONE
    head, row = capsys.readouterr().out.splitlines()
    assert head.split()[:6] == ["ACCOUNT", "LIMIT", "METRIC", "WINDOW", "LOSS", "MAX"]
    assert row.split()[:4] == ["ann", "day", "5", "USD"]
    [request] = supervisor.requests(pb.ListLimitsRequest)
    assert list(request.account_ids) == ["ann"]
    assert types(endpoint, "limits", "-o", "json") == ExitCode.DONE
    assert json.loads(capsys.readouterr().out)["name"] == "day"


def test_where_there_are_none_it_says_how_they_are_set(
    endpoint: str, supervisor: Scripted, capsys: Any
) -> None:
    del supervisor
    assert types(endpoint, "limits") == ExitCode.DONE
    assert "[[copy.limits]] in the configuration sets them" in capsys.readouterr().out


def test_a_reset_needs_a_reason_and_names_what_begins_anew(
    endpoint: str, supervisor: Scripted, capsys: Any
) -> None:
    supervisor.on["ResetLimit"] = lambda _request, _context: pb.ResetLimitResponse(names=["day", "week"])
    assert types(endpoint, "reset-limit", "ann", "--reason", "seen") == ExitCode.DONE
    assert capsys.readouterr().out == "ann: limit day begins anew\nann: limit week begins anew\n"
    assert types(endpoint, "reset-limit", "ann", "day", "--reason", "seen") == ExitCode.DONE
    first, second = supervisor.requests(pb.ResetLimitRequest)
    assert (first.account_id, first.name, first.reason) == ("ann", "", "seen")
    assert second.name == "day"


@pytest.mark.parametrize("words", [("ann",), ("ann", "--reason", "x" * 201), ("--reason", "x")])
def test_without_account_or_reason_nothing_is_asked(
    endpoint: str, supervisor: Scripted, words: tuple[str, ...]
) -> None:
    assert types(endpoint, "reset-limit", *words) == ExitCode.BAD_INPUT
    assert supervisor.asked == []


def test_one_of_all_users_together_is_reset_without_an_account(
    endpoint: str, supervisor: Scripted, capsys: Any
) -> None:
    supervisor.on["ResetLimit"] = lambda _request, _context: pb.ResetLimitResponse(names=["both"])
    assert types(endpoint, "reset-limit", "--total", "both", "--reason", "seen") == ExitCode.DONE
    assert capsys.readouterr().out == "all users: limit both begins anew\n"
    [request] = supervisor.requests(pb.ResetLimitRequest)
    assert (request.account_id, request.name) == ("", "both")
    for words in (["ann", "day", "week"], ["--total", "day", "week"]):
        assert types(endpoint, "reset-limit", *words, "--reason", "seen") == ExitCode.BAD_INPUT
