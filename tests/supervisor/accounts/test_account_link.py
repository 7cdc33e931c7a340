"""The supervisor's end of a conversation, held with servers of this process over real sockets."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

from krakencopy.account_proc.contract.grpc_methods import ACCOUNT_SERVICE, HEALTH_SERVICE
from krakencopy.account_proc.contract.spec import SERVICE_NAME, Role
from krakencopy.account_proc.runtime.grpc_server import GrpcServer, Health
from krakencopy.supervisor.accounts.account_link import AccountLink
from krakencopy.supervisor.accounts.conversation import Owner
from krakencopy.v1 import account_pb2 as pb
from tests.support.linked_users import (
    LIMIT_S,
    SECRET,
    connected,
)
from tests.support.supervisor_samples import fill


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
