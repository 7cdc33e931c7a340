"""What the control server takes of one client is bounded, on its real socket."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, cast

import grpc
import pytest

from krakencopy.supervisor.control import server
from krakencopy.supervisor.control.front_calls import REQUEST_BYTES_MAX
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.v1 import control_pb2 as pb
from tests.support.front import stub_of, until
from tests.support.idle_supervisor import idle_supervisor
from tests.support.served_control import served
from tests.support.supervisor_samples import fill, small_config

LIMIT_S = 30


def served_idle(folder: Path, journal: Journal) -> AbstractAsyncContextManager[Any]:
    """A client of a control server, with a supervisor that does nothing."""
    return served(idle_supervisor(folder, journal, small_config("anna")))


def test_a_request_beyond_all_bounds_is_refused_before_it_is_read(tmp_path: Path, journal: Journal) -> None:
    async def play() -> None:
        async with served_idle(tmp_path, journal) as stub:
            with pytest.raises(grpc.aio.AioRpcError) as failed:
                await stub.StopAccount(
                    pb.StopAccountRequest(account_id="anna", request_id="r" * REQUEST_BYTES_MAX)
                )
            assert failed.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert (await stub.GetStatus(pb.GetStatusRequest())).pid

    asyncio.run(play())


def test_a_shutdown_without_a_request_id_is_refused_and_nothing_is_begun(
    tmp_path: Path, journal: Journal
) -> None:
    async def play() -> None:
        async with served_idle(tmp_path, journal) as stub:
            with pytest.raises(grpc.aio.AioRpcError, match="request_id is empty") as failed:
                await stub.Shutdown(pb.ShutdownRequest(now=True))
            assert failed.value.code() is grpc.StatusCode.INVALID_ARGUMENT
            with pytest.raises(grpc.aio.AioRpcError, match="page_token was not given out") as failed:
                await stub.ListFills(pb.ListFillsRequest(page_token="x"))
            assert failed.value.code() is grpc.StatusCode.INVALID_ARGUMENT

    asyncio.run(play())


def test_a_hundred_long_request_ids_leave_nothing_behind(tmp_path: Path, journal: Journal) -> None:
    async def play() -> None:
        async with served_idle(tmp_path, journal) as stub:
            for number in range(100):
                with pytest.raises(grpc.aio.AioRpcError) as failed:
                    await stub.StopAccount(
                        pb.StopAccountRequest(account_id="anna", request_id=f"{number}" + "r" * 60_000)
                    )
                assert failed.value.code() is grpc.StatusCode.INVALID_ARGUMENT
            account = (await stub.GetAccount(pb.GetAccountRequest(account_id="anna"))).account
            assert account.id == "anna"

    asyncio.run(play())


def test_a_watcher_that_never_reads_is_read_for_no_further_than_it_takes(
    tmp_path: Path, journal: Journal
) -> None:
    async def play() -> None:
        journal.append([fill(number, marks={"M": "1" * 40}) for number in range(1, 20_001)], 1)
        read: list[int] = []
        rows_after = journal.fills_after

        def counted(seq: int, limit: int, pair: str = "") -> Any:
            read.append(seq)
            return rows_after(seq, limit, pair)

        cast("Any", journal).fills_after = counted
        async with served_idle(tmp_path, journal) as stub:
            watch = stub.WatchFills(pb.WatchFillsRequest(after_seq=0))
            assert (await watch.read()).fill.seq == 1
            # Others are answered, and what lies unread stays a part of what there is.
            for _ in range(50):
                await stub.GetStatus(pb.GetStatusRequest())
            assert max(read) < 15_000
            watch.cancel()

    asyncio.run(play())


def test_a_socket_that_was_swept_away_is_made_anew(
    tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server, "LOOK_S", 0.05)

    async def play() -> None:
        async with served_idle(tmp_path, journal) as stub:
            await stub.GetStatus(pb.GetStatusRequest())
            path = tmp_path / "run" / "control.sock"
            path.unlink()
            await until("another one", path.exists)
            async with stub_of(path) as other:
                assert (await other.GetStatus(pb.GetStatusRequest())).pid
            assert (await stub.GetStatus(pb.GetStatusRequest())).pid
            # Where it cannot be made, it is tried again; the whole folder is made anew as well.
            path.parent.rename(tmp_path / "gone")
            path.parent.write_text("in its place")
            await until("a word of it", lambda: "cannot be made anew" in caplog.text)
            path.parent.unlink()
            await until("another one", path.exists)
            assert path.parent.stat().st_mode & 0o777 == 0o700
        assert not path.exists()

    asyncio.run(play())
