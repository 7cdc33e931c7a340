"""Links to users and a master that stand in for processes: servers of this process, over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

from krakencopy.account_proc.contract.grpc_methods import ACCOUNT_SERVICE
from krakencopy.account_proc.contract.spec import Role
from krakencopy.account_proc.runtime.change_signal import ChangeSignal
from krakencopy.account_proc.runtime.grpc_server import GrpcServer
from krakencopy.supervisor.accounts.account_link import AccountLink
from krakencopy.supervisor.accounts.coin_names import CoinNames
from krakencopy.supervisor.accounts.conversation import Owner, Shared
from krakencopy.supervisor.accounts.same_account import Identities
from krakencopy.supervisor.accounts.sync_orders import SyncOrders
from krakencopy.supervisor.accounts.work_queue import WorkQueue
from krakencopy.supervisor.journal.event_log import EventLog
from krakencopy.supervisor.journal.fan_out import FillLog, ReportLog
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.v1 import account_pb2 as pb
from krakencopy.v1 import types_pb2
from tests.support.idle_supervisor import Link
from tests.support.stand_in_served import Servicer
from tests.support.supervisor_samples import small_config

#: For what must happen on a busy machine, in seconds; nothing waits that long when it works.
LIMIT_S = 30
SECRET = "known to both ends"
USERS = ("anna", "ben", "eve")


class Account(Servicer):
    """Takes fills, tells one snapshot."""

    def __init__(self, name: str, got: list[tuple[str, int]], changed: ChangeSignal) -> None:
        self._name, self._got, self._changed = name, got, changed
        self.snapshot = pb.WatchSnapshotResponse()
        #: Each sync that it was sent: its number, as of which fill, and the last fill that had come by then.
        self.syncs: list[tuple[int, int, int]] = []

    async def CopyFills(self, requests: Any) -> AsyncIterator[pb.CopyFillsResponse]:  # noqa: N802 - gRPC's
        await anext(requests)
        yield pb.CopyFillsResponse(seen=pb.AccountSeen())
        await anext(requests)
        yield pb.CopyFillsResponse(ready=pb.CopyReady())
        async for request in requests:
            self._got += [(self._name, fill.seq) for fill in request.fills]
            if request.WhichOneof("item") == "sync":
                last = max((seq for name, seq in self._got if name == self._name), default=0)
                self.syncs.append((request.sync.number, request.sync.as_of_seq, last))
            self._changed.notify()

    async def WatchSnapshot(self, _: Any) -> AsyncIterator[pb.WatchSnapshotResponse]:  # noqa: N802 - gRPC's
        yield self.snapshot


class Boss:
    """Lets everyone copy, and counts what it hears."""

    def __init__(self) -> None:
        self.steps = 0
        self.paused = False
        self.refused: list[tuple[str, str]] = []

    def link_refused(self, reason: str, message: str) -> None:
        self.refused.append((reason, message))

    def notices_changed(self) -> None:
        """Nobody asks."""

    def link_changed(self) -> None:
        self.steps += 1

    def trading_mode(self, **_: bool) -> types_pb2.TradingMode.ValueType:
        return types_pb2.TRADING_MODE_COPYING


class Master(Servicer):
    """Streams what a test gives it, and then nothing more."""

    def __init__(self, *fills: list[types_pb2.Fill]) -> None:
        self._fills = fills
        self.asked = 0

    async def StreamFills(self, _: Any) -> AsyncIterator[pb.StreamFillsResponse]:  # noqa: N802 - gRPC's
        self.asked += 1
        yield pb.StreamFillsResponse(caught_up=pb.CaughtUp())
        for fills in self._fills:
            yield pb.StreamFillsResponse(fills=fills)
        await asyncio.Event().wait()


class Accounts:
    """None of which does anything wrong."""

    def process_started_at(self, _: str) -> float:
        return 0.0

    def condemn(self, account_id: str, reason: str, message: str) -> None:
        raise AssertionError(account_id, reason, message)


class Scene:
    """A journal, and users that are connected to it."""

    def __init__(self, folder: Path) -> None:
        self.journal = Journal(folder / "journal.db")
        self.fills = FillLog(self.journal)
        self.boss = Boss()
        #: To the master's process.
        self.link_of_master: Link | None = None
        events, self.queue = EventLog(self.journal), WorkQueue()
        self.shared = Shared(
            epoch=1,
            journal=self.journal,
            fills=self.fills,
            reports=ReportLog(self.journal),
            identities=Identities(self.journal, events, Accounts(), small_config(*USERS)),
            names=CoinNames(self.journal, self.fills, events, lambda: None),
            syncs=SyncOrders(self.journal, events, lambda: self.link_of_master, self.fills.users.notify),
            queue=self.queue,
        )
        self.got: list[tuple[str, int]] = []
        self.changed = ChangeSignal()
        #: What the others do is of no concern here.
        stands_in = cast("Callable[[str, list[tuple[str, int]], ChangeSignal], Account]", Account)
        self.accounts = {name: stands_in(name, self.got, self.changed) for name in USERS}
        self.links: dict[str, AccountLink] = {}

    async def until_got(self, fills: int) -> None:
        """So many fills of all users together."""
        async with asyncio.timeout(LIMIT_S):
            seen = -1
            while len(self.got) != fills:
                seen = await self.changed.wait(seen)


@asynccontextmanager
async def connected(folder: Path) -> AsyncIterator[Scene]:
    scene = Scene(folder)
    servers = []
    for name in USERS:
        scene.journal.join(name)
        server = GrpcServer({ACCOUNT_SERVICE: scene.accounts[name]}, SECRET)
        await server.start(folder / f"{name}.sock")
        servers.append(server)
        socket, owner = folder / f"{name}.sock", cast("Owner", scene.boss)
        scene.links[name] = AccountLink(name, Role.USER, socket, SECRET, scene.shared, owner)
    try:
        yield scene
    finally:
        for link in scene.links.values():
            await link.close()
        for server in servers:
            await server.stop(1.0)
        scene.journal.close()
