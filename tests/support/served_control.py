"""ControlService on its real socket, of a supervisor whose loop does not run, and what it refuses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from krakencopy.supervisor.control.reloader import Keys, Reloader
from krakencopy.supervisor.control.server import ControlServer
from krakencopy.supervisor.supervisor import Supervisor
from tests.support.front import stub_of


@asynccontextmanager
async def served(supervisor: Supervisor, reloader: Reloader | None = None) -> AsyncIterator[Any]:
    """A client of its own. Without a ``reloader`` nothing can be reloaded and nothing be set."""
    socket = supervisor.place.socket("control")
    for folder in (socket.parent, supervisor.place.state_dir / "logs"):
        folder.mkdir(exist_ok=True)
    server = ControlServer()
    await server.start(supervisor, reloader or Reloader(supervisor, None, cast("Keys", None)))
    try:
        async with stub_of(socket) as stub:
            yield stub
    finally:
        await server.close()
        supervisor.trading.close()


async def refused(call: Any) -> tuple[grpc.StatusCode, str, str]:
    """With which code, which reason and which words a call is refused."""
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    return raised.value.code(), error_info(raised.value).reason, raised.value.details() or ""


def error_info(error: grpc.aio.AioRpcError) -> error_details_pb2.ErrorInfo:
    """The reason of a refusal, with what is said beside it."""
    status = rpc_status.from_call(cast("grpc.Call", error))
    assert status is not None
    info = error_details_pb2.ErrorInfo()
    assert any(detail.Unpack(info) for detail in status.details)
    return info
