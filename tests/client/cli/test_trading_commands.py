"""Commands that stop trading: what is asked, what is shown, how they end; and the question before a sale."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import grpc
import pytest

from krakencopy.client.cli import wait
from krakencopy.client.cli.main import main
from krakencopy.client.sdk.errors import ExitCode
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns
from tests.support import client_samples as samples
from tests.support.scripted_supervisor import Scripted, refuse
from tests.support.typed_lines import Typed, types

HALTED, REDUCING, ACTIVE = (
    nouns.TRADING_STATE_HALTED,
    nouns.TRADING_STATE_REDUCING,
    nouns.TRADING_STATE_ACTIVE,
)


def kept(account_id: str, state: Any, message: str = "", *, yes: bool = True) -> pb.TradingAcknowledgement:
    trading = nouns.TradingStatus(state=state, version=3)
    return pb.TradingAcknowledgement(
        account_id=account_id, trading=trading, acknowledged=yes, message=message
    )


def answers(supervisor: Scripted, *accounts: pb.TradingAcknowledgement) -> None:
    supervisor.on["SetTradingState"] = lambda _request, _context: pb.SetTradingStateResponse(
        accounts=accounts, version=3
    )


@pytest.mark.parametrize(("verb", "state"), [("halt", HALTED), ("exit-only", REDUCING)])
def test_what_stops_is_said_at_once_and_each_account_is_shown(
    endpoint: str, supervisor: Scripted, capsys: Any, verb: str, state: Any
) -> None:
    answers(supervisor, kept("ann", state), kept("bob", state, "no process: it keeps to it from its start"))
    assert types(endpoint, f"{verb} ann bob ann --group eu --reason odd-orders") == ExitCode.DONE
    [request] = supervisor.requests(pb.SetTradingStateRequest)
    assert (list(request.target.account_ids), list(request.target.groups)) == (["ann", "bob"], ["eu"])
    assert (request.state, request.reason, request.by.split()[0]) == (state, "odd-orders", "operator")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["ACCOUNT", "STATE", "ACKNOWLEDGED", "MESSAGE"]
    assert lines[1].split() == ["ann", nouns.TradingState.Name(state).removeprefix("TRADING_STATE_"), "yes"]
    assert lines[2].endswith("no process: it keeps to it from its start")
    assert types(endpoint, f"{verb} --all") == ExitCode.DONE
    assert supervisor.requests(pb.SetTradingStateRequest)[1].target == pb.TradingTarget(all=True)


def test_who_has_not_acknowledged_is_named_and_the_command_fails(
    endpoint: str, supervisor: Scripted, capsys: Any
) -> None:
    answers(supervisor, kept("ann", HALTED), kept("bob", HALTED, "it has not answered", yes=False))
    assert types(endpoint, "halt --all") == ExitCode.NOT_IN_TIME
    said = capsys.readouterr()
    assert said.err == "krakencopy: NOT ACKNOWLEDGED by bob: orders may leave there until they are\n"
    assert types(endpoint, "halt --all -o json") == ExitCode.NOT_IN_TIME
    shown = json.loads(capsys.readouterr().out)
    assert [one["acknowledged"] for one in shown["accounts"]] == [True, False]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("halt", "name accounts, --group or --all"),
        ("halt --all bob", "--all means every account; leave out the others"),
        ("flatten --all --group eu", "--all means every account; leave out the others"),
        (f"halt bob --reason {'x' * 201}", "it has 201 characters; at most 200 are taken"),
    ],
)
def test_what_is_not_clear_is_asked_of_nobody(
    endpoint: str, supervisor: Scripted, capsys: Any, line: str, words: str
) -> None:
    assert types(endpoint, line) == ExitCode.BAD_INPUT
    assert words in capsys.readouterr().err
    assert supervisor.asked == []


def test_where_nobody_answers_the_way_without_the_supervisor_is_named(tmp_path: Path, capsys: Any) -> None:
    assert main(["--endpoint", f"unix:{tmp_path}/none", "halt", "--all"]) == ExitCode.UNAVAILABLE
    assert "`krakencopy halt ... --offline` does it without the supervisor" in capsys.readouterr().err


# -- resume --------------------------------------------------------------------------------------------------


def held(name: str, *scopes: str, paused: bool = False) -> nouns.Account:
    account = samples.user(name)
    account.copy_mode = nouns.COPY_MODE_PAUSED if paused else nouns.COPY_MODE_COPYING
    settings = [nouns.TradingStateSetting(scope=each, state=HALTED, by="operator ann") for each in scopes]
    account.trading.CopyFrom(nouns.TradingStatus(state=HALTED if scopes else ACTIVE, settings=settings))
    return account


def has(supervisor: Scripted, *accounts: nouns.Account) -> None:
    supervisor.on["ListAccounts"] = lambda _request, _context: pb.ListAccountsResponse(accounts=accounts)


def test_resume_lifts_the_state_and_the_pause_and_says_what_still_holds(
    endpoint: str, supervisor: Scripted, capsys: Any
) -> None:
    has(supervisor, held("ann", "all", "account:ann", paused=True), held("bob"))
    still = kept("ann", HALTED, "still HALTED for all, since ...")
    still.trading.settings.add(scope="all", state=HALTED, by="operator ann")
    answers(supervisor, still, kept("bob", ACTIVE))
    assert types(endpoint, "resume ann bob") == ExitCode.DONE
    [request] = supervisor.requests(pb.SetTradingStateRequest)
    assert (request.state, list(request.target.account_ids)) == (ACTIVE, ["ann", "bob"])
    assert [each.account_id for each in supervisor.requests(pb.ResumeAccountRequest)] == ["ann"]
    out = capsys.readouterr().out
    assert "lifted: HALTED for itself by operator ann" in out
    assert "its pause: first what has waited is copied; still HALTED for all, since ..." in out
    assert "nothing was to be lifted" in out


def test_resume_says_what_it_has_lifted_where_a_limit_steps_in(
    endpoint: str, supervisor: Scripted, capsys: Any
) -> None:
    has(supervisor, held("ann", "account:ann"))
    stopped = kept("ann", HALTED, "still HALTED for itself by limit day of all")
    stopped.trading.settings.add(scope="account:ann", state=HALTED, by="limit day of all")
    answers(supervisor, stopped)
    assert types(endpoint, "resume ann") == ExitCode.DONE
    words = capsys.readouterr().out.partition("lifted: ")[2]
    assert words.startswith("HALTED for itself by operator ann")
    assert "; still HALTED for itself by limit day of all" in words


def test_resume_of_all_lifts_what_was_said_for_each_account_as_well(
    endpoint: str, supervisor: Scripted
) -> None:
    has(supervisor, held("ann", "all", "account:ann"), held("bob", "all", "group:eu"))
    answers(supervisor, kept("ann", ACTIVE), kept("bob", ACTIVE))
    assert types(endpoint, "resume --all") == ExitCode.DONE
    [request] = supervisor.requests(pb.SetTradingStateRequest)
    assert request.target == pb.TradingTarget(all=True, account_ids=["ann"])


def test_a_pause_that_cannot_be_lifted_is_named_and_the_others_go_on(
    endpoint: str, supervisor: Scripted, capsys: Any
) -> None:
    has(supervisor, held("ann", paused=True))
    answers(supervisor, kept("ann", ACTIVE))
    supervisor.on["ResumeAccount"] = refuse(grpc.StatusCode.NOT_FOUND, "ACCOUNT_NOT_FOUND", "it is gone")
    assert types(endpoint, "resume ann") == ExitCode.REFUSED
    said = capsys.readouterr()
    assert "it is gone" in said.err
    assert "nothing was to be lifted" in said.out


# -- flatten -------------------------------------------------------------------------------------------------


@pytest.fixture
def selling(supervisor: Scripted) -> Scripted:
    """A supervisor with a user that copying bought something for."""
    sold = pb.FlattenPosition(account_id="bob", asset="BTC", volume="0.01", pair="BTC/USD")

    def answer(request: Any, _: Any) -> pb.FlattenAccountsResponse:
        accounts = [] if request.dry_run else [kept("bob", REDUCING)]
        return pb.FlattenAccountsResponse(positions=[sold], accounts=accounts)

    supervisor.on["FlattenAccounts"] = answer
    return supervisor


def asked_to_sell(supervisor: Scripted) -> list[bool]:
    return [not request.dry_run for request in supervisor.requests(pb.FlattenAccountsRequest)]


def test_a_dry_run_shows_the_plan_and_sells_nothing(endpoint: str, selling: Scripted, capsys: Any) -> None:
    assert types(endpoint, "flatten bob --dry-run") == ExitCode.DONE
    assert capsys.readouterr().out.splitlines()[1].split() == ["bob", "BTC", "0.01", "BTC/USD"]
    assert asked_to_sell(selling) == [False]


@pytest.mark.parametrize(("answer", "code"), [("y\n", ExitCode.DONE), ("\n", ExitCode.REFUSED)])
def test_a_sale_waits_for_a_yes_that_has_seen_the_plan(
    endpoint: str, selling: Scripted, monkeypatch: pytest.MonkeyPatch, capsys: Any, answer: str, code: int
) -> None:
    monkeypatch.setattr(sys, "stdin", Typed(answer))
    assert types(endpoint, "flatten --all --reason leaving") == code
    said = capsys.readouterr()
    assert "0.01" in said.err
    assert "Sell this, at the market, and buy nothing from then on? [y/N] " in said.err
    assert asked_to_sell(selling) == ([False, True] if code == ExitCode.DONE else [False])


def test_a_script_says_yes_with_an_option(
    endpoint: str, selling: Scripted, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert types(endpoint, "flatten bob") == ExitCode.BAD_INPUT
    assert "give it with --yes" in capsys.readouterr().err
    assert types(endpoint, "flatten bob --yes") == ExitCode.DONE
    assert "REDUCING" in capsys.readouterr().out
    assert types(endpoint, "flatten bob --yes -o json") == ExitCode.DONE
    assert json.loads(capsys.readouterr().out)["positions"][0]["asset"] == "BTC"
    assert asked_to_sell(selling) == [True, True], "without a terminal nothing is asked for"


def stands(number: int, state: nouns.FlattenState.ValueType) -> nouns.Account:
    """How a flatten of bob's has come."""
    flatten = nouns.Flatten(number=number, state=state, by="operator ann")
    return nouns.Account(
        id="bob", state=nouns.ACCOUNT_STATE_RUNNING, trading=nouns.TradingStatus(flatten=flatten)
    )


def test_a_wait_ends_when_all_is_sold_that_this_flatten_is_to_sell(
    endpoint: str, selling: Scripted, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wait, "_INTERVAL_S", 0.001)
    asked = kept("bob", REDUCING)
    asked.trading.flatten.CopyFrom(stands(7, nouns.FLATTEN_STATE_REQUESTED).trading.flatten)
    selling.on["FlattenAccounts"] = lambda _request, _context: pb.FlattenAccountsResponse(accounts=[asked])
    seen = [
        stands(6, nouns.FLATTEN_STATE_DONE),  # the one before
        stands(7, nouns.FLATTEN_STATE_SELLING),
        stands(7, nouns.FLATTEN_STATE_DONE),
    ]
    selling.on["GetStatus"] = lambda _request, _context: pb.GetStatusResponse(accounts=[seen.pop(0)])
    assert types(endpoint, "flatten bob --yes --wait") == ExitCode.DONE
    assert capsys.readouterr().out.splitlines()[-1] == "sold: bob"
    assert seen == []
    still = stands(7, nouns.FLATTEN_STATE_SELLING)
    selling.on["GetStatus"] = lambda _request, _context: pb.GetStatusResponse(accounts=[still])
    assert types(endpoint, "flatten bob --yes --wait --timeout 0.05") == ExitCode.NOT_IN_TIME
    assert "and goes on: bob: sells what copying bought: flatten 7" in capsys.readouterr().err


@pytest.mark.parametrize("other", ["--dry-run", "--cancel", "--offline"])
def test_a_wait_is_for_a_sale_that_a_supervisor_says_is_over(
    endpoint: str, selling: Scripted, capsys: Any, other: str
) -> None:
    assert types(endpoint, f"flatten bob --wait {other}") == ExitCode.BAD_INPUT
    assert "--wait waits until it is sold" in capsys.readouterr().err
    assert asked_to_sell(selling) == []


def test_taking_it_back_asks_nothing_and_shows_who_keeps_to_it(
    endpoint: str, selling: Scripted, capsys: Any
) -> None:
    assert types(endpoint, "flatten bob --cancel --dry-run") == ExitCode.BAD_INPUT
    capsys.readouterr()
    assert types(endpoint, "flatten bob --cancel --reason slip") == ExitCode.DONE
    assert "REDUCING" in capsys.readouterr().out
    (asked,) = selling.requests(pb.FlattenAccountsRequest)
    assert (asked.cancel, asked.dry_run, asked.reason) == (True, False, "slip")


def test_where_copying_holds_nothing_that_is_said(endpoint: str, supervisor: Scripted, capsys: Any) -> None:
    assert types(endpoint, "flatten bob --dry-run") == ExitCode.DONE
    assert capsys.readouterr().out == "copying holds nothing there\n"
    assert len(supervisor.asked) == 1
