"""The client for programs with asyncio: as sdk/sync_client.py, awaited."""

from __future__ import annotations

from typing import Self

import grpc

from krakencopy.client.sdk.access import Access
from krakencopy.client.sdk.async_connection import AsyncConnection
from krakencopy.client.sdk.endpoint import Endpoint
from krakencopy.client.sdk.timeouts import CALL_TIMEOUT_S, PATIENCE_S
from krakencopy.client.sdk.typed_methods import TypedMethods


class AsyncKrakenCopy(TypedMethods):
    """A connection to one supervisor for one event loop, opened with the first call; an asynchronous context
    manager. Tasks may share one; a task that is cancelled cancels its call.

    The parameters are those of ``KrakenCopy``, with a ``channel`` of ``grpc.aio``.

    >>> async def names() -> list[str]:
    ...     async with AsyncKrakenCopy(endpoint) as supervisor:
    ...         return [account.id async for account in supervisor.list_accounts()]
    >>> asyncio.run(names())
    ['bob']
    """

    def __init__(
        self,
        endpoint: str | Endpoint = "unix:data/run/control.sock",
        *,
        timeout_s: float = CALL_TIMEOUT_S,
        patience_s: float = PATIENCE_S,
        channel: grpc.aio.Channel | None = None,
        access: Access | None = None,
        retries: bool = True,
    ) -> None:
        self._connection = AsyncConnection(
            endpoint,
            timeout_s=timeout_s,
            patience_s=patience_s,
            channel=channel,
            access=access,
            retries=retries,
        )
        self.endpoint = self._connection.endpoint

    async def close(self) -> None:
        """End the connection, every call and every watch on it."""
        await self._connection.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.close()
