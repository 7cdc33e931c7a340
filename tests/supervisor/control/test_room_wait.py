"""While a run waits for room its API says so, and goes away when there is some."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import grpc
import pytest

from krakencopy.supervisor.accounts.disk_watch import BALLAST
from krakencopy.supervisor.control import room_wait
from krakencopy.supervisor.control.room_wait import wait_for_room
from krakencopy.v1 import control_pb2 as pb
from tests.support.front import run, stub_of, until
from tests.support.served_control import error_info

SINCE = 1_800_000_000.0


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> dict[str, bool]:
    """Whether it has room."""
    state = {"room": False}
    monkeypatch.setattr(room_wait, "has_start_room", lambda _: state["room"])
    monkeypatch.setattr(room_wait, "room_words", lambda _: "no room on /disk: 0 of 6 MB free")
    monkeypatch.setattr(room_wait, "WAIT_S", 0.01)
    return state


async def refused(answer: Any) -> tuple[Any, ...]:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await answer
    info = error_info(raised.value)
    return raised.value.code(), info.reason, dict(info.metadata), raised.value.details()


def test_every_call_is_answered_with_what_is_waited_for_and_since_when(
    tmp_path: Path, disk: dict[str, bool]
) -> None:
    async def play() -> None:
        (tmp_path / BALLAST.parent).mkdir()
        (tmp_path / BALLAST).touch()
        path = tmp_path / "c.sock"
        waiting = asyncio.create_task(wait_for_room(tmp_path, path, SINCE))
        await until("the socket", path.exists)
        assert not (tmp_path / BALLAST).exists()
        async with stub_of(path) as stub:
            at = "2027-01-15T08:00:00Z"
            words = (
                f"no room on /disk: 0 of 6 MB free; nothing is copied since {at}, nothing is lost: make room "
                "there, and all goes on by itself"
            )
            right = (grpc.StatusCode.UNAVAILABLE, "DISK_NOT_WRITABLE", {"since": at}, words)
            assert await refused(stub.GetStatus(pb.GetStatusRequest())) == right
            pause = pb.PauseAccountRequest(account_id="anna", request_id="r")
            assert await refused(stub.PauseAccount(pause)) == right
            watch = stub.WatchFills(pb.WatchFillsRequest())
            assert await refused(watch.read()) == right
            # Whose a token is, nobody knows meanwhile; nor may it end the wait.
            end = pb.ShutdownRequest(request_id="r")
            as_somebody = [("authorization", f"Bearer kct_abcdefgh_{'s' * 43}")]
            assert await refused(stub.Shutdown(end, metadata=as_somebody, timeout=20)) == right
        disk["room"] = True
        assert await waiting
        assert not path.exists()

    run(play())


def test_an_operator_can_end_the_wait(tmp_path: Path, disk: dict[str, bool]) -> None:
    async def play() -> None:
        path = tmp_path / "c.sock"
        waiting = asyncio.create_task(wait_for_room(tmp_path, path, SINCE))
        await until("the socket", path.exists)
        async with stub_of(path) as stub:
            await stub.Shutdown(pb.ShutdownRequest(request_id="r"))
        assert not await waiting
        assert not disk["room"]

    run(play())


def test_a_socket_that_cannot_be_made_is_tried_again(
    tmp_path: Path, disk: dict[str, bool], caplog: pytest.LogCaptureFixture
) -> None:
    async def play() -> None:
        path = tmp_path / "run" / "c.sock"
        waiting = asyncio.create_task(wait_for_room(tmp_path, path, SINCE))
        await until("a try", lambda: "cannot be made" in caplog.text)
        path.parent.mkdir()
        await until("the socket", path.exists)
        disk["room"] = True
        assert await waiting

    run(play())
