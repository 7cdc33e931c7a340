"""Who makes a call, in the front: by the socket that it comes over, the certificate that its connection has
shown, or the token that it carries; and that calls end as soon as their credential does.

What is known comes from the supervisor, anew with each change. It must not know what a call does.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from krakencopy.account_proc.contract.refusals import error_details
from krakencopy.supervisor.control.access_table import (
    CREDENTIALS_MISSING,
    AccessTable,
    Certificate,
    Unauthenticated,
    bearer_of,
)
from krakencopy.supervisor.control.authorization import Denied, check_allowed
from krakencopy.supervisor.control.front_clients import (
    REMOTE_OF_ALL,
    REMOTE_OF_ONE,
    REMOTE_TIME_SHARE,
    Client,
    Clients,
)
from krakencopy.supervisor.control.permissions import AUDITED
from krakencopy.supervisor.control.principals import Principal

#: The reason of a call that ends because its caller may do something else from now on.
PRINCIPAL_CHANGED = "PRINCIPAL_CHANGED"
#: A timer is never set further ahead, in seconds: loops take no more than some weeks.
TIMER_MAX_S = 86_400.0


class Visitor(Protocol):
    """One connection, or a process of this machine with all of its own."""

    principal: Principal | None
    certificate: Certificate | None
    origin: str

    @property
    def client(self) -> Client:
        """By whose limits it goes."""
        ...

    def recognise(self, client: Client) -> None:
        """Somebody who is known has made a call on it."""
        ...


@dataclass(slots=True)
class Caller:
    """Who makes one call."""

    client: Client
    principal: Principal
    #: Looks the credential up again. Raises Unauthenticated.
    identify: Callable[[AccessTable], Principal] | None = None


@dataclass(eq=False, slots=True)
class _Running:
    """A call of somebody who may cease to be known."""

    caller: Caller
    method: str
    request: Any
    limit: asyncio.Timeout | None = None
    ended_by: Exception | None = None

    def look(self, table: AccessTable) -> None:
        """Ends it where its caller is not known any more, or may not make it."""
        assert self.caller.identify is not None
        try:
            principal = self.caller.identify(table)
            check_allowed(principal, self.method, self.request)
        except (Unauthenticated, Denied) as error:
            self._end(error)
        else:
            if principal != self.caller.principal:
                self._end(Unauthenticated(PRINCIPAL_CHANGED, "what you may do has changed; ask again"))

    def _end(self, error: Exception) -> None:
        self.ended_by = self.ended_by or error
        if self.limit is not None and not self.limit.expired():
            self.limit.reschedule(asyncio.get_running_loop().time())


@dataclass(slots=True)
class FrontAccess:
    """All who are known, and their calls."""

    now: Callable[[], float] = time.time
    table: AccessTable = field(default_factory=AccessTable)
    #: Those from elsewhere.
    clients: Clients = field(
        default_factory=lambda: Clients(
            of_one=REMOTE_OF_ONE, of_all=REMOTE_OF_ALL, time_share=REMOTE_TIME_SHARE
        )
    )
    #: Why nobody can be looked up, where that is so for longer than it takes to start.
    unavailable: Callable[[], GRPCError] | None = None
    #: Each is told of another table.
    listeners: list[Callable[[AccessTable], None]] = field(default_factory=list)
    _is_known: asyncio.Event = field(default_factory=asyncio.Event)
    _running: set[_Running] = field(default_factory=set)

    def use(self, encoded: bytes) -> None:
        """The supervisor says who is known from now on."""
        self.table = AccessTable.of(encoded)
        self._is_known.set()
        for running in list(self._running):
            running.look(self.table)
        for listener in self.listeners:
            listener(self.table)

    async def caller(self, visitor: Visitor, metadata: Iterable[tuple[str, Any]]) -> Caller:
        """Who makes a call. Raises GRPCError."""
        try:
            token = bearer_of(metadata)
            if token is None and visitor.principal is not None:
                return Caller(visitor.client, visitor.principal)
            if self.unavailable is not None:
                raise self.unavailable()
            # A front that was only started has not been told yet.
            await self._is_known.wait()
            identify = self._identification(visitor, token)
            principal = identify(self.table)
        except Unauthenticated as error:
            raise refusal_of(error) from None
        client = self.clients.known(principal.name)
        visitor.recognise(client)
        return Caller(client, principal, identify)

    def _identification(self, visitor: Visitor, token: str | None) -> Callable[[AccessTable], Principal]:
        origin, shown = visitor.origin, visitor.certificate
        if token is not None:
            return lambda table: table.by_token(token, origin, self.now())
        if shown is not None:
            return lambda table: table.by_certificate(shown, origin, self.now())
        words = "show who you are: a client certificate (--certificate and --key), or a token (--token-file)"
        raise Unauthenticated(CREDENTIALS_MISSING, words)

    @asynccontextmanager
    async def while_allowed(self, caller: Caller, method: str, request: Any) -> AsyncIterator[None]:
        """One call, as long as its caller may make it. Raises GRPCError where that is not so, also later.

        One that would change something is passed on all the same: the supervisor looks again, refuses it, and
        keeps in the audit that it was asked for.
        """
        running = _Running(caller, method, request)
        try:
            check_allowed(caller.principal, method, request)
        except Denied as error:
            if method not in AUDITED:
                raise refusal_of(error) from None
            yield
            return
        if caller.identify is None:
            yield
            return
        self._running.add(running)
        try:
            async with asyncio.timeout(None) as running.limit:
                timer = self._end_in_time(running)
                try:
                    yield
                finally:
                    timer.cancel()
        except TimeoutError:
            if running.ended_by is None:
                raise
            raise refusal_of(running.ended_by) from None
        finally:
            self._running.discard(running)

    def _end_in_time(self, running: _Running) -> asyncio.Task[None]:
        """Looks at it again when its credential ends."""

        async def look() -> None:
            while running.ended_by is None:
                expires_at = running.caller.principal.expires_at
                left_s = TIMER_MAX_S if expires_at is None else max(0.0, expires_at - self.now())
                await asyncio.sleep(min(left_s, TIMER_MAX_S))
                running.look(self.table)

        return asyncio.get_running_loop().create_task(look())


def refusal_of(error: Exception) -> GRPCError:
    """As a client gets it."""
    if isinstance(error, Denied):
        return GRPCError(Status.PERMISSION_DENIED, error.words, error_details(error.reason, error.metadata))
    assert isinstance(error, Unauthenticated)
    return GRPCError(Status.UNAUTHENTICATED, error.words, error_details(error.reason))
