"""Who is supervised: configured accounts in their order, with what operators wanted of them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from krakencopy.account_proc.contract.spec import Role
from krakencopy.supervisor.config.diff import compare
from krakencopy.supervisor.config.model import AccountConfig, Config
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.lifecycle.state_machine import Life, State
from krakencopy.supervisor.supervisor import Supervisor
from tests.support.idle_supervisor import idle_supervisor, set_running
from tests.support.supervisor_samples import small_config


def supervisor(journal: Journal, config: Config) -> Supervisor:
    return idle_supervisor(journal.path.parent, journal, config)


def reload(it: Supervisor, config: Config) -> None:
    difference = compare(it.config, config)
    it.registry.join_added(difference)
    it.registry.apply(difference, {})
    it.config = config


def test_accounts_are_shown_masters_first_krakens_before_others(journal: Journal) -> None:
    config = small_config("ben", "anna")
    abroad = (
        AccountConfig(id="abroad", role=Role.MASTER, broker="coinbase"),
        AccountConfig(id="aaron", role=Role.USER, broker="coinbase"),
    )
    it = supervisor(journal, replace(config, accounts=(*abroad, *config.accounts)))
    assert list(it.registry.accounts) == ["master", "abroad", "anna", "ben", "aaron"]
    assert list(it.registry.masters) == ["master", "abroad"]
    assert it.registry.master.config.id == "master"


def test_what_an_operator_wants_is_kept_across_restarts(journal: Journal) -> None:
    it = supervisor(journal, small_config("anna", "ben"))
    it.registry.set_wanted("anna", wanted=False)
    assert not it.accounts["anna"].wanted
    again = supervisor(journal, small_config("anna", "ben"))
    assert [again.accounts[name].wanted for name in ("anna", "ben")] == [False, True]
    assert again.registry.is_stopped("anna")
    again.registry.set_wanted("anna", wanted=True)
    assert again.accounts["anna"].wanted


def test_an_account_that_is_taken_out_stays_until_its_process_has_ended(journal: Journal) -> None:
    it = supervisor(journal, small_config("anna", "ben"))
    anna = it.accounts["anna"]
    set_running(anna)
    reload(it, small_config("ben"))
    assert (anna.removed, anna.wanted) == (True, False)
    assert it.registry.forget_removed() == []
    anna.life = Life(state=State.STOPPED)
    assert it.registry.forget_removed() == ["anna"]
    assert list(it.accounts) == ["master", "ben"]
    assert it.registry.process_started_at("anna") == 0.0
    it.registry.condemn("anna", "SAME_ACCOUNT", "nobody is left to hear it")


def test_one_that_moves_to_another_group_gets_a_new_process(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = small_config("anna", "ben")
    it = supervisor(journal, config)
    master, anna, ben = config.accounts
    renewed: list[str] = []
    for name in ("anna", "ben"):
        set_running(it.accounts[name])
        monkeypatch.setattr(it.accounts[name], "renew", partial(renewed.append, name))
    moved = replace(anna, group="clients")
    other = replace(ben, group="clients", copy=replace(ben.copy, max_slippage_bps=7))
    reload(it, replace(config, accounts=(master, moved, other), groups=("clients",)))
    assert [it.accounts[name].config.group for name in ("anna", "ben")] == ["clients", "clients"]
    # Which group it is in, its process must know: trading states are said for groups.
    assert renewed == ["anna", "ben"]


def test_an_account_that_comes_back_before_its_process_has_ended_is_the_same_one(journal: Journal) -> None:
    it = supervisor(journal, small_config("anna", "ben"))
    anna = it.accounts["anna"]
    it.registry.set_wanted("anna", wanted=False)
    set_running(anna)
    reload(it, small_config("ben"))
    reload(it, small_config("anna", "ben"))
    assert it.accounts["anna"] is anna
    assert (anna.removed, anna.stopped) == (False, True)
