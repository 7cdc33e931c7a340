"""`python -m tests.support.killed_changes CHANGE FOLDER`: a change of what is configured, made again and
again by a process that is killed at the first of its lines, at the second one, and so on, until it comes to
its end. After each death the next run looks at what is there, is asked the same again, and looks once more.

Writes one line of JSON for each death, with where it was; the last one is of the process that came to its
end.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any, cast

from krakencopy.account_proc.contract.spec import Credentials, OnLeave
from krakencopy.supervisor.config.api_fields import ACCOUNT
from krakencopy.supervisor.control.configurator import Asker, Configurator, Wanted
from krakencopy.supervisor.control.leavers import Leaving
from krakencopy.supervisor.control.principals import Role
from krakencopy.supervisor.control.remote_access import RemoteAccess
from krakencopy.supervisor.control.rotation import Rotation
from krakencopy.v1 import control_pb2 as pb
from tests.supervisor.control.test_rotation import FIT, Trials
from tests.support.configured import Configured, user_of_file
from tests.support.idle_supervisor import set_running

#: In these something is decided, kept or taken.
DECIDE = frozenset(
    [
        "_compare_and_apply",
        "_decide",
        "_keep",
        "_put",
        "_seal",
        "add_config_change",
        "apply",
        "carry_out",
        "change",
        "create_token",
        "enforce",
        "keep",
        "look",
        "put_config_answer",
        "put_credential",
        "put_leavers",
        "record_wishes",
        "replace_file",
        "revoke",
        "revoke_credentials",
        "rotate",
        "say_leaving",
        "take",
        "together",
        "wish",
    ]
)
#: Events that tell of changes.
TOLD = (
    "ACCOUNT_CREATED", "ACCOUNT_DELETED", "CREDENTIALS_ROTATED", "CREDENTIAL_REVOKED", "FLATTEN_REQUESTED",
    "TOKEN_CREATED",
)  # fmt: skip
CLOSE_ALL = '[accounts.copy]\non_leave = "close_all"\n'
ASKER = Asker("ida", "root", "r", "digest")


def wanted(
    kind: Any, owner_id: str, body: Any, policy: OnLeave = OnLeave.KEEP
) -> Callable[[Configured], Awaitable[None]]:
    """As ConfigCalls does it: once for each request, in whatever run."""

    async def change(it: Configured) -> None:
        if it.journal.config_answer(ASKER.digest) is not None:
            return
        configurator = Configurator(it.supervisor, it.reloader)
        async with configurator.turn:
            plan = await configurator.plan(Wanted(kind, owner_id, body, policy))
            await configurator.carry_out(plan, ASKER, pb.CreateAccountResponse())

    return change


async def reload(it: Configured) -> None:
    """Takes ben out, who is to be sold."""
    it.write(user_of_file("eve"))
    await it.reloader.reload(dry_run=False)


async def rotate(it: Configured) -> None:
    """Another key for ben."""
    if it.journal.config_answer(ASKER.digest) is not None:
        return
    it.supervisor.launcher._spawner = cast("Any", Trials(FIT))
    it.supervisor.registry._turns.note_start("ben", Credentials("first", "c2VjcmV0"))
    ben = it.supervisor.accounts["ben"]
    set_running(ben)
    await Rotation(it.supervisor, it.reloader).rotate(ben, ASKER, validate_only=False)


def _access(it: Configured) -> RemoteAccess:
    access = RemoteAccess(it.supervisor.config, it.conf, it.folder, it.journal)
    access.serve(lambda _: None, it.supervisor.events)
    return access


async def token(it: Configured) -> None:
    """One for an admin."""
    if not any(row.name == "bot" for row in it.journal.credentials()):
        _access(it).create_token("bot", Role.ADMIN, "", timedelta(days=1), "ida")


async def revoke(it: Configured) -> None:
    """That of before."""
    access = _access(it)
    access.revoke(access.rows(), "ida")


async def leave(it: Configured) -> None:
    """Dora, who was deleted, is to be sold."""
    await Leaving(it.supervisor, it.reloader.turn).look()


DORA = {"credentials_file": "dora.key"}
CHANGES: dict[str, Callable[[Configured], Awaitable[None]]] = {
    "create": wanted(ACCOUNT, "anna", {"credentials_file": "anna.key"}),
    "delete": wanted(ACCOUNT, "dora", None, OnLeave.CLOSE_ALL),
    "reload": reload, "rotate": rotate, "token": token, "revoke": revoke, "leave": leave,
}  # fmt: skip


def begin(folder: Path, change: str) -> None:
    """What there is before."""
    folder.mkdir(mode=0o700, parents=True)
    it = Configured(folder, user_of_file("ben", CLOSE_ALL) + user_of_file("eve"))
    for name in ("anna.key", "dora.key"):
        it.key_of_api(name)

    async def play() -> None:
        configurator = Configurator(it.supervisor, it.reloader)
        bodies = [(DORA, OnLeave.KEEP), *([(None, OnLeave.CLOSE_ALL)] if change == "leave" else [])]
        async with configurator.turn:
            for body, policy in bodies:
                plan = await configurator.plan(Wanted(ACCOUNT, "dora", body, policy))
                before = Asker("ida", "root", "r0", f"digest of {policy}")
                await configurator.carry_out(plan, before, pb.CreateAccountResponse())
        if change == "revoke":
            _access(it).create_token("old", Role.ADMIN, "", timedelta(days=1), "ida")

    asyncio.run(play())
    it.close()


def facts(folder: Path) -> dict[str, Any]:
    """What the next run finds."""
    it = Configured(folder)
    try:
        it.supervisor.trading.look()  # as the first turn of a run
        journal, users = it.journal, [user.id for user in it.supervisor.config.users]
        flattens = it.supervisor.trading.states.flattens
        return {
            "rows": sum(row.request_id == "r" for row in journal.config_changes_before(2**62, 99)),
            "answered": journal.config_answer(ASKER.digest) is not None,
            "told": {code: len(it.events(code)) for code in TOLD},
            "users": users, "joined": journal.user_ids(), "leaving": sorted(it.supervisor.leavers.leaving()),
            "sells": {name: order.number for name, order in flattens.items()},
            "credentials": [(row.name, row.revoked_at is not None) for row in journal.credentials()],
        }  # fmt: skip
    finally:
        it.close()


def die_at(number: int, where: int) -> None:
    """Has this process killed at the so many-th line that decides; where that is goes to a pipe."""
    reached, seen = 0, set[tuple[str, int]]()

    def line(frame: FrameType, event: str, _arg: object) -> Any:
        nonlocal reached
        place = frame.f_code.co_filename, frame.f_lineno
        if event == "line" and place not in seen:
            seen.add(place)
            reached += 1
            if reached == number:
                os.write(where, f"{Path(place[0]).name}:{place[1]}".encode())
                os.kill(os.getpid(), signal.SIGKILL)
        return line

    sys.settrace(lambda frame, _event, _arg: line if frame.f_code.co_name in DECIDE else None)


def play(change: str, folder: Path) -> None:
    """Once, in this process."""
    it = Configured(folder)

    async def act() -> None:
        await CHANGES[change](it)

    asyncio.run(act())
    it.close()


def say(**found: Any) -> None:
    """One line."""
    sys.stdout.write(f"{json.dumps(found)}\n")
    sys.stdout.flush()


def main() -> None:
    """See above."""
    change, folder = sys.argv[1], Path(sys.argv[2])
    begin(folder / "begun", change)
    say(where="before", found=facts(folder / "begun"))
    number, has_ended = 0, False
    while not has_ended:
        number += 1
        place = folder / "now"
        shutil.copytree(folder / "begun", place)
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            die_at(number, write)
            play(change, place)
            os._exit(0)
        os.close(write)
        _, status = os.waitpid(pid, 0)
        has_ended = not os.WIFSIGNALED(status)
        assert os.WIFSIGNALED(status) or status == 0, "it failed by itself"
        where = os.read(read, 1_000).decode() or "the end"
        os.close(read)
        found = facts(place)
        play(change, place)
        say(where=where, found=found, again=facts(place))
        shutil.rmtree(place)


if __name__ == "__main__":
    main()
