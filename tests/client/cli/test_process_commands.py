"""start, stop and restart with --wait: they end where accounts are where they were to be brought."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from krakencopy.client.cli import wait
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns
from tests.support import client_samples as samples
from tests.support.scripted_supervisor import Scripted
from tests.support.typed_lines import types

RUNNING, STOPPED = nouns.ACCOUNT_STATE_RUNNING, nouns.ACCOUNT_STATE_STOPPED
STOPPING, FAILED = nouns.ACCOUNT_STATE_STOPPING, nouns.ACCOUNT_STATE_FAILED


def bob(state: nouns.AccountState.ValueType, pid: int = 7) -> nouns.Account:
    account = samples.user("bob", state)
    account.pid = pid
    return account


@pytest.fixture
def stands(supervisor: Scripted, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """How bob stands in the answers of status, one after the other; the last one stays."""
    monkeypatch.setattr(wait, "_INTERVAL_S", 0.001)
    left: list[nouns.Account] = []

    def account(_request: Any, _context: Any) -> pb.GetAccountResponse:
        return pb.GetAccountResponse(account=left[0])

    def status(_request: Any, _context: Any) -> pb.GetStatusResponse:
        found = left.pop(0) if len(left) > 1 else left[0]
        return pb.GetStatusResponse(accounts=[found])

    def set_answers(*accounts: nouns.Account) -> None:
        left[:] = accounts
        supervisor.on["GetAccount"] = account
        supervisor.on["GetStatus"] = status
        first = accounts[0]
        supervisor.on["StartAccount"] = lambda _request, _context: pb.StartAccountResponse(account=first)
        supervisor.on["StopAccount"] = lambda _request, _context: pb.StopAccountResponse(account=first)
        supervisor.on["RestartAccount"] = lambda _request, _context: pb.RestartAccountResponse(account=first)

    return set_answers


@pytest.mark.parametrize(
    ("verb", "answers"),
    [
        ("start", [bob(STOPPED, 0), bob(nouns.ACCOUNT_STATE_STARTING), bob(RUNNING)]),
        ("stop", [bob(RUNNING), bob(STOPPING), bob(STOPPED, 0)]),
        ("restart", [bob(RUNNING), bob(RUNNING), bob(STOPPING), bob(STOPPED, 0), bob(RUNNING, 8)]),
        ("restart", [bob(STOPPED, 0), bob(RUNNING, 7)]),
    ],
)
def test_a_wait_ends_where_the_account_is_there(
    endpoint: str, supervisor: Scripted, stands: Callable[..., None], capsys: pytest.CaptureFixture[str],
    verb: str, answers: list[nouns.Account],
) -> None:  # fmt: skip
    stands(*answers)
    assert types(endpoint, f"{verb} bob --wait") == 0
    word = "STOPPED" if verb == "stop" else "RUNNING"
    assert capsys.readouterr().out == f"bob: {verb} done; now {word}\n"
    assert len(supervisor.requests(pb.GetStatusRequest)) == len(answers)


def test_one_that_has_failed_ends_the_wait_with_5(
    endpoint: str, stands: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    failed = bob(FAILED, 0)
    failed.reason, failed.message = "BAD_KEY", "the key is refused"
    stands(bob(STOPPED, 0), failed)
    assert types(endpoint, "start bob --wait") == 5
    assert capsys.readouterr() == ("", "krakencopy: bob: FAILED (BAD_KEY: the key is refused)\n")


def test_a_wait_that_is_too_short_says_how_it_stands(
    endpoint: str, stands: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    stands(bob(STOPPING))
    assert types(endpoint, "stop bob --wait --timeout 0.05") == 5
    assert capsys.readouterr().err == "krakencopy: not done after 0.05 s, and goes on: bob: STOPPING\n"


def test_without_a_wait_it_is_accepted(
    endpoint: str, supervisor: Scripted, stands: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    stands(bob(STOPPING))
    assert types(endpoint, "stop bob") == 0
    assert capsys.readouterr().out == "bob: stop accepted; now STOPPING\n"
    assert not supervisor.requests(pb.GetStatusRequest)
