"""The socket of the control API: ControlService, grpc.health.v1 and reflection, for the owner of the state
folder alone.
"""

from __future__ import annotations

import asyncio
import logging
import os
from contextlib import suppress
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2
from grpc_health.v1.health import aio as grpc_health
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server
from grpc_reflection.v1alpha import reflection

from krakencopy.supervisor.control.reloader import Reloader
from krakencopy.supervisor.control.request_check import RequestCheck
from krakencopy.supervisor.control.service import ControlServicer
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.supervisor import Supervisor
from krakencopy.v1 import control_pb2
from krakencopy.v1.control_pb2_grpc import add_ControlServiceServicer_to_server

log = logging.getLogger(__name__)

SERVICE_NAME = control_pb2.DESCRIPTOR.services_by_name["ControlService"].full_name
#: Of one request.
REQUEST_BYTES_MAX = 65_536
#: Calls of one connection at once, and of all together: what is beyond them waits, or is refused
#: (RESOURCE_EXHAUSTED).
STREAMS_MAX, CALLS_MAX = 100, 1_000
#: Clients ping every 30 s to notice a frozen supervisor; gRPC's default would hang up on a watch without news
#: ("too_many_pings").
SERVER_OPTIONS = (
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
    # The longest request has fields of some hundred characters (bounds.proto).
    ("grpc.max_receive_message_length", REQUEST_BYTES_MAX),
    ("grpc.max_concurrent_streams", STREAMS_MAX),
    # A client that connects and says nothing.
    ("grpc.server_handshake_timeout_ms", 5_000),
)
#: What is being answered may end, in seconds.
GRACE_S = 0.2
#: Between two looks at whether the socket is still there, in seconds.
LOOK_S = 2.0


class ControlServer:
    """Made before anything else and closed after it; no gRPC object exists before ``start``."""

    def __init__(self) -> None:
        #: The last one listens; those before it answer the clients that are connected to them.
        self._servers: list[grpc.aio.Server] = []
        self._watching: asyncio.Task[None] | None = None
        #: Closed with the server, which reads it to the end.
        self.journal: Journal | None = None

    async def start(self, supervisor: Supervisor, reloader: Reloader) -> None:
        """Serves on the state folder's socket, mode 0600 by the umask, also when that is swept away."""
        socket = supervisor.place.socket("control")
        await self._listen(socket, supervisor, reloader)
        self._watching = asyncio.create_task(self._keep_listening(socket, supervisor, reloader))

    async def _keep_listening(self, socket: Path, supervisor: Supervisor, reloader: Reloader) -> None:
        """Some clean up temporary folders by age, and the socket of a long run is old."""
        while True:
            await asyncio.sleep(LOOK_S)
            if os.path.lexists(socket):  # noqa: ASYNC240 - a name in a folder that is in memory
                continue
            try:
                await self._listen(socket, supervisor, reloader)
            except (OSError, RuntimeError) as error:
                log.error("%s is gone and cannot be made anew: %s", socket, error)  # noqa: TRY400 - expected
            else:
                log.warning("%s was gone; it was made anew", socket)

    async def _listen(self, socket: Path, supervisor: Supervisor, reloader: Reloader) -> None:
        server = grpc.aio.server(
            interceptors=[RequestCheck(SERVICE_NAME)],
            options=SERVER_OPTIONS,
            maximum_concurrent_rpcs=CALLS_MAX,
        )
        health = grpc_health.HealthServicer()
        await health.set(SERVICE_NAME, health_pb2.HealthCheckResponse.SERVING)
        add_HealthServicer_to_server(health, server)
        add_ControlServiceServicer_to_server(ControlServicer(supervisor, reloader), server)
        names = (
            SERVICE_NAME,
            health_pb2.DESCRIPTOR.services_by_name["Health"].full_name,
            reflection.SERVICE_NAME,
        )
        reflection.enable_server_reflection(names, server)
        # The state folder's lock is held, so whatever lies here was left by a dead supervisor
        # (listener_of in daemon.py has asked it).
        with suppress(FileNotFoundError):
            os.unlink(socket)  # noqa: PTH108 - as pathlib's, which is looked upon as slow
        server.add_insecure_port(f"unix:{socket}")
        await server.start()
        self._servers.append(server)

    async def close(self) -> None:
        """Ends the server, then closes the journal."""
        if self._watching is not None:
            self._watching.cancel()
        await asyncio.gather(*(server.stop(GRACE_S) for server in self._servers))
        if self.journal is not None:
            self.journal.close()
