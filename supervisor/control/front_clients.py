"""What one client of the control socket, and all of them together, may have at once: connections, calls,
watches, and the front's time. Pure but for the clock that it is given.

A client is a process of this machine user, or somebody from elsewhere by name, whatever the number of its
connections. Those from elsewhere are counted apart: they never use up what local ones have.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from krakencopy.account_proc.contract.refusals import error_details
from krakencopy.supervisor.control.access_table import Certificate
from krakencopy.supervisor.control.allowance import Allowance
from krakencopy.supervisor.control.principals import Principal


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one client, or of all."""

    connections: int
    #: Calls that wait for an answer, watches beside them.
    calls: int
    watches: int


OF_ONE = Limits(connections=32, calls=100, watches=100)
OF_ALL = Limits(connections=128, calls=500, watches=300)
#: The same from elsewhere.
REMOTE_OF_ONE = Limits(connections=32, calls=50, watches=100)
REMOTE_OF_ALL = Limits(connections=256, calls=300, watches=400)
#: Calls of one client that the supervisor is asked at once; the others wait here.
ASKED_MAX = 16
#: The same of calls that stop trading, which wait behind no others.
URGENT_MAX = 4
#: The time of the front that a client may use: in the long run, and at once after a rest, in seconds.
TIME_SHARE, TIME_BURST_S = 0.2, 1.0
#: The same of all together who call from elsewhere.
REMOTE_TIME_SHARE = 0.4
#: What a call costs beside reading its bytes, and a connection beside its calls, in seconds: one that cancels
#: its calls does not wait for them.
CALL_COST_S, CONNECTION_COST_S = 0.0015, 0.001


def too_many(reason: str, message: str) -> GRPCError:
    """What a client is refused with that has too much at once."""
    return GRPCError(Status.RESOURCE_EXHAUSTED, message, error_details(reason))


class Client:
    """One client, while it has a connection or a call, or has used more time than it may."""

    #: What it has shown by TLS.
    certificate: Certificate | None = None
    is_remote = False

    def __init__(self, clients: Clients, key: Hashable, principal: Principal | None = None) -> None:
        """``principal``: of a process of this machine."""
        self._all = clients
        self.key = key
        self.principal = principal
        self.origin = "" if principal is None else principal.origin
        self.connections = self.calls = self.watches = 0
        #: Its calls that the supervisor is asked at once: others' go on beside slow ones.
        self.asked = asyncio.Semaphore(ASKED_MAX)
        self.asked_urgently = asyncio.Semaphore(URGENT_MAX)
        self._time = Allowance(TIME_SHARE, TIME_BURST_S, clients.now())

    @property
    def client(self) -> Client:
        """By whose limits its connection goes."""
        return self

    def recognise(self, client: Client) -> None:
        """Somebody has made a call on it; a process of this machine stays what it is."""

    def call(self, *, watches: bool) -> AbstractContextManager[None]:
        """One call, to its end. Raises GRPCError where there are too many."""
        return self._watch() if watches else self._single_call()

    @contextmanager
    def _watch(self) -> Iterator[None]:
        if self.watches >= self._all.of_one.watches:
            message = f"this client has {self.watches} watches; end some of them"
            raise too_many("TOO_MANY_WATCHES", message)
        if self._all.watches >= self._all.of_all.watches:
            message = f"all clients have {self._all.watches} watches; try again later"
            raise too_many("TOO_MANY_WATCHES", message)
        self.watches += 1
        self._all.watches += 1
        try:
            yield
        finally:
            self.watches -= 1
            self._all.watches -= 1
            self._all.forget_idle()

    @contextmanager
    def _single_call(self) -> Iterator[None]:
        if self.calls >= self._all.of_one.calls:
            message = f"{self.calls} calls of this client wait for their answers; wait for them"
            raise too_many("TOO_MANY_CALLS", message)
        if self._all.calls >= self._all.of_all.calls:
            message = f"{self._all.calls} calls wait for their answers; try again later"
            raise too_many("TOO_MANY_CALLS", message)
        self.calls += 1
        self._all.calls += 1
        try:
            yield
        finally:
            self.calls -= 1
            self._all.calls -= 1
            self._all.forget_idle()

    def spend(self, seconds: float) -> float:
        """It has used the front for so long; for how long it must not be read then, in seconds."""
        return max(self._time.spend(seconds, self._all.now()), self._all.spend(seconds))

    @property
    def is_idle(self) -> bool:
        """Whether nothing of it is there, and its time has recovered."""
        return not (self.connections or self.calls or self.watches) and not self._time.spend(
            0.0, self._all.now()
        )

    def disconnect(self) -> None:
        """One connection less."""
        self._all.disconnect(self)


class Clients:
    """All clients."""

    def __init__(
        self, now: Callable[[], float] = time.monotonic, of_one: Limits = OF_ONE, of_all: Limits = OF_ALL,
        time_share: float | None = None,
    ) -> None:  # fmt: skip
        """``time_share``: what all together may use of the front's time; None: only each is counted."""
        self.now = now
        self.of_one, self.of_all = of_one, of_all
        self.connections = self.calls = self.watches = 0
        self._time = Allowance(time_share, TIME_BURST_S, now()) if time_share else None
        self._known: dict[Hashable, Client] = {}

    def __len__(self) -> int:
        return len(self._known)

    def known(self, key: Hashable, principal: Principal | None = None) -> Client:
        """The client of this key, with or without a connection."""
        client = self._known.get(key)
        if client is None:
            client = self._known[key] = Client(self, key, principal)
        return client

    def connect(self, key: Hashable, principal: Principal | None = None) -> Client | None:
        """A connection more of a client; None where it, or all together, have too many."""
        client = self._known.get(key) or Client(self, key, principal)
        too_many = client.connections >= self.of_one.connections
        if too_many or self.connections >= self.of_all.connections:
            return None
        self._known[key] = client
        client.connections += 1
        self.connections += 1
        return client

    def disconnect(self, client: Client) -> None:
        """One less. A client without any is forgotten when its time has recovered: what it has used, it has
        used also when it comes back.
        """
        if self._known.get(client.key) is not client:
            return  # one that was refused
        client.connections -= 1
        self.connections -= 1
        self.forget_idle()

    def forget_idle(self) -> None:
        """Who has nothing left."""
        for key in [key for key, each in self._known.items() if each.is_idle]:
            del self._known[key]

    def spend(self, seconds: float) -> float:
        """As ``Client.spend``, of all together."""
        return self._time.spend(seconds, self.now()) if self._time else 0.0
