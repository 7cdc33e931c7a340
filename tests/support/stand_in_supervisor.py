"""A supervisor without a journal: starts processes, prints their pids, and waits to be killed.

python stand_in_supervisor.py forkserver|exec FOLDER STRATEGY...
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from krakencopy.account_proc.contract.spec import AccountSpec, Credentials, Role
from krakencopy.supervisor.processes.spawner import ExecSpawner, ForkserverSpawner

SPAWNERS: dict[str, type[ForkserverSpawner | ExecSpawner]] = {
    "forkserver": ForkserverSpawner,
    "exec": ExecSpawner,
}


def spec_of(folder: Path, account_id: str, strategy: str | None = None) -> AccountSpec:
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


async def main(kind: str, folder: Path, strategies: list[str]) -> None:
    spawner = SPAWNERS[kind]("stand_in_account:run")
    await spawner.start()
    pids = []
    for number, strategy in enumerate(strategies):
        child = await spawner.spawn(
            spec_of(folder, f"user{number}", strategy), Credentials("key", "c2VjcmV0")
        )
        await child.wait_ready(60)
        pids.append(child.pid)
    server = getattr(spawner, "_server", None)
    sys.stdout.write(json.dumps({"accounts": pids, "forkserver": server.pid if server else None}) + "\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:]))
