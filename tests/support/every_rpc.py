"""For each RPC of ControlService a request that succeeds and one that is refused, by the supervisor of
tests/support/rpc_world.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from krakencopy.v1 import access_pb2, audit_pb2, types_pb2
from krakencopy.v1 import control_pb2 as pb
from tests.support.certificates import request_of
from tests.support.config_rpcs import config_rpcs
from tests.support.rpc_world import NOT_NOW


@dataclass(frozen=True, slots=True, kw_only=True)
class Rpc:
    """What is asked of one RPC."""

    #: Succeeds, with an answer that this says of it.
    right: Message
    shows: Callable[[Any], object]
    #: Is refused for this reason, for what it asks and not for how it is written; None where nothing is.
    refused: tuple[Message, str] | None = None


def _of_account(kind: Callable[..., Message]) -> Rpc:
    return Rpc(
        right=kind(request_id="r1", account_id="anna"), shows=lambda answer: answer.account.id == "anna",
        refused=(kind(request_id="r1", account_id="zoe"), "ACCOUNT_NOT_FOUND"),
    )  # fmt: skip


def _target(*account_ids: str) -> pb.TradingTarget:
    return pb.TradingTarget(account_ids=account_ids)


_LATE = Timestamp(seconds=2_000_000_000)
_NO_TIME: Any = {"since": _LATE, "until": _LATE}
_HALTED = types_pb2.TRADING_STATE_HALTED
_ORDER: Any = {"request_id": "o1", "side": types_pb2.SIDE_BUY, "volume": "0.01"}
_GRANT: Any = {
    "request_id": "g1", "name": "desk", "role": access_pb2.ACCESS_ROLE_VIEWER, "ttl": Duration(seconds=86_400)
}  # fmt: skip

_CSR = request_of(ec.generate_private_key(ec.SECP256R1()))

RPCS: dict[str, Rpc] = {
    "GetStatus": Rpc(right=pb.GetStatusRequest(), shows=lambda answer: answer.pid),
    "ListAccounts": Rpc(
        right=pb.ListAccountsRequest(), shows=lambda answer: len(answer.accounts) == 4,
        refused=(pb.ListAccountsRequest(page_token="x"), "BAD_PAGE_TOKEN"),
    ),
    "GetAccount": Rpc(
        right=pb.GetAccountRequest(account_id="anna"), shows=lambda answer: answer.account.id == "anna",
        refused=(pb.GetAccountRequest(account_id="zoe"), "ACCOUNT_NOT_FOUND"),
    ),
    "StartAccount": _of_account(pb.StartAccountRequest),
    "StopAccount": _of_account(pb.StopAccountRequest),
    "RestartAccount": _of_account(pb.RestartAccountRequest),
    "PauseAccount": _of_account(pb.PauseAccountRequest),
    "ResumeAccount": _of_account(pb.ResumeAccountRequest),
    "SetTradingState": Rpc(
        right=pb.SetTradingStateRequest(request_id="h1", state=_HALTED, target=_target("anna")),
        shows=lambda answer: answer.accounts[0].acknowledged,
        refused=(pb.SetTradingStateRequest(request_id="h1", state=_HALTED), "NO_ACCOUNTS"),
    ),
    "FlattenAccounts": Rpc(
        right=pb.FlattenAccountsRequest(request_id="f1", target=_target("anna")),
        shows=lambda answer: answer.accounts[0].account_id == "anna",
        refused=(pb.FlattenAccountsRequest(request_id="f1", target=_target("master")), "NOT_A_USER"),
    ),
    "ListLimits": Rpc(
        right=pb.ListLimitsRequest(), shows=lambda answer: not answer.limits,
        refused=(pb.ListLimitsRequest(account_ids=["zoe"]), "ACCOUNT_NOT_FOUND"),
    ),
    "ResetLimit": Rpc(
        right=pb.ResetLimitRequest(request_id="l1", account_id="anna", reason="seen"),
        shows=lambda answer: list(answer.names) == ["day"],
        refused=(pb.ResetLimitRequest(request_id="l1", account_id="master", reason="seen"), "NOT_A_USER"),
    ),
    "ResyncAccount": Rpc(
        right=pb.ResyncAccountRequest(request_id="s1", account_id="anna"),
        shows=lambda answer: answer.number == 1,
        refused=(pb.ResyncAccountRequest(request_id="s1", account_id="master"), "NOT_A_USER"),
    ),
    "RenameAsset": Rpc(
        right=pb.RenameAssetRequest(request_id="n1", old_name="MATIC", new_name="POL"),
        shows=lambda answer: answer.journal_position == "0",
        refused=(pb.RenameAssetRequest(request_id="n1", old_name="M/A", new_name="POL"), "BAD_ASSET"),
    ),
    "GetNonce": Rpc(
        right=pb.GetNonceRequest(account_id="anna"), shows=lambda answer: answer.report.account_id == "anna",
        refused=(pb.GetNonceRequest(account_id="zoe"), "ACCOUNT_NOT_FOUND"),
    ),
    "ListFills": Rpc(
        right=pb.ListFillsRequest(), shows=lambda answer: answer.fills[0].seq == 1,
        refused=(pb.ListFillsRequest(**_NO_TIME), "BAD_INTERVAL"),
    ),
    "WatchFills": Rpc(
        right=pb.WatchFillsRequest(after_seq=0), shows=lambda answer: answer.fill.seq == 1,
        refused=(pb.WatchFillsRequest(after_seq=99), "AFTER_HEAD"),
    ),
    "ListCopies": Rpc(
        right=pb.ListCopiesRequest(), shows=lambda answer: answer.copies[0].account_id == "anna",
        refused=(pb.ListCopiesRequest(account_id="zoe"), "ACCOUNT_NOT_FOUND"),
    ),
    "WatchCopies": Rpc(
        right=pb.WatchCopiesRequest(after_change=0), shows=lambda answer: answer.change == 1,
        refused=(pb.WatchCopiesRequest(after_change=99), "AFTER_HEAD"),
    ),
    "ExplainFill": Rpc(
        right=pb.ExplainFillRequest(seq=1), shows=lambda answer: answer.fill.seq == 1,
        refused=(pb.ExplainFillRequest(seq=99), "FILL_NOT_FOUND"),
    ),
    "CopyFill": Rpc(
        right=pb.CopyFillRequest(request_id="c1", seq=1, account_ids=["anna"]),
        shows=lambda answer: answer.answers[0].outcome == types_pb2.COPY_FILL_OUTCOME_WAITING,
        refused=(pb.CopyFillRequest(request_id="c1", seq=99), "FILL_NOT_FOUND"),
    ),
    "PlaceOrder": Rpc(
        right=pb.PlaceOrderRequest(pair="BTC/USD", **_ORDER), shows=lambda answer: answer.order_id == "O1",
        refused=(pb.PlaceOrderRequest(pair=NOT_NOW, **_ORDER), "TRADING_HALTED"),
    ),
    "ListOrders": Rpc(
        right=pb.ListOrdersRequest(), shows=lambda answer: answer.orders[0].order_id == "O1",
        refused=(pb.ListOrdersRequest(account_id="zoe"), "ACCOUNT_NOT_FOUND"),
    ),
    "GetOrder": Rpc(
        right=pb.GetOrderRequest(order_id="O1"), shows=lambda answer: answer.order.order_id == "O1",
        refused=(pb.GetOrderRequest(), "ORDER_ID_MISSING"),
    ),
    "CancelOrder": Rpc(
        right=pb.CancelOrderRequest(request_id="x1", order_id="O1"),
        shows=lambda answer: answer.outcome == types_pb2.CANCEL_OUTCOME_CANCELLED,
        refused=(pb.CancelOrderRequest(request_id="x1"), "ORDER_ID_MISSING"),
    ),
    "CancelOrders": Rpc(
        right=pb.CancelOrdersRequest(request_id="x1"), shows=lambda answer: answer.cancelled == 2,
        refused=(pb.CancelOrdersRequest(), "REQUEST_ID_MISSING"),
    ),
    "ListEvents": Rpc(
        right=pb.ListEventsRequest(account_id="anna"),
        shows=lambda answer: answer.events[-1].code == "STARTED",
        refused=(pb.ListEventsRequest(**_NO_TIME), "BAD_INTERVAL"),
    ),
    "WatchEvents": Rpc(
        right=pb.WatchEventsRequest(after_seq=0), shows=lambda answer: answer.event.seq == 1,
        refused=(pb.WatchEventsRequest(after_seq=99), "AFTER_HEAD"),
    ),
    "ReadLog": Rpc(
        right=pb.ReadLogRequest(account_id="anna"), shows=lambda answer: answer.line.startswith("{"),
        refused=(pb.ReadLogRequest(account_id="zoe"), "ACCOUNT_NOT_FOUND"),
    ),
    "GetReport": Rpc(
        right=pb.GetReportRequest(), shows=lambda answer: answer.fills == 1,
        refused=(pb.GetReportRequest(**_NO_TIME), "BAD_INTERVAL"),
    ),
    "Reload": Rpc(
        right=pb.ReloadRequest(request_id="e1"), shows=lambda answer: answer.applied,
        refused=(pb.ReloadRequest(request_id="e2", dry_run=True), "NEEDS_RESTART"),
    ),
    "SetSettings": Rpc(
        right=pb.SetSettingsRequest(request_id="t1", id="anna", settings={"max_slippage_bps": "5"}),
        shows=lambda answer: answer.settings[0].key == "max_slippage_bps",
        refused=(pb.SetSettingsRequest(request_id="t1", id="anna"), "NOTHING_TO_SET"),
    ),
    "Shutdown": Rpc(
        right=pb.ShutdownRequest(request_id="d1"), shows=lambda answer: answer is not None,
        refused=(pb.ShutdownRequest(), "REQUEST_ID_MISSING"),
    ),
    "ListAuditEntries": Rpc(
        right=audit_pb2.ListAuditEntriesRequest(each_entry=True),
        shows=lambda answer: answer.entries[-1].number == 1,
        refused=(audit_pb2.ListAuditEntriesRequest(page_token="x"), "BAD_PAGE_TOKEN"),
    ),
    "WatchAudit": Rpc(
        right=audit_pb2.WatchAuditRequest(after_number=0), shows=lambda answer: answer.entry.number == 1,
        refused=(audit_pb2.WatchAuditRequest(after_number=99), "AFTER_HEAD"),
    ),
    "WhoAmI": Rpc(
        right=access_pb2.WhoAmIRequest(), shows=lambda answer: answer.role == access_pb2.ACCESS_ROLE_ADMIN
    ),
    "CreateToken": Rpc(
        right=access_pb2.CreateTokenRequest(**_GRANT), shows=lambda answer: answer.token.startswith("kct_"),
        refused=(access_pb2.CreateTokenRequest(**_GRANT | {"name": "-"}), "BAD_NAME"),
    ),
    "ListTokens": Rpc(
        right=access_pb2.ListTokensRequest(),
        shows=lambda answer: [token.id for token in answer.tokens] == ["t1"],
    ),
    "RevokeToken": Rpc(
        right=access_pb2.RevokeTokenRequest(request_id="v1", id="t1"),
        shows=lambda answer: answer.credential.HasField("revoked_at"),
        refused=(access_pb2.RevokeTokenRequest(request_id="v1", id="t2"), "TOKEN_NOT_FOUND"),
    ),
    "IssueCertificate": Rpc(
        right=access_pb2.IssueCertificateRequest(certificate_request=_CSR, **_GRANT),
        shows=lambda answer: answer.certificate.startswith("-----BEGIN"),
        refused=(
            access_pb2.IssueCertificateRequest(certificate_request="x", **_GRANT), "BAD_CERTIFICATE_REQUEST"
        ),
    ),
    "ListPrincipals": Rpc(
        right=access_pb2.ListPrincipalsRequest(),
        shows=lambda answer: "reports" in {each.name for each in answer.credentials},
    ),
    "RevokePrincipal": Rpc(
        right=access_pb2.RevokePrincipalRequest(request_id="v2", name="reports"),
        shows=lambda answer: answer.credentials[0].id == "t1",
        refused=(access_pb2.RevokePrincipalRequest(request_id="v2", name="zoe"), "PRINCIPAL_NOT_FOUND"),
    ),
    "VerifyAudit": Rpc(right=audit_pb2.VerifyAuditRequest(), shows=lambda answer: answer.intact),
    **config_rpcs(Rpc),
}  # fmt: skip
