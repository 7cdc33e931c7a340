"""A new process gets what is configured now, and its key from where keys are found."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest

from krakencopy.account_proc.contract.spec import CopyRules, Credentials
from krakencopy.supervisor.config.key_fingerprints import fingerprint
from krakencopy.supervisor.journal.config_changes import ROTATED, ConfigRow
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.supervisor import Supervisor
from tests.support.idle_supervisor import idle_supervisor
from tests.support.supervisor_samples import small_config


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Supervisor]:
    with closing(Journal(tmp_path / "journal.db")) as journal:
        yield idle_supervisor(tmp_path, journal, small_config("anna"))


def test_a_specification_says_where_things_are_and_which_run_it_is(it: Supervisor, tmp_path: Path) -> None:
    spec = it.launcher.spec(it.accounts["anna"].config, "i1")
    assert (spec.id, spec.instance_id, spec.epoch, spec.users) == ("anna", "i1", it.epoch, 1)
    assert spec.nonce_path == tmp_path / "kraken_nonce_user_anna.txt"
    assert spec.ledger_path == tmp_path / "accounts" / "anna.db"
    assert spec.socket_path == tmp_path / "run" / "anna.sock"
    assert (spec.rest_url, spec.ws_url, spec.paper) == ("http://127.0.0.1:1", "ws://127.0.0.1:1", True)
    assert spec.journal_id == it.journal.journal_id


def test_coins_are_named_as_they_are_called_now(it: Supervisor) -> None:
    it.names.rename_asset("MATIC", "POL", "an operator's word")
    rules = replace(CopyRules(), notional_asset="MATIC")
    anna = replace(it.accounts["anna"].config, reserve={"MATIC": Decimal(5)}, copy=rules)
    spec = it.launcher.spec(anna, "i1")
    assert (spec.reserve, spec.copy.notional_asset) == ({"POL": Decimal(5)}, "POL")


@pytest.mark.parametrize(
    ("broker", "broker_url", "rest_url", "is_ours"),
    [
        ("krakenfutures", None, "", False),
        ("coinbase", None, "", False),
        ("coinbase", "http://127.0.0.1:7", "http://127.0.0.1:7", False),
    ],
)
def test_at_another_broker_a_ledger_is_of_that_broker(
    it: Supervisor, broker: str, broker_url: str | None, rest_url: str, is_ours: bool
) -> None:
    other = replace(it.accounts["anna"].config, broker=broker, broker_url=broker_url)
    spec = it.launcher.spec(other, "i1")
    assert spec.rest_url == rest_url
    assert (spec.owner == it.place.owner) is is_ours


def test_a_process_is_started_with_its_accounts_key(it: Supervisor) -> None:
    class Spawner:
        async def spawn(self, spec: Any, credentials: Any) -> tuple[str, str]:
            return f"{spec.id} {credentials.link}", credentials.key

    it.launcher._spawner = cast("Any", Spawner())
    anna = it.accounts["anna"].config
    started = asyncio.run(it.launcher.spawn(anna, it.launcher.spec(anna, "i1"), "s1"))
    assert cast("Any", started) == ("anna s1", "key of anna")


class _Spawner:
    """Starts nothing; what it was to start."""

    def __init__(self) -> None:
        self.specs: list[Any] = []

    async def spawn(self, spec: Any, _credentials: Any) -> Any:
        self.specs.append(spec)


def _rotated_to(it: Supervisor, credentials: Credentials, digest: str) -> None:
    row = ConfigRow(0, 1.0, "ida", "root", "r", "account", "anna", ROTATED, "old", fingerprint(credentials))
    it.journal.add_config_change(row, digest)


def test_a_trial_is_beside_the_accounts_own_files(it: Supervisor, tmp_path: Path) -> None:
    spawner = _Spawner()
    it.launcher._spawner = cast("Any", spawner)
    tried = tmp_path / "kraken_nonce_user_anna.new.txt"
    tried.write_text("of a trial before")
    asyncio.run(it.launcher.spawn_trial(it.accounts["anna"].config, Credentials("k", "s")))
    (spec,) = spawner.specs
    assert (spec.checks_key, spec.nonce_path) == (True, tried)
    assert spec.log_path.name == "anna.key-trial.jsonl"
    assert not tried.exists()
    tried.touch()
    it.launcher.drop_tried_nonce(it.accounts["anna"].config)
    assert not tried.exists()


@pytest.mark.parametrize(("rotated", "taken"), [(True, True), (False, False)])
def test_the_nonces_of_a_trial_go_on_where_its_key_is_taken_and_only_there(
    it: Supervisor, tmp_path: Path, *, rotated: bool, taken: bool
) -> None:
    it.launcher._spawner = cast("Any", _Spawner())
    anna = it.accounts["anna"].config
    nonce, tried = tmp_path / "kraken_nonce_user_anna.txt", tmp_path / "kraken_nonce_user_anna.new.txt"
    nonce.write_text("old")
    tried.write_text("new")
    used = Credentials(f"key of {anna.id}", "c2VjcmV0")
    _rotated_to(it, used if rotated else Credentials("another", "c2VjcmV0"), "d")
    for _ in range(2):  # killed right behind it, it is done once
        asyncio.run(it.launcher.spawn(anna, it.launcher.spec(anna, "i"), "s"))
        assert nonce.read_text() == ("new" if taken else "old")
        assert not tried.exists()
