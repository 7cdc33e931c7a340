"""Accounts and groups over the API, on the real socket: what is done, what is refused, and that nothing is
changed then.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import grpc
import pytest

from krakencopy.account_proc.contract.spec import OnLeave
from krakencopy.supervisor.config.model import AccountMode
from krakencopy.v1 import configuration_pb2 as pb
from krakencopy.v1 import control_pb2, types_pb2
from tests.support.configured import Configured, played, user_of_file, write_key
from tests.support.idle_supervisor import set_running
from tests.support.served_control import refused, served

GROUP = '[[groups]]\nid = "clients"\ncopy = { max_slippage_bps = 7 }\n'
FILE = GROUP + user_of_file("ben")


@pytest.fixture
def it(state: Path) -> Iterator[Configured]:
    state.mkdir(mode=0o700)
    made = Configured(state, FILE)
    made.key_of_api("anna.key")
    yield made
    made.close()


@asynccontextmanager
async def stub_at(it: Configured) -> AsyncIterator[Any]:
    async with served(it.supervisor, it.reloader) as stub:
        yield stub


def anna(**more: Any) -> pb.AccountConfig:
    return pb.AccountConfig(account_id="anna", credentials_file="anna.key", **more)


def create(request_id: str = "one", **more: Any) -> pb.CreateAccountRequest:
    return pb.CreateAccountRequest(request_id=request_id, account=anna(**more))


def update(request_id: str = "two", *paths: str, etag: str = "", **more: Any) -> pb.UpdateAccountRequest:
    account = pb.AccountConfig(account_id="anna", **more)
    return pb.UpdateAccountRequest(request_id=request_id, account=account, update_mask=paths, etag=etag)


def config_of(it: Configured, account_id: str = "anna") -> Any:
    return it.supervisor.accounts[account_id].config


@played
async def test_an_account_of_the_api_is_one_like_the_files(it: Configured) -> None:
    async with stub_at(it) as stub:
        answer = await stub.CreateAccount(create(group="clients", mode="shadow", copy={"multiplier": "0.5"}))
        assert answer.applied
        assert [(one.account_id, one.kind) for one in answer.accounts] == [
            ("anna", control_pb2.CHANGE_KIND_ADDED)
        ]
        assert answer.account.owner == types_pb2.CONFIG_OWNER_API
        assert answer.account.etag
        config = config_of(it)
        assert (config.group, config.mode, config.copy.max_slippage_bps) == ("clients", AccountMode.SHADOW, 7)
        assert config.credentials_file == str(it.folder / "credentials" / "anna.key")
        assert "anna" in it.journal.user_ids()
        shown = (await stub.GetAccountConfig(pb.GetAccountConfigRequest(account_id="anna"))).account
        assert (shown.credentials_file, dict(shown.copy)) == ("anna.key", {"multiplier": "0.5"})
        assert shown.etag == answer.account.etag
        status = await stub.GetStatus(control_pb2.GetStatusRequest())
        owners = {one.id: types_pb2.ConfigOwner.Name(one.owner)[13:] for one in status.accounts}
        assert owners == {"master": "FILE", "anna": "API", "ben": "FILE"}
        listed = (await stub.ListAccountConfigs(pb.ListAccountConfigsRequest())).accounts
        assert [(one.account_id, one.role) for one in listed] == [
            ("master", "master"), ("ben", "user"), ("anna", "user"),
        ]  # fmt: skip
        assert not listed[1].etag
    (event,) = it.events("ACCOUNT_CREATED")
    assert event.account_id == "anna"


@played
async def test_what_is_validated_only_changes_nothing_and_finds_what_is_wrong(it: Configured) -> None:
    async with stub_at(it) as stub:
        request = create()
        request.validate_only = True
        answer = await stub.CreateAccount(request)
        assert not answer.applied
        assert [one.account_id for one in answer.accounts] == ["anna"]
        assert "anna" not in it.supervisor.accounts
        request.account.credentials_file = "nobody.key"
        code, reason, words = await refused(stub.CreateAccount(request))
        assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "BAD_ACCOUNT")
        assert "nobody.key" in words
        assert "No such file" in words
    assert not it.journal.configured
    assert not it.events("ACCOUNT_CREATED")


@played
async def test_an_update_says_which_fields_and_what_restarts(it: Configured) -> None:
    async with stub_at(it) as stub:
        await stub.CreateAccount(create(group="clients", copy={"multiplier": "0.5", "max_user_risk": "0.04"}))
        set_running(it.supervisor.accounts["anna"])
        answer = await stub.UpdateAccount(update("a", "copy.max_user_risk", copy={"max_user_risk": "0.02"}))
        (change,) = answer.accounts
        assert change.effect == "its process restarts"
        assert [(one.key, one.old_value, one.new_value) for one in change.settings] == [
            ("copy.max_user_risk", "0.04", "0.02")
        ]
        assert dict(answer.account.copy) == {"multiplier": "0.5", "max_user_risk": "0.02"}
        # Without a mask: all that is given, and a map as a whole.
        answer = await stub.UpdateAccount(update("b", copy={"multiplier": "0.7"}))
        assert dict(answer.account.copy) == {"multiplier": "0.7"}
        assert answer.account.group == "clients"
        # What is named and not given is taken out.
        answer = await stub.UpdateAccount(update("c", "group", "copy.multiplier"))
        assert (answer.account.group, dict(answer.account.copy)) == ("", {})
        assert answer.account.credentials_file == "anna.key"
        assert config_of(it).copy.max_slippage_bps == 50
        before = answer.account.etag
        again = await stub.UpdateAccount(update("d", "group"))
        assert (again.account.etag, list(again.accounts)) == (before, [])
        history = (await stub.ListConfigChanges(pb.ListConfigChangesRequest(id="anna"))).changes
    assert [pb.ConfigAction.Name(one.action)[14:] for one in history] == [
        "UPDATED", "UPDATED", "UPDATED", "CREATED",
    ]  # fmt: skip
    assert dict(history[2].old_values) == {"copy.max_user_risk": "0.04"}
    assert dict(history[2].new_values) == {"copy.max_user_risk": "0.02"}
    assert history[0].principal


@pytest.mark.parametrize(
    ("request_", "code", "reason", "says"),
    [
        (update("x", "colour"), "INVALID_ARGUMENT", "UNKNOWN_FIELD", "'colour' names no field"),
        (update("x", "etag"), "INVALID_ARGUMENT", "UNKNOWN_FIELD", "'etag' names no field"),
        (update("x", "group.id"), "INVALID_ARGUMENT", "UNKNOWN_FIELD", "'group.id' names no field"),
        (update("x", mode="shadow"), "INVALID_ARGUMENT", "CANNOT_CHANGE", "under another id"),
        (update("x", etag="old", group="clients"), "ABORTED", "ETAG_NOT_CURRENT", "read it again"),
        (update("x", group="nobodys"), "INVALID_ARGUMENT", "BAD_ACCOUNT", "the API's account anna: group"),
        (update("x", copy={"ratios": "1"}), "INVALID_ARGUMENT", "BAD_ACCOUNT", "did you mean ratio?"),
        (update("x", tier="gold"), "INVALID_ARGUMENT", "BAD_ACCOUNT", '"gold" is not known'),
        (
            update("x", credentials_file="/etc/hostname"),
            "INVALID_ARGUMENT", "CREDENTIALS_NOT_PERMITTED", "is not in a folder",
        ),
        (
            update("x", credentials_file="../conf/ben.key"),
            "INVALID_ARGUMENT", "CREDENTIALS_NOT_PERMITTED", "is not in a folder",
        ),
        (create("x"), "ALREADY_EXISTS", "ALREADY_EXISTS", "and the API has it"),
        (
            pb.CreateAccountRequest(request_id="x", account=pb.AccountConfig(account_id="ben")),
            "ALREADY_EXISTS", "ALREADY_EXISTS", "the configuration file has it",
        ),
        (
            pb.CreateAccountRequest(request_id="x", account=pb.AccountConfig(account_id="Eve Ill")),
            "INVALID_ARGUMENT", "BAD_ACCOUNT", "cannot be an id",
        ),
        (
            pb.CreateAccountRequest(request_id="x", account=pb.AccountConfig(account_id="carl")),
            "INVALID_ARGUMENT", "BAD_ACCOUNT", "KRAKEN_USER_CARL_API_KEY",
        ),
        (
            pb.CreateAccountRequest(
                request_id="x", account=pb.AccountConfig(account_id="carl", credentials_file="anna.key")
            ),
            "INVALID_ARGUMENT", "BAD_ACCOUNT", "have the same API key",
        ),
        (
            pb.DeleteAccountRequest(request_id="x", account_id="ben"),
            "FAILED_PRECONDITION", "OWNED_BY_FILE", "krakencopy reload",
        ),
        (
            pb.DeleteAccountRequest(request_id="x", account_id="zoe"),
            "NOT_FOUND", "ACCOUNT_NOT_FOUND", "there are master, ben, anna",
        ),
        (pb.DeleteAccountRequest(request_id="x"), "INVALID_ARGUMENT", "FIELD_INVALID", "account_id is empty"),
        (pb.DeleteAccountRequest(account_id="anna"), "INVALID_ARGUMENT", "REQUEST_ID_MISSING", "request_id"),
        (
            pb.DeleteGroupRequest(request_id="x", group_id="clients"),
            "FAILED_PRECONDITION", "OWNED_BY_FILE", "in the file",
        ),
        (
            pb.CreateGroupRequest(request_id="x", group=pb.GroupConfig(group_id="anna")),
            "ALREADY_EXISTS", "ALREADY_EXISTS", "there is anna already",
        ),
        (pb.GetAccountConfigRequest(account_id="zoe"), "NOT_FOUND", "ACCOUNT_NOT_FOUND", "zoe"),
    ],
)  # fmt: skip
@played
async def test_what_is_refused_is_named_and_changes_nothing(
    it: Configured, request_: Any, code: str, reason: str, says: str
) -> None:
    async with stub_at(it) as stub:
        await stub.CreateAccount(create("first"))
        before = it.journal.configured, it.supervisor.config
        method = getattr(stub, request_.DESCRIPTOR.name.removesuffix("Request"))
        got, why, words = await refused(method(request_))
    assert (got.name, why) == (code, reason), words
    assert says in words
    assert (it.journal.configured, it.supervisor.config) == before


@played
async def test_a_text_that_looks_like_a_secret_is_refused_and_never_shown(it: Configured) -> None:
    write_key(it.folder / "sample")
    key, secret = [line.split('"')[1] for line in (it.folder / "sample").read_text().splitlines()]
    asked = [
        pb.CreateAccountRequest(request_id="x", account=anna(copy={"ratio": secret})),
        pb.CreateAccountRequest(request_id="x", account=anna(strategy_options={key: "1"})),
        pb.CreateAccountRequest(request_id="x", account=anna(), changed_by=key),
        pb.CreateAccountRequest(request_id=secret, account=anna()),
        pb.UpdateAccountRequest(request_id="x", account=anna(), update_mask=["group", key]),
        pb.CreateGroupRequest(request_id="x", group=pb.GroupConfig(group_id="g", copy={"ratio": secret})),
    ]
    async with stub_at(it) as stub:
        for request in asked:
            method = getattr(stub, request.DESCRIPTOR.name.removesuffix("Request"))
            _, reason, words = await refused(method(request))
            assert reason in {"LOOKS_LIKE_A_SECRET", "FIELD_INVALID"}
            assert key not in words
            assert secret not in words
    for path in filter(Path.is_file, it.folder.rglob("*")):
        if path.name != "sample":
            assert key.encode() not in path.read_bytes(), path
            assert secret.encode() not in path.read_bytes(), path


@played
async def test_a_repeated_request_is_answered_again_also_by_the_next_run(it: Configured) -> None:
    async with stub_at(it) as stub:
        first = await stub.CreateAccount(create())
        assert await stub.CreateAccount(create()) == first
        # The same id with something else is asked is something else.
        assert (await refused(stub.CreateAccount(create(tier="pro"))))[1] == "ALREADY_EXISTS"
    it = it.again()
    async with stub_at(it) as stub:
        assert await stub.CreateAccount(create()) == first
    assert len(it.events("ACCOUNT_CREATED")) == 1
    assert config_of(it).credentials_file
    it.close()


@played
async def test_of_many_updates_with_one_etag_one_is_done(it: Configured) -> None:
    async with stub_at(it) as stub:
        etag = (await stub.CreateAccount(create())).account.etag
        updates = [
            update(f"u{number}", etag=etag, copy={"max_slippage_bps": str(number)}) for number in range(1, 9)
        ]
        answers = await asyncio.gather(*map(stub.UpdateAccount, updates), return_exceptions=True)
        done = [number for number, one in enumerate(answers, 1) if not isinstance(one, BaseException)]
        assert len(done) == 1
        codes = {one.code() for one in answers if isinstance(one, grpc.aio.AioRpcError)}
        assert codes == {grpc.StatusCode.ABORTED}
        assert config_of(it).copy.max_slippage_bps == done[0]


@played
async def test_a_group_has_its_members_and_ends_without_them(it: Configured) -> None:
    group = pb.GroupConfig(group_id="vip", copy={"max_slippage_bps": "3"})
    async with stub_at(it) as stub:
        await stub.CreateGroup(pb.CreateGroupRequest(request_id="g", group=group))
        await stub.CreateAccount(create(group="vip"))
        assert config_of(it).copy.max_slippage_bps == 3
        request = pb.UpdateGroupRequest(
            request_id="u", group=pb.GroupConfig(group_id="vip", copy={"max_slippage_bps": "4"})
        )
        answer = await stub.UpdateGroup(request)
        assert [one.account_id for one in answer.accounts] == ["anna"]
        assert config_of(it).copy.max_slippage_bps == 4
        listed = (await stub.ListGroups(pb.ListGroupsRequest())).groups
        assert [(one.group_id, one.owner, list(one.account_ids)) for one in listed] == [
            ("clients", types_pb2.CONFIG_OWNER_FILE, []),
            ("vip", types_pb2.CONFIG_OWNER_API, ["anna"]),
        ]
        delete = pb.DeleteGroupRequest(request_id="d", group_id="vip")
        assert (await refused(stub.DeleteGroup(delete)))[1] == "GROUP_HAS_MEMBERS"
        await stub.UpdateAccount(update("m", "group"))
        assert (await stub.DeleteGroup(delete)).applied
        assert config_of(it).copy.max_slippage_bps == 50
        assert it.supervisor.config.groups == ("clients",)


@pytest.mark.parametrize(
    ("on_leave", "policy"),
    [
        (pb.ON_LEAVE_CLOSE_ALL, OnLeave.CLOSE_ALL),
        (pb.ON_LEAVE_UNSPECIFIED, OnLeave.CLOSE_ONLY),
        (pb.ON_LEAVE_KEEP, None),
    ],
)
@played
async def test_a_deleted_account_leaves_as_one_that_is_taken_out_of_the_file(
    it: Configured, on_leave: pb.OnLeave.ValueType, policy: OnLeave | None
) -> None:
    async with stub_at(it) as stub:
        await stub.CreateAccount(create(copy={"on_leave": "close_only"}))
        set_running(it.supervisor.accounts["anna"])
        answer = await stub.DeleteAccount(
            pb.DeleteAccountRequest(request_id="d", account_id="anna", on_leave=on_leave)
        )
        assert (answer.account.account_id, answer.applied) == ("anna", True)
        assert [one.kind for one in answer.accounts] == [control_pb2.CHANGE_KIND_REMOVED]
        leaving = it.supervisor.leavers.leaving()
        assert {key: one.policy for key, one in leaving.items()} == (
            {} if policy is None else {"anna": policy}
        )
        assert it.supervisor.accounts["anna"].removed == (policy is None)
        assert (await refused(stub.UpdateAccount(update())))[1] == "ACCOUNT_NOT_FOUND"
    it = it.again()
    assert it.supervisor.leavers.leaving().keys() == leaving.keys()
    assert ("anna" in it.supervisor.accounts) == (policy is not None)
    async with stub_at(it) as stub:
        # It comes back, and stays.
        await stub.CreateAccount(create("back"))
        assert not it.supervisor.leavers.leaving()
        assert config_of(it).copy.on_leave is OnLeave.KEEP
    it.close()


@played
async def test_a_file_that_takes_an_id_of_the_apis_is_refused_with_both_ways_out(it: Configured) -> None:
    async with stub_at(it) as stub:
        await stub.CreateAccount(create())
        it.write(FILE + user_of_file("anna"))
        request = control_pb2.ReloadRequest(request_id="r")
        code, reason, words = await refused(stub.Reload(request))
        assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "BAD_CONFIGURATION")
        assert "accounts[2].id" in words
        assert "krakencopy account delete anna --on-leave keep" in words
        # A group that is needed cannot go; other changes leave the API's accounts as they are.
        await stub.UpdateAccount(update("g", group="clients"))
        it.write(user_of_file("ben"))
        _, _, words = await refused(stub.Reload(control_pb2.ReloadRequest(request_id="r2")))
        assert "the API's account anna: group" in words
        it.write(FILE.replace("7", "8"))
        answer = await stub.Reload(control_pb2.ReloadRequest(request_id="r3"))
        assert [one.account_id for one in answer.accounts] == ["anna"]
        assert config_of(it).copy.max_slippage_bps == 8


@played
async def test_a_start_leaves_out_what_does_not_fit_and_the_api_can_correct_it(it: Configured) -> None:
    async with stub_at(it) as stub:
        await stub.CreateAccount(create(group="clients", copy={"on_leave": "close_all"}))
    it = it.again(user_of_file("ben"))
    assert "anna" not in it.supervisor.accounts
    assert not it.supervisor.leavers.leaving(), "nothing of it is sold"
    async with stub_at(it) as stub:
        shown = (await stub.GetAccountConfig(pb.GetAccountConfigRequest(account_id="anna"))).account
        assert "group" in shown.left_out
        # Others can be changed meanwhile.
        group = pb.GroupConfig(group_id="vip")
        await stub.CreateGroup(pb.CreateGroupRequest(request_id="g", group=group))
        answer = await stub.UpdateAccount(update("u", "group", group="vip"))
        assert not answer.account.left_out
        assert config_of(it).group == "vip"
    it.close()


@played
async def test_slips_of_who_creates_an_account_are_named_by_their_field(it: Configured) -> None:
    async with stub_at(it) as stub:
        master = pb.AccountConfig(account_id="anna", credentials_file="anna.key", role="master")
        code, reason, words = await refused(
            stub.CreateAccount(pb.CreateAccountRequest(request_id="m", account=master))
        )
        assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "BAD_ACCOUNT")
        assert words.startswith('account.role cannot be "master"')
        ben = pb.AccountConfig(account_id="Ben", credentials_file="anna.key")
        code, reason, words = await refused(
            stub.CreateAccount(pb.CreateAccountRequest(request_id="b", account=ben))
        )
        assert (code, reason) == (grpc.StatusCode.ALREADY_EXISTS, "ALREADY_EXISTS")
        assert words.startswith("there is ben already, and the configuration file has it")
        assert not it.journal.configured
        await stub.CreateAccount(create(copy={"max_user_risk": "0.02"}))
        for path in ("copy.", "copy..", "copy.max_user_rsik"):
            assert (await refused(stub.UpdateAccount(update(path, path))))[1] == "UNKNOWN_FIELD"
        assert config_of(it).copy.max_user_risk == Decimal("0.02"), "no rule was taken away"
