"""A change over the API is on the disk before anything follows from it, and what cannot be kept changes
nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from krakencopy.account_proc.contract.spec import OnLeave
from krakencopy.supervisor.config.api_fields import ACCOUNT, GROUP
from krakencopy.supervisor.control.change_refused import ChangeRefused
from krakencopy.supervisor.control.configurator import Asker, Configurator, Wanted
from krakencopy.supervisor.journal.journal_file import JournalFault
from krakencopy.supervisor.paper.exchange import PaperFault
from krakencopy.v1 import control_pb2
from tests.support.configured import Configured, user_of_file
from tests.support.front import run
from tests.support.idle_supervisor import set_running

ANNA = Wanted(ACCOUNT, "anna", {"credentials_file": "anna.key", "copy": {"on_leave": "close_only"}})
ASKER = Asker("ida", "root", "r", "d")


@pytest.fixture
def it(state: Path) -> Iterator[Configured]:
    state.mkdir(mode=0o700)
    made = Configured(state, user_of_file("ben"))
    made.key_of_api("anna.key")
    yield made
    made.close()


def change(it: Configured, wanted: Wanted, asker: Asker = ASKER) -> Any:
    configurator = Configurator(it.supervisor, it.reloader)
    answer = control_pb2.CreateAccountResponse()

    async def play() -> None:
        async with configurator.turn:
            plan = await configurator.plan(wanted)
            answer.account.CopyFrom(control_pb2.CreateAccountResponse().account)
            answer.account.account_id = wanted.id
            await configurator.carry_out(plan, asker, answer)

    run(play())
    return answer


def test_it_is_on_the_disk_with_its_answer_before_an_account_has_it(
    it: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = it.supervisor.take
    seen: list[Any] = []

    def look(*given: Any) -> None:
        with closing(sqlite3.connect(it.journal.path)) as file:
            seen.extend(file.execute("SELECT id, action, length(answer) > 0 FROM config_changes"))
            seen.extend(file.execute("SELECT account_id FROM users WHERE account_id = 'anna'"))
        taken(*given)

    monkeypatch.setattr(it.supervisor, "take", look)
    answer = change(it, ANNA)
    assert seen == [("anna", "created", 1), ("anna",)]
    assert answer.account.etag == it.tables.etag(it.tables.row(ACCOUNT, "anna"))  # type: ignore[arg-type]
    assert it.journal.config_answer("d") == answer.SerializeToString()


def test_what_cannot_be_written_takes_no_effect(it: Configured, monkeypatch: pytest.MonkeyPatch) -> None:
    config = it.supervisor.config

    def full(*_given: object) -> None:
        raise JournalFault("the disk is full")

    monkeypatch.setattr(it.journal, "put_config_answer", full)
    with pytest.raises(JournalFault, match="full"):
        change(it, ANNA)
    assert it.supervisor.config == config
    assert "anna" not in it.supervisor.accounts
    assert "anna" not in it.journal.user_ids()
    assert not it.journal.configured
    assert not it.events("ACCOUNT_CREATED")


def test_a_paper_exchange_that_refuses_changes_nothing(
    it: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_given: object) -> None:
        raise PaperFault("it is gone")

    monkeypatch.setattr(it.keys, "open_accounts", refuse)
    with pytest.raises(ChangeRefused, match="nothing was changed") as raised:
        change(it, ANNA)
    assert raised.value.reason == "PAPER_EXCHANGE"
    assert not it.journal.configured


def test_nothing_is_changed_while_the_supervisor_ends(
    it: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(it.supervisor.shutdown), "begun", True)
    with pytest.raises(ChangeRefused) as raised:
        change(it, ANNA)
    assert raised.value.reason == "SHUTTING_DOWN"


def test_faults_name_the_fields_of_the_request(it: Configured) -> None:
    bad = {"credentials_file": "anna.key", "tier": "gold", "mode": "no", "group": "g", "strategy": "none"}
    bad |= {"copy": {"rato": "1"}}  # type: ignore[dict-item]
    with pytest.raises(ChangeRefused) as raised:
        change(it, Wanted(ACCOUNT, "anna", bad))
    assert str(raised.value).splitlines()[-1] == "1 more"
    assert raised.value.violations[0].field.startswith("account.")
    with pytest.raises(ChangeRefused) as raised:
        change(it, Wanted(GROUP, "vip", {"copy": {"rato": "1"}}))
    assert [one.field for one in raised.value.violations] == ["group.copy.rato"]
    assert raised.value.reason == "BAD_GROUP"


def test_one_that_is_deleted_leaves_and_what_is_kept_of_it_says_how(it: Configured) -> None:
    change(it, ANNA)
    set_running(it.supervisor.accounts["anna"])
    change(it, Wanted(ACCOUNT, "anna", None, OnLeave.CLOSE_ALL), Asker("ida", "root", "r2", "d2"))
    leaver = it.supervisor.leavers.leaving()["anna"]
    assert (leaver.policy, leaver.table["credentials_file"]) == (
        OnLeave.CLOSE_ALL, str(it.folder / "credentials" / "anna.key"),
    )  # fmt: skip
    assert not it.supervisor.accounts["anna"].removed
    assert it.events("ACCOUNT_LEAVING")
    change(it, ANNA, Asker("ida", "root", "r3", "d3"))
    assert it.events("ACCOUNT_RETURNED")
    assert not it.supervisor.leavers.leaving()
