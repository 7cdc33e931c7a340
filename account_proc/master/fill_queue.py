"""Fills, and what goes between them, on their way from the master's loop to the stream of fills."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator

from krakencopy.v1 import account_pb2 as account_pb
from krakencopy.v1 import types_pb2 as pb

#: Items that are taken together at most.
TAKEN_MAX = 200

#: What is put in.
Item = pb.Fill | account_pb.CaughtUp | account_pb.AssetRename
#: What is taken out: fills that follow each other are one.
Part = list[pb.Fill] | account_pb.CaughtUp | account_pb.AssetRename


class FillQueue:
    """A queue for one taker."""

    def __init__(self) -> None:
        #: None at the end.
        self._items: asyncio.Queue[Item | None] = asyncio.Queue()

    def put_item(self, item: Item) -> None:
        """Puts something behind all that waits."""
        self._items.put_nowait(item)

    def close(self) -> None:
        """Nothing more comes."""
        self._items.put_nowait(None)

    async def next_parts(self) -> list[Part]:
        """Waits for something, and takes all that waits with it; empty once it is closed and empty."""
        taken = [await self._items.get()]
        while not self._items.empty() and len(taken) < TAKEN_MAX:
            taken.append(self._items.get_nowait())
        items = [item for item in taken if item is not None]
        if items and len(items) < len(taken):
            self.close()  # for the next call to find
        return list(_joined(items))


def _joined(items: Iterable[Item]) -> Iterator[Part]:
    fills: list[pb.Fill] = []
    for item in items:
        if isinstance(item, pb.Fill):
            fills.append(item)
            continue
        if fills:
            yield fills
            fills = []
        yield item
    if fills:
        yield fills
