"""A supervisor with whom every RPC of ControlService can be played, and for each RPC a request that succeeds
and one that is refused. Its accounts' processes are stand-ins, its socket and its front are real.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from grpclib.const import Status

from krakencopy.supervisor.accounts.grpc_client import CallFailed
from krakencopy.supervisor.accounts.kept_tables import KeptTables
from krakencopy.supervisor.audit.log import AuditLog
from krakencopy.supervisor.config.model import ControlConfig
from krakencopy.supervisor.config.reader import parse
from krakencopy.supervisor.control.audit_notes import CallNotes
from krakencopy.supervisor.control.audited_calls import AuditedCalls
from krakencopy.supervisor.control.change_refused import ChangeRefused
from krakencopy.supervisor.control.reloader import Reloader
from krakencopy.supervisor.control.remote_access import RemoteAccess
from krakencopy.supervisor.control.service import ControlServicer
from krakencopy.supervisor.journal.access_records import TOKEN, CredentialRow
from krakencopy.supervisor.journal.event_log import event_of
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.supervisor import Supervisor
from krakencopy.v1 import access_pb2, account_pb2, audit_pb2, types_pb2
from krakencopy.v1 import control_pb2 as pb
from tests.support.certificates import request_of
from tests.support.config_rpcs import USED, AnyKeys, config_rpcs, configure
from tests.support.config_texts import MASTER, PAPER
from tests.support.front import front, stub_of
from tests.support.idle_supervisor import idle_supervisor, set_running
from tests.support.supervisor_samples import copy, fill
from tests.support.trading_links import TradingLink

_USERS = "".join(
    f'[[accounts]]\nid = "{user}"\nrole = "user"\nbroker = "kraken"\n{more}\n'
    for user, more in (("anna", 'group = "clients"'), ("ben", ""))
)
TEXT = f'{PAPER}[[groups]]\nid = "clients"\n{MASTER}{_USERS}'

#: A token that was given before.
GIVEN = CredentialRow("t1", TOKEN, "reports", "viewer", "", "00", 1.0, "ida", 4e9)
#: The pair of an order that the master's process refuses.
NOT_NOW = "ETH/USD"
_REFUSED = CallFailed(Status.FAILED_PRECONDITION, "trading is HALTED", "TRADING_HALTED")
#: What a process answers.
_ANSWERS: dict[str, Message] = {
    "PlaceOrder": account_pb2.AccountServicePlaceOrderResponse(order_id="O1"),
    "ListOrders": account_pb2.AccountServiceListOrdersResponse(
        orders=[types_pb2.Order(order_id="O1", opened_at=Timestamp(seconds=1))]
    ),
    "CancelOrder": account_pb2.AccountServiceCancelOrderResponse(
        outcome=types_pb2.CANCEL_OUTCOME_CANCELLED, order=types_pb2.Order(order_id="O1")
    ),
    "CancelOrders": account_pb2.AccountServiceCancelOrdersResponse(cancelled=2),
    "ResetLimit": account_pb2.AccountServiceResetLimitResponse(names=["day"]),
    "PlanSync": account_pb2.PlanSyncResponse(
        positions=[types_pb2.SyncPosition(asset="BTC", buy_volume="0.1")]
    ),
    "CopyAskedFill": account_pb2.CopyAskedFillResponse(outcome=types_pb2.COPY_FILL_OUTCOME_WAITING),
}
#: What changes nothing at the exchange or in a ledger.
_READS = {"ReadTradingStates", "PlanSync", "ListOrders"}


class EveryLink(TradingLink):
    """A conversation with a process that answers everything."""

    def __init__(self, path: Path, account_id: str, free: asyncio.Event) -> None:
        super().__init__(path, account_id)
        self._free = free
        #: What it was asked to do.
        self.done: list[tuple[str, Message]] = []

    async def ask(self, method: str, request: Any, timeout_s: float) -> Any:
        if method not in _READS:
            self.done.append((method, request))
        await self._free.wait()
        if method == "ReadTradingStates":
            return await super().ask(method, request, timeout_s)
        if method == "PlaceOrder" and request.pair == NOT_NOW:
            raise _REFUSED
        return _ANSWERS[method]

    async def place_order(self, request: Any, timeout_s: float) -> Any:
        return await self.ask("PlaceOrder", request, timeout_s)

    async def nonce_report(self) -> types_pb2.NonceReport:
        return types_pb2.NonceReport(account_id=self._account_id)

    async def find_coins(self, names: list[str]) -> list[account_pb2.ListedCoin]:
        """The first is not listed any more."""
        await self._free.wait()
        return [account_pb2.ListedCoin(), account_pb2.ListedCoin(name=names[1])]


class Reloads(Reloader):
    """Reads no file: what is asked for changes nothing, and a dry run is refused."""

    def __init__(self, supervisor: Supervisor, acts: list[str]) -> None:
        super().__init__(supervisor, Path("/k.toml"), AnyKeys(acts))
        self.number = 0

    async def _compare_and_apply(self, *, dry_run: bool) -> pb.ReloadResponse:
        if dry_run:
            raise ChangeRefused("NEEDS_RESTART", "restart krakencopyd for this, nothing was changed")
        self.number += 1
        return pb.ReloadResponse(applied=True)


class World:
    """All of it."""

    def __init__(self, supervisor: Supervisor, audit: AuditLog, access: RemoteAccess) -> None:
        self.supervisor, self.audit, self.access = supervisor, audit, access
        self.stub: Any = None
        #: While it is not set, whatever was begun waits.
        self.free = asyncio.Event()
        self.free.set()
        #: What the supervisor was asked to do.
        self._acts: list[str] = []
        self.reloads = Reloads(supervisor, self._acts)
        supervisor.registry._turns.note_start("anna", USED)
        self.links = {
            name: EveryLink(supervisor.place.states, name, self.free) for name in ("master", "anna", "ben")
        }
        for name, link in self.links.items():
            set_running(supervisor.accounts[name], link)
        self.links["master"].snapshot.equity.CopyFrom(types_pb2.Money(amount="1000", asset="USD"))
        anything: Any = supervisor
        for name in ("start", "stop", "restart", "pause", "resume"):
            setattr(anything, name, partial(self._act, name, getattr(anything, name)))
        # It begins, and nobody goes.
        anything.shutdown._quiesce = asyncio.Event().wait

    def _act(self, name: str, act: Callable[..., None], *arguments: str) -> None:
        self._acts.append(name)
        act(*arguments)

    def done(self) -> object:
        """All that calls have done so far, for comparison."""
        journal = self.supervisor.journal
        return (
            list(self._acts), self.supervisor.shutdown.begun, self.reloads.number,
            [request for link in self.links.values() for request in link.done],
            self.supervisor.trading.states.version, journal.last_event,
            {key: list(rows) for key, rows in journal.syncs_waiting.items()}, list(journal.coins.renames),
            [(row.target, row.key, row.value) for row in journal.settings()],
            [(row.id, row.revoked_at) for row in self.access.rows()],
        )  # fmt: skip

    def entries(self) -> list[dict[str, Any]]:
        """Of the audit, but for the beginnings of files."""
        lines = (
            line
            for path in sorted(self.supervisor.place.audit.glob("*.jsonl"))
            for line in path.read_bytes().splitlines()
        )
        return [entry for entry in map(json.loads, lines) if entry["kind"] != "file"]

    def ends(self) -> list[dict[str, Any]]:
        """What came of calls."""
        return [entry for entry in self.entries() if entry["kind"] == "ended"]

    async def ask(self, method: str, request: Message) -> Any:
        """The answer; of a stream the first one."""
        call = getattr(self.stub, method)(request)
        if not hasattr(call, "read"):
            return await call
        try:
            return await call.read()
        finally:
            call.cancel()

    async def turn(self) -> None:
        """As the supervisor's loop, which sees each change."""
        while True:
            await asyncio.sleep(0.01)
            if self.free.is_set():
                self.supervisor.changes.notify()


@asynccontextmanager
async def world(folder: Path, journal: Journal) -> AsyncIterator[World]:
    """With one fill, one copy, one event and one line of a log."""
    journal.append([fill(1)], 1)
    journal.join("anna")
    journal.put_reports([("anna", [copy("anna", [1])], 1)])
    journal.add_event(event_of(types_pb2.SEVERITY_INFO, "anna", "STARTED", "a run"))
    configure(journal)
    config, _ = KeptTables(journal, folder).merged(parse(TEXT, "c.toml"), must=())
    supervisor = idle_supervisor(folder, journal, config)
    log_path = supervisor.place.log("anna")
    log_path.parent.mkdir()
    log_path.write_text('{"at": "2026-11-29T08:00:00.000000+00:00"}\n')
    audit = AuditLog(
        supervisor.place.audit, journal, supervisor.events, on_failure=supervisor.fail, is_quiet=lambda: False
    )
    audit.start()
    journal.put_credential(GIVEN)
    listening = replace(supervisor.config, control=ControlConfig(listen="127.0.0.1:0"))
    access = RemoteAccess(listening, folder, folder, journal)
    port = access.open_port()
    assert port is not None
    port.close()
    access.serve(lambda _table: None, supervisor.events)
    w = World(supervisor, audit, access)
    servicer = ControlServicer(supervisor, w.reloads, audit, access)
    turning = asyncio.create_task(w.turn())
    path = folder / "c.sock"
    try:
        async with (
            front(path, servicer, audit=AuditedCalls(audit, CallNotes(supervisor))),
            stub_of(path) as stub,
        ):
            w.stub = stub
            yield w
    finally:
        turning.cancel()
        if supervisor.shutdown._quiescing is not None:
            supervisor.shutdown._quiescing.cancel()
        await audit.close()
        supervisor.trading.close()


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
