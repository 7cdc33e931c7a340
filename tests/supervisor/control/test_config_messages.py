"""What is shown of an account, the file's or the API's, and where secrets are looked for."""

from __future__ import annotations

from krakencopy.supervisor.config.api_fields import ACCOUNT, GROUP
from krakencopy.supervisor.config.reader import parse
from krakencopy.supervisor.control.config_messages import body_of, change_message, key_source, secret_field
from krakencopy.supervisor.journal.config_changes import UPDATED, ConfigRow
from krakencopy.v1 import configuration_pb2 as pb
from tests.support.config_texts import MASTER, PAPER, user

SECRET = "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg=="


def test_a_body_has_what_is_given_and_nothing_that_answers_alone_say() -> None:
    account = pb.AccountConfig(
        account_id="anna", group=" vip ", tier="", copy={"ratio": "2"}, etag="e", role="master"
    )
    assert body_of(ACCOUNT, account) == {"group": "vip", "copy": {"ratio": "2"}}
    assert body_of(GROUP, pb.GroupConfig(group_id="vip", account_ids=["a"])) == {}


def test_a_secret_is_found_in_any_field() -> None:
    account = pb.AccountConfig(account_id="anna", copy={"ratio": "2"})
    assert secret_field(pb.CreateAccountRequest(request_id="r", account=account)) == ""
    for request, field in (
        (pb.CreateAccountRequest(request_id=SECRET), "request_id"),
        (pb.CreateAccountRequest(account=pb.AccountConfig(tier=SECRET)), "account.tier"),
        (pb.CreateAccountRequest(account=pb.AccountConfig(copy={"ratio": SECRET})), "account.copy"),
        (pb.CreateAccountRequest(account=pb.AccountConfig(reserve={SECRET: "1"})), "account.reserve"),
        (
            pb.UpdateAccountRequest(update_mask=["a", SECRET]), "update_mask[1]",
        ),
        (pb.CreateGroupRequest(group=pb.GroupConfig(account_ids=[SECRET])), "group.account_ids[0]"),
        (
            pb.ListGroupsResponse(groups=[pb.GroupConfig(), pb.GroupConfig(etag=SECRET)]), "groups[1].etag",
        ),
    ):  # fmt: skip
        assert secret_field(request) == field


def test_where_a_key_is_from_shows_no_arguments_of_a_command() -> None:
    lines = 'credentials_command = ["pass", "show", "secret-name"]\n'
    carl = user("carl", 'credentials_file = "c.key"\n')
    text = PAPER + MASTER + user("anna", lines) + user("ben") + carl
    sources = [key_source(account) for account in parse(text, "c").users]
    assert sources == [
        'command "pass"', "environment KRAKEN_USER_BEN_API_KEY and KRAKEN_USER_BEN_API_SECRET", "file c.key",
    ]  # fmt: skip


def test_a_change_has_what_was_and_what_is() -> None:
    row = ConfigRow(3, 1.0, "ida", "root", "r", "group", "vip", UPDATED, None, None)
    message = change_message(row, ({"copy": {"ratio": "1"}}, {"copy": {"order": "market"}}))
    assert (message.number, message.is_group, message.action) == (3, True, pb.CONFIG_ACTION_UPDATED)
    assert dict(message.old_values) == {"copy.ratio": "1"}
    assert dict(message.new_values) == {"copy.order": "market"}
