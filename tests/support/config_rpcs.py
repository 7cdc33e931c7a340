"""What is asked of the RPCs about accounts, groups and keys (tests/support/every_rpc.py), and keys that are
there for every account.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from krakencopy.account_proc.contract.spec import Credentials
from krakencopy.supervisor.config.model import AccountConfig, Config
from krakencopy.supervisor.journal.config_changes import CREATED, ConfigRow
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.v1 import configuration_pb2 as pb

#: What the API has already.
ACCOUNT, GROUP = "dora", "vip"
USED = Credentials("key of anna", "c2VjcmV0")


def configure(journal: Journal) -> None:
    """As if both had been created."""
    for kind, owner_id in (("group", GROUP), ("account", ACCOUNT)):
        row = ConfigRow(0, 1.0, "ida", "root", "r0", kind, owner_id, CREATED, None, "{}")
        journal.add_config_change(row, f"digest of {owner_id}")


class AnyKeys:
    """Every account has a key, and anna's source gives the one that is in use."""

    def __init__(self, acts: list[str]) -> None:
        self._acts = acts

    async def prepare(self, _config: Config, _touched: Collection[str]) -> Mapping[str, Credentials]:
        return {}

    async def open_accounts(self, _config: Config) -> None:
        """They are there."""

    def use_config(self, _config: Config, _loaded: Mapping[str, Credentials]) -> None:
        """Nothing is looked up."""

    async def fetch(self, _config: Config, account_id: str) -> Credentials:
        self._acts.append(f"fetch {account_id}")
        return USED

    def keep(self, _account: AccountConfig, _credentials: Credentials) -> None:
        """It is there already."""


def config_rpcs(rpc: Callable[..., Any]) -> dict[str, Any]:
    """``rpc`` makes an entry."""
    new = pb.AccountConfig(account_id="carl")
    taken = pb.AccountConfig(account_id="anna")
    other = pb.AccountConfig(account_id=ACCOUNT, copy={"max_slippage_bps": "5"})
    group = pb.GroupConfig(group_id="more")
    rules = pb.GroupConfig(group_id=GROUP, copy={"max_slippage_bps": "5"})
    return {
        "CreateAccount": rpc(
            right=pb.CreateAccountRequest(request_id="c1", account=new),
            shows=lambda answer: answer.account.etag,
            refused=(pb.CreateAccountRequest(request_id="c1", account=taken), "ALREADY_EXISTS"),
        ),
        "UpdateAccount": rpc(
            right=pb.UpdateAccountRequest(request_id="c2", account=other),
            shows=lambda answer: answer.account.copy["max_slippage_bps"] == "5",
            refused=(
                pb.UpdateAccountRequest(request_id="c2", account=other, etag="x"), "ETAG_NOT_CURRENT",
            ),
        ),
        "DeleteAccount": rpc(
            right=pb.DeleteAccountRequest(request_id="c3", account_id=ACCOUNT),
            shows=lambda answer: answer.accounts[0].account_id == ACCOUNT,
            refused=(pb.DeleteAccountRequest(request_id="c3", account_id="anna"), "OWNED_BY_FILE"),
        ),
        "GetAccountConfig": rpc(
            right=pb.GetAccountConfigRequest(account_id="anna"),
            shows=lambda answer: answer.account.group == "clients",
            refused=(pb.GetAccountConfigRequest(account_id="zoe"), "ACCOUNT_NOT_FOUND"),
        ),
        "ListAccountConfigs": rpc(
            right=pb.ListAccountConfigsRequest(), shows=lambda answer: len(answer.accounts) == 4,
            refused=(pb.ListAccountConfigsRequest(page_token="x"), "BAD_PAGE_TOKEN"),
        ),
        "CreateGroup": rpc(
            right=pb.CreateGroupRequest(request_id="g1", group=group),
            shows=lambda answer: answer.group.etag,
            refused=(pb.CreateGroupRequest(request_id="g1", group=rules), "ALREADY_EXISTS"),
        ),
        "UpdateGroup": rpc(
            right=pb.UpdateGroupRequest(request_id="g2", group=rules),
            shows=lambda answer: answer.group.copy["max_slippage_bps"] == "5",
            refused=(
                pb.UpdateGroupRequest(request_id="g2", group=rules, update_mask=["x"]), "UNKNOWN_FIELD",
            ),
        ),
        "DeleteGroup": rpc(
            right=pb.DeleteGroupRequest(request_id="g3", group_id=GROUP),
            shows=lambda answer: answer.group.group_id == GROUP,
            refused=(pb.DeleteGroupRequest(request_id="g3", group_id="zoe"), "GROUP_NOT_FOUND"),
        ),
        "ListGroups": rpc(
            right=pb.ListGroupsRequest(), shows=lambda answer: len(answer.groups) == 2,
            refused=(pb.ListGroupsRequest(page_token="x"), "BAD_PAGE_TOKEN"),
        ),
        "ListConfigChanges": rpc(
            right=pb.ListConfigChangesRequest(id=ACCOUNT), shows=lambda answer: answer.changes[0].number == 2,
            refused=(pb.ListConfigChangesRequest(page_token="x"), "BAD_PAGE_TOKEN"),
        ),
        "RotateCredentials": rpc(
            right=pb.RotateCredentialsRequest(request_id="k1", account_id="anna"),
            shows=lambda answer: answer.outcome == pb.ROTATION_OUTCOME_SAME_KEY,
            refused=(pb.RotateCredentialsRequest(request_id="k1", account_id="zoe"), "ACCOUNT_NOT_FOUND"),
        ),
    }  # fmt: skip
