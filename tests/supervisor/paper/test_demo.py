"""The demonstration is an ordinary configuration, and its accounts begin with money."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from krakencopy.account_proc.contract.spec import Role
from krakencopy.supervisor.config.checks import check_state_dir
from krakencopy.supervisor.config.model import AccountConfig, Written
from krakencopy.supervisor.config.reader import parse
from krakencopy.supervisor.paper.demo import (
    DEMO_BALANCES,
    MASTER_BALANCE,
    USER_BALANCE,
    balance_of,
    demo_config,
)


def test_the_demo_is_what_this_configuration_says() -> None:
    users = "".join(
        f'[[accounts]]\nid = "{user}"\nrole = "user"\nbroker = "kraken"\n'
        for user in ("daivon_frazier", "tania_gilbert", "small_account")
    )
    written = f"""
        [exchange]
        mode = "paper"
        [[accounts]]
        id = "master"
        role = "master"
        broker = "kraken"
        strategy = "paper_demo"
        strategy_risk = "0.30"
        {users}
    """
    demo = demo_config()
    assert replace(demo, written=Written()) == replace(parse(written, "--paper"), written=Written())
    check_state_dir(demo, Path("/srv/krakencopy/data"))


def test_every_paper_account_begins_with_money() -> None:
    assert [balance_of(account) for account in demo_config().accounts] == list(DEMO_BALANCES.values())
    other = [AccountConfig(id="x", role=role, broker="kraken") for role in (Role.MASTER, Role.USER)]
    assert [balance_of(account) for account in other] == [MASTER_BALANCE, USER_BALANCE]
