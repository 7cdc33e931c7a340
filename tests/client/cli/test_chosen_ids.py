"""Which accounts a command acts on; nothing is acted on where one of them is wrong."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from krakencopy.client.cli.main import main
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns
from tests.support import client_samples as samples
from tests.support.scripted_supervisor import Scripted, refusal


def abroad() -> nouns.Account:
    account = samples.user("cora")
    account.broker = "coinbase"
    return account


def gone() -> nouns.Account:
    account = samples.user("gone")
    account.removed = True
    return account


ACCOUNTS = {
    account.id: account
    for account in (samples.master(), samples.user("ann"), samples.user("bob"), abroad(), gone())
}


@pytest.fixture(autouse=True)
def _accounts(supervisor: Scripted) -> None:
    def one(request: Any, context: grpc.ServicerContext) -> pb.GetAccountResponse:
        if request.account_id not in ACCOUNTS:
            unknown = f"no account {request.account_id!r}"
            context.abort_with_status(refusal(grpc.StatusCode.NOT_FOUND, "ACCOUNT_NOT_FOUND", unknown))
        return pb.GetAccountResponse(account=ACCOUNTS[request.account_id])

    supervisor.on["GetAccount"] = one
    supervisor.on["ListAccounts"] = lambda _request, _context: pb.ListAccountsResponse(
        accounts=ACCOUNTS.values()
    )


def acted_on(supervisor: Scripted) -> list[str]:
    return [
        request.account_id
        for request in supervisor.asked
        if "request_id" in request.DESCRIPTOR.fields_by_name
    ]


@pytest.mark.parametrize("command", ["start", "stop", "restart", "pause"])
def test_each_unknown_id_is_named_and_nothing_is_done(
    endpoint: str, supervisor: Scripted, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert main([command, "ann", "eve", "bob", "zoe", "--endpoint", endpoint]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "krakencopy: no account 'eve' (ACCOUNT_NOT_FOUND)",
        "krakencopy: no account 'zoe'; nothing was done (ACCOUNT_NOT_FOUND)",
    ]
    assert acted_on(supervisor) == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("master", "master is a master: only what copies can be paused; nothing was done (NOT_A_USER)"),
        ("cora", "cora is at coinbase and copies nobody: only what copies can be paused; nothing was done"),
        ("gone", "gone is not in the configuration any more and only finishes what is in flight; nothing"),
    ],
)
def test_a_user_is_not_paused_where_another_account_cannot_be(
    endpoint: str, supervisor: Scripted, capsys: pytest.CaptureFixture[str], wrong: str, said: str
) -> None:
    assert main(["pause", "ann", wrong, "--endpoint", endpoint]) == 1
    assert capsys.readouterr().err.startswith(f"krakencopy: {said}")
    assert acted_on(supervisor) == []


def test_all_users_that_copy_are_paused_and_the_others_are_named(
    endpoint: str, supervisor: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["pause", "--all", "--endpoint", endpoint]) == 0
    assert acted_on(supervisor) == ["ann", "bob"]
    assert capsys.readouterr().err.splitlines() == [
        "krakencopy: left out: master (is a master: only what copies can be paused)",
        "krakencopy: left out: cora (is at coinbase and copies nobody: only what copies can be paused)",
        (
            "krakencopy: left out: gone (is not in the configuration any more and only finishes what is in "
            "flight)"
        ),
    ]


def test_all_are_stopped_but_one_that_is_removed_the_master_last(endpoint: str, supervisor: Scripted) -> None:
    assert main(["stop", "--all", "--endpoint", endpoint]) == 0
    assert acted_on(supervisor) == ["cora", "bob", "ann", "master"]


@pytest.fixture
def grouped(supervisor: Scripted) -> Scripted:
    """Two groups, one of them without members."""
    status = pb.GetStatusResponse(
        accounts=ACCOUNTS.values(),
        groups=[pb.Group(id="clients", account_ids=["ann", "bob"]), pb.Group(id="empty")],
    )
    supervisor.on["GetStatus"] = lambda _request, _context: status
    return supervisor


@pytest.mark.parametrize("command", ["start", "stop", "restart", "pause"])
def test_a_group_stands_for_those_who_belong_to_it_each_once(
    endpoint: str, grouped: Scripted, command: str
) -> None:
    assert main([command, "bob", "clients", "--endpoint", endpoint]) == 0
    assert acted_on(grouped) == ["bob", "ann"]


def test_a_group_of_nobody_and_an_unknown_one_are_named_and_nothing_is_done(
    endpoint: str, grouped: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["pause", "clients", "empty", "nobody", "--endpoint", endpoint]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "krakencopy: nobody belongs to the group empty (ACCOUNT_NOT_FOUND)",
        "krakencopy: no account 'nobody'; nothing was done (ACCOUNT_NOT_FOUND)",
    ]
    assert acted_on(grouped) == []


@pytest.mark.parametrize("command", ["status", "accounts"])
def test_only_a_groups_accounts_are_shown(
    endpoint: str, grouped: Scripted, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert main([command, "--group", "clients", "--endpoint", endpoint]) == 0
    shown = capsys.readouterr().out
    assert "ann" in shown
    assert "\ncora" not in shown
    assert "\nmaster" not in shown
    assert main([command, "--group", "friends", "--endpoint", endpoint]) == 3
    assert "there is no group 'friends'; there are clients, empty" in capsys.readouterr().err
    grouped.on["GetStatus"] = lambda _request, _context: pb.GetStatusResponse()
    assert main([command, "--group", "friends", "--endpoint", endpoint]) == 3
    assert "the configuration has none" in capsys.readouterr().err


def test_an_id_that_is_given_twice_is_acted_on_once(endpoint: str, supervisor: Scripted) -> None:
    assert main(["restart", "bob", "ann", "bob", "--endpoint", endpoint]) == 0
    assert acted_on(supervisor) == ["bob", "ann"]
