"""What is asked of each method of ControlService in a run with keys that are looked for, and whose keys."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from google.protobuf.duration_pb2 import Duration

from krakencopy.v1 import access_pb2, audit_pb2, configuration_pb2
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns

CANARY = f"canary{secrets.token_hex(8)}"


#: Reads its key from its source: file, command, environment; and one whose secret the exchange does not
#: accept.
FILE, COMMAND, WRONG = "anna", CANARY, "eve"


LIVING = ("master", FILE, COMMAND)
EVERYONE = (*LIVING, WRONG)
#: Its answer is empty, and after it nobody answers.
NOT_ASKED = {"Shutdown"}

Asked = dict[str, list[Any]]


def requests() -> Asked:
    """All of them, in order."""
    return _views() | _orders() | _configuration() | _trading() | _copying() | _access() | _records()


def _views() -> Asked:
    """What is shown."""
    return {
        "GetStatus": [pb.GetStatusRequest()],
        "GetReport": [pb.GetReportRequest()],
        "ListAccounts": [pb.ListAccountsRequest(page_size=1000)],
        "GetAccount": [pb.GetAccountRequest(account_id=account) for account in (*EVERYONE, "nobody")],
        "GetNonce": [pb.GetNonceRequest(account_id=account) for account in EVERYONE],
        "ListFills": [pb.ListFillsRequest(page_size=1000)],
        "WatchFills": [pb.WatchFillsRequest(after_seq=0)],
        "ListCopies": [pb.ListCopiesRequest(page_size=1000)],
        "WatchCopies": [pb.WatchCopiesRequest(after_change=0)],
        "ExplainFill": [pb.ExplainFillRequest(seq=1), pb.ExplainFillRequest(seq=10**6)],
    }


def _orders() -> Asked:
    """Orders of the master."""
    order = pb.PlaceOrderRequest(request_id="leaks", pair="BTC/USD", side=nouns.SIDE_BUY, volume="0.001")
    senseless = pb.PlaceOrderRequest(request_id="leaks2", pair=CANARY, side=nouns.SIDE_BUY, volume="0.001")
    return {
        "PlaceOrder": [order, senseless],
        "ListOrders": [
            pb.ListOrdersRequest(account_id=account) for account in ("", FILE, WRONG, f"no {CANARY}")
        ],
        "GetOrder": [pb.GetOrderRequest(order_id=name) for name in ("leaks", CANARY)],
        "CancelOrder": [
            pb.CancelOrderRequest(request_id=f"cancel {name}", order_id=name) for name in ("leaks", CANARY)
        ],
        "CancelOrders": [
            pb.CancelOrdersRequest(request_id="cancel all"),
            pb.CancelOrdersRequest(request_id="cancel some", pair=CANARY),
        ],
    }


def _configuration() -> Asked:
    """What is configured, and whose process runs."""
    return {
        "SetSettings": [
            pb.SetSettingsRequest(request_id="set", id=FILE, settings={"max_user_risk": CANARY}),
            pb.SetSettingsRequest(request_id="set2", id=CANARY, settings={CANARY: "0.1"}),
        ],
        "CreateAccount": [
            configuration_pb2.CreateAccountRequest(
                request_id=f"create{name}",
                account=configuration_pb2.AccountConfig(account_id=name, copy=copy),
            )
            for name, copy in ((FILE, {}), (CANARY, {}), ("carl", {"ratio": CANARY}))
        ],
        "UpdateAccount": [
            configuration_pb2.UpdateAccountRequest(
                request_id="u", account=configuration_pb2.AccountConfig(account_id=CANARY, group="g")
            )
        ],
        "DeleteAccount": [configuration_pb2.DeleteAccountRequest(request_id="d", account_id=CANARY)],
        "GetAccountConfig": [
            configuration_pb2.GetAccountConfigRequest(account_id=account) for account in EVERYONE
        ],
        "ListAccountConfigs": [configuration_pb2.ListAccountConfigsRequest(page_size=1000)],
        "CreateGroup": [
            configuration_pb2.CreateGroupRequest(
                request_id="cg", group=configuration_pb2.GroupConfig(group_id=f"of-{CANARY}")
            )
        ],
        "UpdateGroup": [
            configuration_pb2.UpdateGroupRequest(
                request_id="ug", group=configuration_pb2.GroupConfig(group_id=CANARY)
            )
        ],
        "DeleteGroup": [configuration_pb2.DeleteGroupRequest(request_id="dg", group_id=CANARY)],
        "RotateCredentials": [
            configuration_pb2.RotateCredentialsRequest(request_id=f"rotate {account}", account_id=account)
            for account in (FILE, CANARY, WRONG, f"no {CANARY}")
        ],
        "ListGroups": [configuration_pb2.ListGroupsRequest(page_size=1000)],
        "ListConfigChanges": [configuration_pb2.ListConfigChangesRequest(page_size=1000)],
        "Reload": [pb.ReloadRequest(request_id="look", dry_run=True), pb.ReloadRequest(request_id="reload")],
        "PauseAccount": _of_accounts(pb.PauseAccountRequest, FILE),
        "ResumeAccount": _of_accounts(pb.ResumeAccountRequest, FILE),
        "StopAccount": _of_accounts(pb.StopAccountRequest, WRONG),
        "StartAccount": _of_accounts(pb.StartAccountRequest, WRONG),
        "RestartAccount": _of_accounts(pb.RestartAccountRequest, COMMAND),
    }


def _access() -> Asked:
    """Who may call."""
    grant: Any = {"request_id": "grant", "role": access_pb2.ACCESS_ROLE_VIEWER, "ttl": Duration(seconds=3600)}
    return {
        "WhoAmI": [access_pb2.WhoAmIRequest()],
        "CreateToken": [
            access_pb2.CreateTokenRequest(name=name, **grant) for name in (CANARY, f"no {CANARY}")
        ],
        "ListTokens": [access_pb2.ListTokensRequest()],
        "RevokeToken": [access_pb2.RevokeTokenRequest(request_id="revoke", id=CANARY)],
        "IssueCertificate": [
            access_pb2.IssueCertificateRequest(name=CANARY, certificate_request=CANARY, **grant)
        ],
        "ListPrincipals": [access_pb2.ListPrincipalsRequest()],
        "RevokePrincipal": [access_pb2.RevokePrincipalRequest(request_id="revoke", name=CANARY)],
    }


def _trading() -> Asked:
    """Who may trade."""
    return {
        "SetTradingState": [
            pb.SetTradingStateRequest(
                request_id=f"say {state}", state=state, target=pb.TradingTarget(account_ids=[COMMAND])
            )
            for state in (nouns.TRADING_STATE_HALTED, nouns.TRADING_STATE_ACTIVE)
        ],
        "ListLimits": [pb.ListLimitsRequest(), pb.ListLimitsRequest(account_ids=[f"no {CANARY}"])],
        "ResetLimit": [
            pb.ResetLimitRequest(request_id="limit", account_id=FILE, name=CANARY, reason=CANARY),
            pb.ResetLimitRequest(request_id="limit2", account_id=CANARY, reason="why"),
        ],
        "FlattenAccounts": [
            pb.FlattenAccountsRequest(dry_run=True, target=pb.TradingTarget(account_ids=[account]))
            for account in (FILE, COMMAND, f"no {CANARY}")
        ],
    }


def _copying() -> Asked:
    """What is to be copied."""
    return {
        "CopyFill": [
            pb.CopyFillRequest(dry_run=True, seq=1, account_ids=[account]) for account in (FILE, CANARY)
        ]
        + [pb.CopyFillRequest(request_id="copy", exec_id=CANARY, by=CANARY)],
        "ResyncAccount": [
            pb.ResyncAccountRequest(dry_run=True, account_id=account)
            for account in (FILE, COMMAND, f"no {CANARY}")
        ],
        "RenameAsset": [
            pb.RenameAssetRequest(request_id="rename", old_name=CANARY, new_name="BTC"),
            pb.RenameAssetRequest(request_id="rename2", old_name="OLD", new_name="NEW"),
        ],
    }


def _records() -> Asked:
    """What was written down."""
    return {
        "ListEvents": [pb.ListEventsRequest(page_size=1000)],
        "WatchEvents": [pb.WatchEventsRequest(after_seq=0)],
        "ReadLog": [
            pb.ReadLogRequest(account_id=account, lines=100_000) for account in (*EVERYONE, "supervisor")
        ],
        "ListAuditEntries": [audit_pb2.ListAuditEntriesRequest(page_size=1000, each_entry=True)],
        "WatchAudit": [audit_pb2.WatchAuditRequest(after_number=0, with_lines=True)],
        "VerifyAudit": [audit_pb2.VerifyAuditRequest(), audit_pb2.VerifyAuditRequest(head=CANARY)],
    }


def _of_accounts(kind: Callable[..., Any], *accounts: str) -> list[Any]:
    return [kind(account_id=account, request_id=f"{kind.__name__}{account}") for account in accounts]
