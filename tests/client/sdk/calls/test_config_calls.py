"""What the SDK asks about accounts and groups of the API."""

from __future__ import annotations

from typing import Any

import pytest

from krakencopy.client.sdk.errors import BadInput
from krakencopy.client.sdk.message_client import MessageClient
from krakencopy.client.sdk.operator_name import operator_name
from krakencopy.v1 import configuration_pb2 as pb
from tests.support.scripted_supervisor import Scripted


def test_an_account_is_asked_for_with_its_fields_and_its_paths(
    sdk: MessageClient, supervisor: Scripted
) -> None:
    fields: dict[str, Any] = {"credentials_file": "bob.key", "copy": {"max_user_risk": "0.05"}}
    sdk.create_account("bob", fields, validate_only=True)
    [created] = supervisor.requests(pb.CreateAccountRequest)
    assert created.account == pb.AccountConfig(account_id="bob", **fields)
    assert (created.validate_only, created.changed_by) == (True, operator_name())
    sdk.update_account("bob", {"group": "vip"}, paths=["group", "copy.ratio"], etag="e", changed_by="ida")
    sdk.update_account("bob", {"group": "vip"})
    masked, whole = supervisor.requests(pb.UpdateAccountRequest)
    assert list(masked.update_mask) == ["group", "copy.ratio"]
    assert (masked.etag, masked.changed_by, masked.account.group) == ("e", "ida", "vip")
    assert not whole.update_mask
    sdk.delete_account("bob", on_leave="close_all", etag="e")
    sdk.delete_account("bob")
    policies = [request.on_leave for request in supervisor.requests(pb.DeleteAccountRequest)]
    assert policies == [pb.ON_LEAVE_CLOSE_ALL, pb.ON_LEAVE_UNSPECIFIED]


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (
            lambda sdk: sdk.create_account("bob", {"ratio": "1"}),
            "^ratio: no field of an account; a rule of copy",
        ),
        (lambda sdk: sdk.create_account("bob", {"copy": {"ratio": 1}}), "the fields of an account cannot be"),
        (lambda sdk: sdk.delete_account("bob", on_leave="sell"), "'sell' is no on_leave"),
    ],
)
def test_what_cannot_be_asked_is_not_asked(
    sdk: MessageClient, supervisor: Scripted, ask: Any, says: str
) -> None:
    with pytest.raises(BadInput, match=says):
        ask(sdk)
    assert not supervisor.asked


def test_a_group_is_asked_for_with_its_rules(sdk: MessageClient, supervisor: Scripted) -> None:
    sdk.create_group("vip", {"ratio": "2"})
    sdk.update_group("vip", {"ratio": "3"}, paths=["copy.ratio"])
    sdk.delete_group("vip", etag="e")
    created, updated, deleted = supervisor.asked
    assert created.group == pb.GroupConfig(group_id="vip", copy={"ratio": "2"})
    assert (dict(updated.group.copy), list(updated.update_mask)) == ({"ratio": "3"}, ["copy.ratio"])
    assert (deleted.group_id, deleted.etag) == ("vip", "e")


def test_lists_hide_their_pages(sdk: MessageClient, supervisor: Scripted) -> None:
    def accounts(request: Any, _context: Any) -> pb.ListAccountConfigsResponse:
        name, more = ("bob", "") if request.page_token else ("anna", "more")
        return pb.ListAccountConfigsResponse(
            accounts=[pb.AccountConfig(account_id=name)], next_page_token=more
        )

    def groups(_request: Any, _context: Any) -> pb.ListGroupsResponse:
        return pb.ListGroupsResponse(groups=[pb.GroupConfig(group_id="vip")])

    def changes(request: Any, _context: Any) -> pb.ListConfigChangesResponse:
        return pb.ListConfigChangesResponse(changes=[pb.ConfigChange(id=request.id, number=2)] * 3)

    supervisor.on |= {"ListAccountConfigs": accounts, "ListGroups": groups, "ListConfigChanges": changes}
    assert [one.account_id for one in sdk.list_account_configs()] == ["anna", "bob"]
    assert [one.group_id for one in sdk.list_groups()] == ["vip"]
    assert len(list(sdk.list_config_changes("bob", limit=2))) == 2
    assert sdk.get_account_config("bob") == pb.AccountConfig()
