"""The head of a watch that has nothing to say yet. connectrpc holds it back until the first answer, so a
page's fetch() would not resolve, and a reverse proxy would take the gateway for one that hangs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

#: An answer, or a refusal, that comes within this has a head of its own, in seconds.
HEAD_S = 0.25

Message = Mapping[str, Any]
Send = Callable[[Any], Awaitable[None]]


class EarlyHead:
    """ASGI's ``send`` of one stream. In Connect's and gRPC-Web's streams all heads are the same: the end says
    how it went.
    """

    def __init__(self, send: Send, kind: str) -> None:
        """``kind``: the request's content type, which is the answer's as well."""
        self._send = send
        self._kind = kind
        self._has_begun = False
        self._later = asyncio.create_task(self._begin_later())

    async def __call__(self, message: Message) -> None:
        """See ASGI."""
        if message["type"] == "http.response.start":
            if self._has_begun:
                return
            self._has_begun = True
        await self._send(message)

    async def _begin_later(self) -> None:
        await asyncio.sleep(HEAD_S)
        await self({
            "type": "http.response.start", "status": 200, "headers": [(b"content-type", self._kind.encode())],
        })  # fmt: skip

    def end(self) -> None:
        """Nothing more comes."""
        self._later.cancel()
