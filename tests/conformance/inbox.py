"""What a client of a stream received, and waiting for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from tests.conformance.world import PATIENCE_S


class Inbox:
    """Messages in the order in which they came; each is found once."""

    def __init__(self) -> None:
        self._messages: list[Any] = []
        self._came = asyncio.Event()

    async def take(self, message: Any) -> None:
        """A message came."""
        self._messages.append(message)
        self._came.set()

    async def find(self, wanted: Callable[[Any], Any], what: str) -> Any:
        """The oldest message that is wanted and was not found before; it may still have to come."""
        deadline_s = asyncio.get_running_loop().time() + PATIENCE_S
        while True:
            for place, message in enumerate(self._messages):
                if wanted(message):
                    return self._messages.pop(place)
            self._came.clear()
            left_s = deadline_s - asyncio.get_running_loop().time()
            try:
                await asyncio.wait_for(self._came.wait(), left_s)
            except TimeoutError:
                raise AssertionError(f"never came: {what}; what did: {self._messages[-8:]}") from None

    async def ack(self, method: str, req_id: int) -> Any:
        """The answer to a request."""
        return await self.find(
            lambda message: message.get("method") == method and message.get("req_id") == req_id,
            f"the answer to {method} {req_id}",
        )

    async def data(self, channel: str, kind: str) -> Any:
        """The rows of the oldest message of a channel."""
        message = await self.find(
            lambda message: message.get("channel") == channel and message.get("type") == kind,
            f"a {kind} of {channel}",
        )
        return message["data"]

    async def execution(self, order_id: str, exec_type: str) -> Any:
        """The row about something that happened to an order."""
        message = await self.find(
            lambda message: (
                message.get("channel") == "executions"
                and any(
                    (row["order_id"], row["exec_type"]) == (order_id, exec_type) for row in message["data"]
                )
            ),
            f"{exec_type} of {order_id}",
        )
        return message["data"][0]
