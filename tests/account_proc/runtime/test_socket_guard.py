"""Whoever has not proven to be the supervisor reaches nothing behind an account's socket."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from krakencopy.account_proc.contract.socket_handshake import ANSWER_BYTES, MAGIC, NONCE_BYTES, Meeting
from krakencopy.account_proc.runtime import socket_guard
from krakencopy.account_proc.runtime.socket_guard import STRANGERS_MAX, SocketGuard

LIMIT_S = 30
SECRET = "known to both ends"
NONCE = b"n" * NONCE_BYTES
Pair = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Behind(asyncio.Protocol):
    """What a connection becomes; keeps what it is given."""

    def __init__(self, word: bytes, heard: list[bytes]) -> None:
        self._word, self._heard = word, heard

    def connection_made(self, transport: Any) -> None:
        transport.write(self._word)

    def data_received(self, data: bytes) -> None:
        self._heard.append(data)


class Scene:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.heard: list[bytes] = []
        self.writers: list[asyncio.StreamWriter] = []
        self.guard = SocketGuard(
            SECRET, lambda: Behind(b"supervisor", self.heard), lambda: Behind(b"stranger", self.heard)
        )

    async def connect(self) -> Pair:
        pair = await asyncio.open_unix_connection(self.path)
        self.writers.append(pair[1])
        return pair


def played(play: Callable[[Scene], Awaitable[None]], path: Path) -> None:
    async def whole() -> None:
        scene = Scene(path)
        async with asyncio.timeout(LIMIT_S):
            server = await asyncio.get_running_loop().create_unix_server(scene.guard, path)
            await play(scene)
            server.close()
            for writer in scene.writers:
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()

    asyncio.run(whole())


@pytest.fixture
def path() -> Iterator[Path]:
    # Short: paths of Unix sockets are at most 107 bytes long.
    folder = Path(tempfile.mkdtemp(prefix="kc"))
    yield folder / "anna.sock"
    shutil.rmtree(folder)


async def greet(pair: Pair) -> Meeting:
    reader, writer = pair
    writer.write(MAGIC + NONCE)
    answer = await reader.readexactly(ANSWER_BYTES)
    meeting = Meeting(NONCE, answer[:NONCE_BYTES], os.getpid(), os.getpid())
    assert answer[NONCE_BYTES:] == meeting.account_proof(SECRET)
    return meeting


def test_the_supervisor_goes_on_after_the_handshake_in_whatever_pieces_it_comes(path: Path) -> None:
    async def play(scene: Scene) -> None:
        reader, writer = pair = await scene.connect()
        proof = (await greet(pair)).supervisor_proof(SECRET)
        writer.write(proof[:7])
        await asyncio.sleep(0)
        writer.write(proof[7:] + b"HTTP/2")
        assert await reader.readexactly(10) == b"supervisor"
        assert scene.heard == [b"HTTP/2"]
        writer.close()

    played(play, path)


@pytest.mark.parametrize("wrong", [b"x" * 32, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"])
def test_a_wrong_proof_is_cut_off_and_nothing_behind_it_is_read(path: Path, wrong: bytes) -> None:
    async def play(scene: Scene) -> None:
        reader, writer = pair = await scene.connect()
        await greet(pair)
        writer.write(wrong)
        with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
            await reader.readexactly(1)
        assert scene.heard == []

    played(play, path)


def test_the_accounts_own_proof_is_no_proof(path: Path) -> None:
    async def play(scene: Scene) -> None:
        reader, writer = pair = await scene.connect()
        writer.write((await greet(pair)).account_proof(SECRET))
        with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
            await reader.readexactly(1)

    played(play, path)


def test_who_begins_otherwise_is_a_stranger_and_cut_off_soon(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_guard, "STRANGER_S", 0.0)

    async def play(scene: Scene) -> None:
        reader, writer = await scene.connect()
        writer.write(b"PRI * HTTP/2.0\r\n")
        assert await reader.readexactly(8) == b"stranger"
        with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
            await reader.readexactly(1)
        assert scene.heard == [b"PRI * HTTP/2.0\r\n"]

    played(play, path)


def test_who_says_nothing_is_cut_off(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_guard, "HANDSHAKE_S", 0.0)

    async def play(scene: Scene) -> None:
        reader, _ = await scene.connect()
        with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
            await reader.readexactly(1)

    played(play, path)


def test_connections_that_prove_nothing_are_bounded_and_keep_nobody_out(path: Path) -> None:
    async def play(scene: Scene) -> None:
        silent = [await scene.connect() for _ in range(STRANGERS_MAX + 3)]
        reader, writer = pair = await scene.connect()
        writer.write((await greet(pair)).supervisor_proof(SECRET))
        assert await reader.readexactly(10) == b"supervisor"
        for first, _ in silent[:4]:
            with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
                await first.readexactly(1)
        assert len(scene.guard._open) == STRANGERS_MAX - 1

    played(play, path)


def test_a_process_of_another_machine_user_is_cut_off_at_once(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def play(scene: Scene) -> None:
        monkeypatch.setattr(os, "getuid", lambda: 4_000_000)
        reader, _ = await scene.connect()
        with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
            await reader.readexactly(1)

    played(play, path)
