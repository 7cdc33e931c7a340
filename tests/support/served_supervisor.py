"""The control API of a supervisor whose loop does not run, on its real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from krakencopy.supervisor.control.reloader import Reloader
from krakencopy.supervisor.control.server import ControlServer
from krakencopy.supervisor.supervisor import Supervisor
from krakencopy.v1 import control_pb2_grpc


@asynccontextmanager
async def served(supervisor: Supervisor) -> AsyncIterator[Any]:
    """What asks it, by the names of ControlService; no reload is asked for."""
    socket = supervisor.place.socket("control")
    socket.parent.mkdir(exist_ok=True)
    (supervisor.place.state_dir / "logs").mkdir(exist_ok=True)
    server = ControlServer()
    await server.start(supervisor, cast("Reloader", None))
    try:
        async with grpc.aio.insecure_channel(f"unix:{socket}") as channel:
            yield control_pb2_grpc.ControlServiceStub(channel)
    finally:
        await server.close()
        supervisor.trading.close()


async def refused(answer: Any) -> tuple[grpc.StatusCode, str, str]:
    """By which status a call is refused, its stable reason, and its words."""
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await answer
    status = rpc_status.from_call(cast("grpc.Call", raised.value))
    assert status is not None
    info = error_details_pb2.ErrorInfo()
    assert any(detail.Unpack(info) for detail in status.details)
    return raised.value.code(), info.reason, raised.value.details() or ""
