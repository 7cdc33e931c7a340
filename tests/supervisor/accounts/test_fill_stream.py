"""A fill that is wrong is never journalled, and those before it are."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import cast

import pytest

from krakencopy.account_proc.contract.grpc_methods import ACCOUNT_SERVICE
from krakencopy.account_proc.contract.spec import Role
from krakencopy.account_proc.runtime.grpc_server import GrpcServer
from krakencopy.supervisor.accounts.account_link import AccountLink
from krakencopy.supervisor.accounts.conversation import Owner
from krakencopy.v1 import types_pb2
from tests.support.linked_users import (
    LIMIT_S,
    SECRET,
    Master,
    Scene,
)
from tests.support.supervisor_samples import fill


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
