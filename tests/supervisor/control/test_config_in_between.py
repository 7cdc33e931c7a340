"""What becomes of accounts of the API when something else has come between: a link in the place of a folder,
an account that leaves still, one that has gone while a call waited for its turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import grpc
import pytest

from krakencopy.account_proc.contract.spec import OnLeave
from krakencopy.supervisor.journal.journal_file import JournalFault
from krakencopy.v1 import configuration_pb2 as pb
from tests.supervisor.control.test_rotation import FIT, Trials
from tests.support.configured import Configured, played, user_of_file, write_key
from tests.support.front import until
from tests.support.idle_supervisor import set_running
from tests.support.served_control import refused, served


@pytest.fixture
def it(state: Path) -> Iterator[Configured]:
    state.mkdir(mode=0o700)
    made = Configured(state, user_of_file("ben"))
    yield made
    made.close()


def create(request_id: str = "one", **more: Any) -> pb.CreateAccountRequest:
    account = pb.AccountConfig(account_id="anna", credentials_file="keys/anna.key", **more)
    return pb.CreateAccountRequest(request_id=request_id, account=account)


def delete(request_id: str, on_leave: Any) -> pb.DeleteAccountRequest:
    return pb.DeleteAccountRequest(request_id=request_id, account_id="anna", on_leave=on_leave)


def write_key_of(it: Configured) -> Path:
    (it.folder / "credentials").mkdir(mode=0o700)
    write_key(it.folder / "credentials" / "keys" / "anna.key")
    return it.folder / "credentials" / "keys"


@played
async def test_an_account_can_be_sold_whatever_became_of_its_keys_folder(it: Configured) -> None:
    folder = write_key_of(it)
    async with served(it.supervisor, it.reloader) as stub:
        await stub.CreateAccount(create())
        runs_with = it.supervisor.accounts["anna"].config.credentials_file
        set_running(it.supervisor.accounts["anna"])
        folder.rename(it.folder / "elsewhere")
        folder.symlink_to(it.folder / "elsewhere")
        await stub.DeleteAccount(delete("two", pb.ON_LEAVE_CLOSE_ALL))
    leaver = it.supervisor.leavers.leaving()["anna"]
    assert (leaver.policy, leaver.table["credentials_file"]) == (OnLeave.CLOSE_ALL, runs_with)


@played
async def test_who_leaves_still_cannot_come_back_as_something_else(it: Configured) -> None:
    write_key_of(it)
    async with served(it.supervisor, it.reloader) as stub:
        await stub.CreateAccount(create())
        set_running(it.supervisor.accounts["anna"])
        await stub.DeleteAccount(delete("two", pb.ON_LEAVE_CLOSE_ONLY))
        code, reason, words = await refused(stub.CreateAccount(create("three", mode="shadow")))
        assert (code, reason) == (grpc.StatusCode.ALREADY_EXISTS, "ALREADY_EXISTS")
        assert words.startswith("anna leaves still")
        assert "another id" in words
        assert it.supervisor.leavers.leaving()
        assert (await stub.CreateAccount(create("four"))).applied
    assert not it.supervisor.leavers.leaving()


@played
async def test_a_key_is_not_replaced_of_an_account_that_went_meanwhile(it: Configured) -> None:
    write_key_of(it)
    trials = Trials(FIT)
    it.supervisor.launcher._spawner = cast("Any", trials)
    asked = pb.RotateCredentialsRequest(request_id="k1", account_id="anna")
    async with served(it.supervisor, it.reloader) as stub:
        await stub.CreateAccount(create())
        async with it.reloader.turn:
            gone = asyncio.ensure_future(stub.DeleteAccount(delete("two", pb.ON_LEAVE_KEEP)))
            await until("it waits", lambda: _waiting(it.reloader.turn) == 1)
            rotated = asyncio.ensure_future(stub.RotateCredentials(asked))
            await until("both wait", lambda: _waiting(it.reloader.turn) == 2)
        assert (await gone).applied
        code, reason, _ = await refused(rotated)
    assert (code, reason) == (grpc.StatusCode.NOT_FOUND, "ACCOUNT_NOT_FOUND")
    assert not trials.keys
    assert it.journal.last_rotation("anna") is None


def _waiting(lock: Any) -> int:
    return len(lock._waiters or ())


@played
async def test_a_reload_that_cannot_be_kept_takes_no_key_from_who_runs(
    it: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a command has answered is asked for once: a password manager may ask a person."""
    key, asked = it.conf / "eve.key", it.conf / "asked"
    write_key(key)
    words = (line.split('"')[1] for line in key.read_text().splitlines())
    (it.conf / "answer").write_text("".join(f"{word}\n" for word in words))
    eve = '[[accounts]]\nid = "eve"\nrole = "user"\nbroker = "kraken"\n'
    eve += 'credentials_command = ["sh", "-c", "echo >> asked; cat answer"]\n'
    it.write(user_of_file("ben") + eve)
    await it.reloader.reload(dry_run=False)
    account = it.supervisor.accounts["eve"].config
    first = it.keys(account)

    def full(*_given: object) -> None:
        raise JournalFault("the disk is full")

    it.write(user_of_file("ben"))
    with monkeypatch.context() as while_full:
        while_full.setattr(it.journal, "add_event", full)
        with pytest.raises(JournalFault):
            await it.reloader.reload(dry_run=False)
    assert "eve" in it.supervisor.accounts
    assert it.keys(account) == first
    assert asked.read_text() == "\n", "once"
