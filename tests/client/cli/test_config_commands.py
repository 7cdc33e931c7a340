"""`krakencopy account` and `krakencopy group`: what is asked, what is shown, and what is refused before."""

from __future__ import annotations

import sys
from typing import Any

import grpc
import pytest

from krakencopy.client.cli.config_commands import MAPS, TEXTS
from krakencopy.supervisor.config.api_fields import ACCOUNT
from krakencopy.v1 import configuration_pb2 as pb
from krakencopy.v1 import control_pb2
from krakencopy.v1 import types_pb2 as nouns
from tests.support import client_samples as samples
from tests.support.scripted_supervisor import Scripted, refuse
from tests.support.typed_lines import Typed, types


def test_fields_are_given_by_name_and_rules_by_key(endpoint: str, supervisor: Scripted) -> None:
    line = "account create bob credentials_file=bob.key copy.ratio=2 reserve.BTC=1 --validate-only"
    assert types(endpoint, line) == 0
    assert types(endpoint, "account update bob group=vip copy.ratio=3 --unset tier --etag e") == 0
    assert types(endpoint, "group create vip max_user_risk=0.05") == 0
    assert types(endpoint, "group update vip copy.ratio=2 --unset max_user_risk") == 0
    create, update, group, other = supervisor.asked
    assert create.validate_only
    assert create.account == pb.AccountConfig(
        account_id="bob", credentials_file="bob.key", copy={"ratio": "2"}, reserve={"BTC": "1"}
    )
    assert update.account == pb.AccountConfig(account_id="bob", group="vip", copy={"ratio": "3"})
    assert (list(update.update_mask), update.etag) == (["group", "copy.ratio", "tier"], "e")
    assert dict(group.group.copy) == {"max_user_risk": "0.05"}
    assert list(other.update_mask) == ["copy.ratio", "copy.max_user_risk"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("account create bob group", "'group' is no FIELD=VALUE"),
        ("account create bob copy=1", "copy.KEY=VALUE"),
        ("account create bob role=master", "role is no field that can be given; there are broker, copy.KEY,"),
        ("account update bob account_id=eve", "account_id is no field that can be given"),
        (
            "account update bob --etag e group=eu",
            "group=eu, which stands behind an option; write what has an =",
        ),
        ("account update bob", "what is to be changed?"),
        ("account update bob group=a --unset group", "group is given twice"),
        ("account delete bob --on-leave sell", "invalid choice"),
        ("account delete bob", "nothing was deleted: it needs a yes"),
        ("account history --limit 0", "is not a whole number"),
        ("account", "required: VERB"),
    ],
)
def test_what_cannot_be_is_not_asked(
    endpoint: str, supervisor: Scripted, capsys: Any, line: str, says: str
) -> None:
    assert types(endpoint, line) == 3
    assert says in capsys.readouterr().err
    assert not supervisor.asked


def test_what_is_deleted_needs_a_yes_or_is_only_shown(
    endpoint: str, supervisor: Scripted, capsys: Any
) -> None:
    change = control_pb2.AccountChange(
        account_id="bob", kind=control_pb2.CHANGE_KIND_REMOVED, effect="it stays until all is sold"
    )

    def answer(request: Any, _context: Any) -> control_pb2.DeleteAccountResponse:
        return control_pb2.DeleteAccountResponse(applied=not request.validate_only, accounts=[change])

    supervisor.on["DeleteAccount"] = answer
    assert types(endpoint, "account delete bob --on-leave close_all --validate-only") == 0
    assert capsys.readouterr().out.splitlines() == [
        "account bob: would be deleted",
        "removed: bob (it stays until all is sold)",
        "only validated: nothing of this was applied",
    ]
    assert types(endpoint, "account delete bob --on-leave close_all --yes") == 0
    assert capsys.readouterr().out.splitlines()[0] == "account bob: deleted"
    assert types(endpoint, "group delete vip --yes") == 0
    assert capsys.readouterr().out.splitlines() == [
        "group vip: would be deleted",
        "nothing follows for any account's process",
        "only validated: nothing of this was applied",
    ]
    asked = supervisor.requests(pb.DeleteAccountRequest)
    assert [(one.on_leave, one.validate_only) for one in asked] == [
        (pb.ON_LEAVE_CLOSE_ALL, True), (pb.ON_LEAVE_CLOSE_ALL, False),
    ]  # fmt: skip


def test_each_fault_has_a_line_and_nothing_was_changed(
    endpoint: str, supervisor: Scripted, capsys: Any
) -> None:
    supervisor.on["CreateAccount"] = refuse(grpc.StatusCode.INVALID_ARGUMENT, "BAD_ACCOUNT", "one\ntwo")
    assert types(endpoint, "account create bob tier=gold") == 3
    assert capsys.readouterr().err.splitlines() == [
        "krakencopy: one", "krakencopy: two; nothing was changed (BAD_ACCOUNT)",
    ]  # fmt: skip


def test_accounts_groups_and_changes_are_tables(endpoint: str, supervisor: Scripted, capsys: Any) -> None:
    bob = pb.AccountConfig(
        account_id="bob", owner=nouns.CONFIG_OWNER_API, role="user", broker="kraken", mode="trade",
        credentials_file="bob.key", key_source="file /s/bob.key", copy={"ratio": "2"}, etag="e1",
        changed_at=samples.at(), changed_by="ida", left_out="no group",
    )  # fmt: skip
    supervisor.on["ListAccountConfigs"] = lambda *_: pb.ListAccountConfigsResponse(accounts=[bob])
    supervisor.on["GetAccountConfig"] = lambda *_: pb.GetAccountConfigResponse(account=bob)
    change = pb.ConfigChange(
        id="bob", action=pb.CONFIG_ACTION_UPDATED, at=samples.at(), changed_by="ida", principal="root",
        old_values={"group": "a"}, new_values={"copy.ratio": "2"},
    )  # fmt: skip
    supervisor.on["ListConfigChanges"] = lambda *_: pb.ListConfigChangesResponse(changes=[change])
    vip = pb.GroupConfig(group_id="vip", owner=nouns.CONFIG_OWNER_FILE, account_ids=["bob"])
    supervisor.on["ListGroups"] = lambda *_: pb.ListGroupsResponse(groups=[vip])
    assert types(endpoint, "account show") == 0
    assert "file /s/bob.key" in capsys.readouterr().out
    assert types(endpoint, "account show bob") == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "bob: api, user at kraken"
    assert "  copy.ratio = 2" in shown
    assert shown[-1] == "  does not run: no group"
    assert types(endpoint, "account history bob") == 0
    assert "copy.ratio (not set) -> 2; group a -> (not set)" in capsys.readouterr().out
    assert types(endpoint, "group list") == 0
    assert "file" in capsys.readouterr().out
    supervisor.on.clear()
    assert types(endpoint, "account history bob") == 0
    assert capsys.readouterr().out == "nothing was changed over the API of bob\n"
    assert types(endpoint, "group list") == 0
    assert "there are no groups" in capsys.readouterr().out


def test_who_takes_accounts_out_by_the_file_is_asked(
    endpoint: str, supervisor: Scripted, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    gone = control_pb2.AccountChange(
        account_id="bob", kind=control_pb2.CHANGE_KIND_REMOVED, effect="to be sold at once: 0.5 BTC"
    )
    changes = [gone]

    def reload(request: control_pb2.ReloadRequest, _context: Any) -> control_pb2.ReloadResponse:
        return control_pb2.ReloadResponse(applied=not request.dry_run, accounts=changes)

    def applied() -> list[bool]:
        asked = [not one.dry_run for one in supervisor.requests(control_pb2.ReloadRequest)]
        supervisor.asked.clear()
        return asked

    supervisor.on["Reload"] = reload
    monkeypatch.setattr(sys, "stdin", None)
    assert types(endpoint, "reload") == 3
    assert applied() == [False]
    said = capsys.readouterr().err
    assert "nothing was changed: it takes out bob, which needs a yes; give it with --yes" in said
    monkeypatch.setattr(sys, "stdin", Typed("n\n"))
    assert types(endpoint, "reload") == 1
    assert applied() == [False]
    said = capsys.readouterr().err
    assert "removed: bob (to be sold at once: 0.5 BTC)" in said
    assert "Take out bob? [y/N]" in said
    monkeypatch.setattr(sys, "stdin", Typed("y\n"))
    assert types(endpoint, "reload") == 0
    assert applied() == [False, True]
    monkeypatch.setattr(sys, "stdin", None)
    assert types(endpoint, "reload --yes") == 0
    assert applied() == [True]
    gone.kind = control_pb2.CHANGE_KIND_CHANGED
    assert types(endpoint, "reload") == 0
    assert applied() == [False, True], "whom it keeps is not asked about"


def test_what_was_shown_is_deleted_and_nothing_else(
    endpoint: str, supervisor: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = control_pb2.DeleteAccountResponse(account=pb.AccountConfig(account_id="bob", etag="e7"))
    supervisor.on["DeleteAccount"] = lambda *_: shown
    monkeypatch.setattr(sys, "stdin", Typed("y\n"))
    assert types(endpoint, "account delete bob") == 0
    plan, delete = supervisor.requests(pb.DeleteAccountRequest)
    assert (plan.etag, plan.validate_only) == ("", True)
    assert (delete.etag, delete.validate_only) == ("e7", False)


def test_what_can_be_given_is_what_the_api_takes() -> None:
    assert set(MAPS) == ACCOUNT.maps
    assert set(TEXTS) == ACCOUNT.texts
