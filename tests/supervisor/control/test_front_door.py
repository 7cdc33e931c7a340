"""Who may have a connection: each a bounded number, and is told so beyond it; another socket is taken."""

from __future__ import annotations

import asyncio
import socket
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest

from krakencopy.account_proc.contract.socket_handshake import Peer, peer_of
from krakencopy.supervisor.control import front_door
from krakencopy.supervisor.control.front_clients import OF_ONE, Clients
from krakencopy.v1 import control_pb2 as pb
from tests.supervisor.control.test_front_connection import Servicer, said_to
from tests.support.front import front, listening, run, stub_of, until
from tests.support.served_control import refused


def test_a_client_with_too_many_connections_is_told_so_and_others_are_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = [1]
    monkeypatch.setattr(front_door, "peer_of", lambda connected: Peer(pid[0], peer_of(connected).uid))

    async def play() -> None:
        path, clients = tmp_path / "s", Clients()
        async with front(path, Servicer(), clients), AsyncExitStack() as stack:
            stub: Any = None
            for _ in range(OF_ONE.connections):
                stub = await stack.enter_async_context(stub_of(path))
                await stub.GetStatus(pb.GetStatusRequest())
            beyond = await stack.enter_async_context(stub_of(path))
            code, reason, _ = await refused(beyond.GetStatus(pb.GetStatusRequest()))
            assert (code, reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_CONNECTIONS")
            pid[0] = 2
            async with stub_of(path) as other:
                assert (await other.GetStatus(pb.GetStatusRequest())).pid == 7
            # Those that are open stay.
            assert (await stub.GetStatus(pb.GetStatusRequest())).pid == 7
            assert clients.connections >= OF_ONE.connections

    run(play())


def test_connections_beyond_that_are_only_closed_and_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(front_door, "REFUSED_MAX", 1)
    monkeypatch.setattr(front_door, "REFUSED_S", 0.3)

    async def play() -> None:
        path, clients = tmp_path / "s", Clients()
        async with front(path, Servicer(), clients):
            kept = [await asyncio.open_unix_connection(str(path)) for _ in range(OF_ONE.connections + 1)]
            assert await said_to(path) == b""  # closed at once, not after the time of one that says nothing
            for _, writer in kept:
                writer.close()
            await until("their end", lambda: not clients.connections)
            async with stub_of(path) as stub:
                assert (await stub.GetStatus(pb.GetStatusRequest())).pid == 7

    run(play())


def test_another_machine_user_is_not_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        path = tmp_path / "s"
        async with front(path, Servicer()):
            monkeypatch.setattr(front_door, "peer_of", lambda _: Peer(1, -1))
            assert await said_to(path) == b""

            def fails(_: Any) -> Peer:
                raise OSError("it is gone")

            monkeypatch.setattr(front_door, "peer_of", fails)
            assert await said_to(path) == b""

    run(play())


def test_clients_of_the_socket_before_stay_connected(tmp_path: Path) -> None:
    async def play() -> None:
        path = tmp_path / "s"
        async with front(path, Servicer()) as door, stub_of(path) as before:
            await before.GetStatus(pb.GetStatusRequest())
            path.unlink()
            door.listen(listening(path))
            async with stub_of(path) as after:
                assert (await after.GetStatus(pb.GetStatusRequest())).pid == 7
            assert (await before.GetStatus(pb.GetStatusRequest())).pid == 7

    run(play())


def test_without_files_connections_wait_in_the_queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front_door, "NO_FILES_PAUSE_S", 0.1)

    class Listener(socket.socket):
        refuses = 2

        def accept(self) -> Any:
            if self.refuses:
                self.refuses -= 1
                raise OSError("too many open files")
            return super().accept()

    async def play() -> None:
        path = tmp_path / "s"
        async with front(path, Servicer()) as door:
            path.unlink()
            listener = listening(path)
            door.listen(Listener(fileno=listener.detach()))
            async with stub_of(path) as stub:
                assert (await stub.GetStatus(pb.GetStatusRequest())).pid == 7

    run(play())
