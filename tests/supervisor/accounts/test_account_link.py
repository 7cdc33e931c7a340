"""The supervisor's end of a conversation, held with servers of this process over real sockets."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from krakencopy.account_proc.contract.grpc_methods import ACCOUNT_SERVICE, HEALTH_SERVICE
from krakencopy.account_proc.contract.spec import SERVICE_NAME, Role
from krakencopy.account_proc.runtime.change_signal import ChangeSignal
from krakencopy.account_proc.runtime.grpc_server import GrpcServer, Health
from krakencopy.supervisor.accounts.account_link import AccountLink, Owner, Shared
from krakencopy.supervisor.accounts.coin_names import CoinNames
from krakencopy.supervisor.accounts.same_account import Identities
from krakencopy.supervisor.accounts.work_queue import WorkQueue
from krakencopy.supervisor.journal.event_log import EventLog
from krakencopy.supervisor.journal.fan_out import FillLog, ReportLog
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.journal.journal_file import JournalFault
from krakencopy.v1 import account_pb2 as pb
from krakencopy.v1 import types_pb2
from tests.support.stand_in_served import Servicer
from tests.support.supervisor_samples import fill, small_config

#: For what must happen on a busy machine, in seconds; nothing waits that long when it works.
LIMIT_S = 30
SECRET = "known to both ends"
USERS = ("anna", "ben", "eve")


class Account(Servicer):
    """Takes fills, tells one snapshot."""

    def __init__(self, name: str, got: list[tuple[str, int]], changed: ChangeSignal) -> None:
        self._name, self._got, self._changed = name, got, changed
        self.snapshot = pb.WatchSnapshotResponse()

    async def CopyFills(self, requests: Any) -> AsyncIterator[pb.CopyFillsResponse]:  # noqa: N802 - gRPC's
        await anext(requests)
        yield pb.CopyFillsResponse(seen=pb.AccountSeen())
        await anext(requests)
        yield pb.CopyFillsResponse(ready=pb.CopyReady())
        async for request in requests:
            self._got += [(self._name, fill.seq) for fill in request.fills]
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
        events, self.queue = EventLog(self.journal), WorkQueue()
        self.shared = Shared(
            epoch=1,
            journal=self.journal,
            fills=self.fills,
            reports=ReportLog(self.journal),
            identities=Identities(self.journal, events, Accounts(), small_config(*USERS)),
            names=CoinNames(self.journal, self.fills, events, lambda: None),
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


@pytest.fixture
def folder() -> Iterator[Path]:
    # Short: paths of Unix sockets are at most 107 bytes long.
    folder = Path(tempfile.mkdtemp(prefix="kc"))
    yield folder
    shutil.rmtree(folder)


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


def test_every_fill_goes_to_everyone_and_each_time_another_user_is_served_first(folder: Path) -> None:
    async def play() -> None:
        async with connected(folder) as scene:
            written: list[str] = []
            scene.fills.append([fill(1)], 1)
            for number, (name, link) in enumerate(scene.links.items(), start=1):
                _note_writes(link, name, written)
                link.open()
                # Who has a fill has joined the round.
                await scene.until_got(number)
            written.clear()
            for seq in (2, 3, 4):
                scene.fills.append([fill(seq)], 1)
                await scene.until_got(len(USERS) * seq)
            assert written == ["anna", "ben", "eve", "ben", "eve", "anna", "eve", "anna", "ben"]
            assert sorted(scene.got) == [(name, seq) for name in USERS for seq in (1, 2, 3, 4)]

    asyncio.run(play())


def _note_writes(link: AccountLink, name: str, written: list[str]) -> None:
    """Has the order in which writes begin told: when they arrive is the kernel's business."""
    begin = link._rpc.open

    @asynccontextmanager
    async def begun(method: str, timeout_s: float | None = None) -> AsyncIterator[Any]:
        async with begin(method, timeout_s) as call:
            write = call.send_message

            async def noted(message: Any) -> None:
                if isinstance(message, bytes):
                    written.append(name)
                await write(message)

            cast("Any", call).send_message = noted
            yield call

    cast("Any", link._rpc).open = begun


def test_a_link_that_cannot_send_any_more_does_not_go_on_reading_as_if_all_were_well(folder: Path) -> None:
    async def play() -> None:
        async with connected(folder) as scene:
            scene.fills.append([fill(1)], 1)
            scene.links["anna"].open()
            await scene.until_got(1)
            fault = JournalFault("a page of the journal cannot be read")

            def unreadable(_: int) -> None:
                raise fault

            cast("Any", scene.fills).after = unreadable
            scene.fills.append([fill(2)], 1)
            await scene.queue.wait(LIMIT_S)
            with pytest.raises(JournalFault) as raised:
                scene.queue.raise_failure()
            assert raised.value is fault

    asyncio.run(play())


def test_a_snapshot_that_says_the_same_of_the_account_is_kept_and_moves_nobody(folder: Path) -> None:
    async def play() -> None:
        async with connected(folder) as scene:
            link, account = scene.links["anna"], scene.accounts["anna"]

            async def steps(**what: Any) -> int:
                account.snapshot = pb.WatchSnapshotResponse(**what)
                await link._watch_snapshot()
                assert link.snapshot == account.snapshot
                return scene.boss.steps

            assert await steps(cursor_seq=1) == 0
            assert await steps(cursor_seq=2, reason="FEED_DOWN") == 1
            assert await steps(cursor_seq=3, reason="FEED_DOWN") == 1
            assert await steps(cursor_seq=3, reason="FEED_DOWN", message="for a while") == 2
            assert await steps(cursor_seq=3) == 3

    asyncio.run(play())


@pytest.mark.parametrize(
    ("sent", "reason", "taken"),
    [
        ([[fill(1), fill(2, volume="0"), fill(3)]], "FILL_INVALID", ["E1"]),
        ([[fill(1)], [fill(2), fill(3, pair="P" * 65)]], "FILL_INVALID", ["E1", "E2"]),
        ([[fill(1)], [fill(1, volume="7"), fill(2)]], "FILL_DIFFERS", ["E1", "E2"]),
        ([[fill(1), fill(1, price="7")]], "FILL_DIFFERS", ["E1"]),
    ],
)
def test_a_fill_that_is_wrong_ends_the_masters_stream_with_a_word_and_is_never_journalled(
    folder: Path, sent: list[list[types_pb2.Fill]], reason: str, taken: list[str]
) -> None:
    async def play() -> None:
        scene, master = Scene(folder), Master(*sent)
        server = GrpcServer({ACCOUNT_SERVICE: master}, SECRET)
        await server.start(folder / "mia.sock")
        owner = cast("Owner", scene.boss)
        link = AccountLink("mia", Role.MASTER, folder / "mia.sock", SECRET, scene.shared, owner)
        link.open()
        async with asyncio.timeout(LIMIT_S):
            await asyncio.wait(link._tasks[-1:])
        assert [why for why, _ in scene.boss.refused] == [reason]
        assert [known.exec_id for known in scene.journal.fills_after(0, 10)] == taken
        assert master.asked == 1
        await link.close()
        await server.stop(1.0)
        scene.journal.close()

    asyncio.run(play())


def test_a_wrong_process_at_an_accounts_socket_is_told_once_and_hears_nothing(folder: Path) -> None:
    async def play() -> None:
        async with connected(folder) as scene:
            wrong = scene.accounts["ben"]
            server = GrpcServer(
                {ACCOUNT_SERVICE: wrong, HEALTH_SERVICE: Health(SERVICE_NAME)}, "another secret"
            )
            await server.start(folder / "eve2.sock")
            scene.fills.append([fill(1)], 1)
            owner = cast("Owner", scene.boss)
            link = AccountLink("eve", Role.USER, folder / "eve2.sock", SECRET, scene.shared, owner)
            link.open()
            async with asyncio.timeout(LIMIT_S):
                await asyncio.wait(link._tasks)
            assert [reason for reason, _ in scene.boss.refused] == ["WRONG_PROCESS"]
            assert scene.got == []
            await link.close()
            await server.stop(1.0)

    asyncio.run(play())
