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

from krakencopy.account_proc.contract.spec import CopyRules
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
