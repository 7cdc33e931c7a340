"""Fills go out to all users in turn; what cannot be sent is not hidden by what is still read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from krakencopy.account_proc.contract.spec import Role
from krakencopy.supervisor.accounts import copy_stream
from krakencopy.supervisor.accounts.account_link import AccountLink
from krakencopy.supervisor.accounts.conversation import Differs, Owner
from krakencopy.supervisor.accounts.grpc_client import CallFailed
from krakencopy.supervisor.journal.journal_file import JournalFault
from krakencopy.v1 import account_pb2 as pb
from krakencopy.v1 import types_pb2
from tests.support.idle_supervisor import Link
from tests.support.linked_users import LIMIT_S, SECRET, USERS, Scene, connected
from tests.support.supervisor_samples import fill


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


def test_a_process_that_ends_the_stream_without_a_word_is_a_failed_call() -> None:
    class Ended:
        async def recv_message(self) -> None:
            return None

    with pytest.raises(CallFailed, match="the process ended the stream without a word"):
        asyncio.run(copy_stream.CopyStream._answer(cast("Any", Ended())))


def test_a_user_whose_last_fill_is_another_one_in_the_journal_is_given_none(folder: Path) -> None:
    async def play() -> None:
        async with connected(folder) as scene:
            scene.fills.append([fill(1)], 1)
            stream = object.__new__(copy_stream.CopyStream)
            stream._journal = scene.journal
            mine = scene.journal.fill(seq=1)
            assert mine is not None
            stream._check_same_fill(pb.CopyReady(cursor_seq=1, cursor_exec_id=mine.exec_id))
            for seq, words in ((1, mine.exec_id), (2, "unknown")):
                with pytest.raises(Differs, match=rf"fill {seq} is OTHER in .*{words} in the journal"):
                    stream._check_same_fill(pb.CopyReady(cursor_seq=seq, cursor_exec_id="OTHER"))

    asyncio.run(play())


def test_a_sync_is_sent_behind_the_last_fill_once_the_masters_equity_is_known(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copy_stream, "SYNC_LOOK_S", 0.01)

    async def play() -> None:
        async with connected(folder) as scene:
            scene.fills.append([fill(1), fill(2)], 1)
            scene.journal.add_sync("anna", "r1", "operator", 5.0)
            scene.links["anna"].open()
            await scene.until_got(2)
            assert scene.accounts["anna"].syncs == []
            scene.link_of_master = Link(
                pb.WatchSnapshotResponse(equity=types_pb2.Money(amount="1000", asset="USD"))
            )
            await until_synced(scene, 1)
            scene.fills.append([fill(3)], 1)
            await scene.until_got(3)
            scene.journal.add_sync("anna", "r2", "operator", 6.0)
            scene.fills.users.notify()
            await until_synced(scene, 2)
            assert scene.accounts["anna"].syncs == [(1, 2, 2), (2, 3, 3)]
            # Another conversation: its ledger has taken neither.
            await scene.links["anna"].close()
            socket, owner = folder / "anna.sock", cast("Owner", scene.boss)
            scene.links["anna"] = AccountLink("anna", Role.USER, socket, SECRET, scene.shared, owner)
            scene.links["anna"].open()
            await until_synced(scene, 4)
            assert [number for number, _, _ in scene.accounts["anna"].syncs] == [1, 2, 1, 2]

    asyncio.run(play())


async def until_synced(scene: Scene, syncs: int) -> None:
    async with asyncio.timeout(LIMIT_S):
        while len(scene.accounts["anna"].syncs) < syncs:
            seen = scene.changed.version
            await scene.changed.wait(seen)
