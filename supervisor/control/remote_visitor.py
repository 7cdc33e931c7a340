"""A connection from elsewhere, by TLS: whose place among others it takes, and that it does not stay without
saying who it is.
"""

from __future__ import annotations

import asyncio
import hashlib
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from krakencopy.supervisor.control.access_table import AccessTable, Certificate, Unauthenticated
from krakencopy.supervisor.control.front_access import FrontAccess
from krakencopy.supervisor.control.front_clients import Client, Clients, Limits
from krakencopy.supervisor.control.principals import Principal

#: Connections that have not said who they are: of one address, and of all.
NAMELESS_OF_ONE = Limits(connections=16, calls=16, watches=0)
NAMELESS_OF_ALL = Limits(connections=64, calls=64, watches=0)
#: What all of them together may use of the front's time.
NAMELESS_TIME_SHARE = 0.1
#: They say so within this, in seconds.
NAMELESS_S = 10.0
#: A connection whose certificate is not known any more ends after its calls have, in seconds.
ENDED_PAUSE_S = 0.5


def certificate_of(ssl_object: ssl.SSLObject) -> Certificate | None:
    """What a client has shown and TLS has checked; None for nothing."""
    encoded = ssl_object.getpeercert(binary_form=True)
    found: Any = ssl_object.getpeercert()
    if not encoded or not found:
        return None
    alternative = [value for kind, value in found.get("subjectAltName", ()) if kind in {"DNS", "URI"}]
    subject = [value for part in found.get("subject", ()) for key, value in part if key == "commonName"]
    ends = ssl.cert_time_to_seconds(found["notAfter"])
    return Certificate(hashlib.sha256(encoded).hexdigest(), tuple(alternative or subject), float(ends))


@dataclass(slots=True)
class Visitors:
    """All connections from elsewhere."""

    access: FrontAccess
    nameless: Clients
    #: How long one may stay without a name, in seconds.
    nameless_s: float = NAMELESS_S

    @classmethod
    def of(cls, access: FrontAccess) -> Visitors:
        """With the usual bounds."""
        nameless = Clients(of_one=NAMELESS_OF_ONE, of_all=NAMELESS_OF_ALL, time_share=NAMELESS_TIME_SHARE)
        return cls(access, nameless)

    def visit(
        self, address: str, port: int, certificate: Certificate | None, end: Callable[[], None]
    ) -> RemoteVisitor | None:
        """A connection more; None where there are too many. ``end`` ends it."""
        origin, client = f"tls {_shown(address)}:{port}", None
        name = self._name_of(certificate, origin)
        client = self.nameless.connect(address) if name is None else self.access.clients.connect(name)
        if client is None:
            return None
        visitor = RemoteVisitor(self.access, origin, certificate, client, end)
        if name is None:
            visitor.limit_s(self.nameless_s)
        return visitor

    def refused(self, address: str, port: int, certificate: Certificate | None) -> RemoteVisitor:
        """One that is only given the reason."""
        origin = f"tls {_shown(address)}:{port}"
        nobody = Client(self.access.clients, origin)
        return RemoteVisitor(self.access, origin, certificate, nobody, lambda: None)

    def _name_of(self, certificate: Certificate | None, origin: str) -> str | None:
        if certificate is None:
            return None
        try:
            return self.access.table.by_certificate(certificate, origin, self.access.now()).name
        except Unauthenticated:
            return None


def _shown(address: str) -> str:
    return f"[{address}]" if ":" in address else address


class RemoteVisitor:
    """One connection from elsewhere."""

    #: A process of this machine alone has one by its socket.
    principal: Principal | None = None
    is_remote = True

    def __init__(
        self, access: FrontAccess, origin: str, certificate: Certificate | None, client: Client,
        end: Callable[[], None],
    ) -> None:  # fmt: skip
        self.origin = origin
        self.certificate = certificate
        #: Whose place it takes.
        self.client = client
        self._access = access
        self._end = end
        self._limit: asyncio.TimerHandle | None = None
        if certificate is not None:
            access.listeners.append(self._look)

    def limit_s(self, seconds: float) -> None:
        """It ends after this, unless somebody who is known makes a call on it."""
        self._limit = asyncio.get_running_loop().call_later(seconds, self._end)

    def recognise(self, client: Client) -> None:
        """It takes the place of the one who has made a call on it, while that one may have more."""
        if self._limit is None:
            return
        placed = self._access.clients.connect(client.key)
        if placed is not None:
            self._limit.cancel()
            self._limit = None
            self.client.disconnect()
            self.client = placed

    def spend(self, seconds: float) -> float:
        """See ``Client.spend``."""
        return self.client.spend(seconds)

    def disconnect(self) -> None:
        """It is gone."""
        if self._limit is not None:
            self._limit.cancel()
        if self._look in self._access.listeners:
            self._access.listeners.remove(self._look)
        self.client.disconnect()

    def _look(self, table: AccessTable) -> None:
        """A certificate that is not known any more ends its connection, once the reason has left."""
        assert self.certificate is not None
        try:
            table.by_certificate(self.certificate, self.origin, self._access.now())
        except Unauthenticated:
            if self._limit is None:
                asyncio.get_running_loop().call_later(ENDED_PAUSE_S, self._end)


def set_up_socket(connected: socket.socket, user_timeout_ms: int) -> None:
    """A peer that has vanished with what was sent to it on the way is given up after this."""
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, user_timeout_ms)
