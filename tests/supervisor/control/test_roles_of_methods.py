"""Who may call what, over real sockets: every method of the service by every role, and the owner of another
account. What is expected is written out here, and nothing of it is taken from the code under test.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.message_factory import GetMessageClass

from krakencopy.supervisor.control.principals import Role
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2
from tests.support.front import run, stub_of, until
from tests.support.remote_front import remote_front
from tests.support.served_control import error_info

SERVICE = pb.DESCRIPTOR.services_by_name["ControlService"]

SEES = {Role.VIEWER, Role.OPERATOR, Role.TRADER, Role.ADMIN}
OPERATES, TRADES, ADMINISTERS = {Role.OPERATOR, Role.ADMIN}, {Role.TRADER, Role.ADMIN}, {Role.ADMIN}
EVERYBODY = set(Role)
#: By method: who may, and whether the owner of an account may for it.
EXPECTED: dict[str, tuple[set[Role], bool]] = {
    "GetStatus": (SEES, True),
    "ListAccounts": (SEES, True),
    "GetAccount": (SEES, True),
    "StartAccount": (OPERATES, False),
    "StopAccount": (OPERATES, True),
    "RestartAccount": (OPERATES, False),
    "PauseAccount": (OPERATES, True),
    "ResumeAccount": (OPERATES, False),
    "SetTradingState": (OPERATES, True),
    "FlattenAccounts": (OPERATES, True),
    "ListLimits": (SEES, True),
    "ResetLimit": (OPERATES, False),
    "ResyncAccount": (OPERATES, False),
    "RenameAsset": (ADMINISTERS, False),
    "GetNonce": (SEES, False),
    "ListFills": (SEES, False),
    "WatchFills": (SEES, False),
    "ListCopies": (SEES, True),
    "WatchCopies": (SEES, True),
    "ExplainFill": (SEES, True),
    "CopyFill": (OPERATES, False),
    "PlaceOrder": (TRADES, False),
    "ListOrders": (SEES, False),
    "GetOrder": (SEES, False),
    "CancelOrder": (TRADES, False),
    "CancelOrders": (TRADES, False),
    "ListEvents": (SEES, True),
    "WatchEvents": (SEES, True),
    "ReadLog": (SEES, False),
    "GetReport": (SEES, False),
    "Reload": (ADMINISTERS, False),
    "SetSettings": (ADMINISTERS, False),
    "Shutdown": (ADMINISTERS, False),
    "ListAuditEntries": (OPERATES, False),
    "WatchAudit": (OPERATES, False),
    "VerifyAudit": (OPERATES, False),
    "CreateAccount": (ADMINISTERS, False),
    "UpdateAccount": (ADMINISTERS, False),
    "DeleteAccount": (ADMINISTERS, False),
    "GetAccountConfig": (SEES, False),
    "ListAccountConfigs": (SEES, False),
    "CreateGroup": (ADMINISTERS, False),
    "UpdateGroup": (ADMINISTERS, False),
    "DeleteGroup": (ADMINISTERS, False),
    "ListGroups": (SEES, False),
    "ListConfigChanges": (SEES, False),
    "RotateCredentials": (ADMINISTERS, False),
    "WhoAmI": (EVERYBODY, True),
    "CreateToken": (ADMINISTERS, False),
    "ListTokens": (ADMINISTERS, False),
    "RevokeToken": (ADMINISTERS, False),
    "IssueCertificate": (ADMINISTERS, False),
    "ListPrincipals": (ADMINISTERS, False),
    "RevokePrincipal": (ADMINISTERS, False),
}
#: Whose owner calls, and somebody else.
OWN, OTHER = "anna", "bob"
#: What names no account, and is answered with what is the owner's.
ABOUT_ALL = {"GetStatus", "ListAccounts", "ExplainFill", "WatchEvents", "WhoAmI"}
HALTED, ACTIVE = types_pb2.TRADING_STATE_HALTED, types_pb2.TRADING_STATE_ACTIVE


class EverythingAnswered:
    """Answers each method with an empty message, and keeps what was asked."""

    def __init__(self) -> None:
        self.reached: list[str] = []
        self.requests: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        method = SERVICE.methods_by_name[name]
        answer: Any = GetMessageClass(method.output_type)()
        if isinstance(getattr(answer, "account", None), types_pb2.Account):
            answer.account.id = OWN

        async def single(request: Any, _context: Any) -> Any:
            self.reached.append(name)
            self.requests.append(request)
            return answer

        async def stream(request: Any, _context: Any) -> Any:
            self.reached.append(name)
            self.requests.append(request)
            yield answer

        return stream if method.server_streaming else single


def request_of(name: str, account: str) -> Any:
    """A request that names an account, where its method knows one."""
    kind = GetMessageClass(SERVICE.methods_by_name[name].input_type)
    fields = kind.DESCRIPTOR.fields_by_name
    if not account:
        return kind(state=HALTED) if name == "SetTradingState" else kind()
    if "target" in fields:
        target = pb.TradingTarget(account_ids=[account])
        return kind(target=target, state=HALTED) if name == "SetTradingState" else kind(target=target)
    if "account_ids" in fields:
        return kind(account_ids=[account])
    return kind(account_id=account) if "account_id" in fields else kind()


async def code_of(stub: Any, name: str, request: Any) -> tuple[str, str]:
    """By which code and reason it is refused, ("OK", "") where it is not."""
    call = getattr(stub, name)(request, timeout=20)
    try:
        if SERVICE.methods_by_name[name].server_streaming:
            async for _ in call:
                pass
        else:
            await call
    except grpc.aio.AioRpcError as error:
        return error.code().name, error_info(error).reason
    return "OK", ""


def test_every_method_is_in_the_table() -> None:
    assert EXPECTED.keys() == {method.name for method in SERVICE.methods}, "decide who may, and write it here"


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.OWNER])
def test_every_method_is_for_those_roles_alone(role: Role, tmp_path: Path) -> None:
    async def play() -> None:
        servicer = EverythingAnswered()
        async with (
            remote_front(tmp_path, servicer) as front,
            front.stub(front.add_certificate("x", role)) as stub,
        ):
            for name, (roles, _) in EXPECTED.items():
                found = await code_of(stub, name, request_of(name, OTHER))
                expected = ("OK", "") if role in roles else ("PERMISSION_DENIED", "PERMISSION_MISSING")
                assert (name, *found) == (name, *expected)
            assert servicer.reached == [name for name, (roles, _) in EXPECTED.items() if role in roles]

    run(play())


def test_an_owner_asks_of_its_own_account_alone(tmp_path: Path) -> None:
    async def play() -> None:
        servicer = EverythingAnswered()
        async with remote_front(tmp_path, servicer) as front:
            token = front.add_token("ownr2345", Role.OWNER, account=OWN)
            async with front.stub(token=token) as stub:
                await until("it is known", lambda: front.access.table.tokens)
                for name, (_, for_owners) in EXPECTED.items():
                    own = await code_of(stub, name, request_of(name, OWN))
                    others = [await code_of(stub, name, request_of(name, one)) for one in (OTHER, "")]
                    if not for_owners:
                        denied = ("PERMISSION_DENIED", "NOT_FOR_OWNERS")
                        assert (name, own, others) == (name, denied, [denied, denied])
                        continue
                    assert (name, own) == (name, ("OK", ""))
                    denied = ("OK", "") if name in ABOUT_ALL else ("PERMISSION_DENIED", "NOT_YOUR_ACCOUNT")
                    assert (name, others) == (name, [denied, denied])
        assert set(servicer.reached) == {name for name, (_, for_owners) in EXPECTED.items() if for_owners}

    run(play())


MINE = pb.TradingTarget(account_ids=[OWN])
SET, FLATTEN = pb.SetTradingStateRequest, pb.FlattenAccountsRequest


@pytest.mark.parametrize(
    ("name", "request_", "reason"),
    [
        ("SetTradingState", SET(target=MINE, state=ACTIVE), "OWNERS_NEVER_LIFT"),
        ("FlattenAccounts", FLATTEN(target=MINE, cancel=True), "OWNERS_NEVER_LIFT"),
        ("SetTradingState", SET(target=pb.TradingTarget(all=True), state=HALTED), "NOT_YOUR_ACCOUNT"),
        ("SetTradingState", SET(target=pb.TradingTarget(account_ids=[OWN], all=True), state=HALTED),
         "NOT_YOUR_ACCOUNT"),
        ("FlattenAccounts", FLATTEN(target=pb.TradingTarget(groups=[OWN])), "NOT_YOUR_ACCOUNT"),
        ("ListLimits", pb.ListLimitsRequest(account_ids=[OWN, OTHER]), "NOT_YOUR_ACCOUNT"),
    ],
)  # fmt: skip
def test_an_owner_lifts_nothing_and_means_nobody_else(
    name: str, request_: Any, reason: str, tmp_path: Path
) -> None:
    async def play() -> None:
        servicer = EverythingAnswered()
        async with AsyncExitStack() as stack:
            front = await stack.enter_async_context(remote_front(tmp_path, servicer))
            token = front.add_token("ownr2345", Role.OWNER, account=OWN)
            stub = await stack.enter_async_context(front.stub(token=token))
            assert await code_of(stub, name, request_) == ("PERMISSION_DENIED", reason)
        assert servicer.reached == []

    run(play())


def test_nobody_from_elsewhere_is_recorded_by_another_name(tmp_path: Path) -> None:
    """In whatever field of a request a caller says its own name."""
    fields = {
        method.name: [
            field.name
            for field in method.input_type.fields
            if field.name == "by" or field.name.endswith("_by")
        ]
        for method in SERVICE.methods
    }
    saying = {name: found for name, found in fields.items() if found}
    assert len(saying) > 5

    async def play() -> None:
        servicer = EverythingAnswered()
        async with remote_front(tmp_path, servicer) as front:
            async with front.stub(front.add_certificate("olga", Role.ADMIN)) as stub:
                for name, names in saying.items():
                    request = request_of(name, OWN)
                    for field in names:
                        setattr(request, field, "somebody else")
                    assert await code_of(stub, name, request) == ("OK", "")
                    taken = servicer.requests[-1]
                    assert {getattr(taken, field) for field in names} == {"olga"}, name
            async with stub_of(front.socket) as local:
                for name, names in saying.items():
                    request = request_of(name, OWN)
                    setattr(request, names[0], "somebody else")
                    await code_of(local, name, request)
                    assert getattr(servicer.requests[-1], names[0]) == "somebody else"

    run(play())
