"""Each command that cannot be undone asks first where the system is live, and is not done without a yes."""

from __future__ import annotations

import io
import sys

import grpc
import pytest
from google.protobuf.message import Message

from krakencopy.v1 import control_pb2 as pb
from tests.support import client_samples as samples
from tests.support.scripted_supervisor import Scripted, refuse
from tests.support.typed_lines import Typed, types

#: A line, the request that changes something, and the word before "it needs a yes".
ONCE: list[tuple[str, type[Message], str]] = [
    ("shutdown", pb.ShutdownRequest, "nothing was stopped"),
    ("shutdown --now", pb.ShutdownRequest, "nothing was stopped"),
    ("order buy BTC/USD 1", pb.PlaceOrderRequest, "nothing was placed"),
    ("cancel --all", pb.CancelOrdersRequest, "nothing was cancelled"),
    ("cancel --all --pair BTC/USD --side buy", pb.CancelOrdersRequest, "nothing was cancelled"),
    ("copy 17", pb.CopyFillRequest, "nothing was copied"),
    ("resume --all", pb.SetTradingStateRequest, "nothing was lifted"),
    ("reset-limit bob day --reason x", pb.ResetLimitRequest, "no limit begins anew"),
    ("rename MATIC POL", pb.RenameAssetRequest, "nothing was renamed"),
]
#: Those that show their plan ask everywhere.
PLANNED: list[tuple[str, type[Message], str]] = [
    ("flatten bob", pb.FlattenAccountsRequest, "nothing was sold"),
    ("resync bob", pb.ResyncAccountRequest, "nothing was ordered"),
]
each_command = pytest.mark.parametrize(("line", "kind", "nothing"), [*ONCE, *PLANNED])


def done(supervisor: Scripted, kind: type[Message]) -> int:
    """How often it was done, and not only planned."""
    return sum(not getattr(request, "dry_run", False) for request in supervisor.requests(kind))


@pytest.fixture(autouse=True)
def live(supervisor: Scripted) -> Scripted:
    status = samples.status(samples.master(), samples.user())
    status.exchange.mode = "live"
    supervisor.on["GetStatus"] = lambda _request, _context: status
    return supervisor


@each_command
def test_where_nobody_can_be_asked_it_is_refused(
    endpoint: str, live: Scripted, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    line: str, kind: type[Message], nothing: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(sys, "stdin", io.StringIO("yes\n"))
    assert types(endpoint, line) == 3
    assert done(live, kind) == 0
    said = capsys.readouterr().err
    assert said.startswith(f"krakencopy: {nothing}: ")
    assert "--yes" in said
    assert said.count("\n") == 1


@each_command
def test_with_yes_nobody_is_asked(
    endpoint: str, live: Scripted, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    line: str, kind: type[Message], nothing: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(sys, "stdin", None)
    assert types(endpoint, f"{line} --yes") == 0
    assert done(live, kind) == 1
    assert nothing not in capsys.readouterr().err


@each_command
@pytest.mark.parametrize(("answer", "code", "times"), [("y\n", 0, 1), ("n\n", 1, 0)])
def test_at_a_terminal_the_answer_decides(
    endpoint: str, live: Scripted, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    line: str, kind: type[Message], nothing: str, answer: str, code: int, times: int,
) -> None:  # fmt: skip
    monkeypatch.setattr(sys, "stdin", Typed(answer))
    assert types(endpoint, line) == code
    assert done(live, kind) == times
    said = capsys.readouterr().err
    assert "? [y/N] " in said
    assert (f"{nothing}: the answer was not yes" in said) is (not times)


@pytest.mark.parametrize(("line", "kind", "nothing"), ONCE)
def test_on_paper_nobody_is_asked(
    endpoint: str, supervisor: Scripted, monkeypatch: pytest.MonkeyPatch, line: str, kind: type[Message],
    nothing: str,
) -> None:  # fmt: skip
    assert nothing
    supervisor.on["GetStatus"] = lambda _request, _context: samples.status()
    monkeypatch.setattr(sys, "stdin", None)
    assert types(endpoint, line) == 0
    assert done(supervisor, kind) == 1


def test_a_shutdown_says_in_figures_what_stops(
    endpoint: str, live: Scripted, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status = samples.status(samples.master(), samples.user())
    status.exchange.mode, status.copies.open = "live", 3
    live.on["GetStatus"] = lambda _request, _context: status
    monkeypatch.setattr(sys, "stdin", Typed("n\n"))
    assert types(endpoint, "shutdown") == 1
    said = capsys.readouterr().err
    assert f"its {len(status.accounts)} accounts stop, 3 copies are under way" in said
    assert "nothing is copied to 1 users until it is started again" in said
    assert done(live, pb.ShutdownRequest) == 0


def test_what_does_not_say_what_it_is_may_be_live(
    endpoint: str, supervisor: Scripted, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    supervisor.on["GetStatus"] = refuse(grpc.StatusCode.DEADLINE_EXCEEDED, "", "busy")
    monkeypatch.setattr(sys, "stdin", Typed("y\n"))
    assert types(endpoint, "shutdown") == 0
    assert "which may be live, as it does not answer: nothing is copied" in capsys.readouterr().err
    assert done(supervisor, pb.ShutdownRequest) == 1


@pytest.mark.parametrize(
    "line", ["halt --all", "exit-only --all", "resume bob", "cancel O1", "copy 17 --dry-run", "stop bob"]
)
def test_what_stops_or_only_looks_is_done_at_once(
    endpoint: str, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert types(endpoint, line) == 0
