"""Nothing goes on without a yes of somebody who was shown what it does."""

from __future__ import annotations

import io
import sys

import grpc
import pytest

from krakencopy.client.cli.consent import ask_to_go_on
from krakencopy.client.sdk.errors import BadInput, Refused
from tests.support.scripted_supervisor import Scripted, refuse
from tests.support.typed_lines import Typed, types


def asks(shown: list[str] | None = None) -> None:
    ask_to_go_on("nothing was sold", lambda: ["1 BTC"] if shown is None else shown, "Sell it?")


@pytest.mark.parametrize("answer", ["y\n", "YES\n", " yes "])
def test_a_yes_to_what_was_shown_goes_on(
    answer: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", Typed(answer))
    asks()
    assert capsys.readouterr().err == "1 BTC\nSell it? [y/N] "


@pytest.mark.parametrize("answer", ["", "\n", "n\n", "yess\n"])
def test_all_else_is_a_no(answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Typed(answer))
    with pytest.raises(Refused, match="nothing was sold: the answer was not yes"):
        asks()


@pytest.mark.parametrize("stdin", [None, io.StringIO("yes\n")])
def test_where_nobody_can_be_asked_nothing_is_looked_up(
    stdin: io.StringIO | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", stdin)
    with pytest.raises(BadInput, match="nothing was sold: it needs a yes; give it with --yes"):
        ask_to_go_on("nothing was sold", lambda: pytest.fail("it was looked up"), "Sell it?")


def test_an_answer_counts_where_nothing_can_be_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Typed("y\n"))
    monkeypatch.setattr(sys, "stderr", None)
    asks()


def test_one_that_waits_for_room_may_be_ended_without_a_question(
    endpoint: str, supervisor: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    supervisor.on["GetStatus"] = refuse(grpc.StatusCode.UNAVAILABLE, "DISK_NOT_WRITABLE", "no room")
    assert types(endpoint, "shutdown") == 0
    supervisor.on["GetStatus"] = refuse(grpc.StatusCode.UNAVAILABLE, "ODD", "it is busy")
    assert types(endpoint, "shutdown") == 3
