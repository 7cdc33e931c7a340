"""The command line is complete: each RPC of the control API is asked by a command."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest
from google.protobuf.message import Message

from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns
from krakencopy.v1.audit_pb2 import VerifyAuditResponse
from tests.support import client_samples as samples
from tests.support.scripted_supervisor import SERVICE, Scripted, refuse
from tests.support.typed_lines import types

#: A line that asks each RPC. What is watched ends here with a supervisor that ends the stream.
LINES = {
    "GetStatus": "status",
    "ListAccounts": "accounts",
    "GetAccount": "accounts bob",
    "StartAccount": "start bob",
    "StopAccount": "stop bob",
    "RestartAccount": "restart bob",
    "PauseAccount": "pause bob",
    "ResumeAccount": "resume bob",
    "SetTradingState": "halt bob",
    "FlattenAccounts": "flatten bob --dry-run",
    "ListLimits": "limits",
    "ResetLimit": "reset-limit bob day --reason looked-at",
    "ResyncAccount": "resync bob --dry-run",
    "RenameAsset": "rename MATIC POL",
    "GetNonce": "nonce bob",
    "ListFills": "fills",
    "WatchFills": "fills --follow",
    "ListCopies": "copies",
    "WatchCopies": "copies --follow",
    "ExplainFill": "why 1",
    "CopyFill": "copy 1 bob",
    "PlaceOrder": "order buy BTC/USD 1",
    "ListOrders": "orders",
    "GetOrder": "orders O1",
    "CancelOrder": "cancel O1",
    "CancelOrders": "cancel --all",
    "ListEvents": "events",
    "WatchEvents": "events --follow",
    "ReadLog": "logs bob",
    "GetReport": "report",
    "Reload": "reload",
    "SetSettings": "set bob max_user_risk=0.05",
    "Shutdown": "shutdown",
    "ListAuditEntries": "audit list",
    "WatchAudit": "audit watch",
    "VerifyAudit": "audit verify",
    "WhoAmI": "whoami",
    "CreateToken": "token create olga --role viewer",
    "ListTokens": "token list",
    "RevokeToken": "token revoke 1",
    "IssueCertificate": "certificate create olga --role viewer --out {folder}",
    "ListPrincipals": "certificate list",
    "RevokePrincipal": "certificate revoke olga",
    "CreateAccount": "account create bob credentials_file=bob.key",
    "UpdateAccount": "account update bob group=eu",
    "DeleteAccount": "account delete bob --yes",
    "GetAccountConfig": "account show bob",
    "ListAccountConfigs": "account show",
    "CreateGroup": "group create eu max_user_risk=0.05",
    "UpdateGroup": "group update eu max_user_risk=0.05",
    "DeleteGroup": "group delete eu --yes",
    "ListGroups": "group list",
    "ListConfigChanges": "account history",
    "RotateCredentials": "rotate-credentials bob",
}
WATCHES = ("WatchFills", "WatchCopies", "WatchEvents", "WatchAudit")


def test_each_rpc_has_a_command() -> None:
    """Where this fails, an RPC is new: give it a command, and its line here."""
    assert sorted(LINES) == sorted(SERVICE.methods_by_name)


@pytest.fixture(autouse=True)
def system(supervisor: Scripted) -> None:
    """One with a user whose fills wait; it ends its watches."""
    paused = samples.user("bob")
    paused.copy_mode = nouns.COPY_MODE_PAUSED
    answers: dict[str, Message] = {
        "GetStatus": samples.status(),
        "VerifyAudit": VerifyAuditResponse(intact=True),
        "GetAccount": pb.GetAccountResponse(account=paused),
        "ListAccounts": pb.ListAccountsResponse(accounts=[paused]),
        "SetTradingState": pb.SetTradingStateResponse(
            accounts=[pb.TradingAcknowledgement(account_id="bob", acknowledged=True)]
        ),
    }
    for name, message in answers.items():
        supervisor.on[name] = lambda _request, _context, message=message: message  # type: ignore[misc]
    for name in WATCHES:
        supervisor.on[name] = refuse(grpc.StatusCode.FAILED_PRECONDITION, "OVER", "it is over")


@pytest.mark.parametrize("method", sorted(LINES))
def test_the_command_asks_it(endpoint: str, supervisor: Scripted, tmp_path: Path, method: str) -> None:
    assert types(endpoint, LINES[method].format(folder=tmp_path / "made")) == (1 if method in WATCHES else 0)
    assert method in {type(request).__name__.removesuffix("Request") for request in supervisor.asked}
