"""`krakencopy set`: what is asked, what is shown, and what is refused before anything is asked."""

from __future__ import annotations

import os
import pwd
from typing import Any

import grpc
import pytest

from krakencopy.client.cli.main import main
from krakencopy.v1 import control_pb2 as pb
from tests.support import client_samples as samples
from tests.support.scripted_supervisor import Scripted, refuse
from tests.support.typed_lines import types

KEPT = [
    pb.KeptSetting(target="", key="order", value="limit_ioc", set_by="ida", set_at=samples.at()),
    pb.KeptSetting(
        target="bob", key="ratio", value="2", set_by="jim", set_at=samples.at(), without_effect="it is gone"
    ),
]


@pytest.fixture(autouse=True)
def _operator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SUDO_USER", raising=False)


def asked(supervisor: Scripted) -> list[tuple[str, bool, dict[str, str], bool]]:
    return [
        (request.id, request.all, dict(request.settings), request.validate_only)
        for request in supervisor.requests(pb.SetSettingsRequest)
    ]


def test_what_is_set_or_taken_back_is_asked_for_at_once(endpoint: str, supervisor: Scripted) -> None:
    assert types(endpoint, "set bob max_user_risk=0.05 order=") == 0
    assert types(endpoint, "set clients --unset ratio --dry-run") == 0
    assert types(endpoint, "set --all max_slippage_bps=5") == 0
    assert main(["--endpoint", endpoint, "set", "bob", 'map={ "a" = "b" }']) == 0
    assert asked(supervisor) == [
        ("bob", False, {"max_user_risk": "0.05", "order": ""}, False),
        ("clients", False, {"ratio": ""}, True),
        ("", True, {"max_slippage_bps": "5"}, False),
        ("bob", False, {"map": '{ "a" = "b" }'}, False),
    ]


def test_who_asks_is_said(endpoint: str, supervisor: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    types(endpoint, "set bob order=market")
    monkeypatch.setenv("SUDO_USER", "ida")
    types(endpoint, "set bob order=market")

    def nobody(_uid: int) -> Any:
        raise KeyError

    monkeypatch.delenv("SUDO_USER")
    us = pwd.getpwuid(os.getuid()).pw_name
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    types(endpoint, "set bob order=market")
    said = [request.set_by for request in supervisor.requests(pb.SetSettingsRequest)]
    assert said == [us, "ida", f"user {os.getuid()}"]


def test_what_follows_is_shown_a_line_each(endpoint: str, supervisor: Scripted, capsys: Any) -> None:
    change = pb.SettingChange(key="order", old_value="", new_value="market")
    account = pb.AccountChange(
        account_id="bob", kind=pb.CHANGE_KIND_CHANGED, effect="its process restarts",
        settings=[pb.SettingChange(key="copy.order", old_value="limit_ioc", new_value="market")],
    )  # fmt: skip
    answer = pb.SetSettingsResponse(
        applied=True, settings=[change], accounts=[account], kept=["bob differs"], warnings=["look at it"]
    )
    supervisor.on["SetSettings"] = lambda _request, _context: answer
    assert types(endpoint, "set bob order=market") == 0
    assert capsys.readouterr().out.splitlines() == [
        "bob: order (not set) -> market",
        "changed: bob: copy.order limit_ioc -> market (its process restarts)",
        "kept: bob differs",
        "warning: look at it",
    ]
    supervisor.on["SetSettings"] = lambda _request, _context: pb.SetSettingsResponse(settings=[change])
    assert types(endpoint, "set --all order=market --dry-run") == 0
    assert capsys.readouterr().out.splitlines() == [
        "(all): order (not set) -> market",
        "no account goes by other rules for it",
        "a dry run: nothing of this was applied",
    ]
    supervisor.on["SetSettings"] = lambda _request, _context: pb.SetSettingsResponse(applied=True)
    assert types(endpoint, "set bob order=market") == 0
    assert capsys.readouterr().out == "nothing has changed\n"


def test_status_reminds_of_what_has_no_effect(endpoint: str, supervisor: Scripted, capsys: Any) -> None:
    status = samples.status()
    supervisor.on["GetStatus"] = lambda _request, _context: status
    assert types(endpoint, "status") == 0
    assert "without effect" not in capsys.readouterr().out
    status.settings.extend(KEPT)
    assert types(endpoint, "status") == 0
    assert "\nset, and without effect as the file is now: bob ratio; see krakencopy set\n" in (
        capsys.readouterr().out
    )
    status.settings.extend([KEPT[1]] * 6)
    assert types(endpoint, "status") == 0
    assert "bob ratio and 2 more; see krakencopy set" in capsys.readouterr().out


def test_without_a_key_it_shows_what_is_set(endpoint: str, supervisor: Scripted, capsys: Any) -> None:
    supervisor.on["GetStatus"] = lambda _request, _context: pb.GetStatusResponse(settings=KEPT)
    assert types(endpoint, "set") == 0
    lines = [line.split(maxsplit=4) for line in capsys.readouterr().out.splitlines()]
    assert [line[:4] for line in lines] == [
        ["FOR", "KEY", "VALUE", "SET"],
        ["(all)", "order", "limit_ioc", "ida"],
        ["bob", "ratio", "2", "jim"],
    ]
    assert types(endpoint, "set bob") == 0
    shown = capsys.readouterr().out
    assert "none: it is gone" in shown
    assert "limit_ioc" not in shown
    assert types(endpoint, "set --all") == 0
    assert "bob" not in capsys.readouterr().out
    assert types(endpoint, "set eve") == 0
    # What is set for all holds for eve, too.
    assert capsys.readouterr().out == "nothing is set for eve alone; see krakencopy set\n"
    supervisor.on["GetStatus"] = lambda _request, _context: pb.GetStatusResponse(settings=KEPT[1:])
    assert types(endpoint, "set --all") == 0
    assert capsys.readouterr().out == "nothing is set for all; see krakencopy set\n"
    supervisor.on["GetStatus"] = lambda _request, _context: pb.GetStatusResponse()
    assert types(endpoint, "set") == 0
    assert capsys.readouterr().out == "nothing is set; everything is as the file says\n"
    assert asked(supervisor) == []


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("set bob order", "'order' is no KEY=VALUE; see: krakencopy set --help"),
        ("set bob =3", "'=3' is no KEY=VALUE"),
        ("set bob order=market --unset order", "order is given twice"),
        ("set order=market", "for whom? name an account or a group before the keys, or give --all"),
        ("set --unset order", "for whom?"),
        ("accounts --rules", "--rules: of which account? give its ID"),
    ],
)
def test_a_line_that_cannot_be_meant_asks_nothing(
    endpoint: str, supervisor: Scripted, capsys: Any, line: str, says: str
) -> None:
    assert types(endpoint, line) == 3
    assert says in capsys.readouterr().err
    assert supervisor.asked == []


def test_each_fault_is_a_line_of_its_own(endpoint: str, supervisor: Scripted, capsys: Any) -> None:
    faults = "set bob: order: no\nset bob: ratio: no; write another"
    supervisor.on["SetSettings"] = refuse(grpc.StatusCode.INVALID_ARGUMENT, "BAD_SETTING", faults)
    assert types(endpoint, "set bob order=x ratio=y") == 3
    assert capsys.readouterr().err.splitlines() == [
        "krakencopy: set bob: order: no",
        "krakencopy: set bob: ratio: no; write another; nothing was changed (BAD_SETTING)",
    ]


def test_a_rule_that_differs_shows_the_files_value(endpoint: str, supervisor: Scripted, capsys: Any) -> None:
    account = samples.user("bob")
    account.settings_differ = 2
    account.group = "clients"
    account.rules.add(key="copy.order", value="limit_ioc", source="set for all", file_value="market")
    account.rules.add(key="copy.ratio", value="", source="set for all", file_value="")
    account.rules.add(key="copy.balance", value="cash", source="group clients")
    supervisor.on["GetAccount"] = lambda _request, _context: pb.GetAccountResponse(account=account)
    assert types(endpoint, "accounts bob --rules") == 0
    assert [line.split(maxsplit=2) for line in capsys.readouterr().out.splitlines()] == [
        ["RULE", "VALUE", "FROM"],
        ["copy.order", "limit_ioc", "set for all (the file: market)"],
        ["copy.ratio", "-", "set for all (the file: not set)"],
        ["copy.balance", "cash", "group clients"],
    ]
    assert types(endpoint, "accounts bob") == 0
    page = capsys.readouterr().out
    assert "2 differ from the file" in page
    assert "clients" in page
    del account.rules[:]
    assert types(endpoint, "accounts bob --rules") == 0
    assert capsys.readouterr().out == "bob goes by no rules of its own\n"
    eve = samples.user("eve")
    eve.settings_differ = 2
    status = samples.status(account, eve)
    supervisor.on["GetStatus"] = lambda _request, _context: status
    assert types(endpoint, "status") == 0
    assert "bob, eve: settings: 2 differ from the file, see krakencopy accounts ID --rules" in (
        capsys.readouterr().out
    )
