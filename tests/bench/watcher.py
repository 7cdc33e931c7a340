"""Clients that watch by TLS, as a process: ``python -m tests.bench.watcher PORT CA COUNT TOKEN...``. Each
watches fills or copies. It says "ready" in one line when all have begun, and goes on until it is killed.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import grpc

from krakencopy.v1 import access_pb2, control_pb2_grpc
from krakencopy.v1 import control_pb2 as pb

#: Watches of one connection.
WATCHES_OF_ONE = 10


async def watch(port: str, ca: bytes, count: int, tokens: list[str]) -> None:
    """``count`` watches, with a token by turns for each connection."""
    calls: list[Any] = []
    own = ("grpc.use_local_subchannel_pool", 1)
    for number in range(0, count, WATCHES_OF_ONE):
        token = tokens[number // WATCHES_OF_ONE % len(tokens)]
        credentials = grpc.composite_channel_credentials(
            grpc.ssl_channel_credentials(ca), grpc.access_token_call_credentials(token)
        )
        channel = grpc.aio.secure_channel(f"dns:127.0.0.1:{port}", credentials, [own])
        stub: Any = control_pb2_grpc.ControlServiceStub(channel)
        await stub.WhoAmI(access_pb2.WhoAmIRequest(), timeout=60)
        for each in range(min(WATCHES_OF_ONE, count - number)):
            fills = stub.WatchFills(pb.WatchFillsRequest())
            calls.append(stub.WatchCopies(pb.WatchCopiesRequest()) if each % 2 else fills)
    reading = [asyncio.create_task(_read(call)) for call in calls]
    await asyncio.wait([asyncio.create_task(call.initial_metadata()) for call in calls], timeout=1)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.gather(*reading)


async def _read(call: Any) -> None:
    async for _ in call:
        pass


if __name__ == "__main__":
    words = sys.argv[1:]
    asyncio.run(watch(words[0], Path(words[1]).read_bytes(), int(words[2]), words[3:]))
