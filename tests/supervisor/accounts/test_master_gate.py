"""Users start after their master, and hear of its loss; a shutdown is no loss."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from krakencopy.supervisor.config.model import StartupConfig
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.supervisor import Supervisor
from tests.support.idle_supervisor import idle_supervisor, set_running
from tests.support.supervisor_samples import small_config


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Supervisor]:
    config = replace(small_config("anna"), startup=StartupConfig(nonce_separation_s=5.0))
    with closing(Journal(tmp_path / "journal.db")) as journal:
        yield idle_supervisor(tmp_path, journal, config)


def codes(supervisor: Supervisor) -> list[str]:
    return [f"{event.account_id} {event.code}" for event in supervisor.journal.events_after(0, 10)]


def test_users_start_a_separation_after_the_master_is_ready(it: Supervisor) -> None:
    masters, anna = it.masters, it.accounts["anna"].config
    assert masters.gate(anna).reason == "MASTER_NOT_READY"
    assert masters.gate(it.registry.master.config).open
    set_running(it.registry.master)
    assert masters.look()
    assert not masters.look()
    assert masters.gate(anna).reason == "SEPARATION_WAIT"
    masters.use_separation(0.0)
    assert masters.gate(anna).open
    assert codes(it) == ["master MASTER_READY"]


def test_a_master_that_is_lost_is_an_event_once_and_closes_the_gate(it: Supervisor) -> None:
    assert it.masters.lost()
    link = set_running(it.registry.master)
    it.masters.look()
    assert not it.masters.lost()
    link.serving = False
    assert it.masters.look()
    assert not it.masters.look()
    assert it.masters.lost()
    assert it.masters.gate(it.accounts["anna"].config).blocked
    assert codes(it) == ["master MASTER_READY", "master MASTER_LOST"]


def test_only_another_brokers_user_is_said_to_start_without_its_master(it: Supervisor) -> None:
    anna = it.accounts["anna"].config
    it.masters.record_start(anna)
    it.masters.record_start(replace(anna, id="eve", broker="coinbase"))
    assert codes(it) == ["eve USER_WITHOUT_MASTER"]
