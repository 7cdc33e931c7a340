"""`resync`: the plan is shown, nothing is ordered without a yes, and what was asked for is said."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import pytest

from krakencopy.client.sdk.errors import ExitCode
from krakencopy.client.views.sync_pages import NOTHING
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns
from tests.support.scripted_supervisor import Scripted
from tests.support.typed_lines import Typed, types

BTC = nouns.SyncPosition(
    asset="BTC", pair="BTC/USD", master_weight="0.25", master_volume="0.1", target_volume="0.01",
    held_volume="0", buy_volume="0.008", reason="CAPPED", cap="max_user_risk",
)  # fmt: skip


def answers(supervisor: Scripted, *positions: nouns.SyncPosition) -> None:
    def answer(request: pb.ResyncAccountRequest, _: Any) -> pb.ResyncAccountResponse:
        planned = pb.ResyncAccountResponse(positions=positions, notes=["1 ETH is not synced"])
        if not request.dry_run:
            planned.number, planned.source = 7, "resync of now by olga"
        return planned

    supervisor.on["ResyncAccount"] = answer


def test_a_dry_run_shows_the_plan(endpoint: str, supervisor: Scripted, capsys: Any) -> None:
    answers(supervisor, BTC)
    assert types(endpoint, "resync ann --dry-run --not-worse --reason late") == ExitCode.DONE
    header, row, note = capsys.readouterr().out.splitlines()
    assert header.split() == ["COIN", "PAIR", "MASTER", "WEIGHT", "TARGET", "HELD", "BUY", "SELL", "WHY"]
    assert row.split() == [
        "BTC",
        "BTC/USD",
        "0.1",
        "25.00%",
        "0.01",
        "0",
        "0.008",
        "CAPPED",
        "by",
        "max_user_risk",
    ]
    assert note == "1 ETH is not synced"
    [request] = supervisor.requests(pb.ResyncAccountRequest)
    assert (request.account_id, request.dry_run, request.not_worse, request.reason) == (
        "ann", True, True, "late"
    )  # fmt: skip
    answers(supervisor)
    assert types(endpoint, "resync ann --dry-run") == ExitCode.DONE
    assert NOTHING in capsys.readouterr().out


def test_nothing_is_ordered_without_a_yes(
    endpoint: str, supervisor: Scripted, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(supervisor, BTC)
    monkeypatch.setattr(sys, "stdin", io.StringIO("yes\n"))  # no terminal
    assert types(endpoint, "resync ann") == ExitCode.BAD_INPUT
    assert "needs a yes" in capsys.readouterr().err
    monkeypatch.setattr(sys, "stdin", Typed("no\n"))
    assert types(endpoint, "resync ann") == ExitCode.REFUSED
    assert "Order this? [y/N]" in capsys.readouterr().err
    assert [request.dry_run for request in supervisor.requests(pb.ResyncAccountRequest)] == [True]
    monkeypatch.setattr(sys, "stdin", Typed("y\n"))
    assert types(endpoint, "resync ann") == ExitCode.DONE
    assert "asked for: resync of now by olga; see its copies s7.1, s7.2 ..." in capsys.readouterr().out
    assert [request.dry_run for request in supervisor.requests(pb.ResyncAccountRequest)] == [
        True,
        True,
        False,
    ]


def test_with_yes_it_is_done_at_once_and_programs_get_json(
    endpoint: str, supervisor: Scripted, capsys: Any
) -> None:
    answers(supervisor, BTC)
    assert types(endpoint, "resync ann --yes -o json") == ExitCode.DONE
    shown = json.loads(capsys.readouterr().out)
    assert (shown["number"], shown["positions"][0]["cap"]) in {("7", "max_user_risk"), (7, "max_user_risk")}
    assert [request.dry_run for request in supervisor.requests(pb.ResyncAccountRequest)] == [False]
