"""A supervisor with whom every RPC can be played (tests/support/every_rpc.py). Its accounts' processes are
stand-ins, its socket and its front are real.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

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
from krakencopy.v1 import account_pb2, types_pb2
from krakencopy.v1 import control_pb2 as pb
from tests.support.config_rpcs import USED, AnyKeys, configure
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
