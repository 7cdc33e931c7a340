"""Who may have a connection to the control socket. It must not know what travels over one."""

from __future__ import annotations

import asyncio
import functools
import os
import pwd
import socket
from collections.abc import Coroutine
from typing import Any

from krakencopy.account_proc.contract.socket_handshake import Peer, peer_of
from krakencopy.supervisor.control.front_clients import Client, Clients
from krakencopy.supervisor.control.front_connection import Connections, OpeningConnection
from krakencopy.supervisor.control.principals import Principal, Role

#: A client that connects and does not begin as HTTP/2 does, in seconds.
PREFACE_S = 5.0
#: Clients that have too many connections and get the reason, at once, and for how long, in seconds.
REFUSED_MAX, REFUSED_S = 8, 1.0
#: Connections that are taken in one turn of the loop.
ACCEPTED_MAX = 8
#: After a connection that was only closed, and when no more files can be opened, the next ones wait so long
#: in the socket's queue, in seconds.
CLOSED_PAUSE_S, NO_FILES_PAUSE_S = 0.05, 1.0


def local_principal(peer: Peer) -> Principal:
    """A process of this machine, by its user: it may do all, as that user can with the state folder."""
    return Principal(_user_name(peer.uid), Role.ADMIN, origin=f"unix pid {peer.pid}")


@functools.cache
def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:  # a user without a name, as in many a container
        return f"uid {uid}"


class Door:
    """Listens on sockets that it is given, one after another: the last one counts."""

    def __init__(self) -> None:
        self._listener: socket.socket | None = None
        #: The loop itself keeps no task from being forgotten.
        self._beginning: set[asyncio.Task[None]] = set()
        self._transports: set[asyncio.BaseTransport] = set()

    def listen(self, listener: socket.socket) -> None:
        """From now on it is this one; connections of the one before stay."""
        self._leave()
        listener.setblocking(False)
        self._listener = listener
        self._accept_on(listener)

    def close(self) -> None:
        """Takes no more connections, and ends those that there are."""
        self._leave()
        for task in self._beginning:
            task.cancel()
        for transport in self._transports:
            self._end(transport)

    @staticmethod
    def _end(transport: asyncio.BaseTransport) -> None:
        transport.close()

    def begin(self, work: Coroutine[Any, Any, None], connected: socket.socket) -> None:
        """Does what a new connection begins with."""

        def done(task: asyncio.Task[None]) -> None:
            self._beginning.discard(task)
            if task.cancelled():  # it may never have begun
                connected.close()

        task = asyncio.get_running_loop().create_task(work)
        self._beginning.add(task)
        task.add_done_callback(done)

    def _leave(self) -> None:
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
            self._listener = None

    def _accept_on(self, listener: socket.socket) -> None:
        if listener is self._listener:
            asyncio.get_running_loop().add_reader(listener, self._accept, listener)

    def _pause(self, listener: socket.socket, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(listener)
        loop.call_later(seconds, self._accept_on, listener)

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(ACCEPTED_MAX):
            if self._is_full():
                asyncio.get_running_loop().remove_reader(listener)
                return
            try:
                connected, _address = listener.accept()
            except (BlockingIOError, ConnectionError):
                return
            except OSError:
                self._pause(listener, NO_FILES_PAUSE_S)
                return
            connected.setblocking(False)
            if not self._take(listener, connected):
                connected.close()
                # Nobody may keep this process busy with connections that end at once.
                if (pause_s := self._after_closed_s()) > 0:
                    self._pause(listener, pause_s)
                    return

    def _after_closed_s(self) -> float:
        """For how long nothing is taken after a connection that was only closed."""
        return CLOSED_PAUSE_S

    def _is_full(self) -> bool:
        """Whether the next ones wait in the socket's queue; whoever makes room goes on (``_accept_on``)."""
        return False

    def _take(self, listener: socket.socket, connected: socket.socket) -> bool:
        """Begins a connection; False where it is only closed."""
        raise NotImplementedError

    def _keep(self, transport: asyncio.BaseTransport) -> None:
        self._transports = {other for other in self._transports if not other.is_closing()} | {transport}


class FrontDoor(Door):
    """Listens on Unix sockets."""

    def __init__(self, connections: Connections, clients: Clients) -> None:
        super().__init__()
        self._connections = connections
        self._clients = clients
        self._refused = 0

    def _take(self, listener: socket.socket, connected: socket.socket) -> bool:  # noqa: ARG002 - Door's
        protocol = self._protocol(connected)
        if protocol is None:
            return False
        self.begin(self._begin(connected, protocol), connected)
        return True

    def _protocol(self, connected: socket.socket) -> OpeningConnection | None:
        """What a connection begins with; None where it is only closed."""
        try:
            peer = peer_of(connected)
        except OSError:
            return None
        if peer.uid != os.getuid():
            return None
        principal = local_principal(peer)
        client = self._clients.connect(peer.pid, principal)
        if client is not None:
            return OpeningConnection(client, self._connections.answering, PREFACE_S)
        if self._refused >= REFUSED_MAX:
            return None
        self._refused += 1
        asyncio.get_running_loop().call_later(REFUSED_S, self._forget_refused)
        return OpeningConnection(
            Client(self._clients, peer.pid, principal), self._connections.refusing, REFUSED_S
        )

    def _forget_refused(self) -> None:
        self._refused -= 1

    async def _begin(self, connected: socket.socket, protocol: OpeningConnection) -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_accepted_socket(lambda: protocol, connected)
        self._keep(transport)
