"""Stand-in processes of accounts, started by either spawner."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import select
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from krakencopy.account_proc.contract.spec import AccountSpec, Credentials, Role
from krakencopy.supervisor.processes.spawner import Child, ExecSpawner, ForkserverSpawner

SUPPORT = Path(__file__).parent
ENTRY = "stand_in_account:run"
KEY, SECRET = "Kunguessable", "c2VjcmV0LW9mLXRhbmlh"
#: As /proc shows the page of a pulse.
PULSE = "/memfd:pulse (deleted)"
#: Long enough for a busy machine; nothing waits that long when it works.
LIMIT_S = 60

AnySpawner = ForkserverSpawner | ExecSpawner


def environ(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(SUPPORT), **more}


@contextlib.asynccontextmanager
async def spawning_with(kind: type[AnySpawner], **more: str) -> AsyncIterator[AnySpawner]:
    spawner = kind(ENTRY, environ(**more))
    async with asyncio.timeout(LIMIT_S):
        await spawner.start()
        try:
            yield spawner
        finally:
            await spawner.close()


def spec_of(folder: Path, account_id: str = "tania", strategy: str | None = None) -> AccountSpec:
    return AccountSpec(
        id=account_id,
        role=Role.USER,
        broker="kraken",
        epoch=1,
        instance_id=f"{account_id}-1",
        rest_url="http://127.0.0.1:1",
        ws_url="ws://127.0.0.1:1",
        nonce_path=folder / f"{account_id}.nonce",
        socket_path=folder / f"{account_id}.sock",
        ledger_path=folder / f"{account_id}.db",
        log_path=folder / f"{account_id}.jsonl",
        key_lock_dir=folder,
        states_path=folder / "trading_states.json",
        strategy=strategy,
    )


async def spawned(spawner: AnySpawner, spec: AccountSpec) -> Child:
    return await spawner.spawn(spec, Credentials(KEY, SECRET))


async def ready(spawner: AnySpawner, spec: AccountSpec) -> tuple[Child, dict[str, Any]]:
    """A process that says it is ready, and how it found itself."""
    child = await spawned(spawner, spec)
    assert await child.wait_ready(LIMIT_S) == {"id": spec.id, "pid": child.pid}
    found: dict[str, Any] = json.loads(spec.ledger_path.read_text())
    return child, found


def forkserver_pid(spawner: AnySpawner) -> int | None:
    return spawner._server.pid if isinstance(spawner, ForkserverSpawner) and spawner._server else None


def descriptors_of(pid: int | str) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def wait_all_ended(pidfds: list[int]) -> None:
    for pidfd in pidfds:
        ended, _, _ = select.select([pidfd], [], [], LIMIT_S)
        assert ended, "a process is left"
