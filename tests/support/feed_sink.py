"""What a feed's listener receives, and a feed that runs until a test is over."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from krakencopy.account_proc.contract.errors import KeyRefused, NonceFault
from krakencopy.account_proc.kraken.feed.executions import Execution
from krakencopy.account_proc.kraken.feed.executions_feed import (
    ExecutionsFeed,
    Rows,
)
from krakencopy.account_proc.kraken.feed.session import BalanceChanged

LIMIT_S = 30

#: A feed that reads all, and one that leaves heartbeats unread.
COALESCING_OR_NOT = pytest.mark.parametrize("is_idle", [None, lambda: True])


@dataclass
class Heard:
    """A sink that remembers, and can be waited for."""

    snapshots: list[Rows] = field(default_factory=list)
    rows: list[Any] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    telling: set[asyncio.Task[None]] = field(default_factory=set)

    def connected(self, snapshot: Rows) -> None:
        self.snapshots.append(snapshot)
        self._tell()

    def executed(self, executions: Rows) -> None:
        self.rows.extend(executions)
        self._tell()

    def disconnected(self, reason: str) -> None:
        self.reasons.append(reason)
        self._tell()

    def balance_changed(self, change: BalanceChanged) -> None:
        self.rows.append(change)
        self._tell()

    def _tell(self) -> None:
        async def tell() -> None:
            async with self.changed:
                self.changed.notify_all()

        task = asyncio.get_running_loop().create_task(tell())
        self.telling.add(task)
        task.add_done_callback(self.telling.discard)

    async def until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(LIMIT_S), self.changed:
            await self.changed.wait_for(is_so)

    @property
    def trades(self) -> list[Execution]:
        return [row for row in self.rows if isinstance(row, Execution) and row.exec_type == "trade"]


@contextlib.asynccontextmanager
async def running(feed: ExecutionsFeed) -> AsyncIterator[asyncio.Task[Any]]:
    task = asyncio.create_task(feed.run())
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, KeyRefused, NonceFault):
            await task
