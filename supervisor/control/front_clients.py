"""What one client of the control socket, and all of them together, may have at once: connections, calls,
watches, and the front's time. Pure but for the clock that it is given.

A client is a process of this machine user, whatever the number of its connections.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from krakencopy.account_proc.contract.refusals import error_details
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
#: Calls of one client that the supervisor is asked at once; the others wait here.
ASKED_MAX = 16
#: The same of calls that stop trading, which wait behind no others.
URGENT_MAX = 4
#: The time of the front that a client may use: in the long run, and at once after a rest, in seconds.
TIME_SHARE, TIME_BURST_S = 0.2, 1.0
#: What a call costs beside reading its bytes, and a connection beside its calls, in seconds: one that cancels
#: its calls does not wait for them.
CALL_COST_S, CONNECTION_COST_S = 0.0015, 0.001


def too_many(reason: str, message: str) -> GRPCError:
    """What a client is refused with that has too much at once."""
    return GRPCError(Status.RESOURCE_EXHAUSTED, message, error_details(reason))


class Client:
    """One client, while it has a connection, or has used more time than it may."""

    def __init__(self, clients: Clients, key: int, principal: Principal) -> None:
        self._all = clients
        self.key = key
        self.principal = principal
        self.connections = self.calls = self.watches = 0
        #: Its calls that the supervisor is asked at once: others' go on beside slow ones.
        self.asked = asyncio.Semaphore(ASKED_MAX)
        self.asked_urgently = asyncio.Semaphore(URGENT_MAX)
        self._left_s, self._seen_at = TIME_BURST_S, clients.now()

    def call(self, *, watches: bool) -> AbstractContextManager[None]:
        """One call, to its end. Raises GRPCError where there are too many."""
        return self._watch() if watches else self._single_call()

    @contextmanager
    def _watch(self) -> Iterator[None]:
        if self.watches >= OF_ONE.watches:
            message = f"this client has {self.watches} watches; end some of them"
            raise too_many("TOO_MANY_WATCHES", message)
        if self._all.watches >= OF_ALL.watches:
            message = f"all clients have {self._all.watches} watches; try again later"
            raise too_many("TOO_MANY_WATCHES", message)
        self.watches += 1
        self._all.watches += 1
        try:
            yield
        finally:
            self.watches -= 1
            self._all.watches -= 1

    @contextmanager
    def _single_call(self) -> Iterator[None]:
        if self.calls >= OF_ONE.calls:
            message = f"{self.calls} calls of this client wait for their answers; wait for them"
            raise too_many("TOO_MANY_CALLS", message)
        if self._all.calls >= OF_ALL.calls:
            message = f"{self._all.calls} calls wait for their answers; try again later"
            raise too_many("TOO_MANY_CALLS", message)
        self.calls += 1
        self._all.calls += 1
        try:
            yield
        finally:
            self.calls -= 1
            self._all.calls -= 1

    def spend(self, seconds: float) -> float:
        """It has used the front for so long; for how long it must not be read then, in seconds."""
        now = self._all.now()
        self._left_s = min(TIME_BURST_S, self._left_s + (now - self._seen_at) * TIME_SHARE) - seconds
        self._seen_at = now
        return max(0.0, -self._left_s / TIME_SHARE)

    def disconnect(self) -> None:
        """One connection less."""
        self._all.disconnect(self)


class Clients:
    """All clients."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.now = now
        self.connections = self.calls = self.watches = 0
        self._known: dict[int, Client] = {}

    def __len__(self) -> int:
        return len(self._known)

    def connect(self, key: int, principal: Principal) -> Client | None:
        """A connection more of a client; None where it, or all together, have too many."""
        client = self._known.get(key) or Client(self, key, principal)
        if client.connections >= OF_ONE.connections or self.connections >= OF_ALL.connections:
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
        for other in [each for each in self._known.values() if not each.connections]:
            if not other.spend(0.0):
                del self._known[other.key]
