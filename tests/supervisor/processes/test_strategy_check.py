"""Strategies are made once before a start: what is wrong is a fault of the configuration, with its place."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from krakencopy.account_proc.contract.spec import CopyRules, Role
from krakencopy.supervisor.config.model import AccountConfig, Config, ExchangeConfig, StartupConfig
from krakencopy.supervisor.config.reader import ConfigFaults, Mode
from krakencopy.supervisor.processes import strategy_check
from krakencopy.supervisor.processes.strategy_check import check_strategies


def config(*accounts: tuple[str | None, dict[str, Any]]) -> Config:
    return Config(
        exchange=ExchangeConfig(mode=Mode.PAPER, rest_url=None, ws_url=None, visibility_lag_s=1.0),
        startup=StartupConfig(nonce_separation_s=0.0),
        copy=CopyRules(),
        accounts=tuple(
            AccountConfig(
                id=f"user{number}", role=Role.USER, broker="kraken", strategy=name, strategy_options=options
            )
            for number, (name, options) in enumerate(accounts)
        ),
        source="krakencopy.toml",
    )


def faults(configured: Config) -> list[str]:
    with pytest.raises(ConfigFaults) as raised:
        check_strategies(configured)
    return [str(fault) for fault in raised.value.faults]


def test_a_strategy_that_can_be_made_is_no_fault() -> None:
    check_strategies(config((None, {}), ("sma_cross", {"fast": 3})))


def test_each_strategy_that_cannot_is_one_with_its_accounts_place() -> None:
    found = faults(config((None, {}), ("sma_cross", {}), ("sma_cross", {"fast": 0}), ("nobody", {})))
    assert len(found) == 2
    assert found[0].startswith('krakencopy.toml: accounts[2].strategy_options ("user2"): ')
    assert "fast must be a whole number from 1" in found[0]
    assert 'accounts[3].strategy_options ("user3"): ' in found[1]
    assert "is not installed" in found[1]


def test_without_strategies_nothing_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("it was run"))
    check_strategies(config((None, {}), (None, {})))


def test_a_check_that_ends_by_itself_is_told_by_its_last_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        strategy_check, "python_command", lambda _: ["sh", "-c", "echo first; echo last >&2; exit 3"]
    )
    (fault,) = faults(config(("sma_cross", {})))
    assert "the check of strategies ended: last" in fault
    monkeypatch.setattr(strategy_check, "python_command", lambda _: ["sh", "-c", "exit 3"])
    (fault,) = faults(config(("sma_cross", {})))
    assert "the check of strategies ended: exit code 3" in fault


def test_a_check_that_hangs_or_answers_something_else_is_a_fault_of_every_strategy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(strategy_check, "python_command", lambda _: ["echo", "hello"])
    assert len(faults(config(("sma_cross", {}), ("scripted", {})))) == 2
    monkeypatch.setattr(strategy_check, "python_command", lambda _: ["sleep", "60"])
    monkeypatch.setattr(strategy_check, "CHECK_LIMIT_S", 0.05)
    (fault,) = faults(config(("sma_cross", {})))
    assert "the check of strategies failed: " in fault
    assert "timed out" in fault
