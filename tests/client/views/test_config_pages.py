"""Accounts and groups as they are configured, in words."""

from __future__ import annotations

from krakencopy.client.views import config_pages as views
from krakencopy.v1 import configuration_pb2 as pb
from krakencopy.v1 import control_pb2
from krakencopy.v1 import types_pb2 as nouns
from tests.support import client_samples as samples


def test_what_was_done_or_only_validated_and_what_follows() -> None:
    answer = control_pb2.UpdateAccountResponse(applied=True, kept=["k"], warnings=["w"])
    assert views.change_page(answer, "account bob", "changed") == [
        "account bob: changed",
        "nothing follows for any account's process",
        "kept: k",
        "warning: w",
    ]
    answer = control_pb2.UpdateAccountResponse(
        accounts=[control_pb2.AccountChange(account_id="bob", kind=control_pb2.CHANGE_KIND_ADDED)]
    )
    assert views.change_page(answer, "account bob", "changed") == [
        "account bob: would be changed",
        "added: bob",
        "only validated: nothing of this was applied",
    ]


def test_an_account_is_a_row_or_a_page() -> None:
    account = pb.AccountConfig(
        account_id="bob", owner=nouns.CONFIG_OWNER_FILE, role="user", broker="kraken", mode="trade",
        reserve={"BTC": "1"}, copy={"b": "2", "a": "1"},
    )  # fmt: skip
    row = dict(zip([one.title for one in views.account_columns()], views.account_row(account), strict=True))
    assert (row["OWNER"], row["CHANGED"]) == ("file", "")
    assert views.account_page(account) == [
        "bob: file, user at kraken", "  mode = trade", "  copy.a = 1", "  copy.b = 2", "  reserve.BTC = 1",
    ]  # fmt: skip


def test_groups_and_changes_are_rows() -> None:
    group = pb.GroupConfig(
        group_id="vip", owner=nouns.CONFIG_OWNER_API, account_ids=["a", "b"], copy={"ratio": "1"}, etag="e",
        changed_at=samples.at(), changed_by="ida",
    )  # fmt: skip
    row = views.group_row(group)
    assert row[:5] == ["vip", "api", "a, b", "ratio = 1", "e"]
    assert row[5].endswith("by ida")
    change = pb.ConfigChange(
        is_group=True, id="vip", action=pb.CONFIG_ACTION_DELETED, at=samples.at(), old_values={"x": "1"}
    )
    assert views.change_row(change)[1:4] == ["group", "vip", "deleted"]
    assert views.change_row(change)[-1] == "x 1 -> (not set)"
    assert len(views.change_columns()) == len(views.change_row(change))
    assert len(views.group_columns()) == len(row)
    assert views.owner_word(nouns.CONFIG_OWNER_UNSPECIFIED) == ""
